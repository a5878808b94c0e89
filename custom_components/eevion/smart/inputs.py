"""What the sensors of a connection read, in watts, percent and prices."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
import math
from typing import Any, Self, TypeGuard

from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_OFF,
    STATE_ON,
    UnitOfPower,
)
from homeassistant.core import HomeAssistant, State
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import PowerConverter

from .const import (
    CONF_BATTERY_LEVEL,
    CONF_BATTERY_POWER,
    CONF_BATTERY_POWER_SIGN,
    CONF_CHEAP_TIMES,
    CONF_FALLBACK_DELAY,
    CONF_GRID_POWER,
    CONF_GRID_POWER_SIGN,
    CONF_PRICE,
    DEFAULT_FALLBACK_DELAY_S,
    SIGN_DISCHARGE,
    SIGN_EXPORT,
)
from .model import PriceSlot, Readings
from .price_list import price_slots


@dataclass(frozen=True, slots=True)
class Sensors:
    """The sensors that a person chose; the signs are applied here, once."""

    grid_power: str | None
    is_grid_export: bool
    battery_power: str | None
    is_battery_discharge: bool
    battery_level: str | None
    price: str | None
    cheap_times: str | None
    patience_s: float
    """For how long a value counts that has not been heard again."""

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> Self:
        """Read the data of a config subentry."""
        return cls(
            grid_power=data.get(CONF_GRID_POWER),
            is_grid_export=data.get(CONF_GRID_POWER_SIGN) == SIGN_EXPORT,
            battery_power=data.get(CONF_BATTERY_POWER),
            is_battery_discharge=data.get(CONF_BATTERY_POWER_SIGN) == SIGN_DISCHARGE,
            battery_level=data.get(CONF_BATTERY_LEVEL),
            price=data.get(CONF_PRICE),
            cheap_times=data.get(CONF_CHEAP_TIMES),
            patience_s=data.get(CONF_FALLBACK_DELAY, DEFAULT_FALLBACK_DELAY_S),
        )

    @property
    def entity_ids(self) -> list[str]:
        """The entities that are configured."""
        chosen = (
            self.grid_power,
            self.battery_power,
            self.battery_level,
            self.price,
            self.cheap_times,
        )
        return [entity_id for entity_id in chosen if entity_id]


def is_power_unit(unit: object) -> TypeGuard[str]:
    """Return whether a unit of measurement is one of power; a state may name anything as its."""
    return isinstance(unit, str) and unit in PowerConverter.VALID_UNITS


def power_w(state: State) -> float | None:
    """Return the watts of a power sensor; None for no number, no unit of power, or too many."""
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    if not is_power_unit(unit) or (value := number(state)) is None:
        return None
    watts = PowerConverter.convert(value, unit, UnitOfPower.WATT)
    return watts if abs(watts) <= _MOST_W else None


@dataclass(frozen=True, slots=True)
class PriceUnit:
    """The unit of a price sensor."""

    currency: str | None
    """As the sensor writes it; None where it names none."""
    per_kwh: float
    """What the sensor's prices are multiplied by, to be prices of a kWh."""


def price_unit(unit: Any) -> PriceUnit:
    """Return what a unit such as EUR/MWh says; one that says nothing is of a kWh."""
    currency, _, energy = str(unit or "").partition("/")
    return PriceUnit(currency.strip() or None, _PER_KWH.get(energy.strip().casefold(), 1))


def price_per_kwh(state: State) -> float | None:
    """Return the price of a price sensor per kWh; None for what is no price."""
    if (value := number(state)) is None:
        return None
    price = value * price_unit(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)).per_kwh
    return price if _is_likely(price) else None


def _price_slots(state: State) -> tuple[PriceSlot, ...]:
    """Return the prices that a price sensor lists, per kWh."""
    per_kwh = price_unit(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)).per_kwh
    slots = (replace(slot, price=slot.price * per_kwh) for slot in price_slots(state.attributes))
    return tuple(slot for slot in slots if _is_likely(slot.price))


_PER_KWH = {"mwh": 1 / 1000, "wh": 1000}
# In any currency; beyond it is no price.
_MOST_PER_KWH = 1e6
# No house has so much.
_MOST_W = 1e9


