"""Keeps the hourly statistics of an account: each session lands in its own hours."""

import asyncio
from collections.abc import Iterable, Set as AbstractSet
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .api import EevionError
from .const import DOMAIN, LOGGER
from .coordinator import EevionCoordinator
from .days import Day, bounds
from .figures import NOTHING, by_port, electricity
from .ledger import Account
from .posting import Posting, changes, due, settle, touched
from .spread import hour_of
from .texts import Texts

if TYPE_CHECKING:
    from .statistics import Series, StatisticsStore

_COST_INTERVAL = timedelta(minutes=30)
# A report of a day is asked for when the day's sessions should be in it.
_SETTLED_S = 2 * 3600


class StationSeries(NamedTuple):
    """The statistics of a station; those of money where its currency is known."""

    energy: Series
    cost: Series | None
    electricity: Series | None


class Hourly:
    """Posts sessions that are over, and each day's electricity cost."""

    def __init__(self, hass: HomeAssistant, coordinator: EevionCoordinator, texts: Texts) -> None:
        """Prepare; it ends with the entry."""
        # Only where the recorder is set up can its modules be relied upon.
        from .statistics import Series, StatisticsStore  # noqa: PLC0415

        self._hass = hass
        self._coordinator = coordinator
        self._accounting = coordinator.accounting
        self._texts = texts
        self._make_series = Series
        self.store: StatisticsStore = StatisticsStore(hass)
        self.lock = asyncio.Lock()
        """Held by whoever changes statistics."""
        self._is_posting = False
        self._is_asking = False

    @callback
    def async_start(self) -> None:
        """Post what is due, now and from now on."""
        self._accounting.on_saved = self._async_saved
        self._async_saved(self._accounting.accounts.keys())
        self._coordinator.config_entry.async_on_unload(
            async_track_time_interval(self._hass, self._async_ask, _COST_INTERVAL)
        )

    def series(self, port_id: str) -> StationSeries:
        """Return the statistics of a station, without hours."""
        account = self._accounting.accounts[port_id]
        token = sha256((account.statistics_port_id or port_id).encode()).hexdigest()[:16]
        station = self._coordinator.data.stations.get(port_id)
        currency = account.cost_currency

        def make(kind: str, unit: str | None = None) -> Series:
            return self._make_series(
                statistic_id=f"{DOMAIN}:{token}_{kind}",
                name=self._texts(
                    f"statistic_{kind}", station=station.port.station_id if station else token
                ),
                currency=unit,
            )

        if currency is None:
            return StationSeries(make("energy"), None, None)
        return StationSeries(make("energy"), make("cost", currency), make("energy_cost", currency))

    @callback
    def _async_saved(self, port_ids: AbstractSet[str]) -> None:
        """Post what has been written down."""
        if not self._is_posting and any(self._due(port_ids)):
            self._is_posting = True
            self._coordinator.config_entry.async_create_background_task(
                self._hass, self._async_post_due(), "post statistics"
            )

    def _due(self, port_ids: Iterable[str]) -> Iterable[Account]:
        now = dt_util.utcnow().timestamp()
        accounts = (self._accounting.accounts[port_id] for port_id in port_ids)
        return (account for account in accounts if account.posting or due(account, now))

    async def _async_post_due(self) -> None:
        try:
            async with self.lock:
                await self.async_post()
        except HomeAssistantError as err:
            LOGGER.warning("Sessions could not be added to the statistics: %s", err)
        finally:
            self._is_posting = False

    async def async_post(self) -> None:
        """Post all that is due; whoever calls holds the lock."""
        await self._async_finish()
        while await self._async_prepare():
            await self._async_finish()

    async def _async_prepare(self) -> bool:
        """Write down how the hours are to be; what a crash leaves is done once more."""
        now = dt_util.utcnow().timestamp()
        is_any = False
        for port_id, account in self._accounting.accounts.items():
            if not (marks := due(account, now)):
                continue
            series = self.series(port_id)
            start = hour_of(min(mark.start for mark in touched(account, marks)))
            states = await self.store.async_states(series.energy, start)
            costs = await self.store.async_states(series.cost, start) if series.cost else {}
            energy, cost = changes(account, marks, states)
            account.posting = Posting(
                marks,
                {hour: states.get(hour, 0) + change for hour, change in energy.items()},
                {hour: costs.get(hour, 0) + change for hour, change in cost.items()},
            )
            self._accounting.async_changed(port_id)
            is_any = True
        if is_any:
            await self._accounting.async_write()
        return is_any

    async def _async_finish(self) -> None:
        """Bring what is written down to the recorder."""
        for port_id, account in self._accounting.accounts.items():
            if account.posting is None:
                continue
            series = self.series(port_id)
            series.energy.states = account.posting.energy
            if series.cost:
                series.cost.states = account.posting.cost
            await self.store.async_write(filter(None, series[:2]))
            settle(account)
            self._accounting.async_changed(port_id)

    async def _async_ask(self, now: datetime) -> None:
        """Ask for the electricity cost of the days that are over, and post what could not be."""
        self._async_saved(self._accounting.accounts.keys())
        if self._is_asking:
            return
        self._is_asking = True
        try:
            settled = now.timestamp() - _SETTLED_S
            days = {Day.at(hour) for a in self._accounting.accounts.values() for hour in a.uncosted}
            for day in sorted(days, key=lambda day: day.local_date):
                if day.hours.stop <= settled:
                    await self._async_cost_day(day)
        except EevionError as err:
            LOGGER.debug("The electricity cost cannot be asked for yet: %s", err)
        except HomeAssistantError as err:
            LOGGER.warning("The electricity cost could not be added to the statistics: %s", err)
        finally:
            self._is_asking = False

    async def _async_cost_day(self, day: Day) -> None:
        """Lay a day's electricity cost over its hours."""
        start, end = bounds(day.hours)
        report = await self._coordinator.client.get_report(start=start, end=end)
        stations = dict(self._coordinator.data.stations)
        figures = by_port(report, stations)
        async with self.lock:
            for port_id, account in list(self._accounting.accounts.items()):
                if account.uncosted.isdisjoint(day.hours):
                    continue
                if port_id not in figures and not report.is_complete:
                    continue
                series = self.series(port_id)
                if (cost := series.electricity) and port_id in stations:
                    amount = figures.get(port_id, NOTHING).electricity
                    energy = await self.store.async_states(
                        series.energy, day.hours.start, day.hours.stop
                    )
                    cost.states = electricity(amount, day.hours, energy)
                    cost.blank = day.hours
                    await self.store.async_write([cost])
                account.uncosted -= set(day.hours)
                self._accounting.async_changed(port_id)
