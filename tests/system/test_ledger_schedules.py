"""Random schedules: every watt-hour and every cent once, and no total that ever falls.

`Accounting`, `LedgerStore` and `Recovery` are the real ones, and so is the simulated cloud;
the network, the disk, the clock and Home Assistant are small stand-ins, which is why a
hundred schedules take some seconds. The last test is of the same kind, over HTTP and in
a real Home Assistant.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
import heapq
from itertools import count
import json
import os
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from hypothesis import given, seed as first_of, settings as profile, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.accounting import accounting as accounting_module
from custom_components.eevion.accounting.accounting import Accounting
from custom_components.eevion.accounting.amounts import MONEY, WH
from custom_components.eevion.api import (
    EevionConnectionError,
    EevionNotFoundError,
    EevionRateLimitError,
    Report,
    Session,
    Sessions,
    Site,
    parse,
)
from custom_components.eevion.background import reconciliation as recovery_module
from custom_components.eevion.background.reconciliation import LedgerReconciler
from custom_components.eevion.polling import timer as alarm_module
from custom_components.eevion.stations.sessions import SessionBook
from custom_components.eevion.stations.station import StationState, Totals
from simulator import Cloud, Settings, World
from simulator.charging.power import PowerCurve
from simulator.charging.station import Session as Truth
from simulator.errors import ApiError, ControlError
from simulator.http import endpoints, session_endpoints
from simulator.http.call import Call
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

START = datetime(2026, 10, 31, 20, tzinfo=UTC).timestamp()
"""A few hours before the clocks of the stations' time zones change."""
DAY = 86400.0

EXAMPLES = 600 if os.environ.get("SCHEDULES") == "all" else 150
"""Random schedules for each way to count, the same in each run."""


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


class Disk:
    """What a power cut leaves."""

    def __init__(self) -> None:
        self.text: str | None = None


class Core:
    """One life of Home Assistant, and its config entry: tasks, timers, a sudden end."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_alive = True
        self.entry_id = "entry"
        self.title = "Home"
        self._unloads: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def async_add_executor_job(self, target: Callable[..., Any], *values: Any) -> Any:
        return target(*values)

    def async_on_unload(self, unload: Callable[[], None]) -> None:
        self._unloads.append(unload)

    def async_create_background_task(self, _: Core, coro: Any, _name: str) -> None:
        task = asyncio.get_running_loop().create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            self.clock.failures.append(failure)

    def unload(self) -> None:
        for unload in self._unloads:
            unload()
        self.die()

    def die(self) -> None:
        """End at once: nothing that still runs may do anything more."""
        self.is_alive = False
        for task in self._tasks:
            task.cancel()


class Clock:
    """Time that passes only on command; all waiting tasks are in one queue."""

    def __init__(self) -> None:
        self.now = START
        self.skew = 0.0
        """By how much Home Assistant's clock is wrong."""
        self.failures: list[BaseException] = []
        """What went wrong in tasks that nobody waits for."""
        self._order = count()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._canceled: set[int] = set()

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.now + self.skew, UTC)

    def at(self, due: float, action: Callable[[], None]) -> Callable[[], None]:
        number = next(self._order)
        heapq.heappush(self._queue, (due, number, action))
        return lambda: self._canceled.add(number)

    def call_later(
        self, hass: Core, delay: float, action: Callable[[object], Any]
    ) -> Callable[[], None]:
        def run() -> None:
            if hass.is_alive and (coro := action(None)) is not None:
                hass.async_create_background_task(hass, coro, "due")

        return self.at(self.now + delay, run)

    async def pause(self, seconds: float) -> None:
        """Wait, as a request or a write does."""
        if seconds:
            due = asyncio.get_running_loop().create_future()
            self.at(self.now + seconds, lambda: due.done() or due.set_result(None))
            await due

    async def settle(self) -> None:
        """Let all go on that can."""
        for _ in range(12):
            await asyncio.sleep(0)
        if self.failures:
            raise self.failures[0]

    async def wait(self, seconds: float) -> None:
        """Let time pass; what is due happens when it is due."""
        until = self.now + seconds
        await self.settle()
        while self._queue and self._queue[0][0] <= until:
            due, number, action = heapq.heappop(self._queue)
            self.now = max(self.now, due)
            if number not in self._canceled:
                action()
                await self.settle()
        self.now = max(self.now, until)

    async def suspend(self, seconds: float) -> None:
        """Let time pass while the machine sleeps: what is due happens late."""
        self.now += seconds
        await self.wait(0)


