"""What a station and its session measure."""

from datetime import datetime
from typing import cast, override

from homeassistant.components.sensor import (
    ATTR_LAST_RESET,
    RestoreSensor,
    SensorEntity,
    SensorExtraStoredData,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .entity import (
    EevionEntity,
    EevionSiteEntity,
    async_add_entities_for_all,
    async_follow_devices,
)
from .models import EevionConfigEntry
from .site_sensors import SITE_SENSORS, EevionSiteSensorDescription
from .station_sensors import SENSORS, EevionSensorDescription, Value, session_start

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
            EevionSiteSensor(coordinator, site_id, description)
            for site_id in device_ids
            if site_id in coordinator.data.sites
            for description in SITE_SENSORS
        ),
    )
    async_add_entities_for_all(entry, async_add_entities, SENSORS, EevionSensor)


class EevionSensor(EevionEntity, RestoreSensor):
    """A sensor of a station."""

    entity_description: EevionSensorDescription
    _restored: SensorExtraStoredData | None = None
    _restored_reset: datetime | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Bring back what is told of the last session: the cloud may not list it any more."""
        await super().async_added_to_hass()
        if self.entity_description.session_fn and self.station.session is None:
            self._restored = await self.async_get_last_sensor_data()
            if last := await self.async_get_last_state():
                self._restored_reset = dt_util.parse_datetime(
                    str(last.attributes.get(ATTR_LAST_RESET, ""))
                )

    @property
    def _past(self) -> SensorExtraStoredData | None:
        return self._restored if self.station.session is None else None

    @property
    @override
    def native_value(self) -> Value:
        """What the newest state says."""
        if self._past:
            return cast("Value", self._past.native_value)
        return self.entity_description.value(self.station)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit, which for money only the session tells."""
        if unit_fn := self.entity_description.unit_fn:
            return self._past.native_unit_of_measurement if self._past else unit_fn(self.station)
        return self.entity_description.native_unit_of_measurement

    @property
    @override
    def last_reset(self) -> datetime | None:
        """The start of the session that is counted."""
        if not self.entity_description.is_per_session:
            return None
        return self._restored_reset if self._past else session_start(self.station)


class EevionSiteSensor(EevionSiteEntity, SensorEntity):
    """A sensor of a site."""

    entity_description: EevionSiteSensorDescription

    @property
    @override
    def native_value(self) -> float | None:
        """What the newest snapshot says."""
        return self.entity_description.value_fn(self.coordinator.data, self.site_id)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit, which for money only sessions tell."""
        if unit_fn := self.entity_description.unit_fn:
            return unit_fn(self.coordinator.data, self.site_id)
        return self.entity_description.native_unit_of_measurement
