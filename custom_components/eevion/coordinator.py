"""Polls an account: two requests however many stations there are."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.update_coordinator import UpdateFailed
from homeassistant.util import dt as dt_util

from .accounting import Accounting
from .api import (
    ChargingLimit,
    EevionAuthenticationError,
    EevionClient,
    EevionConnectionError,
    EevionError,
    EevionNotFoundError,
    EevionRateLimitError,
    RateLimit,
    Session,
    Sessions,
    Sites,
    StationException,
)
from .const import (
    CONF_EXCLUDED_SITES,
    CONF_INACTIVE_STATIONS,
    CONF_KNOWN_SITES,
    DOMAIN,
    INTERVAL_ACTIVE,
    INTERVAL_IDLE,
    LOGGER,
)
from .devices import Devices
from .enabling import Enabling
from .listeners import SelectiveCoordinator
from .managed import Settings
from .memory import Memory
from .snapshot import Assembly, Snapshot
from .sums import Totals

if TYPE_CHECKING:
    from .control import Control
    from .history import History
    from .jobs import Jobs

# So old may data get while another program uses up the key's requests.
_PATIENCE_S = 180
# After a command the cloud is asked often until it shows what came of it.
_BURST_S = 30
# Sessions that went missing are asked for one by one; so many after each poll.
_CONFIRMATIONS = 5
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
    history: History | None = None
    """None without the recorder."""


type EevionConfigEntry = ConfigEntry[EevionData]


class EevionCoordinator(SelectiveCoordinator[Snapshot]):
    """Keeps the newest snapshot; listener contexts are station and site ids."""

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
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=INTERVAL_IDLE,
            request_refresh_debouncer=Debouncer(hass, LOGGER, cooldown=1, immediate=False),
        )
        self.client = client
        self.accounting = accounting
        accounting.on_written = self._async_set_totals
        self._memory = memory
        self.devices = Devices(hass, entry)
        self.enabling = Enabling(hass, entry)
        self.last_success: datetime | None = None
        self.site_names: dict[str, str] = {}
        self._assembly = Assembly()
        self._burst_until = 0.0
        self.data = self._assembly.snapshot

    @override
    async def _async_update_data(self) -> Snapshot:
        """Fetch sites and sessions; fail as a whole, for half a snapshot tells lies."""
        try:
            # A task of the entry: it may wait for requests, and must not outlive the entry.
            sites, sessions = await self.config_entry.async_create_background_task(
                self.hass, self._async_fetch(), f"{self.name} poll"
            )
        except EevionRateLimitError as err:
            if not self._is_fresh():
                raise _update_failed(err) from err
            LOGGER.debug("No requests left; what is known stays for now")
            self._retry_after = err.retry_after
            return self.data
        except EevionError as err:
            raise _update_failed(err) from err
        if not sites.sites:
            # An account whose stations are all gone is less likely than a passing fault.
            raise UpdateFailed(translation_domain=DOMAIN, translation_key="no_stations")
        self.last_success = dt_util.utcnow()
        missing = self._assembly.book.update(sessions.sessions)
        self._async_take_sites(sites)
        self.accounting.async_follow(self._assembly.snapshot.stations)
        self._async_take(sessions.sessions)
        if missing:
            self.config_entry.async_create_background_task(
                self.hass, self._async_confirm(missing[:_CONFIRMATIONS]), "confirm sessions"
            )
        self._set_cadence()
        return self._assembly.snapshot

    async def _async_fetch(self) -> tuple[Sites, Sessions]:
        return await asyncio.gather(
            self.client.list_sites(), self.client.list_sessions(page_size=self._page_size)
        )

    @property
    def _page_size(self) -> int:
        """Enough for all sessions in one request, ended ones that linger included."""
        return max(_PAGE_SIZE, 2 * len(self.data.stations))

    def _is_fresh(self) -> bool:
        if self.last_success is None:
            return False
        return (dt_util.utcnow() - self.last_success).total_seconds() < _PATIENCE_S

    def _set_cadence(self) -> None:
        is_busy = monotonic() < self._burst_until or any(self._assembly.book.active())
        self.update_interval = INTERVAL_ACTIVE if is_busy else INTERVAL_IDLE

    @callback
    def _async_take_sites(self, sites: Sites) -> None:
        self.site_names = {site.site_id: site.name for site in sites.sites}
        options = self.config_entry.options
        excluded = options.get(CONF_EXCLUDED_SITES, ())
        changed = self._assembly.take_sites(
            (site for site in sites.sites if site.site_id not in excluded),
            with_inactive=options.get(CONF_INACTIVE_STATIONS, False),
            now=dt_util.utcnow(),
        )
        self.async_note_changes(changed)
        snapshot = self._assembly.snapshot
        self.enabling.async_decide(snapshot.stations)
        if self.devices.async_sync(
            snapshot.sites, snapshot.stations, is_complete=sites.is_complete
        ):
            self.async_note_changes([STATIONS_CHANGED])
        known = sorted(site.site_id for site in sites.sites)
        if sites.is_complete and known != self.config_entry.data.get(CONF_KNOWN_SITES):
            self.hass.config_entries.async_update_entry(
                self.config_entry, data={**self.config_entry.data, CONF_KNOWN_SITES: known}
            )

    async def _async_confirm(self, missing: Iterable[Session]) -> None:
        """Ask whether sessions that went missing from the list have ended, and how."""
        for session in missing:
            try:
                await self.async_fetch_session(session)
            except EevionError as err:
                LOGGER.debug("Session of %s not confirmed: %s", session.station_id, err)
                return

    async def async_fetch_session(self, session: Session) -> Session | None:
        """Return the newest state of a session; None where the cloud does not know it.

        Raises EevionError where the cloud does not answer.
        """
        try:
            newest = await self.client.get_session(session_id=session.session_id)
        except EevionNotFoundError:
            self._assembly.book.forget(session)
            self._async_renew(session.port_id)
            return None
        newest = newest.at_port(session.port_id)
        self._assembly.book.apply(newest)
        self.accounting.async_take([newest])
        self._async_renew(newest.port_id)
        return newest

    @callback
    def async_take_past(self, sessions: Sequence[Session]) -> None:
        """Take in sessions that a look into the past brought."""
        for session in sessions:
            self._assembly.book.apply(session)
            self.async_note_changes(self._assembly.refresh(session.port_id, now=dt_util.utcnow()))
        self._async_take(sessions)
        self.async_update_listeners()

    @callback
    def _async_take(self, sessions: Iterable[Session]) -> None:
        """Keep what outlasts a snapshot: amounts, and the names of tariffs."""
        self.accounting.async_take(sessions)
        if self._memory.async_learn_tariffs(session.tariff for session in sessions):
            self.async_note_changes(self.data.stations)

    @callback
    def async_apply_partial(self, session: Session) -> None:
        """Show what the answer to a start or stop tells."""
        session = self._assembly.book.apply_partial(session)
        self.accounting.async_take([session])
        self._async_renew(session.port_id)

    @callback
    def async_set_limits(self, limits: Mapping[str, ChargingLimit]) -> None:
        """Show the limits that the cloud has taken, by port id."""
        self._assembly.set_limits(limits)
        for port_id in limits:
            self._async_renew(port_id)

    @callback
    def async_set_settings(
        self, wanted: Mapping[str, Settings], known: Mapping[str, Settings]
    ) -> None:
        """Show what jobs are about to set, by port id, and what they have set."""
        self._assembly.set_settings(wanted, known)
        for port_id in wanted:
            self._async_renew(port_id)

    @callback
    def async_set_exceptions(
        self, exceptions: Mapping[str, tuple[StationException, ...]], port_ids: Iterable[str]
    ) -> None:
        """Show the exceptions that last, by the station's name; these ports changed."""
        self._assembly.set_exceptions(exceptions)
        for port_id in port_ids:
            self._async_renew(port_id)

    @callback
    def _async_set_totals(
        self, totals: Mapping[str, Totals], of_sites: Mapping[str, Totals]
    ) -> None:
        self.async_note_changes(self._assembly.set_totals(totals, of_sites))
        for port_id in totals:
            self._async_renew(port_id)

    def active_session_ids(self) -> set[str]:
        """Return the ids of the sessions that the newest poll saw going on."""
        book = self._assembly.book
        return {s.session_id for s in book.active() if book.is_listed(s)}

    @callback
    def _async_renew(self, port_id: str | None) -> None:
        self.async_note_changes(self._assembly.refresh(port_id, now=dt_util.utcnow()))
        self.async_update_listeners()

    async def async_refresh_if_old(self) -> None:
        """Poll where the last answer is older than the shortest interval.

        What people do at the station or in the app must not be undone by mistake.
        """
        now = dt_util.utcnow()
        if self.last_success is None or now - self.last_success >= INTERVAL_ACTIVE:
            await self.async_refresh()

    async def async_follow_command(self) -> None:
        """Poll soon, and often for a while: something is about to change."""
        self._burst_until = monotonic() + _BURST_S
        self.update_interval = INTERVAL_ACTIVE
        await self.async_request_refresh()


def _update_failed(err: EevionError) -> ConfigEntryAuthFailed | UpdateFailed:
    if isinstance(err, EevionAuthenticationError):
        return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="invalid_auth")
    if isinstance(err, EevionRateLimitError):
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="rate_limited",
            translation_placeholders={"seconds": f"{err.retry_after:.0f}"},
            retry_after=err.retry_after,
        )
    is_lost = isinstance(err, EevionConnectionError)
    return UpdateFailed(
        translation_domain=DOMAIN,
        translation_key="cannot_connect" if is_lost else "bad_response",
        translation_placeholders={"error": str(err)},
    )
