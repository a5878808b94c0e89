"""Every field of the documentation's examples is shown where `docs/fields.md` says."""

from collections.abc import Iterator
import json
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests import ROOT
from tests.calls import ask
from tests.conftest import Pass
from tests.handmade import HandMadeCloud

FIXTURES = ROOT / "tests/fixtures"

# The object that an example is, or a list of, as the headings of the page name it.
OBJECTS = {
    "create_ticket": "ticket",
    "create_ticket.request": "ticket, request",
    "energy_management": "limits",
    "energy_management.request": "limits, request",
    "get_a_session": "session",
    "get_a_session_error": "unknown session",
    "get_a_site_and_its_stations": "site",
    "get_a_station": "station",
    "get_report": "report",
    "get_report.request": "report, request",
    "list_exceptions": "exception",
    "list_sessions": "session",
    "list_sessions.request": "list of sessions, request",
    "list_sites_and_their_stations": "site",
    "manage_stations": "queued job",
    "manage_stations.request": "job, request",
    "management_history": "job",
    "start_a_session": "session",
    "start_a_session.request": "start, request",
    "start_a_session_error": "refused start",
    "stop_a_session": "session",
    "stop_a_session.request": "stop, request",
    "webhook_exceptions": "webhook of exceptions",
    "webhook_job_finished": "job",
}
# Objects within others that have a heading of their own.
WITHIN = {
    ("site", "ports"): "station",
    ("station", "location"): "site",
    ("webhook of exceptions", "content"): "exception",
}
# Objects whose keys are ids.
BY_ID = {("job", "content.originalValues")}

type Field = tuple[str, str]
"""An object and the path of a field in it."""


def example(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))


def fields(about: str, value: Any, path: str = "") -> Iterator[Field]:
    """Yield the fields of an object that are neither objects nor lists of them."""
    if (about, path) in WITHIN:
        about, path = WITHIN[about, path], ""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from fields(about, item, f"{path}[]" if path else "")
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            name = "*" if (about, path) in BY_ID else key
            yield from fields(about, item, f"{path}.{name}" if path else name)
    else:
        yield about, path


def fields_of_examples() -> set[Field]:
    found = {field for name, about in OBJECTS.items() for field in fields(about, example(name))}
    # An empty list of objects is no field of its own where another example fills it.
    return {
        (about, path)
        for about, path in found
        if not any(a == about and p.startswith((f"{path}[", f"{path}.")) for a, p in found)
    }


def table() -> dict[Field, tuple[str, str]]:
    """Return where each field is shown, and why it is left out, as the page says it."""
    rows: dict[Field, tuple[str, str]] = {}
    about = ""
    for line in (ROOT / "docs/fields.md").read_text("utf-8").splitlines():
        about = line.removeprefix("## ") if line.startswith("## ") else about
        if match := re.fullmatch(r"\| `([^`]+)` \| (.*?) ?\| (.*?) ?\|", line):
            field = about, match[1]
            assert field not in rows, field
            rows[field] = match[2], match[3]
    return rows


TABLE = table()
PLACES = {place for where, _ in TABLE.values() for place in re.findall("`(.+?)`", where)}


def test_every_example_is_read() -> None:
    assert OBJECTS.keys() == {path.stem for path in FIXTURES.glob("*.json")}


def test_no_field_is_missing_and_none_is_invented() -> None:
    known = fields_of_examples()
    assert known - TABLE.keys() == set(), "add a row to docs/fields.md"
    assert TABLE.keys() - known == set(), "no example has these"


@pytest.mark.parametrize("field", TABLE, ids=": ".join)
def test_each_is_shown_or_left_out_for_a_reason(field: Field) -> None:
    where, reason = TABLE[field]
    assert bool(where) is not bool(reason)
    assert re.fullmatch(r"(`[\w.]+(: [\w.\[\]]+)?`(, |$))*", where)
    assert not reason or len(reason.split()) > 3


