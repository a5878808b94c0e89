"""Polls an account: two requests however many stations there are."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence, Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, cast, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from .account.settings import AccountOptions
from .accounting.accounting import Accounting
from .api import (
    ChargingLimit,
    EevionAuthenticationError,
    EevionClient,
    EevionError,
    EevionNotFoundError,
    EevionRateLimitError,
    Job,
    Lane,
    Session,
    Sessions,
    Sites,
    StationException,
)
from .const import (
    CONF_KNOWN_SITES,
    DOMAIN,
    EVENT_SESSION,
    INTERVAL_ACTIVE,
    INTERVAL_IDLE,
    LOGGER,
    signal,
)
from .devices import Devices
from .entity_budget import EntityBudget
from .errors import NoStationsError, poll_error
from .polling.cadence import Cadence
from .polling.key_check import KeyCheck
from .polling.listeners import SelectiveCoordinator
from .polling.lookups import Lookups
from .stations.memory import StationMemory
from .stations.serialize import session_event
from .stations.settings import StationSettings
from .stations.snapshot import Assembly, Snapshot
from .stations.station import StationState, Totals

# So old may data get while polls fail.
_STALE_AFTER_S = 180
_LEAST_PAUSE_S = 1
# So long a station stays that an answer lacks whose rows cannot all be read.
_KEEP_ABSENT_S = 90
_PAGE_SIZE = 1000

STATIONS_CHANGED = object()
"""Listener context: stations or sites have come or gone."""


class EevionCoordinator(SelectiveCoordinator[Snapshot]):
    """Polls, decides when, and keeps the newest snapshot.

    Listener contexts are station and site ids.
    """

    config_entry: ConfigEntry[Any]

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        client: EevionClient,
        accounting: Accounting,
        memory: StationMemory,
    ) -> None:
        """Start with an empty snapshot; the first refresh fetches."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{DOMAIN} account {entry.entry_id}",
            update_interval=INTERVAL_IDLE,
            request_refresh_debouncer=Debouncer(hass, LOGGER, cooldown=1, immediate=False),
        )
        self.client = client
        self.accounting = accounting
        accounting.on_written = self._async_set_totals
        accounting.on_ended = self._async_fire_ended
        self._memory = memory
        self._assembly = Assembly()
        self._listed: Sequence[Session] | None = None
        """The newest list where nothing has come between; the same one tells nothing new."""
        self.data = self._assembly.snapshot
        self._cadence = Cadence(client.rate_limit)
        self.devices = Devices(hass, entry)
        self.entity_budget = EntityBudget(hass, entry)
        self.last_success: datetime | None = None
        self.site_names: dict[str, str] = {}
        self._sites = Sites(sites=(), is_complete=False)
        self._sites_sequence = 0
        self._sites_lock = asyncio.Lock()
        self._sessions: dict[str, Session] = {}
        """The newest list, by session id."""
        self._phases: set[tuple[str, bool]] = set()
        self._answered_at = self._listed_at = self._sites_complete_at = float("-inf")
        self._sessions_lock = asyncio.Lock()
        self._lookups = Lookups()
        self._key_check = KeyCheck(hass, entry, self._async_poll_now)
        client.add_status_listener(self._key_check.async_apply_status)
        self._is_looking_up = False

    @property
    def hidden_sites(self) -> AbstractSet[str]:
        """Return the ids of the sites that the key sees and this account does not show."""
        return self.site_names.keys() - self.data.sites.keys()

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

    def active_session_ids(self) -> set[str]:
        """Return the ids of the sessions that the newest poll saw going on."""
        book = self._assembly.book
        return {s.session_id for s in book.active() if book.is_listed(s)}

    def is_listed(self, session: Session) -> bool:
        """Return whether the list of the newest poll held a session."""
        return self._assembly.book.is_listed(session)

    @override
    def subject(self, subject_id: object) -> StationState | Snapshot | None:
        """Return a station's state, and for a site's id the snapshot."""
        data = self.data
        if state := data.stations.get(subject_id):  # type: ignore[call-overload]
            return cast("StationState", state)
        return data if subject_id in data.sites else None

    # Polls

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
            self._cadence.request_sites()
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
            self._cadence.mark_failure()
            self._set_interval()
            if isinstance(err, EevionAuthenticationError) and (
                self.last_success is None or self._key_check.async_is_refused()
            ):
                raise ConfigEntryAuthFailed(
                    translation_domain=DOMAIN, translation_key="invalid_auth"
                ) from err
            remaining_s = self._answered_at + _STALE_AFTER_S - monotonic()
            if remaining_s <= 0:
                raise poll_error(err) from err
            LOGGER.debug("A poll failed; what is known stays for now: %s", err)
            if isinstance(err, EevionRateLimitError):
                # Without any interval there would be no next poll.
                wait_s = max(min(err.retry_after, remaining_s + 1), _LEAST_PAUSE_S)
                self.update_interval = timedelta(seconds=wait_s)
        else:
            self._answered_at = monotonic()
            self.last_success = dt_util.utcnow()
            self._cadence.mark_success(self.data.stations)
            self._set_interval()
        return self.data

    async def _async_first_poll(self) -> None:
        """Poll at set-up, where a refused key is tried again at once: nothing else would."""
        try:
            await self._async_poll()
        except EevionAuthenticationError:
            await self._async_poll()

    async def _async_poll(self) -> None:
        """Take in the sessions and, where they are due or a session begins or ends, the sites.

        What could be fetched is taken in. Raises EevionError where something could not.
        """
        sequence = sites_sequence = self.mark_request()
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
            sites_sequence = self.mark_request()
            sites = self._async_list_sites(Lane.POLL)
            answers = [*await asyncio.gather(sites, return_exceptions=True), *answers]
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if not failures or self.last_success:
            for answer in answers:
                if isinstance(answer, Sites):
                    self._async_apply_sites(answer, sites_sequence)
                elif isinstance(answer, Sessions):
                    self._async_apply_sessions(answer, sequence)
        if failures:
            raise failures[0]

    def _shows_change(self, sessions: Sessions) -> bool:
        """Whether a list shows that a session has begun or ended."""
        listed = sessions.sessions
        return listed is not self._listed and not _phases(listed) <= self._phases

    @property
    def _page_size(self) -> int:
        """Enough for all sessions in one request, ended ones that linger included."""
        return max(_PAGE_SIZE, 2 * len(self.data.stations))

    def _set_interval(self) -> None:
        self.update_interval = self._cadence.interval(is_active=any(self._assembly.book.active()))

    @callback
    def _async_poll_now(self) -> None:
        self.config_entry.async_create_background_task(
            self.hass, self.async_refresh(), f"{self.name} poll ahead of time"
        )

    # Sites (`GET /site`)

    async def async_refresh_sites(self) -> None:
        """Ask for the sites ahead of any poll; raises EevionError.

        Those who want them at the same time share one request.
        """
        wanted = self.mark_request()
        async with self._sites_lock:
            if self._sites_sequence < wanted:
                sequence = self.mark_request()
                self._async_apply_sites(await self._async_list_sites(Lane.CONFIRM), sequence)
        self.async_update_listeners()

    async def _async_list_sites(self, lane: Lane) -> Sites:
        """Return the sites; raise EevionError, also where there is no site.

        An account whose stations are all gone is less likely than a passing fault.
        """
        self._cadence.mark_sites_requested()
        sites = await self.client.list_sites(lane=lane)
        if not sites.sites:
            raise NoStationsError
        return sites

    @callback
    def _async_apply_sites(self, sites: Sites, sequence: int) -> None:
        """Follow the sites that were requested at the place `asked`, unless newer ones are known.

        The very same ones bring nothing new.
        """
        if sequence < self._sites_sequence:
            return
        self._sites_sequence = sequence
        if sites.is_complete:
            self._sites_complete_at = monotonic()
        elif monotonic() - self._sites_complete_at < _KEEP_ABSENT_S:
            sites = _filled(sites, self._sites)
        if sites.sites is self._sites.sites and self.devices.is_settled:
            return
        self._sites = sites
        self.site_names = {site.site_id: site.name for site in sites.sites}
        changed = self._assembly.apply_sites(
            self.devices.async_admit(sites),
            with_inactive=AccountOptions.of(self.config_entry).with_inactive,
            now=dt_util.utcnow(),
        )
        self.async_mark_changed(changed)
        # A station that comes back has lost its session, which the list may hold unchanged.
        self._listed = None
        self.entity_budget.async_decide(self.data.stations)
        # Stations may have moved, or have other volts and amps.
        self.accounting.async_follow(self.data.stations)
        if self.devices.async_sync(
            self.data.sites, self.data.stations, is_complete=sites.is_complete
        ):
            self.async_mark_changed([STATIONS_CHANGED])
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

    # Sessions (`GET /session`)

    async def async_refresh_sessions(self, *, is_forced: bool = False) -> None:
        """Ask for the sessions ahead of any poll, where the newest list is not of just now.

        What people do at the station or in the app must not be undone by mistake. With
        `is_forced` only a list that is requested from now on will do. Raises EevionError.
        """
        wanted = self.mark_request()
        if is_forced:
            # Those who want it at the same time share one request.
            await asyncio.sleep(0)
        async with self._sessions_lock:
            is_recent = monotonic() - self._listed_at < INTERVAL_ACTIVE.total_seconds()
            if self._assembly.book.is_list_older(wanted) or (is_recent and not is_forced):
                return
            sequence = self.mark_request()
            sessions = await self.client.list_sessions(page_size=self._page_size, lane=Lane.CONFIRM)
            self._async_apply_sessions(sessions, sequence)
            self.async_update_listeners()

    @callback
    def _async_apply_sessions(self, sessions: Sessions, sequence: int) -> None:
        """Take in a list that was requested at the place `asked`; see to what it lacks."""
        if self._assembly.book.is_list_older(sequence):
            return
        self._listed_at = monotonic()
        listed = sessions.sessions
        if listed is self._listed:
            self.async_mark_changed(self._assembly.pass_time(now=dt_util.utcnow()))
            return
        before = self._sessions
        changed, missing, older = self._assembly.apply_sessions(
            listed, sequence=sequence, is_complete=sessions.is_complete, now=dt_util.utcnow()
        )
        current = [session for session in listed if session.session_id not in older]
        self._sessions = {session.session_id: session for session in current}
        self._sessions |= {id_: before[id_] for id_ in older & before.keys()}
        self.async_mark_changed(changed)
        self._async_record([s for s in current if before.get(s.session_id) is not s])
        self._listed = None if missing or older else listed
        phases, self._phases = self._phases, _phases(current)
        if any(is_active for _, is_active in phases ^ self._phases):
            # The status of the port may follow later than this poll.
            self._cadence.request_sites()
        self._lookups.update(missing)
        if missing and not self._is_looking_up:
            self.config_entry.async_create_background_task(
                self.hass, self._async_look_up(), "look up sessions"
            )

    @callback
    def async_apply_past(self, sessions: Sequence[Session]) -> None:
        """Take in sessions that a look into the past brought: any other answer may be newer."""
        self._listed = None
        for session in sessions:
            self._assembly.book.apply(session, sequence=0, is_listed=True)
        ports = {session.port_id for session in sessions if session.port_id}
        self.async_mark_changed(self._assembly.refresh(ports, now=dt_util.utcnow()))
        self._async_record(sessions)
        self.async_update_listeners()

    @callback
    def _async_record(self, sessions: Iterable[Session]) -> None:
        """Keep what outlasts a snapshot: amounts, and the names of tariffs."""
        self.accounting.async_take(sessions)
        if self._memory.async_remember_tariffs(session.tariff for session in sessions):
            self.async_mark_changed(self.data.stations, is_for_all=True)

    # Sessions one by one (`GET /session/{id}`)

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
            self._lookups.mark_failed(session, monotonic())
        else:
            self._lookups.mark_answered(session, monotonic())

    async def async_fetch_session(self, session: Session) -> Session | None:
        """Return the newest state of a session; None where the cloud does not know it.

        Raises EevionError where the cloud does not answer.
        """
        book = self._assembly.book
        sequence = book.mark()
        newest: Session | None = None
        with suppress(EevionNotFoundError):
            newest = await self.client.get_session(session_id=session.session_id)
        if not (newest and newest.is_active) and book.is_active(session):
            await self._async_before_end()
        self._listed = None
        if newest is None:
            book.forget(session)
        else:
            newest = newest.at_port(session.port_id)
            if book.apply(newest, sequence=sequence):
                self.accounting.async_take([newest])
        self._async_refresh_stations(session.port_id)
        return newest

    async def _async_before_end(self) -> None:
        """Fetch the sites, so that the status of the port is shown with the session's end."""
        try:
            await self.async_refresh_sites()
        except EevionError as err:
            LOGGER.debug("The sites cannot be fetched with the end of a session: %s", err)
            self._cadence.request_sites()

    @callback
    def _async_fire_ended(self, session: Session) -> None:
        """Let the event entity fire what nobody saw."""
        if session.port_id and self.config_entry:
            name = signal(self.config_entry, session.port_id, EVENT_SESSION)
            async_dispatcher_send(self.hass, name, "completed", session_event(session))

    # For commands

    def mark_request(self) -> int:
        """Return the place of a request in the order of requests and answers."""
        return self._assembly.book.mark()

    @callback
    def async_apply_partial(self, session: Session, *, sequence: int | None = None) -> None:
        """Show what the answer to a start or stop tells.

        `asked` is what `mark_request` returned before the request; without it the answer is
        newer than all others.
        """
        self._listed = None
        session = self._assembly.book.apply_partial(session, sequence=sequence)
        self.accounting.async_take([session])
        self._async_refresh_stations(session.port_id)

    def unconfirmed_end(self, port_id: str) -> Session | None:
        """Return the last session of a station where it may go on, though it counts as ended.

        So it is after a look-up alone (`GET /session/{id}`); a list or the answer to a stop
        that calls it `complete` is certain.
        """
        return self._assembly.book.unconfirmed_end(port_id)

    async def async_follow_command(
        self, port_id: str, is_shown: Callable[[StationState], bool]
    ) -> None:
        """Poll soon, and often until the cloud shows what the command did."""
        self._cadence.expect(port_id, is_shown)
        self._set_interval()
        await self.async_request_refresh()

    @callback
    def async_show_limits(self, limits: Mapping[str, ChargingLimit]) -> None:
        """Show the limits that the cloud has taken, by port id."""
        self._assembly.set_limits(limits)
        self._async_refresh_stations(*limits)

    # Jobs, exceptions and totals

    @callback
    def async_remember_jobs(self, jobs: Iterable[Job]) -> None:
        """Keep what the job history tells: among it the names of tariffs."""
        if self._memory.async_remember_jobs(jobs):
            self.async_mark_changed(self.data.stations, is_for_all=True)
            self.async_update_listeners()

    @callback
    def async_set_settings(
        self, wanted: Mapping[str, StationSettings], known: Mapping[str, StationSettings]
    ) -> None:
        """Show what jobs are about to set, by port id, and what they have set."""
        self._assembly.set_settings(wanted, known)
        self._async_refresh_stations(*wanted, *known)

    @callback
    def async_set_exceptions(
        self, exceptions: Mapping[str, tuple[StationException, ...]], port_ids: Iterable[str]
    ) -> None:
        """Show the exceptions that last, by the station's name; these ports changed."""
        self._assembly.set_exceptions(exceptions)
        self._async_refresh_stations(*port_ids)

    @callback
    def _async_set_totals(
        self, totals: Mapping[str, Totals], of_sites: Mapping[str, Totals]
    ) -> None:
        self.async_mark_changed(self._assembly.set_totals(totals, of_sites))
        self._async_refresh_stations(*totals)

    @callback
    def _async_refresh_stations(self, *port_ids: str | None) -> None:
        known = [port_id for port_id in port_ids if port_id]
        self.async_mark_changed(self._assembly.refresh(known, now=dt_util.utcnow()))
        self.async_update_listeners()


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
