"""A house with solar panels on one measured day, and what a charge costs it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
import math
from pathlib import Path
from random import Random

PEAK_KW = 8
VOLTS = 240
MIN_A, MAX_A = 6, 32
DEMAND_WH = 20_000
STEP_S = 10
MORNING_S, EVENING_S = 8 * 3600, 16 * 3600
"""Before and after, the panels do not leave 6 A over."""


class Plant:
    """The panels, and a house with a fridge, a heat pump, a kitchen and a washing machine."""

    def __init__(self, csv: Path, *, seed: int = 1) -> None:
        """Read W/m² by the minute."""
        rows = (line.split(",") for line in csv.read_text(encoding="utf-8").splitlines())
        self._pv_w = [PEAK_KW * float(row[1]) for row in rows if row[0].isdigit()]
        self._house_w = [400.0] * (86_400 // STEP_S)
        random = Random(seed)
        for begin_min in range(random.randrange(40), 1440, 40):
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

    def _add(self, random: Random, begin_min: int, minutes: int, watts: float) -> None:
        begin = (begin_min * 60 + random.randrange(300)) // STEP_S
        for step in range(begin, min(len(self._house_w), begin + minutes * 60 // STEP_S)):
            self._house_w[step] += watts

    def net_w(self, second: int) -> float:
        """Return the grid power of house and panels without the car; feeding is negative."""
        minute, rest = divmod(second, 60)
        before, after = self._pv_w[minute], self._pv_w[min(minute + 1, len(self._pv_w) - 1)]
        return self._house_w[second // STEP_S] - before - (after - before) * rest / 60


@dataclass
class ImportResult:
    """What became of the charge."""

    charged_wh: float = 0
    imported_wh: float = 0
    """The grid energy that the car caused."""
    limits: list[float] = field(default_factory=lambda: [0.0])

    def count(self, net_w: float, car_w: float, limit: float) -> None:
        """Count one step."""
        imported_w = max(0, net_w + car_w) - max(0, net_w)
        self.charged_wh += car_w * STEP_S / 3600
        self.imported_wh += imported_w * STEP_S / 3600
        if limit != self.limits[-1]:
            self.limits.append(limit)

    @property
    def solar_wh(self) -> float:
        return self.charged_wh - self.imported_wh

    @property
    def solar_share(self) -> float:
        """Of what was charged."""
        return self.solar_wh / self.charged_wh

    @property
    def demand_share(self) -> float:
        """Of what was wanted, the part that the sun gave."""
        return self.solar_wh / DEMAND_WH

    @property
    def starts(self) -> int:
        return sum(before == 0 for before in self.limits[:-1])

    @property
    def changes(self) -> int:
        return len(self.limits) - 1


@dataclass
class PublishedRule:
    """The pv mode of evcc, as documented: what its settings `enable` and `disable` mean.

    https://docs.evcc.io/en/docs/reference/configuration/loadpoints: in steps of `interval`,
    the current follows the grid; charging begins when the surplus has been enough for the
    minimum current for `enable_delay` (threshold 0), and ends when it has not been for
    `disable_delay` and the grid has delivered (threshold 0). Whole amps, rounded down.
    """

    interval_s: int = 30
    phase_s: int = 0
    enable_delay_s: int = 60
    disable_delay_s: int = 180
    _since: int | None = None

    def limit(self, second: int, grid_w: float, limit: int) -> int:
        """Return the limit from now on."""
        if second % self.interval_s != self.phase_s:
            return limit
        possible = max(0, limit - grid_w / VOLTS)
        if limit == 0:
            is_due = self._lasts(second, self.enable_delay_s, is_so=possible >= MIN_A)
            return MIN_A if is_due else 0
        if possible < MIN_A:
            is_due = self._lasts(second, self.disable_delay_s, is_so=grid_w >= 0)
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


def steps() -> Iterable[int]:
    """Return the seconds of the day at which something is looked at."""
    return range(MORNING_S, EVENING_S, STEP_S)


def replay_rule(plant: Plant, rule: PublishedRule) -> ImportResult:
    """Charge by the rule for a day."""
    tally, limit = ImportResult(), 0
    for second in steps():
        net_w = plant.net_w(second)
        limit = rule.limit(second, net_w + limit * VOLTS, limit)
        tally.count(net_w, limit * VOLTS, limit)
        assert tally.charged_wh < DEMAND_WH
    return tally


def mean(tallies: Sequence[ImportResult], name: str) -> float:
    """Return the mean of a figure."""
    return sum(float(getattr(tally, name)) for tally in tallies) / len(tallies)
