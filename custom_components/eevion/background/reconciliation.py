"""Completes the ledgers with what polls do not contain: past sessions and lifetime figures."""

from collections.abc import Mapping, Set as AbstractSet
from datetime import UTC, datetime, timedelta
import math

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from ..accounting import UNNAMED, Sums, most_cost, most_energy, wh_units
from ..api import (
    EevionAuthenticationError,
    EevionConnectionError,
    EevionError,
    EevionNotFoundError,
    EevionRateLimitError,
    Lane,
)
from ..const import LOGGER
from ..coordinator import STATIONS_CHANGED, EevionCoordinator
from ..history import Figures, by_port
from ..polling import EntryTimer, Retries
from ..stations import StationState, port_of

_EPOCH = datetime.fromtimestamp(0, UTC)
# Sessions may be late, and the clocks may differ.
_OVERLAP = timedelta(hours=1)
_CLOCKS_DIFFER_S = 120
# Bounds the request where the local clock was set back.
_LONGEST = timedelta(days=31)
# A ledger begins before the sessions of the last hours, which it counts individually.
_RECENT = timedelta(hours=2)
# Delay after a session until a report should contain it.
_SETTLED_S = 600
_COMPARE_INTERVAL_S = 86400
# Number of stations in use per run that are compared, each with a report of its own.
_BUSY_PER_RUN = 3
# Number of sessions that are searched for one with a currency.
_NAMING = 500
_SYNC_INTERVAL_S = 300
_RETRY_INTERVAL_S = 60
# Errors that every other request would have as well.
_OF_ALL = (EevionAuthenticationError, EevionRateLimitError)


