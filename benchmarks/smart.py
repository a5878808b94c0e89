"""Replay measured sunshine: smart charging in a real Home Assistant beside evcc's rule."""

from .smart_home import FIRST_DAY, running_home  # isort: skip  (before Home Assistant)

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
import logging
from pathlib import Path
import sys
import time

import freezegun
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component import patch_time

from .smart_days import DAY_MIN, Day, read_days, read_year
from .smart_evcc import replay_evcc
from .smart_goals import Pair, failures, print_table, print_verdict, together
from .smart_plant import DEMAND_WH, STEP_S, VOLTS, Plant, Tally
from .smart_year import replay_year

_PHASES = range(0, 30, 10)
"""Seconds of its interval at which evcc may look."""
_MAIN_LIMIT_A = 40
_BREAKER_S = 2 * 3600
_DEAD_S = 1800
_TARGET_KWH = 12.0


async def _replay(
    days: Sequence[Day], freezer: FrozenDateTimeFactory, *, count: int, battery: bool, seed: int
) -> list[Pair]:
    """Replay days with one set-up, one after the other in the same home."""
    pairs = []
    async with running_home(freezer) as home:
        await home.set_up(count=count, with_battery=battery)
        await home.choose("smart")
        for day in days:
            plant = Plant(day, seed=seed)
            ours = await home.replay(plant)
            evcc = [
                replay_evcc(plant, count=count, with_battery=battery, phase_s=phase_s)
                for phase_s in _PHASES
            ]
            left_wh = sum(
                max(0.0, -plant.net_w(second)) * STEP_S / 3600 for second in plant.daylight()
            )
            pairs.append(Pair(day.name, min(left_wh, count * DEMAND_WH), ours, evcc))
            _say(f"{day.name}, {_title(count, battery)}: {ours.solar_wh / 1000:.2f} kWh of sun")
    return pairs


async def _replay_breaker(freezer: FrozenDateTimeFactory, seed: int) -> Tally:
    """Charge two cars with all that the main breaker leaves beside a load that jumps."""
    plant = Plant.jumping(seed)
    async with running_home(freezer) as home:
        await home.set_up(count=2, main_limit_a=_MAIN_LIMIT_A)
        await home.choose("fast")
        seconds = range(3600, 3600 + _BREAKER_S, STEP_S)
        return await home.replay(plant, seconds=seconds, main_limit_w=_MAIN_LIMIT_A * VOLTS)


async def _replay_dead(day: Day, freezer: FrozenDateTimeFactory, seed: int) -> tuple[Tally, Tally]:
    """Charge on a day as it is, and with a meter that dies for a while in the brightest hour."""
    brightest = max(range(DAY_MIN - 60), key=lambda m: sum(day.ghi[m : m + 60])) * 60
    dead = range(brightest, brightest + _DEAD_S)
    plant = Plant(day, seed=seed)
    async with running_home(freezer) as home:
        await home.set_up()
        await home.choose("smart")
        return await home.replay(plant), await home.replay(plant, dead=dead)


def _title(count: int, battery: bool) -> str:  # noqa: FBT001
    return f"{count} station{'s' * (count > 1)}, {'with' if battery else 'no'} battery"


def _say(text: str) -> None:
    print(f"{time.process_time():6.0f} s CPU: {text}", file=sys.stderr, flush=True)


@contextmanager
def frozen() -> Iterator[FrozenDateTimeFactory]:
    """Let time stand still but for what is replayed."""
    freezegun.api.FakeDate = patch_time.HAFakeDate  # type: ignore[misc]
    freezegun.api.FakeDatetime = patch_time.HAFakeDatetime  # type: ignore[misc]
    freezegun.api.datetime_to_fakedatetime = patch_time.ha_datetime_to_fakedatetime
    with freezegun.freeze_time(FIRST_DAY) as freezer:
        yield freezer  # type: ignore[misc]


def _days(arguments: argparse.Namespace) -> Iterator[str]:
    """Replay days, print their tables, and yield the goals that are missed."""
    days = [day for path in arguments.files for day in read_days(path)]
    requests: dict[tuple[int, bool], int] = {}
    for count, battery in product(arguments.stations, arguments.battery):
        with frozen() as freezer:
            pairs = asyncio.run(
                _replay(days, freezer, count=count, battery=battery, seed=arguments.seed)
            )
        title = _title(count, battery)
        print_table(title, pairs)
        yield from failures(title, pairs)
        requests[count, battery] = together(pairs).ours.requests
        alone = requests.get((1, battery))
        if count > 1:
            print(f"\nRequests: {requests[count, battery]}, with one station {alone}.")
    with frozen() as freezer:
        breaker = asyncio.run(_replay_breaker(freezer, arguments.seed))
    print(
        f"\nMain breaker of {_MAIN_LIMIT_A} A, two cars in `fast`, a load that jumps: above its "
        f"limit for {breaker.over_limit} step(s) at most, {breaker.changes} limit changes."
    )
    if breaker.over_limit > 1:
        yield f"the breaker was above its limit for {breaker.over_limit} steps"
    day = max(days, key=lambda day: sum(day.ghi))
    with frozen() as freezer:
        alive, dead = asyncio.run(_replay_dead(day, freezer, arguments.seed))
    print(
        f"\n{day.name}, the meter dies for half an hour: {dead.solar_wh / 1000:.2f} kWh of sun and "
        f"{dead.imported_wh / 1000:.3f} of import, otherwise {alive.solar_wh / 1000:.2f} and "
        f"{alive.imported_wh / 1000:.3f}."
    )


def _year(arguments: argparse.Namespace) -> Iterator[str]:
    target_wh = arguments.target * 1000
    ours, evcc = replay_year(read_year(arguments.year), target_wh=target_wh, seed=arguments.seed)
    title = f"A year, a target of {arguments.target:g} kWh by 7:00"
    pair = Pair(arguments.year.stem, ours.charged_wh, ours, [evcc])
    print_table(title, [pair])
    if ours.cost > evcc.cost:
        yield f"{title}: the cost is {ours.cost:.2f}, with evcc {evcc.cost:.2f}"
    if ours.missed:
        yield f"{title}: {ours.missed} targets are missed"


def main() -> None:
    """Print tables; the exit status says whether all goals are reached."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.smart", description=__doc__)
    options.add_argument("files", nargs="*", type=Path, help="W/m² by the minute of days")
    options.add_argument("--year", type=Path, help="W/m² by the hour of a year")
    options.add_argument("--target", type=float, default=_TARGET_KWH, help="kWh a day (12)")
    options.add_argument("--stations", type=int, nargs="+", default=[1, 2], choices=(1, 2))
    options.add_argument("--battery", nargs="+", default=["no", "yes"], choices=("no", "yes"))
    options.add_argument("--seed", type=int, default=1, help="of the house's load (1)")
    arguments = options.parse_args()
    if not arguments.files and not arguments.year:
        options.error("name a file with days, or one with --year")
    arguments.battery = [answer == "yes" for answer in arguments.battery]
    logging.disable(logging.WARNING)
    parts: list[Callable[[argparse.Namespace], Iterator[str]]] = []
    parts += [_days] if arguments.files else []
    parts += [_year] if arguments.year else []
    missed = [line for part in parts for line in part(arguments)]
    sys.exit(0 if print_verdict(missed) else 1)


if __name__ == "__main__":
    main()
