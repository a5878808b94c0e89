"""Imports of past statistics, by an action or once after set-up; resumed after a restart."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from ..account import AccountOptions, async_dismiss, async_notify
from ..api import EevionError, EevionResponseError
from ..const import DOMAIN, LOGGER
from ..coordinator import EevionCoordinator
from ..errors import failed, invalid, reason_of
from ..translation import Texts, escaped
from .days import Day, days_between, quarters
from .hourly import StatisticsPoster
from .importer import HistoryImporter, async_with_retries
from .report_figures import by_port
from .store import HistoryStore, ImportPlan

_RETRY_INTERVAL = timedelta(minutes=30)
# An import that keeps failing is repeated once a day.
_MOST_INTERVALS = 48
# The ledgers begin within minutes after set-up.
_READY_TRIES, _READY_S = 90, 10
_LONGEST_MONTHS = 120
_EPOCH = datetime.fromtimestamp(0, UTC)
_KINDS = ("energy", "cost", "energy_cost")


class HistoryImports:
    """The imports of one account, one at a time."""

    def __init__(
        self,
        hass: HomeAssistant,
        coordinator: EevionCoordinator,
        hourly: StatisticsPoster,
        texts: Texts,
    ) -> None:
        """Initialize; `async_start` begins."""
        self._hass = hass
        self._coordinator = coordinator
        self._entry = coordinator.config_entry
        self._hourly = hourly
        self._texts = texts
        self._store = HistoryStore(hass, self._entry)
        self._task: asyncio.Task[dict[str, Any]] | None = None
        self._pause = 1
        """Number of intervals until a failed import is repeated."""
        self._intervals = 0

    async def async_start(self) -> None:
        """Resume an import that was interrupted, or begin the one of the options."""
        await self._store.async_load()
        self._hourly.async_start()
        # No import runs while the entry is unloaded; a resumed one notifies again.
        self._entry.async_on_unload(
            partial(async_dismiss, self._hass, self._entry, self._notification_id)
        )
        self._entry.async_on_unload(
            async_track_time_interval(self._hass, self._async_retry, _RETRY_INTERVAL)
        )
        self._async_resume()

    def statistic_ids(self, port_id: str) -> dict[str, str]:
        """Return the ids of a station's statistics, whether they exist or not, by kind.

        Kinds are `energy`, `cost`, and `energy_cost` for that of electricity.
        """
        if port_id not in self._coordinator.accounting.ledgers:
            return {}
        kinds = zip(_KINDS, self._hourly.series(port_id), strict=True)
        return {kind: series.statistic_id for kind, series in kinds if series}

    async def async_units(self, statistic_ids: set[str]) -> dict[str, str | None]:
        """Return the units of those statistics that have an hour, by statistic id.

        Raises HomeAssistantError where the database cannot be read.
        """
        return await self._hourly.store.async_units_of_filled(statistic_ids)

    @callback
    def _async_retry(self, _now: datetime) -> None:
        self._intervals += 1
        if self._intervals >= self._pause:
            self._async_resume()

    @callback
    def _async_resume(self) -> None:
        plan = self._store.plan
        is_pending = AccountOptions.of(self._entry).import_history and not self._store.is_done_once
        if plan is None and is_pending:
            plan = ImportPlan(None, dt_util.now().date().isoformat(), is_once=True)
        if plan and self._task is None:
            self._async_begin(plan).add_done_callback(_forget)

    async def async_import(
        self, first: date | None, last: date, port_ids: Sequence[str] | None
    ) -> dict[str, Any]:
        """Import the days from `first` to `last`; return the response data.

        Without `first` it begins with the first month that has a report. Raises translated
        errors.
        """
        if self._task:
            raise invalid("import_running")
        task = self._async_begin(
            ImportPlan(first.isoformat() if first else None, last.isoformat(), port_ids=port_ids)
        )
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise failed("import_interrupted", error="the account was unloaded") from None
            raise
        except EevionError as err:
            raise failed("import_interrupted", error=reason_of(err)) from err

    @callback
    def _async_begin(self, plan: ImportPlan) -> asyncio.Task[dict[str, Any]]:
        self._task = self._entry.async_create_background_task(
            self._hass, self._async_run(plan), "import history"
        )
        return self._task

    async def _async_run(self, plan: ImportPlan) -> dict[str, Any]:
        try:
            await self._store.async_save(plan)
            self._async_notify("import_progress", percent="0")
            response = await self._async_import(plan)
            await self._store.async_save(None)
        except (EevionError, HomeAssistantError) as err:
            LOGGER.warning("The import of the history stopped, and goes on later: %s", err)
            self._async_notify("import_stopped", error=escaped(reason_of(err)))
            self._pause = min(2 * self._pause if self._intervals else 1, _MOST_INTERVALS)
            self._intervals = 0
            raise
        else:
            self._pause, self._intervals = 1, 0
            async_dismiss(self._hass, self._entry, self._notification_id)
            return response
        finally:
            self._task = None

    async def _async_import(self, plan: ImportPlan) -> dict[str, Any]:
        stations = {
            port_id: station
            for port_id, station in self._coordinator.data.stations.items()
            if plan.port_ids is None or port_id in plan.port_ids
        }
        await self._async_ready(stations)
        last = date.fromisoformat(plan.last)
        if plan.first is None:
            found = await self._async_first_day(last)
            plan = replace(plan, first=found.isoformat())
        first = date.fromisoformat(plan.first or plan.last)
        reached = date.fromisoformat(plan.reached) if plan.reached else first
        days = days_between(reached, last)
        total = (last - first).days + 1

        def on_day(day: Day) -> None:
            percent = 100 * (day.local_date - first).days // total
            self._async_notify("import_progress", percent=str(percent))

        importer = HistoryImporter(self._coordinator, self._hourly, stations, on_day)
        await importer.async_fetch_sessions(days[0].hours.start)
        for quarter in quarters(days):
            await importer.async_import(quarter)
            reached = quarter[-1].local_date + timedelta(days=1)
            # After a failure the import is resumed with the quarter that failed.
            if importer.failure is None and reached <= last:
                plan = replace(plan, reached=reached.isoformat())
                await self._store.async_save(plan)
        if importer.failure:
            raise importer.failure
        return {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "stations": [
                self._result(port_id, importer) | {"station": station.port.station_id}
                for port_id, station in stations.items()
            ],
            "is_complete": importer.is_complete,
        }

    def _result(self, port_id: str, importer: HistoryImporter) -> dict[str, Any]:
        series = self._hourly.series(port_id)
        currency = self._coordinator.accounting.ledgers[port_id].cost_currency
        return importer.results[port_id].as_dict(currency) | {
            f"{kind}_statistic_id": one.statistic_id if one else None
            for kind, one in zip(_KINDS, series, strict=True)
        }

    async def _async_ready(self, port_ids: Sequence[str] | dict[str, Any]) -> None:
        """Wait until the ledgers have begun, and so determine which sessions they count."""
        accounting = self._coordinator.accounting
        ledgers = accounting.ledgers
        for _ in range(_READY_TRIES):
            if accounting.is_recovered and all(
                port_id in ledgers and ledgers[port_id].is_begun for port_id in port_ids
            ):
                return
            await asyncio.sleep(_READY_S)
        raise EevionResponseError("the ledgers have not begun yet")

    async def _async_first_day(self, last: date) -> date:
        """Return the first day of the first month with figures in a report."""
        index = last.year * 12 + last.month - 1
        earliest, latest = index - _LONGEST_MONTHS, index
        while earliest < latest:
            middle = (earliest + latest) // 2
            end = Day.of(date((middle + 1) // 12, (middle + 1) % 12 + 1, 1)).hours.start

            async def has_figures(end: int = end) -> bool:
                report = await self._coordinator.client.get_report(
                    start=_EPOCH, end=datetime.fromtimestamp(end, UTC)
                )
                return bool(by_port(report, self._coordinator.data.stations))

            if await async_with_retries(has_figures):
                latest = middle
            else:
                earliest = middle + 1
        return date(latest // 12, latest % 12 + 1, 1)

    @property
    def _notification_id(self) -> str:
        return f"{DOMAIN}_import_{self._entry.entry_id}"

    @callback
    def _async_notify(self, key: str, **placeholders: str) -> None:
        async_notify(
            self._hass,
            self._entry,
            self._notification_id,
            self._texts(key, **placeholders),
            self._texts("import_title", account=self._entry.title),
        )


def _forget(task: asyncio.Task[dict[str, Any]]) -> None:
    """Retrieve the exception of a task that nothing awaits; it has been logged."""
    if not task.cancelled():
        task.exception()


async def async_make_history(
    hass: HomeAssistant, coordinator: EevionCoordinator
) -> HistoryImports | None:
    """Return the imports of an entry; None without the recorder."""
    if "recorder" not in hass.config.components:
        return None
    texts = await Texts.async_load(hass)
    return HistoryImports(hass, coordinator, StatisticsPoster(hass, coordinator, texts), texts)
