"""Limits at which the cloud ends a session: how much is used, how much is left."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..api import Session, SessionLimit


def elapsed_s(session: Session, now: datetime | None = None) -> float | None:
    """Return the duration in seconds; lists report 0 for many active sessions.

    Without any duration or later time of the cloud an active session lasts until `now`, if that
    is given; an ended one has no other duration than the reported one. It is never negative: the
    clock of a station may be wrong.
    """
    if session.duration_s or session.started_at is None:
        return session.duration_s
    until = session.ended_at or session.updated_at
    if until is None or (until <= session.started_at and not session.ended_at):
        if now is None or not session.is_active:
            return session.duration_s
        until = max(now, session.started_at)
    return max(0.0, (until - session.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class _Kind:
    unit_fn: Callable[[Session], str | None]
    used_fn: Callable[[Session, datetime | None], float | None]


# `sessionTime` is documented with its unit, `sessionCost` by name; the others are announced. The
# limit is one of the session's own value, so it has the unit of that.
_KINDS: Mapping[str, _Kind] = {
    "sessiontime": _Kind(lambda _: "s", elapsed_s),
    "sessioncost": _Kind(lambda session: session.currency, lambda session, _: session.cost),
    "sessionenergy": _Kind(lambda _: "Wh", lambda session, _: session.energy_wh),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """A limit of a session and what the session has used of it."""

    limit: SessionLimit
    unit: str | None
    """`s`, `Wh`, a currency, or None for a kind of limit that is not known."""
    used: float | None

    @property
    def left(self) -> float | None:
        """Return what is left, in the unit of the limit; None where that is not known."""
        if self.used is None or not self._is_real:
            return None
        return round(max(0.0, self.limit.value - self.used), 6)

    @property
    def is_reached(self) -> bool:
        """Whether the session has used all of it."""
        return self.left == 0

    @property
    def _is_real(self) -> bool:
        """Whether it is a limit: a value of 0 is none, as elsewhere in the cloud."""
        return self.limit.value > 0


def limit_uses(session: Session, now: datetime | None = None) -> list[LimitUse]:
    """Return the use of each limit; see `elapsed_s` for `now`."""
    uses: list[LimitUse] = []
    for limit in session.limits or ():
        kind = _KINDS.get(limit.type.casefold())
        uses.append(
            LimitUse(
                limit=limit,
                unit=kind.unit_fn(session) if kind else None,
                used=kind.used_fn(session, now) if kind else None,
            )
        )
    return uses


def reached_limits(session: Session) -> list[SessionLimit]:
    """Return the limits that the session has reached by the data of the cloud alone."""
    return [use.limit for use in limit_uses(session) if use.is_reached]
