"""Limits at which the cloud ends a session: what is left, and the moment when nothing is."""

from typing import Any

from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.calls import ask
from tests.conftest import Pass
from tests.handmade import HandMadeCloud, session, site
from tests.helpers import first_recorded

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")

TIME, COST, ENERGY = "sessionTime", "sessionCost", "sessionEnergy"


@pytest.fixture
def hand() -> HandMadeCloud:
    hand = HandMadeCloud()
    hand.sites = 200, [site("P1")]
    return hand


def limit(kind: Any, value: Any) -> dict[str, Any]:
    return {"limitType": kind, "limitValue": value}


def put(hand: HandMadeCloud, limits: Any, **fields: Any) -> None:
    fields = {"duration": 610, "energy": 4000, "cost": 1.5} | fields
    hand.sessions = 200, [session("S", "P1", sessionLimits=limits, **fields)]


def state(hass: HomeAssistant, key: str, platform: str = "sensor") -> State:
    entity_id = er.async_get(hass).async_get_entity_id(platform, "eevion", f"P1_{key}")
    assert entity_id
    found = hass.states.get(entity_id)
    assert found
    return found


def left(hass: HomeAssistant) -> dict[str, float]:
    names = ("limit_s", "left_s", "limit_kwh", "left_kwh", "limit", "left")
    return {
        name: value
        for key in ("session_duration", "session_energy", "session_cost")
        for name, value in state(hass, key).attributes.items()
        if name in names
    }


