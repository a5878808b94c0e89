"""The tariff a session is charged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from . import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """An occupancy or idle fee: a price for each unit of time."""

    price: float | None
    max_price: float | None
    unit: str | None
    is_active: bool | None

    @classmethod
    def from_json(cls, data: Any) -> Self | None:
        """Read `occupancyFee` or `idleFee`."""
        if not isinstance(data, dict):
            return None
        return cls(
            price=parse.number(data.get("price"), most=parse.MOST_MONEY),
            max_price=parse.number(data.get("maxPrice"), most=parse.MOST_MONEY),
            unit=parse.text(data.get("unit")),
            is_active=parse.boolean(data.get("isActive")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices in the session's currency; what the units mean is the cloud's to say."""

    tariff_id: str | None
    name: str | None
    type: str | None
    """`kwh`, `time`, `flat`, `tiered` …"""
    price: float | None
    unit: str | None
    occupancy_fee: Fee | None
    idle_fee: Fee | None
    price_increment: float | None
    payment_cycle_unit: str | None

    @classmethod
    def from_json(cls, data: Any) -> Self | None:
        """Read `tariff` of a session."""
        tariff: Mapping[str, Any] = parse.mapping(data)
        if not tariff:
            return None
        return cls(
            tariff_id=parse.identifier(tariff.get("id")),
            name=parse.text(tariff.get("name")),
            type=parse.text(tariff.get("type")),
            price=parse.number(tariff.get("price"), most=parse.MOST_MONEY),
            unit=parse.text(tariff.get("unit")),
            occupancy_fee=Fee.from_json(tariff.get("occupancyFee")),
            idle_fee=Fee.from_json(tariff.get("idleFee")),
            price_increment=parse.number(tariff.get("priceIncrement"), most=parse.MOST_MONEY),
            payment_cycle_unit=parse.text(tariff.get("paymentCycleUnit")),
        )
