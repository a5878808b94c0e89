"""Which sessions the hourly statistics lack, and how the hours stand with them.

A posting is written down with the ledger before it goes to the recorder, as the hours
will stand afterwards: after a crash it is done again, and nothing is counted twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from .spread import Hours, add, hour_of, spread
from .stored_values import (
    MOST_UNITS,
    StoredDataError,
    fields,
    hour,
    items,
    moment,
    text,
    units,
)

if TYPE_CHECKING:
    from .ledger import Account, Entry

# Longer ones are a wrong date rather than a session.
_LONGEST_S = 31 * 86400
_CLOCKS_DIFFER_S = 120


class Posted(NamedTuple):
    """What of a session is in the statistics, and from when to when."""

    energy: int
    cost: int
    """0 where the currency is not the statistic's."""
    start: float
    end: float

    @classmethod
    def of(cls, entry: Entry, currency: str | None, now: float) -> Self:
        """Return what is to be in the statistics of a session that is over."""
        end = entry.start if entry.end is None else entry.end
        if end is None or end > now + _CLOCKS_DIFFER_S:
            end = entry.posted.end if entry.posted else min(entry.updated or now, now)
        start = end if entry.start is None else entry.start
        if not 0 <= end - start <= _LONGEST_S:
            start = end
        cost = entry.cost if entry.currency == currency is not None else 0
        return cls(entry.energy, cost, start, end)

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Read a list of the fields; raise StoredDataError for anything else."""
        energy, cost, start, end = items(stored, 4)
        start, end = moment(start), moment(end)
        if not 0 <= end - start <= _LONGEST_S:
            raise StoredDataError("a session that is too long")
        return cls(units(energy), units(cost), start, end)

    def hours(self) -> tuple[Hours, Hours]:
        """Return energy and cost by hour, both of the same hours."""
        return spread(self.energy, self.start, self.end), spread(self.cost, self.start, self.end)

    @property
    def edges(self) -> frozenset[int]:
        """The hours of its start and its end; a report counts it at one of the two."""
        return frozenset((hour_of(self.start), hour_of(self.end)))


@dataclass(slots=True)
class Posting:
    """The hours of a station as they are about to stand in the statistics."""

    marks: dict[str, Posted] = field(default_factory=dict)
    """What they hold then of the sessions, by session id."""
    energy: Hours = field(default_factory=dict)
    cost: Hours = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """Return what a storage holds."""
        return [
            {session_id: list(mark) for session_id, mark in self.marks.items()},
            list(self.energy.items()),
            list(self.cost.items()),
        ]

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Read `to_json`; raise StoredDataError for anything else."""
        marks, energy, cost = items(stored, 3)
        return cls(
            {
                text(session_id): Posted.from_json(mark)
                for session_id, mark in fields(marks).items()
            },
            _hours(energy),
            _hours(cost),
        )


def _hours(stored: Any) -> Hours:
    pairs = (items(pair, 2) for pair in items(stored))
    return {hour(start): units(amount, least=-MOST_UNITS) for start, amount in pairs}


def due(account: Account, now: float) -> dict[str, Posted]:
    """Return what the statistics should hold of sessions and do not, by session id."""
    if not account.is_begun:
        return {}
    marks: dict[str, Posted] = {}
    for session_id, entry in account.sessions.items():
        if entry.is_open:
            continue
        account.cost_currency = account.cost_currency or entry.currency
        mark = Posted.of(entry, account.cost_currency, now)
        if mark != entry.posted:
            marks[session_id] = mark
    return marks


def touched(account: Account, marks: Mapping[str, Posted]) -> list[Posted]:
    """Return marks, and what is posted of the same sessions."""
    known = (account.sessions[session_id].posted for session_id in marks)
    return [*marks.values(), *filter(None, known)]


def changes(account: Account, marks: Mapping[str, Posted], states: Hours) -> tuple[Hours, Hours]:
    """Return what the marks add to the hours: energy and cost.

    `states` is the energy that the hours hold. A ledger that was begun anew finds its
    sessions there already.
    """
    energy: Hours = {}
    cost: Hours = {}
    left = dict(states) if not account.has_posted else {}
    for session_id, mark in marks.items():
        known = account.sessions.get(session_id)
        for posted, factor in ((known.posted if known else None, -1), (mark, 1)):
            if posted is None or not (posted.energy or posted.cost):
                continue
            wh, money = posted.hours()
            if left and all(left.get(hour, 0) >= part for hour, part in wh.items()):
                add(left, wh, -1)
                continue
            add(energy, wh, factor)
            add(cost, money, factor)
    return energy, cost


def settle(account: Account) -> None:
    """Note that the statistics hold the posting."""
    if account.posting is None:
        return
    for session_id, mark in account.posting.marks.items():
        if entry := account.sessions.get(session_id):
            for posted in filter(None, (entry.posted, mark)):
                if posted.energy:
                    account.uncosted |= posted.edges
            entry.posted = mark
    account.posting = None
    account.has_posted = True
