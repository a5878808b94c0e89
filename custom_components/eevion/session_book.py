"""Which session each station has, out of answers that are late, partial or stale."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from .api import Session, SessionStatus

# Ended sessions by id: lists that are late name recent ones.
_REMEMBERED = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)


class SessionBook:
    """The present session of each port, or its last one.

    A session that is complete stays so: a list that was asked for before a stop
    may still call it charging. A session that goes missing from the list is kept
    until the cloud itself says that it ended.
    """

    def __init__(self) -> None:
        """Start with no sessions."""
        self._sessions: dict[str, Session] = {}
        self._listed: set[str] = set()
        self._ended: dict[str, None] = {}

    def get(self, port_id: str) -> Session | None:
        """Return the active session of a port, else the last one known."""
        return self._sessions.get(port_id)

    def is_listed(self, session: Session | None) -> bool:
        """Whether the newest list held it, so that its connector status is the present one."""
        return session is not None and session.session_id in self._listed

    def active(self) -> Iterator[Session]:
        """Yield the active sessions."""
        return (session for session in self._sessions.values() if session.is_active)

    def update(self, listed: Iterable[Session]) -> list[Session]:
        """Take in a whole list; return the active sessions that went missing from it."""
        best: dict[str, Session] = {}
        self._listed = set()
        for session in listed:
            self._listed.add(session.session_id)
            if self._is_late(session):
                continue
            if session.port_id and _rank(session) >= _rank(best.get(session.port_id)):
                best[session.port_id] = session
        missing = [s for s in self.active() if s.session_id not in self._listed]
        for port_id, session in best.items():
            self._take(port_id, session)
        return missing

    def apply(self, session: Session) -> None:
        """Take in the whole answer about one session."""
        if session.port_id:
            self._take(session.port_id, session)

    def apply_partial(self, session: Session) -> Session:
        """Take in the partial answer to a start or stop; return the whole of what is known."""
        known = self._sessions.get(session.port_id or "")
        if known and known.session_id == session.session_id:
            session = known if self._is_late(session) else known.merged_with(session)
        if session.port_id:
            self._take(session.port_id, session)
        return session

    def forget(self, session: Session) -> None:
        """Close a session that the cloud does not know any more."""
        for port_id, known in list(self._sessions.items()):
            if known.session_id == session.session_id:
                self._take(port_id, replace(known, status=SessionStatus.COMPLETE))

    def retain(self, port_ids: Iterable[str]) -> None:
        """Drop the sessions of all other ports."""
        keep = set(port_ids)
        self._sessions = {port: s for port, s in self._sessions.items() if port in keep}

    def _take(self, port_id: str, session: Session) -> None:
        if self._is_late(session):
            return
        known = self._sessions.get(port_id)
        is_same = known is not None and known.session_id == session.session_id
        if is_same or _rank(session) >= _rank(known):
            self._sessions[port_id] = known if known == session else session

    def _is_late(self, session: Session) -> bool:
        """Tell whether an answer calls a session active that is known to have ended."""
        if session.is_active:
            return session.session_id in self._ended
        self._ended.pop(session.session_id, None)
        self._ended[session.session_id] = None
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]
        return False


def _rank(session: Session | None) -> tuple[bool, datetime]:
    """Order sessions of one port: active before ended, then by their begin."""
    if session is None:
        return (False, _NEVER)
    return (session.is_active, session.created_at or session.started_at or _NEVER)
