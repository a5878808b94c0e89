"""What a person waits for after a start goes before other work in the background."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.eevion.api import RESERVE, Lane
from custom_components.eevion.polling.budget import async_get_budgets
from simulator import World
from tests.conftest import API_KEY
from tests.helpers import Station, settle


async def test_totals_after_quick_restarts(
    hass: HomeAssistant, entry: MockConfigEntry, world: World, freezer: FrozenDateTimeFactory
) -> None:
    """The restarts have used all that other background work may use in a minute."""
    rate_limit = (await async_get_budgets(hass)).async_get(API_KEY)
    while rate_limit.used < rate_limit.limit - RESERVE[Lane.BACKGROUND]:
        async with rate_limit.slot(Lane.COMMAND):
            pass
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    for _ in range(5):
        freezer.tick(1)
        async_fire_time_changed(hass)
        await settle(rate_limit, turns=30)
    assert Station(hass, world, "2133")["sensor.total_energy"] == "0.0"
    assert any(lane is Lane.BACKGROUND for lane, _, _ in rate_limit._waiters)
