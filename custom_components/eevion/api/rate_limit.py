"""The budget of requests that an API key has, shared by all who use the key."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
import heapq
from itertools import count
import math
import time
from typing import Any

from . import parse
from .exceptions import EevionRateLimitError

# The clocks of the cloud and of this machine do not run alike.
_MARGIN = 0.1
# After a refusal: so many places fewer than were used then, for so many seconds, and for
# twice as long each time that a refusal follows soon.
_LEAST_SHARE = 6
# Enough for a start; less only where even that is refused within a minute.
_FIRST_SHARE = 12
_ROOM_FOR_OTHERS = 6
_FIRST_HOLD = 60.0
_LONGEST_HOLD = 1800.0
_SOON = 600.0
_GROWTH_INTERVAL = 5.0
# However little others leave, a poll's request goes out after so many seconds.
_PACE = 5.0
_SLOWEST_PACE = 15.0
_LEAST_PAUSE = 1.0
_FIRST_PAUSE = 5.0
_FIRST_PAUSE_OF_COMMANDS = 1.0
_LONGEST_PAUSE = 60.0
# Longer ones are wrong: after a minute without requests the key has its whole budget again.
_LONGEST_RETRY_AFTER = 120.0


class Lane(IntEnum):
    """Who goes first; the lower the sooner."""

    COMMAND = 0
    CONFIRM = 1
    POLL = 2
    START = 3
    """What a person waits for after a start, as the first totals."""
    BACKGROUND = 4


RESERVE = {
    Lane.COMMAND: 0,
    Lane.CONFIRM: 4,
    Lane.POLL: 12,
    Lane.START: 12,
    Lane.BACKGROUND: 24,
}
"""Places in the window that a lane leaves to the lanes before it."""

MAX_WAIT = {
    Lane.COMMAND: 30.0,
    Lane.CONFIRM: 30.0,
    Lane.POLL: 30.0,
    Lane.START: math.inf,
    Lane.BACKGROUND: math.inf,
}
"""Seconds a request of the lane waits for a place unless told otherwise."""

_PACED = (Lane.POLL, Lane.START)


@dataclass(slots=True)
class _Pause:
    """How long nothing is sent after HTTP 429: longer each time that did not help."""

    first: float
    length: float = 0
    until: float = -math.inf

    def begin(self, now: float, retry_after: float | None, *, is_new: bool) -> None:
        """Pause; requests refused together are one refusal."""
        pause = 0.0
        if is_new:
            pause = self.length or self.first
            self.length = min(pause * 2, _LONGEST_PAUSE)
        if retry_after is not None and retry_after >= 0:
            pause = min(max(retry_after, _LEAST_PAUSE), _LONGEST_RETRY_AFTER)
        self.until = max(self.until, now + pause)


class RateLimit:
    """At most `limit` requests in any `period` seconds, by the cloud's clock.

    The cloud may count a request at any moment between its sending and its end, so it
    keeps its place from being sent until a period after it ended.
    """

    def __init__(
        self,
        *,
        limit: int = 60,
        period: float = 60.0,
        monotonic: Callable[[], float] | None = None,
        wall: Callable[[], float] | None = None,
        on_use: Callable[[], None] | None = None,
    ) -> None:
        """Start with an unused budget; `on_use` is called after each place taken."""
        self.limit = limit
        self.on_use = on_use
        self._period = period + _MARGIN
        self._monotonic = monotonic
        self._wall = wall
        self._in_flight = 0
        self._ended: deque[float] = deque()
        self._waiters: list[tuple[Lane, int, asyncio.Future[None]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._full_share = self._share = max(1, limit - RESERVE[Lane.POLL])
        self._pause = _Pause(_FIRST_PAUSE)
        self._pause_of_commands = _Pause(_FIRST_PAUSE_OF_COMMANDS)
        self._backed_off_at = self._grown_at = self._paced_at = -math.inf
        self._hold = 0.0

    @property
    def used(self) -> int:
        """Places taken: requests under way, and those that ended less than a period ago."""
        now = self._now()
        while self._ended and self._ended[0] + self._period <= now:
            self._ended.popleft()
        return self._in_flight + len(self._ended)

    @property
    def paused_for(self) -> float:
        """Seconds until the pause that the cloud asked for is over."""
        return self._paused_for(Lane.POLL)

    def _paused_for(self, lane: Lane) -> float:
        pause = self._pause_of_commands if lane is Lane.COMMAND else self._pause
        return max(0.0, pause.until - self._now())

    @property
    def is_contended(self) -> bool:
        """Whether the cloud lately refused what this budget allowed: others use the key."""
        return self._share < self._full_share

    def available(self, lane: Lane) -> int:
        """Return how many requests of a lane could be sent right now."""
        return 0 if self._paused_for(lane) else max(0, self._polite(lane) - self.used)

    @asynccontextmanager
    async def slot(self, lane: Lane, *, max_wait: float | None = None) -> AsyncGenerator[float]:
        """Hold a place while one request is under way; raise EevionRateLimitError without one.

        `max_wait` is in seconds; None is the lane's own, infinity is as long as it takes.
        Yields the moment since when the place is held, for `backed_off`.
        """
        await self._take(lane, MAX_WAIT[lane] if max_wait is None else max_wait)
        taken_at = self._now()
        try:
            if self.on_use:
                self.on_use()
            yield taken_at
            if self._backed_off_at < taken_at:
                self._grow()
        finally:
            self._in_flight -= 1
            self._ended.append(self._now())
            self._serve()

    def backed_off(
        self, retry_after: float | None = None, *, taken_at: float | None = None
    ) -> None:
        """Pause after HTTP 429, and leave more room to others who use the key.

        Where the cloud does not say for how long, commands try again the soonest. What was
        already under way at the last refusal (`taken_at`, as `slot` yields it) is part of it.
        """
        now = self._now()
        is_new = (now if taken_at is None else taken_at) > self._backed_off_at
        if is_new:
            self._learn_of_others(now)
            self._backed_off_at = now
        for pause in (self._pause, self._pause_of_commands):
            pause.begin(now, retry_after, is_new=is_new)
        # Who waits behind a command need not go before it.
        self._pause.until = max(self._pause.until, self._pause_of_commands.until)
        self._serve()

    def _learn_of_others(self, now: float) -> None:
        """Use less than at this refusal: the rest of the limit is what others used then."""
        ago = now - self._backed_off_at
        is_too_much = self._share <= _FIRST_SHARE and ago <= self._period
        least = min(_LEAST_SHARE if is_too_much else _FIRST_SHARE, self._full_share)
        self._share = min(self._share, max(least, self.used - _ROOM_FOR_OTHERS))
        if ago > self._hold + _SOON:
            self._hold = _FIRST_HOLD
        elif ago > self._period:
            self._hold = min(self._hold * 2, _LONGEST_HOLD)
        self._grown_at = now + self._hold

    def dump(self) -> list[float]:
        """Return the places taken, as wall-clock seconds of when their requests ended.

        A request under way may end after the dump; it is put in the future, which
        `restore` reads as "just now".
        """
        used, now, wall = self.used, self._now(), (self._wall or time.time)()
        ended = [wall - (now - moment) for moment in self._ended]
        return ended + [wall + self._period] * (used - len(ended))

    def restore(self, dumped: Iterable[Any]) -> None:
        """Take the places of a former life once more, whatever the clock did since."""
        now, wall = self._now(), (self._wall or time.time)()
        ages = [max(0.0, wall - moment) for item in dumped if (moment := parse.number(item))]
        restored = sorted(now - age for age in ages if age < self._period)[-self.limit :]
        self._ended = deque(sorted([*self._ended, *restored]))

    def _now(self) -> float:
        return (self._monotonic or time.monotonic)()

    def _allowed(self, lane: Lane) -> int:
        return max(1, self.limit - RESERVE[lane])

    def _polite(self, lane: Lane) -> int:
        """Return how many places a lane uses while others use the key."""
        allowed = self._allowed(lane)
        if lane >= Lane.POLL:
            allowed = max(1, allowed * self._share // self._full_share)
        return allowed

    def _grow(self) -> None:
        self._pause.length = self._pause_of_commands.length = 0
        elapsed = self._now() - self._grown_at
        if self.is_contended and elapsed >= _GROWTH_INTERVAL:
            steps = elapsed // _GROWTH_INTERVAL
            self._share = min(self._share + int(steps), self._full_share)
            self._grown_at += steps * _GROWTH_INTERVAL

    def _delay(self, lane: Lane, *, ahead: int = 0) -> float:
        """Return the seconds until a place can be free at the earliest."""
        used = self.used + ahead + 1
        delay = self._freed_in(used - self._polite(lane))
        if delay and lane in _PACED:
            in_turn = self._paced_at + self._pace * (ahead + 1) - self._now()
            delay = min(delay, max(in_turn, self._freed_in(used - self._allowed(lane))))
        return max(self._paused_for(lane), delay)

    def _freed_in(self, count: int) -> float:
        """Return the seconds until so many places are free again."""
        if count <= 0:
            return 0
        if count > len(self._ended):
            return self._period
        return max(0.0, self._ended[count - 1] + self._period - self._now())

    @property
    def _pace(self) -> float:
        """Seconds between two polls' requests where others leave next to nothing."""
        return _PACE if self._share > _LEAST_SHARE else _SLOWEST_PACE

    def _begin(self, lane: Lane) -> None:
        self._in_flight += 1
        if lane in _PACED:
            self._paced_at = self._now()

    async def _take(self, lane: Lane, max_wait: float) -> None:
        if not self._waiters and not self._delay(lane):
            self._begin(lane)
            return
        ahead = sum(waiter[0] <= lane for waiter in self._waiters)
        if (delay := self._delay(lane, ahead=ahead)) > max_wait:
            raise EevionRateLimitError("No request is left", retry_after=delay)
        waiter = (lane, next(self._order), asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiters, waiter)
        self._serve()
        try:
            async with asyncio.timeout(max_wait if math.isfinite(max_wait) else None):
                await waiter[2]
        except BaseException as err:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                heapq.heapify(self._waiters)
            else:
                self._in_flight -= 1
            self._serve()
            if isinstance(err, TimeoutError):
                delay = self._delay(lane, ahead=ahead)
                raise EevionRateLimitError("No request is left", retry_after=delay) from None
            raise

    def _serve(self) -> None:
        """Let go who may go, in order, and come back when the next one may."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            lane, _, future = self._waiters[0]
            if (delay := self._delay(lane)) > 0:
                # Never at once: a delay that rounds to nothing would spin.
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(max(delay, 0.001), self._serve)
                return
            heapq.heappop(self._waiters)
            self._begin(lane)
            if not future.done():
                future.set_result(None)
