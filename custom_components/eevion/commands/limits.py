"""Collects commands into requests; each station has a result of its own."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from homeassistant.exceptions import HomeAssistantError

from ..api import (
    ChargingLimit,
    EevionAuthenticationError,
    EevionConnectionError,
    EevionError,
    EevionRateLimitError,
    EevionRefusedError,
    LimitResult,
)
from ..coordinator import EevionCoordinator

# Commands within these seconds share a request: those of a scene or of parallel actions.
_BATCH_S = 0.01
# At most so many requests find the stations that a refusal of a whole request is about.
_MAX_REQUESTS = 24

type Failures = Mapping[str, EevionError | HomeAssistantError]
"""Errors by port id. The command of a port that is missing has succeeded."""


@dataclass(slots=True)
class _Batch[T]:
    """Commands by port id, and the futures of their callers."""

    commands: dict[str, T] = field(default_factory=dict)
    callers: list[asyncio.Future[Failures]] = field(default_factory=list)

    def finish(self, failures: Failures) -> None:
        for caller in self.callers:
            if not caller.done():
                caller.set_result(failures)

    def fail(self, err: EevionError) -> None:
        self.finish(dict.fromkeys(self.commands, err))


class CommandBatcher[T]:
    """Collects commands of one kind; one request is under way at a time."""

    def __init__(
        self,
        coordinator: EevionCoordinator,
        name: str,
        *,
        merge: Callable[[T, T], T],
        send: Callable[[Callable[[], Mapping[str, T]]], Awaitable[Failures]],
    ) -> None:
        """Initialize; commands that are not done fail when the entry is unloaded.

        `merge` combines an earlier and a later command for one station. `send` gets a function
        that returns the commands, by port id, when the budget lets the request go.
        """
        self._coordinator = coordinator
        self._name = name
        self._merge = merge
        self._send = send
        self._waiting = _Batch[T]()
        self._work: asyncio.Task[None] | None = None

    async def async_send(self, commands: Mapping[str, T]) -> Failures:
        """Send commands, by port id, together with those of other callers; return the failures."""
        caller: asyncio.Future[Failures] = asyncio.get_running_loop().create_future()
        self._move(_Batch(dict(commands), [caller]), self._waiting)
        if self._work is None:
            self._work = self._coordinator.config_entry.async_create_background_task(
                self._coordinator.hass, self._async_work(), self._name
            )
        failures = await caller
        return {port_id: failures[port_id] for port_id in commands if port_id in failures}

    def _move(self, source: _Batch[T], target: _Batch[T]) -> None:
        for port_id, command in source.commands.items():
            earlier = target.commands.get(port_id)
            target.commands[port_id] = command if earlier is None else self._merge(earlier, command)
        target.callers += source.callers
        source.commands, source.callers = {}, []

    async def _async_work(self) -> None:
        """Send one batch after the other, so that the commands of a station keep their order."""
        sent = _Batch[T]()

        def collect() -> Mapping[str, T]:
            self._move(self._waiting, sent)
            return sent.commands

        try:
            while self._waiting.callers:
                await asyncio.sleep(_BATCH_S)
                sent = _Batch()
                try:
                    failures = await self._send(collect)
                except EevionError as err:
                    if not sent.callers:  # the request was never sent
                        collect()
                    sent.fail(err)
                else:
                    sent.finish(failures)
        finally:
            self._work = None
            collect()
            sent.fail(EevionConnectionError("The account is no longer connected"))


async def async_send_apart[T](
    send: Callable[[Mapping[str, T]], Awaitable[Failures]],
    commands: Mapping[str, T],
    refusal: EevionRefusedError | None = None,
) -> Failures:
    """Send commands, by port id, so that a refusal fails only for the stations that it is about.

    The cloud does nothing for a request that it refuses as a whole: it is sent again in halves.
    `refusal` is the answer to a request that held all of the commands. Returns the failures.
    """
    if refusal is None:
        parts = deque([commands])
    elif len(commands) == 1:
        return dict.fromkeys(commands, refusal)
    else:
        parts = deque(_halves(commands))
    failures: dict[str, EevionError | HomeAssistantError] = {}
    last: EevionError | None = refusal
    for _ in range(_MAX_REQUESTS):
        if not parts:
            break
        part = parts.popleft()
        try:
            failures |= await send(part)
        except EevionError as err:
            last = err
            if isinstance(err, EevionRefusedError) and len(part) > 1:
                parts.extend(_halves(part))
                continue
            failures |= dict.fromkeys(part, err)
            if isinstance(err, EevionAuthenticationError | EevionRateLimitError):
                break
    for part in parts:
        failures |= dict.fromkeys(part, last or EevionRefusedError("-"))
    return failures


def _halves[T](commands: Mapping[str, T]) -> list[Mapping[str, T]]:
    items = list(commands.items())
    middle = len(items) // 2
    return [dict(items[:middle]), dict(items[middle:])]


class Limiter:
    """Sends the charging limits of one account."""

    def __init__(self, coordinator: EevionCoordinator) -> None:
        """Initialize; limits that are not sent fail when the entry is unloaded."""
        self._coordinator = coordinator
        self._batcher = CommandBatcher[ChargingLimit](
            coordinator, "send limits", merge=_newest, send=self._async_send
        )

    async def async_send(self, limits: Mapping[str, ChargingLimit]) -> Failures:
        """Send limits, by port id, and show them; a newer limit replaces one that still waits."""
        return await self._batcher.async_send(limits)

    async def _async_send(self, collect: Callable[[], Mapping[str, ChargingLimit]]) -> Failures:
        try:
            return await self._async_request(collect)
        except EevionRefusedError as err:
            return await async_send_apart(
                lambda part: self._async_request(lambda: part), collect(), refusal=err
            )

    async def _async_request(self, collect: Callable[[], Mapping[str, ChargingLimit]]) -> Failures:
        """Send one request; return the failures from the rows of its answer."""
        sent: Mapping[str, ChargingLimit] = {}

        def limits() -> list[ChargingLimit]:
            nonlocal sent
            sent = dict(collect())
            return list(sent.values())

        results = await self._coordinator.client.set_charging_limits(limits=limits)
        failures = refused_limits(sent, results)
        self._coordinator.async_show_limits(
            {port_id: limit for port_id, limit in sent.items() if port_id not in failures}
        )
        return failures


def refused_limits(
    sent: Mapping[str, ChargingLimit], results: Iterable[LimitResult]
) -> Mapping[str, EevionRefusedError]:
    """Return the refusals, by port id, of limits that were sent in one request."""
    refusals = {
        result.station_id: EevionRefusedError(result.message or "-")
        for result in results
        if not result.is_success
    }
    return {
        port_id: refusals[limit.station_id]
        for port_id, limit in sent.items()
        if limit.station_id in refusals
    }


def _newest(_: ChargingLimit, newer: ChargingLimit) -> ChargingLimit:
    return newer
