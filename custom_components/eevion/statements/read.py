"""Read the sessions of a time span from the cloud, page by page."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from ..api import EevionError, Lane, Session
from ..const import DOMAIN, LOGGER
from ..coordinator import EevionCoordinator
from ..stations import port_of
from .rows import SessionRow, session_row
from .span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The stations of an account whose sessions are read."""

    coordinator: EevionCoordinator
    port_ids: tuple[str, ...] = ()
    """Empty for all, those included that are not listed any more."""
    is_restricted: bool = False
    """Whether only sessions of stations in `port_ids` may be read."""

    @property
    def names(self) -> list[str]:
        """The display names of the stations; empty for all."""
        return [self.coordinator.data.station_name(port_id) for port_id in self.port_ids]

    @property
    def site_ids(self) -> list[str]:
        """The ids of the sites that a request has to name, so that hidden ones are left out."""
        is_narrow = bool(self.port_ids) or not self.coordinator.hidden_sites
        return [] if is_narrow else list(self.coordinator.data.sites)

    def includes(self, session: Session) -> bool:
        """Return whether a session is of these stations, not of another one of the same name."""
        if session.site_id in self.coordinator.hidden_sites:
            return False
        stations = self.coordinator.data.stations
        port_id = port_of(session, stations)
        is_listed = port_id in stations or self.is_restricted
        return not (self.port_ids and is_listed and port_id not in self.port_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """The rows of one request, without the sessions of earlier pages."""

    rows: list[SessionRow]
    ended: int
    """Number of the page's sessions that have ended, those of other days included."""
    is_complete: bool
    """False if a session of the span may be missing."""


async def async_statement_pages(scope: Scope, span: Span) -> AsyncGenerator[StatementPage]:
    """Yield the sessions that began within a span (`POST /session`); raise EevionError.

    A session begins on a day of its site's time zone, which the cloud names in the session; for
    one that does not, the zone of the site's last sessions or of Home Assistant counts.
    """
    coordinator = scope.coordinator
    zones = _Zones(coordinator)
    found: set[str] = set()
    pages = coordinator.client.session_pages(
        sites=scope.site_ids,
        stations=scope.names,
        updated_on_or_after=span.since,
        next_lane=Lane.BACKGROUND,
    )
    async for page in pages:
        names = _names(coordinator)
        now = dt_util.utcnow()
        rows: list[SessionRow] = []
        ended = 0
        is_complete = page.is_complete
        for session in page.sessions:
            if session.session_id in found or not scope.includes(session):
                continue
            found.add(session.session_id)
            ended += not session.is_active
            begun_at = session.begun_at or session.ended_at or session.updated_at
            if begun_at is None:
                is_complete = False  # of no day that is known
                continue
            port_id = port_of(session, coordinator.data.stations) or ""
            site_id = _site_id(session, coordinator, port_id)
            start = begun_at.astimezone(await zones.async_get(session.time_zone, site_id))
            if span.first <= start.date() <= span.last:
                rows.append(
                    session_row(
                        session,
                        start=start,
                        station=names.get(port_id) or session.station_id or port_id,
                        site=names.get(site_id) or coordinator.site_names.get(site_id, ""),
                        now=now,
                    )
                )
        yield StatementPage(rows=rows, ended=ended, is_complete=is_complete)


async def async_lists_lack_sessions(scope: Scope, span: Span, ended: int) -> bool:
    """Return whether the cloud's lists hold few of the sessions that have ended.

    They may hold active sessions alone. The report (`POST /session/report`) of the same days then
    has many more sessions than the `ended` ones that were listed; some may be those of the days
    before and after, as it is not documented what a report counts.
    """
    start, end = (
        datetime.combine(day, time(), UTC) for day in (span.first, span.last + timedelta(days=1))
    )
    try:
        report = await scope.coordinator.client.get_report(
            start=start, end=end, sites=scope.site_ids, stations=scope.names, lane=Lane.POLL
        )
    except EevionError as err:
        LOGGER.debug("The sessions of %s cannot be compared with a report: %s", span.name, err)
        return False
    # One of the stations may have gone meanwhile.
    found = map(scope.coordinator.data.stations.get, scope.port_ids)
    stations = [station for station in found if station]
    reported = sum(
        (row.count or 0) - (row.cancel_count or 0)
        for row in report.rows
        if not scope.port_ids
        or any(station.is_named(row.station_id, row.known_site_id) for station in stations)
    )
    return reported > 2 * ended


def _site_id(session: Session, coordinator: EevionCoordinator, port_id: str) -> str:
    station = coordinator.data.stations.get(port_id)
    return session.site_id or (station.site_id if station else "")


def _names(coordinator: EevionCoordinator) -> Mapping[str, str]:
    """Return the names that people gave to devices of stations and sites, by their ids."""
    entry = coordinator.config_entry
    devices: Iterable[dr.DeviceEntry] = dr.async_entries_for_config_entry(
        dr.async_get(coordinator.hass), entry.entry_id
    )
    return {
        id_: device.name_by_user
        for device in devices
        if device.name_by_user
        for domain, id_ in device.identifiers
        if domain == DOMAIN
    }


class _Zones:
    """The time zones of sites."""

    def __init__(self, coordinator: EevionCoordinator) -> None:
        self._by_site = {
            state.site_id: zone
            for state in coordinator.data.stations.values()
            if state.session and (zone := state.session.time_zone)
        }
        self._by_name: dict[str, tzinfo] = {}

    async def async_get(self, name: str | None, site_id: str) -> tzinfo:
        """Return the zone that a session names, else that of its site, else Home Assistant's."""
        name = name or self._by_site.get(site_id, "")
        if (zone := self._by_name.get(name)) is None:
            zone = self._by_name[name] = await _async_zone(name)
        return zone


async def _async_zone(name: str) -> tzinfo:
    try:
        zone = await dt_util.async_get_time_zone(name) if name else None
    except ValueError:  # not a name of a zone, but of a file
        zone = None
    return zone or dt_util.get_default_time_zone()
