"""Polls an account: two requests however many stations there are."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.util import dt as dt_util

from .account.settings import AccountOptions
from .accounting.accounting import Accounting
from .api import (
    EevionAuthenticationError,
    EevionClient,
    EevionError,
    EevionRateLimitError,
    Lane,
    Session,
    Sessions,
    Sites,
)
from .const import (
    CONF_KNOWN_SITES,
    DOMAIN,
    INTERVAL_ACTIVE,
    LOGGER,
)
from .devices import Devices
from .entity_budget import Enabling
from .errors import NoStationsError, poll_error
from .polling.cadence import Cadence
from .polling.key_check import KeyCheck
from .polling.lookups import Lookups
from .snapshot_coordinator import SnapshotCoordinator
from .stations.memory import Memory
from .stations.snapshot import Snapshot
from .stations.station import StationState

# So old may data get while polls fail.
_PATIENCE_S = 180
# So long a station stays that an answer lacks whose rows cannot all be read.
_INCOMPLETE_PATIENCE_S = 90
_PAGE_SIZE = 1000

STATIONS_CHANGED = object()
"""Listener context: stations or sites have come or gone."""


class EevionCoordinator(SnapshotCoordinator):
    """Polls, and decides when."""

    config_entry: ConfigEntry[Any]

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        client: EevionClient,
        accounting: Accounting,
        memory: Memory,
    ) -> None:
        """Prepare; the first refresh fetches."""
        super().__init__(hass, entry, client, accounting, memory)
        self._cadence = Cadence(client.rate_limit)
        self.devices = Devices(hass, entry)
        self.enabling = Enabling(hass, entry)
        self.last_success: datetime | None = None
        self.site_names: dict[str, str] = {}
        self._sites = Sites(sites=(), is_complete=False)
        self._sites_asked = 0
        self._renewing_sites = asyncio.Lock()
        self._sessions: dict[str, Session] = {}
        """The newest list, by session id."""
        self._phases: set[tuple[str, bool]] = set()
        self._answered_at = self._listed_at = self._sites_complete_at = float("-inf")
        self._renewing = asyncio.Lock()
        self._lookups = Lookups()
        self._key_check = KeyCheck(hass, entry, self._async_poll_now)
        client.add_status_listener(self._key_check.async_note_status)
        self._is_looking_up = False

    @property
    def hidden_sites(self) -> AbstractSet[str]:
        """Return the ids of the sites that the key sees and this account does not show."""
        return self.site_names.keys() - self.data.sites.keys()

    @override
    async def _async_refresh(
        self,
        log_failures: bool = True,
        raise_on_auth_failed: bool = False,
        scheduled: bool = False,
        raise_on_entry_error: bool = False,
    ) -> None:
        """Poll, with the sites where a person or a command wants everything to be new.

        Overridden since `_async_update_data` is not given `scheduled`.
        """
        if not scheduled:
            self._cadence.want_sites()
        await super()._async_refresh(
            log_failures, raise_on_auth_failed, scheduled, raise_on_entry_error
        )

    @override
    async def _async_update_data(self) -> Snapshot:
        """Poll; where that fails, keep what is known while it is younger than `_PATIENCE_S`."""
        try:
            # A task of the entry: it may wait for requests, and must not outlive the entry.
            await self.config_entry.async_create_background_task(
                self.hass,
                self._async_poll() if self.last_success else self._async_first_poll(),
                f"{self.name} poll",
            )
        except EevionError as err:
            self._cadence.note_failure()
            self._set_interval()
            if isinstance(err, EevionAuthenticationError) and (
                self.last_success is None or self._key_check.async_is_refused()
            ):
                raise ConfigEntryAuthFailed(
                    translation_domain=DOMAIN, translation_key="invalid_auth"
                ) from err
            remaining_s = self._answered_at + _PATIENCE_S - monotonic()
            if remaining_s <= 0:
                raise poll_error(err) from err
            LOGGER.debug("A poll failed; what is known stays for now: %s", err)
            if isinstance(err, EevionRateLimitError):
                self.update_interval = timedelta(seconds=min(err.retry_after, remaining_s + 1))
        else:
            self._answered_at = monotonic()
            self.last_success = dt_util.utcnow()
            self._cadence.note_answer(self.data.stations)
            self._set_interval()
        return self.data

    async def _async_first_poll(self) -> None:
        """Poll at set-up, where a refused key is tried again at once: nothing else would."""
        try:
            await self._async_poll()
        except EevionAuthenticationError:
            await self._async_poll()

    @callback
    def _async_poll_now(self) -> None:
        self.config_entry.async_create_background_task(
            self.hass, self.async_refresh(), f"{self.name} poll ahead of time"
        )

    async def _async_poll(self) -> None:
        """Take in the sessions and, where they are due or a session begins or ends, the sites.

        What could be fetched is taken in. Raises EevionError where something could not.
        """
        asked = sites_asked = self.mark_request()
        requests: list[Coroutine[Any, Any, Sites | Sessions]] = [
            self.client.list_sessions(page_size=self._page_size)
        ]
        if self._cadence.are_sites_due:
            requests.insert(0, self._async_list_sites(Lane.POLL))
        answers = await asyncio.gather(*requests, return_exceptions=True)
        if (
            len(answers) == 1
            and isinstance(answers[0], Sessions)
            and self._shows_change(answers[0])
        ):
            # A session that begins or ends changes the status of its port at the same moment.
            sites_asked = self.mark_request()
            sites = self._async_list_sites(Lane.POLL)
            answers = [*await asyncio.gather(sites, return_exceptions=True), *answers]
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if not failures or self.last_success:
            for answer in answers:
                if isinstance(answer, Sites):
                    self._async_take_sites(answer, sites_asked)
                elif isinstance(answer, Sessions):
                    self._async_take_sessions(answer, asked)
        if failures:
            raise failures[0]

    async def _async_list_sites(self, lane: Lane) -> Sites:
        """Return the sites; raise EevionError, also where there is no site.

        An account whose stations are all gone is less likely than a passing fault.
        """
        self._cadence.note_sites()
        sites = await self.client.list_sites(lane=lane)
        if not sites.sites:
            raise NoStationsError
        return sites

    @property
    def _page_size(self) -> int:
        """Enough for all sessions in one request, ended ones that linger included."""
        return max(_PAGE_SIZE, 2 * len(self.data.stations))

    def _shows_change(self, sessions: Sessions) -> bool:
        """Whether a list shows that a session has begun or ended."""
        listed = sessions.sessions
        return listed is not self._listed and not _phases(listed) <= self._phases

    def _set_interval(self) -> None:
        self.update_interval = self._cadence.interval(is_active=any(self._assembly.book.active()))

    @callback
    def _async_take_sites(self, sites: Sites, asked: int) -> None:
        """Follow the sites that were requested at the place `asked`, unless newer ones are known.

        The very same ones bring nothing new.
        """
        if asked < self._sites_asked:
            return
        self._sites_asked = asked
        if sites.is_complete:
            self._sites_complete_at = monotonic()
        elif monotonic() - self._sites_complete_at < _INCOMPLETE_PATIENCE_S:
            sites = _filled(sites, self._sites)
        if sites.sites is self._sites.sites and self.devices.is_settled:
            return
        self._sites = sites
        self.site_names = {site.site_id: site.name for site in sites.sites}
        changed = self._assembly.take_sites(
            self.devices.async_admit(sites),
            with_inactive=AccountOptions.of(self.config_entry).with_inactive,
            now=dt_util.utcnow(),
        )
        self.async_note_changes(changed)
        # A station that comes back has lost its session, which the list may hold unchanged.
        self._listed = None
        self.enabling.async_decide(self.data.stations)
        # Stations may have moved, or have other volts and amps.
        self.accounting.async_follow(self.data.stations)
        if self.devices.async_sync(
            self.data.sites, self.data.stations, is_complete=sites.is_complete
        ):
            self.async_note_changes([STATIONS_CHANGED])
            # What is known of sessions may concern the stations that have come.
            self._sessions.clear()
        if self.devices.replaced:
            # The entities of a replaced charger are made again for the new one.
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)
        known = sorted(site.site_id for site in sites.sites)
        if sites.is_complete and known != self.config_entry.data.get(CONF_KNOWN_SITES):
            self.hass.config_entries.async_update_entry(
                self.config_entry, data={**self.config_entry.data, CONF_KNOWN_SITES: known}
            )

    @callback
    def _async_take_sessions(self, sessions: Sessions, asked: int) -> None:
        """Take in a list that was requested at the place `asked`; see to what it lacks."""
        if self._assembly.book.is_list_late(asked):
            return
        self._listed_at = monotonic()
        listed = sessions.sessions
        if listed is self._listed:
            self.async_note_changes(self._assembly.pass_time(now=dt_util.utcnow()))
            return
        before = self._sessions
        changed, missing, older = self._assembly.take_sessions(
            listed, asked=asked, is_complete=sessions.is_complete, now=dt_util.utcnow()
        )
        current = [session for session in listed if session.session_id not in older]
        self._sessions = {session.session_id: session for session in current}
        self._sessions |= {id_: before[id_] for id_ in older & before.keys()}
        self.async_note_changes(changed)
        self._async_take([s for s in current if before.get(s.session_id) is not s])
        self._listed = None if missing or older else listed
        phases, self._phases = self._phases, _phases(current)
        if any(is_active for _, is_active in phases ^ self._phases):
            # The status of the port may follow later than this poll.
            self._cadence.want_sites()
        self._lookups.follow(missing)
        if missing and not self._is_looking_up:
            self.config_entry.async_create_background_task(
                self.hass, self._async_look_up(), "look up sessions"
            )

    async def _async_look_up(self) -> None:
        """Look up sessions that the list lacks: whether they have ended, and how."""
        self._is_looking_up = True
        try:
            await asyncio.gather(
                *(self._async_look_up_one(s) for s in self._lookups.due(monotonic()))
            )
        finally:
            self._is_looking_up = False

    async def _async_look_up_one(self, session: Session) -> None:
        """Look up a session; one that fails holds up no other."""
        try:
            await self.async_fetch_session(session)
        except EevionError as err:
            LOGGER.debug("A session cannot be looked up: %s", err)
            self._lookups.failed(session, monotonic())
        else:
            self._lookups.answered(session, monotonic())

    async def async_renew_sessions(self, *, is_forced: bool = False) -> None:
        """Ask for the sessions ahead of any poll, where the newest list is not of just now.

        What people do at the station or in the app must not be undone by mistake. With
        `is_forced` only a list that is requested from now on will do. Raises EevionError.
        """
        wanted = self.mark_request()
        if is_forced:
            # Those who want it at the same time share one request.
            await asyncio.sleep(0)
        async with self._renewing:
            is_recent = monotonic() - self._listed_at < INTERVAL_ACTIVE.total_seconds()
            if self._assembly.book.is_list_late(wanted) or (is_recent and not is_forced):
                return
            asked = self.mark_request()
            sessions = await self.client.list_sessions(page_size=self._page_size, lane=Lane.CONFIRM)
            self._async_take_sessions(sessions, asked)
            self.async_update_listeners()

    def shared_names(self) -> set[str]:
        """Return the names that several stations have, those of excluded sites included.

        The cloud is given a station by its name (`stationId` is the `displayName`), and could
        not know which of them a command is for.
        """
        names = {
            port.port_id: port.station_id
            for site in self._sites.sites
            for port in site.ports
            if port.is_in_place
        }
        return {name for name, count in Counter(names.values()).items() if count > 1}

    async def async_renew_sites(self) -> None:
        """Ask for the sites ahead of any poll; raises EevionError.

        Those who want them at the same time share one request.
        """
        wanted = self.mark_request()
        async with self._renewing_sites:
            if self._sites_asked < wanted:
                asked = self.mark_request()
                self._async_take_sites(await self._async_list_sites(Lane.CONFIRM), asked)
        self.async_update_listeners()

    @override
    async def _async_before_end(self) -> None:
        """Fetch the sites, so that the status of the port is shown with the session's end."""
        try:
            await self.async_renew_sites()
        except EevionError as err:
            LOGGER.debug("The sites cannot be fetched with the end of a session: %s", err)
            self._cadence.want_sites()

    async def async_follow_command(
        self, port_id: str, is_shown: Callable[[StationState], bool]
    ) -> None:
        """Poll soon, and often until the cloud shows what the command did."""
        self._cadence.expect(port_id, is_shown)
        self._set_interval()
        await self.async_request_refresh()


def _phases(sessions: Iterable[Session]) -> set[tuple[str, bool]]:
    """Return the ids of sessions, and whether they go on: what a port's status goes by."""
    return {(session.session_id, session.is_active) for session in sessions}


def _filled(sites: Sites, known: Sites) -> Sites:
    """Return sites with those sites and ports that an incomplete answer lacks."""
    listed = {port.port_id for site in sites.sites for port in site.ports}
    filled = {site.site_id: site for site in sites.sites}
    for site in known.sites:
        newest = filled.get(site.site_id, replace(site, ports=()))
        absent = (port for port in site.ports if port.port_id not in listed)
        filled[site.site_id] = replace(newest, ports=(*newest.ports, *absent))
    return replace(sites, sites=tuple(filled.values()))
