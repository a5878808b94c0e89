"""Conditions for the automation editor."""

from typing import ClassVar, override

from homeassistant.components.binary_sensor.const import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.sensor.const import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityStateConditionBase

from .api import PortStatus
from .helpers import with_key


class _StationCondition(EntityStateConditionBase):
    """A condition on the entities with one key, such as `plugged_in`."""

    _key: ClassVar[str]

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return the entities with the key."""
        return with_key(self._hass, super().entity_filter(entities), self._key)


def _is(domain: str, key: str, state: str) -> type[Condition]:
    specs = {domain: DomainSpec()}
    states: set[str | bool] = {state}

    class StateCondition(_StationCondition):
        _domain_specs = specs
        _key = key
        _states = states

    return StateCondition


CONDITIONS: dict[str, type[Condition]] = {
    "is_available": _is(SENSOR_DOMAIN, "status", PortStatus.AVAILABLE.slug),
    "is_charging": _is(BINARY_SENSOR_DOMAIN, "charging", STATE_ON),
    "is_plugged_in": _is(BINARY_SENSOR_DOMAIN, "plugged_in", STATE_ON),
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return CONDITIONS
