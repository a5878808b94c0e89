"""When to charge to reach a target in time: the cheapest slots before the deadline."""

from collections.abc import Iterable, Iterator, Sequence
import math

from .model import Plan, PriceSlot

_HOUR_S = 3600
# Vehicles ramp up slowly, limits reach a station late, and clocks differ.
_MARGIN_S = 120
_MARGIN = 0.02
# A charge that goes on is not interrupted for less.
_BRIDGED_S = 600


def make_plan(
    prices: Sequence[PriceSlot],
    *,
    now: float,
    ready_by: float,
    energy_wh: float,
    power_w: float,
    is_on: bool = False,
    price: float | None = None,
) -> Plan:
    """Return the cheapest slots between `now` and `ready_by` that hold an energy.

    Times without a price count as the mean of the known ones, or as the present `price`. Of
    slots with one price, the present one comes first while the plan `is_on`, so that it does not
    stop and start; then the latest, so that sun can still come. The last slot chosen is used in
    part, at its end. Slots that end with the deadline begin a little sooner than needed; before
    others there is time to make good for what a slot did not bring. A deadline that cannot be
    met, or is over, gives one slot from now on.
    """
    if energy_wh <= 0 or power_w <= 0:
        return Plan()
    needed = energy_wh / power_w * _HOUR_S
    spans = list(_spans(prices, now, ready_by))
    mean = _mean(spans, price)
    if needed + _margin_s(needed) >= ready_by - now:
        # Behind a deadline that is missed it goes on until the target is reached.
        is_reachable = now + needed <= ready_by
        end = ready_by if is_reachable else now + needed + _margin_s(needed)
        first = spans[0].price if spans else math.nan
        slot = PriceSlot(start=now, end=end, price=first)
        cost = _cost([slot], energy_wh, mean)
        return Plan(slots=(slot,), is_reachable=is_reachable, cost=cost)
    chosen = _cheapest(spans, needed, now, mean, is_on=is_on)
    cost = _cost(chosen, energy_wh, mean)
    if last_s := _last_s(chosen, ready_by):
        chosen = _cheapest(spans, needed + _margin_s(last_s), now, mean, is_on=is_on)
    if is_on and now < chosen[0].start <= now + _BRIDGED_S:
        chosen = [*_spans(spans, now, chosen[0].start), *chosen]
    return Plan(slots=tuple(_joined(chosen)), cost=cost)


def _margin_s(seconds: float) -> float:
    return seconds * _MARGIN + _MARGIN_S


def _cheapest(
    spans: Sequence[PriceSlot], seconds: float, now: float, mean: float | None, *, is_on: bool
) -> list[PriceSlot]:
    """Return the cheapest of the spans, as many as make so many seconds, by time."""

    def rank(slot: PriceSlot) -> tuple[float, bool, float]:
        price = mean or 0 if math.isnan(slot.price) else slot.price
        return price, not (is_on and slot.start <= now), -slot.start

    chosen: list[PriceSlot] = []
    for slot in sorted(spans, key=rank):
        length = min(seconds, slot.end - slot.start)
        goes_on = is_on and slot.start <= now
        start = slot.start if goes_on else slot.end - length
        chosen.append(PriceSlot(start=start, end=start + length, price=slot.price))
        seconds -= length
        if seconds <= 0:
            break
    return sorted(chosen, key=lambda slot: slot.start)


def _last_s(slots: Sequence[PriceSlot], end: float) -> float:
    """Return how long slots follow each other without a break up to a moment."""
    begin = end
    for slot in reversed(slots):
        if slot.end < begin:
            break
        begin = slot.start
    return end - begin


def _cost(slots: Sequence[PriceSlot], energy_wh: float, mean: float | None) -> float | None:
    """Return what an energy costs that is spread evenly over slots; None without any price."""
    if mean is None:
        return None
    seconds = [slot.end - slot.start for slot in slots]
    prices = [mean if math.isnan(slot.price) else slot.price for slot in slots]
    return math.sumprod(seconds, prices) / sum(seconds) * energy_wh / 1000


def _spans(prices: Iterable[PriceSlot], now: float, end: float) -> Iterator[PriceSlot]:
    """Yield the time between two moments without gaps or overlaps; NaN is no price."""
    reached = now
    for slot in sorted(prices, key=lambda slot: slot.start):
        start, stop = max(slot.start, reached), min(slot.end, end)
        if stop <= start:
            continue
        if start > reached:
            yield PriceSlot(start=reached, end=start, price=math.nan)
        yield PriceSlot(start=start, end=stop, price=slot.price)
        reached = stop
    if reached < end:
        yield PriceSlot(start=reached, end=end, price=math.nan)


def _mean(spans: Sequence[PriceSlot], price: float | None) -> float | None:
    """Return the mean of the known prices, or the present `price` where none is listed."""
    known = [slot.price for slot in spans if not math.isnan(slot.price)]
    return sum(known) / len(known) if known else price


def _joined(slots: Iterable[PriceSlot]) -> Iterator[PriceSlot]:
    """Yield slots by time, those that follow each other at one price as one."""
    last: PriceSlot | None = None
    for slot in slots:
        if last and last.end == slot.start and _is_same(last.price, slot.price):
            last = PriceSlot(start=last.start, end=slot.end, price=last.price)
            continue
        if last:
            yield last
        last = slot
    if last:
        yield last


def _is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
