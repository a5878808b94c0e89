"""What is so, or is not, at a station."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import PortStatus
from .entity import EevionDescription, EevionEntity, async_add_entities_for_all
from .models import EevionConfigEntry
from .stations import StationState, event_json

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionBinarySensorDescription(EevionDescription, BinarySensorEntityDescription):
    """A binary sensor of a station."""

    is_on_fn: Callable[[StationState], bool | None]

    @property
    @override
    def state_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """The functions of the state and of its attributes."""
        return (self.is_on_fn, *super().state_fns)


# The types in the examples of the documentation, which has no list of them.
_DISCONNECTED = ("ConnectionClosed", "Offline")


def _is_connected(station: StationState) -> bool | None:
    if any(exception.type in _DISCONNECTED for exception in station.exceptions):
        return False
    status = station.port.status
    return None if status is None else status is not PortStatus.NOT_CONNECTED


def _idle_attributes(station: StationState) -> Mapping[str, Any] | None:
    if (session := station.active_session) is None:
        return None
    elapsed_s = session.grace_period_elapsed_s
    return {
        "grace_period": session.is_in_grace_period,
        # Full minutes, as each change is a row in the recorder.
        "grace_period_elapsed_s": None if elapsed_s is None else elapsed_s // 60 * 60,
    }


def _problem_attributes(station: StationState) -> Mapping[str, Any]:
    """Return what the cloud says of the exceptions that last."""
    texts = (exception.description or exception.type for exception in station.exceptions)
    return {"exceptions": list(dict.fromkeys(filter(None, texts)))}


def _demand_response_attributes(station: StationState) -> Mapping[str, Any] | None:
    """Return the demand response events of the session: in progress, upcoming and over."""
    if (session := station.active_session) is None:
        return None
    return {"events": [event_json(event) for event in session.demand_response or ()]}


BINARY_SENSORS = (
    EevionBinarySensorDescription(
        key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=_is_connected,
    ),
    EevionBinarySensorDescription(
        key="plugged_in",
        is_essential=True,
        device_class=BinarySensorDeviceClass.PLUG,
        is_on_fn=lambda station: station.is_plugged_in,
    ),
    EevionBinarySensorDescription(
        key="charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        is_on_fn=lambda station: station.is_charging,
    ),
    EevionBinarySensorDescription(
        key="idle",
        attributes_fn=_idle_attributes,
        is_on_fn=lambda station: bool(station.active_session and station.active_session.is_idle),
    ),
    EevionBinarySensorDescription(
        key="demand_response",
        attributes_fn=_demand_response_attributes,
        is_on_fn=lambda station: station.demand_response is not None,
    ),
    EevionBinarySensorDescription(
        key="problem",
        is_essential=True,
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        attributes_fn=_problem_attributes,
        is_on_fn=lambda station: station.is_problem,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of all stations."""
    async_add_entities_for_all(entry, async_add_entities, BINARY_SENSORS, EevionBinarySensor)


class EevionBinarySensor(EevionEntity, BinarySensorEntity):
    """A binary sensor of a station."""

    entity_description: EevionBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """The value in the current state of the station."""
        return self.entity_description.is_on_fn(self.station)
