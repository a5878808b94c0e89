"""Start the simulator and Home Assistant; Ctrl-C stops both."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
import contextlib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import signal
import socket
import sys
import time
from typing import Any

import aiohttp

from .configuration import GRID_POWER, PRICE, ROOT, write_configuration
from .dashboard import URL_PATH, fill_energy_page, make_dashboard
from .home_assistant import (
    PASSWORD,
    USER,
    DemoError,
    HomeAssistant,
    RefusedError,
    wait_until_served,
)

API_KEY = "demo"
HISTORY_DAYS = "10"
HEAD_START_HOURS = "6"
PREPARED = "prepared"
"""A file that says that all has been added that people may change."""
FIRST_START = "The energy page and the bars by day follow: past sessions take two minutes or so."
STATION = "2133"
"""The simulator's first station, which charges by smart charging."""
START_TIMEOUT = 120
STOP_TIMEOUT = 30
# Disabled ones have no state, and an unused button or event is `unknown`.
MISSING = (None, "unavailable")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What runs."""

    ha: HomeAssistant
    simulator_url: str
    log: Path
    """Of Home Assistant."""
    ends: tuple[asyncio.Task[int], ...]
    """The ends of both programs."""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="scripts/develop",
        description=__doc__,
        epilog="What Home Assistant keeps is in .develop/; remove that to begin anew.",
    )
    parser.add_argument("--port", type=int, default=8123, help="of Home Assistant (%(default)s)")
    parser.add_argument("--simulator-port", type=int, default=9555, help="(%(default)s)")
    parser.add_argument(
        "--speed",
        default="1",
        help="of simulated time (%(default)s); above 1 its clock runs ahead of Home Assistant's",
    )
    parser.add_argument("--sites", default="2", help="how many are simulated (%(default)s)")
    parser.add_argument("--stations", default="4", help="how many are simulated (%(default)s)")
    parser.add_argument("--seed", default="1", help="of the simulation (%(default)s)")
    parser.add_argument(
        "--check",
        action="store_true",
        help="begin anew, look whether every station has states, and stop",
    )
    return parser.parse_args(arguments)


def check_port(port: int, option: str) -> None:
    """Refuse to talk to somebody else's program."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise DemoError(
                f"port {port} is taken by another program: stop that, or choose with {option}"
            ) from None


@asynccontextmanager
async def running(name: str, log: Path, *command: str) -> AsyncIterator[asyncio.Task[int]]:
    """Run a Python module as long as the context lasts; yield the wait for its end."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "scripts" / "stand_ins")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C is for this program, which then stops the others in order.
            start_new_session=True,
        )
    end = asyncio.create_task(process.wait(), name=name)
    try:
        yield end
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(end), STOP_TIMEOUT)
        except TimeoutError:
            process.kill()
            await end


async def unless_ended(work: Coroutine[Any, Any, object], *ends: asyncio.Task[int]) -> None:
    """Do `work`; raise when a process ends before that."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((task, *ends), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return
    finally:
        task.cancel()
    ended = ", ".join(f"{end.get_name()} ended ({end.result()})" for end in ends if end.done())
    raise DemoError(f"{ended}; its log says why")


async def prepare(ha: HomeAssistant, folder: Path, *, has_user: bool, url: str) -> None:
    """Bring Home Assistant to where it is worth a look, once: what people change later stays."""
    await (ha.sign_in() if has_user else ha.sign_up())
    await ha.wait_until_running()
    if not await ha.entries("eevion"):
        await ha.add_entry(
            "eevion",
            {"api_key": API_KEY, "environment": "production", "advanced": {"url": url}},
        )
    while not await is_loaded(ha):
        await asyncio.sleep(0.2)
    if not (folder / PREPARED).exists():
        await add_smart_charging(ha)
        await make_dashboard(ha)


async def add_history(ha: HomeAssistant, folder: Path) -> None:
    """Show past sessions on the energy page, once; the cloud allows few requests a minute."""
    if not (folder / PREPARED).exists():
        while True:
            try:
                await ha.act("eevion.import_history")
            except RefusedError as err:
                if err.key != "import_running":
                    raise
                # One that was interrupted goes on by itself.
                await asyncio.sleep(2)
            else:
                break
        await fill_energy_page(ha)
        # A start that was interrupted before leaves none, and is done again.
        (folder / PREPARED).touch()
        print("The sessions of the past ten days are on the energy page.", flush=True)


async def is_loaded(ha: HomeAssistant) -> bool:
    """Return whether the account has been set up."""
    return all(entry["state"] == "loaded" for entry in await ha.entries("eevion"))


