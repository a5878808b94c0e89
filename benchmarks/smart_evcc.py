"""The rule of evcc as published: sun, house battery, several load points, plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
import math

from .smart_plant import (
    BATTERY_FIRST,
    DEMAND_WH,
    MAX_A,
    MIN_A,
    STEP_S,
    VOLTS,
    Battery,
    Meter,
    Plant,
    Tally,
)


@dataclass(slots=True)
class LoadPoint:
    """The solar mode of one load point: what its settings `enable` and `disable` mean.

    https://docs.evcc.io/en/docs/reference/configuration/loadpoints: the current follows the
    grid; charging begins when the surplus has been enough for the minimum current for
    `enable_delay` (threshold 0), and ends when it has not been for `disable_delay` and the grid
    has delivered (threshold 0). Whole amps, rounded down.
    """

    enable_delay_s: int = 60
    disable_delay_s: int = 180
    _since: int | None = None

    def limit(self, second: int, site_w: float, limit: int) -> int:
        """Return the limit from now on."""
        possible = max(0.0, limit - site_w / VOLTS)
        if limit == 0:
            is_due = self._lasts(second, self.enable_delay_s, is_so=possible >= MIN_A)
            return MIN_A if is_due else 0
        if possible < MIN_A:
            is_due = self._lasts(second, self.disable_delay_s, is_so=site_w >= 0)
            return 0 if is_due else MIN_A
        self._since = None
        return min(MAX_A, math.floor(possible))

    def _lasts(self, second: int, delay_s: int, *, is_so: bool) -> bool:
        if not is_so:
            self._since = None
            return False
        if self._since is None:
            self._since = second
        if second - self._since < delay_s:
            return False
        self._since = None
        return True


@dataclass(slots=True)
class Site:
    """A site with load points: each `interval` one of them is looked at, in turn."""

    count: int
    interval_s: int = 30
    phase_s: int = 0
    _points: list[LoadPoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._points = [LoadPoint() for _ in range(self.count)]

    def limits(self, second: int, site_w: float, limits: Sequence[int]) -> list[int]:
        """Return the limits from now on; `site_w` is what the grid and the battery deliver."""
        new = list(limits)
        turn, rest = divmod(second - self.phase_s, self.interval_s)
        if rest == 0:
            index = turn % self.count
            new[index] = self._points[index].limit(second, site_w, limits[index])
        return new


def replay_evcc(
    plant: Plant, *, count: int = 1, with_battery: bool = False, phase_s: int = 0
) -> Tally:
    """Charge by the published rule for a day.

    Below its priority level, what the battery charges with is not available to cars.
    """
    battery = Battery() if with_battery else None
    meter, site = Meter(plant, count, battery), Site(count, phase_s=phase_s)
    limits, charged = [0] * count, [0.0] * count
    second = 0
    for second in plant.daylight():
        site_w = meter.grid_w(second, sum(limits) * VOLTS)
        if battery and battery.flow_w > 0 and battery.level < BATTERY_FIRST:
            pass
        elif battery:
            site_w -= battery.flow_w
        new = [
            0 if charged[i] >= DEMAND_WH else limit
            for i, limit in enumerate(site.limits(second, site_w, limits))
        ]
        for old, limit in zip(limits, new, strict=True):
            if old != limit:
                meter.command(second)
        limits = new
        cars_w = sum(limits) * VOLTS
        for i, limit in enumerate(limits):
            charged[i] += limit * VOLTS * STEP_S / 3600
        meter.count_step(second, cars_w, limits)
    return meter.close()


@dataclass(frozen=True, slots=True)
class Rate:
    """A span of time with one price, by epoch or any other seconds."""

    start: float
    end: float
    price: float


def cheapest(
    rates: Iterable[Rate], *, now: float, target_time: float, seconds: float
) -> list[Rate]:
    """Return evcc's plan: the cheapest slots before a time, the latest among equals.

    https://docs.evcc.io/en/features/plans: where time is short it charges from now on. The first
    slot starts as late as possible, any other that is used in part ends early.
    """
    if seconds <= 0:
        return []
    if now + seconds >= target_time:
        return [Rate(now, now + seconds, math.nan)]
    clamped = [
        Rate(max(rate.start, now), min(rate.end, target_time), rate.price)
        for rate in rates
        if rate.end > now and rate.start < target_time
    ]
    plan: list[Rate] = []
    for rate in sorted(clamped, key=lambda rate: (rate.price, -rate.start)):
        spare = max(0.0, rate.end - rate.start - seconds)
        is_first = bool(plan) and all(rate.start < other.start for other in plan)
        start = rate.start + spare if is_first else rate.start
        plan.append(Rate(start, start + rate.end - rate.start - spare, rate.price))
        seconds -= plan[-1].end - start
        if seconds <= 0:
            break
    return sorted(plan, key=lambda rate: rate.start)
