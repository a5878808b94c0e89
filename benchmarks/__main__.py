"""Measure polls and the setup, as multiples of the least they could cost."""

from .house import House, cpu, home, memory, stall  # isort: skip  (before Home Assistant)

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
import gc
import logging
from pathlib import Path
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory

from aiohttp import ClientSession
from aiohttp.test_utils import unused_port
from homeassistant.core import State

from .scenes import SCENES, Scene, record

POLL_COLUMNS = ("stations", "scene", "requests", "states", "CPU", "floor", "ratio")
POLL_COLUMNS += ("stall", "floor", "ratio")
SETUP_COLUMNS = ("stations", "entities", "CPU", "floor", "ratio", "memory", "floor", "ratio")


@dataclass
class Server:
    """The replayed cloud."""

    url: str
    session: ClientSession

    async def turn(self, scene: Scene, frame: int) -> int:
        """Turn to a frame; return the requests since the last turn."""
        query = {"scene": scene.name, "frame": str(frame)}
        async with self.session.get(f"{self.url}/turn", params=query) as response:
            return int(await response.text())


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Server]:
    """Replay a folder in another process, whose work does not count."""
    port = unused_port()
    command = [sys.executable, "-m", "benchmarks.replay", str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220
        assert process.stdout
        await asyncio.to_thread(process.stdout.readline)
        try:
            async with ClientSession() as session:
                yield Server(f"http://127.0.0.1:{port}", session)
        finally:
            process.terminate()


async def measure_scene(
    house: House, server: Server, scene: Scene, frames: int
) -> list[tuple[float, ...]]:
    """Poll one frame after the other, and then again at the least cost."""
    rows = []
    changes: dict[int, list[State]] = {}
    for measure in (cpu, stall):
        found: list[float] = []
        requests: list[int] = []
        for frame in range(frames):
            await server.turn(scene, frame)
            house.changes.clear()
            found.append(await measure(house.poll))
            changes[frame] = list(house.changes)
            requests.append(await server.turn(scene, frame))
        floors: list[float] = []
        for frame in range(frames):
            await server.turn(scene, frame)
            floors.append(await measure(lambda known=changes[frame]: house.floor_poll(known)))
        rows.append((found[1:], floors[1:], requests[1:]))
    (cpus, floors, requests), (stalls, floor_stalls, _) = rows
    written = median(len(states) for frame, states in changes.items() if frame)
    return [
        (max(requests), written, median(cpus), median(floors)),
        (median(stalls), median(floor_stalls)),
    ]


async def measure(count: int, frames: int) -> tuple[list[Sequence[object]], Sequence[object]]:
    """Return the rows of a number of stations."""
    with TemporaryDirectory() as folder:
        frames_folder = Path(folder, "frames")
        for scene in SCENES:
            await record(scene, count, frames, frames_folder)
        async with serve(frames_folder) as server:
            await server.turn(SCENES[0], 0)
            setup = await measure_setup(server, count, folder)
            async with home(Path(folder, "config")) as hass:
                house = House(hass, server.url)
                await house.load()
                gc.collect()
                gc.freeze()  # what lives on is no part of a poll
                polls = []
                for scene in SCENES:
                    poll, stalls = await measure_scene(house, server, scene, frames)
                    requests, written, ours, least = poll
                    polls.append(
                        (
                            count,
                            scene.name,
                            requests,
                            round(written),
                            *_compared(ours * 1000, least * 1000, "ms"),
                            *_compared(stalls[0] * 1000, stalls[1] * 1000, "ms"),
                        )
                    )
    gc.unfreeze()
    return polls, setup


async def measure_setup(server: Server, count: int, folder: str) -> Sequence[object]:
    """Set an account up from nothing, once for the CPU and once for the memory."""
    found: list[tuple[float, float]] = []
    entities = 0
    for measured in (_nothing, cpu, memory):
        async with home(Path(folder, measured.__name__)) as hass:
            house = House(hass, server.url)

            async def floor(house: House = house) -> None:
                house.floor_load()

            gc.collect()
            ours = await measured(house.load)
            entities = len(hass.states.async_entity_ids())
            house.changes.clear()
            gc.collect()
            least = await measured(floor)
            found.append((ours, least))
    _, cpus, bytes_ = found
    return (
        count,
        entities,
        *_compared(*(seconds * 1000 / count for seconds in cpus), "ms"),
        *_compared(*(size / 1024 / count for size in bytes_), "KiB"),
    )


async def _nothing(work: Callable[[], Awaitable[None]]) -> float:
    """Do it once so that everything is imported."""
    await work()
    return 0


def _compared(ours: float, least: float, unit: str) -> tuple[str, str, str]:
    return f"{ours:.2f} {unit}", f"{least:.2f} {unit}", f"{ours / least:.1f}" if least else "-"


def show(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, ratios: bool
) -> None:
    """Print a table, without what differs from machine to machine if so wished."""
    kept = [
        index
        for index, name in enumerate(columns)
        if not ratios or name not in ("CPU", "floor", "stall", "memory")
    ]
    names = list(columns)
    for index, name in enumerate(names):
        if name == "ratio":
            names[index] = f"{columns[index - 2]} ratio"
    table = [names, *([str(value) for value in row] for row in rows)]
    widths = [max(len(line[index]) for line in table) for index in range(len(names))]
    lines = [" | ".join(line[i].ljust(widths[i]) for i in kept) for line in table]
    lines.insert(1, " | ".join("-" * widths[i] for i in kept))
    print(f"\n{title}\n")
    for line in lines:
        print(f"| {line} |")


def main() -> None:
    """Print two tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("sizes", nargs="*", type=int, default=[1, 10, 100, 1000], metavar="N")
    options.add_argument("--polls", type=int, default=9, help="measured polls of each scene (9)")
    options.add_argument("--ratios", action="store_true", help="leave the absolute figures out")
    arguments = options.parse_args()
    logging.disable(logging.WARNING)
    polls: list[Sequence[object]] = []
    setups: list[Sequence[object]] = []
    for count in arguments.sizes:
        rows, setup = asyncio.run(measure(count, arguments.polls + 1))
        polls += rows
        setups.append(setup)
        print(f"{count} stations measured", file=sys.stderr)
    show("A poll", POLL_COLUMNS, polls, ratios=arguments.ratios)
    show("The setup, per station", SETUP_COLUMNS, setups, ratios=arguments.ratios)


if __name__ == "__main__":
    main()
