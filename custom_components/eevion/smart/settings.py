"""What a person set up for an electrical connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from .const import (
    CONF_BATTERY_FIRST,
    CONF_FALLBACK_LIMIT,
    CONF_MAIN_LIMIT,
    CONF_MAX_CURRENT,
    CONF_PAUSE_DELAY,
    CONF_PHASES,
    CONF_START_DELAY,
    CONF_VOLTAGE,
    DEFAULT_BATTERY_FIRST,
    DEFAULT_FALLBACK_LIMIT_A,
    DEFAULT_PAUSE_DELAY_S,
    DEFAULT_START_DELAY_S,
)
from .inputs import Sensors
from .model import Connection

_VOLTS = 240
"""Of a station whose voltage the cloud does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """The data of a config subentry, with its stations by port id."""

    subentry_id: str
    title: str
    port_ids: tuple[str, ...]
    """In the order of the form."""
    sensors: Sensors
    main_limit_a: float | None
    voltage: float | None
    """Of one phase; None for that of the station."""
    phases: int
    max_current_a: float | None
    battery_first: float
    start_delay_s: float
    pause_delay_s: float
    fallback_a: float

    @classmethod
    def from_config(
        cls, subentry_id: str, title: str, data: Mapping[str, Any], port_ids: tuple[str, ...]
    ) -> Self:
        """Read the data of a config subentry."""
        data = flat(data)
        return cls(
            subentry_id=subentry_id,
            title=title,
            port_ids=port_ids,
            sensors=Sensors.from_config(data),
            main_limit_a=data.get(CONF_MAIN_LIMIT),
            voltage=data.get(CONF_VOLTAGE),
            phases=int(data.get(CONF_PHASES) or 1),
            max_current_a=data.get(CONF_MAX_CURRENT),
            battery_first=data.get(CONF_BATTERY_FIRST, DEFAULT_BATTERY_FIRST),
            start_delay_s=data.get(CONF_START_DELAY, DEFAULT_START_DELAY_S),
            pause_delay_s=data.get(CONF_PAUSE_DELAY, DEFAULT_PAUSE_DELAY_S),
            fallback_a=data.get(CONF_FALLBACK_LIMIT, DEFAULT_FALLBACK_LIMIT_A),
        )

    def watts_per_a(self, volts: float | None) -> float:
        """Return the watts of one amp at a station of some volts."""
        return (self.voltage or volts or _VOLTS) * self.phases

    def connection(self, volts: float | None) -> Connection:
        """Return what the rule needs; the main breaker has the voltage of the stations."""
        main_limit_w = None
        if self.main_limit_a is not None:
            main_limit_w = self.main_limit_a * self.watts_per_a(volts)
        return Connection(
            main_limit_w=main_limit_w,
            has_grid=self.sensors.grid_power is not None,
            battery_first=self.battery_first,
            start_delay_s=self.start_delay_s,
            pause_delay_s=self.pause_delay_s,
            fallback_a=self.fallback_a,
        )


def flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a form, those in sections included; their names are unique."""
    fields: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            fields |= value
        else:
            fields.setdefault(key, value)
    return fields
