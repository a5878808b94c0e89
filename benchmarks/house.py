"""A Home Assistant with the integration, and the least that any integration would cost."""

import os

from aiohttp.test_utils import unused_port

# Home Assistant reads it when it is imported; another one may have the usual port.
os.environ["SETUP_PORT"] = str(unused_port())

# First, before the plugin's package of the same name can be found.
import custom_components.eevion  # noqa: F401, I001

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiohttp import ThreadedResolver
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
import orjson
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

from .scenes import KEY, SCENES

# A poll of the account, as the integration sends it.
REQUESTS = {"site": ("GET", None), "session": ("POST", b'{"limit":1000,"offset":0}')}
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


class Clock:
    """The time of what is replayed; s."""

    def __init__(self) -> None:
        self.now = SCENES[0].start

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def monotonic(self) -> float:
        return self.now


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


@asynccontextmanager
async def house(folder: Path, url: str) -> AsyncIterator[House]:
    """Run a Home Assistant for the integration, by a clock that is set by hand."""
    clock = Clock()
    async with home(folder) as hass:
        with (
            patch("homeassistant.util.dt.utcnow", clock.utcnow),
            patch("custom_components.eevion.polling.cadence.monotonic", clock.monotonic),
        ):
            found = House(hass, url, clock)
            # The handshake of TLS is no part of a set-up.
            await found.floor_poll(REQUESTS, ())
            yield found


class House:
    """The integration, polled by hand."""

    def __init__(self, hass: HomeAssistant, url: str, clock: Clock) -> None:
        self.hass = hass
        self.url = url
        self.clock = clock
        self.entry = MockConfigEntry(
            domain="eevion",
            title="Benchmark",
            data={"api_key": KEY, "environment": "production", "url": url, "known_sites": []},
        )
        self.changes: list[State] = []
        self.requests_until_ready = 0
        """Number of requests when the first state was written."""

    @callback
    def _record_state(self, event: Event[Any]) -> None:
        if event.data["new_state"]:
            self.changes.append(event.data["new_state"])

    async def load(self) -> None:
        """Set the account up for the first time."""
        self.entry.add_to_hass(self.hass)
        self.hass.bus.async_listen_once("state_changed", self._note_ready)
        await self.start()
        self.hass.bus.async_listen("state_changed", self._record_state)

    @callback
    def _note_ready(self, _event: Event[Any]) -> None:
        self.requests_until_ready = self.entry.runtime_data.rate_limit.used

    async def stop(self) -> None:
        """Unload the account."""
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        await self.hass.async_block_till_done()

    async def start(self) -> None:
        """Set the account up; the second time all is in the registries and files."""
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()
        data = self.entry.runtime_data
        data.rate_limit.limit = 10**9
        # Requests leave the budget after a minute by this clock, else each poll would add some.
        data.rate_limit._monotonic = self.clock.monotonic  # noqa: SLF001
        self._coordinator = data.coordinator
        self.stop_timer()

    async def full_poll(self) -> None:
        """Poll as on request of a person: everything is fetched."""
        await self._coordinator.async_refresh()
        await self._wait_until_updated()

    async def timed_poll(self) -> None:
        """Poll as on the integration's timer, which may skip requests."""
        await self._coordinator._async_refresh(scheduled=True)  # noqa: SLF001
        await self._wait_until_updated()

    async def _wait_until_updated(self) -> None:
        assert self._coordinator.last_update_success
        if self.hass._tasks:  # noqa: SLF001
            await self.hass.async_block_till_done()

    @property
    def interval(self) -> float:
        """The seconds until the integration's timer would fire."""
        interval = self._coordinator.update_interval
        assert interval
        return float(interval.total_seconds())

    def stop_timer(self) -> None:
        """Let no poll come but by hand."""
        self._coordinator._async_unsub_refresh()  # noqa: SLF001

    async def floor_poll(
        self, requests: Collection[str], changes: Iterable[State], domain: str = "floor"
    ) -> None:
        """Fetch and decode, and write the states that changed."""
        await asyncio.gather(*(self._fetch(name) for name in requests))
        for state in changes:
            self.hass.states.async_set(f"{domain}.{state.object_id}", state.state, state.attributes)

    async def _fetch(self, name: str) -> None:
        session = async_get_clientsession(self.hass)
        method, body = REQUESTS[name]
        async with session.request(
            method, f"{self.url}/{name}", data=body, headers=HEADERS
        ) as response:
            orjson.loads(await response.read())
