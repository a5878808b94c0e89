"""A Home Assistant with the real coordinator and ledgers, in a time that passes on command.

Only what is outside of the integration and of Home Assistant's core is a stand-in: the network
before the simulator's handlers, and the disk.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
import json
from typing import Any, override
from unittest.mock import patch

from aiohttp import ClientConnectionError
from homeassistant.config_entries import ConfigEntries, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.json import json_dumps
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.eevion import coordinator as coordinator_module
from custom_components.eevion.accounting.accounting import Accounting
from custom_components.eevion.accounting.amounts import MONEY, WH
from custom_components.eevion.api import EevionClient, RateLimit, Session
from custom_components.eevion.background.reconciliation import LedgerReconciler
from custom_components.eevion.commands.charging import Control
from custom_components.eevion.coordinator import EevionCoordinator
from custom_components.eevion.polling import cadence as cadence_module
from custom_components.eevion.stations.memory import StationMemory
from custom_components.eevion.stations.station import Totals
from custom_components.eevion.webhook import Webhook
from simulator import Cloud, Settings, World
from simulator.charging.power import PowerCurve
from simulator.charging.station import Session as Truth
from simulator.errors import ApiError
from simulator.http.call import Call, Handler
from simulator.http.endpoints import ROUTES
from simulator.http.pipeline import PREFIX
from tests.api.virtual_time import VirtualLoop
from tests.conftest import API_KEY

START = datetime(2026, 10, 31, 20, tzinfo=UTC).timestamp()
"""A few hours before the clocks of the stations' time zones change."""
DAY = 86400.0


def exact(sessions: Sequence[Truth], now_ms: int) -> tuple[int, int]:
    """Return what sessions come to in the ledger's units, by the simulator's own books."""
    snapshots = [session.snapshot(now_ms) for session in sessions]
    energy = sum(s.session.curve.energy_wh(s.until_ms) for s in snapshots)
    return energy * WH, int(sum(s.bill.cost for s in snapshots) * MONEY)


def correct(world: World, session: Truth, factor: float) -> None:
    """Let the cloud correct an ended session, as it does after a meter was read again."""
    now_ms = world.advance()
    if session.start_ms is None or session.end_ms is None:
        return
    energy_wms = session.curve.energy_wms(session.end_ms)
    watts = energy_wms / max(1, session.end_ms - session.start_ms)
    session.curve = PowerCurve()
    session.curve.set(session.start_ms, round(watts * factor))
    session.curve.set(session.end_ms, 0)
    session.updated_ms = now_ms
    world.charging.ended.remove(session)
    world.charging.ended.append(session)


