"""What tests ask of Home Assistant as a person would."""

from typing import Any

from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er

from simulator import World


def entity_id(hass: HomeAssistant, world: World, station: str, platform: str, key: str) -> str:
    """Return the entity id of a station's entity, by the station's name."""
    return _entity_id(hass, world.station(station).port_id, platform, key)


def _entity_id(hass: HomeAssistant, port_id: str, platform: str, key: str) -> str:
    unique_id = f"{port_id}_{key}"
    found = er.async_get(hass).async_get_entity_id(platform, "eevion", unique_id)
    assert found, unique_id
    return found


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

    async def turn(self, to: str) -> None:
        await self._call("switch", f"turn_{to}", self.id("switch", "charging"))

    async def limit(self, value: float, key: str = "charging_limit") -> None:
        await self._call("number", "set_value", self.id("number", key), value=value)

    async def _call(self, domain: str, service: str, entity: str, **data: Any) -> None:
        data["entity_id"] = entity
        await self._hass.services.async_call(domain, service, data, blocking=True)
