"""Which stations an action means, and who may ask."""

from collections.abc import Mapping
from typing import Any

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from simulator import Cloud, Settings, World
from tests.calls import act, ask, device, sent
from tests.conftest import API_KEY, Pass
from tests.helpers import entity_id


@pytest.fixture
def settings() -> Settings:
    """2133 and 2225_A at the first site, 2134 and 2225_B at the second."""
    return Settings(keys=(API_KEY, "another-key"), sites=2, stations=4, seed=7)


@pytest.fixture
async def other(
    hass: HomeAssistant, loaded: MockConfigEntry, entry_data: dict[str, Any]
) -> MockConfigEntry:
    """Another account."""
    other = MockConfigEntry(
        domain="eevion", title="Shop", data=entry_data | {"api_key": "another-key"}, unique_id="2"
    )
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return other


def limited(cloud: Cloud) -> list[str]:
    """Return the stations of the one request that limits."""
    (body,) = sent(cloud, "/energy-management")
    return [row["stationId"] for row in body]


def nothing_sent(cloud: Cloud) -> bool:
    return not sent(cloud, "/energy-management")


async def test_devices_entities_and_names(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud
) -> None:
    await act(
        hass,
        "set_charging_limit",
        amps=10,
        device_id=device(hass, loaded, world.station("2134").port_id),
        entity_id=entity_id(hass, world, "2133", "sensor", "power"),
        stations=["2225_B"],
    )
    assert limited(cloud) == ["2133", "2134", "2225_B"]


async def test_a_site_is_all_of_its_stations(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud
) -> None:
    await act(
        hass, "set_charging_limit", amps=10, device_id=device(hass, loaded, world.sites[0].site_id)
    )
    assert limited(cloud) == ["2133", "2225_A"]


@pytest.fixture
def places(hass: HomeAssistant, loaded: MockConfigEntry, world: World) -> Mapping[str, list[str]]:
    """2133 is in the garage; its site is in the yard; the other site has the label."""
    devices = dr.async_get(hass)
    floor = fr.async_get(hass).async_create("Ground")
    garage = ar.async_get(hass).async_create("Garage", floor_id=floor.floor_id)
    yard = ar.async_get(hass).async_create("Yard")
    empty = ar.async_get(hass).async_create("Attic")
    label = lr.async_get(hass).async_create("Solar")
    first, second = world.sites
    of_2133 = device(hass, loaded, world.station("2133").port_id)
    devices.async_update_device(of_2133, area_id=garage.id)
    devices.async_update_device(device(hass, loaded, first.site_id), area_id=yard.id)
    devices.async_update_device(device(hass, loaded, second.site_id), labels={label.label_id})
    return {
        "garage": {"area_id": [garage.id]},
        "ground": {"floor_id": [floor.floor_id]},
        "yard": {"area_id": yard.id},
        "both": {"area_id": [yard.id, garage.id]},
        "label": {"label_id": label.label_id},
        "empty": {"area_id": empty.id},
    }


@pytest.mark.parametrize(
    ("place", "stations"),
    [
        ("garage", ["2133"]),
        ("ground", ["2133"]),
        ("yard", ["2225_A"]),
        ("both", ["2133", "2225_A"]),
        ("label", ["2134", "2225_B"]),
    ],
)
async def test_places(
    hass: HomeAssistant,
    places: Mapping[str, Any],
    cloud: Cloud,
    place: str,
    stations: list[str],
) -> None:
    await act(hass, "set_charging_limit", amps=10, **places[place])
    assert limited(cloud) == stations


async def test_the_switch_stands_for_its_station(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud
) -> None:
    """In an area of its own it brings its station along; another entity does not."""
    area = ar.async_get(hass).async_create("Garage")
    entities = er.async_get(hass)
    switch = entity_id(hass, world, "2133", "switch", "charging")
    entities.async_update_entity(switch, area_id=area.id)
    power = entity_id(hass, world, "2134", "sensor", "power")
    entities.async_update_entity(power, area_id=area.id)
    await act(hass, "set_charging_limit", amps=10, area_id=area.id)
    assert limited(cloud) == ["2133"]


async def test_an_area_without_stations(
    hass: HomeAssistant, places: Mapping[str, Any], cloud: Cloud
) -> None:
    with pytest.raises(ServiceValidationError, match="The target contains no station"):
        await act(hass, "set_charging_limit", amps=10, **places["empty"])
    with pytest.raises(ServiceValidationError, match="The target contains no station"):
        await ask(hass, "get_sessions", **places["empty"])
    assert nothing_sent(cloud)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, "The target contains no station"),
        ({"stations": []}, "The target contains no station"),
        ({"device_id": []}, "The target contains no station"),
        ({"stations": ["2133", "9999"]}, "no station 9999"),
        ({"device_id": ["nowhere"]}, "nowhere is not a station"),
        ({"area_id": ["nowhere"]}, "nowhere is not a station"),
        ({"label_id": ["nowhere"]}, "nowhere is not a station"),
        ({"floor_id": ["nowhere"]}, "nowhere is not a station"),
        ({"entity_id": ["light.kitchen"]}, "light.kitchen is not a station"),
        ({"stations": ["2133"], "config_entry_id": "nothing"}, "nothing"),
    ],
)
async def test_what_is_not_there(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    cloud: Cloud,
    target: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ServiceValidationError, match=message) as error:
        await act(hass, "set_charging_limit", amps=10, **target)
    assert error.value.translation_key
    assert nothing_sent(cloud)