class Api:
    """The client: the simulator's own handlers, read by the real models."""

    def __init__(self, clock: Clock, world: World) -> None:
        self.clock = clock
        self.world = world
        self.latency = 0.0
        self.is_down = False
        self.failing = 0
        self.lists_past = True
        """Whether lists hold sessions that have ended; the documentation leaves it open."""
        self.lists: list[Sessions] = []
        self.asked_since: list[float] = []

    async def _ask(self, handler: Callable[[Call], Any], body: object = None, **params: str) -> Any:
        await self.clock.pause(self.latency / 2)
        if self.is_down:
            raise EevionConnectionError("The cloud cannot be reached")
        if self.failing:
            self.failing -= 1
            raise EevionRateLimitError("No request is left", retry_after=5)
        self.world.advance()
        raw = b"" if body is None else json.dumps(body).encode()
        try:
            answer = handler(Call(world=self.world, params=params, query={}, raw=raw))
        except ApiError as err:
            raise EevionNotFoundError(str(err), code=None) from err
        await self.clock.pause(self.latency / 2)
        return answer

    async def list_sites(self) -> list[Site]:
        return [Site.from_json(row) for row in await self._ask(endpoints.list_sites)]

    async def list_sessions(
        self, *, updated_on_or_after: datetime | None = None, **_: object
    ) -> Sessions:
        body: dict[str, object] = {"limit": 1000}
        if updated_on_or_after:
            self.asked_since.append(updated_on_or_after.timestamp())
            body["updatedOnOrAfter"] = round(updated_on_or_after.timestamp() * 1000)
        rows = await self._ask(session_endpoints.list_or_start, body)
        if not self.lists_past:
            known = self.world.charging.active
            rows = [row for row in rows if row["sessionId"] in known]
        sessions, is_complete = parse.rows(rows, Session.from_json)
        answer = Sessions(sessions=tuple(sessions), is_complete=is_complete)
        self.lists.append(answer)
        return answer

    async def get_session(self, *, session_id: str, **_: object) -> Session:
        return Session.from_json(
            await self._ask(session_endpoints.get_session, session_id=session_id)
        )

    async def get_report(
        self, *, start: datetime, end: datetime, stations: Sequence[str] = (), **_: object
    ) -> Report:
        body: dict[str, object] = {
            "startTimestamp": round(start.timestamp() * 1000),
            "endTimestamp": round(end.timestamp() * 1000),
            "groupBy": "station",
        }
        if stations:
            body["stations"] = list(stations)
        return Report.from_json(await self._ask(session_endpoints.report, body))

    async def start_session(self, name: str) -> Session:
        answer = await self._ask(session_endpoints.list_or_start, {"stationId": name})
        return Session.from_json({"stationId": name, **answer})

    async def stop_session(self, session: Session) -> Session:
        body = {"portId": session.port_id}
        answer = await self._ask(
            session_endpoints.stop_session, body, session_id=session.session_id
        )
        return Session.from_json(answer)


@dataclass(slots=True)
class Snapshot:
    """The stations of the newest poll."""

    stations: dict[str, StationState] = field(default_factory=dict)


