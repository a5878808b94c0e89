"""When sessions that the list lacks are looked up one by one."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..api import Session
from ..const import INTERVAL_ACTIVE, INTERVAL_IDLE

# So many look-ups at once.
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
    """The sessions to look up; one whose look-up fails waits longer each time."""

    def __init__(self) -> None:
        """Start with nothing to look up."""
        self._lookups: dict[str, _Lookup] = {}

    def follow(self, missing: Iterable[Session]) -> None:
        """Follow a list: the active sessions that it lacks."""
        self._lookups = {
            session.session_id: self._lookups.get(session.session_id) or _Lookup(session)
            for session in missing
        }

    def due(self, now: float) -> list[Session]:
        """Return the sessions to look up now, those that have not failed before others."""
        due = [lookup for lookup in self._lookups.values() if lookup.due_at <= now]
        due.sort(key=lambda lookup: lookup.pause_s)
        return [lookup.session for lookup in due[:_MOST]]

    def answered(self, session: Session, now: float) -> None:
        """Note that the cloud answered: if the session goes on, it is looked up again later."""
        if lookup := self._lookups.get(session.session_id):
            lookup.due_at = now + INTERVAL_IDLE.total_seconds()
            lookup.pause_s = _FIRST_PAUSE_S

    def failed(self, session: Session, now: float) -> None:
        """Note that a look-up failed: the next one comes after a pause twice as long."""
        if lookup := self._lookups.get(session.session_id):
            lookup.due_at = now + lookup.pause_s
            lookup.pause_s = min(2 * lookup.pause_s, _LONGEST_PAUSE_S)
