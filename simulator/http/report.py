"""Session statistics of ``POST /session/report``."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..charging.station import Session
from ..json_values import JsonObject, number

GROUPS = {"station": "station_id", "site": "location_id", "region": "region"}
"""What to group by, and the key that names a group in its row."""


@dataclass(slots=True)
class Group:
    """The sessions of one row."""

    sessions: list[Session] = field(default_factory=list)

    def row(self, group_by: str, cents_per_kwh: float) -> JsonObject:
        """Return the row; the example's ``maximum_…`` are 0 beside any energy."""
        sums = self._sums(cents_per_kwh)
        count = len(self.sessions)
        site = self.sessions[0].station.site
        row: JsonObject = {
            "average_cost_cents": number(sums["total_cost_cents"] / count),
            "average_duration_seconds": number(sums["total_duration_seconds"] / count),
            "location": site.name,
            "location_id": site.site_id,
            "maximum_current_amps": 0,
            "maximum_limit_amps": 0,
            "maximum_power_watts": 0,
            "minimum_limit_amps": 0,
            "most_common_start_with": self._most_common_start(),
            "station_id": self.sessions[0].station.name,
            "unique_customers": len({s.customer_id for s in self.sessions}),
        }
        row |= sums
        if group_by != "station":
            del row["station_id"]
        if group_by == "region":
            del row["location"], row["location_id"]
            row["region"] = site.address.state
        return row

    def _sums(self, cents_per_kwh: float) -> dict[str, int]:
        ends = [s.snapshot(s.end_ms) for s in self.sessions if s.end_ms is not None]
        energy_wh = sum(end.energy_wh for end in ends)
        return {
            "cancel_count": sum(s.canceled for s in self.sessions),
            "count": len(self.sessions),
            "total_cost_cents": int(sum(end.bill.cost * 100 for end in ends)),
            "total_duration_seconds": sum(end.duration_s for end in ends),
            "total_energy_cost_cents": round(energy_wh * cents_per_kwh / 1000),
            "total_energy_watt_hours": energy_wh,
        }

    def _most_common_start(self) -> str:
        return Counter(s.start_with for s in self.sessions).most_common(1)[0][0]


def _group_key(session: Session, group_by: str) -> str:
    station = session.station
    match group_by:
        case "site":
            return station.site.site_id
        case "region":
            return station.site.address.state
        case _:
            return station.port_id


SUMMED = (
    "cancel_count",
    "count",
    "total_cost_cents",
    "total_duration_seconds",
    "total_energy_cost_cents",
    "total_energy_watt_hours",
)


def _pseudo_row(label: str, group_by: str, values: dict[str, int | float]) -> JsonObject:
    return {**values, GROUPS[group_by]: label}


def make_report(
    sessions: Iterable[Session], group_by: str, cents_per_kwh: float
) -> list[JsonObject]:
    """Return a row per group, then the rows ``total`` and ``average``."""
    groups: dict[str, Group] = {}
    for session in sessions:
        groups.setdefault(_group_key(session, group_by), Group()).sessions.append(session)
    rows = [group.row(group_by, cents_per_kwh) for group in groups.values()]
    if not rows:
        return []
    total: dict[str, int | float] = {}
    for key in SUMMED:
        values = [row[key] for row in rows]
        total[key] = sum(value for value in values if isinstance(value, int))
    average = {key: number(value / len(rows)) for key, value in total.items()}
    return [
        *rows,
        _pseudo_row("total", group_by, total),
        _pseudo_row("average", group_by, average),
    ]
