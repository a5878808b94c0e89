"""Figures of stations out of a report, in the units of `sums.py`."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .api import Report
from .spread import Hours, apportion
from .station import StationState
from .sums import money_units, wh_units


class Figures(NamedTuple):
    """What a station did in a time span."""

    energy: int
    cost: int
    """What drivers paid."""
    electricity: int
    """What the energy cost the owner."""


NOTHING = Figures(0, 0, 0)


def by_port(report: Report, stations: Mapping[str, StationState]) -> dict[str, Figures]:
    """Return the figures of stations by port id; stations of two sites may share a name."""
    found: dict[str, Figures] = {}
    for port_id, station in stations.items():
        for row in report.rows:
            if row.station_id != station.port.station_id:
                continue
            if row.site_id in (None, station.site_id):
                found[port_id] = Figures(
                    wh_units(max(0, row.total_energy_wh or 0)),
                    money_units(max(0, row.total_cost_cents or 0) / 100),
                    money_units(max(0, row.total_energy_cost_cents or 0) / 100),
                )
    return found


def electricity(amount: int, hours: Iterable[int], energy: Hours) -> Hours:
    """Lay a day's electricity cost over its hours, in proportion to their energy."""
    if amount == 0:
        return {}
    weights = {hour: energy[hour] for hour in hours if energy.get(hour, 0) > 0}
    return apportion(amount, weights or dict.fromkeys(hours, 1))