class LedgerReconciler:
    """Completes the ledgers after a start, and every few minutes."""

    def __init__(self, coordinator: EevionCoordinator) -> None:
        """Initialize; `async_start` begins."""
        self._coordinator = coordinator
        self._timer = EntryTimer(coordinator.hass, coordinator.config_entry, self.async_start)
        self._client = coordinator.client
        self._accounting = coordinator.accounting
        self._retries = Retries()
        """By session id, by port id, and by `_naming_key`."""
        self._compared_at: dict[str, float] = {}
        """Time of the last comparison with a report by port id, in epoch seconds."""
        self._searched: set[str] = set()
        """Port ids of the stations whose past sessions were searched for a currency."""
        self._is_running = False
        entry = coordinator.config_entry
        entry.async_on_unload(coordinator.async_add_listener(self.async_start, STATIONS_CHANGED))

    @callback
    def async_start(self) -> None:
        """Run now, and again every few minutes."""
        self._timer.async_clear()
        if not self._is_running:
            coordinator = self._coordinator
            coordinator.config_entry.async_create_background_task(
                coordinator.hass, self._async_try(), "complete ledgers"
            )

    async def _async_try(self) -> None:
        interval = _RETRY_INTERVAL_S
        self._is_running = True
        try:
            await self._async_run()
            if not self._to_begin(self._coordinator.data.stations):
                interval = _SYNC_INTERVAL_S
        except EevionError as err:
            LOGGER.debug("The ledgers cannot be completed yet: %s", err)
        finally:
            self._is_running = False
        if not self._accounting.is_recovered:
            # The totals so far are valid, and rise with later sessions.
            self._accounting.async_mark_recovered()
        await self._accounting.async_announce_ended()
        self._timer.async_set(interval)

    @property
    def _lane(self) -> Lane:
        """The lane of requests; START until the first totals are shown."""
        to_begin = self._to_begin(self._coordinator.data.stations)
        is_done = self._accounting.is_recovered and not to_begin
        return Lane.BACKGROUND if is_done else Lane.START

    async def _async_run(self) -> None:
        stations = dict(self._coordinator.data.stations)
        active = self._coordinator.active_session_ids()
        self._reopen(active)
        failed = await self._async_close_open(active)
        await self._async_sync()
        now = dt_util.utcnow().timestamp()
        for session_id in failed:
            # The cloud answers other requests, so the failure is that of the session.
            self._retries.mark_failed(session_id, now)
        if not self._accounting.is_recovered:
            # The rest needs reports, which ledgers that have begun do not depend on.
            self._accounting.async_mark_recovered()
        await self._async_begin(stations)
        await self._async_name_currencies(stations)
        await self._async_compare(stations)

    def _reopen(self, active: AbstractSet[str]) -> None:
        """Reopen the sessions that are active in the newest list."""
        for port_id, ledger in self._accounting.ledgers.items():
            for session_id in active & ledger.sessions.keys():
                if ledger.reopen(session_id):
                    self._accounting.async_mark_changed(port_id)

    async def _async_close_open(self, active: AbstractSet[str]) -> list[str]:
        """Fetch the open sessions that the newest list lacks.

        Returns the ids of the sessions whose request failed.
        """
        now = dt_util.utcnow().timestamp()
        left_open = [
            (port_id, session_id)
            for port_id, ledger in self._accounting.ledgers.items()
            for session_id, entry in ledger.sessions.items()
            if entry.is_open and session_id not in active and self._retries.is_due(session_id, now)
        ]
        # Sessions that failed come last, as they may fail again.
        left_open.sort(key=lambda ids: self._retries.pause(ids[1]))
        failed: list[str] = []
        for port_id, session_id in left_open:
            if not self._accounting.ledgers[port_id].is_open(session_id):
                continue  # another answer has shown its end meanwhile
            try:
                session = await self._client.get_session(session_id=session_id, lane=self._lane)
            except EevionNotFoundError:
                self._accounting.ledgers[port_id].close(session_id)
                self._accounting.async_mark_changed(port_id)
            except _OF_ALL:
                raise
            except EevionError as err:
                LOGGER.debug("Session %s cannot be read: %s", session_id, err)
                failed.append(session_id)
                if isinstance(err, EevionConnectionError):
                    break  # the others would wait as long
            else:
                self._retries.mark_succeeded(session_id)
                self._coordinator.async_apply_past([session.at_port(port_id)])
        return failed

    async def _async_sync(self) -> None:
        """Apply the sessions that changed since the cursor, with an overlap of an hour."""
        now = dt_util.utcnow()
        known = datetime.fromtimestamp(self._known_until(now), UTC)
        since = max(min(known - _OVERLAP, now - _RECENT), known - _LONGEST, _EPOCH)
        sessions = await self._client.list_sessions(updated_on_or_after=since, lane=self._lane)
        self._coordinator.async_apply_past(sessions.sessions)
        self._accounting.async_mark_synced(sessions.sessions)

    def _known_until(self, now: datetime) -> float:
        """Return the time since which changes are requested, in epoch seconds."""
        ledgers = self._accounting.ledgers.values()
        begun = [ledger.counted_until for ledger in ledgers if ledger.is_begun]
        return self._accounting.cursor or min(now.timestamp(), *begun, math.inf)

    def _to_begin(self, stations: Mapping[str, StationState]) -> dict[str, StationState]:
        """Return the stations whose ledgers are to begin, without those in a pause."""
        now = dt_util.utcnow().timestamp()
        ledgers = self._accounting.ledgers
        return {
            port_id: station
            for port_id, station in stations.items()
            if not ledgers[port_id].is_begun and self._retries.is_due(port_id, now)
        }

    async def _async_begin(self, stations: Mapping[str, StationState]) -> None:
        """Begin the ledgers of new stations at the lifetime figure of the report."""
        new = self._to_begin(stations)
        if not new:
            return
        known = {port_id: self._session_ids(port_id) for port_id in new}
        now = dt_util.utcnow()
        until = {port_id: self._begin(port_id, now) for port_id in new}
        lifetime = await self._async_lifetime(new, now + timedelta(days=1))
        figures: dict[str, Sums] = {}
        for port_id, station in new.items():
            row = lifetime.get(port_id)
            if row and known[port_id]:
                # The sessions that are known one by one must not be in the figure.
                try:
                    row = await self._async_lifetime_until(until[port_id], station)
                except _OF_ALL:
                    raise
                except EevionError as err:
                    self._mark_failure(station, err)
                    continue
            figures[port_id] = _sums(row)
        await self._async_sync()
        # A single report may be wrong, and would stay in the total for good.
        again = await self._async_lifetime(new, now + timedelta(days=1))
        elapsed_s = (dt_util.utcnow() - now).total_seconds()
        begun_sites = self._accounting.begun_sites()
        for port_id, figure in figures.items():
            second = _sums(again.get(port_id))
            since_s = now.timestamp() + elapsed_s - until[port_id]
            if not (
                _may_follow(second, _sums(lifetime.get(port_id)), elapsed_s)
                and _may_follow(second, figure, since_s)
            ):
                LOGGER.debug("Two reports of station %s differ", new[port_id].port.station_id)
                continue
            # One that came meanwhile may be in the figure or not: the next run will know.
            if self._session_ids(port_id) == known[port_id]:
                ledger = self._accounting.ledgers[port_id]
                ledger.begin(
                    figure,
                    until[port_id],
                    reported_at=now.timestamp(),
                    is_site_shown=ledger.site_id in begun_sites,
                )
                self._accounting.async_mark_changed(port_id)

    def _session_ids(self, port_id: str) -> AbstractSet[str]:
        return set(self._accounting.ledgers[port_id].sessions)

    def _begin(self, port_id: str, now: datetime) -> float:
        """Return the time before the first session that the ledger counts individually."""
        recently = (now - _RECENT).timestamp()
        starts = [
            # Of one without a date nobody knows what of it is in the figure.
            min(filter(None, (entry.created, entry.start)), default=0) - 1
            for entry in self._accounting.ledgers[port_id].sessions.values()
            if (over_at := entry.over_at) is None or over_at >= recently
        ]
        return max(0.0, min(starts, default=now.timestamp() - _CLOCKS_DIFFER_S))

    async def _async_lifetime(
        self, stations: Mapping[str, StationState], end: datetime, *station_ids: str
    ) -> dict[str, Figures]:
        report = await self._client.get_report(
            start=_EPOCH, end=end, stations=station_ids, lane=self._lane
        )
        figures = by_port(report, stations)
        for port_id, figure in figures.items():
            if self._accounting.ledgers[port_id].name_currency(figure.currency):
                self._accounting.async_mark_changed(port_id)
        return figures

    async def _async_lifetime_until(self, until: float, station: StationState) -> Figures | None:
        """Return the figures of a station until a moment, in epoch seconds; None without a row."""
        port = station.port
        end = datetime.fromtimestamp(until, UTC)
        return (await self._async_lifetime({port.port_id: station}, end, port.station_id)).get(
            port.port_id
        )

    def _mark_failure(self, station: StationState, err: EevionError) -> None:
        LOGGER.debug("There is no report of station %s: %s", station.port.station_id, err)
        self._retries.mark_failed(station.port.port_id, dt_util.utcnow().timestamp())

    async def _async_name_currencies(self, stations: Mapping[str, StationState]) -> None:
        """Search past sessions for the currency of a report's money.

        The first search covers the last month of all stations; after that, one station per run
        is searched by itself.
        """
        now = dt_util.utcnow()
        unnamed = [
            station
            for port_id, station in stations.items()
            if self._accounting.ledgers[port_id].lacks_currency
        ]
        fresh = [s for s in unnamed if s.port.port_id not in self._searched]
        alone = [s for s in unnamed if self._retries.is_due(_naming_key(s), now.timestamp())]
        wanted, since = (fresh, now - _LONGEST) if fresh else (alone[:1], _EPOCH)
        if not wanted:
            return
        try:
            found = await self._client.list_sessions(
                stations=[station.port.station_id for station in wanted],
                updated_on_or_after=since,
                limit=_NAMING,
                lane=Lane.BACKGROUND,
            )
        except _OF_ALL:
            raise
        except EevionError as err:
            LOGGER.debug("Past sessions cannot be read: %s", err)
        else:
            self._accounting.async_apply(
                session.at_port(port_of(session, stations)) for session in found.sessions
            )
        self._searched.update(station.port.port_id for station in wanted)
        if not fresh:
            self._retries.mark_failed(_naming_key(wanted[0]), now.timestamp())

    async def _async_compare(self, stations: Mapping[str, StationState]) -> None:
        """Compare each station once a day with the report, and count the report's excess.

        Where a session is active, or has just ended, the time before it is compared.
        """
        now = dt_util.utcnow().timestamp()
        due = [
            port_id
            for port_id in stations
            if not 0 <= now - self._compared_at.get(port_id, -math.inf) < _COMPARE_INTERVAL_S
            and self._accounting.ledgers[port_id].is_begun
        ]
        settled = [port_id for port_id in due if self._settled_until(port_id, now) is None]
        if settled:
            lifetime = await self._async_lifetime(stations, dt_util.utcnow() + timedelta(days=1))
            for port_id in settled:
                if self._settled_until(port_id, now) is None:
                    self._compare(stations[port_id], lifetime.get(port_id), now)
        busy = 0
        for port_id in due:
            station, ledger = stations[port_id], self._accounting.ledgers[port_id]
            until = self._settled_until(port_id, now)
            if (
                until is None
                or until <= ledger.missed_until
                or busy >= _BUSY_PER_RUN
                or not self._retries.is_due(port_id, now)
            ):
                continue
            busy += 1
            try:
                row = await self._async_lifetime_until(until, station)
            except _OF_ALL:
                raise
            except EevionError as err:
                self._mark_failure(station, err)
                continue
            self._retries.mark_succeeded(port_id)
            self._compare(station, row, now, until)

    def _settled_until(self, port_id: str, now: float) -> float | None:
        """Return the time before the first session that a report may lack; None without one."""
        return self._accounting.ledgers[port_id].unsettled_since(now - _SETTLED_S)

    def _compare(
        self, station: StationState, row: Figures | None, now: float, until: float | None = None
    ) -> None:
        port = station.port
        self._compared_at[port.port_id] = now
        if row is None:
            return
        ledger = self._accounting.ledgers[port.port_id]
        at = now if until is None else until
        figure = _sums(row)
        excess = figure.beyond(ledger.total(until))
        if ledger.currency:
            excess.name_currency(ledger.currency)
        if until is not None and excess.energy <= ledger.missed.energy:
            return  # a figure of less time must not count less
        ledger.compare_before(at)
        most = most_energy(ledger.max_power_w, at - ledger.missed_until)
        if excess.energy > most + ledger.missed.energy:
            LOGGER.warning(
                "The report of station %s has %.1f kWh more than it can have delivered"
                " since it was last compared; they are not counted",
                port.station_id,
                excess.energy / wh_units(1000),
            )
            return
        if excess != ledger.missed:
            LOGGER.info(
                "The report of station %s has %.3f kWh more than its sessions",
                port.station_id,
                excess.energy / wh_units(1000),
            )
        ledger.compare(figure, at, until)
        self._accounting.async_mark_changed(port.port_id)


def _may_follow(figure: Sums, before: Sums, seconds: float) -> bool:
    """Return whether any station can have come from one figure to another in a time."""
    energy, money = figure.energy - before.energy, figure.money - before.money
    is_likely_energy = 0 <= energy <= most_energy(None, seconds)
    return is_likely_energy and 0 <= money <= most_cost(None, seconds)


def _naming_key(station: StationState) -> str:
    return f"currency of {station.port.port_id}"


def _sums(figures: Figures | None) -> Sums:
    """Return the figures of a report; its money has no currency."""
    sums = Sums()
    if figures:
        sums.add(figures.energy, figures.cost, UNNAMED)
    return sums
