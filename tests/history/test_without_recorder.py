"""Without a recorder there are no statistics, and nothing else is missing."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from simulator import World
from tests.conftest import Pass
from tests.helpers import Station


async def test_without_a_recorder(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    assert "recorder" not in hass.config.components
    station = Station(hass, world, "2133")
    world.plug_in(station.name, card=True)
    await wait(3600)
    world.unplug(station.name)
    for _ in range(3):
        await wait(31)
    assert float(station["sensor.total_energy"]) > 0
    with pytest.raises(ServiceValidationError, match="recorder"):
        await hass.services.async_call("eevion", "import_history", {}, blocking=True)
