"""Measure what the integration costs, as multiples of the least that it could cost."""

from .house import house  # isort: skip  (before Home Assistant)

import argparse
import asyncio
import logging
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
import time

from .commands import Commands, measure_commands
from .costs import old_frozen
from .dashboard import Dashboard, measure_dashboard
from .polls import Polls, gaps, measure_polls
from .rest import measure_own, measure_shared
from .scenes import SCENES, record
from .server import Server, serve
from .setups import measure_setup
from .tables import Size, show
from .year import Year, measure_year

# More would need minutes, or show nothing else.
_REST_POLLS = 3
_COMMANDS = 20
_DASHBOARDS = 9
_SETUPS = 3
_SETUP_STATIONS = 300
_YEAR_STATIONS = 100


async def measure(count: int, polls: int) -> Size:
    """Measure with a number of stations."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        frames = folder / "frames"
        for scene in SCENES:
            await record(scene, count, gaps(polls), frames)
        async with serve(frames) as server:
            await server.turn(SCENES[0], 0)
            _say(count, "setup")
            setups = max(1, min(_SETUPS, _SETUP_STATIONS // count))
            setup = await measure_setup(server, folder, times=setups)
            _say(count, "polls")
            of_scenes, commands, dashboard = await _measure_running(server, folder, polls)
            _say(count, "rest")
            shared = await measure_shared(server, frames, folder / "shared", _REST_POLLS)
            own = await measure_own(server, frames, folder / "own", _REST_POLLS)
    return Size(
        count=count,
        polls=of_scenes,
        rest_shared=shared,
        rest_own=own,
        setup=setup,
        commands=commands,
        dashboard=dashboard,
    )


async def _warm_up() -> None:
    """Import all there is, and let the interpreter get to know the code."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        await record(SCENES[0], 1, gaps(0), folder / "frames")
        async with serve(folder / "frames") as server:
            await server.turn(SCENES[0], 0)
            await measure_setup(server, folder, times=1)


async def _measure_running(
    server: Server, folder: Path, polls: int
) -> tuple[dict[str, Polls], Commands, Dashboard]:
    async with house(folder / "running", server.url) as running:
        await running.load()
        with old_frozen():
            of_scenes = {
                scene.name: await measure_polls(running, server, scene, polls) for scene in SCENES
            }
            commands = await measure_commands(running, server, _COMMANDS)
            return of_scenes, commands, await measure_dashboard(running, _DASHBOARDS)


async def _measure_year(days: int) -> Year:
    _say(_YEAR_STATIONS, "year")
    with TemporaryDirectory() as name:
        return await measure_year(Path(name), count=_YEAR_STATIONS, days=days)


def _say(count: int, what: str) -> None:
    print(f"{time.process_time():5.0f} s: {count} stations, {what}", file=sys.stderr)


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("sizes", nargs="*", type=int, default=[1, 10, 100, 1000], metavar="N")
    options.add_argument("--polls", type=int, default=9, help="measured polls of each scene (9)")
    options.add_argument("--ratios", action="store_true", help="leave the absolute figures out")
    options.add_argument(
        "--days", type=int, default=365, help="of the year at a hundred stations (365); 0 for none"
    )
    arguments = options.parse_args()
    logging.disable(logging.WARNING)
    asyncio.run(_warm_up())
    sizes = [asyncio.run(measure(count, arguments.polls)) for count in arguments.sizes]
    year = asyncio.run(_measure_year(arguments.days)) if arguments.days else None
    show(sizes, year, ratios=arguments.ratios)


if __name__ == "__main__":
    main()
