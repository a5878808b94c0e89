"""Exact sums of energy, and of money by currency."""

from dataclasses import dataclass, field
from typing import Any, Self

from ..stations import Totals
from ..storage.values import fields, items, text, units

WH = 1000
"""Units of energy in a watt-hour."""
MONEY = 10_000
"""Units of money in a dollar."""

UNNAMED = ""
"""Stands for the currency of a report until a session of the station names one."""


def wh_units(wh: float) -> int:
    """Return an energy in Wh as a whole number of units."""
    return round(wh * WH)


def money_units(amount: float) -> int:
    """Return an amount in dollars as a whole number of units."""
    return round(amount * MONEY)


@dataclass(slots=True)
class Sums:
    """Energy in units of `WH`, and money in units of `MONEY` by currency."""

    energy: int = 0
    cost: dict[str, int] = field(default_factory=dict)

    @property
    def money(self) -> int:
        """Return the money of all currencies, where it is that of a report without any."""
        return sum(self.cost.values())

    def copy(self) -> Self:
        """Return a copy."""
        return type(self)(self.energy, dict(self.cost))

    def add(self, energy: int, cost: int, currency: str | None) -> None:
        """Add amounts; money is ignored where `currency` is None."""
        self.energy += energy
        if currency is not None and cost:
            self.cost[currency] = self.cost.get(currency, 0) + cost

    def add_all(self, other: Sums) -> None:
        """Add other sums."""
        self.add(other.energy, 0, None)
        for currency, cost in other.cost.items():
            self.add(0, cost, currency)

    def subtract(self, energy: int, cost: int, currency: str | None) -> None:
        """Subtract amounts, down to 0."""
        self.energy = max(0, self.energy - energy)
        if currency in self.cost:
            self.cost[currency] = max(0, self.cost[currency] - cost)

    def raise_to(self, other: Sums) -> None:
        """Raise each sum that is lower than the other's."""
        self.energy = max(self.energy, other.energy)
        for currency, cost in other.cost.items():
            self.cost[currency] = max(self.cost.get(currency, 0), cost)

    def name_currency(self, currency: str) -> None:
        """Set the currency of money without one."""
        if UNNAMED in self.cost:
            self.add(0, self.cost.pop(UNNAMED), currency)

    def totals(self, currency: str | None) -> Totals:
        """Return these sums in Wh and in one currency, without money in others."""
        cost = self.cost.get(currency, 0) / MONEY if currency else None
        return Totals(energy_wh=self.energy / WH, cost=cost, currency=currency)

    def beyond(self, reported: Sums) -> Sums:
        """Return the excess of these sums over others, at least 0, with money in `UNNAMED`."""
        excess = Sums(max(0, self.energy - reported.energy))
        excess.add(0, max(0, self.money - reported.money), UNNAMED)
        return excess

    def to_json(self) -> list[Any]:
        """Return the content for storage."""
        return [self.energy, dict(self.cost)]

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return stored sums; raise StoredDataError for other content."""
        energy, cost = items(stored, 2)
        money = {text(currency): units(amount) for currency, amount in fields(cost).items()}
        return cls(units(energy), money)
