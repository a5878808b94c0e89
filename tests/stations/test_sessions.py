"""Sessions, as answers about them come and go: what is older, wrong, missing or late."""

from datetime import datetime, timedelta
import gc
from typing import Any

from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.stations import StationState
from tests.conftest import START, Pass
from tests.handmade import HandMadeCloud, session, shown, site

NOT_ALLOWED = {
    "result": "error",
    "error": "invalidRequest",
    "message": "That station is not allowed",
}
ACTIVE_S = 5
IDLE_S = 31


pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def hand() -> HandMadeCloud:
    """Return a cloud with a session at each of three stations."""
    cloud = HandMadeCloud()
    cloud.sites = (200, [site("A", "B", "C")])
    cloud.sessions = (200, [session(f"at {port}", port) for port in "ABC"])
    return cloud


@pytest.fixture
def events(hass: HomeAssistant, account: MockConfigEntry) -> list[str]:
    """Return the types of the session events of station A, as they come."""
    entity_id = er.async_get(hass).async_get_entity_id("event", "eevion", "A_session")
    found: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if event.data["entity_id"] == entity_id and (state := event.data["new_state"]):
            found.append(state.attributes["event_type"])

    hass.bus.async_listen("state_changed", note)
    return found


def at(seconds: float) -> str:
    return (datetime.fromisoformat(START) + timedelta(seconds=seconds)).isoformat()


def charging(hass: HomeAssistant) -> str:
    """Return which stations charge."""
    return "".join(port for port in "ABC" if shown(hass, port, "switch.charging") == "on")


async def test_an_older_list_changes_nothing(
    hass: HomeAssistant,
    hand: HandMadeCloud,
    account: MockConfigEntry,
    events: list[str],
    wait: Pass,
) -> None:
    def listed(energy: int, updated: float, **fields: Any) -> tuple[int, Any]:
        return 200, [session("at A", "A", energy=energy, updatedAt=at(updated), **fields)]

    hand.sessions = listed(158, 0)
    await wait(ACTIVE_S)
    seen = []
    for answer in (
        listed(0, -60, status="authorizing", stationStatus="Preparing"),
        listed(199, 4),
        listed(10, -30),
        listed(210, 8),
    ):
        hand.sessions = answer
        await wait(ACTIVE_S)
        seen.append(shown(hass, "A", "sensor.session_energy"))
    assert seen == ["0.158", "0.199", "0.199", "0.21"]
    assert not events


async def test_the_states_of_former_polls_are_not_kept(
    hass: HomeAssistant, hand: HandMadeCloud, account: MockConfigEntry, wait: Pass
) -> None:
    """An entity that is not written for weeks holds no session of then."""
    values = {"energy": 500, "cost": 2, "stationStatus": "SuspendedEV", "vehicle": "Car"}
    changes: dict[str, Any] = {}
    for name, value in values.items():
        changes[name] = value
        hand.sessions = (200, [session(f"at {port}", port, **changes) for port in "ABC"])
        await wait(ACTIVE_S)
    gc.collect()
    kept = [found.port.port_id for found in gc.get_objects() if isinstance(found, StationState)]
    assert sorted(kept) == ["A", "B", "C"]


PREMATURE = {
    "not allowed": (400, NOT_ALLOWED),
    "complete": (200, session("at A", "A", status="complete")),
    "complete in the future": (
        200,
        session("at A", "A", status="complete", endTime=at(0), updatedAt=at(90)),
    ),
    "unknown word with an end": (200, session("at A", "A", status="suspended", endTime=at(0))),
}


@pytest.mark.parametrize("is_dated", [True, False])
@pytest.mark.parametrize("answer", PREMATURE.values(), ids=PREMATURE)
async def test_a_session_that_was_ended_too_early(
    hass: HomeAssistant,
    hand: HandMadeCloud,
    account: MockConfigEntry,
    wait: Pass,
    answer: tuple[int, Any],
    is_dated: bool,
) -> None:
    """A later list that calls it active counts, however often that happens."""
    others = [session(f"at {port}", port) for port in "BC"]
    for count in range(1, 4):
        hand.sessions = (200, others)
        hand.lookups = {"at A": answer}
        await wait(IDLE_S)
        assert charging(hass) == "BC"
        date = {"updatedAt": at(count * 100)} if is_dated else {}
        hand.sessions = (200, [session("at A", "A", energy=1000 * count, **date), *others])
        for _ in range(8):
            await wait(ACTIVE_S)
        assert charging(hass) == "ABC"
        assert shown(hass, "A", "sensor.session_energy") == f"{count}.0"