async def add_smart_charging(ha: HomeAssistant) -> None:
    """Let the first station charge by the simulated meter, the price and a deadline."""
    entities = {e["entity_id"]: e for e in await ha.call("config/entity_registry/list")}
    mode = f"select.station_{STATION}_charging_mode"
    switch = entities.get(f"switch.station_{STATION}_charging")
    if switch is None or GRID_POWER not in entities:
        return
    if mode not in entities:
        await ha.add_subentry(
            switch["config_entry_id"],
            "smart_charging",
            {
                "stations": [switch["device_id"]],
                "grid": {"grid_power": GRID_POWER, "grid_power_sign": "import", "main_limit": 100},
                "price": {"price": PRICE},
            },
        )
    # The account is loaded again, platform by platform.
    while (await ha.states()).get(mode) in MISSING or not await is_loaded(ha):
        await asyncio.sleep(0.2)
    await ha.act("select.select_option", entity_id=mode, option="smart")
    await ha.act("number.set_value", entity_id=f"number.station_{STATION}_target_energy", value=60)


async def check_states(ha: HomeAssistant, log: Path) -> str:
    """Return what was found; raise when an entity of a station has no state."""
    states = await ha.states()
    entities = [
        entity["entity_id"]
        for entity in await ha.call("config/entity_registry/list")
        if entity["platform"] == "eevion" and not entity["disabled_by"]
    ]
    missing = [
        entity_id
        for entity_id in entities
        # There may be no plan.
        if states.get(entity_id) in MISSING and "_planned_" not in entity_id
    ]
    errors = [line for line in log.read_text().splitlines() if "ERROR" in line and "eevion" in line]
    if missing or errors or not entities:
        counts = f"{len(entities)} entities, {len(missing)} without a state"
        raise DemoError("\n".join([counts, *missing, *errors]))
    return f"{len(entities)} entities, all with states"


@asynccontextmanager
async def demonstration(
    arguments: argparse.Namespace, folder: Path
) -> AsyncIterator[Demonstration]:
    """Run the simulator and Home Assistant as long as the context lasts; yield once it is ready."""
    check_port(arguments.port, "--port")
    check_port(arguments.simulator_port, "--simulator-port")
    has_user = write_configuration(folder, arguments.port)
    simulator_url = f"http://127.0.0.1:{arguments.simulator_port}"
    simulator_options = ["--port", str(arguments.simulator_port), "--key", API_KEY, "--auto-cars"]
    simulator_options += ["--history-days", HISTORY_DAYS, "--head-start", HEAD_START_HOURS]
    simulator_options += ["--state", str(folder / "simulator.json")]
    for option in ("speed", "sites", "stations", "seed"):
        simulator_options += [f"--{option}", getattr(arguments, option)]
    log = folder / "console.log"

    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(
            running("the simulator", folder / "simulator.log", "simulator", *simulator_options)
        )
        home_assistant = await stack.enter_async_context(
            running(
                "Home Assistant",
                log,
                "homeassistant",
                "--config",
                str(folder),
                "--log-no-color",
                # Everything it needs is in the virtual environment.
                "--skip-pip",
            )
        )
        # The last to come is the first to go: an open connection delays Home Assistant's end.
        session = await stack.enter_async_context(aiohttp.ClientSession())
        ha = HomeAssistant(session, f"http://127.0.0.1:{arguments.port}")

        async def start() -> None:
            async with asyncio.timeout(START_TIMEOUT):
                await wait_until_served(session, simulator_url)
                await wait_until_served(session, f"{ha.url}/manifest.json")
                await prepare(ha, folder, has_user=has_user, url=f"{simulator_url}/api/eevion")

        await unless_ended(start(), simulator, home_assistant)
        yield Demonstration(ha, simulator_url, log, (simulator, home_assistant))


async def demonstrate(arguments: argparse.Namespace) -> None:
    """Start everything, say where it is, and wait."""
    begin = time.monotonic()
    folder = ROOT / (".develop-check" if arguments.check else ".develop")
    if arguments.check:
        shutil.rmtree(folder, ignore_errors=True)
    async with demonstration(arguments, folder) as demo:
        print(f"Ready after {time.monotonic() - begin:.0f} s.")
        if arguments.check:
            print(await check_states(demo.ha, demo.log))
            return
        print(
            f"  Home Assistant  {demo.ha.url}/{URL_PATH}   user {USER}, password {PASSWORD}",
            f"  Simulator       {demo.simulator_url}/   API key {API_KEY}",
            f"  Logs            {folder.name}/console.log, {folder.name}/simulator.log",
            *([] if (folder / PREPARED).exists() else [FIRST_START]),
            "Ctrl-C stops both.",
            sep="\n",
            flush=True,
        )
        await unless_ended(add_history(demo.ha, folder), *demo.ends)
        await unless_ended(asyncio.Event().wait(), *demo.ends)


async def main() -> int:
    """Run until something ends it."""
    task = asyncio.create_task(demonstrate(parse_arguments()))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print("Stopped.")
    except TimeoutError:
        print(f"Not ready within {START_TIMEOUT} s; see console.log", file=sys.stderr)
        return 1
    except DemoError as err:
        print(err, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