@pytest.fixture
def hand() -> HandMadeCloud:
    """Return a cloud that answers with the examples, as far as ids allow."""
    hand = HandMadeCloud()
    sites = example("list_sites_and_their_stations")
    hand.sites = 200, sites
    hand.others = {
        "/session/report": (200, example("get_report")),
        "/station/management-history": (200, example("management_history")),
        "/station/manage": (200, example("manage_stations")),
        "/ticket": (200, example("create_ticket")),
    }
    for site in sites:
        hand.others[f"/site/{site['id']}"] = 200, example("get_a_site_and_its_stations") | site
        for port in site["ports"]:
            # As in other examples: none of these could be started.
            port |= {"status": "available", "isSharedPower": True}
            hand.others[f"/station/{port['displayName']}"] = 200, port | {"location": site}
    return hand


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield all paths of an answer or of attributes."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from paths(item, f"{path}[]")


def at(port: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return the session of an example at a port."""
    return row | {"portId": port["portId"], "stationId": port["displayName"]}


@pytest.fixture
async def answers(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
) -> dict[str, dict[str, Any]]:
    """Let sessions and an exception begin, and return the responses of actions."""
    ports = [port for site in hand.sites[1] for port in site["ports"]]
    first, second = ports[:2]
    dc = next(port for port in ports if port["level"] == 3)
    taxes = {"taxes": example("stop_a_session")["taxes"]}
    charging, ended = example("list_sessions")[0], at(second, example("get_a_session") | taxes)
    hand.sessions = 200, [at(first, charging), ended]
    hand.lookups[ended["sessionId"]] = 200, ended
    started = at(dc, example("start_a_session"))
    hand.start = hand.lookups[started["sessionId"]] = 200, started
    name = first["displayName"]
    await wait(30)
    exception = example("list_exceptions")[0] | {"station_id": name, "location_id": None}
    hand.others["/station/exceptions"] = 200, [exception]
    await wait(300)
    asked: dict[str, dict[str, Any]] = {
        "start_session": {"stations": dc["displayName"]},
        "get_sessions": {},
        "get_session": {"session_id": ended["sessionId"]},
        "get_station": {"stations": name},
        "get_site": {"stations": name},
        "get_report": {"start": "2026-10-01 00:00:00"},
        "get_exceptions": {},
        "get_management_history": {},
        "manage_stations": {"stations": name, "message": "Hello"},
    }
    return {action: await ask(hass, action, **data) for action, data in asked.items()}


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
async def test_each_place_exists(
    hass: HomeAssistant, account: MockConfigEntry, answers: dict[str, dict[str, Any]]
) -> None:
    existing = {f"{action}: {path}" for action, answer in answers.items() for path in paths(answer)}
    for action, service in hass.services.async_services_for_domain("eevion").items():
        assert service.schema
        existing |= {f"{action}: {marker}" for marker in service.schema.schema}
    for entity in er.async_entries_for_config_entry(er.async_get(hass), account.entry_id):
        where = f"{entity.domain}.{entity.translation_key}"
        existing.add(where)
        state = hass.states.get(entity.entity_id)
        assert state, entity.entity_id
        existing |= {f"{where}: {path}" for path in paths(dict(state.attributes))}
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), account.entry_id):
        properties = ("name", "model", "identifiers")
        existing |= {f"device: {key}" for key in properties if getattr(device, key)}
    texts = json.loads((ROOT / "custom_components/eevion/translations/en.json").read_text("utf-8"))
    existing |= {f"error: {key}" for key in texts["exceptions"]}
    assert PLACES - existing == set()


# The responses in which a change of a field must show, with the example that is changed.
RESPONSES = {
    "get_session": ("session", ""),
    "get_sessions": ("session", "sessions[]."),
    "get_station": ("station", ""),
    "get_site": ("site", ""),
    "get_report": ("report", "rows[]."),
    "get_exceptions": ("exception", "exceptions[]."),
    "get_management_history": ("job", "jobs[]."),
}
# These cannot show a change of their own.
FOLLOWS = {
    ("site", "id"): "the request names it",
    ("session", "sessionId"): "the request names it",
    ("session", "location.name"): "the name of the site counts",
    ("station", "displayName"): "the request names it",
    ("station", "portId"): "the request names it",
    ("job", "content.portIds"): "the names of the stations go first",
    ("job", "stations"): "the names of the stations go first",
}
OTHER_VALUES = (
    *("complete", "Faulted", "iOS", "Remote", "USD", "queued", "failed", "offline", "word"),
    *(50, True, False, ["word"], [{"key": 1}], "2025-01-01T00:00:00Z", 1_735_689_600_000),
    [{"limitType": "sessionTime", "limitValue": 60}],
)


def with_value(row: Any, path: str, value: Any) -> Any:
    """Return a copy of a row with another value; of lists and of keys that are ids the first."""
    copy = inner = json.loads(json.dumps(row))
    *parents, last = path.replace("[]", ".0").split(".")
    for name in parents:
        if isinstance(inner, list):
            inner = inner[0]
            continue
        inner = inner[next(iter(inner)) if name == "*" else name]
    (inner[0] if isinstance(inner, list) else inner)[last] = value
    return copy


def at_path(answer: Any, path: str) -> Any:
    for name in path.replace("[]", ".0").split("."):
        if isinstance(answer, list):
            answer = answer[0] if answer else None
        elif isinstance(answer, dict):
            answer = answer.get(name)
    return answer


def shown_fields() -> Iterator[tuple[Field, str, str]]:
    """Yield the fields that a response shows, with the action and the path in its response."""
    for field, (where, _) in TABLE.items():
        for action, path in re.findall(r"`(\w+): ([^`]+)`", where):
            about, rows = RESPONSES.get(action, ("", ""))
            if about == field[0] and path.startswith(rows) and field not in FOLLOWS:
                yield field, action, path


def example_rows(ac: dict[str, Any]) -> dict[str, Any]:
    """Return a row of each kind, with all that another example of its kind has."""
    session = example("list_sessions")[0]
    session |= {"taxes": example("stop_a_session")["taxes"]}
    session["tariff"] |= example("get_a_session")["tariff"]
    ids = {"portId": ac["portId"], "displayName": ac["displayName"]}
    return {
        "session": at(ac, session),
        "station": example("get_a_station") | ids,
        "site": example("get_a_site_and_its_stations"),
        "report": example("get_report")[0],
        "exception": example("list_exceptions")[0],
        "job": example("management_history")[0],
    }


async def test_a_changed_field_changes_its_place(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Whatever another value of a field is, the response that shows it is another one."""
    site = hand.sites[1][0]
    port = site["ports"][0]
    name = port["displayName"]
    rows = example_rows(port)
    rows["site"]["id"] = site["id"]
    asked = {
        "get_session": {"session_id": rows["session"]["sessionId"]},
        "get_station": {"stations": name},
        "get_site": {"stations": name},
        "get_report": {"start": "2026-10-01 00:00:00"},
    }

    async def answer(action: str, row: Any) -> Any:
        # The budget of the key is not the question here.
        freezer.tick(2)
        hand.sessions = 200, [row]
        hand.lookups[rows["session"]["sessionId"]] = 200, row
        hand.others |= {
            f"/station/{name}": (200, row),
            f"/site/{site['id']}": (200, row),
            "/session/report": (200, [row]),
            "/station/exceptions": (200, [row]),
            "/station/management-history": (200, [row]),
        }
        return await ask(hass, action, **asked.get(action, {}))

    unseen = []
    for field, action, path in shown_fields():
        row = rows[field[0]]
        before = at_path(await answer(action, row), path)
        for value in OTHER_VALUES:
            changed = await answer(action, with_value(row, field[1], value))
            if at_path(changed, path) != before:
                break
        else:
            unseen.append((field, action, path))
    assert not unseen
