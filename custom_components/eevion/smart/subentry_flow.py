"""The form of an electrical connection: which stations, and what there is to go by."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.config_entries import ConfigEntryState, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_UNIT_OF_MEASUREMENT,
    PERCENTAGE,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfTime,
)
from homeassistant.data_entry_flow import section
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.selector import (
    DeviceSelector,
    DeviceSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
)
from homeassistant.util.unit_conversion import PowerConverter
import probatio as vol

from ..const import DOMAIN, MIN_LIMIT_A
from .const import (
    CONF_BATTERY,
    CONF_BATTERY_FIRST,
    CONF_BATTERY_LEVEL,
    CONF_BATTERY_POWER,
    CONF_BATTERY_POWER_SIGN,
    CONF_CHEAP_TIMES,
    CONF_ELECTRICAL,
    CONF_FALLBACK_DELAY,
    CONF_FALLBACK_LIMIT,
    CONF_GRID,
    CONF_GRID_POWER,
    CONF_GRID_POWER_SIGN,
    CONF_MAIN_LIMIT,
    CONF_MAX_CURRENT,
    CONF_PAUSE_DELAY,
    CONF_PHASES,
    CONF_PRICE,
    CONF_PRICE_SECTION,
    CONF_START_DELAY,
    CONF_STATIONS,
    CONF_TIMING,
    CONF_VOLTAGE,
    DEFAULT_BATTERY_FIRST,
    DEFAULT_FALLBACK_DELAY_S,
    DEFAULT_FALLBACK_LIMIT_A,
    DEFAULT_PAUSE_DELAY_S,
    DEFAULT_START_DELAY_S,
    SIGN_CHARGE,
    SIGN_DISCHARGE,
    SIGN_EXPORT,
    SIGN_IMPORT,
    SUBENTRY_SMART_CHARGING,
    TRANSLATION_SIGN,
)
from .inputs import is_power_unit
from .manager import port_ids_of
from .settings import flat

_NUMBERS = ["sensor", "input_number", "number"]
_CHEAP = EntitySelector(
    EntitySelectorConfig(
        domain=["schedule", "calendar", "binary_sensor", "input_boolean", "switch"]
    )
)
# So many present values help to choose a sensor.
_MOST_READINGS = 12


def _in_units(*units: str) -> EntitySelector:
    return EntitySelector(
        EntitySelectorConfig(filter=[{"domain": _NUMBERS, "unit_of_measurement": list(units)}])
    )


def _number(unit: str, lowest: float, highest: float) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=lowest,
            max=highest,
            step=1,
            unit_of_measurement=unit,
            mode=NumberSelectorMode.BOX,
        )
    )


def _sign(*options: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=list(options), translation_key=TRANSLATION_SIGN)
    )


_POWER_UNITS = sorted(filter(None, PowerConverter.VALID_UNITS))
_POWER = _in_units(*_POWER_UNITS)
_AMPS = UnitOfElectricCurrent.AMPERE
_SECONDS = UnitOfTime.SECONDS

_SECTIONS: Mapping[str, dict[vol.Marker, Any]] = {
    CONF_GRID: {
        vol.Optional(CONF_GRID_POWER): _POWER,
        vol.Required(CONF_GRID_POWER_SIGN, default=SIGN_IMPORT): _sign(SIGN_IMPORT, SIGN_EXPORT),
        vol.Optional(CONF_MAIN_LIMIT): _number(_AMPS, 1, 1000),
    },
    CONF_BATTERY: {
        vol.Optional(CONF_BATTERY_POWER): _POWER,
        vol.Required(CONF_BATTERY_POWER_SIGN, default=SIGN_CHARGE): _sign(
            SIGN_CHARGE, SIGN_DISCHARGE
        ),
        vol.Optional(CONF_BATTERY_LEVEL): _in_units(PERCENTAGE),
        vol.Required(CONF_BATTERY_FIRST, default=DEFAULT_BATTERY_FIRST): _number(
            PERCENTAGE, 0, 100
        ),
    },
    CONF_PRICE_SECTION: {
        vol.Optional(CONF_PRICE): EntitySelector(EntitySelectorConfig(domain=_NUMBERS)),
        vol.Optional(CONF_CHEAP_TIMES): _CHEAP,
    },
    CONF_ELECTRICAL: {
        vol.Optional(CONF_VOLTAGE): _number(UnitOfElectricPotential.VOLT, 90, 500),
        vol.Required(CONF_PHASES, default=1): NumberSelector(
            NumberSelectorConfig(min=1, max=3, step=1, mode=NumberSelectorMode.BOX)
        ),
        vol.Optional(CONF_MAX_CURRENT): _number(_AMPS, MIN_LIMIT_A, 500),
    },
    CONF_TIMING: {
        vol.Required(CONF_START_DELAY, default=DEFAULT_START_DELAY_S): _number(_SECONDS, 0, 3600),
        vol.Required(CONF_PAUSE_DELAY, default=DEFAULT_PAUSE_DELAY_S): _number(_SECONDS, 0, 3600),
        vol.Required(CONF_FALLBACK_LIMIT, default=DEFAULT_FALLBACK_LIMIT_A): _number(_AMPS, 0, 500),
        vol.Required(CONF_FALLBACK_DELAY, default=DEFAULT_FALLBACK_DELAY_S): _number(
            _SECONDS, 1, 3600
        ),
    },
}
_OPEN = (CONF_GRID,)


class SmartChargingFlow(ConfigSubentryFlow):
    """One form for a connection: new, or changed."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a connection."""
        return await self._async_step("user", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the settings of a connection."""
        return await self._async_step("reconfigure", user_input)

    async def _async_step(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        present = self._get_reconfigure_subentry() if step_id == "reconfigure" else None
        errors: dict[str, str] = {}
        shown = _by_section(flat(present.data)) if present else {}
        if user_input is not None:
            data = flat(user_input)
            errors = self._errors(data, present.subentry_id if present else None)
            if not errors:
                title = self._title(data)
                if present:
                    return self.async_update_and_abort(entry, present, data=data, title=title)
                return self.async_create_entry(title=title, data=data)
            shown = user_input
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                _schema(self._own_sensors(flat(shown))), shown
            ),
            errors=errors,
            description_placeholders={"readings": self._present_readings(flat(shown))},
        )

    def _errors(self, data: Mapping[str, Any], own_id: str | None) -> dict[str, str]:
        """Return what is wrong; fields in sections cannot show errors of their own."""
        if error := self._error_of_stations(data[CONF_STATIONS], own_id):
            return {CONF_STATIONS: error}
        if error := self._error_of_sensors(data):
            return {"base": error}
        return {}

    def _error_of_stations(self, device_ids: Sequence[str], own_id: str | None) -> str | None:
        entry = self._get_entry()
        port_ids = set(port_ids_of(self.hass, device_ids))
        stations = entry.runtime_data.coordinator.data.stations
        if not device_ids or len(port_ids) < len(set(device_ids)) or port_ids - stations.keys():
            return "no_stations"
        others = {
            port_id
            for subentry in entry.subentries.values()
            if subentry.subentry_type == SUBENTRY_SMART_CHARGING and subentry.subentry_id != own_id
            for port_id in port_ids_of(self.hass, flat(subentry.data).get(CONF_STATIONS, ()))
        }
        return None if port_ids.isdisjoint(others) else "station_taken"

    def _error_of_sensors(self, data: Mapping[str, Any]) -> str | None:
        if not any(data.get(key) for key in (CONF_GRID_POWER, CONF_PRICE, CONF_CHEAP_TIMES)):
            return "nothing_to_go_by"
        if data.get(CONF_MAIN_LIMIT) and not data.get(CONF_GRID_POWER):
            return "main_limit_alone"
        powers = [data[key] for key in (CONF_GRID_POWER, CONF_BATTERY_POWER) if data.get(key)]
        if not all(is_power_unit(self._unit(power)) for power in powers):
            return "sensor_unit"
        if 0 < data.get(CONF_FALLBACK_LIMIT, 0) < MIN_LIMIT_A:
            return "fallback_limit"
        return None

    def _unit(self, entity_id: str) -> object:
        """Return the unit of a sensor, also while it is unavailable."""
        if state := self.hass.states.get(entity_id):
            unit: object = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
            if unit is not None:
                return unit
        known = er.async_get(self.hass).async_get(entity_id)
        return known.unit_of_measurement if known else None

    def _title(self, data: Mapping[str, Any]) -> str:
        """Return the names of the stations, as people call them."""
        devices = dr.async_get(self.hass)
        names = [
            device.name_by_user or device.name or device_id
            for device_id in data[CONF_STATIONS]
            if (device := devices.async_get(device_id))
        ]
        return ", ".join(names)

    def _present_readings(self, data: Mapping[str, Any]) -> str:
        """Return what sensors read now, so that their sign can be judged.

        Those that were chosen; before that, those of a power.
        """
        keys = (CONF_GRID_POWER, CONF_BATTERY_POWER, CONF_BATTERY_LEVEL, CONF_PRICE)
        states = [state for key in keys if (state := self.hass.states.get(data.get(key) or "."))]
        if not states:
            powers = (
                state
                for state in self.hass.states.async_all("sensor")
                if state.attributes.get(ATTR_DEVICE_CLASS) == SensorDeviceClass.POWER
                and not self._is_own(state.entity_id)
            )
            states = list(islice(powers, _MOST_READINGS))
        readings = [
            f"{state.name}: {state.state} {state.attributes.get(ATTR_UNIT_OF_MEASUREMENT, '')}"
            for state in states
        ]
        return "\n".join(f"- {reading.strip()}" for reading in readings) or "-"

    def _is_own(self, entity_id: str) -> bool:
        known = er.async_get(self.hass).async_get(entity_id)
        return known is not None and known.platform == DOMAIN

    def _own_sensors(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return what the stations measure, apart from what was chosen before."""
        return [
            entity.entity_id
            for entity in er.async_get(self.hass).entities.values()
            if entity.platform == DOMAIN
            and entity.domain in _NUMBERS
            and entity.unit_of_measurement in {*_POWER_UNITS, PERCENTAGE}
            and entity.entity_id not in chosen.values()
        ]


def _schema(own_sensors: list[str]) -> vol.Schema:
    """Return the form; sensors of a unit are chosen among those of the house."""

    def field(selector: Any) -> Any:
        if isinstance(selector, EntitySelector) and "filter" in selector.config:
            return EntitySelector({**selector.config, "exclude_entities": own_sensors})
        return selector

    sections = {
        name: vol.Schema({marker: field(selector) for marker, selector in fields.items()})
        for name, fields in _SECTIONS.items()
    }
    return vol.Schema(
        {
            vol.Required(CONF_STATIONS): DeviceSelector(
                DeviceSelectorConfig(
                    multiple=True,
                    filter=[{"integration": DOMAIN}],
                    # Sites have no switch.
                    entity=[{"integration": DOMAIN, "domain": ["switch"]}],
                )
            ),
            **{
                vol.Optional(name): section(schema, {"collapsed": name not in _OPEN})
                for name, schema in sections.items()
            },
        }
    )


def _by_section(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as the form groups them."""
    shown: dict[str, Any] = {CONF_STATIONS: data.get(CONF_STATIONS, [])}
    for name, fields in _SECTIONS.items():
        shown[name] = {key: data[key] for marker in fields if (key := str(marker)) in data}
    return shown
