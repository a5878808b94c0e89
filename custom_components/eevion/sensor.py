"""Sensors of stations, of their last session, and of sites."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast, override

from homeassistant.components.sensor import (
    ATTR_LAST_RESET,
    RestoreSensor,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorExtraStoredData,
    SensorStateClass,
)
from homeassistant.const import (
    MATCH_ALL,
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
    Site,
    StartedWith,
    Word,
    slug,
)
from .coordinator import EevionCoordinator
from .entity import (
    EevionDescription,
    EevionEntity,
    EevionSiteEntity,
    EevionSmartDescription,
    EevionSmartEntity,
    async_add_entities_for_all,
    async_add_smart_entities,
    async_follow_devices,
)
from .models import EevionConfigEntry
from .smart import Reason, SmartStation
from .stations import (
    Snapshot,
    StationState,
    Totals,
    elapsed_s,
    limit_uses,
    port_json,
    site_json,
    tariff_json,
    taxes_json,
)

type Value = StateType | datetime

_AC_LEVELS = (1, 2)
_LEVELS, _OTHER_LEVEL = (1, 2, 3), "other"
_MINUTE_S = 60

_NONE = "none"
"""The state of an enumeration that has no value yet."""
_CONNECTOR_BY_SESSION = {
    SessionStatus.AUTHORIZING: ConnectorStatus.PREPARING,
    SessionStatus.CHARGING: ConnectorStatus.CHARGING,
}
# The statuses of a port that say something of its connector, and are none of OCPP. Templates of
# people find the sensor of the status by its option `in_use`.
_CONNECTOR_BY_PORT = {
    PortStatus.IN_USE: "occupied",
    PortStatus.NOT_CONNECTED: PortStatus.NOT_CONNECTED.slug,
}


@dataclass(frozen=True, kw_only=True)
class EevionSensorDescription(EevionDescription, SensorEntityDescription):
    """A sensor of a station."""

    value_fn: Callable[[StationState], Value] | None = None
    """Return the value from the state of a station."""
    session_fn: Callable[[Session], Value] | None = None
    """Return the value from the last session, until the next one begins."""
    before_first: Value = None
    """The value of `session_fn` before the first session."""
    unit_fn: Callable[[StationState], str | None] | None = None
    """Return the unit, for units that sessions report."""
    is_per_session: bool = False
    """Whether the value starts at zero with each session."""

    def value(self, station: StationState) -> Value:
        """Return the native value."""
        if self.session_fn:
            return self.session_fn(station.session) if station.session else self.before_first
        return self.value_fn(station) if self.value_fn else None

    @property
    @override
    def state_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """The state, its unit, the reset and its attributes."""
        fns: list[Callable[[StationState], object] | None] = [self.value_fn, self.unit_fn]
        if session_fn := self.session_fn:
            # Without a session the restored value is shown, so it differs from an unknown value.
            fns.append(
                lambda station: session_fn(station.session) if station.session else _NO_SESSION
            )
        if self.is_per_session:
            fns.append(session_start)
        return (*filter(None, fns), *super().state_fns)


_NO_SESSION = object()


def session_start(station: StationState) -> datetime | None:
    """Return the start of the active or last session."""
    session = station.session
    return session.begun_at if session else None


def _options(words: type[Word], *without: Word) -> list[str]:
    return [word.slug for word in words if word not in without]


def _currency(station: StationState) -> str | None:
    return station.currency


def _connector(station: StationState) -> str | None:
    """Return the connector status, else what follows from the session and the port."""
    status = station.connector_status
    if status is None and (session := station.active_session) and session.status:
        status = _CONNECTOR_BY_SESSION.get(session.status)
    if status is None and station.port.status:
        return _CONNECTOR_BY_PORT.get(station.port.status)
    return slug(status)


def _end_reason(session: Session) -> str | None:
    return _NONE if session.is_active else slug(session.end_reason)


def _total_cost(totals: Totals | None) -> float | None:
    """Return the total cost; it has no currency, and is 0, until something was delivered."""
    if totals is None:
        return None
    return 0 if totals.cost is None and not totals.energy_wh else totals.cost


def _total_currency(station: StationState) -> str | None:
    return (station.totals.currency if station.totals else None) or station.currency


def _duration(session: Session) -> float:
    """Return the full minutes of the duration, in seconds."""
    return (elapsed_s(session, dt_util.utcnow()) or 0) // _MINUTE_S * _MINUTE_S


def _state_of_charge(session: Session) -> float | None:
    if session.end_percentage is not None:
        return session.end_percentage
    return session.start_percentage


def _idle_fee_unit(station: StationState) -> str | None:
    """Return a unit such as CAD/hour, or None without a currency or a time unit."""
    tariff = station.session.tariff if station.session else None
    fee = tariff.idle_fee if tariff else None
    currency = _currency(station)
    return f"{currency}/{fee.unit}" if fee and fee.unit and currency else None


def _tariff(session: Session) -> str:
    return (session.tariff.name if session.tariff else None) or _NONE


def _tariff_attributes(session: Session) -> Mapping[str, Any] | None:
    fields = tariff_json(session.tariff) or {}
    return {name: value for name, value in fields.items() if name not in ("id", "name")}


def _cost_attributes(session: Session) -> Mapping[str, Any]:
    taxes = {"tax_included": session.tax_included, "taxes": taxes_json(session)}
    return taxes | _limit_attributes(session, session.currency or "")


def _energy_attributes(session: Session) -> Mapping[str, Any]:
    return _limit_attributes(session, "Wh", "_kwh", 1 / 1000)


def _duration_attributes(session: Session) -> Mapping[str, Any]:
    limits = [{"type": limit.type, "value": limit.value} for limit in session.limits or ()]
    return {"limits": limits} | _limit_attributes(session, "s", "_s")


def _limit_attributes(
    session: Session, unit: str, suffix: str = "", factor: float = 1
) -> dict[str, float]:
    """Return the limit in a unit that the session reaches first, and what is left of it.

    Of a duration full minutes are left, since each change is a row in the recorder.
    """
    if not (session.limits and session.is_active):
        return {}
    uses = [use for use in limit_uses(session, dt_util.utcnow()) if use.unit == unit]
    known = [use for use in uses if use.left is not None]
    if not known:
        return {}
    first = min(known, key=lambda use: use.left or 0)
    left = first.left or 0
    if unit == "s" and left:
        left = first.limit.value - (first.used or 0) // _MINUTE_S * _MINUTE_S
    return {
        f"limit{suffix}": round(first.limit.value * factor, 6),
        f"left{suffix}": round(left * factor, 6),
    }


def _attributes(
    read: Callable[[Session], Mapping[str, Any] | None],
) -> Callable[[StationState], Mapping[str, Any] | None]:
    return lambda station: read(station.session) if station.session else None


def _started_with(session: Session) -> str | None:
    return None if session.started_with is StartedWith.UNKNOWN else slug(session.started_with)


def _level(station: StationState) -> str:
    level = station.port.level
    return f"level_{level}" if level in _LEVELS else _OTHER_LEVEL


def _information_attributes(station: StationState) -> Mapping[str, Any]:
    """Return what the station is built for, as far as the cloud reports it."""
    facts = port_json(station.port, _currency(station) or station.port.currency)
    return {name: value for name, value in facts.items() if value is not None and name != "level"}


INFORMATION = (
    EevionSensorDescription(
        key="information",
        attributes_fn=_information_attributes,
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        options=[*(f"level_{level}" for level in _LEVELS), _OTHER_LEVEL],
        value_fn=_level,
    ),
)

SENSORS = (
    EevionSensorDescription(
        key="status",
        is_essential=True,
        device_class=SensorDeviceClass.ENUM,
        options=_options(PortStatus),
        value_fn=lambda station: slug(station.port.status),
    ),
    EevionSensorDescription(
        key="connector_status",
        device_class=SensorDeviceClass.ENUM,
        options=[*_options(ConnectorStatus), *_CONNECTOR_BY_PORT.values()],
        value_fn=_connector,
    ),
    EevionSensorDescription(
        key="session_status",
        before_first=_NONE,
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        options=[*_options(SessionStatus), _NONE],
        session_fn=lambda session: slug(session.status),
    ),
    EevionSensorDescription(
        key="session_energy",
        attributes_fn=_attributes(_energy_attributes),
        before_first=0,
        is_essential=True,
        is_per_session=True,
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        session_fn=lambda session: session.energy_wh,
    ),
    EevionSensorDescription(
        key="session_cost",
        before_first=0,
        attributes_fn=_attributes(_cost_attributes),
        is_per_session=True,
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        unit_fn=_currency,
        session_fn=lambda session: session.cost,
    ),
    EevionSensorDescription(
        key="session_cost_before_taxes",
        before_first=0,
        is_per_session=True,
        device_class=SensorDeviceClass.MONETARY,
        entity_registry_enabled_default=False,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        unit_fn=_currency,
        session_fn=lambda session: session.cost_before_taxes,
    ),
    EevionSensorDescription(
        key="session_duration",
        before_first=0,
        attributes_fn=_attributes(_duration_attributes),
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_display_precision=0,
        suggested_unit_of_measurement=UnitOfTime.MINUTES,
        session_fn=_duration,
    ),
    EevionSensorDescription(
        key="session_start",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        session_fn=lambda session: session.started_at,
    ),
    EevionSensorDescription(
        key="session_end",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        session_fn=lambda session: None if session.is_active else session.ended_at,
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
        session_fn=lambda session: session.idle_fee,
    ),
    EevionSensorDescription(
        key="state_of_charge",
        device_class=SensorDeviceClass.BATTERY,
        exists_fn=lambda station: station.port.level not in _AC_LEVELS,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        session_fn=_state_of_charge,
    ),
    EevionSensorDescription(
        key="vehicle",
        entity_registry_enabled_default=False,
        session_fn=lambda session: session.vehicle,
    ),
    EevionSensorDescription(
        key="started_with",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        options=_options(StartedWith, StartedWith.UNKNOWN),
        session_fn=_started_with,
    ),
    EevionSensorDescription(
        key="end_reason",
        before_first=_NONE,
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        options=[*_options(EndReason), _NONE],
        session_fn=_end_reason,
    ),
    EevionSensorDescription(
        key="tariff",
        attributes_fn=_attributes(_tariff_attributes),
        before_first=_NONE,
        entity_category=EntityCategory.DIAGNOSTIC,
        session_fn=_tariff,
    ),
    EevionSensorDescription(
        key="demand_response_limit",
        device_class=SensorDeviceClass.POWER,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
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
        unit_fn=_total_currency,
        value_fn=lambda station: _total_cost(station.totals),
    ),
    EevionSensorDescription(
        key="last_heartbeat",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        session_fn=lambda session: session.last_heartbeat,
    ),
)


@dataclass(frozen=True, kw_only=True)
class EevionSiteSensorDescription(SensorEntityDescription):
    """A sensor of a site."""

    value_fn: Callable[[Snapshot, str], float | None]
    unit_fn: Callable[[Snapshot, str], str | None] | None = None
    attributes_fn: Callable[[Site], Mapping[str, Any]] | None = None
    """Return the extra state attributes, without those that are None."""

    def unit(self, snapshot: Snapshot, site_id: str) -> str | None:
        """Return the unit; sessions report that of money."""
        if self.unit_fn:
            return self.unit_fn(snapshot, site_id)
        return self.native_unit_of_measurement

    def attributes(self, snapshot: Snapshot, site_id: str) -> Mapping[str, Any] | None:
        """Return the extra state attributes."""
        site = snapshot.sites.get(site_id)
        return self.attributes_fn(site) if self.attributes_fn and site else None

    def change_key_fn(self, site_id: str) -> Callable[[Snapshot], object]:
        """Return what returns all of these."""
        return lambda snapshot: (
            self.value_fn(snapshot, site_id),
            self.unit(snapshot, site_id),
            self.attributes(snapshot, site_id),
        )


_PLACE = ("latitude", "longitude", "address", "continue_if_battery_full")


def _place(site: Site) -> Mapping[str, Any]:
    """Return where a site is: Home Assistant's map shows what has a latitude and a longitude."""
    facts = site_json(site)
    return {name: facts[name] for name in _PLACE if facts[name] is not None}


