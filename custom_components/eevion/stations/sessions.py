"""The present session of each port, from answers that may be late, partial or stale."""

from collections.abc import Callable, Iterable, Iterator, Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ..api import Session, SessionStatus
from ..const import INTERVAL_IDLE

# Number of sessions whose newest answer is kept, to recognize stale rows in later lists.
_REMEMBERED = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)
# A date further in the future is wrong, and must not make the following answers look old.
_CLOCKS_DIFFER = timedelta(minutes=2)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Newest:
    """The newest answer about one session."""

    is_active: bool
    updated_at: datetime | None
    sequence: int
    """Of the request."""
    received: int
    """Sequence number of the answer."""
    is_end_certain: bool

    def is_repeated_by(self, session: Session) -> bool:
        """Return whether an answer is the same; an unchanged date is the same object."""
        return (
            session.updated_at is self.updated_at
            and session.is_active == self.is_active
            and (self.is_active or self.is_end_certain)
        )

    def is_requested_after(
        self, session: Session, sequence: int, updated_at: datetime | None
    ) -> bool:
        """Return whether the sequence number of its request makes an answer the older one."""
        if self.is_active != session.is_active:
            return session.is_active and sequence < self.received
        if sequence >= self.sequence:
            return False
        return not (updated_at and self.updated_at and updated_at > self.updated_at)

    def is_dated_after(self, session: Session, updated_at: datetime | None) -> bool:
        """Return whether its `updatedAt` makes an answer the older one; an end never is."""
        if self.is_active and not session.is_active:
            return False
        return bool(updated_at and self.updated_at and updated_at < self.updated_at)


