"""A charger is replaced by another of the same name, which gets its entities."""

from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import World
from tests.conftest import Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("no_errors_logged")

POLL = 30


def by_unique_key(hass: HomeAssistant, port_id: str) -> dict[str, er.RegistryEntry]:
    """Return the entities of a port by platform and key."""
    return {
        f"{entity.domain}.{entity.unique_id.removeprefix(port_id)}": entity
        for entity in er.async_get(hass).entities.values()
        if entity.unique_id.startswith(port_id)
    }


def settings_of(entities: dict[str, er.RegistryEntry]) -> dict[str, Any]:
    return {
        key: (e.id, e.entity_id, e.name, e.area_id, e.disabled_by, e.hidden_by, e.options)
        for key, e in entities.items()
    }


def device(hass: HomeAssistant, entry: ConfigEntry, port_id: str) -> dr.DeviceEntry | None:
    registry = dr.async_get(hass)
    return registry.async_get_device_by_identifier(("eevion", port_id), entry.entry_id)


async def charge(station: Station, world: World, wait: Pass) -> None:
    """Let a vehicle come, charge for a quarter of an hour, and leave."""
    world.plug_in(station.name, percent=20)
    await station.turn("on")
    for _ in range(30):
        await wait(POLL)
    world.unplug(station.name)
    for _ in range(3):
        await wait(POLL)


@pytest.fixture
def name(world: World) -> str:
    return world.stations[0].name


@pytest.fixture
async def old(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, name: str, wait: Pass
) -> Station:
    """Return a station with a session behind it, and with settings of a person."""
    station = Station(hass, world, name)
    port_id = station.port_id
    await charge(station, world, wait)
    assert float(station["sensor.total_energy"]) > 0
    entities, areas = er.async_get(hass), ar.async_get(hass)
    ids = {key: entity.entity_id for key, entity in by_unique_key(hass, port_id).items()}
    entities.async_update_entity(ids["sensor._power"], name="Watts", icon="mdi:flash")
    entities.async_update_entity(ids["sensor._vehicle"], disabled_by=None)
    entities.async_update_entity(ids["sensor._tariff"], new_entity_id="sensor.what_it_costs")
    found = device(hass, loaded, port_id)
    assert found
    dr.async_get(hass).async_update_device(
        found.id, area_id=areas.async_create("Garage").id, name_by_user="Carport"
    )
    # Enabling an entity reloads the account.
    for _ in range(5):
        await wait(POLL)
    assert float(station["sensor.total_energy"]) > 0
    return station


