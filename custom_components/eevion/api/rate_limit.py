"""The rate limit of an API key, shared by all users of the key."""

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

# Seconds, for the difference between the clocks of the cloud and of this machine.
_MARGIN = 0.1
# After HTTP 429 the share is the number of places used then minus _ROOM_FOR_OTHERS. It is held
# for _FIRST_HOLD seconds, and twice as long each time that another 429 follows soon.
_LEAST_SHARE = 6
# Enough for a start; it is reduced only after another 429 within a minute.
_FIRST_SHARE = 12
_ROOM_FOR_OTHERS = 6
_FIRST_HOLD = 60.0
_LONGEST_HOLD = 1800.0
_SOON = 600.0
_GROWTH_INTERVAL = 5.0
# A poll's request is sent after so many seconds, even if other users leave no places.
_PACE = 5.0
_SLOWEST_PACE = 15.0
_LEAST_PAUSE = 1.0
_FIRST_PAUSE = 5.0
_FIRST_PAUSE_OF_COMMANDS = 1.0
_LONGEST_PAUSE = 60.0
# After a minute without requests the key has its whole budget again; longer values are wrong.
_LONGEST_RETRY_AFTER = 120.0


class Lane(IntEnum):
    """The priority of a request; lower values are served first."""

    COMMAND = 0
    CONFIRM = 1
    POLL = 2
    START = 3
    """Requests that a person waits for after a start, as the first totals."""
    BACKGROUND = 4


RESERVE = {
    Lane.COMMAND: 0,
    Lane.CONFIRM: 4,
    Lane.POLL: 12,
    Lane.START: 12,
    Lane.BACKGROUND: 24,
}
"""Places that a lane leaves free for the lanes before it."""

MAX_WAIT = {
    Lane.COMMAND: 30.0,
    Lane.CONFIRM: 30.0,
    Lane.POLL: 30.0,
    Lane.START: math.inf,
    Lane.BACKGROUND: math.inf,
}
"""Seconds for which a request of the lane waits for a place by default."""

_PACED = (Lane.POLL, Lane.START)


@dataclass(slots=True)
class _Pause:
    """The pause after HTTP 429, which doubles until a request succeeds; times in seconds."""

    first: float
    length: float = 0
    until: float = -math.inf

    def begin(self, now: float, retry_after: float | None, *, is_new: bool) -> None:
        """Begin or extend the pause; `is_new` is False for a request sent before the last 429."""
        pause = 0.0
        if is_new:
            pause = self.length or self.first
            self.length = min(pause * 2, _LONGEST_PAUSE)
        if retry_after is not None and retry_after >= 0:
            pause = min(max(retry_after, _LEAST_PAUSE), _LONGEST_RETRY_AFTER)
        self.until = max(self.until, now + pause)


