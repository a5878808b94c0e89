"""What tests ask of Home Assistant as a person would."""

import asyncio
from typing import Any

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.history import state_changes_during_period
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.eevion.api import RateLimit
from simulator import World


def entity_id(hass: HomeAssistant, world: World, station: str, platform: str, key: str) -> str:
    """Return the entity id of a station's entity, by the station's name."""
    return _entity_id(hass, world.station(station).port_id, platform, key)


def _entity_id(hass: HomeAssistant, port_id: str, platform: str, key: str) -> str:
    unique_id = f"{port_id}_{key}"
    found = er.async_get(hass).async_get_entity_id(platform, "eevion", unique_id)
    assert found, unique_id
    return found


def true_totals(world: World, name: str) -> tuple[float, float]:
    """Return kWh and dollars of a station by the simulator's own books."""
    snapshots = [s.snapshot(s.end_ms or world.timeline.now_ms) for s in world.ledger(name)]
    energy_wh = sum(s.session.curve.energy_wh(s.until_ms) for s in snapshots)
    return energy_wh / 1000, float(sum(s.bill.cost for s in snapshots))


async def settle(rate_limit: RateLimit, turns: int = 20) -> None:
    """Let everything happen that waits for no clock, and for no place in the rate limit.

    That is done after so many turns of the event loop without a request under way.
    """
    calm = 0
    while calm < turns:
        await asyncio.sleep(0)
        calm = 0 if rate_limit._in_flight else calm + 1


async def load(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Load an account, and let all that it begins come to its end."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def first_recorded(hass: HomeAssistant, entity_id: str) -> State:
    """Return the first state of an entity that the recorder holds, with its attributes."""
    await async_wait_recording_done(hass)
    found = await get_instance(hass).async_add_executor_job(
        state_changes_during_period, hass, dt_util.utc_from_timestamp(0), None, entity_id
    )
    return found[entity_id][0]


class Station:
    """One station as Home Assistant shows it."""

    def __init__(self, hass: HomeAssistant, world: World, name: str) -> None:
        self._hass = hass
        self._world = world
        self.name = name
        self.port_id = world.station(name).port_id

    def id(self, platform: str, key: str) -> str:
        return _entity_id(self._hass, self.port_id, platform, key)

    def state(self, platform: str, key: str) -> State:
        state = self._hass.states.get(self.id(platform, key))
        assert state
        return state

    def __getitem__(self, name: str) -> str:
        """Return a state: station["sensor.power"]."""
        return self.state(*name.split(".")).state

    def totals(self) -> tuple[float, float]:
        """Return kWh and dollars of the total energy and the total cost."""
        return float(self["sensor.total_energy"]), float(self["sensor.total_cost"])

    def true_totals(self) -> tuple[float, float]:
        """Return what `totals` are by the simulator's own books."""
        return true_totals(self._world, self.name)

    async def turn(self, to: str) -> None:
        await self._call("switch", f"turn_{to}", self.id("switch", "charging"))

    async def limit(self, value: float, key: str = "charging_limit") -> None:
        await self._call("number", "set_value", self.id("number", key), value=value)

    async def _call(self, domain: str, service: str, entity: str, **data: Any) -> None:
        data["entity_id"] = entity
        await self._hass.services.async_call(domain, service, data, blocking=True)
