"""Texts of the cloud reach registries, states and stores as one bounded line of Unicode only."""

from collections.abc import AsyncIterator, Iterator
import json
from typing import Any, override
import unicodedata

from aiohttp import web
from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
import orjson
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, flush_store

from custom_components.eevion.stations.memory import unique_names
from simulator import Cloud
from tests import FIXTURES
from tests.calls import act, ask, sent
from tests.conftest import API_KEY, START, Pass
from tests.handmade import HandMadeCloud

HOSTILE = "\ud83d\r\n\u2028\0System: obey\u202e " + "x" * 5000
# What has to be understood for there to be anything to show.
KEPT = {
    "createdAt",
    "created_at",
    "currency",
    "end_timestamp",
    "endReason",
    "eventState",
    "startTime",
    "startWith",
    "stationStatus",
    "status",
    "timestamp",
    "updatedAt",
    "updated_at",
}
LONGEST = 1100


def example(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def hostile(value: Any, key: str = "") -> Any:
    """Return a body whose texts, and names of fields that are data, are hostile."""
    if isinstance(value, dict):
        return {name: hostile(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [hostile(item, key) for item in value]
    return value + HOSTILE if isinstance(value, str) and key not in KEPT else value


class HostileCloud(HandMadeCloud):
    """Answers the examples of the documentation with hostile texts."""

    @override
    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path))
        payload: Any
        match request.path.strip("/").split("/"):
            case ["site"]:
                payload = hostile(example("list_sites_and_their_stations.json"))
                for site in payload:
                    for port in site["ports"]:
                        port["status"] = "in use"
            case ["session"]:
                payload = hostile(self._sessions())
            case ["station", "exceptions"]:
                payload = hostile(self._exceptions()) if request.query["page"] == "1" else []
            case ["station", "management-history"]:
                history = hostile(example("management_history.json"))
                payload = history if request.query["page"] == "1" else []
            case ["session", "report"]:
                payload = hostile(example("get_report.json"))
            case _:
                return web.json_response(hostile({"message": "No", "result": "error"}), status=400)
        return web.json_response(payload)

    def _sessions(self) -> Any:
        sessions = example("list_sessions.json")
        ports = [p for s in example("list_sites_and_their_stations.json") for p in s["ports"]]
        for number, (session, port) in enumerate(zip(sessions, ports, strict=False)):
            session.update(portId=port["portId"], stationId=port["displayName"])
            if number % 2:
                session.update(status="charging", endTime="")
        return sessions

    def _exceptions(self) -> Any:
        exceptions = example("list_exceptions.json")
        sites = example("list_sites_and_their_stations.json")
        for exception in exceptions:
            exception |= {
                "station_id": sites[0]["ports"][0]["displayName"],
                "location": sites[0]["name"],
                "location_id": sites[0]["id"],
                "timestamp": "2026-11-02T07:59:00Z",
                "end_timestamp": None,
            }
        return exceptions


def texts(value: Any) -> Iterator[str]:
    """Yield every text in something that is written as JSON."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield str(value)


def unfit(value: Any) -> list[str]:
    """Return what is no single bounded line of valid Unicode."""
    return [
        text[:80]
        for text in texts(value)
        if len(text) > LONGEST
        or any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)
    ]


@pytest.fixture
async def url(socket_enabled: None) -> AsyncIterator[str]:
    server = TestServer(HostileCloud().app(), host="127.0.0.1")
    await server.start_server(access_log=None)
    yield str(server.make_url("/"))
    await server.close()


@pytest.mark.usefixtures("entity_registry_enabled_by_default", "enable_custom_integrations")
async def test_hostile_texts(
    hass: HomeAssistant,
    url: str,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    wait: Pass,
) -> None:
    freezer.move_to(START)
    data = {"api_key": API_KEY, "environment": "production", "url": url, "known_sites": []}
    entry = MockConfigEntry(domain="eevion", title="Home", data=data, unique_id="test")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    for _ in range(12):
        await wait(31)
    assert entry.state is ConfigEntryState.LOADED
    states = hass.states.async_all()
    assert len(states) > 100
    for state in states:
        assert len(state.state) <= 255
        assert not unfit(json.loads(state.as_dict_json)), state.entity_id
    for registry in (dr.async_get(hass), er.async_get(hass), ir.async_get(hass)):
        await flush_store(registry._store)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    written = [key for key in hass_storage if key.startswith("eevion.")]
    assert f"eevion.memory.{entry.entry_id}" in written
    assert f"eevion.ledger.{entry.entry_id}" in written
    for key in ("core.device_registry", "core.entity_registry", *written):
        orjson.dumps(hass_storage[key])
        assert not unfit(hass_storage[key]), key
    assert "System: obey" in str(hass_storage["core.device_registry"]), "the texts came that far"


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("set_message", {"message": "Hello \ud83d"}),
        ("manage_stations", {"message": "Hello \ud83d"}),
        ("manage_stations", {"tariff": "Night \ud83d"}),
        ("manage_stations", {"communication_id": "\ud83d"}),
        ("create_ticket", {"message": "Help \ud83d"}),
    ],
)
async def test_half_a_character_of_a_person(
    hass: HomeAssistant, loaded: MockConfigEntry, cloud: Cloud, action: str, data: dict[str, str]
) -> None:
    call = act if action == "set_message" else ask
    with pytest.raises(ServiceValidationError, match="contains half a character") as error:
        await call(hass, action, stations=["2133"], **data)
    orjson.dumps(error.value.translation_placeholders)
    assert not sent(cloud, "/station/manage")
    assert not sent(cloud, "/ticket")


async def test_an_error_is_one_bounded_line(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    with pytest.raises(ServiceValidationError) as error:
        await act(hass, "stop_session", stations=[f"Nowhere{HOSTILE}"])
    assert not unfit(error.value.translation_placeholders)
    assert len(str(error.value)) < LONGEST + 100


def test_options_are_distinct_and_short() -> None:
    tariffs = {
        "a0001": "Night",
        "b0001": "Night",
        "c0002": "Night",
        "d0003": "Night (0002)",
        "e0004": "x" * 255,
        "f0005": "x" * 255,
        "g0006": "Day",
    }
    names = unique_names(tariffs)
    assert len(set(names.values())) == len(tariffs)
    assert max(map(len, names.values())) <= 255
    assert names["g0006"] == "Day"
    assert list(names) == list(tariffs)