def _site_energy(snapshot: Snapshot, site_id: str) -> float | None:
    totals = snapshot.site_totals.get(site_id)
    return totals.energy_wh if totals else None


def _site_currency(snapshot: Snapshot, site_id: str) -> str | None:
    totals = snapshot.site_totals.get(site_id)
    site = snapshot.sites.get(site_id)
    return (totals.currency if totals else None) or (site.currency if site else None)


SITE_SENSORS = (
    EevionSiteSensorDescription(
        key="available_stations",
        attributes_fn=_place,
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
    EevionSiteSensorDescription(
        key="problem_stations",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda snapshot, site_id: sum(
            station.is_problem for station in snapshot.stations_at(site_id)
        ),
    ),
    EevionSiteSensorDescription(
        key="total_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=1,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        value_fn=_site_energy,
    ),
    EevionSiteSensorDescription(
        key="total_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        unit_fn=_site_currency,
        value_fn=lambda snapshot, site_id: _total_cost(snapshot.site_totals.get(site_id)),
    ),
)


PARALLEL_UPDATES = 0


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
            EevionSiteSensor(coordinator, site_id, description, description.change_key_fn(site_id))
            for site_id in device_ids
            if site_id in coordinator.data.sites
            for description in SITE_SENSORS
        ),
    )
    async_add_entities_for_all(entry, async_add_entities, SENSORS, _sensor)
    async_add_entities_for_all(entry, async_add_entities, INFORMATION, EevionInformationSensor)
    async_add_smart_entities(entry, async_add_entities, SMART_SENSORS, EevionSmartSensor)