class Loop(VirtualLoop):
    """The clock of everything; what others leave to a thread is done at once."""

    @override
    def run_in_executor(
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as err:  # noqa: BLE001 -- the caller gets it, as from a thread
            done.set_exception(err)
        return done


class _Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


@dataclass(slots=True)
class _Response:
    status: int
    content: _Body
    headers: Mapping[str, str]


def _route(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    """Return the simulator's handler of a request, and what its path has in the place of names."""
    parts = path.split("/")
    for of_method, pattern, handler in ROUTES:
        names = pattern.split("/")
        params = {
            name.strip("{}"): part
            for name, part in zip(names, parts, strict=False)
            if name.startswith("{")
        }
        if of_method in ("*", method) and parts == [
            params.get(name.strip("{}"), name) for name in names
        ]:
            return handler, params
    raise AssertionError(f"{method} {path} is not in the documentation")


class Network:
    """The session of the client: the simulator's own handlers, with all that delays a request."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.latency = 0.0
        self.is_down = False
        self.failing = 0
        """The number of requests that the cloud refuses next."""
        self.lists_past = True
        """Whether lists hold sessions that have ended; the documentation leaves it open."""
        self.lists: list[list[Session]] = []
        self.asked_since: list[float] = []
        """The times, in epoch seconds, since which changes were requested."""

    @asynccontextmanager
    async def request(
        self, method: str, url: URL, *, data: bytes | None, **_: object
    ) -> AsyncIterator[_Response]:
        """Send a request, as `aiohttp.ClientSession` does."""
        await asyncio.sleep(self.latency / 2)
        if self.is_down:
            raise ClientConnectionError("The cloud cannot be reached")
        status, payload, headers = 200, None, {}
        if self.failing:
            self.failing -= 1
            status, headers = 429, {"Retry-After": "5"}
        else:
            status, payload = self._answer(method, url.path.removeprefix(PREFIX), data or b"")
        await asyncio.sleep(self.latency / 2)
        yield _Response(status, _Body(json.dumps(payload).encode()), headers)

    def _answer(self, method: str, path: str, raw: bytes) -> tuple[int, Any]:
        self._world.advance()
        handler, params = _route(method, path)
        try:
            payload = handler(Call(world=self._world, params=params, query={}, raw=raw))
        except ApiError as err:
            return err.status, err.payload
        if isinstance(payload, list) and path == "/session":
            payload = self._listed(payload, json.loads(raw).get("updatedOnOrAfter"))
        return 200, payload

    def _listed(self, rows: list[dict[str, Any]], since_ms: int | None) -> list[dict[str, Any]]:
        if since_ms is not None:
            self.asked_since.append(since_ms / 1000)
        if not self.lists_past:
            active = self._world.charging.active
            rows = [row for row in rows if row["sessionId"] in active]
        self.lists.append([Session.from_json(row) for row in rows])
        return rows


class Life:
    """Home Assistant from a start to its end, with the account as `async_setup_entry` loads it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._tasks: set[asyncio.Task[None]] = set()
        self.hass = HomeAssistant("/nowhere")
        # Polls come when a schedule wants them, as with an automation of `update_entity`.
        self.entry = MockConfigEntry(
            domain="eevion",
            title="Home",
            entry_id="entry",
            data={"api_key": API_KEY, "environment": "production", "known_sites": []},
            pref_disable_polling=True,
        )
        self.accounting: Accounting | None = None
        self.coordinator: EevionCoordinator | None = None
        self.control: Control | None = None
        """These three exist once the account is loaded."""

    def run(self, coro: Awaitable[None]) -> None:
        """Let something go on until its end, or that of this life."""

        async def failing_aloud() -> None:
            try:
                await coro
            except HomeAssistantError:
                pass  # a person reads it, and goes on
            except Exception as err:
                self._house.failures.append(err)
                raise

        task = asyncio.get_running_loop().create_task(failing_aloud())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def start(self) -> None:
        """Load the account, as soon as the cloud lets it."""
        self.hass.config_entries = ConfigEntries(self.hass, {})
        dr.async_setup(self.hass)
        for registry in (ar, dr, er, ir):
            await registry.async_load(self.hass, load_empty=True)
        self.entry.add_to_hass(self.hass)
        while True:
            try:
                await self._load()
            except ConfigEntryNotReady:
                await self.entry._async_process_on_unload(self.hass)
                await asyncio.sleep(30)
            else:
                return

    async def _load(self) -> None:
        hass, entry, clock = self.hass, self.entry, self.hass.loop.time
        client = EevionClient(
            session=self._house.network,
            api_key=API_KEY,
            rate_limit=RateLimit(monotonic=clock, wall=lambda: self._house.now),
        )
        accounting = Accounting(hass, entry)
        await accounting.async_load()
        accounting.async_add_totals_listener(self._house.show)
        entry.async_on_unload(accounting.async_cancel)
        memory = StationMemory(hass, entry)
        await memory.async_load()
        coordinator = EevionCoordinator(hass, entry, client, accounting, memory)
        entry.mock_state(hass, ConfigEntryState.SETUP_IN_PROGRESS)
        await coordinator.async_config_entry_first_refresh()
        entry.mock_state(hass, ConfigEntryState.LOADED)
        control = Control(coordinator, Webhook(hass, entry))
        LedgerReconciler(coordinator).async_start()
        self.accounting, self.coordinator, self.control = accounting, coordinator, control

    async def end(self) -> None:
        """End at once: nothing that still runs may do anything more."""
        for task in [*self._tasks, *self.hass._tasks, *self.hass._background_tasks]:
            task.cancel()
        await self.entry._async_process_on_unload(self.hass)


class House:
    """Stations, their cloud, and a Home Assistant that comes and goes."""

    def __init__(self, loop: Loop, settings: Settings, *, latency: float, disk_s: float) -> None:
        self._loop = loop
        self.world = Cloud(settings, now=lambda: self.now).world()
        self.network = Network(self.world)
        self.network.latency = latency
        self.skew = 0.0
        """By how much Home Assistant's clock is wrong."""
        self.disk: dict[str, str] = {}
        """What a power cut leaves, by the name of a file."""
        self._disk_s = disk_s
        self.life: Life | None = None
        self.failures: list[BaseException] = []
        """What went wrong in tasks that nobody waits for."""
        self.shown: dict[str, Totals] = {}
        self.shown_of_sites: dict[str, Totals] = {}
        self.most: dict[str, tuple[int, int]] = {}
        """The most that each station had really delivered and earned at any time."""
        self.reduced: dict[str, tuple[int, int]] = {}
        """By how much sessions of a station were corrected downwards in all."""
        self.is_all_listed = True
        """Whether every session can be known by itself, without a report."""
        self.grown: set[str] = set()
        """Those with one that was corrected upwards, perhaps one of long ago."""

    @property
    def now(self) -> float:
        """The true time, in epoch seconds."""
        return START + self._loop.time()

    @property
    def ledgers(self) -> Mapping[str, Any]:
        accounting = self.life and self.life.accounting
        return accounting.ledgers if accounting else {}

    # Time

    async def wait(self, seconds: float) -> None:
        """Let time pass; what is due happens when it is due."""
        await asyncio.sleep(seconds)
        if self.failures:
            raise self.failures[0]

    async def suspend(self, seconds: float) -> None:
        """Let time pass while the machine sleeps: what is due happens late."""
        self._loop.clock.now += seconds
        await self.settle()

    async def settle(self) -> None:
        """Let all go on that can."""
        await self.wait(0.001)

    @contextmanager
    def stand_ins(self) -> Iterator[None]:
        """Let the clock and the disk of this house be those of Home Assistant."""
        with ExitStack() as stack:
            stack.enter_context(patch.object(dt_util, "utcnow", self._utcnow))
            for module in (coordinator_module, cadence_module):
                stack.enter_context(patch.object(module, "monotonic", self._loop.time))
            stack.enter_context(patch.object(Store, "_async_load", self._read()))
            stack.enter_context(patch.object(Store, "_async_write_data", self._write()))
            yield

    def _utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.now + self.skew, UTC)

    # The disk

    def _read(self) -> Callable[[Store[Any]], Awaitable[Any]]:
        async def read(store: Store[Any]) -> Any:
            text = self.disk.get(store.key)
            return json.loads(text)["data"] if text else None

        return read

    def _write(self) -> Callable[[Store[Any], dict[str, Any]], Awaitable[None]]:
        async def write(store: Store[Any], data: dict[str, Any]) -> None:
            # Another thread makes the text, while the event loop goes on.
            await asyncio.sleep(self._disk_s / 2)
            if "data_func" in data:
                data["data"] = data.pop("data_func")()
            text = json_dumps(data)
            await asyncio.sleep(self._disk_s / 2)
            if self.life and self.life.hass is store.hass:
                self.disk[store.key] = text

        return write

    # What is shown

    def measure(self) -> None:
        """Record the real energy and revenue so far, as far as they were ever reported."""
        now_ms = self.world.advance()
        for station in self.world.stations:
            energy, cost = exact(station.ledger, now_ms)
            more_energy, more_cost = self.reduced.get(station.port_id, (0, 0))
            most = self.most.get(station.port_id, (0, 0))
            self.most[station.port_id] = (
                max(energy + more_energy, most[0]),
                max(cost + more_cost, most[1]),
            )

    def show(self, totals: Mapping[str, Totals], of_sites: Mapping[str, Totals]) -> None:
        """Be the entities; a failure counts, whoever has called."""
        try:
            self._check_shown(totals, of_sites)
        except AssertionError as err:
            self.failures.append(err)
            raise

    def _check_shown(self, totals: Mapping[str, Totals], of_sites: Mapping[str, Totals]) -> None:
        """Check that no total ever falls, and that none ever counts too much."""
        self.measure()
        on_disk = json.loads(self.disk["eevion.ledger.entry"])["data"]["accounts"]
        for port_id, total in totals.items():
            assert on_disk[port_id]["shown"][0] == round(total.energy_wh * WH)
            energy, cost = self.most[port_id]
            assert round(total.energy_wh * WH) <= energy
            assert round((total.cost or 0) * MONEY) <= cost
        for before, shown in ((self.shown, totals), (self.shown_of_sites, of_sites)):
            for id_, total in shown.items():
                if id_ in before:
                    assert total.energy_wh >= before[id_].energy_wh
                    assert (total.cost or 0) >= (before[id_].cost or 0)
                before[id_] = total

    # Home Assistant

    async def switch_on(self) -> None:
        if self.life is None:
            self.life = Life(self)
            self.life.run(self.life.start())
            await self.settle()

    async def shut_down(self) -> None:
        """Stop as a person does: what is left is written."""
        if self.life and self.life.accounting:
            await self.life.accounting.async_close()
        await self.kill()

    async def kill(self) -> None:
        """Cut the power: only what is on the disk remains."""
        life, self.life = self.life, None
        if life:
            await life.end()
        await self.settle()

    async def do(self, action: Callable[[Life], Awaitable[None]]) -> None:
        """Let Home Assistant do something, if it runs, without waiting for the end of it."""
        if self.life and self.life.control:
            self.life.run(action(self.life))
            await self.settle()

    async def poll(self, seconds: float, every: float = 120) -> None:
        """Let time pass, and Home Assistant poll."""
        until = self.now + seconds
        while self.now < until:
            await self.wait(min(every, until - self.now))
            await self.do(lambda life: life.coordinator.async_refresh())

    # The cloud

    def correct(self, index: int, factor: float) -> None:
        """Correct a station's last session, downwards only where the ledger can know of it."""
        station = self.world.stations[index % len(self.world.stations)]
        ended = [s for s in station.ledger if s in self.world.charging.ended]
        if not ended:
            return
        self.measure()
        if factor < 1:
            ledger = self.ledgers.get(station.port_id)
            is_known = ledger and ended[-1].session_id in ledger.sessions
            if not (is_known and self.network.lists_past):
                return
        else:
            self.grown.add(station.port_id)
        before = exact(ended, self.world.timeline.now_ms)
        correct(self.world, ended[-1], factor)
        after = exact(ended, self.world.timeline.now_ms)
        if factor < 1:
            energy, cost = self.reduced.get(station.port_id, (0, 0))
            self.reduced[station.port_id] = (
                energy + max(0, before[0] - after[0]),
                cost + max(0, before[1] - after[1]),
            )

    async def finish(self) -> None:
        """Mend all, end all sessions, and let so much time pass that all has come to light."""
        self.network.is_down, self.network.failing, self.skew = False, 0, 0.0
        for station in self.world.stations:
            self.world.connect(station.name)
            self.world.unplug(station.name)
        await self.wait(60)
        await self.switch_on()
        await self.poll(1200, every=300)
        for _ in range(3):
            await self.suspend(1.1 * DAY)
            await self.poll(900, every=300)

    def check(self) -> None:
        """Check that the total of each station equals that of the simulator's bills."""
        now_ms = self.world.advance()
        for station in self.world.stations:
            energy, cost = exact(station.ledger, now_ms)
            ledger = self.ledgers[station.port_id]
            counted = ledger.total()
            counted.add_all(ledger.missed)
            assert counted.energy == energy
            assert sum(counted.cost.values()) == cost
            if self.is_all_listed and station.port_id not in self.grown:
                # Sessions come as sessions; the report is there for what could not.
                assert not ledger.missed.energy
            shown = self.shown[station.port_id]
            if station.port_id in self.reduced:
                # It waits at what it had reached before the correction.
                assert round(shown.energy_wh * WH) >= energy
            else:
                assert round(shown.energy_wh * WH) == energy
                # Without a currency, which only sessions contain, no cost is shown.
                assert shown.currency is None or round(shown.cost * MONEY) == cost


def live(life: Callable[[House], Awaitable[None]], settings: Settings, **options: float) -> None:
    """Let a house live, in its own time."""

    async def in_own_time() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        house = House(loop, settings, **options)
        loop.set_exception_handler(lambda _, context: house.failures.append(_failure(context)))
        with house.stand_ins():
            await life(house)
            await house.kill()

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(in_own_time())


def _failure(context: dict[str, Any]) -> BaseException:
    failure = context.get("exception")
    return failure if isinstance(failure, BaseException) else AssertionError(context["message"])
