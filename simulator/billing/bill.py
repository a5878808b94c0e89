"""What a session costs."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from .tariff import UNIT_S, Fee, Tariff, TaxRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a session has used so far."""

    energy_wh: int
    duration_s: int
    idle_spells_s: tuple[int, ...] = ()
    """Each time without power, the last one perhaps still going on."""
    idle_now_s: int | None = None
    """How long it has been idle by now, or None while it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The price of a session; ``cost`` is ``before_taxes`` and ``tax`` together."""

    cost: Decimal
    before_taxes: Decimal
    tax: Decimal
    idle_rate: Decimal


def cents(amount: Decimal) -> Decimal:
    """Round to the cent, half a cent up."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def stepped_rate(fee: Fee, tariff: Tariff, seconds: int) -> Decimal:
    """Return a fee's price after it has been applied for some seconds."""
    price = fee.price + tariff.increment * (seconds // UNIT_S[tariff.cycle])
    return min(price, fee.max_price) if fee.max_price else price


def stepped_amount(fee: Fee, tariff: Tariff, seconds: int) -> Decimal:
    """Return what a fee comes to when applied for some seconds."""
    if not tariff.increment:
        return fee.price * seconds / UNIT_S[fee.unit]
    cycle_s = UNIT_S[tariff.cycle]
    amount = Decimal(0)
    for start_s in range(0, seconds, cycle_s):
        rate = stepped_rate(fee, tariff, start_s)
        amount += rate * min(cycle_s, seconds - start_s) / UNIT_S[fee.unit]
    return amount


def _base_amount(tariff: Tariff, usage: Usage) -> Decimal:
    match tariff.type:
        case "kwh":
            return tariff.price * usage.energy_wh / 1000
        case "time":
            return tariff.price * usage.duration_s / UNIT_S[tariff.unit]
        case "flat":
            return tariff.price if usage.duration_s else Decimal(0)


def _fees_amount(tariff: Tariff, usage: Usage) -> Decimal:
    amount = Decimal(0)
    if fee := tariff.occupancy_fee:
        amount += stepped_amount(fee, tariff, usage.duration_s)
    if fee := tariff.idle_fee:
        for spell_s in usage.idle_spells_s:
            amount += stepped_amount(fee, tariff, max(0, spell_s - fee.grace_s))
    return amount


def _idle_rate(tariff: Tariff, usage: Usage) -> Decimal:
    fee = tariff.idle_fee
    if fee is None or usage.idle_now_s is None or usage.idle_now_s < fee.grace_s:
        return Decimal(0)
    return stepped_rate(fee, tariff, usage.idle_now_s - fee.grace_s)


def make_bill(tariff: Tariff, tax: TaxRule, usage: Usage) -> Bill:
    """Price a session's usage."""
    listed = cents(_base_amount(tariff, usage) + _fees_amount(tariff, usage))
    if tax.included:
        cost, before = listed, cents(listed / (1 + tax.rate))
    else:
        cost, before = listed + cents(listed * tax.rate), listed
    return Bill(
        cost=cost,
        before_taxes=before,
        tax=cost - before,
        idle_rate=_idle_rate(tariff, usage),
    )
