"""When sessions that the list lacks are looked up one by one (`GET /session/{id}`)."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..api import Session
from ..const import INTERVAL_ACTIVE, INTERVAL_IDLE

# Number of look-ups at a time.
_MOST = 5
_FIRST_PAUSE_S = INTERVAL_ACTIVE.total_seconds()
_LONGEST_PAUSE_S = 1800.0


@dataclass(slots=True)
class _Lookup:
    session: Session
    due_at: float = 0
    """Monotonic, in seconds."""
    pause_s: float = _FIRST_PAUSE_S


class Lookups:
    """The sessions to look up; the pause after a failed look-up doubles each time."""

    def __init__(self) -> None:
        """Initialize without sessions."""
        self._lookups: dict[str, _Lookup] = {}

    def update(self, missing: Iterable[Session]) -> None:
        """Set the active sessions that the newest list lacks."""
        self._lookups = {
            session.session_id: self._lookups.get(session.session_id) or _Lookup(session)
            for session in missing
        }

    def due(self, now: float) -> list[Session]:
        """Return the sessions due at `now` (monotonic, in seconds); those that failed come last."""
        due = [lookup for lookup in self._lookups.values() if lookup.due_at <= now]
        due.sort(key=lambda lookup: lookup.pause_s)
        return [lookup.session for lookup in due[:_MOST]]

    def mark_answered(self, session: Session, now: float) -> None:
        """Mark a look-up as answered: if the session is still active, it is repeated later."""
        if lookup := self._lookups.get(session.session_id):
            lookup.due_at = now + INTERVAL_IDLE.total_seconds()
            lookup.pause_s = _FIRST_PAUSE_S

    def mark_failed(self, session: Session, now: float) -> None:
        """Mark a look-up as failed: the next pause is twice as long."""
        if lookup := self._lookups.get(session.session_id):
            lookup.due_at = now + lookup.pause_s
            lookup.pause_s = min(2 * lookup.pause_s, _LONGEST_PAUSE_S)
