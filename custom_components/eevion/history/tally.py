"""Counts of an import, for the response of the action."""

from dataclasses import dataclass
from typing import Any

from ..accounting import MONEY, WH
from .past_hours import PastHours


@dataclass(slots=True)
class ImportResult:
    """Counts and sums of the rows written for one station."""

    sessions: int = 0
    hours: int = 0
    changed_rows: int = 0
    energy: int = 0
    cost: int = 0
    electricity: int = 0
    estimated_days: int = 0

    def add(self, past: PastHours, changed_rows: int) -> None:
        """Add the rows written for some days."""
        self.sessions += past.sessions
        self.hours += sum(map(bool, past.energy.values()))
        self.changed_rows += changed_rows
        self.energy += sum(past.energy.values())
        self.cost += sum(past.cost.values())
        self.electricity += sum(past.electricity.values())
        self.estimated_days += past.estimated_days

    def as_dict(self, currency: str | None) -> dict[str, Any]:
        """Return the response data, in kWh and dollars."""
        return {
            "sessions": self.sessions,
            "hours": self.hours,
            "changed_rows": self.changed_rows,
            "estimated_days": self.estimated_days,
            "energy_kwh": round(self.energy / WH) / 1000,
            "currency": currency,
            "cost": self.cost / MONEY if currency else None,
            "energy_cost": self.electricity / MONEY if currency else None,
        }
