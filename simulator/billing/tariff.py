"""Prices: tariffs, fees and taxes."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

type Unit = Literal["hour", "minute", "second"]

UNIT_S: dict[str, int] = {"hour": 3600, "minute": 60, "second": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """An idle or occupancy fee: ``price`` per ``unit`` after the grace period."""

    price: Decimal
    unit: Unit = "hour"
    max_price: Decimal = Decimal(0)
    """The price never rises above it; 0 means that it may."""
    grace_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A fee structure, as in a session."""

    tariff_id: str
    name: str
    type: Literal["kwh", "time", "flat"]
    price: Decimal
    unit: Unit = "hour"
    idle_fee: Fee | None = None
    occupancy_fee: Fee | None = None
    increment: Decimal = Decimal(0)
    """What the fees' prices rise by after each ``cycle``."""
    cycle: Unit = "hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRule:
    """A tax; with ``included`` the tariff's prices hold it already."""

    rate: Decimal = Decimal(0)
    description: str = ""
    included: bool = True
