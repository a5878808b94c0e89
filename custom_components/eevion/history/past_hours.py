"""The hours of a station from past sessions and daily reports.

Independent of the cloud and of the recorder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..accounting import Hours, LedgerSession, Posted, StationLedger, add, apportion
from .days import Day, hours_of
from .report_figures import NO_FIGURES, Figures, electricity

type DailyFigures = Mapping[Day, Mapping[str, Figures]]
"""The figures of reports, by day and port id."""


def all_posted(
    ledger: StationLedger, fetched: Mapping[str, LedgerSession], now: float
) -> list[Posted]:
    """Return what the statistics are to hold of all sessions that have ended.

    Sessions of the ledger count as they are posted; those that it holds only as a sum come from
    `fetched`. `now` is in epoch seconds.
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
    """The hours of a station over some days, and the numbers of their sources."""

    energy: Hours = field(default_factory=dict)
    cost: Hours = field(default_factory=dict)
    electricity: Hours = field(default_factory=dict)
    covered: set[int] = field(default_factory=set)
    """The hours of the days that sessions or estimates cover wholly."""
    costed: set[int] = field(default_factory=set)
    """The hours of the days with a reported electricity cost."""
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
    """Return the hours of consecutive days.

    `present` is the energy that the hours hold now. Sessions from before `settled` (epoch
    seconds) are not posted by the ledger any more.
    """
    hours = hours_of(days)
    past = PastHours()
    boundary_hours: set[int] = set()
    for mark in marks:
        if mark.start >= hours.stop or mark.end < hours.start:
            continue
        boundary_hours |= mark.boundary_hours
        past.sessions += hours.start <= mark.end < hours.stop
        if mark.energy or mark.cost:
            for amounts, parts in zip((past.energy, past.cost), mark.hours(), strict=True):
                add(amounts, {hour: part for hour, part in parts.items() if hour in hours})
    for day in days:
        figure = figures.get(day, {}).get(port_id, NO_FIGURES)
        if not boundary_hours.isdisjoint(day.hours):
            past.covered.update(day.hours)
        elif figure.energy and day.hours.stop <= settled:
            _estimate(past, day, figure, present)
    for day in days:
        if day in figures:
            known = past.energy if day.hours.start in past.covered else {**present, **past.energy}
            amount = figures[day].get(port_id, NO_FIGURES).electricity
            past.electricity |= electricity(amount, day.hours, known)
            past.costed.update(day.hours)
    return past


def _estimate(past: PastHours, day: Day, figure: Figures, present: Hours) -> None:
    """Spread a figure of a report evenly over a day, unless its hours already hold as much."""
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
    past.covered.update(day.hours)
    past.estimated_days += 1
