"""A day with restarts, and what the cloud saw of it: never more than 60 requests in a minute."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
import logging
from random import Random
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.eevion.api import RateLimit
from custom_components.eevion.budget import async_get_budgets
from simulator import Cloud, ControlError, Settings, World
from tests.conftest import API_KEY

LIMIT, PERIOD = 60, 60.0
STEPS = (0.2, 1, 1, 5)
"""Seconds between two looks at the clock, in the minutes of each hour when much is done."""
THIEF_HOURS = range(9, 15)


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=2, stations=8, seed=7, request_log_size=100_000)


@pytest.fixture(autouse=True)
async def quick() -> AsyncIterator[None]:
    """Log lines and the stack of every callback would take most of the time."""
    asyncio.get_running_loop().set_debug(False)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


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
        seed: int,
    ) -> None:
        self.cloud = cloud
        self.random = Random(seed)
        self.done: Counter[str] = Counter()
        self.stolen: list[float] = []
        self._hass = hass
        self._freezer = freezer
        self._entries = entries
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
        async_fire_time_changed(self._hass)
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that waits for no clock."""
        calm = 0
        while calm < 20:
            await asyncio.sleep(0)
            calm = 0 if self.rate_limit._in_flight else calm + 1

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        async def bear() -> None:
            with suppress(HomeAssistantError):
                await work

        task = asyncio.create_task(bear())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def happen(self) -> None:
        """Let one thing happen, or a flood of them."""
        entry = self.random.choice(self._entries)
        kinds = ["drive"] * 4 + ["command"] * 8 + ["flood", "reload", "reload", "reload"]
        kinds += ["crash", "crash", "restart"]
        kind = self.random.choice(kinds)
        self.done[kind] += 1
        match kind:
            case "drive":
                self._drive(self.cloud.world(environment=entry.data["environment"]))
            case "command":
                self._command(entry)
            case "flood":
                self._flood(entry)
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
        self._begin(self._hass.services.async_call(*call, blocking=True))

    def _flood(self, entry: ConfigEntry) -> None:
        for _ in range(self.random.randrange(20, 100)):
            self._command(entry)

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
        while any(entry.state is ConfigEntryState.SETUP_IN_PROGRESS for entry in self._entries):
            await self.wait(1)  # nothing ends Home Assistant's own attempts
        for task in tuple(self._tasks):
            task.cancel()
        await self.settle()
        budgets = await async_get_budgets(self._hass)
        if is_clean:
            self._hass.set_state(CoreState.final_write)
            self._hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
            await self.settle()
            self._hass.set_state(CoreState.running)
        budgets._store._async_cleanup_delay_listener()
        budgets._store._async_cleanup_final_write_listener()
        for entry in self._entries:
            assert await self._hass.config_entries.async_unload(entry.entry_id)
        # What still waits dies with its process.
        for _, _, waiter in tuple(self.rate_limit._waiters):
            waiter.cancel()
        self.rate_limit._take = dead  # type: ignore[method-assign]
        await self.settle()
        del self._hass.data["eevion_budgets"]
        self._freezer.tick(self.random.choice((0, 0.5, 10, 30)))
        self.rate_limit = (await async_get_budgets(self._hass)).async_get(API_KEY)
        setups = [
            asyncio.create_task(self._hass.config_entries.async_setup(entry.entry_id))
            for entry in self._entries
        ]
        for setup in setups:
            await self._see_through(setup)

    def steal(self) -> None:
        """Let another program use the key."""
        taken = [
            self.cloud.account().rate_limit.take() for _ in range(self.random.choice((1, 5, 60)))
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
    day = Day(hass, freezer, cloud, [entry, staging], seed=20)
    await day.start()
    yield day
    for task in tuple(day._tasks):
        task.cancel()
    await day.settle()


@pytest.mark.timeout(180)  # twenty seconds on an idle machine
async def test_a_day_with_restarts(day: Day) -> None:
    for hour in range(24):
        busy_until = time.time() + 220
        while time.time() < busy_until:
            if day.random.random() < 0.1:
                await day.happen()
            if hour in THIEF_HOURS and day.random.random() < 0.1:
                day.steal()
            await day.wait(day.random.choice(STEPS))
        while day.hour < hour + 1:
            await day.wait(300)

    requests = day.cloud.requests
    assert len(requests) < 100_000
    assert min(day.done.values()) > 10
    times = [request.time for request in requests]
    assert fullest_window(times) <= LIMIT
    # The day was no idle one: the budget was needed, and kept.
    assert fullest_window(times) >= LIMIT - 15
    refused = [request.time for request in requests if request.status == 429]
    assert refused
    for moment in refused:
        assert any(moment - PERIOD < stolen <= moment for stolen in day.stolen)


def test_windows_are_counted_right() -> None:
    assert fullest_window([]) == 0
    assert fullest_window([0.0] * 60) == 60
    assert fullest_window([float(second) for second in range(1000)]) == 60
    assert fullest_window([0.0, 59.9, 60.0]) == 2
