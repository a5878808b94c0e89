"""What the hours of a station should hold of its sessions.

A pure function of the ledger, of the hours that the recorder holds, and of what the cloud
lists where the two contradict each other. Written again, the same hours change nothing: a
crash, or files and a database of different ages, count nothing twice and lose nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from ..accounting.hours import HOUR_S, Hours, add, hour_of
from ..accounting.ledger import LedgerSession, StationLedger
from ..accounting.posted import CLOCKS_DIFFER_S, Posted


class SessionShare(NamedTuple):
    """What one session adds to the hours of one statistic."""

    before: Hours
    """What the hours should hold of it already, by the ledger."""
    after: Hours
    is_new: bool
    """Whether the ledger does not know of anything in the hours."""
    is_ours: bool
    """Whether it ended since this start: no hour can hold it unless the ledger knows."""
    end: float


@dataclass(slots=True)
class Listed:
    """What the cloud lists of a station where recorder and ledger contradict each other."""

    first: int
    """All sessions of this hour and of later ones are listed."""
    stop: int
    """A session that goes on may be in this hour and in later ones."""
    uncounted: list[Posted] = field(default_factory=list)
    """Sessions that the ledger does not hold one by one."""

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
        cls, ledger: StationLedger, told: Mapping[str, LedgerSession], *, first: float, now: float
    ) -> Self:
        """Return what an answer lists of a station: its sessions since `first`, by session id."""
        moments = (
            min(filter(None, (entry.created, entry.start, now)))
            for entry in ledger.sessions.values()
            if entry.is_open
        )
        uncounted = [
            entry.as_posted(ledger.cost_currency, now)
            for session_id, entry in told.items()
            if session_id not in ledger.sessions and not entry.is_open
        ]
        return cls(hour_of(first), hour_of(min(moments, default=now + HOUR_S)), uncounted)


def lists_past_since(told: Iterable[LedgerSession], now: float) -> float | None:
    """Return since when a list holds sessions that are over; None where it may hold none.

    `told` are those that the list of all active sessions lacks: that one may hold some
    that ended just now.
    """
    over = (entry.over_at for entry in told)
    return min((at for at in over if at and at < now - CLOCKS_DIFFER_S), default=None)


class Recount(NamedTuple):
    """The hours of one statistic."""

    hours: Hours
    """Those that should hold another amount than they do."""
    unexplained: frozenset[int]
    """Those that hold more than the ledger can explain; the cloud may know."""


def unposted(ledger: StationLedger, now: float) -> dict[str, Posted]:
    """Return what the hours should hold of sessions and do not, by session id."""
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
    """Return what each session that is over adds to the hours: of energy, of cost.

    `marks` are the unposted ones; what ended before `since`, or was `tried` to be written,
    may be in the hours without the ledger's knowledge.
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
    """Return the hours that should change.

    All sessions of hours after `counted_until` are in the ledger one by one. `present` is
    what the hours hold from the first one of `sessions` on, `uncounted` the hours of
    `listed.uncounted`.
    """
    boundary = hour_of(counted_until)
    before = _summed(one.before for one in sessions)
    after = _summed(one.after for one in sessions)
    change = _change(sessions, present, before, boundary)
    hours: Hours = {}
    unexplained: set[int] = set()
    for hour in present.keys() | before.keys() | after.keys():
        held, known = present.get(hour, 0), after.get(hour, 0)
        if listed and max(listed.first, boundary) <= hour < listed.stop:
            amount = known + (uncounted or {}).get(hour, 0)
        else:
            # What the ledger knows is there at least.
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


def _change(
    sessions: Sequence[SessionShare], present: Mapping[int, int], before: Hours, boundary: int
) -> Hours:
    """Return what is to be added to hours that may hold more than the ledger knows."""
    change: Hours = {}
    room = {hour: amount - before.get(hour, 0) for hour, amount in present.items()}
    # The older a session is, the likelier it was written.
    for one in sorted(sessions, key=lambda one: one.end):
        if one.before is one.after:
            continue
        parts = dict(one.after)
        add(parts, one.before, -1)
        if not one.is_ours:
            # The hours may hold it already. Later than the boundary they hold the ledger's
            # sessions at least, so that nothing needs to be added; before it, it is looked for.
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


def mark_posted(ledger: StationLedger, marks: Mapping[str, Posted], hours: Iterable[int]) -> None:
    """Note that the hours hold the marks, and which of them were changed."""
    ledger.uncosted.update(hours)
    for session_id, mark in marks.items():
        if entry := ledger.sessions.get(session_id):
            for posted in filter(None, (entry.posted, mark)):
                if posted.energy:
                    ledger.uncosted |= posted.edges
            entry.posted = mark
    ledger.has_posted = True
