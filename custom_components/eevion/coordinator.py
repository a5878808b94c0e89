"""The coordinator of an account: at most two requests a poll, whatever the number of stations."""

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

from .account import AccountOptions
from .accounting import Accounting
from .api import (
    ChargingLimit,
    EevionAuthenticationError,
    EevionClient,
    EevionError,
    EevionNotFoundError,
    EevionRateLimitError,
    EevionResponseError,
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
from .polling import Cadence, KeyCheck, Lookups, SelectiveCoordinator
from .stations import (
    Assembly,
    Snapshot,
    StationMemory,
    StationSettings,
    StationState,
    Totals,
    session_event,
)

# Age of the data at which failed polls make the entities unavailable.
_STALE_AFTER_S = 180
_LEAST_PAUSE_S = 1
# How long stations are kept that an incomplete answer lacks.
_KEEP_ABSENT_S = 90
_PAGE_SIZE = 1000

STATIONS_CHANGED = object()
"""Listener context: stations or sites were added or removed."""


class EevionCoordinator(SelectiveCoordinator[Snapshot]):
    """Polls sites and sessions, and applies all other answers about stations to the snapshot.

    Listener contexts are port ids and site ids.
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
        """Initialize with an empty snapshot."""
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
        for remove_listener in (
            accounting.async_add_totals_listener(self._async_set_totals),
            accounting.async_add_ended_listener(self._async_fire_ended),
        ):
            entry.async_on_unload(remove_listener)
        self._memory = memory
        self.devices = Devices(hass, entry)
        self.entity_budget = EntityBudget(hass, entry)
        self._assembly = Assembly(client.clock.now)
        self.data = self._assembly.snapshot

        self.last_success: datetime | None = None
        self._answered_at = float("-inf")
        self._cadence = Cadence(client.rate_limit)
        self._key_check = KeyCheck(hass, entry, self._async_poll_now)
        client.add_status_listener(self._key_check.async_apply_status)

        self.site_names: dict[str, str] = {}
        """Names by site id, those of hidden sites included."""
        self._sites = Sites(sites=(), is_complete=False)
        self._shared_names: tuple[Sites, AbstractSet[str]] = (self._sites, frozenset())
        """The sites that they are of, and the names."""
        self._sites_sequence = 0
        self._sites_complete_at = float("-inf")
        self._sites_lock = asyncio.Lock()

        self._listed: Sequence[Session] | None = None
        """The newest list; None once another answer is applied after it."""
        self._listed_at = float("-inf")
        self._sessions: dict[str, Session] = {}
        """The sessions of the newest list, by session id."""
        self._phases: set[tuple[str, bool]] = set()
        self._sessions_lock = asyncio.Lock()
        self._lookups = Lookups()
        self._is_looking_up = False

    @property
    def hidden_sites(self) -> AbstractSet[str]:
        """Return the ids of the sites of the key that the entry does not include."""
        return self.site_names.keys() - self.data.sites.keys()

    def shared_names(self) -> AbstractSet[str]:
        """Return the names that several stations have, those of hidden sites included.

        Commands name a station by its `displayName`, so they cannot address one of these.
        """
        sites, names = self._shared_names
        if sites is not self._sites:
            names = _shared_names(self._sites)
            self._shared_names = (self._sites, names)
        return names

    def active_session_ids(self) -> set[str]:
        """Return the ids of the active sessions of the newest list."""
        book = self._assembly.book
        return {s.session_id for s in book.active() if book.is_listed(s)}

    def is_listed(self, session: Session) -> bool:
        """Return whether the newest list holds a session."""
        return self._assembly.book.is_listed(session)

    @override
    def subject(self, subject_id: object) -> StationState | Snapshot | None:
        """Return the state of a station for a port id, and the snapshot for a site id."""
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
        """Poll; a refresh that is not scheduled includes the sites.

        Overridden since `_async_update_data` does not receive `scheduled`.
        """
        if not scheduled:
            self._cadence.request_sites()
        await super()._async_refresh(
            log_failures, raise_on_auth_failed, scheduled, raise_on_entry_error
        )

    @override
    async def _async_update_data(self) -> Snapshot:
        """Poll; after a failure, keep the data until they are older than `_STALE_AFTER_S`.

        Raises UpdateFailed, or ConfigEntryAuthFailed where the key is refused.
        """
        try:
            # A task of the entry, so that it is canceled when the entry is unloaded.
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
            LOGGER.debug("A poll failed; the last data are kept: %s", err)
            if isinstance(err, EevionRateLimitError):
                # An interval of 0 would prevent the next poll.
                wait_s = max(min(err.retry_after, remaining_s + 1), _LEAST_PAUSE_S)
                self.update_interval = timedelta(seconds=wait_s)
        else:
            self._answered_at = monotonic()
            self.last_success = dt_util.utcnow()
            self._cadence.mark_success(self.data.stations)
            self._set_interval()
        return self.data

    async def _async_first_poll(self) -> None:
        """Poll at set-up, and once more where the key is refused: there is no later poll then."""
        try:
            await self._async_poll()
        except EevionAuthenticationError:
            await self._async_poll()

    async def _async_poll(self) -> None:
        """Fetch the sessions and, where they are due or a session begins or ends, the sites.

        After the first success one answer is applied without the other. Raises EevionError
        where a request failed.
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
            # The status of a port changes with the begin and the end of its session.
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
        if len(failures) == len(answers):
            raise failures[0]
        for failure in failures:
            if isinstance(failure, EevionAuthenticationError) and not self.last_success:
                raise EevionResponseError("The cloud accepts the key for some requests only")
            raise failure

    def _shows_change(self, sessions: Sessions) -> bool:
        """Return whether a session began or ended since the newest list."""
        listed = sessions.sessions
        return listed is not self._listed and not _phases(listed) <= self._phases

    @property
    def _page_size(self) -> int:
        """A page size that holds all sessions, including ended ones that are still listed."""
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
        """Fetch the sites now; raise EevionError. Concurrent calls share one request."""
        wanted = self.mark_request()
        async with self._sites_lock:
            if self._sites_sequence < wanted:
                sequence = self.mark_request()
                self._async_apply_sites(await self._async_list_sites(Lane.CONFIRM), sequence)
        self.async_update_listeners()

    async def _async_list_sites(self, lane: Lane) -> Sites:
        """Return the sites; raise EevionError, and NoStationsError for an empty answer.

        An empty answer is more likely a fault of the cloud than an account without stations.
        """
        self._cadence.mark_sites_requested()
        sites = await self.client.list_sites(lane=lane)
        if not sites.sites:
            raise NoStationsError
        return sites

    @callback
    def _async_apply_sites(self, sites: Sites, sequence: int) -> None:
        """Apply an answer about sites, unless one with a later request has been applied.

        `sequence` is what `mark_request` returned before the request.
        """
        if sequence < self._sites_sequence:
            return
        self._sites_sequence = sequence
        if sites.is_complete:
            self._sites_complete_at = monotonic()
        elif monotonic() - self._sites_complete_at < _KEEP_ABSENT_S:
            sites = _completed(sites, self._sites)
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
        # A station that is back has no session; the same list is applied once more.
        self._listed = None
        self.entity_budget.async_decide(self.data.stations)
        # Site, volts and amps of a station may have changed.
        self.accounting.async_follow(self.data.stations, changed)
        if self.devices.async_sync(
            self.data.sites, self.data.stations, changed, is_complete=sites.is_complete
        ):
            self.async_mark_changed([STATIONS_CHANGED])
            # Record the sessions once more: some may be those of new stations.
            self._sessions.clear()
        if self.devices.replaced:
            # Entities of a replaced charger are created again for the new one.
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)
        site_ids = sorted(site.site_id for site in sites.sites)
        if sites.is_complete and site_ids != self.config_entry.data.get(CONF_KNOWN_SITES):
            self.hass.config_entries.async_update_entry(
                self.config_entry, data={**self.config_entry.data, CONF_KNOWN_SITES: site_ids}
            )

    # Sessions (`GET /session`)

    async def async_refresh_sessions(self, *, is_forced: bool = False) -> None:
        """Fetch the sessions now, unless the newest list is younger than `INTERVAL_ACTIVE`.

        Commands call it first, so as not to undo what drivers did since the last poll. With
        `is_forced` only a list that is requested after this call is accepted. Raises
        EevionError.
        """
        wanted = self.mark_request()
        if is_forced:
            # Concurrent calls share one request.
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
        """Apply a list of sessions, and look up the active ones that it lacks.

        `sequence` is what `mark_request` returned before the request.
        """
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
            # The status of the port may change only after this poll.
            self._cadence.request_sites()
        self._lookups.update(missing)
        if missing and not self._is_looking_up:
            self.config_entry.async_create_background_task(
                self.hass, self._async_look_up(), "look up sessions"
            )

    @callback
    def async_apply_past(self, sessions: Sequence[Session]) -> None:
        """Apply sessions of a list of past changes; every other answer counts as newer."""
        self._listed = None
        for session in sessions:
            self._assembly.book.apply(session, sequence=0, is_listed=True)
        self._async_record(sessions)
        self._async_refresh_stations(*{session.port_id for session in sessions})

    @callback
    def _async_record(self, sessions: Iterable[Session]) -> None:
        """Store what is kept longer than a snapshot: amounts, and the names of tariffs."""
        self.accounting.async_apply(sessions)
        if self._memory.async_remember_tariffs(session.tariff for session in sessions):
            self.async_mark_changed(self.data.stations, is_for_all=True)

    # Sessions one by one (`GET /session/{id}`)

    async def _async_look_up(self) -> None:
        """Look up the active sessions that the list lacks."""
        self._is_looking_up = True
        try:
            await asyncio.gather(
                *(self._async_look_up_one(s) for s in self._lookups.due(monotonic()))
            )
        finally:
            self._is_looking_up = False

    async def _async_look_up_one(self, session: Session) -> None:
        """Look up a session; a failure does not delay the others."""
        try:
            await self.async_fetch_session(session)
        except EevionError as err:
            LOGGER.debug("A session cannot be looked up: %s", err)
            self._lookups.mark_failed(session, monotonic())
        else:
            self._lookups.mark_answered(session, monotonic())

    async def async_fetch_session(self, session: Session) -> Session | None:
        """Fetch and apply one session (`GET /session/{id}`).

        Returns None where the cloud has no record of it. Raises EevionError.
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
                self.accounting.async_apply([newest])
        self._async_refresh_stations(session.port_id)
        return newest

    async def _async_before_end(self) -> None:
        """Fetch the sites, so that the status of the port changes with the session's end."""
        try:
            await self.async_refresh_sites()
        except EevionError as err:
            LOGGER.debug("The sites cannot be fetched with the end of a session: %s", err)
            self._cadence.request_sites()

    @callback
    def _async_fire_ended(self, session: Session) -> None:
        """Fire the event of a session that ended while the entry was not loaded."""
        if session.port_id and self.config_entry:
            name = signal(self.config_entry, session.port_id, EVENT_SESSION)
            async_dispatcher_send(self.hass, name, "completed", session_event(session))

    # For commands

    def mark_request(self) -> int:
        """Return the sequence number of a request that is sent next."""
        return self._assembly.book.mark()

    @callback
    def async_apply_partial(self, session: Session, *, sequence: int | None = None) -> None:
        """Apply the answer to a start or stop.

        `sequence` is what `mark_request` returned before the request; without it the answer is
        newer than all others.
        """
        self._listed = None
        session = self._assembly.book.apply_partial(session, sequence=sequence)
        self.accounting.async_apply([session])
        self._async_refresh_stations(session.port_id)

    def unconfirmed_end(self, port_id: str) -> Session | None:
        """Return the last session of a port where it counts as ended without certainty.

        The end is certain where a list or the answer to a stop reports `complete`; that of a
        look-up alone (`GET /session/{id}`) is not.
        """
        return self._assembly.book.unconfirmed_end(port_id)

    async def async_follow_command(
        self, port_id: str, is_shown: Callable[[StationState], bool]
    ) -> None:
        """Poll soon, and frequently until `is_shown` returns True for the station."""
        self._cadence.expect(port_id, is_shown)
        self._set_interval()
        await self.async_request_refresh()

    @callback
    def async_show_limits(self, limits: Mapping[str, ChargingLimit]) -> None:
        """Show limits that the cloud accepted, by port id, also after the next start."""
        self._memory.async_remember_limits(limits)
        self._assembly.set_limits(limits)
        self._async_refresh_stations(*limits)

    # Jobs, exceptions and totals

    @callback
    def async_remember_jobs(self, jobs: Iterable[Job]) -> None:
        """Store the names that jobs of the history contain, among them those of tariffs."""
        if self._memory.async_remember_jobs(jobs):
            self.async_mark_changed(self.data.stations, is_for_all=True)
            self.async_update_listeners()

    @callback
    def async_set_settings(
        self, wanted: Mapping[str, StationSettings], known: Mapping[str, StationSettings]
    ) -> None:
        """Show the settings of open jobs, by port id, and those that jobs set last."""
        self._assembly.set_settings(wanted, known)
        self._async_refresh_stations(*wanted, *known)

    @callback
    def async_set_exceptions(
        self, exceptions: Mapping[str, tuple[StationException, ...]], port_ids: Iterable[str]
    ) -> None:
        """Show the open exceptions, by the station's name; `port_ids` are those that changed."""
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
        """Rebuild the states of stations, and call the listeners of those that changed."""
        present = [port_id for port_id in port_ids if port_id]
        self.async_mark_changed(self._assembly.refresh(present, now=dt_util.utcnow()))
        self.async_update_listeners()


def _shared_names(sites: Sites) -> AbstractSet[str]:
    names = {
        port.port_id: port.station_id
        for site in sites.sites
        for port in site.ports
        if port.is_in_place
    }
    return {name for name, count in Counter(names.values()).items() if count > 1}


def _phases(sessions: Iterable[Session]) -> set[tuple[str, bool]]:
    """Return the id of each session and whether it is active; a port's status depends on them."""
    return {(session.session_id, session.is_active) for session in sessions}


def _completed(sites: Sites, before: Sites) -> Sites:
    """Return an incomplete answer with the sites and ports of before that it lacks."""
    listed = {port.port_id for site in sites.sites for port in site.ports}
    completed = {site.site_id: site for site in sites.sites}
    for site in before.sites:
        newest = completed.get(site.site_id, replace(site, ports=()))
        absent = (port for port in site.ports if port.port_id not in listed)
        completed[site.site_id] = replace(newest, ports=(*newest.ports, *absent))
    return replace(sites, sites=tuple(completed.values()))
