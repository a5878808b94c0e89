"""The accounting: every session once, every total only upwards.

Pure of Home Assistant and of the network: it is told sessions, in whatever order and
however often, and says what each station has delivered and earned. Amounts are whole
numbers (thousandths of a watt-hour, hundredths of a cent), so that sums are exact.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

WH = 1000
"""Units of energy in a watt-hour."""
CURRENCY_UNIT = 10_000
"""Units of money in a dollar."""

# Sessions that ended so long ago are added up; reports find what comes later still.
_KEPT = timedelta(days=31)
# The cloud's clock and ours, and a station that was away for a while.
_OVERLAP = timedelta(hours=1)


@dataclass(slots=True)
class Entry:
    """One session: what counts of it."""

    energy: int = 0
    cost: int = 0
    currency: str | None = None
    start: float | None = None
    """Epoch seconds, as all times here."""
    end: float | None = None
    updated: float | None = None
    is_open: bool = True

    def to_json(self) -> list[Any]:
        """Return a short row: a storage holds many."""
        return [
            self.energy,
            self.cost,
            self.currency,
            self.start,
            self.end,
            self.updated,
            self.is_open,
        ]

    @classmethod
    def from_json(cls, row: list[Any]) -> Self:
        """Read a row of `to_json`."""
        return cls(*row)


@dataclass(slots=True)
class Sums:
    """Energy, and money by currency."""

    energy: int = 0
    cost: dict[str, int] = field(default_factory=dict)

    def add(self, energy: int, cost: int, currency: str | None, *, sign: int = 1) -> None:
        """Add amounts; money without a currency cannot be added to any."""
        self.energy += sign * energy
        if currency is not None and cost:
            self.cost[currency] = self.cost.get(currency, 0) + sign * cost


@dataclass(slots=True)
class Account:
    """One station's ledger."""

    sessions: dict[str, Entry] = field(default_factory=dict)
    """Open ones and those of the last month, by session id."""
    folded: Sums = field(default_factory=Sums)
    """All before: the lifetime figure of the report at the beginning, then folded sessions."""
    missed: Sums = field(default_factory=Sums)
    """What a report knew and no session told; sessions that come late are taken out of it."""
    missed_until: float = 0
    """When that report was made."""
    counted_until: float = 0
    """Sessions that were over by then are in `folded`."""
    is_begun: bool = False
    """Whether the lifetime figure has been asked for."""
    currency: str | None = None
    shown: Sums = field(default_factory=Sums)
    """The highest totals so far: a correction downwards waits until it is made up for."""
