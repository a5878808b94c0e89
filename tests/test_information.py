"""What a station is built for, and what the cloud sends instead."""

import json
from typing import Any

from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.conftest import Pass
from tests.handmade import HandMadeCloud, session, site
from tests.helpers import first_recorded

PORT = {
    "connectors": [5],
    "level": 2,
    "kW": 7200,
    "volts": 208,
    "amps": 30,
    "restriction": "restricted",
    "isSharedPower": True,
    "chargingCostUnit": 3,
    "chargingCost": 1.95,
    "tariffTimeSlots": None,
    "dateAdded": "2023-11-09T22:00:14.674Z",
}

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def hand() -> HandMadeCloud:
    hand = HandMadeCloud()
    set_port(hand)
    return hand


def set_port(hand: HandMadeCloud, **fields: Any) -> None:
    one = site("P1", status="available")
    one["ports"][0] |= PORT | fields
    hand.sites = 200, [one]


def shown(hass: HomeAssistant) -> State:
    entity_id = er.async_get(hass).async_get_entity_id("sensor", "eevion", "P1_information")
    assert entity_id
    state = hass.states.get(entity_id)
    assert state
    return state


async def test_what_it_is_built_for(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    """The power is volts by amps, since `kW` of the cloud is wrong for some models."""
    facts = {
        "power_kw": 6.24,
        "volts": 208,
        "amps": 30,
        "connectors": [5],
        "is_shared_power": True,
        "restriction": "restricted",
        "price": 1.95,
        "price_unit": 3,
        "added_at": "2023-11-09T22:00:14.674000+00:00",
    }
    state = shown(hass)
    assert state.state == "level_2"
    ours = {"device_class", "friendly_name", "icon", "options"}
    assert {k: v for k, v in state.attributes.items() if k not in ours} == facts
    hand.sessions = 200, [session("S", "P1")]
    await wait(30)
    assert shown(hass).attributes["currency"] == "CAD"


async def test_a_tariff_by_its_id(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    set_port(hand, chargingCost=None, chargingCostUnit=5, chargingCostId="61e81c433e469f9df5a35fe5")
    await wait(30)
    attributes = shown(hass).attributes
    assert "price" not in attributes
    assert attributes["price_unit"] == 5
    assert attributes["tariff_id"] == "61e81c433e469f9df5a35fe5"


@pytest.mark.parametrize(
    ("level", "state"),
    [(1, "level_1"), (2, "level_2"), ("3", "level_3")]
    + [(odd, "other") for odd in (0, 4, -2, None, "two", True, [2], {}, float("nan"), 10**400)],
)
async def test_levels(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    level: Any,
    state: str,
) -> None:
    set_port(hand, level=level)
    await wait(30)
    assert shown(hass).state == state


SLOTS = [{"start": "08:00", "end": "18:00", "price": 0.4, "days": [1, 2, 3]}, {"price": 0.2}]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (SLOTS, SLOTS),
        (SLOTS[0], SLOTS[:1]),
        (["08:00-18:00"], ["08:00-18:00"]),
        ([{"price": float("nan"), "name": "a\u202e\nb"}], [{"price": None, "name": "a b"}]),
        ([[[[[[1]]]]]], [[[[[[]]]]]]),
        ([], None),
        ({}, None),
        (7, None),
        ("always", None),
        (True, None),
        ([{"price": n} for n in range(201)], None),
        ([{"name": "x" * 1000} for _ in range(100)], None),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_time_slots(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    sent: Any,
    expected: Any,
) -> None:
    set_port(hand, tariffTimeSlots=sent)
    await wait(30)
    assert shown(hass).attributes.get("time_slots") == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([5, "6", "CCS"], [5, 6, "CCS"]),
        (5, [5]),
        ([], []),
        ([None, [], {}, True, float("inf")], []),
        (list(range(1000)), list(range(32))),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_connectors(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    sent: Any,
    expected: list[int | str],
) -> None:
    set_port(hand, connectors=sent)
    await wait(30)
    assert shown(hass).attributes["connectors"] == expected


@pytest.mark.parametrize(
    "odd",
    [None, True, -1, 10**400, "x" * 100_000, [[]], {"x": {}}, float("nan"), "NaN", "\ud800"],
    ids=lambda value: repr(value)[:9],
)
async def test_odd_values(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    odd: Any,
) -> None:
    """The station stays, with what can be read; its state can be written as JSON."""
    set_port(hand, **dict.fromkeys(PORT, odd))
    await wait(30)
    state = shown(hass)
    assert state.state in {"level_2", "other"}
    text = json.dumps(dict(state.attributes), allow_nan=False)
    assert len(text) < 4000
    text.encode()


async def test_the_recorder_keeps_the_level_alone(
    recorder_mock: Recorder, hass: HomeAssistant, account: MockConfigEntry
) -> None:
    row = await first_recorded(hass, shown(hass).entity_id)
    assert row.state == "level_2"
    assert row.attributes.keys() == {"device_class", "friendly_name"}
