"""The statistics that the dashboard plots."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..history import HistoryImports
from ..models import EevionConfigEntry
from .model import DashboardModel, Entities, StationModel
from .views import Figure, Line, Plot

# With more stations the plots are of sites alone.
_MOST_STATIONS: Final = 60


class _Source(NamedTuple):
    """Where the statistics of a figure are."""

    kind: str
    """Of the hourly statistics of a station."""
    total: str | None
    """The entity that stands for them where there are none."""


_SOURCES: Final = {
    Figure.ENERGY: _Source("energy", "sensor.total_energy"),
    Figure.COST: _Source("cost", "sensor.total_cost"),
    Figure.ELECTRICITY: _Source("energy_cost", None),
}


class _Candidate(NamedTuple):
    """A line; of its statistics the first one that exists counts."""

    figure: Figure
    name: str
    statistic_ids: list[str]


async def async_station_plots(hass: HomeAssistant, station: StationModel) -> list[Plot]:
    """Return the plots of a station. Raises HomeAssistantError if the database cannot be read."""
    histories = _async_histories(hass)
    return await _async_plots(histories, _of_stations(histories, [station]))


async def async_all_plots(hass: HomeAssistant, model: DashboardModel) -> list[Plot]:
    """Return the plots of sites, where there are several, and of stations, unless too many.

    Raises HomeAssistantError if the database cannot be read.
    """
    histories = _async_histories(hass)
    stations = list(model.stations)
    is_many = len(stations) > _MOST_STATIONS
    plots: list[Plot] = []
    if is_many or len(model.sites) > 1:
        candidates = (
            _Candidate(figure, site.name, list(_total(site.entities, figure)))
            for figure in Figure
            for site in model.sites
        )
        plots += await _async_plots(histories, candidates, is_of_sites=True)
    if not is_many:
        plots += await _async_plots(histories, _of_stations(histories, stations))
    return plots


@callback
def _async_histories(hass: HomeAssistant) -> list[HistoryImports]:
    """Return the statistics of each account; none without the recorder."""
    entries: list[EevionConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    return [history for entry in entries if (history := entry.runtime_data.history)]


def _of_stations(
    histories: Iterable[HistoryImports], stations: Iterable[StationModel]
) -> Iterator[_Candidate]:
    for station in stations:
        hourly = {
            kind: statistic_id
            for history in histories
            for kind, statistic_id in history.statistic_ids(station.port_id).items()
        }
        for figure, source in _SOURCES.items():
            ids = [hourly[source.kind]] if source.kind in hourly else []
            yield _Candidate(figure, station.name, [*ids, *_total(station.entities, figure)])


def _total(entities: Entities, figure: Figure) -> Iterator[str]:
    """Yield the entity of a total, whose statistic has the same id."""
    if (total := _SOURCES[figure].total) and (entity_id := entities.get(total)):
        yield entity_id


async def _async_plots(
    histories: list[HistoryImports], candidates: Iterable[_Candidate], *, is_of_sites: bool = False
) -> list[Plot]:
    """Return the candidates that exist, one plot for each figure and currency."""
    wanted = list(candidates)
    ids = {statistic_id for candidate in wanted for statistic_id in candidate.statistic_ids}
    units = await histories[0].async_units(ids) if histories and ids else {}
    lines: dict[tuple[Figure, str | None], list[Line]] = {}
    for figure, name, statistic_ids in wanted:
        if existing := next(filter(units.__contains__, statistic_ids), None):
            # The frontend converts units of energy, but no currency.
            unit = None if figure is Figure.ENERGY else units[existing]
            lines.setdefault((figure, unit), []).append(Line(statistic_id=existing, name=name))
    order = list(Figure)
    return [
        Plot(figure=figure, currency=unit, is_of_sites=is_of_sites, lines=tuple(found))
        for (figure, unit), found in sorted(
            lines.items(), key=lambda item: (order.index(item[0][0]), item[0][1] or "")
        )
    ]
