"""A day on which all goes wrong that can: what the cloud saw of it, and what was counted."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
import copy
import gc
from random import Random
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.eevion.api import RateLimit
from custom_components.eevion.polling.budget import async_get_budgets
from simulator import Cloud, ControlError, Settings, World
from simulator.http.faults import Fault
from tests.conftest import API_KEY

pytestmark = pytest.mark.usefixtures("quick")

LIMIT, PERIOD = 60, 60.0
STEPS = (0.2, 1, 1, 5)
"""Seconds between two looks at the clock, in the minutes of each hour when much is done."""
THIEF_HOURS = range(9, 15)
BUSY_S, CALM_S = 100, 300
"""How long much is done in each hour, and seconds between two looks at the clock in the rest."""
SETTLED_S = 3600
"""So long after the last fault all totals are to be true."""
RELOADS, POLLS = 50, 2_000


@pytest.fixture
def settings() -> Settings:
    return Settings(
        keys=(API_KEY,),
        sites=2,
        stations=20,
        seed=7,
        request_log_size=100_000,
        clock_ahead_s=40,
    )


TOTALS = ("total_energy", "total_cost")

FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unauthorized", {"count": 1}),
    ("forbidden", {}),
    ("error", {"status": 500}),
    ("error", {"status": 502, "path": "/session"}),
    ("html", {}),
    ("rate_limited", {}),
    ("rate_limited", {"seconds": 20}),
    ("truncated", {}),
    ("drop", {}),
    ("drop_answer", {}),
    ("latency", {"seconds": 8}),
    ("stale", {"path": "/session"}),
    ("stale", {"path": "/site"}),
    ("missing", {"path": "/session", "station": ""}),
    ("wrong_meter", {"path": "/session", "station": ""}),
    ("wrong_types", {"station": ""}),
)


async def dead(*_: object) -> None:
    """Ask for a place of the budget in a process that has ended."""
    raise asyncio.CancelledError


class Day:
    """Home Assistant, two environments of one key, and all that happens to them."""

    def __init__(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        cloud: Cloud,
        entries: list[MockConfigEntry],
        storage: dict[str, Any],
        seed: int,
    ) -> None:
        self.cloud = cloud
        self.random = Random(seed)
        self.done: Counter[str] = Counter()
        self.stolen: list[float] = []
        self.starts: list[tuple[float, str, str]] = []
        """Moment, environment and station of each start that was commanded."""
        self._hass = hass
        self._freezer = freezer
        self._entries = entries
        self._storage = storage
        self._faults: list[tuple[float, Fault]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._begun = time.time()

    @property
    def hour(self) -> float:
        return (time.time() - self._begun) / 3600

    async def start(self) -> None:
        self.rate_limit: RateLimit = (await async_get_budgets(self._hass)).async_get(API_KEY)
        assert await self._hass.config_entries.async_setup(self._entries[0].entry_id)
        assert [entry.state for entry in self._entries] == [ConfigEntryState.LOADED] * 2

    async def wait(self, seconds: float) -> None:
        self._freezer.tick(seconds)
        self.mend(time.time())
        async_fire_time_changed(self._hass)
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that waits for no clock."""
        calm = turns = 0
        # What waits for a late answer waits for the clock.
        while calm < 20 and (turns < 400 or not self._faults):
            await asyncio.sleep(0)
            turns += 1
            calm = 0 if self.rate_limit._in_flight else calm + 1

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        async def bear() -> None:
            with suppress(HomeAssistantError):
                await work

        task = asyncio.create_task(bear())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def happen(self) -> None:  # noqa: C901
        """Let one thing happen, or a flood of them."""
        entry = self.random.choice(self._entries)
        kinds = ["drive"] * 6 + ["command"] * 8 + ["flood", "reload", "reload", "reload"]
        kinds += ["crash", "crash", "restart"] + ["fault"] * 6 + ["break", "other way"]
        kind = self.random.choice(kinds)
        self.done[kind] += 1
        match kind:
            case "drive":
                self._drive(self.cloud.world(environment=entry.data["environment"]))
            case "command":
                self._command(entry)
            case "flood":
                self._flood(entry)
            case "fault":
                self._fault()
            case "break":
                self._break(self.cloud.world(environment=entry.data["environment"]))
            case "other way":
                self._go_another_way()
            case "reload":
                for _ in range(self.random.choice((1, 1, 1, 10))):
                    await self._reload(entry)
            case "crash":
                if self.random.random() < 0.5:
                    self._flood(entry)
                    await self.wait(self.random.choice((0, 0.1, 3)))
                await self._restart(is_clean=False)
            case "restart":
                await self._restart(is_clean=True)
        await self.settle()

    def _drive(self, world: World) -> None:
        name = self.random.choice(world.stations).name
        with suppress(ControlError):
            if world.station(name).car:
                world.unplug(name)
            else:
                world.plug_in(
                    name, percent=self.random.randrange(90), card=self.random.random() < 0.5
                )

    def _fault(self) -> None:
        """Let the cloud fail for a while."""
        kind, options = self.random.choice(FAULTS)
        options = dict(options)
        if "station" in options:
            options["station"] = self.random.choice(self.cloud.world().stations).name
        fault = self.cloud.faults.set(kind, **options)
        self._faults.append((time.time() + self.random.choice((2, 10, 40, 120)), fault))

    def mend(self, now: float) -> None:
        """Let faults pass whose time is over."""
        active = self.cloud.faults.active
        for until, fault in self._faults:
            if until <= now and fault in active:
                active.remove(fault)
        self._faults = [(until, fault) for until, fault in self._faults if until > now]

    def _break(self, world: World) -> None:
        """Let a station go dark or break, or mend it."""
        station = self.random.choice(world.stations)
        kind = self.random.choice(("disconnect", "fault", "reset", "set_session_limit"))
        with suppress(ControlError):
            if not station.connected:
                world.connect(station.name)
            elif station.fault:
                world.clear_fault(station.name)
            elif kind == "set_session_limit":
                world.set_session_limit(station.name, self.random.choice((None, 30, 900)))
            else:
                getattr(world, kind)(station.name)

    def _go_another_way(self) -> None:
        """Let the cloud answer otherwise where its documentation is open."""
        settings, random = self.cloud.settings, self.random
        settings.no_end_time = random.choice(("", 0, None))
        for name in (
            "list_holds_ended",
            "exceptions_are_400",
            "jobs_name_stations",
            "report_names_sites",
            "whole_answers",
            "words_in_capitals",
            "send_retry_after",
        ):
            setattr(settings, name, random.random() < 0.5)

    async def end(self) -> None:
        """Let all faults pass, all stations work, and everybody drive away."""
        self.mend(float("inf"))
        self.cloud.faults.clear()
        for environment in ("production", "staging"):
            world = self.cloud.world(environment=environment)
            for station in world.stations:
                if station.lifecycle == "active":
                    world.connect(station.name)
                    world.clear_fault(station.name)
                    world.unplug(station.name)

    def amounts(self) -> dict[str, tuple[float, float, float, float]]:
        """Return energy shown and true, money shown and true, where they differ."""
        wrong = {}
        for entry in self._entries:
            world = self.cloud.world(environment=entry.data["environment"])
            now_ms = world.advance()
            for station in world.stations:
                sessions = station.ledger
                energy = sum(s.curve.energy_wh(s.end_ms or now_ms) for s in sessions) / 1000
                cost = float(sum(s.snapshot(s.end_ms or now_ms).bill.cost for s in sessions))
                shown = [self._shown(f"{station.port_id}_{key}") for key in TOTALS]
                if sessions and (
                    shown[0] is None
                    or abs(shown[0] - energy) > 1e-6
                    or abs((shown[1] or 0) - cost) > 1e-6
                ):
                    wrong[f"{world.builder.label}{station.name}"] = (
                        shown[0],
                        energy,
                        shown[1],
                        cost,
                    )
        return wrong

    def _shown(self, unique_id: str) -> float | None:
        registry = er.async_get(self._hass)
        entity_id = registry.async_get_entity_id("sensor", "eevion", unique_id)
        state = entity_id and self._hass.states.get(entity_id)
        with suppress(AttributeError, ValueError):
            return float(state.state)
        return None

    def _command(self, entry: ConfigEntry) -> None:
        entities = [
            entity.entity_id
            for entity in er.async_entries_for_config_entry(
                er.async_get(self._hass), entry.entry_id
            )
            if entity.domain in ("switch", "number") and not entity.disabled
        ]
        entity_id = self.random.choice(entities)
        data: dict[str, Any] = {"entity_id": entity_id}
        if entity_id.startswith("number"):
            call = ("number", "set_value", data | {"value": self.random.choice((0, 6, 12, 16))})
        else:
            call = ("switch", self.random.choice(("turn_on", "turn_off")), data)
            if call[1] == "turn_on":
                self._note_start(entry, entity_id)
        self._begin(self._hass.services.async_call(*call, blocking=True))

    def _note_start(self, entry: ConfigEntry, entity_id: str) -> None:
        registered = er.async_get(self._hass).async_get(entity_id)
        assert registered
        port_id = registered.unique_id.removesuffix("_charging")
        environment = entry.data["environment"]
        world = self.cloud.world(environment=environment)
        for station in world.stations:
            if station.port_id == port_id:
                self.starts.append((time.time(), environment, station.name))

    def _flood(self, entry: ConfigEntry) -> None:
        for _ in range(self.random.randrange(20, 100)):
            self._command(entry)

    async def reload(self) -> None:
        """Load the first account again."""
        await self._reload(self._entries[0])

    async def _reload(self, entry: ConfigEntry) -> None:
        reload = asyncio.create_task(self._hass.config_entries.async_reload(entry.entry_id))
        await self._see_through(reload)

    async def _see_through(self, task: asyncio.Task[Any]) -> None:
        """Come to the end of something that may have to wait for the budget."""
        await self.settle()
        while not task.done():
            await self.wait(1)
        with suppress(HomeAssistantError):
            await task

    async def _restart(self, *, is_clean: bool) -> None:
        """End all of it, by hand or by the power, and begin with what is in the storage."""
        disk = {key: copy.deepcopy(file) for key, file in self._ours()}
        while any(entry.state is ConfigEntryState.SETUP_IN_PROGRESS for entry in self._entries):
            await self.wait(1)  # nothing ends Home Assistant's own attempts
        for task in tuple(self._tasks):
            task.cancel()
        await self.settle()
        if is_clean:
            self._hass.set_state(CoreState.final_write)
            self._hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
            await self.settle()
            self._hass.set_state(CoreState.running)
        for entry in self._entries:
            assert await self._hass.config_entries.async_unload(entry.entry_id)
        # What still waits dies with its process.
        for _, _, waiter in tuple(self.rate_limit._waiters):
            waiter.cancel()
        self.rate_limit._take = dead  # type: ignore[method-assign]
        await self.settle()
        del self._hass.data["eevion_budgets"]
        if not is_clean:
            # Nothing was written when the power went.
            for key, _ in self._ours():
                del self._storage[key]
            self._storage |= disk
        self._freezer.tick(self.random.choice((0, 0.5, 10, 30)))
        self.rate_limit = (await async_get_budgets(self._hass)).async_get(API_KEY)
        setups = [
            asyncio.create_task(self._hass.config_entries.async_setup(entry.entry_id))
            for entry in self._entries
        ]
        for setup in setups:
            await self._see_through(setup)

    def _ours(self) -> list[tuple[str, Any]]:
        return [(key, file) for key, file in self._storage.items() if key.startswith("eevion.")]

    def steal(self) -> None:
        """Let another program use the key."""
        taken = [
            self.cloud.account().rate_limit.consume() for _ in range(self.random.choice((1, 5, 60)))
        ]
        self.stolen += [time.time()] * sum(taken)


