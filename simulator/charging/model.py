"""What a site and a station are, apart from their state."""

from dataclasses import dataclass
from typing import Literal

from ..billing.tariff import TaxRule

type Lifecycle = Literal["active", "coming soon", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a site is, and what follows from it."""

    name: str
    lat: float
    long: float
    street: str
    street_number: str
    city: str
    state: str
    country: str
    zip: str
    time_zone: str
    currency: Literal["CAD", "USD"]
    tax: TaxRule
    continue_if_battery_full: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A kind of port, with the odd data that the cloud reports."""

    name: str
    level: int
    volts: int
    amps: int
    kw: float
    """As reported; wrong for some models."""
    shared_power: bool = False
    group_index: int | None = None
    cost_by_id: bool = False
    """Whether it has ``chargingCostId`` (unit 5) instead of ``chargingCost`` (unit 3)."""
    dated: bool = True
    restriction: str = "public"

    @property
    def max_w(self) -> int:
        """What volts and amps allow, in watts."""
        return self.volts * self.amps
