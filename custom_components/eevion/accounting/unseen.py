"""Which sessions ended while the account was not loaded: nobody saw them end."""

from collections.abc import Mapping

from ..api import Session
from .ledger import LedgerSession, StationLedger


class Meanwhile:
    """Follows the sessions since the start, until all is in that happened before."""

    def __init__(
        self, cursor: float = 0, ledgers: Mapping[str, StationLedger] | None = None
    ) -> None:
        """Begin with the ledgers as they were stored, and the newest change in them."""
        self.ended: dict[str, Session] = {}
        """Those to be announced, by session id."""
        self.is_over = False
        """Whether all changes are in; what comes now for the first time is of the present."""
        self._cursor = cursor
        self._begun = {port for port, a in (ledgers or {}).items() if a.is_begun}
        self._left_open = {
            session_id
            for ledger in (ledgers or {}).values()
            for session_id, entry in ledger.sessions.items()
            if entry.is_open
        }

    def follow(
        self, session: Session, before: LedgerSession | None, after: LedgerSession | None
    ) -> None:
        """Note what an answer about a session made of its entry in the ledger."""
        session_id = session.session_id
        if session.is_active:
            # Its end will be seen.
            self._left_open.discard(session_id)
            return
        if after is None or after.is_open:
            return
        if session_id in self._left_open:
            self._left_open.discard(session_id)
            self.ended[session_id] = session
        elif (
            before is None
            and not self.is_over
            and session.port_id in self._begun
            and (after.over_at or 0) > self._cursor > 0
        ) or session_id in self.ended:
            self.ended[session_id] = session