def fullest_window(times: list[float]) -> int:
    """Return the most requests in any period that is open at its end."""
    window: deque[float] = deque()
    fullest = 0
    for moment in sorted(times):
        window.append(moment)
        while window[0] <= moment - PERIOD:
            window.popleft()
        fullest = max(fullest, len(window))
    return fullest


@pytest.fixture
async def day(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    cloud: Cloud,
    entry: MockConfigEntry,
) -> AsyncIterator[Day]:
    staging = MockConfigEntry(
        domain="eevion", title="Staging", data={**entry.data, "environment": "staging"}
    )
    staging.add_to_hass(hass)
    day = Day(hass, freezer, cloud, [entry, staging], hass_storage, seed=20)
    await day.start()
    yield day
    for task in tuple(day._tasks):
        task.cancel()
    await day.settle()


async def test_a_day_of_chaos(hass: HomeAssistant, day: Day) -> None:
    for hour in range(24):
        busy_until = time.time() + BUSY_S
        while time.time() < busy_until:
            if day.random.random() < 0.25:
                await day.happen()
            if hour in THIEF_HOURS and day.random.random() < 0.1:
                day.steal()
            await day.wait(day.random.choice(STEPS))
        while day.hour < hour + 1:
            await day.wait(CALM_S)

    await day.end()
    settled = time.time() + SETTLED_S
    while time.time() < settled and day.amounts():
        await day.wait(30)
    assert day.amounts() == {}, day.done
    assert not hass.config_entries.flow.async_progress()

    requests = day.cloud.requests
    assert len(requests) < 100_000
    assert min(day.done.values()) > 5
    times = [request.time for request in requests]
    assert fullest_window(times) <= LIMIT
    # The day was no idle one: the budget was needed, and kept.
    assert fullest_window(times) >= LIMIT - 15
    # Each start that was sent was commanded once, and given up or sent, never twice.
    given = Counter()
    sent = [
        (request.time, request.query.get("environment", "production"), request.body["stationId"])
        for request in requests
        if isinstance(request.body, dict)
        and "stationId" in request.body
        and request.status != 429
        and request.path.endswith("/session")
    ]
    starts = deque(day.starts)
    for moment, environment, name in sent:
        while starts and starts[0][0] <= moment:
            given[starts.popleft()[1:]] += 1
        given[environment, name] -= 1
        assert given[environment, name] >= 0


