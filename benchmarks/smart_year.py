"""A year with a tariff by time of use and a target for each morning, through the pure parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
import sys

from custom_components.eevion.smart.model import (
    Connection,
    Mode,
    PriceSlot,
    Readings,
    StationInput,
)
from custom_components.eevion.smart.rule import State, step

from .smart_days import Day
from .smart_evcc import LoadPoint, Rate, cheapest
from .smart_plant import DAY_S, MAX_A, VOLTS, Plant, Tally, price

READY_S = 7 * 3600
"""Of each day; then the next car comes, and stays until the next morning."""
STEP_S = 60
_HOUR_S = 3600
_MISSED = 0.01
"""Of a target, the part that may be missing; a step brings about so much."""
_CONNECTION = Connection(has_grid=True)
_POWER_W = MAX_A * VOLTS


@dataclass(slots=True)
class _Ours:
    """The rule of this integration."""

    state: State = field(default_factory=State)

    def begin(self) -> None:
        """Forget the vehicle before."""
        self.state = State()

    def limit(self, now: float, grid_w: float, limit: int, car: _Car, rates: Sequence[Rate]) -> int:
        slots = tuple(PriceSlot(start=r.start, end=r.end, price=r.price) for r in rates)
        station = StationInput(
            port_id="car",
            mode=Mode.SMART,
            target_wh=car.target_wh,
            ready_by=car.ready_by,
            max_a=MAX_A,
            watts_per_a=VOLTS,
            limit_a=limit,
            power_w=limit * VOLTS,
            is_active=True,
            is_charging=limit > 0,
            charged_wh=car.target_wh - car.missing_wh,
        )
        readings = Readings(grid_w=grid_w, price=rates[0].price, prices=slots)
        self.state, outcome = step(self.state, _CONNECTION, readings, [station], now=now)
        wanted = outcome.decisions["car"].limit_a
        return limit if wanted is None else int(wanted)


@dataclass(slots=True)
class _Evcc:
    """The solar mode of evcc, and its plan."""

    point: LoadPoint = field(default_factory=LoadPoint)

    def begin(self) -> None:
        """Forget the vehicle before."""
        self.point = LoadPoint()

    def limit(self, now: float, grid_w: float, limit: int, car: _Car, rates: Sequence[Rate]) -> int:
        seconds = car.missing_wh / _POWER_W * _HOUR_S
        plan = cheapest(rates, now=now, target_time=car.ready_by, seconds=seconds)
        if any(rate.start <= now < rate.end for rate in plan):
            return MAX_A
        return self.point.limit(int(now), grid_w, limit)


@dataclass(slots=True)
class _Car:
    target_wh: float
    ready_by: float
    missing_wh: float = 0


def replay_year(days: Sequence[Day], *, target_wh: float, seed: int = 1) -> tuple[Tally, Tally]:
    """Return the tallies of this integration and of evcc for a year."""
    ours, evcc = Tally(), Tally()
    mine, other = _Ours(), _Evcc()
    plants = [Plant(day, seed=seed + index) for index, day in enumerate(days)]
    for index, plant in enumerate(plants[:-1]):
        if index % 30 == 0:
            print(f"{plant.name}: {index} of {len(plants)} days", file=sys.stderr)
        pair = (plant, plants[index + 1])
        _charge(pair, index, mine, ours, target_wh)
        _charge(pair, index, other, evcc, target_wh)
    return ours, evcc


def _charge(
    plants: tuple[Plant, Plant], index: int, rule: _Ours | _Evcc, tally: Tally, target_wh: float
) -> None:
    """Charge from one morning to the next."""
    midnight = index * DAY_S
    car = _Car(target_wh, midnight + DAY_S + READY_S, target_wh)
    limit = 0
    rule.begin()
    for second in range(READY_S, DAY_S + READY_S, STEP_S):
        now = midnight + second
        net_w = plants[second // DAY_S].net_w(second % DAY_S)
        wanted = rule.limit(now, net_w + limit * VOLTS, limit, car, _rates(now, car.ready_by))
        tally.changes += wanted != limit
        tally.starts += limit == 0 < wanted
        limit = wanted
        drawn_wh = min(limit * VOLTS * STEP_S / _HOUR_S, car.missing_wh)
        car_w = drawn_wh * _HOUR_S / STEP_S
        imported_wh = (max(0.0, net_w + car_w) - max(0.0, net_w)) * STEP_S / _HOUR_S
        tally.charged_wh += drawn_wh
        tally.imported_wh += imported_wh
        tally.cost += imported_wh / 1000 * price(second / _HOUR_S)
        car.missing_wh -= drawn_wh
        if car.missing_wh <= 0:
            break
    # What is missing then is charged then, or elsewhere.
    tally.cost += car.missing_wh / 1000 * price(READY_S / _HOUR_S)
    tally.missed += car.missing_wh > _MISSED * target_wh
    tally.changes += limit > 0


def _rates(now: float, end: float) -> list[Rate]:
    """Return the prices of the hours from now on."""
    first = int(now // _HOUR_S)
    return [
        Rate(hour * _HOUR_S, (hour + 1) * _HOUR_S, price(hour))
        for hour in range(first, int(-(-end // _HOUR_S)))
    ]
