"""What past sessions and daily reports make of a station's hours.

Knows neither the cloud nor the recorder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..accounting.hours import Hours, add, apportion
from ..accounting.ledger import LedgerSession, StationLedger
from ..accounting.posted import Posted
from .days import Day, hours_of
from .report_figures import NOTHING, Figures, electricity

type DailyFigures = Mapping[Day, Mapping[str, Figures]]
"""The reports that were asked for: figures by day and port id."""


def marks_of(
    ledger: StationLedger, fetched: Mapping[str, LedgerSession], now: float
) -> list[Posted]:
    """Return what the statistics are to hold of all sessions that are over.

    Those of the ledger are posted by themselves; what it counted before it began, or has
    folded since, comes from the cloud.
    """
    marks = [
        entry.as_posted(ledger.cost_currency, now)
        for session_id, entry in fetched.items()
        if session_id not in ledger.sessions
        and (over_at := entry.over_at) is not None
        and over_at <= ledger.counted_until
    ]
    return marks + [entry.posted for entry in ledger.sessions.values() if entry.posted]


@dataclass(slots=True)
class PastHours:
    """The hours of a station over some days, and what they were made of."""

    energy: Hours = field(default_factory=dict)
    cost: Hours = field(default_factory=dict)
    electricity: Hours = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    """The hours of the days that sessions or estimates tell all about."""
    costed: set[int] = field(default_factory=set)
    """The hours of the days whose electricity cost is told."""
    sessions: int = 0
    estimated_days: int = 0


def past_hours(
    port_id: str,
    days: Sequence[Day],
    *,
    marks: Sequence[Posted],
    figures: DailyFigures,
    present: Hours,
    settled: float,
) -> PastHours:
    """Return the hours of days that follow each other.

    `present` is the energy that the hours hold now; no session of before `settled` can
    come by itself any more.
    """
    hours = hours_of(days)
    past = PastHours()
    edges: set[int] = set()
    for mark in marks:
        if mark.start >= hours.stop or mark.end < hours.start:
            continue
        edges |= mark.edges
        past.sessions += hours.start <= mark.end < hours.stop
        if mark.energy or mark.cost:
            for amounts, parts in zip((past.energy, past.cost), mark.hours(), strict=True):
                add(amounts, {hour: part for hour, part in parts.items() if hour in hours})
    for day in days:
        figure = figures.get(day, {}).get(port_id, NOTHING)
        if not edges.isdisjoint(day.hours):
            past.told.update(day.hours)
        elif figure.energy and day.hours.stop <= settled:
            _estimate(past, day, figure, present)
    for day in days:
        if day in figures:
            known = past.energy if day.hours.start in past.told else {**present, **past.energy}
            amount = figures[day].get(port_id, NOTHING).electricity
            past.electricity |= electricity(amount, day.hours, known)
            past.costed.update(day.hours)
    return past


def _estimate(past: PastHours, day: Day, figure: Figures, present: Hours) -> None:
    """Lay a report's figure evenly over a day, unless sessions told as much at their time."""
    weights = dict.fromkeys(day.hours, 1)
    energy = apportion(figure.energy, weights)
    passing = {hour: past.energy.get(hour, 0) for hour in day.hours}
    now = {hour: present.get(hour, 0) for hour in day.hours}
    add(energy, passing)
    if now != energy and sum(now.values()) >= sum(energy.values()):
        for hour in day.hours:
            past.energy.pop(hour, None)
            past.cost.pop(hour, None)
        return
    past.energy |= energy
    add(past.cost, apportion(figure.cost, weights))
    past.told.update(day.hours)
    past.estimated_days += 1
