"""What the hourly statistics hold of a session, as the ledger remembers it."""

from typing import Any, NamedTuple, Self

from ..storage.values import StoredDataError, items, moment, units
from .hours import Hours, hour_of, spread

LONGEST_SESSION_S = 31 * 86400
"""Longer ones are a wrong date rather than a session."""
CLOCKS_DIFFER_S = 120


class Posted(NamedTuple):
    """What of a session is in the statistics, and from when to when."""

    energy: int
    cost: int
    """0 where the currency is not the statistic's."""
    start: float
    end: float

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Read a list of the fields; raise StoredDataError for anything else."""
        energy, cost, start, end = items(stored, 4)
        start, end = moment(start), moment(end)
        if not 0 <= end - start <= LONGEST_SESSION_S:
            raise StoredDataError("a session that is too long")
        return cls(units(energy), units(cost), start, end)

    def hours(self) -> tuple[Hours, Hours]:
        """Return energy and cost by hour, both of the same hours."""
        return spread(self.energy, self.start, self.end), spread(self.cost, self.start, self.end)

    @property
    def boundary_hours(self) -> frozenset[int]:
        """The hours of its start and its end; a report counts it at one of the two."""
        return frozenset((hour_of(self.start), hour_of(self.end)))
