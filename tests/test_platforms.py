"""Every entity of an AC and a DC station, in the situations of a charging day."""

from collections.abc import Awaitable, Callable
from unittest.mock import patch

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, snapshot_platform
from syrupy.assertion import SnapshotAssertion

from simulator import Settings, World
from tests.conftest import API_KEY, Pass

AC, DC = "2133", "DC1"

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=1, seed=7)


@pytest.fixture
def world(world: World) -> World:
    world.add_station(DC, model="BTC 50kW Slim", tariff=3)
    return world


async def set_up(hass: HomeAssistant, entry: MockConfigEntry, *platforms: Platform) -> None:
    with patch("custom_components.eevion.PLATFORMS", list(platforms)):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize(
    "platform", [Platform.BINARY_SENSOR, Platform.NUMBER, Platform.SENSOR, Platform.SWITCH]
)
async def test_entities(
    hass: HomeAssistant,
    world: World,
    entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
    platform: Platform,
) -> None:
    await set_up(hass, entry, platform)
    await snapshot_platform(hass, er.async_get(hass), snapshot, entry.entry_id)


async def test_devices(
    hass: HomeAssistant, world: World, loaded: MockConfigEntry, snapshot: SnapshotAssertion
) -> None:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id)
    assert {device.name: device for device in devices} == snapshot
    site, *stations = devices
    assert [station.via_device_id for station in stations] == [site.id, site.id]


type Situation = Callable[[World, Pass], Awaitable[None]]


async def no_car(world: World, wait: Pass) -> None:
    await wait(60)


async def charging(world: World, wait: Pass) -> None:
    for name in (AC, DC):
        world.plug_in(name, percent=20, card=True)
    await wait(35)
    for _ in range(3):
        await wait(300)


async def demand_response(world: World, wait: Pass) -> None:
    await charging(world, wait)
    for name in (AC, DC):
        world.demand_response(name, 3000, lasts_s=7200)
        world.demand_response(name, 4000)
    for _ in range(3):
        await wait(300)


async def paused(world: World, wait: Pass) -> None:
    await charging(world, wait)
    for name in (AC, DC):
        world.demand_response(name, 0)
    for _ in range(2):
        await wait(300)


async def full(world: World, wait: Pass) -> None:
    for name in (AC, DC):
        world.plug_in(name, percent=99, card=True)
    for _ in range(4):
        await wait(600)


async def complete(world: World, wait: Pass) -> None:
    await charging(world, wait)
    for name in (AC, DC):
        world.swipe_card(name)
    for _ in range(2):
        await wait(35)


async def unplugged(world: World, wait: Pass) -> None:
    await charging(world, wait)
    for name in (AC, DC):
        world.unplug(name)
    for _ in range(2):
        await wait(35)


async def faulted(world: World, wait: Pass) -> None:
    world.fault(AC)
    world.disconnect(DC)
    await wait(35)


async def out_of_service(world: World, wait: Pass) -> None:
    world.take_offline(AC)
    world.remove_station(DC)
    await wait(35)


@pytest.mark.parametrize(
    "situation",
    [
        no_car,
        charging,
        demand_response,
        paused,
        full,
        complete,
        unplugged,
        faulted,
        out_of_service,
    ],
    ids=lambda situation: situation.__name__,
)
async def test_states(
    hass: HomeAssistant,
    world: World,
    loaded: MockConfigEntry,
    wait: Pass,
    snapshot: SnapshotAssertion,
    situation: Situation,
) -> None:
    await situation(world, wait)
    states = {state.entity_id: state.state for state in hass.states.async_all()}
    assert dict(sorted(states.items())) == snapshot


async def test_dc_alone_has_a_state_of_charge(
    hass: HomeAssistant, world: World, loaded: MockConfigEntry, wait: Pass
) -> None:
    registry = er.async_get(hass)
    keys = {
        name: {
            entity.unique_id.removeprefix(f"{world.station(name).port_id}_")
            for entity in er.async_entries_for_config_entry(registry, loaded.entry_id)
            if entity.unique_id.startswith(world.station(name).port_id)
        }
        for name in (AC, DC)
    }
    assert keys[DC] - keys[AC] == {"state_of_charge"}
    assert not keys[AC] - keys[DC]