async def test_what_is_left(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    put(hand, [limit(TIME, 3600), limit(COST, 5), limit(ENERGY, 10_000), limit("timeOfDay", 7)])
    await wait(30)
    # Of the time, full minutes of what is used count, as in the state.
    assert left(hass) == {
        "limit_s": 3600,
        "left_s": 3000,
        "limit_kwh": 10,
        "left_kwh": 6,
        "limit": 5,
        "left": 3.5,
    }
    (found,) = (await ask(hass, "get_sessions"))["sessions"]
    assert found["limits"] == [
        {"type": TIME, "value": 3600, "unit": "s", "used": 610, "left": 2990, "is_reached": False},
        {"type": COST, "value": 5, "unit": "CAD", "used": 1.5, "left": 3.5, "is_reached": False},
        {
            "type": ENERGY,
            "value": 10_000,
            "unit": "Wh",
            "used": 4000,
            "left": 6000,
            "is_reached": False,
        },
        {
            "type": "timeOfDay",
            "value": 7,
            "unit": None,
            "used": None,
            "left": None,
            "is_reached": False,
        },
    ]
    put(hand, [limit(TIME, 3600)], status="complete")
    await wait(5)
    assert left(hass) == {}, "of an ended session nothing is left"


async def test_the_first_of_several(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    put(hand, [limit(TIME, 3600), limit(TIME, 900)])
    await wait(30)
    assert left(hass) == {"limit_s": 900, "left_s": 300}


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        [],
        7,
        "sessionTime",
        [None, 7, [], {}],
        limit(TIME, None),
        limit(TIME, "soon"),
        limit(TIME, float("nan")),
        limit(TIME, 10**400),
        limit(TIME, 0),
        limit(TIME, -60),
        limit(["sessionTime"], 60),
        limit("", 60),
        limit("x" * 100_000, 60),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_limits_that_are_none(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass, odd: Any
) -> None:
    events = Events(hass)
    put(hand, odd)
    await wait(30)
    assert left(hass) == {}
    (found,) = (await ask(hass, "get_sessions"))["sessions"]
    assert not any(one["is_reached"] for one in found["limits"])
    assert "limit_reached" not in events.types


class Events:
    """The events of the station's sessions."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.states: list[State] = []
        entity_id = state(hass, "session", "event").entity_id

        @callback
        def changed(event: Any) -> None:
            self.states.append(event.data["new_state"])

        async_track_state_change_event(hass, entity_id, changed)

    @property
    def types(self) -> list[str]:
        return [state.attributes["event_type"] for state in self.states]


@pytest.mark.parametrize(
    ("one", "before", "after"),
    [
        (limit(TIME, 3600), {"duration": 3599}, {"duration": 3600}),
        (limit(COST, 5), {"cost": 4.99}, {"cost": 5.01}),
        (limit(ENERGY, 10_000), {"energy": 9999}, {"energy": 10_000}),
        # The duration of a list may be 0 throughout.
        (
            limit(TIME, 3600),
            {"duration": 0, "updatedAt": "2026-11-02T07:30:00Z"},
            {"duration": 0, "updatedAt": "2026-11-02T08:00:01Z"},
        ),
    ],
    ids=["time", "cost", "energy", "time without a duration"],
)
async def test_a_limit_is_reached_once(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    one: Any,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    put(hand, one, **before)
    await wait(30)
    events = Events(hass)
    put(hand, one, **after)
    await wait(5)
    await wait(5)
    put(hand, one, **after, status="complete", endReason="Remote")
    await wait(5)
    await wait(30)
    assert events.types == ["limit_reached", "completed"]
    reached = events.states[0].attributes
    assert reached["session"] == "S"
    assert (reached["limit_type"], reached["limit_value"]) == (
        one["limitType"],
        one["limitValue"],
    )
    assert state(hass, "session", "event").attributes["event_type"] == "completed"


@pytest.mark.parametrize(
    ("before", "end", "expected"),
    [
        ({"duration": 3597}, {"duration": 3601}, ["limit_reached", "completed"]),
        ({"duration": 3500}, {"duration": 3510}, ["completed"]),
        # Without any time of the cloud, Home Assistant's clock is no proof.
        ({"duration": 0}, {"endTime": "2026-11-02T08:00:01Z"}, ["limit_reached", "completed"]),
        ({"duration": 0}, {"endTime": ""}, ["completed"]),
    ],
    ids=["reached", "not reached", "times of the cloud alone", "no time of the cloud"],
)
async def test_what_the_end_shows(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    before: dict[str, Any],
    end: dict[str, Any],
    expected: list[str],
) -> None:
    put(hand, limit(TIME, 3600), **before)
    await wait(30)
    events = Events(hass)
    put(hand, limit(TIME, 3600), **before | end, status="complete")
    await wait(5)
    assert events.types == expected


async def test_a_past_session_reaches_nothing(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    events = Events(hass)
    put(hand, limit(TIME, 3600), duration=3601, status="complete")
    await wait(30)
    assert events.types == []


async def test_a_restart_repeats_nothing(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    put(hand, limit(COST, 5), cost=6)
    await wait(30)
    last = state(hass, "session", "event").state
    assert await hass.config_entries.async_reload(account.entry_id)
    await wait(30)
    assert state(hass, "session", "event").state == last


async def test_the_recorder_keeps_no_limits(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
) -> None:
    entity_id = state(hass, "session_energy").entity_id
    put(hand, limit(ENERGY, 10_000))
    await wait(30)
    row = await first_recorded(hass, entity_id)
    assert row.attributes.keys().isdisjoint({"limit_kwh", "left_kwh"})


async def test_an_ended_session_gets_no_longer(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    """One without a duration and an end, last changed before it started, as in the examples."""
    ended = {"status": "complete", "endTime": "", "updatedAt": "2026-11-02T07:00:00.000Z"}
    put(hand, {}, duration=0, **ended)
    await wait(30)
    assert float(state(hass, "session_duration").state) == 0
    put(hand, {}, duration=0, status="charging", updatedAt="2026-11-02T07:00:00.000Z")
    await wait(30)
    assert float(state(hass, "session_duration").state) > 0


async def test_an_end_before_the_start_is_no_negative_duration(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    put(hand, {}, duration=0, status="complete", endTime="2026-11-02T07:00:00.000Z")
    await wait(30)
    assert float(state(hass, "session_duration").state) == 0
