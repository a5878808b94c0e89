"""Writes the hourly statistics of an account from its ledgers."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from ..accounting import CLOCKS_DIFFER_S, Hours, LedgerSession, Posted, StationLedger
from ..api import (
    EevionAuthenticationError,
    EevionConnectionError,
    EevionError,
    EevionRateLimitError,
    Lane,
)
from ..const import DOMAIN, LOGGER
from ..coordinator import EevionCoordinator
from ..stations import StationState, port_of
from ..translation import Texts
from .days import Day, bounds
from .due import (
    Listed,
    SessionShare,
    lists_past_since,
    recount,
    shares,
    unposted_sessions,
)
from .report_figures import NO_FIGURES, by_port, electricity

if TYPE_CHECKING:
    from .statistics import Series, StatisticsStore

_COST_INTERVAL = timedelta(minutes=30)
# Delay after the end of a day until its report contains the day's sessions.
_SETTLED_S = 2 * 3600
# Errors that the request for every other day would have as well.
_OF_ALL = (EevionAuthenticationError, EevionConnectionError, EevionRateLimitError)
# Number of stations that are read, written or requested at a time.
_STATIONS = 20


class StationSeries(NamedTuple):
    """The statistics of a station; those of money are None until its currency is known."""

    energy: Series
    cost: Series | None
    electricity: Series | None


class _Due(NamedTuple):
    """A station whose hours are compared with its ledger."""

    ledger: StationLedger
    marks: dict[str, Posted]
    parts: tuple[list[SessionShare], list[SessionShare]]
    series: StationSeries

    @property
    def sums(self) -> list[Series]:
        """The statistics of energy and cost."""
        return [series for series in self.series[:2] if series]

    @property
    def first(self) -> int:
        """The first hour that a session adds to."""
        return min(hour for one in self.parts[0] for hour in (*one.before, *one.after))


class StatisticsPoster:
    """Writes the sessions that have ended, and the electricity cost of each day."""

    def __init__(self, hass: HomeAssistant, coordinator: EevionCoordinator, texts: Texts) -> None:
        """Initialize; `async_start` begins."""
        # The modules of the recorder are importable only where it is set up.
        from .statistics import Series, StatisticsStore  # noqa: PLC0415

        self._hass = hass
        self._coordinator = coordinator
        self._accounting = coordinator.accounting
        self._texts = texts
        self._make_series = Series
        self.store: StatisticsStore = StatisticsStore(hass)
        self.lock = asyncio.Lock()
        """Held during changes of the statistics."""
        self._since = dt_util.utcnow().timestamp() + CLOCKS_DIFFER_S
        """Sessions that ended later can only have been written since the start."""
        self._pending: set[str] = set()
        """Port ids of the stations whose hours are to be compared with the ledger."""
        self._failed: set[str] = set()
        """Port ids of the stations whose last comparison or write failed."""
        self._checked: set[str] = set()
        """Port ids of the stations that were compared since the start."""
        self._tried: set[str] = set()
        """Ids of the sessions of failed writes."""
        self._unexplained: dict[str, int] = {}
        """The first hour that holds more than the ledger explains, by port id."""
        self._listed: dict[str, Listed] = {}
        """The sessions that the cloud lists for such stations, by port id."""
        self._already_listed: set[str] = set()
        """Port ids of the stations whose sessions were listed for that."""
        self._is_posting = False
        self._is_listing = False
        self._is_requesting = False

    @callback
    def async_start(self) -> None:
        """Write the statistics now, after every write of the ledgers, and every half hour."""
        entry = self._coordinator.config_entry
        entry.async_on_unload(self._accounting.async_add_saved_listener(self._async_saved))
        self._async_saved(self._accounting.ledgers.keys())
        entry.async_on_unload(
            async_track_time_interval(self._hass, self._async_request_costs, _COST_INTERVAL)
        )

    def series(self, port_id: str) -> StationSeries:
        """Return the statistics of a station, without states."""
        currency = self._accounting.ledgers[port_id].cost_currency
        if currency is None:
            return StationSeries(self._one(port_id, "energy"), None, None)
        return StationSeries(
            self._one(port_id, "energy"),
            self._one(port_id, "cost", currency),
            self._one(port_id, "energy_cost", currency),
        )

    def _one(self, port_id: str, kind: str, currency: str | None = None) -> Series:
        ledger = self._accounting.ledgers[port_id]
        token = sha256((ledger.statistics_port_id or port_id).encode()).hexdigest()[:16]
        station = self._coordinator.data.stations.get(port_id)
        return self._make_series(
            statistic_id=f"{DOMAIN}:{token}_{kind}",
            name=self._texts(
                f"statistic_{kind}", station=station.port.station_id if station else token
            ),
            currency=currency,
        )

    @callback
    def _async_saved(self, port_ids: Iterable[str]) -> None:
        """Write the changes of written ledgers."""
        if self._accounting.is_recovered:  # else older sessions may be missing
            self._async_mark_pending(port_ids)
            self._async_begin_posting()

    @callback
    def _async_mark_pending(self, port_ids: Iterable[str]) -> None:
        now = dt_util.utcnow().timestamp()
        for port_id in port_ids:
            ledger = self._accounting.ledgers[port_id]
            if ledger.is_begun and (port_id not in self._checked or unposted_sessions(ledger, now)):
                self._pending.add(port_id)

    @callback
    def _async_begin_posting(self) -> None:
        if self._pending and not self._is_posting:
            self._is_posting = True
            self._coordinator.config_entry.async_create_background_task(
                self._hass, self._async_post_pending(), "post statistics"
            )

    async def _async_post_pending(self) -> None:
        was_failing = bool(self._failed)
        try:
            while self._pending:
                async with self.lock:
                    failed = await self.async_post()
                for err in list(failed.values())[: not was_failing]:
                    LOGGER.warning(
                        "Sessions of %s stations could not be added to the statistics: %s",
                        len(failed),
                        err,
                    )
        finally:
            self._is_posting = False
        if was_failing and not self._failed:
            LOGGER.info("All sessions are in the statistics again")
        self._async_begin_listing()

    @callback
    def _async_begin_listing(self) -> None:
        if self._unexplained and not self._is_listing:
            self._is_listing = True
            self._coordinator.config_entry.async_create_background_task(
                self._hass, self._async_list_unexplained(), "explain statistics"
            )

    async def async_post(self, port_ids: Iterable[str] = ()) -> dict[str, HomeAssistantError]:
        """Write the pending stations, and those of `port_ids` that differ; the caller holds `lock`.

        Returns the errors by port id of the stations that could not be written.
        """
        self._async_mark_pending(port_ids)
        failed: dict[str, HomeAssistantError] = {}
        pending, self._pending = self._pending, set()
        for some in batched(sorted(pending), _STATIONS, strict=False):
            try:
                await self._async_post_stations(some)
            except HomeAssistantError:
                # Each by itself, so that one that fails does not stop the others.
                for port_id in some:
                    try:
                        await self._async_post_stations([port_id])
                    except HomeAssistantError as err:
                        failed[port_id] = err
        self._failed = (self._failed - pending) | failed.keys()
        return failed

    async def _async_post_stations(self, port_ids: Sequence[str]) -> None:
        """Compare the hours of stations with their ledgers, and write those that differ."""
        now = dt_util.utcnow().timestamp()
        due: dict[str, _Due] = {}
        for port_id in port_ids:
            ledger = self._accounting.ledgers[port_id]
            await self.async_name_currency(port_id, ledger.sessions.values())
            marks = unposted_sessions(ledger, now)
            parts = shares(ledger, marks, since=self._since, tried=self._tried)
            if parts[0]:
                due[port_id] = _Due(ledger, marks, parts, self.series(port_id))
            await asyncio.sleep(0)
        if due:
            present = await self.store.async_states(
                [series for one in due.values() for series in one.sums],
                min(one.first for one in due.values()),
            )
            for port_id, one in due.items():
                self._recount(port_id, one, present)
                await asyncio.sleep(0)
            sessions = {session_id for one in due.values() for session_id in one.marks}
            self._tried |= sessions
            await self.store.async_write(
                [series for one in due.values() for series in one.sums if series.states]
            )
            self._tried -= sessions
        for port_id, one in due.items():
            changed = {hour for series in one.sums for hour in series.states}
            if one.marks or changed:
                one.ledger.mark_posted(one.marks, changed)
                self._accounting.async_mark_changed(port_id)
        self._checked.update(port_ids)

    def _recount(self, port_id: str, due: _Due, present: Mapping[str, Hours]) -> None:
        """Set the hours that are to be written."""
        listed = self._listed.pop(port_id, None)
        uncounted = listed.hours() if listed else ({}, {})
        for series, sessions, others in zip(due.sums, due.parts, uncounted, strict=False):
            held = present.get(series.statistic_id, {})
            series.states, unexplained = recount(
                sessions,
                {hour: amount for hour, amount in held.items() if hour >= due.first},
                counted_until=due.ledger.counted_until,
                listed=listed,
                uncounted=others,
            )
            if unexplained and port_id not in self._already_listed:
                first = min(unexplained)
                self._unexplained[port_id] = min(first, self._unexplained.get(port_id, first))

    async def async_name_currency(self, port_id: str, entries: Iterable[LedgerSession]) -> None:
        """Set the currency of a station's statistics: the recorder's, else that of a session."""
        ledger = self._accounting.ledgers[port_id]
        if ledger.cost_currency is not None:
            return
        found = (entry.currency for entry in entries if not entry.is_open and entry.currency)
        if (currency := next(found, None)) is not None:
            known = await self.store.async_unit(self._one(port_id, "cost", currency))
            ledger.set_statistics_currency(known or currency)
            self._accounting.async_mark_changed(port_id)

    async def _async_list_unexplained(self) -> None:
        """List the sessions of hours that hold more than the ledger explains.

        The ledger may be older than the recorder's database, or another source may have written
        the hours. The listed sessions are written; where the list includes ended sessions, the
        rest of such an hour is removed.
        """
        stations = self._coordinator.data.stations
        try:
            for port_ids in batched(sorted(self._unexplained), _STATIONS, strict=False):
                some = {port_id: stations[port_id] for port_id in port_ids if port_id in stations}
                first = min(self._unexplained[port_id] for port_id in port_ids)
                try:
                    if some and not await self._async_list_since(first, some):
                        continue
                except EevionError as err:
                    LOGGER.debug("The sessions of some hours cannot be listed yet: %s", err)
                    continue
                self._already_listed.update(port_ids)
                for port_id in port_ids:
                    self._unexplained.pop(port_id, None)
        finally:
            self._is_listing = False
        self._async_begin_posting()

    async def _async_list_since(self, first: int, stations: Mapping[str, StationState]) -> bool:
        """List the sessions since an hour; return whether the answer decides about the hours."""
        found = await self._coordinator.client.list_sessions(
            updated_on_or_after=datetime.fromtimestamp(first, UTC),
            stations=sorted({station.port.station_id for station in stations.values()}),
            lane=Lane.BACKGROUND,
        )
        sessions = [session.at_port(port_of(session, stations)) for session in found.sessions]
        self._accounting.async_apply(sessions)
        now = dt_util.utcnow().timestamp()
        listed: dict[str, dict[str, LedgerSession]] = {port_id: {} for port_id in stations}
        past: list[LedgerSession] = []
        for session in sessions:
            ledger = self._accounting.ledgers.get(session.port_id or "")
            entry = LedgerSession().merged_with(
                session, ledger.max_power_w if ledger else None, now
            )
            if not session.is_active and not self._coordinator.is_listed(session):
                past.append(entry)
            if session.port_id in listed:
                listed[session.port_id][session.session_id] = entry
        since = lists_past_since(past, now)
        if since is None or not found.is_complete:
            return not past
        for port_id, some in listed.items():
            ledger = self._accounting.ledgers[port_id]
            self._listed[port_id] = Listed.of(ledger, some, first=since, now=now)
            self._pending.add(port_id)
        return True

    async def _async_request_costs(self, now: datetime) -> None:
        """Request the electricity cost of past days, and repeat failed writes."""
        self._pending |= self._failed
        self._async_begin_posting()
        self._async_begin_listing()
        if self._is_requesting:
            return
        self._is_requesting = True
        try:
            settled = now.timestamp() - _SETTLED_S
            ledgers = self._accounting.ledgers.values()
            days = {Day.at(hour) for ledger in ledgers for hour in ledger.uncosted}
            for day in sorted(days, key=lambda day: day.local_date):
                if day.hours.stop <= settled and not await self._async_try_cost_day(day):
                    break
        except HomeAssistantError as err:
            LOGGER.warning("The electricity cost could not be added to the statistics: %s", err)
        finally:
            self._is_requesting = False

    async def _async_try_cost_day(self, day: Day) -> bool:
        """Write the electricity cost of a day; return whether to go on with the others."""
        try:
            await self._async_cost_day(day)
        except EevionError as err:
            LOGGER.debug(
                "The electricity cost of %s cannot be requested yet: %s", day.local_date, err
            )
            return not isinstance(err, _OF_ALL)
        return True

    async def _async_cost_day(self, day: Day) -> None:
        """Write the electricity cost of a day, spread over its hours."""
        start, end = bounds(day.hours)
        report = await self._coordinator.client.get_report(start=start, end=end)
        stations = dict(self._coordinator.data.stations)
        figures = by_port(report, stations)
        async with self.lock:
            for port_id, ledger in list(self._accounting.ledgers.items()):
                if ledger.uncosted.isdisjoint(day.hours):
                    continue
                if port_id not in figures and not report.is_complete:
                    continue
                series = self.series(port_id)
                if (cost := series.electricity) and port_id in stations:
                    amount = figures.get(port_id, NO_FIGURES).electricity
                    energy = await self.store.async_states(
                        [series.energy], day.hours.start, day.hours.stop
                    )
                    cost.states = electricity(
                        amount, day.hours, energy.get(series.energy.statistic_id, {})
                    )
                    cost.blank = day.hours
                    await self.store.async_write([cost])
                ledger.mark_costed(day.hours)
                self._accounting.async_mark_changed(port_id)