def test_windows_are_counted_right() -> None:
    assert fullest_window([]) == 0
    assert fullest_window([0.0] * 60) == 60
    assert fullest_window([float(second) for second in range(1000)]) == 60
    assert fullest_window([0.0, 59.9, 60.0]) == 2


def forget_requests(day: Day) -> None:
    """Drop the requests that the simulator and the mocked storage keep."""
    day.cloud.requests.clear()
    for name in ("_async_load", "_async_write_data", "async_remove"):
        getattr(Store, name).reset_mock()


async def test_nothing_is_left_of_reloads(hass: HomeAssistant, day: Day) -> None:
    async def reload(times: int) -> Counter[str]:
        for _ in range(times):
            await day.reload()
        # Set-ups wait for the budget that others have used up.
        await day.wait(180)
        forget_requests(day)
        gc.collect()
        return left(hass)

    await reload(3)
    before = await reload(3)
    after = await reload(RELOADS)
    # One may be under way, as a store that is about to write; a leak grows with the reloads.
    grown = {what: n - before[what] for what, n in after.items() if n > before[what]}
    assert {what: n for what, n in grown.items() if n >= RELOADS // 10} == {}


async def test_memory_is_flat(hass: HomeAssistant, day: Day) -> None:
    async def poll(times: int) -> int:
        for _ in range(times):
            await day.wait(30)
        forget_requests(day)
        gc.collect()
        return len(gc.get_objects())

    await poll(100)
    before = await poll(100)
    after = await poll(POLLS)
    assert after - before < before / 100


def left(hass: HomeAssistant) -> Counter[str]:
    """Return how many tasks, timers, listeners and living parts of accounts there are."""
    found = Counter(f"task {task.get_coro().__qualname__}" for task in asyncio.all_tasks())
    found |= Counter({f"listener {event}": n for event, n in hass.bus.async_listeners().items()})
    found["timers"] = sum(not timer.cancelled() for timer in hass.loop._scheduled)
    for thing in gc.get_objects():
        kind = type(thing)
        if str(kind.__module__).startswith("custom_components.eevion") and hasattr(
            thing, "__dict__"
        ):
            found[kind.__qualname__] += 1
    return found
