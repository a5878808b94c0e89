"""The prices to come that a price sensor lists in its attributes, whatever it calls them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
import math
from typing import Any

from homeassistant.util import dt as dt_util

from .model import PriceSlot

# Nord Pool, Tibber, EnergyZero, ENTSO-e, EPEX, Octopus, Amber … by what their rows call it.
_STARTS = ("start", "start_time", "startsAt", "starts_at", "from", "time", "valid_from", "hour")
_ENDS = ("end", "end_time", "endsAt", "ends_at", "till", "to", "valid_to")
_PRICES = ("value", "price", "total", "value_inc_vat", "per_kwh", "price_per_kwh")
# Of a row that names no end.
_LONGEST_S = 3600
# Lists longer than this are not of prices.
_MOST_ROWS = 2000


def price_slots(attributes: Mapping[str, Any]) -> tuple[PriceSlot, ...]:
    """Return the prices that the attributes of a sensor list, by time; often none.

    Rows that cannot be read are left out. A row without an end lasts until the next one, for an
    hour at most.
    """
    found: dict[float, tuple[float | None, float]] = {}
    for value in attributes.values():
        if not isinstance(value, list | tuple | Mapping) or len(value) > _MOST_ROWS:
            continue
        for row in _rows(value):
            if isinstance(row, Mapping) and (read := _row(row)):
                start, end, price = read
                found[start] = (end, price)
    return tuple(_slots(found))


def _rows(value: Sequence[Any] | Mapping[Any, Any]) -> Iterable[Any]:
    """Return rows; some sensors have prices by their start."""
    if isinstance(value, Mapping):
        return ({"start": start, "price": price} for start, price in value.items())
    return value


def _slots(found: Mapping[float, tuple[float | None, float]]) -> Iterable[PriceSlot]:
    starts = sorted(found)
    following = dict(pairwise(starts))
    for start in starts:
        end, price = found[start]
        if end is None:
            end = min(following.get(start, math.inf), start + _LONGEST_S)
        if end > start:
            yield PriceSlot(start=start, end=end, price=price)


def _row(row: Mapping[str, Any]) -> tuple[float, float | None, float] | None:
    start = _first(row, _STARTS, _moment)
    price = _first(row, _PRICES, _number)
    if start is None or price is None:
        return None
    return start, _first(row, _ENDS, _moment), price


def _first(
    row: Mapping[str, Any], names: Iterable[str], read: Callable[[Any], float | None]
) -> float | None:
    return next(
        (value for name in names if name in row and (value := read(row[name])) is not None), None
    )


def _number(value: object) -> float | None:
    """Return a finite number; some lists hold texts or decimals."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except TypeError, ValueError, OverflowError:
        return None
    return number if math.isfinite(number) else None


def _moment(value: object) -> float | None:
    """Return epoch seconds; times without a zone are Home Assistant's local ones."""
    try:
        # Raises for a text of the right form that is no time, such as the 30th of February.
        moment = dt_util.parse_datetime(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt_util.get_default_time_zone())
        return moment.timestamp()
    except OverflowError, ValueError:
        return None
