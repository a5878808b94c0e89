"""The amounts of a session in the hourly statistics, as the ledger records them."""

from typing import Any, NamedTuple, Self

from ..storage.values import StoredDataError, items, moment, units
from .hours import Hours, hour_of, spread

LONGEST_SESSION_S = 31 * 86400
"""A longer session has a wrong date."""
CLOCKS_DIFFER_S = 120


class Posted(NamedTuple):
    """Amounts of a session in the statistics; `start` and `end` are in epoch seconds."""

    energy: int
    cost: int
    """0 where the currency is not that of the statistic."""
    start: float
    end: float

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the stored fields; raise StoredDataError for other content."""
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
        """The hours of start and end; a report counts the session in one of them."""
        return frozenset((hour_of(self.start), hour_of(self.end)))
