"""The sums of a statement: amounts of different currencies are never added."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .rows import SessionRow


@dataclass(slots=True)
class Sum:
    """The sum of the sessions that name one currency, or none."""

    sessions: int = 0
    duration_s: int = 0
    energy_wh: int = 0
    cost: Decimal = Decimal("0.00")


class Sums:
    """The sums of sessions by currency, each session once."""

    def __init__(self) -> None:
        """Start without sessions."""
        self._sums: dict[str, Sum] = {}

    def add(self, rows: Iterable[SessionRow]) -> None:
        """Add sessions."""
        for row in rows:
            one = self._sums.setdefault(row.currency or "", Sum())
            one.sessions += 1
            one.duration_s += row.duration_s or 0
            one.energy_wh += row.energy_wh or 0
            one.cost += row.cost or 0

    def items(self) -> list[tuple[str | None, Sum]]:
        """Return the sums by currency; at least one.

        That of sessions without a currency is the last.
        """
        named = sorted(currency for currency in self._sums if currency)
        found: list[tuple[str | None, Sum]] = [(name, self._sums[name]) for name in named]
        if "" in self._sums or not found:
            found.append((None, self._sums.get("", Sum())))
        return found

    def as_json(self) -> list[dict[str, Any]]:
        """Return the sums as the data of a response; money without a currency has no sum."""
        return [
            {
                "currency": currency,
                "sessions": one.sessions,
                "duration_s": one.duration_s,
                "energy_kwh": one.energy_wh / 1000,
                "cost": float(one.cost) if currency else None,
            }
            for currency, one in self.items()
        ]
