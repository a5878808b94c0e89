"""A thousand stations on one key: what is enabled, and what a poll costs."""

from collections import Counter
import logging

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Cloud, Settings, World
from tests.conftest import API_KEY, Pass
from tests.test_coordinator import poll_requests

ESSENTIAL = {
    ("binary_sensor", "plugged_in"),
    ("binary_sensor", "problem"),
    ("number", "charging_limit"),
    ("sensor", "power"),
    ("sensor", "session_energy"),
    ("sensor", "status"),
    ("switch", "charging"),
}


@pytest.fixture
def settings(count: int) -> Settings:
    return Settings(keys=(API_KEY,), sites=10, stations=count, seed=7)


@pytest.fixture(autouse=True)
def quick(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    """Log lines and the stack of every callback would take most of the time."""
    hass.loop.set_debug(False)
    caplog.set_level(logging.WARNING)


def entities(hass: HomeAssistant, entry: MockConfigEntry) -> list[er.RegistryEntry]:
    return er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)


def enabled_by_station(
    hass: HomeAssistant, entry: MockConfigEntry, world: World
) -> dict[str, set[tuple[str, str]]]:
    """Return platform and key of each station's enabled entities."""
    found: dict[str, set[tuple[str, str]]] = {s.port_id: set() for s in world.stations}
    for entity in entities(hass, entry):
        port_id, key = entity.unique_id[:21], entity.unique_id[22:]
        if port_id in found and entity.disabled_by is None:
            found[port_id].add((entity.domain, key))
    return found


async def load(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED


def check_nothing_refused(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant refuses entities at its limit, and logs that."""
    enabled = [entity for entity in entities(hass, entry) if entity.disabled_by is None]
    assert len(enabled) < MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY
    assert all(hass.states.get(entity.entity_id) for entity in enabled)
    assert "Reached the maximum" not in caplog.text


@pytest.mark.parametrize("count", [1000])
async def test_a_thousand_stations(
    hass: HomeAssistant,
    cloud: Cloud,
    world: World,
    entry: MockConfigEntry,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await load(hass, entry)
    assert poll_requests(cloud) == ["site", "session"]
    check_nothing_refused(hass, entry, caplog)
    present = [s for s in world.stations if s.lifecycle == "active"]
    enabled = enabled_by_station(hass, entry, world)
    assert all(enabled[station.port_id] >= ESSENTIAL for station in present)
    registered = Counter(entity.unique_id[:21] for entity in entities(hass, entry))
    assert all(registered[station.port_id] >= 20 for station in present)

    for station in present:
        if station.connected:
            world.plug_in(station.name, card=True)
    await wait(31)
    for _ in range(2):
        cloud.requests.clear()
        await wait(31)
        assert poll_requests(cloud) == ["site", "session"]
    power = [
        state.state
        for entity in entities(hass, entry)
        if entity.unique_id.endswith("_power") and (state := hass.states.get(entity.entity_id))
    ]
    assert len(power) == len(present)
    assert sum(value not in ("0.0", "unknown") for value in power) >= len(present) - 1


@pytest.mark.parametrize("count", [300])
async def test_an_account_that_grows(
    hass: HomeAssistant,
    world: World,
    entry: MockConfigEntry,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await load(hass, entry)
    before = enabled_by_station(hass, entry, world)
    names = [f"New {number}" for number in range(700)]
    for number, name in enumerate(names):
        world.add_station(name, site=number % 10)
    await wait(31)
    check_nothing_refused(hass, entry, caplog)
    enabled = enabled_by_station(hass, entry, world)
    assert {port_id: enabled[port_id] for port_id in before} == before
    registered = Counter(entity.unique_id[:21] for entity in entities(hass, entry))
    assert all(registered[world.station(name).port_id] >= 20 for name in names)

    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    check_nothing_refused(hass, entry, caplog)
    assert enabled_by_station(hass, entry, world) == enabled


@pytest.mark.parametrize("count", [1500])
async def test_more_stations_than_can_be_enabled(
    hass: HomeAssistant, world: World, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """The first have what is essential; people may enable others in their place."""
    await load(hass, entry)
    check_nothing_refused(hass, entry, caplog)
    enabled = enabled_by_station(hass, entry, world)
    full = sum(found >= ESSENTIAL for found in enabled.values())
    assert full >= 1000
    assert sum(not found for found in enabled.values()) >= 1500 - full - 10
