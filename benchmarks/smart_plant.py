"""A house with solar panels, a battery if one likes, and what a charge costs it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Self

from .smart_days import DAY_MIN, Day

PEAK_KW = 8
VOLTS = 240
MIN_A, MAX_A = 6, 32
DEMAND_WH = 20_000
"""Of each car, for a day."""
STEP_S = 10
DAY_S = 86_400
BATTERY_FIRST = 80
"""State of charge in % up to which the battery comes before the cars."""

# Per kWh, from an hour of the day on: a usual tariff by time of use.
_TARIFF = ((0, 0.12), (7, 0.24), (16, 0.38), (21, 0.24), (23, 0.12))


def price(hour: float) -> float:
    """Return the price of a kWh at an hour of the day."""
    return next(price for begin, price in reversed(_TARIFF) if begin <= hour % 24)


class Plant:
    """The panels, and a house with a fridge, a heat pump, a kitchen and a washing machine."""

    def __init__(self, day: Day, *, seed: int = 1) -> None:
        """Reckon with 8 kW of panels at 1,000 W/m²."""
        self.name = day.name
        self._pv_w = [PEAK_KW * value for value in day.ghi]
        self._house_w = [400.0] * (DAY_S // STEP_S)
        random = Random(seed)
        for begin_min in range(random.randrange(40), DAY_MIN, 40):
            self._add(random, begin_min, 12, 120)  # fridge
        for begin_min in range(360 + random.randrange(30), 660, 75):
            self._add(random, begin_min, 20, 900)  # heat pump
        for begin_min in (410, 555, 725, 930):
            self._add(random, begin_min, 3, 2000)  # kettle
        for begin_min in range(730, 760, 5):
            self._add(random, begin_min, 2, 1800)  # hob
        self._add(random, 615, 15, 1900)  # washing machine
        for begin_min in range(635, 675, 5):
            self._add(random, begin_min, 1, 300)

    @classmethod
    def jumping(cls, seed: int) -> Self:
        """Return a house in the dark whose load jumps at random, up to 36 A of it."""
        plant = cls(Day("a load that jumps", (0.0,) * DAY_MIN), seed=seed)
        random = Random(seed)
        step, steps = 0, len(plant._house_w)
        while step < steps:
            lasts = random.choice((1, 2, 3, 6, 12, 30))
            plant._house_w[step : step + lasts] = [random.uniform(200, 36 * VOLTS)] * lasts
            step += lasts
        del plant._house_w[steps:]
        return plant

    def _add(self, random: Random, begin_min: int, minutes: int, watts: float) -> None:
        begin = (begin_min * 60 + random.randrange(300)) // STEP_S
        for step in range(begin, min(len(self._house_w), begin + minutes * 60 // STEP_S)):
            self._house_w[step] += watts

    def net_w(self, second: int) -> float:
        """Return what house and panels take from the grid without the cars; feeding is negative."""
        minute, rest = divmod(second, 60)
        before, after = self._pv_w[minute], self._pv_w[min(minute + 1, DAY_MIN - 1)]
        return self._house_w[second // STEP_S] - before - (after - before) * rest / 60

    def daylight(self) -> range:
        """Return the seconds of the day in which panels may leave 6 A, and a while around them."""
        bright = [m for m, watts in enumerate(self._pv_w) if watts > MIN_A * VOLTS]
        if not bright:
            return range(0)
        return range(max(0, bright[0] - 2) * 60, min(DAY_MIN, bright[-1] + 10) * 60, STEP_S)


@dataclass(slots=True)
class Battery:
    """A house battery that keeps the meter at zero as well as it can."""

    capacity_wh: float = 10_000
    most_w: float = 5000
    wh: float = 2000
    flow_w: float = 0
    """Charging is positive."""

    @property
    def level(self) -> float:
        """State of charge in %."""
        return 100 * self.wh / self.capacity_wh

    def follow(self, net_w: float) -> None:
        """Take or give for a step what all others together feed or take."""
        flow_w = max(-self.most_w, min(self.most_w, -net_w))
        flow_w = min(flow_w, (self.capacity_wh - self.wh) * 3600 / STEP_S)
        self.flow_w = max(flow_w, -self.wh * 3600 / STEP_S)
        self.wh += self.flow_w * STEP_S / 3600


@dataclass(slots=True)
class Tally:
    """What became of the charge of one or more cars."""

    charged_wh: float = 0
    imported_wh: float = 0
    """What the cars made the house take from the grid."""
    cost: float = 0
    """Of that."""
    drained_wh: float = 0
    """What the house's battery holds less in the end than without cars."""
    starts: int = 0
    changes: int = 0
    """Of limits, by station."""
    requests: int = 0
    fullest_minute: int = 0
    """Most commands in any 60 seconds."""
    missed: int = 0
    """Targets that were not reached in time."""
    over_limit: int = 0
    """Most steps after each other with more than the main breaker takes."""

    @property
    def solar_wh(self) -> float:
        return self.charged_wh - self.imported_wh

    @property
    def solar_share(self) -> float:
        """Of what was charged; where nothing was, nothing came from elsewhere."""
        return self.solar_wh / self.charged_wh if self.charged_wh else 1.0


