"""Hourly statistics of stations in Home Assistant's recorder.

The only module that imports the recorder; import it only where the recorder is set up.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    get_last_statistics,
    get_metadata,
    statistics_during_period,
)
from homeassistant.components.recorder.tasks import SynchronizeTask
from homeassistant.const import UnitOfEnergy
from homeassistant.core import HomeAssistant, valid_entity_id
from homeassistant.util.unit_conversion import EnergyConverter
from sqlalchemy.exc import SQLAlchemyError

from ..accounting import MONEY, WH, Hours
from ..const import DOMAIN
from ..errors import failed

# Number of writes before giving up: the recorder may postpone a task that failed.
_ATTEMPTS = 3


@dataclass(kw_only=True)
class Series:
    """The wanted hours of one statistic."""

    statistic_id: str
    name: str
    currency: str | None = None
    """None for energy."""
    states: Hours = field(default_factory=dict)
    blank: Iterable[int] = ()
    """Hours without a state that are set to 0 where they have a row."""

    @property
    def scale(self) -> int:
        """Units in a kilowatt-hour or a dollar."""
        return MONEY if self.currency else WH * 1000

    @property
    def metadata(self) -> StatisticMetaData:
        """Return the metadata for the recorder."""
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
    """Reads and writes hourly statistics; a write returns once it is in the database."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize."""
        self._hass = hass
        self._recorder = get_instance(hass)

    async def async_states(
        self, all_series: Iterable[Series], start: int, stop: int | None = None
    ) -> dict[str, Hours]:
        """Return the states of the hours from `start` to before `stop`, by statistic id."""
        found = await self._async_rows(all_series, start, stop)
        return {
            statistic_id: {hour: state for hour, (state, _) in rows.items()}
            for statistic_id, rows in found.items()
        }

    async def async_unit(self, series: Series) -> str | None:
        """Return the unit of an existing statistic; None without one."""
        return (await self.async_units({series.statistic_id})).get(series.statistic_id)

    async def async_units(self, statistic_ids: set[str]) -> dict[str, str | None]:
        """Return the units of those statistics that exist, by statistic id."""
        found = await self._async_query(
            lambda: get_metadata(self._hass, statistic_ids=statistic_ids)
        )
        return {id_: metadata["unit_of_measurement"] for id_, (_, metadata) in found.items()}

    async def async_units_of_filled(self, statistic_ids: set[str]) -> dict[str, str | None]:
        """Return the units of those statistics that have an hour, by statistic id.

        The recorder registers the statistic of an entity up to an hour before its first row.
        """
        units = await self.async_units(statistic_ids)
        of_entities = list(filter(valid_entity_id, units))

        def filled() -> set[str]:
            rows = (get_last_statistics(self._hass, 1, id_, False, set()) for id_ in of_entities)
            return {statistic_id for row in rows for statistic_id in row}

        empty = {*of_entities} - await self._async_query(filled)
        return {id_: unit for id_, unit in units.items() if id_ not in empty}

    async def async_write(self, all_series: Iterable[Series]) -> int:
        """Write the hours; return the number of changed rows, with those whose sum changed.

        Raises HomeAssistantError.
        """
        pending, written = list(all_series), 0
        for _ in range(_ATTEMPTS):
            differing = await self._async_changes(pending)
            if not differing:
                return written
            for series, rows in differing:
                async_add_external_statistics(self._hass, series.metadata, rows)
            written = max(written, sum(len(rows) for _, rows in differing))
            pending = [series for series, _ in differing]
            await self._async_synchronize()
        if await self._async_changes(pending):
            raise failed("statistics_not_written")
        return written

    async def _async_changes(
        self, all_series: Iterable[Series]
    ) -> list[tuple[Series, list[StatisticData]]]:
        """Return the series with the rows that differ from the wanted ones."""
        wanted = {
            series.statistic_id: (series, min(hours))
            for series in all_series
            if (hours := [*series.states, *series.blank])
        }
        if not wanted:
            return []
        first = min(start for _, start in wanted.values())
        known = await self._async_rows((series for series, _ in wanted.values()), first)
        differing: list[tuple[Series, list[StatisticData]]] = []
        for statistic_id, (series, start) in wanted.items():
            present = {
                hour: row for hour, row in known.get(statistic_id, {}).items() if hour >= start
            }
            total = 0 if present else await self._async_last_sum(series)
            if rows := await self._recorder.async_add_executor_job(
                _changes, series, present, total
            ):
                differing.append((series, rows))
        return differing

    async def _async_rows(
        self, all_series: Iterable[Series], start: int, stop: int | None = None
    ) -> dict[str, dict[int, tuple[int, int]]]:
        """Return state and sum of the hours that have a row, by statistic id."""
        scales = {series.statistic_id: series.scale for series in all_series}
        if not scales:
            return {}

        def read() -> dict[str, dict[int, tuple[int, int]]]:
            found = statistics_during_period(
                self._hass,
                datetime.fromtimestamp(start, UTC),
                None if stop is None else datetime.fromtimestamp(stop, UTC),
                set(scales),
                "hour",
                None,
                {"state", "sum"},
            )
            return {
                statistic_id: {
                    int(row["start"]): (
                        round((row.get("state") or 0) * scales[statistic_id]),
                        round((row.get("sum") or 0) * scales[statistic_id]),
                    )
                    for row in rows
                }
                for statistic_id, rows in found.items()
            }

        return await self._async_query(read)

    async def _async_last_sum(self, series: Series) -> int:
        """Return the sum of the last row."""
        rows = await self._async_query(
            lambda: get_last_statistics(self._hass, 1, series.statistic_id, True, {"sum"})
        )
        found = rows.get(series.statistic_id)
        return round((found[0].get("sum") or 0) * series.scale) if found else 0

    async def _async_query[T](self, query: Callable[[], T]) -> T:
        """Query the database; raise HomeAssistantError where that fails."""
        try:
            return await self._recorder.async_add_executor_job(query)
        except SQLAlchemyError as err:
            raise failed("statistics_not_read", error=type(err).__name__) from err

    async def _async_synchronize(self) -> None:
        """Wait until all queued statistics are in the database."""
        # The recorder's own wait returns early while it processes its last task.
        future = self._hass.loop.create_future()
        self._recorder.queue_task(SynchronizeTask(future))
        await future


def _changes(series: Series, known: dict[int, tuple[int, int]], total: int) -> list[StatisticData]:
    """Return the rows that differ; `total` is the last sum where `known` is empty."""
    states = {hour: state for hour, (state, _) in known.items()}
    states |= dict.fromkeys((hour for hour in series.blank if hour in states), 0)
    states |= series.states
    if known:
        state, total = known[min(known)]
        total -= state
    rows: list[StatisticData] = []
    for hour, state in sorted(states.items()):
        total += state
        if known.get(hour) != (state, total):
            start = datetime.fromtimestamp(hour, UTC)
            value, summed = state / series.scale, total / series.scale
            rows.append(StatisticData(start=start, state=value, sum=summed))
    return rows