@pytest.mark.parametrize(
    "row",
    [
        session("at A", "A", status="suspended", endTime=at(0)),
        session("at A", "A", status="complete", endTime=at(0)),
    ],
    ids=["unknown word with an end", "complete"],
)
async def test_a_list_that_calls_a_session_ended_too_early(
    hass: HomeAssistant, hand: HandMadeCloud, account: MockConfigEntry, wait: Pass, row: Any
) -> None:
    _, good = hand.sessions
    hand.sessions = (200, [row])
    await wait(IDLE_S)
    assert shown(hass, "A", "switch.charging") == "off"
    hand.sessions = (200, good)
    await wait(IDLE_S)
    assert charging(hass) == "ABC"


FAILING = {
    "server error": (500, {"message": "Oops"}),
    "forbidden": (403, {}),
    "html": (200, "<html>"),
    "nonsense": (200, {"sessionId": ""}),
}


@pytest.mark.parametrize("answer", FAILING.values(), ids=FAILING)
async def test_a_look_up_that_fails_holds_up_no_other(
    hass: HomeAssistant,
    hand: HandMadeCloud,
    account: MockConfigEntry,
    wait: Pass,
    answer: tuple[int, Any],
) -> None:
    """It is tried again after growing pauses; until it succeeds its session goes on."""
    hand.sessions = (200, [])
    hand.lookups = {
        "at A": answer,
        "at B": (200, session("at B", "B", status="complete")),
        "at C": (200, session("at C", "C", status="complete")),
    }
    await wait(IDLE_S)
    assert charging(hass) == "A"
    hand.requests.clear()
    for _ in range(120):
        await wait(ACTIVE_S)
    # The ledger looks it up once a minute as well.
    assert 3 <= hand.sent("GET", "/session/at A") <= 20
    assert hand.sent("POST", "/session") > 100
    hand.lookups["at A"] = (200, session("at A", "A", status="complete"))
    for _ in range(2):
        await wait(1800)
    assert charging(hass) == ""


async def test_a_session_that_failed_to_be_looked_up_and_is_listed_again(
    hass: HomeAssistant, hand: HandMadeCloud, account: MockConfigEntry, wait: Pass
) -> None:
    """The next time it is missing, the pauses begin anew."""
    good = hand.sessions
    hand.lookups = {"at A": (500, {})}
    for _ in range(2):
        hand.sessions = (200, [session(f"at {port}", port) for port in "BC"])
        hand.requests.clear()
        for _ in range(20):
            await wait(ACTIVE_S)
        # The ledger looks it up once a minute as well.
        assert 4 <= hand.sent("GET", "/session/at A") <= 7
        hand.sessions = good
        await wait(ACTIVE_S)


async def test_many_missing_sessions_of_which_some_fail(
    hass: HomeAssistant, hand: HandMadeCloud, account: MockConfigEntry, wait: Pass
) -> None:
    """Those that failed leave the others their turn."""
    ports = [f"{number}" for number in range(20)]
    hand.sites = (200, [site(*ports)])
    hand.sessions = (200, [session(f"at {port}", port) for port in ports])
    for _ in range(2):
        await wait(IDLE_S)
    hand.sessions = (200, [])
    for port in ports[:15]:
        hand.lookups[f"at {port}"] = (500, {})
    for port in ports[15:]:
        hand.lookups[f"at {port}"] = (200, session(f"at {port}", port, status="complete"))
    for _ in range(6):
        await wait(ACTIVE_S)
    states = [shown(hass, port, "switch.charging") for port in ports]
    assert states == ["on"] * 15 + ["off"] * 5


@pytest.mark.parametrize("row", [{"portId": "A"}, None, {"sessionId": ["at A"], "portId": "A"}])
async def test_a_row_that_cannot_be_read_ends_no_session(
    hass: HomeAssistant, hand: HandMadeCloud, account: MockConfigEntry, wait: Pass, row: Any
) -> None:
    hand.lookups = {"at A": (200, session("at A", "A"))}
    hand.sessions = (200, [row, *hand.sessions[1][1:]])
    for _ in range(4):
        await wait(ACTIVE_S)
    assert charging(hass) == "ABC"
    hand.lookups = {"at A": (200, session("at A", "A", status="complete"))}
    for _ in range(8):
        await wait(ACTIVE_S)
    assert charging(hass) == "BC"


async def test_a_site_or_port_that_cannot_be_read_once(
    hass: HomeAssistant, hand: HandMadeCloud, account: MockConfigEntry, wait: Pass
) -> None:
    """Its station and session stay; only where that lasts it becomes unavailable."""
    good = hand.sites
    for spoiled in ([{"id": "site", "ports": [{"displayName": "A"}, *site("B")["ports"]]}], [None]):
        hand.sites = (200, [*spoiled, {**site("D"), "id": "other", "name": "Other"}])
        await wait(IDLE_S)
        assert charging(hass) == "ABC"
        hand.sites = good
        await wait(IDLE_S)
        assert charging(hass) == "ABC"
    hand.sites = (200, [site("B", "C"), None])
    for _ in range(4):
        await wait(IDLE_S)
    assert shown(hass, "A", "switch.charging") == "unavailable"
    assert charging(hass) == "BC"