async def test_a_device_of_another_integration(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud
) -> None:
    lamp = MockConfigEntry(domain="lamps")
    lamp.add_to_hass(hass)
    made = dr.async_get(hass).async_get_or_create(
        config_entry_id=lamp.entry_id, identifiers={("lamps", "1")}, name="Lamp"
    )
    ours = device(hass, loaded, world.station("2133").port_id)
    with pytest.raises(ServiceValidationError, match="Lamp is not a station"):
        await act(hass, "set_charging_limit", amps=10, device_id=[ours, made.id])
    assert nothing_sent(cloud)


async def test_several_accounts(
    hass: HomeAssistant, loaded: MockConfigEntry, other: MockConfigEntry, cloud: Cloud
) -> None:
    ours = device(hass, loaded, cloud.world().sites[0].site_id)
    theirs = device(hass, other, cloud.world("another-key").sites[0].site_id)
    with pytest.raises(ServiceValidationError, match="belong to several accounts"):
        await act(hass, "set_charging_limit", amps=10, device_id=[ours, theirs])
    with pytest.raises(ServiceValidationError, match="do not belong to the account Home"):
        await act(
            hass,
            "set_charging_limit",
            amps=10,
            device_id=theirs,
            config_entry_id=loaded.entry_id,
        )
    with pytest.raises(ServiceValidationError, match="There are several accounts"):
        await ask(hass, "get_sessions")
    with pytest.raises(ServiceValidationError, match="There are several accounts"):
        await act(hass, "set_charging_limit", amps=10, stations=["2133"])
    assert nothing_sent(cloud)

    await act(hass, "set_charging_limit", amps=10, device_id=theirs)
    assert [r.key for r in cloud.requests if r.path.endswith("/energy-management")] == [
        "another-key"
    ]
    assert await ask(hass, "get_sessions", config_entry_id=other.entry_id)


async def test_an_account_that_is_not_connected(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud
) -> None:
    ours = device(hass, loaded, world.station("2133").port_id)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    await hass.async_block_till_done()
    with pytest.raises(ServiceValidationError, match="not loaded"):
        await act(hass, "set_charging_limit", amps=10, device_id=ours)
    with pytest.raises(ServiceValidationError, match="No account is connected"):
        await ask(hass, "get_sessions")
    assert nothing_sent(cloud)


async def test_a_station_that_is_gone(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud, wait: Pass
) -> None:
    ours = device(hass, loaded, world.station("2133").port_id)
    world.remove_station("2133", forget=True)
    await wait(31)
    with pytest.raises(ServiceValidationError, match="no station Station 2133"):
        await act(hass, "set_charging_limit", amps=10, device_id=ours)
    assert nothing_sent(cloud)


async def test_what_a_user_may_not_control(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud
) -> None:
    """Users who may control one station control it alone; without a user all is allowed."""
    user: User = MockUser().add_to_hass(hass)
    mine = entity_id(hass, world, "2133", "switch", "charging")
    entities = {"entity_ids": {mine: True}, "all": {POLICY_READ: True}}
    user.mock_policy({"entities": entities})
    context = Context(user_id=user.id)
    with pytest.raises(Unauthorized):
        await act(hass, "set_charging_limit", context=context, amps=10, stations=["2133", "2134"])
    assert nothing_sent(cloud)
    await act(hass, "set_charging_limit", context=context, amps=10, stations="2133")
    assert limited(cloud) == ["2133"]
    assert await ask(hass, "get_sessions", context=context)
    user.mock_policy({"entities": {"entity_ids": {mine: True}}})
    with pytest.raises(Unauthorized):
        await ask(hass, "get_sessions", context=context)
    assert await ask(hass, "get_sessions", context=context, stations="2133")


@pytest.mark.parametrize("action", ["manage_stations", "create_ticket"])
async def test_administrators_only(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    cloud: Cloud,
    world: World,
    hass_read_only_user: User,
    hass_admin_user: User,
    action: str,
) -> None:
    data = {"stations": ["2133"], "message": "Hello"}
    normal: User = MockUser().add_to_hass(hass)
    normal.mock_policy({"entities": True})
    for user in (normal, hass_read_only_user):
        with pytest.raises(Unauthorized):
            await ask(hass, action, context=Context(user_id=user.id), **data)
    assert not sent(cloud, "/station/manage")
    assert not world.tickets
    assert await ask(hass, action, context=Context(user_id=hass_admin_user.id), **data)
    assert len(sent(cloud, "/station/manage")) + len(world.tickets) == 1


async def test_an_unknown_user(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    with pytest.raises(HomeAssistantError):
        await ask(hass, "get_sessions", context=Context(user_id="nobody"))
