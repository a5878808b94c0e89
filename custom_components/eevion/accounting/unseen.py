"""The sessions that ended while the entry was not loaded."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ..api import Session
from .ledger import LedgerSession, StationLedger


class Meanwhile:
    """Finds them among the sessions that are applied after the start."""

    def __init__(
        self, cursor: float = 0, ledgers: Mapping[str, StationLedger] | None = None
    ) -> None:
        """Initialize with the stored ledgers and the cursor, see `Accounting.cursor`."""
        self.ended: dict[str, Session] = {}
        """The sessions to announce, by session id."""
        self._is_over = False
        self._cursor = cursor
        self._begun = {port_id for port_id, ledger in (ledgers or {}).items() if ledger.is_begun}
        self._left_open = {
            session_id
            for ledger in (ledgers or {}).values()
            for session_id, entry in ledger.sessions.items()
            if entry.is_open
        }

    def end(self) -> None:
        """Mark all earlier changes as applied: later new sessions are present ones."""
        self._is_over = True

    def mark_announced(self) -> list[Session]:
        """Return the sessions to announce, in the order of their ends, and forget them."""
        ended, self.ended = self.ended, {}
        return sorted(ended.values(), key=lambda s: s.ended_at or datetime.now(UTC))

    def update(
        self, session: Session, before: LedgerSession | None, after: LedgerSession | None
    ) -> None:
        """Process an answer about a session; its ledger entry was `before` and is `after`."""
        session_id = session.session_id
        if session.is_active:
            # Its end will be polled.
            self._left_open.discard(session_id)
            return
        if after is None or after.is_open:
            return
        if session_id in self._left_open:
            self._left_open.discard(session_id)
            self.ended[session_id] = session
        elif (
            before is None
            and not self._is_over
            and session.port_id in self._begun
            and (after.over_at or 0) > self._cursor > 0
        ) or session_id in self.ended:
            self.ended[session_id] = session