def total(tallies: Iterable[Tally]) -> Tally:
    """Return all days as one."""
    result = Tally()
    for tally in tallies:
        result.charged_wh += tally.charged_wh
        result.imported_wh += tally.imported_wh
        result.cost += tally.cost
        result.drained_wh += tally.drained_wh
        result.starts += tally.starts
        result.changes += tally.changes
        result.requests += tally.requests
        result.missed += tally.missed
        result.fullest_minute = max(result.fullest_minute, tally.fullest_minute)
        result.over_limit = max(result.over_limit, tally.over_limit)
    return result


@dataclass(slots=True)
class Meter:
    """A house for a day: what its meter reads with cars, and what they make it take."""

    plant: Plant
    count: int
    battery: Battery | None = None
    main_limit_w: float | None = None
    tally: Tally = field(default_factory=Tally)
    _alone: Battery | None = None
    """The battery as it would be without cars."""
    _limits: list[int] = field(default_factory=list)
    _commands: list[int] = field(default_factory=list)
    _over: int = 0

    def __post_init__(self) -> None:
        self._limits = [0] * self.count
        if self.battery:
            self._alone = Battery(wh=self.battery.wh)

    def grid_w(self, second: int, cars_w: float) -> float:
        """Return what the house takes from the grid; feeding is negative."""
        return self.plant.net_w(second) + cars_w + (self.battery.flow_w if self.battery else 0)

    def count_step(self, second: int, cars_w: float, limits: Sequence[int]) -> None:
        """Count a step with limits in force, and let the battery follow."""
        net_w, tally = self.plant.net_w(second), self.tally
        grid_w, alone_w = net_w + cars_w, net_w
        if self.battery and self._alone:
            self.battery.follow(net_w + cars_w)
            self._alone.follow(net_w)
            grid_w, alone_w = grid_w + self.battery.flow_w, net_w + self._alone.flow_w
        imported_wh = (max(0.0, grid_w) - max(0.0, alone_w)) * STEP_S / 3600
        tally.charged_wh += cars_w * STEP_S / 3600
        tally.imported_wh += imported_wh
        tally.cost += imported_wh / 1000 * price(second / 3600)
        changed = [(old, new) for old, new in zip(self._limits, limits, strict=True) if old != new]
        tally.changes += len(changed)
        tally.starts += sum(old == 0 for old, _ in changed)
        self._limits = list(limits)
        if self.main_limit_w is not None and grid_w <= self.main_limit_w + 1:
            self._over = 0

    def read(self, second: int, cars_w: float) -> float:
        """Return what the meter reads now, before anybody reacts; import is positive."""
        grid_w = self.grid_w(second, cars_w)
        if self.main_limit_w is not None:
            self._over = self._over + 1 if grid_w > self.main_limit_w + 1 else 0
            self.tally.over_limit = max(self.tally.over_limit, self._over)
        return grid_w

    def begin(self, limits: Sequence[int]) -> None:
        """Begin with limits that are in force."""
        self._limits = list(limits)

    def command(self, second: int) -> None:
        """Count a request that changes limits."""
        self.tally.requests += 1
        self._commands = [at for at in self._commands if at > second - 60]
        self._commands.append(second)
        self.tally.fullest_minute = max(self.tally.fullest_minute, len(self._commands))

    def close(self) -> Tally:
        """Return the day's figures."""
        if self.battery and self._alone:
            self.tally.drained_wh = self._alone.wh - self.battery.wh
        return self.tally