class Coordinator:
    """Polls as the real one does, when a test calls it."""

    def __init__(self, api: Api, accounting: Accounting, core: Core) -> None:
        self.hass = self.config_entry = core
        self.client = api
        self.accounting = accounting
        self.data = Snapshot()
        self._book = SessionBook()
        self._listeners: list[Callable[[], None]] = []

    def async_add_listener(self, listener: Callable[[], None], _: object) -> Callable[[], None]:
        self._listeners.append(listener)
        return self._listeners.clear

    def async_apply_past(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            self._book.apply(session)
        self.accounting.async_apply(sessions)

    def active_session_ids(self) -> set[str]:
        return {s.session_id for s in self._book.active() if self._book.is_listed(s)}

    async def poll(self) -> None:
        try:
            sites = await self.client.list_sites()
            answer = await self.client.list_sessions()
        except EevionConnectionError, EevionRateLimitError:
            return
        known = self.data.stations.keys()
        self.data = Snapshot(
            {
                port.port_id: StationState(site_id=site.site_id, port=port)
                for site in sites
                for port in site.ports
            }
        )
        missing, _ = self._book.update(answer.sessions)
        self.accounting.async_follow(self.data.stations)
        self.accounting.async_apply(answer.sessions)
        if known and known != self.data.stations.keys():
            for listener in self._listeners:
                listener()
        for session in missing[:5]:
            await self._confirm(session)

    async def _confirm(self, session: Session) -> None:
        try:
            newest = await self.client.get_session(session_id=session.session_id)
        except EevionNotFoundError:
            self._book.forget(session)
        except EevionConnectionError, EevionRateLimitError:
            return
        else:
            newest = newest.at_port(session.port_id)
            self._book.apply(newest)
            self.accounting.async_apply([newest])

    async def start(self, name: str) -> None:
        """Start as a person does in Home Assistant."""
        await self._command(self.client.start_session(name))

    async def stop(self, port_id: str) -> None:
        """Stop as a person does in Home Assistant."""
        if session := self._book.get(port_id):
            await self._command(self.client.stop_session(session))

    async def _command(self, command: Awaitable[Session]) -> None:
        try:
            session = await command
        except EevionConnectionError, EevionRateLimitError, EevionNotFoundError:
            return
        self.accounting.async_apply([self._book.apply_partial(session)])


class House:
    """Stations, their cloud, and a Home Assistant that comes and goes."""

    def __init__(self, settings: Settings, *, latency: float, disk_s: float) -> None:
        self.clock = Clock()
        self.world = Cloud(settings, now=lambda: self.clock.now).world()
        self.api = Api(self.clock, self.world)
        self.api.latency = latency
        self.disk: str | None = None
        """What a power cut leaves."""
        self.disk_s = disk_s
        self.core: Core | None = None
        self.accounting: Accounting | None = None
        self.coordinator: Coordinator | None = None
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

    @contextmanager
    def stand_ins(self) -> Iterator[None]:
        house = self

        class Store:
            """The storage of Home Assistant, on a slow disk."""

            path = "ledger"
            failure = None

            def __init__(self, hass: Core, *_: object, **__: object) -> None:
                self._hass = hass

            def __class_getitem__(cls, _: object) -> type:
                return cls

            async def async_load(self) -> Any:
                return json.loads(house.disk) if house.disk else None

            async def async_save(self, data: object) -> None:
                # Another thread makes the text, while the event loop goes on.
                await house.clock.pause(house.disk_s / 2)
                text = json.dumps(data)
                await house.clock.pause(house.disk_s / 2)
                assert self._hass.is_alive
                house.disk = text

        class Issues:
            """Home Assistant's, of which there are none."""

            async_delete_issue = staticmethod(lambda *_: None)

        with (
            patch("custom_components.eevion.storage.stored_file.Store", Store),
            patch("custom_components.eevion.storage.stored_file.ir", Issues),
            patch("custom_components.eevion.accounting.store.dt_util", self.clock),
            patch.object(accounting_module, "dt_util", self.clock),
            patch.object(recovery_module, "dt_util", self.clock),
            patch.object(accounting_module, "async_call_later", self.clock.call_later),
            patch.object(alarm_module, "async_call_later", self.clock.call_later),
        ):
            yield

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
        """Be the entities: no total ever falls, and none ever counts too much."""
        self.measure()
        on_disk = json.loads(self.disk or "")["accounts"]
        for port_id, total in totals.items():
            assert on_disk[port_id]["shown"][0] == round(total.energy_wh * WH)
            energy, cost = self.most[port_id]
            assert round(total.energy_wh * WH) <= energy
            assert round((total.cost or 0) * MONEY) <= cost
            if before := self.shown.get(port_id):
                assert total.energy_wh >= before.energy_wh
                assert (total.cost or 0) >= (before.cost or 0)
            self.shown[port_id] = total
        for site_id, total in of_sites.items():
            if before := self.shown_of_sites.get(site_id):
                assert total.energy_wh >= before.energy_wh
                assert (total.cost or 0) >= (before.cost or 0)
            self.shown_of_sites[site_id] = total

    async def switch_on(self) -> None:
        if self.core is None:
            self.core = Core(self.clock)
            self.core.async_create_background_task(self.core, self._live(self.core), "life")
            await self.clock.settle()

    async def _live(self, core: Core) -> None:
        accounting = Accounting(core, core)
        await accounting.async_load()
        accounting.async_add_totals_listener(self.show)
        coordinator = Coordinator(self.api, accounting, core)
        while not coordinator.data.stations:
            await coordinator.poll()
            if not coordinator.data.stations:
                await self.clock.pause(30)
        LedgerReconciler(coordinator).async_start()
        self.accounting, self.coordinator = accounting, coordinator

    async def shut_down(self) -> None:
        """Stop as a person does: what is left is written."""
        if self.core and self.accounting:
            self.core.async_create_background_task(self.core, self.accounting.async_close(), "end")
            await self.clock.wait(2 * self.disk_s)
            self.core.unload()
        await self.kill()

    async def kill(self) -> None:
        """Cut the power: only what is on the disk remains."""
        if self.core:
            self.core.die()
        self.core = self.accounting = self.coordinator = None
        await self.clock.settle()

    async def do(self, coro_fn: Callable[[Coordinator], Any]) -> None:
        """Let Home Assistant do something, if it runs, without waiting for the end of it."""
        if self.core and self.coordinator:
            self.core.async_create_background_task(self.core, coro_fn(self.coordinator), "do")
            await self.clock.settle()

    async def poll(self, seconds: float, every: float = 120) -> None:
        """Let time pass, and Home Assistant poll."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            await self.clock.wait(min(every, until - self.clock.now))
            await self.do(Coordinator.poll)

    def correct(self, index: int, factor: float) -> None:
        """Correct a station's last session, downwards only where the ledger can know of it."""
        station = self.world.stations[index % len(self.world.stations)]
        ended = [s for s in station.ledger if s in self.world.charging.ended]
        if not ended:
            return
        self.measure()
        account = self.accounting and self.accounting.ledgers.get(station.port_id)
        if factor < 1:
            is_known = account and ended[-1].session_id in account.sessions
            if not (is_known and self.api.lists_past):
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
        self.api.is_down, self.api.failing, self.clock.skew = False, 0, 0.0
        for station in self.world.stations:
            self.world.connect(station.name)
            self.world.unplug(station.name)
        await self.clock.wait(60)
        await self.switch_on()
        await self.poll(1200, every=300)
        for _ in range(3):
            await self.clock.suspend(1.1 * DAY)
            await self.poll(900, every=300)

    def check(self) -> None:
        """The total of each station equals that of the simulator's bills."""
        assert self.accounting
        now_ms = self.world.advance()
        for station in self.world.stations:
            energy, cost = exact(station.ledger, now_ms)
            account = self.accounting.ledgers[station.port_id]
            counted = account.total()
            counted.add_all(account.missed)
            assert counted.energy == energy
            assert sum(counted.cost.values()) == cost
            if self.is_all_listed and station.port_id not in self.grown:
                # Sessions come as sessions; the report is there for what could not.
                assert not account.missed.energy
            shown = self.shown[station.port_id]
            if station.port_id in self.reduced:
                # It waits at what it had reached before the correction.
                assert round(shown.energy_wh * WH) >= energy
            else:
                assert round(shown.energy_wh * WH) == energy
                # Without a currency, which only sessions contain, no cost is shown.
                assert shown.currency is None or round(shown.cost * MONEY) == cost


class Plan:
    """Carries out the steps of a schedule."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def take(self, kind: str, *values: Any) -> None:
        with suppress(ControlError, ApiError):
            await getattr(self, kind)(*values)

    def _name(self, index: int) -> str:
        stations = self.house.world.stations
        return stations[index % len(stations)].name

    async def drive(self, index: int, percent: float, start_with: str) -> None:
        """Let a car leave, or come where there is none."""
        world, name = self.house.world, self._name(index)
        if world.station(name).car:
            world.unplug(name)
            return
        world.plug_in(name, percent=percent)
        if start_with:
            world.swipe_card(name, start_with)

    async def station(self, index: int, action: str) -> None:
        """Do what needs no more than a name."""
        getattr(self.house.world, action)(self._name(index))

    async def start(self, index: int) -> None:
        name = self._name(index)
        await self.house.do(lambda coordinator: coordinator.start(name))

    async def stop(self, index: int) -> None:
        port_id = self.house.world.station(self._name(index)).port_id
        await self.house.do(lambda coordinator: coordinator.stop(port_id))

    async def add_station(self, index: int) -> None:
        if len(self.house.world.stations) < 4:
            self.house.world.add_station(f"New {index}", tariff=index % 6)

    async def correct(self, index: int, factor: float) -> None:
        self.house.correct(index, factor)

    async def repeat(self, index: int) -> None:
        """Deliver a list again, as old as may be: what is known stays."""
        coordinator, lists = self.house.coordinator, self.house.api.lists
        if coordinator is None or not lists:
            return
        ledgers = coordinator.accounting.ledgers
        before = {port_id: account.total().energy for port_id, account in ledgers.items()}
        coordinator.async_apply_past(lists[-1 - index * 7 % len(lists)].sessions)
        for port_id, energy in before.items():
            assert ledgers[port_id].total().energy >= energy or port_id in self.house.reduced

    async def ha(self, action: str) -> None:
        await getattr(self.house, action)()

    async def clock(self, skew: float) -> None:
        """Set Home Assistant's clock wrong, or right again."""
        self.house.clock.skew = skew
        self.house.is_all_listed = False

    async def outage(self, is_down: bool) -> None:
        self.house.api.is_down = is_down

    async def fail(self, requests: int) -> None:
        self.house.api.failing = requests

    async def wait(self, seconds: float) -> None:
        await self.house.clock.wait(seconds)

    async def suspend(self, hours: float) -> None:
        await self.house.clock.suspend(hours * 3600)

    async def poll(self, minutes: int) -> None:
        await self.house.poll(minutes * 60, every=minutes * 30)


STATION = st.integers(0, 2)
DRIVE = st.tuples(
    st.just("drive"),
    STATION,
    st.sampled_from([5.0, 60.0, 97.0]),
    st.sampled_from(["Card", "iOS", ""]),
)
POLL = st.tuples(st.just("poll"), st.sampled_from([1, 7, 45]))
STEPS = st.one_of(
    DRIVE,
    POLL,
    DRIVE,
    POLL,
    st.tuples(st.just("correct"), STATION, st.sampled_from([0.0, 0.6, 1.3])),
    st.tuples(st.just("ha"), st.sampled_from(["kill", "shut_down", "switch_on", "switch_on"])),
    st.tuples(st.just("suspend"), st.sampled_from([0.5, 2.5, 26.0])),
    st.tuples(st.just("outage"), st.booleans()),
    st.tuples(st.just("fail"), st.integers(1, 4)),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 6.0, 61.0, 301.0])),
    st.tuples(
        st.just("station"),
        STATION,
        st.sampled_from(["swipe_card", "disconnect", "connect", "stop_locally"]),
    ),
    st.tuples(st.sampled_from(["start", "stop", "repeat", "repeat"]), STATION),
    st.tuples(st.just("add_station"), STATION),
    st.tuples(
        st.just("clock"), st.sampled_from([0.0, 0.0, -7200.0, 7200.0, -400 * DAY, 400 * DAY])
    ),
)


