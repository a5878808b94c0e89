"""Where a site is: on the map, and in no file for others."""

import json
from typing import Any

from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.calls import device
from tests.conftest import Pass
from tests.handmade import HandMadeCloud, site
from tests.helpers import first_recorded

ADDRESS = {
    "streetNum": "1070",
    "street": " West 1st Street",
    "city": "North Vancouver",
    "state": "BC",
    "zip": "V7P 3N6",
    "country": "CAN",
}
PLACE = {"lat": 49.318136, "long": -123.1024812, **ADDRESS}


@pytest.fixture
def hand() -> HandMadeCloud:
    hand = HandMadeCloud()
    hand.sites = 200, [site("P1", status="available") | PLACE]
    return hand


def shown(hass: HomeAssistant) -> State:
    entity_id = er.async_get(hass).async_get_entity_id(
        "sensor", "eevion", "site_available_stations"
    )
    assert entity_id
    state = hass.states.get(entity_id)
    assert state
    return state


async def test_a_site_is_on_the_map(hass: HomeAssistant, account: MockConfigEntry) -> None:
    attributes = shown(hass).attributes
    assert (attributes["latitude"], attributes["longitude"]) == (49.318136, -123.1024812)
    assert attributes["address"] == "1070 West 1st Street, North Vancouver, BC V7P 3N6, CAN"


async def test_an_address_that_is_corrected(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    """The number of free stations stays the same meanwhile."""
    hand.sites = 200, [site("P1", status="available") | PLACE | {"streetNum": 1072, "lat": "49.4"}]
    await wait(30)
    attributes = shown(hass).attributes
    assert attributes["latitude"] == 49.4
    assert attributes["address"].startswith("1072 ")


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        (0, 0),
        ("0", "0.0"),
        (0.0002, -0.0001),
        (90.1, 10),
        (10, -180.1),
        (None, 10),
        (10, None),
        (True, 10),
        ("north", "west"),
        ([49], {"degrees": 1}),
        (float("nan"), 10),
        (10, float("inf")),
        (10**400, 10),
        ("1" * 10_000, 10),
    ],
)
async def test_a_place_that_is_none(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    wait: Pass,
    latitude: Any,
    longitude: Any,
) -> None:
    hand.sites = 200, [site("P1", status="available") | {"lat": latitude, "long": longitude}]
    await wait(30)
    state = shown(hass)
    assert state.state == "1"
    assert state.attributes.keys().isdisjoint({"latitude", "longitude", "address"})


NOT_TEXT = [None, True, ["x"], {"x": 1}, "", " \n "]


@pytest.mark.parametrize("nasty", [*NOT_TEXT, 7, "x" * 100_000], ids=lambda value: repr(value)[:9])
async def test_an_odd_address(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass, nasty: Any
) -> None:
    hand.sites = 200, [site("P1", status="available") | dict.fromkeys(ADDRESS, nasty)]
    await wait(30)
    address = shown(hass).attributes.get("address")
    if nasty in NOT_TEXT:
        assert address is None
    else:
        assert 0 < len(address) <= 255


async def test_the_equator_and_greenwich_are_places(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Pass
) -> None:
    hand.sites = 200, [site("P1", status="available") | {"lat": 0, "long": -79.5}]
    await wait(30)
    assert shown(hass).attributes["latitude"] == 0


async def test_the_device_leads_to_quantev(hass: HomeAssistant, account: MockConfigEntry) -> None:
    devices = dr.async_get(hass)
    for identifier in ("P1", "site"):
        found = devices.async_get(device(hass, account, identifier))
        assert found
        assert found.configuration_url == "https://app.hypercharge.com/quantev/stations"
        assert found.area_id is None, "a site is no room"


async def test_the_recorder_keeps_no_place(
    recorder_mock: Recorder, hass: HomeAssistant, account: MockConfigEntry
) -> None:
    row = await first_recorded(hass, shown(hass).entity_id)
    assert row.attributes.keys().isdisjoint({"latitude", "longitude", "address"})


async def test_diagnostics_have_no_place(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    hass_client: ClientSessionGenerator,
) -> None:
    hand.others["/site/site"] = 200, site("P1") | PLACE
    found = dr.async_get(hass).async_get(device(hass, account, "site"))
    assert found
    for content in (
        await get_diagnostics_for_config_entry(hass, hass_client, account),
        await get_diagnostics_for_device(hass, hass_client, account, found),
    ):
        text = json.dumps(content)
        words = [str(value).strip() for value in PLACE.values()]
        assert not [word for word in words if word in text and word != "BC"]
