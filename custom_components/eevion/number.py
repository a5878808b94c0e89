"""Charging limits of stations, as they were last set, and what smart charging goes by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import UnitOfElectricCurrent, UnitOfEnergy, UnitOfPower
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import ExtraStoredData, RestoreEntity

from .api import ChargingLimit, LimitUnit, parse
from .entity import (
    EevionChoice,
    EevionChoiceDescription,
    EevionDescription,
    EevionEntity,
    async_add_entities_for_all,
    async_add_smart_entities,
)
from .models import EevionConfigEntry
from .smart import MAX_PRICE, MAX_TARGET_KWH
from .stations import StationState

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionNumberDescription(EevionDescription, NumberEntityDescription):
    """A limit of a station."""

    limit_unit: LimitUnit

    @property
    @override
    def state_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """The functions of the limit and of the highest possible one."""
        unit = self.limit_unit
        return (
            lambda station: station.limit_in(unit),
            lambda station: station.highest_limit(unit),
        )


NUMBERS = (
    EevionNumberDescription(
        key="charging_limit",
        is_essential=True,
        device_class=NumberDeviceClass.CURRENT,
        limit_unit=LimitUnit.AMPERE,
        mode=NumberMode.BOX,
        native_min_value=0,
        native_step=1,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
    ),
    EevionNumberDescription(
        key="power_limit",
        device_class=NumberDeviceClass.POWER,
        entity_registry_enabled_default=False,
        exists_fn=lambda station: station.port.max_power_w is not None,
        limit_unit=LimitUnit.WATT,
        mode=NumberMode.BOX,
        native_min_value=0,
        native_step=1,
        native_unit_of_measurement=UnitOfPower.WATT,
    ),
)


@dataclass(frozen=True, kw_only=True)
class EevionSmartNumberDescription(EevionChoiceDescription, NumberEntityDescription):
    """An amount that smart charging goes by."""

    factor: float = 1
    """The field's value for one of the entity's unit."""


SMART_NUMBERS = (
    EevionSmartNumberDescription(
        key="target_energy",
        device_class=NumberDeviceClass.ENERGY,
        factor=1000,
        field="target_wh",
        mode=NumberMode.BOX,
        native_max_value=MAX_TARGET_KWH,
        native_min_value=0,
        native_step=0.1,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
    ),
    EevionSmartNumberDescription(
        key="price_limit",
        field="price_limit",
        mode=NumberMode.BOX,
        native_max_value=MAX_PRICE,
        native_min_value=-MAX_PRICE,
        native_step=0.001,
        needs_price=True,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers of all stations."""
    async_add_entities_for_all(entry, async_add_entities, NUMBERS, EevionNumber)
    async_add_smart_entities(entry, async_add_entities, SMART_NUMBERS, EevionSmartNumber)


class _CommandedLimit(ExtraStoredData):
    """The stored data of a limit, in the unit in which it was set."""

    def __init__(
        self, limit: ChargingLimit | None, entry_id: str, released_a: float | None
    ) -> None:
        self._limit = limit
        self._entry_id = entry_id
        self._released_a = released_a

    @override
    def as_dict(self) -> dict[str, Any]:
        if self._limit is None:
            return {}
        return {
            "unit": self._limit.unit,
            "limit": self._limit.limit,
            "entry_id": self._entry_id,
            "released_a": self._released_a,
        }

    @staticmethod
    def read(stored: dict[str, Any], entry_id: str, station_id: str) -> ChargingLimit | None:
        """Return the limit of a station; what smart charging set ends with its account.

        None for data that holds no limit.
        """
        unit = parse.word(LimitUnit, stored.get("unit"))
        limit = parse.positive(stored.get("limit"))
        released_a = parse.positive(stored.get("released_a"))
        if released_a is not None and stored.get("entry_id") != entry_id:
            unit, limit = LimitUnit.AMPERE, released_a
        if unit is None or limit is None:
            return None
        return ChargingLimit(station_id=station_id, unit=unit, limit=limit)


class EevionNumber(EevionEntity, NumberEntity, RestoreEntity):
    """A charging limit. The cloud reports none, so it is the last one that was set."""

    _attr_assumed_state = True
    entity_description: EevionNumberDescription

    @property
    @override
    def native_max_value(self) -> float:
        """The maximum of the station."""
        highest = self.station.highest_limit(self.entity_description.limit_unit)
        return highest or 0

    @property
    @override
    def native_value(self) -> float | None:
        """The last set limit; None if none is known."""
        limit = self.station.limit_in(self.entity_description.limit_unit)
        return int(limit) if limit is not None and limit == int(limit) else limit

    @property
    @override
    def extra_restore_state_data(self) -> ExtraStoredData:
        """The data that is stored for the next start."""
        smart = self.runtime.smart.station(self.port_id)
        released_a = (
            smart.memory.released_a(self.station.port.amps)
            if smart and smart.memory.is_lowered
            else None
        )
        return _CommandedLimit(self.station.limit, self._entry_id, released_a)

    @property
    def _entry_id(self) -> str:
        return self.coordinator.config_entry.entry_id

    @override
    async def async_added_to_hass(self) -> None:
        """Restore the limit of the last run.

        Home Assistant writes states every 15 minutes only: what was stored with the command
        goes before them.
        """
        await super().async_added_to_hass()
        if self.station.limit:
            return
        station_id = self.station.port.station_id
        last = await self.async_get_last_extra_data()
        limit: ChargingLimit | None = None
        if commanded := self.runtime.memory.limits.get(self.port_id):
            unit, value = commanded
            limit = ChargingLimit(station_id=station_id, unit=unit, limit=value)
        elif last:
            limit = _CommandedLimit.read(last.as_dict(), self._entry_id, station_id)
        if limit:
            self.coordinator.async_show_limits({self.port_id: limit})

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set the limit at the cloud."""
        unit = self.entity_description.limit_unit
        await self.runtime.control.async_set_limits({self.port_id: value}, unit)


class EevionSmartNumber(EevionChoice[float], NumberEntity):
    """An amount that smart charging goes by."""

    entity_description: EevionSmartNumberDescription

    @property
    @override
    def native_value(self) -> float:
        """What was chosen."""
        return self.choice / self.entity_description.factor

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit; that of a price is the currency of the price sensor."""
        if not self.entity_description.needs_price:
            return self.entity_description.native_unit_of_measurement
        return f"{self.smart.currency or self.hass.config.currency}/{UnitOfEnergy.KILO_WATT_HOUR}"

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Choose it."""
        self._async_choose(value * self.entity_description.factor)
