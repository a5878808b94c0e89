"""What smart charging knows, wants and answers. Pure values: no Home Assistant, no clock.

Powers are watts, currents amps, energies watt-hours, times epoch seconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum

MIN_A = 6
"""The least current of a charging vehicle (IEC 61851); below it a station pauses."""


class Mode(StrEnum):
    """What a person chose for a station (`charging_mode`)."""

    MANUAL = "manual"
    SMART = "smart"
    FAST = "fast"
    OFF = "off"


class Reason(StrEnum):
    """Why a station does what it does (`smart_charging`)."""

    MANUAL = "manual"
    OFF = "off"
    FAST = "fast"
    SUN = "sun"
    ALWAYS = "always"
    PRICE = "price"
    PLAN = "plan"
    WAITING_FOR_SUN = "waiting_for_sun"
    WAITING_FOR_PRICE = "waiting_for_price"
    WAITING_FOR_PLAN = "waiting_for_plan"
    WAITING_FOR_VEHICLE = "waiting_for_vehicle"
    TARGET_REACHED = "target_reached"
    LIMITED_BY_CONNECTION = "limited_by_connection"
    LIMITED_BY_DEMAND_RESPONSE = "limited_by_demand_response"
    OVERRIDDEN = "overridden"
    SENSOR_MISSING = "sensor_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSlot:
    """A span of time with one price of energy."""

    start: float
    end: float
    price: float
    """Per kWh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The settings of an electrical connection, as its config subentry has them."""

    main_limit_w: float | None = None
    """What the main breaker permits, over all phases."""
    has_grid: bool = False
    """Whether a meter is configured."""
    battery_first: float = 0
    """State of charge in % up to which the house battery charges before the vehicles."""
    start_delay_s: float = 60
    pause_delay_s: float = 180
    fallback_a: float = 0
    """The limit while a sensor is missing; 0 pauses."""

    def is_over(self, readings: Readings) -> bool:
        """Return whether the meter shows more than the main breaker permits."""
        main_limit_w, grid_w = self.main_limit_w, readings.grid_w
        return main_limit_w is not None and grid_w is not None and grid_w > main_limit_w


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the sensors of a connection read now; None where one has no usable value."""

    grid_w: float | None = None
    """Import is positive; the vehicles are included."""
    battery_w: float | None = 0
    """Charging is positive; 0 without a battery."""
    battery_level: float | None = None
    """State of charge in %; None without a sensor for it."""
    price: float | None = None
    """Per kWh, now."""
    prices: tuple[PriceSlot, ...] = ()
    """Prices to come, as far as the sensor lists them, by time."""
    is_cheap: bool | None = None
    """Whether a cheap time is on; None without one configured."""
    is_price_missing: bool = False
    """Whether a configured price or cheap time has no usable value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationInput:
    """One station of a connection now."""

    port_id: str
    mode: Mode = Mode.MANUAL
    is_always_on: bool = False
    """In `smart`, never less than 6 A."""
    target_wh: float = 0
    """Energy of the session to reach; 0 without a target."""
    ready_by: float | None = None
    """When the target is to be reached."""
    price_limit: float | None = None
    """Per kWh; at or below it the station charges."""
    max_a: int = 32
    watts_per_a: float = 240
    """Voltage times phases."""
    limit_a: float = 0
    """The limit in force."""
    power_w: float | None = None
    """What the vehicle draws, as measured; it may lag some 20 s behind."""
    is_power_unseen: bool = False
    """Whether it is only assumed that the vehicle draws what it is permitted."""
    settling_w: float | None = None
    """What the vehicle drew before a change of limits that the meter does not show yet."""
    is_active: bool = False
    """Whether a session goes on."""
    is_charging: bool = False
    """Whether energy flows."""
    charged_wh: float = 0
    """Energy of the session so far."""
    demand_response_w: float | None = None
    """The limit of an active demand-response event."""
    is_overridden: bool = False
    """Whether a person gave a limit, a start or a stop that still counts."""
    may_start: bool = False
    """Whether a start may be tried where no session goes on."""
    is_stuck: bool = False
    """Whether it refused its last limit: until the next try, it counts as part of the house."""

    @property
    def takes_all(self) -> bool:
        """Whether the vehicle draws what it is permitted, as well as can be measured."""
        return self.power_w is None or self.power_w + _ACCURACY_W >= self.limit_w

    @property
    def limit_w(self) -> float:
        """The limit in force, in watts."""
        return self.limit_a * self.watts_per_a

    @property
    def drawn_w(self) -> float:
        """The best estimate of what the vehicle draws as far as the meter shows it."""
        return self.expected_w if self.settling_w is None else self.settling_w

    @property
    def expected_w(self) -> float:
        """The best estimate of what the vehicle draws once it follows the limit in force."""
        if not (self.is_active and self.is_charging):
            return 0
        if self.takes_all:
            return self.limit_w
        return min(self.power_w or 0, self.limit_w)

    @property
    def is_target_reached(self) -> bool:
        """Whether the session has delivered the target."""
        return 0 < self.target_wh <= self.charged_wh

    @property
    def missing_wh(self) -> float:
        """What is left to the target."""
        return max(0.0, self.target_wh - self.charged_wh)


# The cloud counts whole watt-hours, and the power is derived from their differences.
_ACCURACY_W = 750


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The slots in which a station is to charge, to reach its target in time."""

    slots: tuple[PriceSlot, ...] = ()
    """Chosen, by time; the price is NaN where none is known."""
    is_reachable: bool = True
    """False where even charging from now on comes too late."""
    cost: float | None = None
    """Of the energy in the slots; None where no price is known."""

    def is_on(self, now: float) -> bool:
        """Whether a slot covers a moment."""
        return any(slot.start <= now < slot.end for slot in self.slots)

    @property
    def starts_at(self) -> float | None:
        """When the first slot begins; None without slots."""
        return self.slots[0].start if self.slots else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to become of a station."""

    limit_a: float | None
    """Whole amps, or what a person had chosen; None leaves the station as it is."""
    reason: Reason
    plan: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The decisions of one step."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    """By port id."""
    is_urgent: bool = False
    """Whether the limits are to be sent at once: the breaker is at stake."""
    between_s: float = 30
    """So long after the last request the next one may be sent, unless it is urgent."""
