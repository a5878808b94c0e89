"""What a command costs from the action to the socket."""

import asyncio
from asyncio import selector_events, sslproto
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
import time
from typing import Any
from unittest.mock import patch

from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import orjson

from .house import HEADERS, House
from .server import Server

_PATH = "station/energy-management"
_FIRST_BYTES = f"POST /{_PATH}".encode()
# Home Assistant's and aiohttp's first times are not what counts.
_UNCOUNTED = 5
_BETWEEN_S = 61


@dataclass(frozen=True, slots=True)
class Taken:
    """Medians of times in s."""

    cpu: float
    wall: float


@dataclass(frozen=True, kw_only=True)
class Commands:
    """From the action to the socket."""

    idle: Taken
    polling: Taken
    """While a poll waits for its answer."""
    floor: Taken
    """The same request straight to aiohttp."""


@contextmanager
def _wire() -> Iterator[list[Taken]]:
    """Note the clocks when each command's first bytes come to the socket, encrypted."""
    noted: list[Taken] = []
    is_command = False
    tls = sslproto._SSLProtocolTransport  # noqa: SLF001
    socket = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]  # noqa: SLF001
    write_tls, write = tls.write, socket.write

    def watching_write(self: Any, data: Any) -> None:
        nonlocal is_command
        is_command = bytes(data[: len(_FIRST_BYTES)]) == _FIRST_BYTES
        write_tls(self, data)

    def noting_write(self: Any, data: Any) -> None:
        nonlocal is_command
        if is_command:
            is_command = False
            noted.append(_clocks())
        write(self, data)

    with (
        patch.object(tls, "write", watching_write),
        patch.object(socket, "write", noting_write),
    ):
        yield noted


async def measure_commands(house: House, server: Server, times: int) -> Commands:
    """Limit one station after the other."""
    registry = er.async_get(house.hass)
    numbers = [
        entity.entity_id
        for entity in er.async_entries_for_config_entry(registry, house.entry.entry_id)
        if entity.unique_id.endswith("_charging_limit") and entity.disabled_by is None
    ]

    async def limit(number: int) -> None:
        target = {"entity_id": numbers[number % len(numbers)], "value": 6 + number % 8}
        await house.hass.services.async_call("number", "set_value", target, blocking=True)

    idle = await _measure(house, limit, times)
    floor = await _measure(house, lambda number: _floor(house, number), times)
    async with server.waits(house.full_poll) as poll:
        polling = await _measure(house, limit, times)
        assert not poll.done()
    return Commands(idle=idle, polling=polling, floor=floor)


def _clocks() -> Taken:
    return Taken(time.process_time(), time.perf_counter())


async def _measure(house: House, command: Callable[[int], Awaitable[None]], times: int) -> Taken:
    taken: list[Taken] = []
    with _wire() as noted:
        for number in range(_UNCOUNTED + times):
            # A minute's commands would fill the budget, which is written to a file.
            house.clock.now += _BETWEEN_S
            noted.clear()
            begin = _clocks()
            async with asyncio.timeout(10):
                await command(number)
            taken.append(Taken(noted[0].cpu - begin.cpu, noted[0].wall - begin.wall))
    del taken[:_UNCOUNTED]
    return Taken(median(one.cpu for one in taken), median(one.wall for one in taken))


async def _floor(house: House, number: int) -> None:
    profile = {"chargingRateUnit": "A", "limit": 6 + number % 8}
    body = orjson.dumps([{"stationId": "station", "newChargingProfile": profile}])
    session = async_get_clientsession(house.hass)
    async with session.post(f"{house.url}/{_PATH}", data=body, headers=HEADERS) as response:
        orjson.loads(await response.read())
