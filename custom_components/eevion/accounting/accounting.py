"""The ledgers of one account: every answer is applied, and totals are shown once written."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..api import Session
from ..const import LOGGER
from ..stations import StationState, Totals
from .amounts import Sums
from .ledger import StationLedger
from .store import LedgerStore
from .unseen import Meanwhile

# Totals change only once they are on the disk, so that not even a crash makes one fall.
_WRITE_INTERVAL_S = 60
# The larger the file, the longer the interval of writes.
_STATIONS_PER_INTERVAL = 100
_WRITE_SOON_S = 1
_LONGEST_PAUSE_S = 3600

type _TotalsListener = Callable[[Mapping[str, Totals], Mapping[str, Totals]], None]
type _SavedListener = Callable[[AbstractSet[str]], None]
type _EndedListener = Callable[[Session], None]


class Accounting:
    """The ledgers by port id, and the schedule of their writes."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Initialize; call `async_load` next."""
        self._hass = hass
        self._store = LedgerStore(hass, entry)
        self.ledgers: dict[str, StationLedger] = {}
        self.cursor: float = 0
        """Time until which all changes are applied, by the cloud's clock (`updatedAt`)."""
        self.is_recovered = False
        """Whether all changes are applied that were made while the entry was not loaded."""
        self._totals_listeners: list[_TotalsListener] = []
        self._saved_listeners: list[_SavedListener] = []
        self._ended_listeners: list[_EndedListener] = []
        self._meanwhile = Meanwhile()
        self._followed: AbstractSet[str] = frozenset()
        self._names: dict[str, str] = {}
        """Station names by port id, for the log."""
        self._doubted: set[str] = set()
        """Ids of sessions whose figures were logged as wrong."""
        self._shown_sites: set[str | None] = set()
        self._unwritten: set[str] = set()
        self._dumped: dict[str, dict[str, Any]] = {}
        self._cancel_write: CALLBACK_TYPE | None = None
        self._write_in_s = float("inf")
        self._pause_s = 0
        """Pause after a failed write, in seconds."""
        self._writing = asyncio.Lock()
        self._is_closed = False

    @callback
    def async_add_totals_listener(self, listener: _TotalsListener) -> CALLBACK_TYPE:
        """Call `listener` with written totals, by port id and by site id.

        Returns a function that removes the listener.
        """
        return _add(self._totals_listeners, listener)

    @callback
    def async_add_saved_listener(self, listener: _SavedListener) -> CALLBACK_TYPE:
        """Call `listener` with the port ids of written ledgers.

        Returns a function that removes the listener.
        """
        return _add(self._saved_listeners, listener)

    @callback
    def async_add_ended_listener(self, listener: _EndedListener) -> CALLBACK_TYPE:
        """Call `listener` with each session that ended while the entry was not loaded.

        Returns a function that removes the listener.
        """
        return _add(self._ended_listeners, listener)

    async def async_load(self) -> None:
        """Load the ledgers from the storage."""
        self.cursor, self.ledgers = await self._store.async_load()
        self._dumped = {port_id: ledger.to_json() for port_id, ledger in self.ledgers.items()}
        self._unwritten = set(self.ledgers)
        ledgers = self.ledgers.values()
        begun = {one.site_id for one in ledgers if one.is_begun and one.shown != Sums()}
        waiting = {one.site_id for one in ledgers if not one.is_begun}
        self._shown_sites = begun - waiting
        self._meanwhile = Meanwhile(self.cursor, self.ledgers)

    @callback
    def async_follow(self, stations: Mapping[str, StationState], changed: AbstractSet[str]) -> None:
        """Create ledgers for the stations of a snapshot; sessions of others are ignored.

        `changed` has the ids of the stations whose port or site is another one.
        """
        self._followed = stations.keys()
        now = dt_util.utcnow().timestamp()
        for port_id, station in stations.items():
            if port_id not in changed:
                continue
            ledger = self.ledgers.setdefault(port_id, StationLedger(site_id=station.site_id))
            self._names[port_id] = station.port.station_id
            is_changed = ledger.move_to(station.site_id)
            is_changed |= ledger.name_currency(station.port.currency)
            if ledger.check(station.port.max_power_w, now) or is_changed:
                self.async_mark_changed(port_id)

    async def async_hand_over(self, old_id: str, new_id: str) -> None:
        """Move the ledger of a port to the port that replaces it, unless that has its own.

        Waits for a write that is under way, as a failed one has to be repeated.
        """
        async with self._writing:
            if new_id in self.ledgers or (ledger := self.ledgers.pop(old_id, None)) is None:
                return
            ledger.keep_statistics_of(old_id)
            self.ledgers[new_id] = ledger
            self._dumped.pop(old_id, None)
            self._unwritten.discard(old_id)
            self._unwritten.add(new_id)

    @callback
    def async_apply(self, sessions: Iterable[Session]) -> None:
        """Apply the sessions of an answer."""
        is_over = False
        now = dt_util.utcnow().timestamp()
        for session in sessions:
            ledger = self.ledgers.get(session.port_id or "")
            if ledger is None or session.port_id is None:
                continue
            before = ledger.sessions.get(session.session_id)
            is_changed = ledger.apply(session, now)
            self._meanwhile.update(session, before, ledger.sessions.get(session.session_id))
            if is_changed:
                self._unwritten.add(session.port_id)
                is_over = is_over or not session.is_active
            if ledger.is_beyond(session, now):
                self._warn_once(session)
        if self._unwritten:
            self.async_write_soon(_WRITE_SOON_S if is_over else self._write_interval)

    def _warn_once(self, session: Session) -> None:
        if session.session_id not in self._doubted:
            self._doubted.add(session.session_id)
            LOGGER.warning(
                "A session of station %s has more energy (%s Wh) or cost (%s) than the station"
                " can come to; that is not counted",
                self._names.get(session.port_id or ""),
                session.energy_wh,
                session.cost,
            )

    @callback
    def async_mark_synced(self, sessions: Iterable[Session]) -> None:
        """Mark all changes as applied; `sessions` are those that changed since `cursor`."""
        now = dt_util.utcnow().timestamp()
        # A date in the future is wrong, and would hide the next changes.
        updated = [min(s.updated_at.timestamp(), now) for s in sessions if s.updated_at]
        self.cursor = max(self.cursor, *updated, 0)
        self._meanwhile.end()

    @property
    def _write_interval(self) -> float:
        return _WRITE_INTERVAL_S * (1 + len(self.ledgers) // _STATIONS_PER_INTERVAL)

    @callback
    def async_mark_changed(self, port_id: str) -> None:
        """Mark a ledger as changed by something else than a session."""
        self._unwritten.add(port_id)
        self.async_write_soon()

    @callback
    def async_write_soon(self, delay: float = _WRITE_SOON_S) -> None:
        """Write within `delay` seconds."""
        if self._is_closed:
            return
        delay = max(delay, self._pause_s)
        if self._cancel_write:
            if delay >= self._write_in_s:
                return
            self._cancel_write()

        async def async_write(_: object) -> None:
            self._cancel_write = None
            await self.async_write()

        self._write_in_s = delay
        self._cancel_write = async_call_later(self._hass, delay, async_write)

    async def async_write(self) -> bool:
        """Write the ledgers, then call the listeners with the written totals.

        Returns whether all changes are written. A failed write is repeated later.
        """
        async with self._writing:
            written, self._unwritten = self._unwritten, set()
            if not written:
                return True
            totals: dict[str, Totals] = {}
            # The age of sessions is measured by the cloud's clock: the local one may be far ahead.
            now = min(dt_util.utcnow().timestamp(), self.cursor)
            for port_id in written:
                ledger = self.ledgers[port_id]
                ledger.fold(now)
                if self.is_recovered and ledger.is_begun:
                    totals[port_id] = ledger.raise_shown().totals(ledger.currency)
                self._dumped[port_id] = ledger.to_json(self._meanwhile.ended)
            failure = await self._store.async_save(self.cursor, self._dumped)
            if failure:
                self._unwritten |= written
                self._mark_failure(failure)
                return False
            if self._pause_s:
                self._pause_s = 0
                LOGGER.warning("The totals are written to the disk again")
            of_sites = self._site_totals()
            self._shown_sites |= {id_ for id_, shown in of_sites.items() if shown.energy_wh}
            for totals_listener in tuple(self._totals_listeners):
                totals_listener(totals, of_sites)
            for saved_listener in tuple(self._saved_listeners):
                saved_listener(written)
            return True

    def _mark_failure(self, failure: Exception) -> None:
        if not self._pause_s:
            LOGGER.warning(
                "The totals cannot be written to the disk, and stand still until they can: %s",
                failure,
            )
        self._pause_s = min(max(2 * self._pause_s, _WRITE_INTERVAL_S), _LONGEST_PAUSE_S)
        self.async_write_soon()

    def begun_sites(self) -> set[str | None]:
        """Return the ids of the sites whose totals were shown."""
        return self._shown_sites

    def _site_totals(self) -> dict[str, Totals]:
        """Return the totals of the sites whose present stations have all begun."""
        if not self.is_recovered:
            return {}
        sums: dict[str, Sums] = {}
        currencies: dict[str, set[str]] = {}
        waiting: set[str | None] = set()
        for port_id, ledger in self.ledgers.items():
            if ledger.is_begun:
                for site_id, share in ledger.of_sites().items():
                    sums.setdefault(site_id, Sums()).add_all(share)
                    named = currencies.setdefault(site_id, set())
                    if ledger.currency and share.cost:
                        named.add(ledger.currency)
            elif port_id in self._followed:
                waiting.add(ledger.site_id)
        return {
            # Amounts in several currencies have no sum.
            site_id: total.totals(_only(currencies[site_id]))
            for site_id, total in sums.items()
            if site_id not in waiting
        }

    @callback
    def async_mark_recovered(self) -> None:
        """Mark all changes of the time before the start as applied, and show totals from now on."""
        self.is_recovered = True
        self._unwritten |= self.ledgers.keys()
        self.async_write_soon()

    async def async_announce_ended(self) -> None:
        """Call the listeners once with the sessions that ended meanwhile, between two writes.

        Without the first write, the disk may be full, and the next start announces them again;
        until the second one, they are stored as open.
        """
        if not self._meanwhile.ended or self._is_closed:
            return
        if not await self.async_write():
            return
        for session in self._meanwhile.mark_announced():
            for listener in tuple(self._ended_listeners):
                listener(session)
            if session.port_id in self.ledgers:
                self._unwritten.add(session.port_id)
        await self.async_write()

    async def async_remove(self) -> None:
        """Delete the file, with the account."""
        await self._store.async_remove()

    async def async_close(self, _event: Event | None = None) -> None:
        """Write the remaining changes and stop, as another instance may read the file now."""
        self.async_cancel()
        await self.async_write()

    @callback
    def async_cancel(self) -> None:
        """Stop without a write: the changes since the last one are read from the cloud again."""
        self._is_closed = True
        if self._cancel_write:
            self._cancel_write()
            self._cancel_write = None


def _add[T](listeners: list[T], listener: T) -> CALLBACK_TYPE:
    listeners.append(listener)
    return partial(listeners.remove, listener)


def _only(currencies: AbstractSet[str]) -> str | None:
    return next(iter(currencies)) if len(currencies) == 1 else None
