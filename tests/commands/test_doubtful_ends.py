"""Commands where a session counts as ended, and may go on all the same."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest

from tests.conftest import Pass
from tests.handmade import Answer, HandMadeCloud, session, shown, site

pytestmark = pytest.mark.usefixtures("account")

NOT_ALLOWED = {
    "result": "error",
    "error": "invalidRequest",
    "message": "That station is not allowed",
}
STOP = ("PATCH", "/session/S/stop")
CHARGING = session("S", "A")
COMPLETE = session("S", "A", status="complete", endTime="2026-11-02T08:00:00Z")
SUSPENDED = CHARGING | {"status": "suspended", "endTime": "2026-11-02T23:00:00Z"}


@pytest.fixture
def hand() -> HandMadeCloud:
    cloud = HandMadeCloud()
    cloud.sites = (200, [site("A")])
    cloud.sessions = (200, [CHARGING])
    cloud.stop = lambda _: (200, {"sessionId": "S", "portId": "A", "status": "complete"})
    return cloud


async def turn(hass: HomeAssistant, to: str) -> None:
    entity_id = er.async_get(hass).async_get_entity_id("switch", "eevion", "A_charging")
    data = {"entity_id": entity_id}
    await hass.services.async_call("switch", f"turn_{to}", data, blocking=True)


def wrongly_ended(hand: HandMadeCloud, lookup: Answer) -> None:
    """Let the list lack the session, and its look-up say that it is no more."""
    hand.sessions = (200, [])
    hand.lookups["S"] = lookup


@pytest.mark.parametrize(
    "lookup", [(400, NOT_ALLOWED), (404, {"message": "Not Found"}), (200, COMPLETE)]
)
async def test_a_stop_reaches_a_session_that_one_lookup_reported_ended(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass, lookup: Answer
) -> None:
    wrongly_ended(hand, lookup)
    await wait(5)
    await turn(hass, "off")
    assert hand.sent(*STOP) == 1
    await wait(5)
    assert shown(hass, "A", "switch.charging") == "off"


async def test_a_stop_reaches_a_session_of_an_unknown_status(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass
) -> None:
    hand.sessions = (200, [SUSPENDED])
    await wait(5)
    await turn(hass, "off")
    assert hand.sent(*STOP) == 1


async def test_a_stop_of_a_session_that_is_back_in_the_list(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass
) -> None:
    """The newest list is of just now; a newer one is looked at all the same."""
    wrongly_ended(hand, (400, NOT_ALLOWED))
    await wait(5)
    hand.sessions = (200, [CHARGING])
    await turn(hass, "off")
    assert hand.sent(*STOP) == 1


@pytest.mark.parametrize(
    "lookup", [(400, NOT_ALLOWED), (404, {"message": "Not Found"}), (200, COMPLETE)]
)
async def test_a_refused_stop_of_a_session_that_goes_on_is_no_success(
    hass: HomeAssistant, hand: HandMadeCloud, lookup: Answer
) -> None:
    hand.stop = lambda _: (400, {"result": "error", "message": "The station is busy"})
    hand.lookups["S"] = lookup
    with pytest.raises(HomeAssistantError, match="The station is busy"):
        await turn(hass, "off")
    assert shown(hass, "A", "switch.charging") == "on"


async def test_a_refused_stop_that_nothing_confirms_is_no_success(
    hass: HomeAssistant, hand: HandMadeCloud
) -> None:
    """The list lacks the session and the look-up does not find it: neither says that it ended."""
    hand.stop = lambda _: (400, {"result": "error", "message": "The station is not connected"})
    wrongly_ended(hand, (400, NOT_ALLOWED))
    with pytest.raises(HomeAssistantError, match="The station is not connected"):
        await turn(hass, "off")


async def test_a_stop_that_comes_too_late_is_a_success(
    hass: HomeAssistant, hand: HandMadeCloud
) -> None:
    hand.stop = lambda _: (400, {"result": "error", "message": "The session is already complete"})
    wrongly_ended(hand, (200, COMPLETE))
    await turn(hass, "off")
    assert hand.sent(*STOP) == 1
    assert shown(hass, "A", "switch.charging") == "off"


async def test_a_session_whose_end_a_list_confirms_is_not_stopped_again(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass
) -> None:
    hand.sessions = (200, [COMPLETE | {"stationStatus": "Finishing"}])
    await wait(5)
    await turn(hass, "off")
    assert hand.sent(*STOP) == 0


async def test_a_stop_where_the_station_reports_charging(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass
) -> None:
    """Energy flows, though the list calls the session complete."""
    hand.sessions = (200, [COMPLETE])
    await wait(5)
    await turn(hass, "off")
    assert hand.sent(*STOP) == 1


@pytest.mark.parametrize("is_listed_again", [True, False])
async def test_a_start_first_checks_whether_the_session_is_active(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass, is_listed_again: bool
) -> None:
    wrongly_ended(hand, (400, NOT_ALLOWED))
    await wait(5)
    assert shown(hass, "A", "switch.charging") == "off"
    if is_listed_again:
        hand.sessions = (200, [CHARGING])
    else:
        hand.lookups["S"] = (200, CHARGING)
    hand.requests.clear()
    await turn(hass, "on")
    assert shown(hass, "A", "switch.charging") == "on"
    assert hand.sent("POST", "/session") == 1, "the list alone, and no start"


async def test_a_start_whose_check_fails_does_not_start(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass
) -> None:
    wrongly_ended(hand, (400, NOT_ALLOWED))
    await wait(5)
    hand.sessions = (500, "oops")
    with pytest.raises(HomeAssistantError, match="could not be understood"):
        await turn(hass, "on")


@pytest.mark.parametrize("answer", [COMPLETE, {"sessionId": "T", "endTime": "2026-11-02"}])
async def test_a_start_that_shows_no_session_is_no_success(
    hass: HomeAssistant, hand: HandMadeCloud, wait: Pass, answer: dict[str, Any]
) -> None:
    hand.sites = (200, [site("A", status="available")])
    hand.sessions = (200, [COMPLETE | {"stationStatus": "Preparing"}])
    await wait(31)
    hand.start = (200, answer)
    with pytest.raises(HomeAssistantError, match="lists no active session at station A"):
        await turn(hass, "on")
    assert shown(hass, "A", "switch.charging") == "off"