@given(
    steps=st.lists(STEPS, min_size=40, max_size=80),
    installed_after=st.integers(0, 8),
    latency=st.sampled_from([0.0, 0.4, 20.0]),
    disk_s=st.sampled_from([0.0, 0.2, 5.0]),
    holds_ended=st.booleans(),
    lists_past=st.sampled_from([True, True, False]),
    meter_interval_s=st.sampled_from([0.0, 60.0, 900.0]),
    history_days=st.sampled_from([0, 2]),
    seed=st.integers(1, 5),
)
@pytest.mark.parametrize("counts_by", ["start", "end"])
@first_of(7)  # without it, each edit of the test brings other schedules
@profile(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
def test_schedules(
    counts_by: Any,
    steps: list[tuple[Any, ...]],
    installed_after: int,
    latency: float,
    disk_s: float,
    holds_ended: bool,
    lists_past: bool,
    meter_interval_s: float,
    history_days: int,
    seed: int,
) -> None:
    house = House(
        Settings(
            sites=1,
            stations=2,
            seed=seed,
            history_days=history_days,
            list_holds_ended=holds_ended,
            meter_interval_s=meter_interval_s,
            report_counts_by=counts_by,
        ),
        latency=latency,
        disk_s=disk_s,
    )

    house.api.lists_past = house.is_all_listed = lists_past

    async def live() -> None:
        plan = Plan(house)
        for index, (kind, *values) in enumerate(steps):
            if index == installed_after:
                await house.switch_on()
            await plan.take(kind, *values)
            # People take a moment between two things that they do.
            await house.clock.wait(5)
        await house.finish()
        house.check()

    with house.stand_ins():
        asyncio.run(live())


@pytest.mark.parametrize("skew", [-400 * DAY, -2 * DAY, 2 * DAY, 400 * DAY])
def test_a_clock_that_is_wrong_for_a_while(skew: float) -> None:
    """Sessions afterwards count as such, and at once: not only when the report is read."""
    house = House(Settings(sites=1, stations=1, history_days=2), latency=0, disk_s=0)
    name = house.world.stations[0].name

    async def charge() -> None:
        house.world.plug_in(name, card=True)
        await house.poll(1800)
        house.world.unplug(name)
        await house.poll(600)

    async def live() -> None:
        await house.switch_on()
        await charge()
        house.clock.skew = skew
        await charge()
        await house.shut_down()
        await house.switch_on()
        await charge()
        house.clock.skew = 0
        await charge()
        await house.kill()
        await house.clock.wait(3 * 3600)
        await house.switch_on()
        await charge()
        house.check()
        # What is found beyond the sessions afterwards is found within days.
        await house.clock.suspend(1.1 * DAY)
        await house.poll(600)
        correct(house.world, house.world.charging.ended[0], 1.3)
        await house.clock.suspend(2.2 * DAY)
        await house.poll(600)
        house.is_all_listed = False
        house.check()
        # Nor is the whole past requested repeatedly.
        assert min(house.api.asked_since) > START - 32 * DAY

    with house.stand_ins():
        asyncio.run(live())


# The same in a real Home Assistant, over HTTP.


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7, history_days=2)