class Inputs:
    """Reads the sensors of one connection; a value outlives a short absence of its sensor."""

    def __init__(self, hass: HomeAssistant, sensors: Sensors) -> None:
        """Prepare; nothing is read yet."""
        self._hass = hass
        self._sensors = sensors
        self._last: dict[str, tuple[float, float]] = {}
        """Moment and value, by entity id."""
        self._attributes: Mapping[str, Any] | None = None
        """Those that `_slots` are from."""
        self._slots: tuple[PriceSlot, ...] = ()
        self._listed: tuple[float, tuple[PriceSlot, ...]] = (-math.inf, ())
        """Moment and prices of the list that was heard last."""

    @property
    def price_unit(self) -> PriceUnit:
        """The unit of the price sensor."""
        state = self._hass.states.get(self._sensors.price) if self._sensors.price else None
        return price_unit(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT) if state else None)

    @property
    def grid_heard_at(self) -> float:
        """When the meter was heard last, in epoch seconds."""
        return self._last.get(self._sensors.grid_power or "", (-math.inf, 0))[0]

    def read(self) -> Readings:
        """Return what the sensors read now."""
        sensors = self._sensors
        prices = self._prices()
        price = self._value(sensors.price, price_per_kwh, is_often=False)
        now = dt_util.utcnow().timestamp()
        if price is None:
            price = next((s.price for s in prices if s.start <= now < s.end), None)
        is_cheap = self._is_cheap()
        level = self._value(sensors.battery_level, number, is_often=False)
        battery_w = self._power(sensors.battery_power, is_turned=sensors.is_battery_discharge)
        if sensors.battery_level and level is None:
            battery_w = None
        elif not sensors.battery_power:
            battery_w = 0
        return Readings(
            grid_w=self._power(sensors.grid_power, is_turned=sensors.is_grid_export),
            battery_w=battery_w,
            battery_level=level,
            price=price,
            prices=prices,
            is_cheap=is_cheap,
            is_price_missing=(sensors.price is not None and price is None)
            or (sensors.cheap_times is not None and is_cheap is None),
        )

    def _power(self, entity_id: str | None, *, is_turned: bool) -> float | None:
        """Return watts in the sense of `Readings`."""
        value = self._value(entity_id, power_w, is_often=True)
        return -value if value is not None and is_turned else value

    def _value(
        self, entity_id: str | None, read: Callable[[State], float | None], *, is_often: bool
    ) -> float | None:
        """Return the value of a sensor, or the last one for as long as patience lasts.

        A sensor that reports often has to be heard within that time, too.
        """
        if entity_id is None:
            return None
        now = dt_util.utcnow().timestamp()
        state = self._hass.states.get(entity_id)
        if state and (value := read(state)) is not None:
            heard = state.last_reported.timestamp() if is_often else now
            self._last[entity_id] = heard, value
        heard, value = self._last.get(entity_id, (-math.inf, None))
        # A clock that was set back makes no value young for ever.
        return value if abs(now - heard) <= self._sensors.patience_s else None

    def _prices(self) -> tuple[PriceSlot, ...]:
        """Return the prices to come, or those listed last for as long as patience lasts.

        The list is read again only where it changed.
        """
        now = dt_util.utcnow().timestamp()
        state = self._hass.states.get(self._sensors.price) if self._sensors.price else None
        if state:
            if self._attributes is not state.attributes:
                self._attributes, self._slots = state.attributes, _price_slots(state)
            if self._slots or price_per_kwh(state) is not None:
                self._listed = now, self._slots
        heard, slots = self._listed
        return slots if abs(now - heard) <= self._sensors.patience_s else ()

    def _is_cheap(self) -> bool | None:
        """Return whether a cheap time is on; None where none is configured or it says nothing."""
        entity_id = self._sensors.cheap_times
        state = self._hass.states.get(entity_id) if entity_id else None
        if state is None or state.state not in (STATE_ON, STATE_OFF):
            return None
        return state.state == STATE_ON


def _is_likely(price: float) -> bool:
    return abs(price) <= _MOST_PER_KWH


def number(state: State) -> float | None:
    """Return the number that a state is; None for anything else."""
    try:
        value = float(state.state)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
