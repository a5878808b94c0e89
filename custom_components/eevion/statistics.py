"""Hourly statistics of stations in Home Assistant's recorder.

The only module that imports the recorder: to be imported where that is set up.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import (
    StatisticsRow,
    async_add_external_statistics,
    get_last_statistics,
    statistics_during_period,
)
from homeassistant.components.recorder.tasks import SynchronizeTask
from homeassistant.const import UnitOfEnergy
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.unit_conversion import EnergyConverter
from sqlalchemy.exc import SQLAlchemyError

from .const import DOMAIN
from .spread import Hours
from .sums import MONEY, WH

# The recorder puts a task that failed off; then it is told once more.
_ATTEMPTS = 3


@dataclass(kw_only=True)
class Series:
    """Hours of one statistic as they are to be."""

    statistic_id: str
    name: str
    currency: str | None = None
    """None for energy."""
    states: Hours = field(default_factory=dict)
    blank: Iterable[int] = ()
    """Hours that are to hold nothing else; they stay without a row where they have none."""

    @property
    def scale(self) -> int:
        """Units in a kilowatt-hour or a dollar."""
        return MONEY if self.currency else WH * 1000

    @property
    def metadata(self) -> StatisticMetaData:
        """Return what the recorder is to know of it."""
        return StatisticMetaData(
            mean_type=StatisticMeanType.NONE,
            has_sum=True,
            name=self.name,
            source=DOMAIN,
            statistic_id=self.statistic_id,
            unit_class=None if self.currency else EnergyConverter.UNIT_CLASS,
            unit_of_measurement=str(self.currency or UnitOfEnergy.KILO_WATT_HOUR),
        )


class StatisticsStore:
    """Reads and writes the hours; when a write returns, it is in the database."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare."""
        self._hass = hass
        self._recorder = get_instance(hass)

    async def async_states(self, series: Series, start: int, stop: int | None = None) -> Hours:
        """Return what the hours from `start` to before `stop` hold."""
        rows = await self._async_rows(series, start, stop)
        return {hour: state for hour, (state, _) in rows.items()}

    async def async_write(self, all_series: Iterable[Series]) -> int:
        """Write; return how many hours were changed, later ones whose sum shifts included."""
        pending, written = list(all_series), 0
        for _ in range(_ATTEMPTS):
            differing = [
                (series, rows) for series in pending if (rows := await self._async_changes(series))
            ]
            if not differing:
                return written
            for series, rows in differing:
                async_add_external_statistics(self._hass, series.metadata, rows)
            written = max(written, sum(len(rows) for _, rows in differing))
            pending = [series for series, _ in differing]
            await self._async_synchronize()
        if any([await self._async_changes(series) for series in pending]):
            raise HomeAssistantError("The recorder did not take the statistics")
        return written

    async def _async_changes(self, series: Series) -> list[StatisticData]:
        """Return the rows that are not yet as they are to be."""
        hours = [*series.states, *series.blank]
        if not hours:
            return []
        known = await self._async_rows(series, min(hours))
        states = {hour: state for hour, (state, _) in known.items()}
        states |= dict.fromkeys((hour for hour in series.blank if hour in states), 0)
        states |= series.states
        if known:
            state, total = known[min(known)]
            total -= state
        else:
            total = await self._async_last_sum(series)
        rows: list[StatisticData] = []
        for hour, state in sorted(states.items()):
            total += state
            if known.get(hour) != (state, total):
                start = datetime.fromtimestamp(hour, UTC)
                value, summed = state / series.scale, total / series.scale
                rows.append(StatisticData(start=start, state=value, sum=summed))
        return rows

    async def _async_rows(
        self, series: Series, start: int, stop: int | None = None
    ) -> dict[int, tuple[int, int]]:
        """Return state and sum of the hours that have a row."""
        rows = await self._async_query(
            statistics_during_period,
            self._hass,
            datetime.fromtimestamp(start, UTC),
            None if stop is None else datetime.fromtimestamp(stop, UTC),
            {series.statistic_id},
            "hour",
            None,
            {"state", "sum"},
        )
        return {
            int(row["start"]): (
                round((row.get("state") or 0) * series.scale),
                round((row.get("sum") or 0) * series.scale),
            )
            for row in rows.get(series.statistic_id, ())
        }

    async def _async_last_sum(self, series: Series) -> int:
        """Return the sum of the last row of all."""
        rows = await self._async_query(
            get_last_statistics, self._hass, 1, series.statistic_id, True, {"sum"}
        )
        found = rows.get(series.statistic_id)
        return round((found[0].get("sum") or 0) * series.scale) if found else 0

    async def _async_query(
        self, query: Callable[..., dict[str, list[StatisticsRow]]], *args: object
    ) -> Mapping[str, Sequence[StatisticsRow]]:
        try:
            return await self._recorder.async_add_executor_job(query, *args)
        except SQLAlchemyError as err:
            raise HomeAssistantError(f"The recorder cannot be read: {err}") from err

    async def _async_synchronize(self) -> None:
        """Wait until all that was handed over is in the database."""
        # The recorder's own wait returns at once while its last task is being worked on.
        future = self._hass.loop.create_future()
        self._recorder.queue_task(SynchronizeTask(future))
        await future
