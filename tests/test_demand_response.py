"""Demand-response events of a session: in progress, upcoming and over."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.calls import ask
from tests.conftest import Pass
from tests.handmade import HandMadeCloud, session, shown, site

HOUR_MS = 3_600_000
NOW_MS = 1_793_606_400_000  # START


@pytest.fixture
def hand() -> HandMadeCloud:
    hand = HandMadeCloud()
    hand.sites = 200, [site("P1")]
    return hand


def event(state: Any, begins_h: float, ends_h: float | None) -> dict[str, Any]:
    return {
        "eventState": state,
        "eventType": "openADRSimple",
        "eventPowerLimitWatts": 2000,
        "eventStartTime": NOW_MS + begins_h * HOUR_MS,
        "eventEndTime": 0 if ends_h is None else NOW_MS + ends_h * HOUR_MS,
    }


def attribute(hass: HomeAssistant) -> list[dict[str, Any]] | None:
    entity_id = er.async_get(hass).async_get_entity_id(
        "binary_sensor", "eevion", "P1_demand_response"
    )
    assert entity_id
    state = hass.states.get(entity_id)
    assert state
    events: list[dict[str, Any]] | None = state.attributes.get("events")
    return events


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (event("active", -1, 1), "active"),
        (event("queued", -1, None), "queued"),
        (event("upcoming", 1, 2), "upcoming"),
        (event("Completed", -2, -1), "completed"),
        (event("scheduled", 1, 2), "upcoming"),
        (event("", 1, None), "upcoming"),
        (event("over and out", -2, -1), "completed"),
        (event(None, -2, -1), "completed"),
        (event("scheduled", -1, None), None),
        ({"eventState": ["active"], "eventStartTime": "soon", "eventEndTime": {}}, None),
        ({}, None),
    ],
)
async def test_states(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    sent: dict[str, Any],
    state: str | None,
) -> None:
    """A word that is not known follows from the times; only an active event limits."""
    hand.sessions = 200, [session("S", "P1", demandResponse=[sent])]
    await wait(30)
    (found,) = (await ask(hass, "get_sessions"))["sessions"][0]["demand_response"]
    assert found["state"] == state
    assert attribute(hass) == [found]
    assert shown(hass, "P1", "binary_sensor.demand_response") == (
        "on" if state == "active" else "off"
    )


async def test_an_event_that_comes_and_goes(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    for n, state in enumerate(["upcoming", None, "completed"]):
        energy = 1000 + n
        hand.sessions = (
            200,
            [session("S", "P1", energy=energy, demandResponse=[event("other", 0.5, 1.5)])],
        )
        await wait(30)
        assert [found["state"] for found in attribute(hass) or ()] == [state]
        await wait(3600)


async def test_without_a_session_there_are_none(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    assert attribute(hass) is None
    hand.sessions = (
        200,
        [session("S", "P1", status="complete", demandResponse=[event("active", -1, 1)])],
    )
    await wait(30)
    assert attribute(hass) is None, "what an ended session holds is stale"


async def test_the_times_of_the_station(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    hand.sessions = (
        200,
        [
            session(
                "S",
                "P1",
                stationLastHeartbeat=NOW_MS - 1000,
                stationStatusTimestamp=NOW_MS - 60_000,
                isInGracePeriod=True,
                gracePeriodElapsedSeconds=61,
            )
        ],
    )
    (found,) = (await ask(hass, "get_sessions"))["sessions"]
    assert found["last_heartbeat"] == "2026-11-02T07:59:59+00:00"
    assert found["connector_status_at"] == "2026-11-02T07:59:00+00:00"
    assert found["is_in_grace_period"] is True
    assert found["grace_period_elapsed_s"] == 61


@pytest.mark.parametrize("odd", [0, "", None, True, "soon", -1, 1e300, [], {}, "9" * 10_000])
async def test_times_that_are_none(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, odd: Any
) -> None:
    fields = {"stationLastHeartbeat": odd, "stationStatusTimestamp": odd}
    hand.sessions = 200, [session("S", "P1", **fields)]
    (found,) = (await ask(hass, "get_sessions"))["sessions"]
    assert found["last_heartbeat"] is None
    assert found["connector_status_at"] is None