class RateLimit:
    """Allows at most `limit` requests in any `period` seconds, by the cloud's clock.

    The cloud counts a request at some moment between its start and its end, so a request
    keeps its place from its start until a period after its end.
    """

    def __init__(
        self,
        *,
        limit: int = 60,
        period: float = 60.0,
        monotonic: Callable[[], float] | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        """Start with an unused budget; `monotonic` and `wall` return seconds."""
        self.limit = limit
        self._use_listeners: list[Callable[[], None]] = []
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

    def add_use_listener(self, listener: Callable[[], None]) -> None:
        """Call `listener` each time that a request gets a place."""
        self._use_listeners.append(listener)

    @property
    def used(self) -> int:
        """Return the used places: requests under way, and ended less than a period ago."""
        now = self._now()
        while self._ended and self._ended[0] + self._period <= now:
            self._ended.popleft()
        return self._in_flight + len(self._ended)

    @property
    def paused_for(self) -> float:
        """Return the seconds until the pause after HTTP 429 is over."""
        return self._paused_for(Lane.POLL)

    def _paused_for(self, lane: Lane) -> float:
        pause = self._pause_of_commands if lane is Lane.COMMAND else self._pause
        return max(0.0, pause.until - self._now())

    @property
    def is_contended(self) -> bool:
        """Whether a request within the budget had HTTP 429 lately: others use the key."""
        return self._share < self._full_share

    @asynccontextmanager
    async def slot(self, lane: Lane, *, max_wait: float | None = None) -> AsyncGenerator[float]:
        """Hold a place while a request is under way; yield since when, for `backed_off`.

        Raises EevionRateLimitError if there is no place within `max_wait` seconds: None is
        the default of the lane, infinity waits without an end.
        """
        await self._acquire(lane, MAX_WAIT[lane] if max_wait is None else max_wait)
        acquired_at = self._now()
        try:
            for listener in self._use_listeners:
                listener()
            yield acquired_at
            if self._backed_off_at < acquired_at:
                self._grow()
        finally:
            self._in_flight -= 1
            self._ended.append(self._now())
            self._serve()

    def backed_off(
        self, retry_after: float | None = None, *, acquired_at: float | None = None
    ) -> None:
        """Pause after HTTP 429, and leave more places to other users of the key.

        `retry_after` is in seconds; without it, the pause of commands is the shortest. A
        request that was under way at the last 429 (`acquired_at`, as `slot` yields it) does
        not count as another one.
        """
        now = self._now()
        is_new = (now if acquired_at is None else acquired_at) > self._backed_off_at
        if is_new:
            self._reduce_share(now)
            self._backed_off_at = now
        for pause in (self._pause, self._pause_of_commands):
            pause.begin(now, retry_after, is_new=is_new)
        # Other lanes wait at least as long as commands.
        self._pause.until = max(self._pause.until, self._pause_of_commands.until)
        self._serve()

    def _reduce_share(self, now: float) -> None:
        """Use fewer places than at this 429: others used the rest of the limit then."""
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
        """Return the used places, as the epoch seconds at which their requests ended.

        A request under way has a time in the future, which `restore` reads as "now".
        """
        used, now, wall = self.used, self._now(), (self._wall or time.time)()
        ended = [wall - (now - moment) for moment in self._ended]
        return ended + [wall + self._period] * (used - len(ended))

    def restore(self, dumped: Iterable[Any]) -> None:
        """Use the places of a `dump` again, even if the wall clock has changed since."""
        now, wall = self._now(), (self._wall or time.time)()
        ages = [max(0.0, wall - moment) for item in dumped if (moment := parse.number(item))]
        restored = sorted(now - age for age in ages if age < self._period)[-self.limit :]
        self._ended = deque(sorted([*self._ended, *restored]))

    def _now(self) -> float:
        return (self._monotonic or time.monotonic)()

    def _allowed(self, lane: Lane) -> int:
        return max(1, self.limit - RESERVE[lane])

    def _shared(self, lane: Lane) -> int:
        """Return the number of places for a lane, fewer while others use the key."""
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
        """Return the seconds until the earliest moment at which a place can be free."""
        used = self.used + ahead + 1
        delay = self._freed_in(used - self._shared(lane))
        if delay and lane in _PACED:
            in_turn = self._paced_at + self._pace * (ahead + 1) - self._now()
            delay = min(delay, max(in_turn, self._freed_in(used - self._allowed(lane))))
        return max(self._paused_for(lane), delay)

    def _freed_in(self, count: int) -> float:
        """Return the seconds until so many used places are free."""
        if count <= 0:
            return 0
        if count > len(self._ended):
            return self._period
        return max(0.0, self._ended[count - 1] + self._period - self._now())

    @property
    def _pace(self) -> float:
        """Return the seconds between requests of polls while others leave no places."""
        return _PACE if self._share > _LEAST_SHARE else _SLOWEST_PACE

    def _begin(self, lane: Lane) -> None:
        self._in_flight += 1
        if lane in _PACED:
            self._paced_at = self._now()

    async def _acquire(self, lane: Lane, max_wait: float) -> None:
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
        """Give places to the waiting requests, in order, and schedule the next call."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            lane, _, future = self._waiters[0]
            if (delay := self._delay(lane)) > 0:
                # A delay of 0 would run the loop without a pause.
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(max(delay, 0.001), self._serve)
                return
            heapq.heappop(self._waiters)
            self._begin(lane)
            if not future.done():
                future.set_result(None)
