"""Spreads amounts over hours, exactly to the unit.

An hour is given by the epoch seconds at which it begins; hours are those of UTC, without
daylight-saving time. Amounts are whole numbers, so that the hours add up exactly.
"""

from collections.abc import Mapping

HOUR_S = 3600

type Hours = dict[int, int]
"""Amounts, or weights, by hour."""


def hour_of(moment: float) -> int:
    """Return the hour of a moment, in epoch seconds."""
    return int(moment // HOUR_S) * HOUR_S


def hours_between(start: float, end: float) -> range:
    """Return the hours from the one of `start` to before the one of `end`.

    Consecutive days have no hour in common, even where they do not begin on an hour of UTC.
    """
    return range(hour_of(start), hour_of(end), HOUR_S)


def apportion(amount: int, weights: Mapping[int, int]) -> Hours:
    """Divide an amount in proportion to weights that are not all 0."""
    total, passed, given = sum(weights.values()), 0, 0
    parts: Hours = {}
    for key, weight in sorted(weights.items()):
        passed += weight
        part = amount * passed // total - given
        given += part
        parts[key] = part
    return parts


def spread(amount: int, start: float, end: float) -> Hours:
    """Spread an amount evenly over a span; without a length it is in the hour of the end."""
    start_ms, end_ms = round(start * 1000), round(end * 1000)
    if start_ms >= end_ms:
        return {hour_of(end): amount}
    weights = {
        hour: min(end_ms, (hour + HOUR_S) * 1000) - max(start_ms, hour * 1000)
        for hour in range(hour_of(start_ms / 1000), hour_of(end_ms / 1000) + 1, HOUR_S)
    }
    return apportion(amount, {hour: weight for hour, weight in weights.items() if weight})


def add(hours: Hours, more: Mapping[int, int], factor: int = 1) -> None:
    """Add amounts to those of the same hours."""
    for hour, amount in more.items():
        hours[hour] = hours.get(hour, 0) + factor * amount
