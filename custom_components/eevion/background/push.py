"""Webhook calls of the cloud: each triggers a check of the cloud; its content is not used."""

from homeassistant.core import callback

from ..api import EevionError, Session
from ..commands import Jobs
from ..const import LOGGER
from ..coordinator import EevionCoordinator
from ..polling import EntryTimer
from ..webhook import Hint, HintKind
from .exception_log import ExceptionLog

# Pause after a check without a change: anybody can call the webhook.
_COOLDOWN_S = 10


class Push:
    """Checks the subjects of one account's webhook calls, one at a time.

    Only active sessions, open jobs and exceptions are checked. A check without a change delays
    all others, so that forged calls cost at most one request in `_COOLDOWN_S`.
    """

    def __init__(
        self, coordinator: EevionCoordinator, jobs: Jobs, exceptions: ExceptionLog
    ) -> None:
        """Initialize without hints."""
        self._coordinator = coordinator
        self._jobs = jobs
        self._exceptions = exceptions
        self._waiting: dict[Hint, None] = {}
        self._is_checking = False
        self._cooldown = EntryTimer(coordinator.hass, coordinator.config_entry, self._async_start)

    @callback
    def async_process(self, hint: Hint) -> None:
        """Check the subject of a call now, or after the cooldown."""
        if not self._is_open(hint):
            return
        self._waiting[hint] = None
        if not (self._is_checking or self._cooldown.is_set):
            self._async_start()

    @callback
    def _async_start(self) -> None:
        self._is_checking = True
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_check_hints(), "follow hints"
        )

    async def _async_check_hints(self) -> None:
        try:
            while self._waiting:
                hint = next(iter(self._waiting))
                del self._waiting[hint]
                if not await self._async_check(hint):
                    self._cooldown.async_set(_COOLDOWN_S)
                    return
        finally:
            self._is_checking = False

    def _is_open(self, hint: Hint) -> bool:
        """Return whether the subject of a hint can have changed."""
        if hint.kind is HintKind.SESSION:
            return self._session(hint.id) is not None
        return hint.kind is not HintKind.JOB or self._jobs.is_open(hint.id)

    def _session(self, session_id: str) -> Session | None:
        stations = self._coordinator.data.stations.values()
        sessions = (station.active_session for station in stations)
        return next((s for s in sessions if s and s.session_id == session_id), None)

    async def _async_check(self, hint: Hint) -> bool:
        """Check a subject; return whether it changed, or was not open any more."""
        LOGGER.debug("The cloud hints at: %s", hint.kind)
        try:
            match hint.kind:
                case HintKind.SESSION if session := self._session(hint.id):
                    return await self._async_has_ended(session)
                case HintKind.JOB if self._jobs.is_open(hint.id):
                    await self._jobs.async_check()
                    return not self._jobs.is_open(hint.id)
                case HintKind.EXCEPTIONS:
                    return await self._exceptions.async_read()
        except EevionError as err:
            LOGGER.debug("The check for a hint failed: %s", err)
            return False
        return True

    async def _async_has_ended(self, session: Session) -> bool:
        """Fetch a session; after its end the status of the port is fetched as well."""
        newest = await self._coordinator.async_fetch_session(session)
        if newest and newest.is_active:
            return False
        await self._coordinator.async_request_refresh()
        return True
