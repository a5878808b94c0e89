"""Polls an account: two requests however many stations there are."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import UpdateFailed
from homeassistant.util import dt as dt_util

from .account_settings import AccountOptions
from .accounting import Accounting
from .api import (
    EevionClient,
    EevionError,
    EevionRateLimitError,
    Lane,
    RateLimit,
    Session,
    Sessions,
    Sites,
)
from .cadence import Cadence
from .const import (
    CONF_KNOWN_SITES,
    DOMAIN,
    INTERVAL_ACTIVE,
    LOGGER,
)
from .devices import Devices
from .enabling import Enabling
from .errors import poll_error
from .lookups import Lookups
from .memory import Memory
from .snapshot import Snapshot
from .snapshot_coordinator import SnapshotCoordinator
from .station import StationState

if TYPE_CHECKING:
    from .control import Control
    from .history import History
    from .jobs import Jobs
    from .webhook import Webhook

# So old may data get while another program uses up the key's requests.
_PATIENCE_S = 180
_PAGE_SIZE = 1000

STATIONS_CHANGED = object()
"""Listener context: stations or sites have come or gone."""


@dataclass(frozen=True, slots=True)
class EevionData:
    """What runs for one account."""

    coordinator: EevionCoordinator
    control: Control
    jobs: Jobs
    memory: Memory
    rate_limit: RateLimit
    webhook: Webhook
    history: History | None = None
    """None without the recorder."""


type EevionConfigEntry = ConfigEntry[EevionData]


class EevionCoordinator(SnapshotCoordinator):
    """Polls, and decides when."""

    config_entry: EevionConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: EevionConfigEntry,
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
        self._sessions: dict[str, Session] = {}
        """The newest list, by session id."""
        self._listed_at = float("-inf")
        self._renewing = asyncio.Lock()
        self._lookups = Lookups()
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
        """Poll; whoever asks for it wants everything to be new."""
        if not scheduled:
            self._cadence.want_sites()
        await super()._async_refresh(
            log_failures, raise_on_auth_failed, scheduled, raise_on_entry_error
        )

    @override
    async def _async_update_data(self) -> Snapshot:
        """Fetch sessions and, where they are due, sites; half an answer tells lies."""
        if with_sites := self._cadence.are_sites_due:
            self._cadence.note_sites()
        try:
            # A task of the entry: it may wait for requests, and must not outlive the entry.
            asked = self.mark_request()
            sites, sessions = await self.config_entry.async_create_background_task(
                self.hass, self._async_fetch(with_sites=with_sites), f"{self.name} poll"
            )
        except EevionRateLimitError as err:
            if not self._is_fresh():
                raise self._failed(err) from err
            LOGGER.debug("No requests left; what is known stays for now")
            self._cadence.want_sites()
            self._retry_after = err.retry_after
            return self.data
        except EevionError as err:
            raise self._failed(err) from err
        if not sites.sites:
            # An account whose stations are all gone is less likely than a passing fault.
            self._cadence.note_failure()
            self._set_interval()
            raise UpdateFailed(translation_domain=DOMAIN, translation_key="no_stations")
        self.last_success = dt_util.utcnow()
        if with_sites:
            self._async_take_sites(sites)
        self._async_take_sessions(sessions, asked)
        self._cadence.note_answer(self.data.stations)
        self._set_interval()
        return self.data

    async def _async_fetch(self, *, with_sites: bool) -> tuple[Sites, Sessions]:
        sessions = self.client.list_sessions(page_size=self._page_size)
        if not with_sites:
            return self._sites, await sessions
        return await asyncio.gather(self.client.list_sites(), sessions)

    @property
    def _page_size(self) -> int:
        """Enough for all sessions in one request, ended ones that linger included."""
        return max(_PAGE_SIZE, 2 * len(self.data.stations))

    def _is_fresh(self) -> bool:
        if self.last_success is None:
            return False
        return (dt_util.utcnow() - self.last_success).total_seconds() < _PATIENCE_S

    def _failed(self, err: EevionError) -> ConfigEntryAuthFailed | UpdateFailed:
        self._cadence.note_failure()
        self._set_interval()
        return poll_error(err)

    def _set_interval(self) -> None:
        self.update_interval = self._cadence.interval(is_active=any(self._assembly.book.active()))

    @callback
    def _async_take_sites(self, sites: Sites) -> None:
        """Follow the sites; the very same ones tell nothing new."""
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
        if _active_ids(before) != _active_ids(self._sessions):
            # A session that begins or ends changes the status of its port.
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
        """Ask for the sites ahead of any poll; raises EevionError."""
        async with self._renewing:
            self._async_take_sites(await self.client.list_sites(lane=Lane.CONFIRM))
            self.async_update_listeners()

    async def async_follow_command(
        self, port_id: str, is_shown: Callable[[StationState], bool]
    ) -> None:
        """Poll soon, and often until the cloud shows what the command did."""
        self._cadence.expect(port_id, is_shown)
        self._set_interval()
        await self.async_request_refresh()


def _active_ids(sessions: Mapping[str, Session]) -> set[str]:
    return {session_id for session_id, session in sessions.items() if session.is_active}
