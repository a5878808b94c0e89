"""Figures of stations from a report (`POST /session/report`), in the units of `amounts.py`."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..accounting import Hours, apportion, money_units, wh_units
from ..api import Report
from ..stations import StationState

# Figures above this many Wh or cents are impossible, and count as 0.
_MOST = 1e12


class Figures(NamedTuple):
    """The figures of a station in a time span."""

    energy: int
    cost: int
    """Paid by drivers."""
    electricity: int
    """Cost of the energy for the owner."""
    currency: str | None = None
    """None without one, as the API documents."""


NO_FIGURES = Figures(0, 0, 0)


def by_port(report: Report, stations: Mapping[str, StationState]) -> dict[str, Figures]:
    """Return the figures of stations by port id, from the rows with their name and site.

    A row with a site (`location_id`) is preferred to one without.
    """
    rows = sorted(report.rows, key=lambda row: row.known_site_id is not None)
    return {
        port_id: Figures(
            wh_units(_likely(row.total_energy_wh)),
            money_units(_likely(row.total_cost_cents) / 100),
            money_units(_likely(row.total_energy_cost_cents) / 100),
            row.currency,
        )
        for port_id, station in stations.items()
        for row in rows
        if station.is_named(row.station_id, row.known_site_id)
    }


def _likely(figure: float | None) -> float:
    return figure if figure and 0 < figure < _MOST else 0


def electricity(amount: int, hours: Iterable[int], energy: Hours) -> Hours:
    """Spread the electricity cost of a day over its hours, in proportion to their energy."""
    if amount == 0:
        return {}
    weights = {hour: energy[hour] for hour in hours if energy.get(hour, 0) > 0}
    return apportion(amount, weights or dict.fromkeys(hours, 1))