class SessionBook:
    """The active session of each port, else its last one.

    Of two answers about a session the one with the later `updatedAt` counts; with the same
    date, the one that was requested later. An end counts against every answer that was
    requested before the end was received; a later request can reopen the session, so no single
    answer ends a session for good. An answer that is old by its date alone counts once the
    lists have repeated it for `INTERVAL_IDLE`. A session that is missing from the list is kept
    until an answer about that session reports its end.

    Requests and answers have sequence numbers in one order, see `mark`.
    """

    def __init__(self, cloud_now: Callable[[], datetime] = _utc_now) -> None:
        """Initialize without sessions; `cloud_now` returns the time by the cloud's clock."""
        self._cloud_now = cloud_now
        self._sessions: dict[str, Session] = {}
        self._listed: set[str] = set()
        self._listed_order = 0
        self._newest: dict[str, _Newest] = {}
        """By session id; the last changed one comes last."""
        self._disputed: dict[str, datetime] = {}
        """Time since which the lists hold a row with too old a date, by session id."""
        self._disputed_before: dict[str, datetime] = {}
        self._order = 0

    def mark(self) -> int:
        """Return the next sequence number of requests and answers."""
        self._order += 1
        return self._order

    def get(self, port_id: str) -> Session | None:
        """Return the active session of a port, else its last one."""
        return self._sessions.get(port_id)

    def is_listed(self, session: Session | None) -> bool:
        """Return whether the newest list holds a session: then its connector status is current."""
        return session is not None and session.session_id in self._listed

    def active(self) -> Iterator[Session]:
        """Yield the active sessions."""
        return (session for session in self._sessions.values() if session.is_active)

    def is_active(self, session: Session) -> bool:
        """Return whether a session is the active one of its port."""
        known = self._sessions.get(session.port_id or "")
        return known is not None and known.is_active and known.session_id == session.session_id

    def unconfirmed_end(self, port_id: str) -> Session | None:
        """Return the last session of a port where it counts as ended without certainty.

        The end is certain where a list or the answer to a stop reports `complete`.
        """
        session = self._sessions.get(port_id)
        if session is None or session.is_active:
            return None
        newest = self._newest.get(session.session_id)
        return None if newest is None or newest.is_end_certain else session

    def is_list_older(self, sequence: int) -> bool:
        """Return whether a list that was requested later has been applied already."""
        return sequence < self._listed_order

    def update(
        self, listed: Iterable[Session], *, sequence: int | None = None, is_complete: bool = True
    ) -> tuple[list[Session], set[str]]:
        """Apply a whole list; `sequence` is that of its request, by default the next one.

        Returns the active sessions that the list lacks, and the ids of rows that are older than
        the sessions kept here. Where the list is not complete, a session that it lacks counts
        as listed if it was before.
        """
        order = self.mark() if sequence is None else sequence
        self._listed_order = order
        now = datetime.now(UTC)
        self._disputed_before, self._disputed = self._disputed, {}
        before, self._listed = self._listed, set()
        best: dict[str, Session] = {}
        older: set[str] = set()
        for session in listed:
            self._listed.add(session.session_id)
            if self._is_older(session, order, is_certain=True, now=now):
                older.add(session.session_id)
            elif session.port_id and _rank(session) >= _rank(best.get(session.port_id)):
                best[session.port_id] = session
        missing = [s for s in self.active() if s.session_id not in self._listed]
        if not is_complete:
            self._listed |= before
        for port_id, session in best.items():
            self._store(port_id, session)
        return missing, older

    def apply(
        self, session: Session, *, sequence: int | None = None, is_listed: bool = False
    ) -> bool:
        """Apply the whole answer about one session; return False where it is an older one.

        `is_listed` is whether it comes from a list, not from `GET /session/{id}`.
        """
        order = self.mark() if sequence is None else sequence
        if self._is_older(session, order, is_certain=is_listed):
            return False
        if session.port_id:
            self._store(session.port_id, session)
        return True

    def apply_partial(self, session: Session, *, sequence: int | None = None) -> Session:
        """Apply the partial answer to a start or stop; return the whole session."""
        order = self.mark() if sequence is None else sequence
        known = self._sessions.get(session.port_id or "")
        is_older = self._is_older(session, order, is_certain=True)
        if known and known.session_id == session.session_id:
            session = known if is_older else known.merged_with(session)
        if session.port_id and not is_older:
            self._store(session.port_id, session)
        return session

    def forget(self, session: Session) -> None:
        """End a session that the cloud has no record of any more."""
        for known in list(self._sessions.values()):
            if known.session_id == session.session_id and known.is_active:
                self.apply(replace(known, status=SessionStatus.COMPLETE))

    def retain(self, port_ids: AbstractSet[str]) -> None:
        """Drop the sessions of all ports but these."""
        for port_id in self._sessions.keys() - port_ids:
            del self._sessions[port_id]

    def _store(self, port_id: str, session: Session) -> None:
        known = self._sessions.get(port_id)
        if known is session:
            return
        is_same = known is not None and known.session_id == session.session_id
        if is_same or _rank(session) >= _rank(known):
            self._sessions[port_id] = known if known == session else session

    def _is_older(
        self, session: Session, sequence: int, *, is_certain: bool, now: datetime | None = None
    ) -> bool:
        """Return whether an answer is older than the newest one; otherwise keep it as that.

        `now` is the time of a list, see `_has_lasted`.
        """
        newest = self._newest.get(session.session_id)
        if newest and newest.is_repeated_by(session) and sequence >= newest.sequence:
            newest.sequence, newest.received = sequence, self.mark()
            return False
        is_end_certain = is_certain and session.status is SessionStatus.COMPLETE
        updated_at = self._likely_date(session)
        if newest:
            is_older = newest.is_requested_after(session, sequence, updated_at) or (
                newest.is_dated_after(session, updated_at)
                and not (now and self._has_lasted(session.session_id, now))
            )
            if not (newest.is_active or session.is_active):
                is_end_certain = newest.is_end_certain = is_end_certain or newest.is_end_certain
            if is_older:
                return True
            del self._newest[session.session_id]
        self._newest[session.session_id] = _Newest(
            session.is_active, updated_at, sequence, self.mark(), is_end_certain
        )
        if len(self._newest) > _REMEMBERED:
            del self._newest[next(iter(self._newest))]
        return False

    def _likely_date(self, session: Session) -> datetime | None:
        """Return `updatedAt`; None where it is in the future of the cloud, and so wrong."""
        updated_at = session.updated_at
        if updated_at and updated_at > self._cloud_now() + _CLOCKS_DIFFER:
            return None
        return updated_at

    def _has_lasted(self, session_id: str, now: datetime) -> bool:
        """Return whether the lists have repeated a row with an old date for `INTERVAL_IDLE`."""
        since = self._disputed[session_id] = self._disputed_before.get(session_id, now)
        return now - since >= INTERVAL_IDLE


def _rank(session: Session | None) -> tuple[bool, datetime]:
    """Return the sort key of sessions of one port: the active one, then the latest, is greatest."""
    if session is None:
        return (False, _NEVER)
    return (session.is_active, session.created_at or session.started_at or _NEVER)
