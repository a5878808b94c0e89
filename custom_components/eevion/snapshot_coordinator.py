"""The newest snapshot, and all that is told for it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import cast, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from .accounting.accounting import Accounting
from .api import ChargingLimit, EevionClient, EevionNotFoundError, Job, Session, StationException
from .const import DOMAIN, EVENT_SESSION, INTERVAL_IDLE, LOGGER, signal
from .polling.listeners import SelectiveCoordinator
from .stations.memory import Memory
from .stations.serialize import session_event
from .stations.settings import Settings
from .stations.snapshot import Assembly, Snapshot
from .stations.station import StationState, Totals


class SnapshotCoordinator(SelectiveCoordinator[Snapshot]):
    """Keeps the newest snapshot; listener contexts are station and site ids."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: EevionClient,
        accounting: Accounting,
        memory: Memory,
    ) -> None:
        """Start with an empty snapshot."""
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
        accounting.on_ended = self._async_announce_ended
        self._memory = memory
        self._assembly = Assembly()
        self._listed: Sequence[Session] | None = None
        """The newest list where nothing has come between; the same one tells nothing new."""
        self.data = self._assembly.snapshot

    @override
    def subject(self, subject_id: object) -> StationState | Snapshot | None:
        """Return a station's state, and for a site's id the snapshot."""
        data = self.data
        if state := data.stations.get(subject_id):  # type: ignore[call-overload]
            return cast("StationState", state)
        return data if subject_id in data.sites else None

    async def async_fetch_session(self, session: Session) -> Session | None:
        """Return the newest state of a session; None where the cloud does not know it.

        Raises EevionError where the cloud does not answer.
        """
        book = self._assembly.book
        asked = book.mark()
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
            if book.apply(newest, asked=asked):
                self.accounting.async_take([newest])
        self._async_renew(session.port_id)
        return newest

    async def _async_before_end(self) -> None:
        """Do what belongs to the moment in which a session's end is shown."""

    @callback
    def async_take_past(self, sessions: Sequence[Session]) -> None:
        """Take in sessions that a look into the past brought: any other answer may be newer."""
        self._listed = None
        for session in sessions:
            self._assembly.book.apply(session, asked=0, is_listed=True)
        ports = {session.port_id for session in sessions if session.port_id}
        self.async_note_changes(self._assembly.refresh(ports, now=dt_util.utcnow()))
        self._async_take(sessions)
        self.async_update_listeners()

    @callback
    def _async_take(self, sessions: Iterable[Session]) -> None:
        """Keep what outlasts a snapshot: amounts, and the names of tariffs."""
        self.accounting.async_take(sessions)
        if self._memory.async_learn_tariffs(session.tariff for session in sessions):
            self.async_note_changes(self.data.stations, is_for_all=True)

    @callback
    def async_learn_jobs(self, jobs: Iterable[Job]) -> None:
        """Keep what the job history tells: among it the names of tariffs."""
        if self._memory.async_learn_jobs(jobs):
            self.async_note_changes(self.data.stations, is_for_all=True)
            self.async_update_listeners()

    def mark_request(self) -> int:
        """Return the place of a request in the order of requests and answers."""
        return self._assembly.book.mark()

    def unconfirmed_end(self, port_id: str) -> Session | None:
        """Return the last session of a station where it may go on, though it counts as ended.

        So it is after a look-up alone (`GET /session/{id}`); a list or the answer to a stop
        that calls it `complete` is certain.
        """
        return self._assembly.book.unconfirmed_end(port_id)

    @callback
    def async_apply_partial(self, session: Session, *, asked: int | None = None) -> None:
        """Show what the answer to a start or stop tells.

        `asked` is what `mark_request` returned before the request; without it the answer is
        newer than all others.
        """
        self._listed = None
        session = self._assembly.book.apply_partial(session, asked=asked)
        self.accounting.async_take([session])
        self._async_renew(session.port_id)

    @callback
    def async_set_limits(self, limits: Mapping[str, ChargingLimit]) -> None:
        """Show the limits that the cloud has taken, by port id."""
        self._assembly.set_limits(limits)
        self._async_renew(*limits)

    @callback
    def async_set_settings(
        self, wanted: Mapping[str, Settings], known: Mapping[str, Settings]
    ) -> None:
        """Show what jobs are about to set, by port id, and what they have set."""
        self._assembly.set_settings(wanted, known)
        self._async_renew(*wanted, *known)

    @callback
    def async_set_exceptions(
        self, exceptions: Mapping[str, tuple[StationException, ...]], port_ids: Iterable[str]
    ) -> None:
        """Show the exceptions that last, by the station's name; these ports changed."""
        self._assembly.set_exceptions(exceptions)
        self._async_renew(*port_ids)

    @callback
    def _async_announce_ended(self, session: Session) -> None:
        """Let the event entity fire what nobody saw."""
        if session.port_id and self.config_entry:
            name = signal(self.config_entry, session.port_id, EVENT_SESSION)
            async_dispatcher_send(self.hass, name, "completed", session_event(session))

    @callback
    def _async_set_totals(
        self, totals: Mapping[str, Totals], of_sites: Mapping[str, Totals]
    ) -> None:
        self.async_note_changes(self._assembly.set_totals(totals, of_sites))
        self._async_renew(*totals)

    def is_listed(self, session: Session) -> bool:
        """Return whether the list of the newest poll held a session."""
        return self._assembly.book.is_listed(session)

    def active_session_ids(self) -> set[str]:
        """Return the ids of the sessions that the newest poll saw going on."""
        book = self._assembly.book
        return {s.session_id for s in book.active() if book.is_listed(s)}

    @callback
    def _async_renew(self, *port_ids: str | None) -> None:
        known = [port_id for port_id in port_ids if port_id]
        self.async_note_changes(self._assembly.refresh(known, now=dt_util.utcnow()))
        self.async_update_listeners()
