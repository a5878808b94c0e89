"""Asks the cloud for what the polls did not see: past sessions and lifetime figures."""

from collections.abc import Mapping, Set as AbstractSet
from datetime import UTC, datetime, timedelta
import math

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .alarm import Alarm
from .api import EevionError, EevionNotFoundError, Lane
from .const import LOGGER
from .coordinator import STATIONS_CHANGED, EevionCoordinator
from .figures import Figures, by_port
from .ledger import Account
from .station import StationState
from .sums import UNNAMED, Sums, wh_units

_EPOCH = datetime.fromtimestamp(0, UTC)
# Sessions come late, and the cloud's clock is not ours.
_OVERLAP = timedelta(hours=1)
_CLOCKS_DIFFER_S = 120
# Where our clock was set far back; older changes do not count any more.
_LONGEST = timedelta(days=31)
# A ledger begins before all sessions of the last hours: those are known one by one.
_RECENT = timedelta(hours=2)
# So long after a session a report should know it.
_SETTLED_S = 600
_COMPARE_INTERVAL_S = 86400
_SYNC_INTERVAL_S = 300
_RETRY_INTERVAL_S = 60


class Recovery:
    """Completes the ledgers after a start, and every few minutes."""

    def __init__(self, coordinator: EevionCoordinator) -> None:
        """Prepare; it ends with the entry."""
        self._coordinator = coordinator
        self._alarm = Alarm(coordinator.hass, coordinator.config_entry, self.async_start)
        self._client = coordinator.client
        self._accounting = coordinator.accounting
        self._compared_at = 0.0
        self._is_running = False
        entry = coordinator.config_entry
        entry.async_on_unload(coordinator.async_add_listener(self.async_start, STATIONS_CHANGED))

    @callback
    def async_start(self) -> None:
        """Run now, and again every few minutes."""
        self._alarm.async_clear()
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
            if all(self._accounting.accounts[p].is_begun for p in self._coordinator.data.stations):
                interval = _SYNC_INTERVAL_S
        except EevionError as err:
            LOGGER.debug("The ledgers cannot be completed yet: %s", err)
        finally:
            self._is_running = False
        self._alarm.async_set(interval)

    async def _async_run(self) -> None:
        stations = dict(self._coordinator.data.stations)
        await self._async_close_open(self._coordinator.active_session_ids())
        await self._async_sync()
        if not self._accounting.is_recovered:
            # What follows needs reports, and ledgers that have begun can do without.
            self._accounting.async_recovered()
        await self._async_begin(stations)
        now = dt_util.utcnow().timestamp()
        if not 0 <= now - self._compared_at < _COMPARE_INTERVAL_S:
            await self._async_compare(stations, now)
            self._compared_at = now

    async def _async_close_open(self, active: AbstractSet[str]) -> None:
        """Ask for the sessions that were left open and are not to be seen any more."""
        for port_id, account in list(self._accounting.accounts.items()):
            for session_id, entry in list(account.sessions.items()):
                if not entry.is_open or session_id in active:
                    continue
                try:
                    session = await self._client.get_session(
                        session_id=session_id, lane=Lane.BACKGROUND
                    )
                except EevionNotFoundError:
                    entry.is_open = False
                    self._accounting.async_changed(port_id)
                else:
                    self._coordinator.async_take_past([session.at_port(port_id)])

    async def _async_sync(self) -> None:
        """Take in what changed since the newest change that is known, and an hour before."""
        now = dt_util.utcnow()
        known = datetime.fromtimestamp(self._known_until(now), UTC)
        since = max(min(known - _OVERLAP, now - _RECENT), known - _LONGEST, _EPOCH)
        sessions = await self._client.list_sessions(updated_on_or_after=since, lane=Lane.BACKGROUND)
        self._coordinator.async_take_past(sessions.sessions)
        self._accounting.async_synced(sessions.sessions)

    def _known_until(self, now: datetime) -> float:
        """Return since when changes are to be asked for: the beginning, until one is known."""
        begun = [a.counted_until for a in self._accounting.accounts.values() if a.is_begun]
        return self._accounting.cursor or min(now.timestamp(), *begun, math.inf)

    async def _async_begin(self, stations: Mapping[str, StationState]) -> None:
        """Begin the ledgers of new stations at the lifetime figure of the report."""
        new = {p: s for p, s in stations.items() if not self._accounting.accounts[p].is_begun}
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
                begin = datetime.fromtimestamp(until[port_id], UTC)
                name = station.port.station_id
                row = (await self._async_lifetime(new, begin, name)).get(port_id)
            figures[port_id] = _sums(row)
        await self._async_sync()
        begun_sites = self._accounting.begun_sites()
        for port_id, figure in figures.items():
            # One that came meanwhile may be in the figure or not: the next run will know.
            if self._session_ids(port_id) == known[port_id]:
                account = self._accounting.accounts[port_id]
                if account.site_id in begun_sites:
                    account.before_site = figure.copy()
                account.begin(figure, until[port_id])
                account.missed_until = now.timestamp()
                self._accounting.async_changed(port_id)

    def _session_ids(self, port_id: str) -> AbstractSet[str]:
        return set(self._accounting.accounts[port_id].sessions)

    def _begin(self, port_id: str, now: datetime) -> float:
        """Return the moment before the first session that the ledger counts by itself."""
        recently = (now - _RECENT).timestamp()
        starts = [
            min(filter(None, (entry.created, entry.start)), default=recently) - 1
            for entry in self._accounting.accounts[port_id].sessions.values()
            if (over_at := entry.over_at) is None or over_at >= recently
        ]
        return max(0.0, min(starts, default=now.timestamp() - _CLOCKS_DIFFER_S))

    async def _async_lifetime(
        self, stations: Mapping[str, StationState], end: datetime, *station_ids: str
    ) -> dict[str, Figures]:
        report = await self._client.get_report(start=_EPOCH, end=end, stations=station_ids)
        return by_port(report, stations)

    async def _async_compare(self, stations: Mapping[str, StationState], now: float) -> None:
        """Count what the report knows beyond the sessions, and write it down as such."""
        lifetime = await self._async_lifetime(stations, dt_util.utcnow() + timedelta(days=1))
        for port_id, row in lifetime.items():
            account = self._accounting.accounts[port_id]
            if not account.is_begun or not _is_settled(account, now):
                continue
            port = stations[port_id].port
            figure = _sums(row)
            excess = figure.beyond(account.told())
            if account.currency:
                excess.name_currency(account.currency)
            # The clock may have been set back since.
            account.missed_until = min(account.missed_until, now)
            hours = (now - account.missed_until) / 3600
            if excess.energy > wh_units((port.max_power_w or 0) * hours) + account.missed.energy:
                LOGGER.warning(
                    "The report of station %s tells %.1f kWh more than it can have delivered"
                    " since it was last compared; they are not counted",
                    port.station_id,
                    excess.energy / wh_units(1000),
                )
                continue
            if excess != account.missed:
                LOGGER.info(
                    "The report of station %s tells %.3f kWh more than its sessions",
                    port.station_id,
                    excess.energy / wh_units(1000),
                )
            account.compare(figure, now)
            self._accounting.async_changed(port_id)


def _is_settled(account: Account, now: float) -> bool:
    """Tell whether a report can be compared: no session goes on or has just ended."""
    over_at = [entry.over_at for entry in account.sessions.values()]
    return all(moment is not None and moment < now - _SETTLED_S for moment in over_at)


def _sums(figures: Figures | None) -> Sums:
    """Return the figures of a report; its money has no currency."""
    sums = Sums()
    if figures:
        sums.add(figures.energy, figures.cost, UNNAMED)
    return sums