def replace(world: World, name: str) -> str:
    world.remove_station(name, forget=True)
    return world.add_station(name)


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "not running"])
async def test_a_replaced_charger(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    old: Station,
    world: World,
    wait: Pass,
    is_running: bool,
) -> None:
    before = settings_of(by_unique_key(hass, old.port_id))
    old_device = device(hass, loaded, old.port_id)
    assert old_device
    total = float(Station(hass, world, old.name)["sensor.total_energy"])
    if not is_running:
        assert await hass.config_entries.async_unload(loaded.entry_id)
    new = replace(world, old.name)
    if not is_running:
        assert await hass.config_entries.async_setup(loaded.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
    for _ in range(4):
        await wait(POLL)
    assert loaded.state is ConfigEntryState.LOADED
    assert settings_of(by_unique_key(hass, new)) == before
    assert not by_unique_key(hass, old.port_id)
    assert device(hass, loaded, old.port_id) is None
    found = device(hass, loaded, new)
    assert found
    assert (found.id, found.area_id, found.name_by_user) == (
        old_device.id,
        old_device.area_id,
        "Carport",
    )
    assert not [e for e in hass.states.async_entity_ids() if e.endswith("_2")]
    station = Station(hass, world, old.name)
    assert station["sensor.status"] == "available"
    assert float(station["sensor.total_energy"]) == total

    await charge(station, world, wait)
    grown = float(station["sensor.total_energy"])
    assert grown > total
    assert await hass.config_entries.async_reload(loaded.entry_id)
    for _ in range(5):
        await wait(POLL)
    assert float(station["sensor.total_energy"]) == grown
    ledgers = loaded.runtime_data.coordinator.accounting.ledgers
    assert old.port_id not in ledgers
    assert ledgers[new].statistics_port_id == old.port_id, (
        "the energy dashboard shows this statistic"
    )


async def test_replaced_and_back(
    hass: HomeAssistant, loaded: ConfigEntry, old: Station, world: World, wait: Pass
) -> None:
    before = settings_of(by_unique_key(hass, old.port_id))
    first = world.station(old.name)
    new = replace(world, old.name)
    for _ in range(4):
        await wait(POLL)
    assert settings_of(by_unique_key(hass, new)) == before
    world.remove_station(old.name, forget=True)
    world.sites[0].stations.append(first)
    first.lifecycle = "active"
    world._by_name[old.name] = first
    for _ in range(4):
        await wait(POLL)
    assert settings_of(by_unique_key(hass, old.port_id)) == before
    assert not by_unique_key(hass, new)
    assert (
        loaded.runtime_data.coordinator.accounting.ledgers[old.port_id].statistics_port_id
        == old.port_id
    )


async def test_the_old_one_stays_listed_as_removed(
    hass: HomeAssistant, loaded: ConfigEntry, old: Station, world: World, wait: Pass
) -> None:
    before = settings_of(by_unique_key(hass, old.port_id))
    gone = world.station(old.name)
    new = replace(world, old.name)
    gone.lifecycle = "removed"
    world.sites[0].stations.append(gone)
    for _ in range(4):
        await wait(POLL)
    assert settings_of(by_unique_key(hass, new)) == before


async def test_a_new_port_while_the_old_one_is_only_missing(
    hass: HomeAssistant, loaded: ConfigEntry, old: Station, world: World, wait: Pass
) -> None:
    """Two ports of one name: each has its own entities."""
    before = settings_of(by_unique_key(hass, old.port_id))
    first = world.station(old.name)
    new = replace(world, old.name)
    await wait(POLL)
    assert not by_unique_key(hass, new)
    world.sites[0].stations.append(first)
    first.lifecycle = "active"
    for _ in range(3):
        await wait(POLL)
    assert settings_of(by_unique_key(hass, old.port_id)) == before
    assert by_unique_key(hass, new)
    assert device(hass, loaded, new)


async def test_one_of_two_ports_of_one_name(
    hass: HomeAssistant, loaded: ConfigEntry, old: Station, world: World, wait: Pass
) -> None:
    namesake = world.builder.station(
        world.sites[0], old.name, model=world.station(old.name).model, tariff=world.tariffs[0]
    )
    for _ in range(2):
        await wait(POLL)
    before, beside = (
        settings_of(by_unique_key(hass, port_id)) for port_id in (old.port_id, namesake.port_id)
    )
    assert beside
    new = replace(world, old.name)
    for _ in range(4):
        await wait(POLL)
    assert settings_of(by_unique_key(hass, new)) == before
    assert settings_of(by_unique_key(hass, namesake.port_id)) == beside


async def test_two_of_one_name_are_replaced_at_once(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, name: str, wait: Pass
) -> None:
    """The match is not unique: the new ones appear after the old ones are removed, without _2."""
    model = world.station(name).model
    twin = world.builder.station(world.sites[0], name, model=model, tariff=world.tariffs[0])
    for _ in range(2):
        await wait(POLL)
    ids = {e.entity_id for e in er.async_get(hass).entities.values()}
    world.sites[0].stations.remove(twin)
    new = [replace(world, name)]
    second = world.builder.station(world.sites[0], name, model=model, tariff=world.tariffs[0])
    new.append(second.port_id)
    for _ in range(5):
        await wait(POLL)
    assert all(by_unique_key(hass, port_id) for port_id in new)
    assert {e.entity_id for e in er.async_get(hass).entities.values()} == ids


async def test_an_incomplete_answer_decides_nothing(
    hass: HomeAssistant, loaded: ConfigEntry, old: Station, world: World, wait: Pass
) -> None:
    before = settings_of(by_unique_key(hass, old.port_id))
    other = world.stations[1]
    port_id, other.port_id = other.port_id, ""
    new = replace(world, old.name)
    for _ in range(4):
        await wait(POLL)
    assert settings_of(by_unique_key(hass, old.port_id)) == before
    assert not by_unique_key(hass, new)
    other.port_id = port_id
    for _ in range(4):
        await wait(POLL)
    assert settings_of(by_unique_key(hass, new)) == before


async def test_a_namesake_at_another_site_is_no_replacement(
    hass: HomeAssistant, entry: MockConfigEntry, world: World, name: str, wait: Pass
) -> None:
    world.sites.append(world.builder.site(1))
    assert await hass.config_entries.async_setup(entry.entry_id)
    port_id = world.station(name).port_id
    world.remove_station(name, forget=True)
    new = world.add_station(name, site=1)
    for _ in range(4):
        await wait(POLL)
    assert by_unique_key(hass, new)
    assert not by_unique_key(hass, port_id)
    assert device(hass, entry, port_id) is None
