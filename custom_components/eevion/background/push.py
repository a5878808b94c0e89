"""Follows the cloud's calls: each makes us look, and is believed never."""

from homeassistant.core import callback

from ..api import EevionError, Session
from ..commands.jobs import Jobs
from ..const import LOGGER
from ..coordinator import EevionCoordinator
from ..polling.timer import EntryTimer
from ..webhook import Hint, HintKind
from .exception_log import ExceptionLog

# A look that brings nothing new may have been asked for by anybody.
_COOLDOWN_S = 10


class Push:
    """Looks at what one account's calls are about, one at a time.

    Only what goes on is looked at. A look that brings nothing new closes the door
    for all hints for a while: forged calls cost one request each time, real ones none.
    """

    def __init__(
        self, coordinator: EevionCoordinator, jobs: Jobs, exceptions: ExceptionLog
    ) -> None:
        """Wait for calls."""
        self._coordinator = coordinator
        self._jobs = jobs
        self._exceptions = exceptions
        self._waiting: dict[Hint, None] = {}
        self._is_looking = False
        self._door = EntryTimer(coordinator.hass, coordinator.config_entry, self._async_start)

    @callback
    def async_take(self, hint: Hint) -> None:
        """Look at what a call is about: now, or once the door is open again."""
        if not self._is_open(hint):
            return
        self._waiting[hint] = None
        if not (self._is_looking or self._door.is_set):
            self._async_start()

    @callback
    def _async_start(self) -> None:
        self._is_looking = True
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_look(), "follow hints"
        )

    async def _async_look(self) -> None:
        try:
            while self._waiting:
                hint = next(iter(self._waiting))
                del self._waiting[hint]
                if not await self._async_brings_news(hint):
                    self._door.async_set(_COOLDOWN_S)
                    return
        finally:
            self._is_looking = False

    def _is_open(self, hint: Hint) -> bool:
        """Whether there is something that may have changed."""
        if hint.kind is HintKind.SESSION:
            return self._session(hint.id) is not None
        return hint.kind is not HintKind.JOB or self._jobs.is_open(hint.id)

    def _session(self, session_id: str) -> Session | None:
        stations = self._coordinator.data.stations.values()
        sessions = (station.active_session for station in stations)
        return next((s for s in sessions if s and s.session_id == session_id), None)

    async def _async_brings_news(self, hint: Hint) -> bool:
        """Look at something; what is over meanwhile is no reason to close the door."""
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
            LOGGER.debug("The hint could not be followed: %s", err)
            return False
        return True

    async def _async_has_ended(self, session: Session) -> bool:
        """Ask for a session; where it has ended, the station's status has changed as well."""
        newest = await self._coordinator.async_fetch_session(session)
        if newest and newest.is_active:
            return False
        await self._coordinator.async_request_refresh()
        return True
