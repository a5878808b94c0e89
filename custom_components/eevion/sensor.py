"""What a station and its session measure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfEnergy,
    UnitOfPower,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .api import (
    ConnectorStatus,
    EndReason,
    PortStatus,
    Session,
    SessionStatus,
    StartedWith,
)
from .coordinator import EevionConfigEntry
from .entity import (
    EevionDescription,
    EevionEntity,
    EevionSiteEntity,
    async_add_entities_for_all,
    async_follow_devices,
)
from .snapshot import Snapshot
from .station import StationState

PARALLEL_UPDATES = 0

type _Value = StateType | datetime

_AC_LEVELS = (1, 2)


@dataclass(frozen=True, kw_only=True)
class EevionSensorDescription(EevionDescription, SensorEntityDescription):
    """A sensor of a station."""

    value_fn: Callable[[StationState], _Value]
    unit_fn: Callable[[StationState], str | None] | None = None
    """For units that only the session tells."""
    attributes_fn: Callable[[StationState], Mapping[str, Any]] | None = None
    is_per_session: bool = False
    """Whether it counts from zero with each session."""


@dataclass(frozen=True, kw_only=True)
class EevionSiteSensorDescription(SensorEntityDescription):
    """A sensor of a site."""

    value_fn: Callable[[Snapshot, str], int]


def _options(words: type[StrEnum], *without: StrEnum) -> list[str]:
    return [word.name.lower() for word in words if word not in without]


def _name(word: StrEnum | None) -> str | None:
    return word.name.lower() if word else None


def _of_session(read: Callable[[Session], _Value]) -> Callable[[StationState], _Value]:
    """Read from the present or last session."""
    return lambda station: read(station.session) if station.session else None


def _currency(station: StationState) -> str | None:
    return station.session.currency if station.session else None


def _duration(session: Session) -> float | None:
    """Return the seconds; lists tell 0 for many sessions that go on."""
    if session.duration_s or session.started_at is None:
        return session.duration_s
    if session.ended_at:
        return (session.ended_at - session.started_at).total_seconds()
    minutes = (dt_util.utcnow() - session.started_at) // timedelta(minutes=1)
    return max(0, minutes) * 60


def _state_of_charge(session: Session) -> float | None:
    if session.end_percentage is not None:
        return session.end_percentage
    return session.start_percentage


def _idle_fee_unit(station: StationState) -> str | None:
    """Return CAD/hour or the like; a price per an unknown time says nothing."""
    tariff = station.session.tariff if station.session else None
    fee = tariff.idle_fee if tariff else None
    currency = _currency(station)
    return f"{currency}/{fee.unit}" if fee and fee.unit and currency else None


def _tariff(session: Session) -> str | None:
    return session.tariff.name if session.tariff else None


def _tariff_attributes(station: StationState) -> Mapping[str, Any]:
    tariff = station.session.tariff if station.session else None
    if tariff is None:
        return {}
    return {"price": tariff.price, "type": tariff.type, "unit": tariff.unit}


def _started_with(session: Session) -> str | None:
    return None if session.started_with is StartedWith.UNKNOWN else _name(session.started_with)


SENSORS = (
    EevionSensorDescription(
        key="status",
        is_essential=True,
        device_class=SensorDeviceClass.ENUM,
        options=_options(PortStatus),
        value_fn=lambda station: _name(station.port.status),
    ),
    EevionSensorDescription(
        key="connector_status",
        device_class=SensorDeviceClass.ENUM,
        options=_options(ConnectorStatus),
        value_fn=lambda station: _name(station.connector_status),
    ),
    EevionSensorDescription(
        key="session_status",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=_options(SessionStatus),
        value_fn=_of_session(lambda session: _name(session.status)),
    ),
    EevionSensorDescription(
        key="session_energy",
        is_essential=True,
        is_per_session=True,
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        value_fn=_of_session(lambda session: session.energy_wh),
    ),
    EevionSensorDescription(
        key="session_cost",
        is_per_session=True,
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        unit_fn=_currency,
        value_fn=_of_session(lambda session: session.cost),
    ),
    EevionSensorDescription(
        key="session_cost_before_taxes",
        is_per_session=True,
        device_class=SensorDeviceClass.MONETARY,
        entity_registry_enabled_default=False,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        unit_fn=_currency,
        value_fn=_of_session(lambda session: session.cost_before_taxes),
    ),
    EevionSensorDescription(
        key="session_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_display_precision=0,
        suggested_unit_of_measurement=UnitOfTime.MINUTES,
        value_fn=_of_session(_duration),
    ),
    EevionSensorDescription(
        key="session_start",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_of_session(lambda session: session.started_at),
    ),
    EevionSensorDescription(
        key="session_end",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        value_fn=_of_session(lambda session: None if session.is_active else session.ended_at),
    ),
    EevionSensorDescription(
        key="power",
        is_essential=True,
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        suggested_unit_of_measurement=UnitOfPower.KILO_WATT,
        value_fn=lambda station: station.power_w,
    ),
    EevionSensorDescription(
        key="idle_fee",
        entity_registry_enabled_default=False,
        suggested_display_precision=2,
        unit_fn=_idle_fee_unit,
        value_fn=_of_session(lambda session: session.idle_fee),
    ),
    EevionSensorDescription(
        key="state_of_charge",
        device_class=SensorDeviceClass.BATTERY,
        exists_fn=lambda station: station.port.level not in _AC_LEVELS,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=_of_session(_state_of_charge),
    ),
    EevionSensorDescription(
        key="vehicle",
        entity_registry_enabled_default=False,
        value_fn=_of_session(lambda session: session.vehicle),
    ),
    EevionSensorDescription(
        key="started_with",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        options=_options(StartedWith, StartedWith.UNKNOWN),
        value_fn=_of_session(_started_with),
    ),
    EevionSensorDescription(
        key="end_reason",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=_options(EndReason),
        value_fn=_of_session(lambda session: _name(session.end_reason)),
    ),
    EevionSensorDescription(
        key="tariff",
        attributes_fn=_tariff_attributes,
        value_fn=_of_session(_tariff),
    ),
    EevionSensorDescription(
        key="demand_response_limit",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=2,
        suggested_unit_of_measurement=UnitOfPower.KILO_WATT,
        value_fn=lambda station: (
            station.demand_response.power_limit_w if station.demand_response else None
        ),
    ),
    EevionSensorDescription(
        key="total_energy",
        is_essential=True,
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=1,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        value_fn=lambda station: station.totals.energy_wh if station.totals else None,
    ),
    EevionSensorDescription(
        key="total_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        unit_fn=lambda station: station.totals.currency if station.totals else None,
        value_fn=lambda station: station.totals.cost if station.totals else None,
    ),
    EevionSensorDescription(
        key="last_heartbeat",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_of_session(lambda session: session.last_heartbeat),
    ),
)

SITE_SENSORS = (
    EevionSiteSensorDescription(
        key="available_stations",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda snapshot, site_id: sum(
            station.port.status is PortStatus.AVAILABLE for station in snapshot.stations_at(site_id)
        ),
    ),
    EevionSiteSensorDescription(
        key="active_sessions",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda snapshot, site_id: sum(
            station.active_session is not None for station in snapshot.stations_at(site_id)
        ),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of all sites and stations."""
    coordinator = entry.runtime_data.coordinator
    async_follow_devices(
        entry,
        async_add_entities,
        lambda device_ids: (
            EevionSiteSensor(coordinator, site_id, description)
            for site_id in device_ids
            if site_id in coordinator.data.sites
            for description in SITE_SENSORS
        ),
    )
    async_add_entities_for_all(entry, async_add_entities, SENSORS, EevionSensor)


class EevionSensor(EevionEntity, SensorEntity):
    """A sensor of a station."""

    entity_description: EevionSensorDescription

    @property
    @override
    def native_value(self) -> _Value:
        """What the newest state says."""
        return self.entity_description.value_fn(self.station)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit, which for money only the session tells."""
        if unit_fn := self.entity_description.unit_fn:
            return unit_fn(self.station)
        return self.entity_description.native_unit_of_measurement

    @property
    @override
    def last_reset(self) -> datetime | None:
        """The start of the session that is counted."""
        session = self.station.session
        if session is None or not self.entity_description.is_per_session:
            return None
        return session.started_at or session.created_at

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What belongs to the value."""
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.station) if attributes_fn else None


class EevionSiteSensor(EevionSiteEntity, SensorEntity):
    """A sensor of a site."""

    entity_description: EevionSiteSensorDescription

    @property
    @override
    def native_value(self) -> int:
        """Count in the newest snapshot."""
        return self.entity_description.value_fn(self.coordinator.data, self.site_id)
