"""The hours of a station as they should be, from the sessions of its ledger.

A pure function of the ledger, of the hours in the recorder, and of the sessions that the
cloud lists where the two contradict each other. It is idempotent: after a crash, or with files
and a database of different ages, no session counts twice or is lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from ..accounting import (
    CLOCKS_DIFFER_S,
    HOUR_S,
    Hours,
    LedgerSession,
    Posted,
    StationLedger,
    add,
    hour_of,
)


class SessionShare(NamedTuple):
    """The amounts of one session in the hours of one statistic."""

    before: Hours
    """The amounts that the hours already hold, by the ledger."""
    after: Hours
    is_new: bool
    """Whether the ledger has not recorded any amount as written."""
    is_ours: bool
    """Whether it ended since this start: hours hold it only where the ledger recorded it."""
    end: float


@dataclass(slots=True)
class Listed:
    """The listed sessions of a station whose hours and ledger contradict each other."""

    first: int
    """All sessions of this hour and of later ones are listed."""
    stop: int
    """An active session may be in this hour and in later ones."""
    uncounted: list[Posted] = field(default_factory=list)
    """Sessions that the ledger does not hold individually."""

    def hours(self) -> tuple[Hours, Hours]:
        """Return energy and cost by hour of the sessions that the ledger does not hold."""
        energy: Hours = {}
        cost: Hours = {}
        for mark in self.uncounted:
            for amounts, parts in zip((energy, cost), mark.hours(), strict=True):
                add(amounts, parts)
        return energy, cost

    @classmethod
    def of(
        cls, ledger: StationLedger, listed: Mapping[str, LedgerSession], *, first: float, now: float
    ) -> Self:
        """Return the sessions of an answer since `first` (epoch seconds), by session id."""
        moments = (
            min(filter(None, (entry.created, entry.start, now)))
            for entry in ledger.sessions.values()
            if entry.is_open
        )
        uncounted = [
            entry.as_posted(ledger.cost_currency, now)
            for session_id, entry in listed.items()
            if session_id not in ledger.sessions and not entry.is_open
        ]
        return cls(hour_of(first), hour_of(min(moments, default=now + HOUR_S)), uncounted)


def lists_past_since(entries: Iterable[LedgerSession], now: float) -> float | None:
    """Return the time since which a list holds ended sessions; None where it may hold none.

    `entries` are those that the list of active sessions lacks, as that may hold sessions that
    ended just now. Times are in epoch seconds.
    """
    over = (entry.over_at for entry in entries)
    return min((at for at in over if at and at < now - CLOCKS_DIFFER_S), default=None)


class Recount(NamedTuple):
    """The hours of one statistic."""

    hours: Hours
    """Hours whose amount has to change, with the new amount."""
    unexplained: frozenset[int]
    """Hours that hold more than the ledger explains."""


def unposted_sessions(ledger: StationLedger, now: float) -> dict[str, Posted]:
    """Return the ended sessions that differ from what was posted of them, by session id."""
    if not ledger.is_begun:
        return {}
    return {
        session_id: mark
        for session_id, entry in ledger.sessions.items()
        if not entry.is_open
        and (mark := entry.as_posted(ledger.cost_currency, now)) != entry.posted
    }


def shares(
    ledger: StationLedger, marks: Mapping[str, Posted], *, since: float, tried: Iterable[str] = ()
) -> tuple[list[SessionShare], list[SessionShare]]:
    """Return the amounts of each ended session in the hours: those of energy, those of cost.

    `marks` are the unposted ones. Sessions that ended before `since`, or are in `tried`, may be
    in the hours although the ledger did not record that.
    """
    energy: list[SessionShare] = []
    cost: list[SessionShare] = []
    for session_id, entry in ledger.sessions.items():
        before, after = entry.posted, marks.get(session_id, entry.posted)
        if after is None:
            continue
        is_ours = after.end > since and session_id not in tried
        old = before.hours() if before else ({}, {})
        new = old if after == before else after.hours()
        for found, was, becomes in zip((energy, cost), old, new, strict=True):
            found.append(SessionShare(was, becomes, before is None, is_ours, after.end))
    return energy, cost


def recount(
    sessions: Sequence[SessionShare],
    present: Mapping[int, int],
    *,
    counted_until: float,
    listed: Listed | None = None,
    uncounted: Mapping[int, int] | None = None,
) -> Recount:
    """Return the hours that have to change.

    The ledger holds all sessions after `counted_until` individually. `present` are the amounts
    in the hours since the first one of `sessions`, `uncounted` the hours of
    `listed.uncounted`.
    """
    boundary = hour_of(counted_until)
    before = _summed(one.before for one in sessions)
    after = _summed(one.after for one in sessions)
    change = _hour_deltas(sessions, present, before, boundary)
    hours: Hours = {}
    unexplained: set[int] = set()
    for hour in present.keys() | before.keys() | after.keys():
        held, known = present.get(hour, 0), after.get(hour, 0)
        if listed and max(listed.first, boundary) <= hour < listed.stop:
            amount = known + (uncounted or {}).get(hour, 0)
        else:
            # At least the sessions of the ledger.
            amount = max(known, held + change.get(hour, 0))
            is_beyond = held > before.get(hour, 0) and held != known
            if is_beyond and hour >= boundary:
                unexplained.add(hour)
        if amount != held:
            hours[hour] = amount
    return Recount(hours, frozenset(unexplained))


def _summed(parts: Iterable[Hours]) -> Hours:
    hours: Hours = {}
    for part in parts:
        add(hours, part)
    return hours


def _hour_deltas(
    sessions: Sequence[SessionShare], present: Mapping[int, int], before: Hours, boundary: int
) -> Hours:
    """Return the amounts to add to hours that may hold more than the ledger explains."""
    change: Hours = {}
    room = {hour: amount - before.get(hour, 0) for hour, amount in present.items()}
    # Older sessions are more likely to be written already.
    for one in sorted(sessions, key=lambda one: one.end):
        if one.before is one.after:
            continue
        parts = dict(one.after)
        add(parts, one.before, -1)
        if not one.is_ours:
            # The hours may hold it already. After the boundary they hold at least the ledger's
            # sessions, so that nothing is added; before it, the room in the hours decides.
            is_there = one.is_new and all(room.get(hour, 0) >= parts[hour] for hour in parts)
            if is_there:
                add(room, parts, -1)
            parts = {
                hour: part
                for hour, part in parts.items()
                if part < 0 or (hour <= boundary and not is_there)
            }
        add(change, parts)
    return change
