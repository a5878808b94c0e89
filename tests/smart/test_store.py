"""What is remembered over a restart, and files that cannot be read."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from simulator import World
from tests.smart.home import Home
from tests.test_replaced_station import replace


@pytest.fixture
def names(world: World) -> tuple[str, str]:
    first, second = world.stations
    return first.name, second.name


async def test_a_station_that_cannot_be_read_begins_anew(
    home: Home, hass: HomeAssistant, hass_storage: dict[str, Any], names: tuple[str, str]
) -> None:
    home.meter(0)
    await home.add(*names)
    for name in names:
        await home.choose(name, "smart")
    await home.run(10, 0)
    key = f"eevion.smart_charging.{home.entry.entry_id}"
    assert await hass.config_entries.async_unload(home.entry.entry_id)
    stations = hass_storage[key]["data"]["stations"]
    assert len(stations) == 2
    stations[home.world.station(names[0]).port_id]["mode"] = "eager"
    assert await hass.config_entries.async_setup(home.entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert home.station(names[0])["select.charging_mode"] == "manual"
    assert home.station(names[1])["select.charging_mode"] == "smart"
    issue = f"smart_charging_unreadable_{home.entry.entry_id}"
    assert ("eevion", issue) in ir.async_get(hass).issues


async def test_counters_are_not_written_with_every_step(
    home: Home, hass_storage: dict[str, Any], names: tuple[str, str]
) -> None:
    """They are written every five minutes at the most, and with all else that changes."""
    home.meter(0)
    await home.add(names[0])
    home.world.plug_in(names[0], card=True)
    await home.choose(names[0], "fast")
    await home.run(60, 0)
    key = f"eevion.smart_charging.{home.entry.entry_id}"
    port_id = home.world.station(names[0]).port_id

    def counted() -> float:
        value: float = hass_storage[key]["data"]["stations"][port_id]["charged_ws"]
        return value

    values = []
    for _ in range(60):
        await home.run(10, 0)
        values.append(counted())
    assert 2 <= len(set(values)) <= 4


async def test_a_replaced_station_keeps_its_choices(
    home: Home, hass: HomeAssistant, names: tuple[str, str]
) -> None:
    home.meter(0)
    await home.add(names[0])
    await home.choose(names[0], "fast")
    replace(home.world, names[0])
    for _ in range(6):
        await home.run(30, 0)
    assert home.station(names[0])["select.charging_mode"] == "fast"
    await home.choose(names[0], "off")
    assert home.reason(names[0]) == "off"
