"""Exceptions of stations: which of them are open, and events for their begin and end."""

from collections.abc import Iterable, Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from homeassistant.core import callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from ..api import EevionError, Lane, StationException
from ..const import EVENT_EXCEPTION, LOGGER, signal
from ..coordinator import EevionCoordinator
from ..polling import EntryTimer
from ..stations import StationMemory

_INTERVAL_S = 300
# Longest time that an open exception extends the request into the past.
_LOOK_BACK = timedelta(days=30)
_OVERLAP = timedelta(minutes=10)
# Number of exceptions kept after answers stop listing them: one that returns is not new.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """An exception of the newest answers."""

    exception: StationException
    listed_from: datetime
    """Answers since this time list it: its begin, where that is readable and plausible."""


class ExceptionLog:
    """The exceptions of one account."""

    def __init__(self, coordinator: EevionCoordinator, memory: StationMemory) -> None:
        """Initialize; `async_start` begins. `memory` keeps which exceptions are open."""
        self._coordinator = coordinator
        self._memory = memory
        self._timer = EntryTimer(coordinator.hass, coordinator.config_entry, self.async_start)
        self._seen: dict[str, _Seen] = {}
        """By exception id."""
        self._past: dict[str, bool] = {}
        """Whether it had ended, by the id of exceptions that answers no longer list."""
        self._open: dict[str, tuple[StationException, ...]] = {}
        """The open exceptions by the station's name."""
        self._is_first = True
        self._requested = self._applied = 0

    @callback
    def async_start(self) -> None:
        """Read the exceptions now, and again every five minutes."""
        self._timer.async_clear()
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_try(), "read exceptions"
        )

    async def _async_try(self) -> None:
        try:
            await self.async_read(Lane.BACKGROUND)
        except EevionError as err:
            LOGGER.debug("Exceptions cannot be read: %s", err)
        self._timer.async_set(_INTERVAL_S)

    async def async_read(self, lane: Lane = Lane.CONFIRM) -> bool:
        """Read the exceptions now; return whether one is new or changed. Raises EevionError."""
        self._requested += 1
        order = self._requested
        since = self._since()
        listed = await self._coordinator.client.list_exceptions(since=since, lane=lane)
        if order < self._applied:
            # An older answer may list ended exceptions as open.
            return False
        self._applied = order
        return self._async_apply(listed.models, since)

    def _since(self) -> datetime:
        """Return the begin of the request's time: the oldest open exception, to receive its end."""
        horizon = dt_util.utcnow() - _LOOK_BACK
        newest = max((seen.listed_from for seen in self._seen.values()), default=horizon)
        open_since = [s.listed_from for s in self._seen.values() if not s.exception.ended_at]
        return max(horizon, min([newest - _OVERLAP, *open_since]))

    @callback
    def _async_apply(self, listed: Iterable[StationException], since: datetime) -> bool:
        """Apply an answer, and fire events for new exceptions.

        In the first answer, those are new that began or ended since the last one before the
        start; one that did both has no events.
        The begin of an exception may be missing or of any year: answers repeat such ones.
        """
        now = dt_util.utcnow()
        named: set[str] = set()
        is_new = False
        for exception in sorted(
            listed, key=lambda e: e.started_at or datetime.min.replace(tzinfo=UTC)
        ):
            exception_id = exception.exception_id
            named.add(exception_id)
            seen = self._seen.get(exception_id)
            if seen and (seen.exception == exception or seen.exception.ended_at):
                # An ended exception stays ended, as the answer may be an old one.
                continue
            is_new = True
            was_past = exception_id in self._past
            had_ended = self._past.pop(exception_id, False)
            listed_from = min(max(exception.started_at or since, since), now)
            self._seen[exception_id] = _Seen(exception, seen.listed_from if seen else listed_from)
            if self._is_first:
                self._async_compare(exception)
                continue
            if had_ended:
                continue
            if seen is None and not was_past:
                self._async_fire(exception, "started")
            if exception.ended_at:
                self._async_fire(exception, "ended")
        self._is_first = False
        self._drop_old(named)
        self._async_show()
        return is_new

    @callback
    def _async_compare(self, exception: StationException) -> None:
        """Fire the event of an exception that began or ended while the entry was not loaded."""
        if (known := self._memory.open_exceptions) is None:
            return
        was_open, is_open = exception.exception_id in known, exception.ended_at is None
        if was_open != is_open:
            self._async_fire(exception, "started" if is_open else "ended")

    def _drop_old(self, named: AbstractSet[str]) -> None:
        """Keep the exceptions that the newest answer lists, and those that the next one will."""
        since = self._since()
        for exception_id, seen in list(self._seen.items()):
            if exception_id not in named and seen.listed_from < since:
                del self._seen[exception_id]
                self._past[exception_id] = seen.exception.ended_at is not None
        for exception_id in list(self._past)[:-_REMEMBERED]:
            del self._past[exception_id]

    @callback
    def _async_show(self) -> None:
        before, self._open = self._open, {}
        for exception in (seen.exception for seen in self._seen.values()):
            if exception.ended_at is None:
                others = self._open.get(exception.station_id, ())
                self._open[exception.station_id] = (*others, exception)
        still_open = [id_ for id_, seen in self._seen.items() if seen.exception.ended_at is None]
        self._memory.async_set_open_exceptions(set(still_open[-_REMEMBERED:]))
        names = before.keys() | self._open.keys()
        changed = {name for name in names if before.get(name) != self._open.get(name)}
        stations = self._coordinator.data.stations.items()
        self._coordinator.async_set_exceptions(
            self._open, [port for port, state in stations if state.port.station_id in changed]
        )

    @callback
    def _async_fire(self, exception: StationException, event: str) -> None:
        coordinator = self._coordinator
        attributes = {"type": exception.type, "description": exception.description}
        for port_id, state in coordinator.data.stations.items():
            if state.is_named(exception.station_id, exception.known_site_id):
                name = signal(coordinator.config_entry, port_id, EVENT_EXCEPTION)
                async_dispatcher_send(coordinator.hass, name, event, attributes)