class Home:
    """A person's Home Assistant."""

    def __init__(
        self, hass: HomeAssistant, entry: MockConfigEntry, cloud: Cloud, wait: Pass
    ) -> None:
        self.hass = hass
        self.entry = entry
        self.cloud = cloud
        self.world = cloud.world()
        self.wait = wait
        self.stations = [Station(hass, self.world, s.name) for s in self.world.stations]
        self.ledger = Path(hass.config.path(".storage", f"eevion.ledger.{entry.entry_id}"))
        self.shown = dict.fromkeys((s.name for s in self.stations), 0.0)

    async def restart(self, down_s: float, *, is_cut: bool) -> None:
        """Stop or lose power, and come back after a while."""
        on_disk = self.ledger.read_bytes()
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        if is_cut:
            self.ledger.write_bytes(on_disk)
        await self.wait(down_s)
        # Where the cloud cannot be reached just then, Home Assistant tries again by itself.
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def live(self, random: Random) -> None:
        """Let something happen, and time pass."""
        name = random.choice(self.stations).name
        with suppress(ControlError):
            match random.choice(("come", "come", "go", "line", "line", "off", "fault", "correct")):
                case "come":
                    self.world.plug_in(name, percent=random.choice([5, 60, 97]), card=True)
                case "go":
                    self.world.unplug(name)
                case "line":
                    is_connected = self.world.station(name).connected
                    (self.world.disconnect if is_connected else self.world.connect)(name)
                case "off":
                    await self.restart(random.choice([1, 9000]), is_cut=random.random() < 0.6)
                case "fault":
                    self.cloud.faults.set(random.choice(["error", "drop", "html"]), count=5)
                case "correct":
                    ended = [s for s in self.world.ledger(name) if s in self.world.charging.ended]
                    correct(self.world, ended[-1], 1.2)
        for _ in range(random.choice([1, 3])):
            await self.wait(random.choice([6, 31, 301]))
            self.look()

    def look(self) -> None:
        """See that no total falls."""
        for station in self.stations:
            with suppress(ValueError):  # it is not known for a while
                energy = float(station["sensor.total_energy"])
                assert energy >= self.shown[station.name]
                self.shown[station.name] = energy


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("own_files")
async def test_a_long_schedule_in_home_assistant(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    loaded: ConfigEntry,
    world: World,
    cloud: Cloud,
    wait: Pass,
    seed: int,
) -> None:
    random = Random(f"schedule {seed}")
    cloud.settings.list_holds_ended = bool(seed % 2)
    cloud.settings.report_counts_by = random.choice(["start", "end"])
    home = Home(hass, entry, cloud, wait)
    # A session of each station contains the currency of the report's money.
    for station in home.stations:
        world.plug_in(station.name, card=True)
    await wait(31)
    for _ in range(50):
        await home.live(random)
    cloud.faults.clear()
    for station in home.stations:
        world.connect(station.name)
        world.unplug(station.name)
    await wait(31)
    for _ in range(2):
        await wait(1.1 * DAY)
        for _ in range(4):
            await wait(301)
            home.look()
    for station in home.stations:
        energy, cost = exact(world.ledger(station.name), world.advance())
        assert round(float(station["sensor.total_energy"]) * 1000 * WH) == energy
        assert round(float(station["sensor.total_cost"]) * MONEY) == cost
