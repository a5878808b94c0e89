"""The faults that the cloud notes of stations: which last, which begin and end."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from homeassistant.core import callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from .alarm import Alarm
from .api import EevionError, Lane, StationException
from .const import LOGGER
from .coordinator import EevionCoordinator
from .signals import EVENT_EXCEPTION, signal

_INTERVAL_S = 300
# What began before, and lasts, is past hope: nobody reads the whole history for it.
_LOOK_BACK = timedelta(days=30)
_OVERLAP = timedelta(minutes=10)


class ExceptionLog:
    """Follows the exceptions of one account."""

    def __init__(self, coordinator: EevionCoordinator) -> None:
        """Prepare; `async_start` begins."""
        self._coordinator = coordinator
        self._alarm = Alarm(coordinator.hass, coordinator.config_entry, self.async_start)
        self._seen: dict[str, StationException] = {}
        self._is_first = True
        self._asked = self._taken = 0

    @callback
    def async_start(self) -> None:
        """Read now, and again every few minutes."""
        self._alarm.async_clear()
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_try(), "read exceptions"
        )

    async def _async_try(self) -> None:
        try:
            await self.async_read(Lane.BACKGROUND)
        except EevionError as err:
            LOGGER.debug("Exceptions cannot be read: %s", err)
        self._alarm.async_set(_INTERVAL_S)

    async def async_read(self, lane: Lane = Lane.CONFIRM) -> bool:
        """Read now; return whether there was anything new. Raises EevionError."""
        self._asked += 1
        order = self._asked
        told = await self._coordinator.client.list_exceptions(since=self._since(), lane=lane)
        if order < self._taken:
            # An older answer may call ended ones lasting again.
            return False
        self._taken = order
        return self._async_take(told)

    def _since(self) -> datetime:
        """Return the begin of the oldest that lasts: only so the cloud tells when it ends."""
        horizon = dt_util.utcnow() - _LOOK_BACK
        lasting = [e.started_at for e in self._seen.values() if e.started_at and not e.ended_at]
        newest = max((e.started_at for e in self._seen.values() if e.started_at), default=horizon)
        return max(horizon, min([newest - _OVERLAP, *lasting]))

    @callback
    def _async_take(self, told: Iterable[StationException]) -> bool:
        """Note what is new, and say it; at the first time all is old."""
        touched: set[str] = set()
        for exception in sorted(
            told, key=lambda e: e.started_at or datetime.min.replace(tzinfo=UTC)
        ):
            known = self._seen.get(exception.exception_id)
            if known == exception:
                continue
            self._seen[exception.exception_id] = exception
            touched.add(exception.station_id)
            if self._is_first:
                continue
            if known is None:
                self._async_fire(exception, "started")
            if exception.ended_at and not (known and known.ended_at):
                self._async_fire(exception, "ended")
        self._is_first = False
        self._forget_old()
        self._async_show(touched)
        return bool(touched)

    def _forget_old(self) -> None:
        """Keep what lasts, and what the next answer will hold again."""
        since = self._since()
        self._seen = {
            exception_id: exception
            for exception_id, exception in self._seen.items()
            if exception.started_at and exception.started_at >= since
        }

    @callback
    def _async_show(self, touched: set[str]) -> None:
        lasting: dict[str, tuple[StationException, ...]] = {}
        for exception in self._seen.values():
            if exception.ended_at is None:
                before = lasting.get(exception.station_id, ())
                lasting[exception.station_id] = (*before, exception)
        stations = self._coordinator.data.stations.items()
        self._coordinator.async_set_exceptions(
            lasting, [port for port, state in stations if state.port.station_id in touched]
        )

    @callback
    def _async_fire(self, exception: StationException, event: str) -> None:
        coordinator = self._coordinator
        attributes = {"type": exception.type, "description": exception.description}
        for port_id, state in coordinator.data.stations.items():
            if state.port.station_id == exception.station_id:
                name = signal(coordinator.config_entry, port_id, EVENT_EXCEPTION)
                async_dispatcher_send(coordinator.hass, name, event, attributes)