class EevionSensor(EevionEntity, SensorEntity):
    """A sensor of a station."""

    entity_description: EevionSensorDescription

    @property
    @override
    def native_value(self) -> Value:
        """The value in the current state of the station."""
        return self.entity_description.value(self.station)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit; sessions report that of money."""
        if unit_fn := self.entity_description.unit_fn:
            return unit_fn(self.station)
        return self.entity_description.native_unit_of_measurement

    @property
    @override
    def state_class(self) -> SensorStateClass | None:
        """None for an amount in no currency yet: statistics do not change their unit."""
        if self.entity_description.unit_fn and self.native_unit_of_measurement is None:
            return None
        return self.entity_description.state_class


class EevionSessionSensor(EevionSensor, RestoreSensor):
    """A sensor of the last session, which the cloud may no longer list after a restart."""

    _restored: SensorExtraStoredData | None = None
    _restored_reset: datetime | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Restore the values of the last session."""
        await super().async_added_to_hass()
        if self.station.session is None:
            restored = await self.async_get_last_sensor_data()
            if restored is None or restored.native_value is None:
                return
            self._restored = restored
            if last := await self.async_get_last_state():
                self._restored_reset = dt_util.parse_datetime(
                    str(last.attributes.get(ATTR_LAST_RESET, ""))
                )

    @property
    def _past(self) -> SensorExtraStoredData | None:
        return self._restored if self._restored and self.station.session is None else None

    @property
    @override
    def native_value(self) -> Value:
        """The value in the current state of the station, else the restored one."""
        return cast("Value", self._past.native_value) if self._past else super().native_value

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit; that of money belongs to the value."""
        if self._past and self.entity_description.unit_fn:
            return self._past.native_unit_of_measurement
        return super().native_unit_of_measurement

    @property
    @override
    def last_reset(self) -> datetime | None:
        """The start of the session that the value belongs to."""
        if not self.entity_description.is_per_session:
            return None
        return self._restored_reset if self._past else session_start(self.station)


def _sensor(
    coordinator: EevionCoordinator, port_id: str, description: EevionSensorDescription
) -> EevionSensor:
    sensor_class = EevionSessionSensor if description.session_fn else EevionSensor
    return sensor_class(coordinator, port_id, description)


class EevionInformationSensor(EevionSensor):
    """What a station is built for; the recorder keeps none of its attributes."""

    _unrecorded_attributes = frozenset({MATCH_ALL})


@dataclass(frozen=True, kw_only=True)
class EevionSmartSensorDescription(EevionSmartDescription, SensorEntityDescription):
    """A sensor of smart charging."""

    smart_fn: Callable[[SmartStation], Value]
    """The state."""
    smart_attributes_fn: Callable[[SmartStation], Mapping[str, Any] | None] | None = None


SMART_SENSORS = (
    EevionSmartSensorDescription(
        key="smart_charging",
        device_class=SensorDeviceClass.ENUM,
        options=[reason.value for reason in Reason],
        smart_fn=lambda station: station.reason and station.reason.value,
    ),
    EevionSmartSensorDescription(
        key="planned_start",
        device_class=SensorDeviceClass.TIMESTAMP,
        smart_attributes_fn=lambda station: station.planned_slots,
        smart_fn=lambda station: station.planned_start,
    ),
    EevionSmartSensorDescription(
        key="planned_cost",
        device_class=SensorDeviceClass.MONETARY,
        suggested_display_precision=2,
        smart_fn=lambda station: station.planned_cost,
    ),
    EevionSmartSensorDescription(
        key="session_solar_share",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        smart_fn=lambda station: station.solar_share,
    ),
)


class EevionSmartSensor(EevionSmartEntity, SensorEntity):
    """What smart charging decided for a station."""

    entity_description: EevionSmartSensorDescription

    @property
    @override
    def native_value(self) -> Value:
        """What the newest decision says."""
        return self.entity_description.smart_fn(self.smart)

    @property
    @override
    def available(self) -> bool:
        """Whether there is a value: there is none without a plan, or before the first decision."""
        return super().available and self.native_value is not None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What belongs to the state."""
        attributes_fn = self.entity_description.smart_attributes_fn
        return attributes_fn(self.smart) if attributes_fn else None

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit, which for money the price sensor names."""
        if self.entity_description.device_class is SensorDeviceClass.MONETARY:
            return self.smart.currency or self.hass.config.currency
        return self.entity_description.native_unit_of_measurement


class EevionSiteSensor(EevionSiteEntity, SensorEntity):
    """A sensor of a site."""

    entity_description: EevionSiteSensorDescription
    _unrecorded_attributes = frozenset(_PLACE)

    @property
    @override
    def native_value(self) -> float | None:
        """The value in the current snapshot."""
        return self.entity_description.value_fn(self.coordinator.data, self.site_id)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """The extra state attributes."""
        return self.entity_description.attributes(self.coordinator.data, self.site_id)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit; sessions report that of money."""
        return self.entity_description.unit(self.coordinator.data, self.site_id)
