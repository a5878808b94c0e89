"""The tariff of a session."""

from dataclasses import dataclass

from . import parse
from .model import Model, money, object_of, reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee(Model):
    """An occupancy or idle fee: a price per unit of time."""

    price: float | None = reported("price", money)
    max_price: float | None = reported("maxPrice", money)
    unit: str | None = reported("unit", parse.text)
    is_active: bool | None = reported("isActive", parse.boolean)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff(Model):
    """A tariff; prices are in the session's currency, units in the cloud's words."""

    tariff_id: str | None = reported("id", parse.identifier)
    name: str | None = reported("name", parse.text)
    type: str | None = reported("type", parse.text)
    """`kwh`, `time`, `flat`, `tiered` …"""
    price: float | None = reported("price", money)
    unit: str | None = reported("unit", parse.text)
    occupancy_fee: Fee | None = reported("occupancyFee", object_of(Fee))
    idle_fee: Fee | None = reported("idleFee", object_of(Fee))
    price_increment: float | None = reported("priceIncrement", money)
    payment_cycle_unit: str | None = reported("paymentCycleUnit", parse.text)
