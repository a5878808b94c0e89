"""Imports past sessions and reports of the cloud into the hourly statistics."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..accounting import WH, LedgerSession, Posted
from ..api import (
    EevionAuthenticationError,
    EevionClient,
    EevionError,
    EevionRateLimitError,
    Lane,
    Report,
)
from ..const import LOGGER
from ..coordinator import EevionCoordinator
from ..stations import StationState, port_of
from .days import Day, bounds, hours_of, months
from .hourly import StatisticsPoster
from .past_hours import all_posted, past_hours
from .report_figures import Figures, by_port
from .tally import ImportResult

if TYPE_CHECKING:
    from .statistics import Series

# Pauses before a failed request is repeated, in seconds.
_PAUSES_S = (5, 15, 60, 180, 300)
# Number of stations in a request, which bounds the pages of an answer.
_STATIONS = 20
# Number of sessions that are read between two yields to the event loop.
_SESSIONS = 500
# Number of consecutive failed requests after which the import stops.
_MOST_FAILURES = 4


async def async_with_retries[T](
    request: Callable[[], Awaitable[T]], pauses: Iterable[float] = _PAUSES_S
) -> T:
    """Return the answer of a request that is repeated after each pause, in seconds.

    Raises EevionError where the last one fails, and EevionAuthenticationError at once.
    """
    for pause in pauses:
        try:
            return await request()
        except EevionAuthenticationError:
            raise
        except EevionError as err:
            LOGGER.debug("The import waits %s s: %s", pause, err)
            wait = err.retry_after if isinstance(err, EevionRateLimitError) else 0
            await asyncio.sleep(max(pause, wait))
    return await request()


class HistoryImporter:
    """Imports consecutive days of some stations, once."""

    def __init__(
        self,
        coordinator: EevionCoordinator,
        hourly: StatisticsPoster,
        stations: Mapping[str, StationState],
        on_day: Callable[[Day], None],
    ) -> None:
        """Initialize; `on_day` is called with each day before its report is requested."""
        self._hass = coordinator.hass
        self._client: EevionClient = coordinator.client
        self._accounting = coordinator.accounting
        self._is_all = len(stations) == len(coordinator.data.stations)
        self._hourly = hourly
        self._stations = stations
        self._on_day = on_day
        self._sessions: dict[str, dict[str, LedgerSession]] = {}
        """The listed sessions by port id; stations whose request failed are absent."""
        self._failures = 0
        """Number of consecutive failed requests."""
        self.failure: EevionError | HomeAssistantError | None = None
        """The last error, where something is missing and has to be imported later."""
        self.is_complete = True
        """False if a list of sessions lacks some: those are not imported."""
        self.results = {port_id: ImportResult() for port_id in stations}

    async def async_fetch_sessions(self, since: int) -> None:
        """Fetch the sessions that ended since an hour, in epoch seconds.

        Stations whose request fails are left out. Raises EevionError after too many failures.
        """
        start = datetime.fromtimestamp(since, UTC)
        names = sorted({state.port.station_id for state in self._stations.values()})
        for some in batched(names, _STATIONS, strict=False):
            before = self.failure
            if await self._async_try(partial(self._async_list, some, start)) or len(some) == 1:
                continue
            lists = [partial(self._async_list, (name,), start) for name in some]
            if all([await self._async_try(one) for one in lists]):
                self.failure = before
        for port_id, entries in self._sessions.items():
            known = self._accounting.ledgers[port_id].sessions.values()
            newest = sorted(entries.values(), key=lambda entry: entry.over_at or 0, reverse=True)
            await self._hourly.async_name_currency(port_id, [*known, *newest])

    async def _async_try[T](self, request: Callable[[], Awaitable[T]]) -> T | None:
        """Return an answer; None where this request fails. Raises EevionError after too many."""
        try:
            answer = await async_with_retries(
                request, _PAUSES_S[:1] if self._failures else _PAUSES_S
            )
        except EevionAuthenticationError:
            raise
        except EevionError as err:
            self.failure = err
            self._failures += 1
            if self._failures > _MOST_FAILURES:
                raise
            return None
        self._failures = 0
        return answer

    async def _async_list(self, names: Sequence[str], start: datetime) -> bool:
        found = await self._client.list_sessions(
            updated_on_or_after=start, stations=names, lane=Lane.BACKGROUND
        )
        self.is_complete = self.is_complete and found.is_complete
        for port_id, station in self._stations.items():
            if station.port.station_id in names:
                self._sessions[port_id] = {}
        now = dt_util.utcnow().timestamp()
        for some in batched(found.sessions, _SESSIONS, strict=False):
            sessions = [session.at_port(port_of(session, self._stations)) for session in some]
            self._accounting.async_apply(sessions)
            for session in sessions:
                if (entries := self._sessions.get(session.port_id or "")) is not None:
                    power_w = self._accounting.ledgers[session.port_id or ""].max_power_w
                    entries[session.session_id] = LedgerSession().merged_with(session, power_w, now)
            await asyncio.sleep(0)
        return True

    async def async_import(self, days: Sequence[Day]) -> None:
        """Write the hours of some days; stations that fail are left out, see `failure`."""
        figures = await self._async_figures(days)
        async with self._hourly.lock:
            failed = await self._hourly.async_post(self._sessions)
            for port_id in self._sessions:
                try:
                    if err := failed.get(port_id):
                        raise err
                    await self._async_write(port_id, days, figures)
                except HomeAssistantError as err:
                    self.failure = err

    async def _async_figures(self, days: Sequence[Day]) -> dict[Day, dict[str, Figures]]:
        """Fetch the reports of the days with sessions, or with more than the sessions add up to."""
        now = dt_util.utcnow().timestamp()
        marks: dict[str, list[Posted]] = {}
        for port_id, entries in self._sessions.items():
            marks[port_id] = all_posted(self._accounting.ledgers[port_id], entries, now)
            await asyncio.sleep(0)
        boundary_hours = {
            hour for some in marks.values() for mark in some for hour in mark.boundary_hours
        }
        figures: dict[Day, dict[str, Figures]] = {}
        for month in months([day for day in days if day.hours.stop <= now]):
            wanted = [day for day in month if not boundary_hours.isdisjoint(day.hours)]
            if len(wanted) < len(month) and await self._async_has_more(hours_of(month), marks):
                wanted = month
            for day in wanted:
                self._on_day(day)
                if report := await self._async_try(partial(self._async_report, day.hours)):
                    figures[day] = by_port(report, self._stations)
        return figures

    async def _async_has_more(self, hours: range, marks: Mapping[str, Sequence[Posted]]) -> bool:
        """Return whether a report has more energy in some hours than the sessions."""
        report = await self._async_try(partial(self._async_report, hours))
        if report is None:
            return False
        figures = by_port(report, self._stations)

        def compare() -> bool:
            return any(
                figures[port_id].energy > _energy(some, hours)
                for port_id, some in marks.items()
                if port_id in figures
            )

        return await self._hass.async_add_executor_job(compare)

    async def _async_report(self, hours: range) -> Report:
        start, end = bounds(hours)
        names = () if self._is_all else [s.port.station_id for s in self._stations.values()]
        return await self._client.get_report(start=start, end=end, stations=names)

    async def _async_write(
        self, port_id: str, days: Sequence[Day], figures: Mapping[Day, Mapping[str, Figures]]
    ) -> None:
        ledger = self._accounting.ledgers[port_id]
        now = dt_util.utcnow().timestamp()
        marks = all_posted(ledger, self._sessions[port_id], now)
        series = self._hourly.series(port_id)
        hours = hours_of(days)
        present = await self._hourly.store.async_states([series.energy], hours.start, hours.stop)
        past = await self._hass.async_add_executor_job(
            partial(
                past_hours,
                port_id,
                days,
                marks=marks,
                figures=figures,
                present=present.get(series.energy.statistic_id, {}),
                settled=ledger.counted_until,
            )
        )
        written: list[Series] = []
        filled = past.energy.keys() | past.cost.keys()
        energy = {hour: past.energy.get(hour, 0) for hour in filled}
        cost = {hour: past.cost.get(hour, 0) for hour in filled}
        for one, states, blank in (
            (series.energy, energy, past.covered),
            (series.cost, cost, past.covered),
            (series.electricity, past.electricity, past.costed),
        ):
            if one:
                one.states, one.blank = states, blank
                written.append(one)
        changed = await self._hourly.store.async_write(written)
        self.results[port_id].add(past, changed)
        # The report of yesterday may be incomplete, and that of today does not exist yet.
        recent = Day.at(Day.at(now).hours.start - 1).hours.start
        boundaries = {hour for m in marks for hour in m.boundary_hours if hour >= recent}
        ledger.mark_hours_posted(boundaries & filled)
        self._accounting.async_mark_changed(port_id)


def _energy(marks: Sequence[Posted], hours: range) -> int:
    """Return the energy of sessions in some hours, as much as a report could count."""
    ended = [mark.energy for mark in marks if hours.start <= mark.end < hours.stop]
    started = [mark.energy for mark in marks if hours.start <= mark.start < hours.stop]
    # Each may have been rounded up to a watt-hour.
    return max(sum(some) + WH * len(some) for some in (ended, started))
