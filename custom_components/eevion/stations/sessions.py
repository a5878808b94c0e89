"""Which session each station has, out of answers that are late, partial or stale."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ..api import Session, SessionStatus
from ..const import INTERVAL_IDLE

# Sessions whose newest answer is remembered: stale lists name recent ones.
_REMEMBERED = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)
# Later dates than this are wrong ones, and do not make the answers that follow look old.
_CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(slots=True)
class _Newest:
    """What the newest answer about one session said."""

    is_active: bool
    updated_at: datetime | None
    asked: int
    received: int
    is_end_certain: bool

    def is_repeated_by(self, session: Session) -> bool:
        """Whether an answer says the same, as most do: a date that did not change is one object."""
        return (
            session.updated_at is self.updated_at
            and session.is_active == self.is_active
            and (self.is_active or self.is_end_certain)
        )

    def is_requested_after(self, session: Session, asked: int) -> bool:
        """Whether the place of its request makes an answer the older one."""
        if self.is_active != session.is_active:
            return session.is_active and asked < self.received
        if asked >= self.asked:
            return False
        updated_at = _likely_date(session)
        return not (updated_at and self.updated_at and updated_at > self.updated_at)

    def is_dated_after(self, session: Session) -> bool:
        """Whether its date makes an answer the older one; an end is never too old."""
        if self.is_active and not session.is_active:
            return False
        updated_at = _likely_date(session)
        return bool(updated_at and self.updated_at and updated_at < self.updated_at)


class SessionBook:
    """The present session of each port, or its last one.

    Of two answers about a session the one with the later `updatedAt` counts; without a
    difference, the one that was requested later. An end counts against every answer that was
    requested before the end was known, and is taken back by a later one: no single answer
    ends a session for good. An answer that looks old by its date alone counts once the cloud
    has kept to it for `INTERVAL_IDLE`. A session that goes missing from the list is kept until
    an answer about it says that it ended.
    """

    def __init__(self) -> None:
        """Start with no sessions."""
        self._sessions: dict[str, Session] = {}
        self._listed: set[str] = set()
        self._listed_order = 0
        self._newest: dict[str, _Newest] = {}
        """By session id, the one that changed last at the end."""
        self._disputed: dict[str, datetime] = {}
        """Since when the lists hold rows whose date is too old, by session id."""
        self._disputed_before: dict[str, datetime] = {}
        self._order = 0

    def mark(self) -> int:
        """Return the place of a request in the order of requests and answers."""
        self._order += 1
        return self._order

    def get(self, port_id: str) -> Session | None:
        """Return the active session of a port, else the last one known."""
        return self._sessions.get(port_id)

    def is_listed(self, session: Session | None) -> bool:
        """Whether the newest list held it, so that its connector status is the present one."""
        return session is not None and session.session_id in self._listed

    def active(self) -> Iterator[Session]:
        """Yield the active sessions."""
        return (session for session in self._sessions.values() if session.is_active)

    def is_active(self, session: Session) -> bool:
        """Whether a session goes on, as far as is known."""
        known = self._sessions.get(session.port_id or "")
        return known is not None and known.is_active and known.session_id == session.session_id

    def unconfirmed_end(self, port_id: str) -> Session | None:
        """Return the last session of a port where it may go on, though it counts as ended.

        Its end is certain where a list or the answer to a stop calls it `complete`.
        """
        session = self._sessions.get(port_id)
        if session is None or session.is_active:
            return None
        newest = self._newest.get(session.session_id)
        return None if newest is None or newest.is_end_certain else session

    def is_list_late(self, asked: int) -> bool:
        """Whether a list that was requested later has been taken in already."""
        return asked < self._listed_order

    def update(
        self, listed: Iterable[Session], *, asked: int | None = None, is_complete: bool = True
    ) -> tuple[list[Session], set[str]]:
        """Take in a whole list that was requested at the place `asked` (by default just now).

        Return the active sessions that went missing from it, and the ids of those rows that
        are older than what is known. Where the list is not complete, a session that it lacks
        counts as listed as before.
        """
        order = self.mark() if asked is None else asked
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
            self._take(port_id, session)
        return missing, older

    def apply(self, session: Session, *, asked: int | None = None, is_listed: bool = False) -> bool:
        """Take in the whole answer about one session; return whether it is not an older one.

        `is_listed` is whether a list held it, and not an answer about this session alone.
        """
        order = self.mark() if asked is None else asked
        if self._is_older(session, order, is_certain=is_listed):
            return False
        if session.port_id:
            self._take(session.port_id, session)
        return True

    def apply_partial(self, session: Session, *, asked: int | None = None) -> Session:
        """Take in the partial answer to a start or stop; return the whole of what is known."""
        order = self.mark() if asked is None else asked
        known = self._sessions.get(session.port_id or "")
        is_older = self._is_older(session, order, is_certain=True)
        if known and known.session_id == session.session_id:
            session = known if is_older else known.merged_with(session)
        if session.port_id and not is_older:
            self._take(session.port_id, session)
        return session

    def forget(self, session: Session) -> None:
        """Close a session that the cloud does not know any more."""
        for known in list(self._sessions.values()):
            if known.session_id == session.session_id and known.is_active:
                self.apply(replace(known, status=SessionStatus.COMPLETE))

    def retain(self, port_ids: Iterable[str]) -> None:
        """Drop the sessions of all other ports."""
        keep = set(port_ids)
        self._sessions = {port: s for port, s in self._sessions.items() if port in keep}

    def _take(self, port_id: str, session: Session) -> None:
        known = self._sessions.get(port_id)
        is_same = known is not None and known.session_id == session.session_id
        if is_same or _rank(session) >= _rank(known):
            self._sessions[port_id] = known if known == session else session

    def _is_older(
        self, session: Session, asked: int, *, is_certain: bool, now: datetime | None = None
    ) -> bool:
        """Return whether an answer is older than what is known of its session; keep it if not.

        `now` is the time of a list, whose rows may outlast a newer date.
        """
        newest = self._newest.get(session.session_id)
        if newest and newest.is_repeated_by(session) and asked >= newest.asked:
            newest.asked, newest.received = asked, self.mark()
            return False
        is_end_certain = is_certain and session.status is SessionStatus.COMPLETE
        if newest:
            is_older = newest.is_requested_after(session, asked) or (
                newest.is_dated_after(session)
                and not (now and self._has_lasted(session.session_id, now))
            )
            if not (newest.is_active or session.is_active):
                is_end_certain = newest.is_end_certain = is_end_certain or newest.is_end_certain
            if is_older:
                return True
            del self._newest[session.session_id]
        self._newest[session.session_id] = _Newest(
            session.is_active, _likely_date(session), asked, self.mark(), is_end_certain
        )
        if len(self._newest) > _REMEMBERED:
            del self._newest[next(iter(self._newest))]
        return False

    def _has_lasted(self, session_id: str, now: datetime) -> bool:
        """Return whether lists have kept to a row of an old date for long."""
        since = self._disputed[session_id] = self._disputed_before.get(session_id, now)
        return now - since >= INTERVAL_IDLE


def _likely_date(session: Session) -> datetime | None:
    """Return `updatedAt`; a date in the future is a wrong one."""
    updated_at = session.updated_at
    if updated_at and updated_at > datetime.now(UTC) + _CLOCKS_DIFFER:
        return None
    return updated_at


def _rank(session: Session | None) -> tuple[bool, datetime]:
    """Order sessions of one port: active before ended, then by their begin."""
    if session is None:
        return (False, _NEVER)
    return (session.is_active, session.created_at or session.started_at or _NEVER)
