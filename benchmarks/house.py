"""A Home Assistant with the integration, and the least that any integration would cost."""

# First, before the plugin's package of the same name can be found.
import custom_components.eevion  # noqa: F401, I001

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import time
import tracemalloc
from typing import Any
from unittest.mock import patch

from aiohttp import ThreadedResolver
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
import orjson
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

from .scenes import KEY


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one poll, in seconds."""

    cpu: float
    stall: float


class _Resolver(ThreadedResolver):
    """In place of Home Assistant's own, which needs the local network."""

    real_close = ThreadedResolver.close


@asynccontextmanager
async def home(folder: Path) -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant that knows this project's integrations alone."""
    resolver = patch(
        "homeassistant.helpers.aiohttp_client._async_make_resolver",
        return_value=_Resolver(),
    )
    with resolver:
        async with async_test_home_assistant(config_dir=str(folder)) as hass:
            hass.data.pop(DATA_CUSTOM_COMPONENTS)
            yield hass
            await hass.async_stop(force=True)


class House:
    """The integration, polled by hand."""

    def __init__(self, hass: HomeAssistant, url: str) -> None:
        self.hass = hass
        self.url = url
        self.entry = MockConfigEntry(
            domain="eevion",
            title="Benchmark",
            data={"api_key": KEY, "environment": "production", "url": url, "known_sites": []},
        )
        self.changes: list[State] = []
        hass.bus.async_listen("state_changed", self._note)

    @callback
    def _note(self, event: Event[Any]) -> None:
        if event.data["new_state"]:
            self.changes.append(event.data["new_state"])

    async def load(self) -> None:
        """Set the account up."""
        self.entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()
        data = self.entry.runtime_data
        data.rate_limit.limit = 10**9
        data.coordinator.update_interval = None
        self._coordinator = data.coordinator

    async def poll(self) -> None:
        """Poll, and wait until all entities have been told."""
        await self._coordinator.async_refresh()
        assert self._coordinator.last_update_success
        await self.hass.async_block_till_done()

    async def floor_poll(self, changes: list[State]) -> None:
        """Fetch and decode the same, and write the same states."""
        session = async_get_clientsession(self.hass)
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

        async def fetch(method: str, path: str, body: bytes | None) -> None:
            async with session.request(
                method, f"{self.url}/{path}", data=body, headers=headers
            ) as response:
                orjson.loads(await response.read())

        await asyncio.gather(
            fetch("GET", "site", None), fetch("POST", "session", b'{"limit":1000,"offset":0}')
        )
        for state in changes:
            self.hass.states.async_set(f"floor.{state.object_id}", state.state, state.attributes)

    def floor_load(self) -> None:
        """Register as many entities, and write as many states."""
        registry = er.async_get(self.hass)
        for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id):
            made = registry.async_get_or_create(
                entity.domain,
                "floor",
                entity.unique_id,
                suggested_object_id=f"floor_{entity.entity_id.partition('.')[2]}",
                disabled_by=entity.disabled_by,
            )
            if state := self.hass.states.get(entity.entity_id):
                self.hass.states.async_set(made.entity_id, state.state, state.attributes)


async def cpu(work: Callable[[], Awaitable[None]]) -> float:
    """Return the CPU seconds of something."""
    begin = time.process_time()
    await work()
    return time.process_time() - begin


async def stall(work: Callable[[], Awaitable[None]]) -> float:
    """Return the longest that something keeps all else from running, in CPU seconds."""
    longest = 0.0
    task = asyncio.ensure_future(work())
    last = time.thread_time()
    while not task.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    await task
    return longest


async def memory(work: Callable[[], Awaitable[None]]) -> int:
    """Return the bytes that something leaves behind."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await work()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before
