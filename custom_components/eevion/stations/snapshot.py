"""The snapshot of an account: sites, sessions and commands combined for each station."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from ..api import ChargingLimit, Currency, Port, PortStatus, Session, Site, StationException
from .power import PowerMeter
from .serialize import site_json
from .sessions import SessionBook
from .settings import NO_SETTINGS, StationSettings
from .station import StationState, Totals


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest states of all sites and stations, by their ids."""

    sites: dict[str, Site] = field(default_factory=dict)
    stations: dict[str, StationState] = field(default_factory=dict)
    gone: dict[str, StationState] = field(default_factory=dict)
    """The last states of stations that the cloud does not list any more."""
    site_totals: dict[str, Totals] = field(default_factory=dict)

    def station(self, port_id: str) -> StationState:
        """Return the state of a station, the last one once the station is gone."""
        return self.stations.get(port_id) or self.gone[port_id]

    def station_name(self, port_id: str) -> str:
        """Return the name on a station, or the port id once the station is gone."""
        station = self.stations.get(port_id)
        return station.port.station_id if station else port_id

    def stations_at(self, site_id: str) -> list[StationState]:
        """Return the stations of a site."""
        return [
            state
            for port in self.sites[site_id].ports
            if (state := self.stations.get(port.port_id)) and state.site_id == site_id
        ]


class Assembly:
    """Builds the snapshot; its methods return the ids of the sites and stations that changed."""

    def __init__(self, cloud_now: Callable[[], datetime]) -> None:
        """Initialize with an empty snapshot; `cloud_now` returns the time by the cloud's clock."""
        self.snapshot = Snapshot()
        self.book = SessionBook(cloud_now)
        self._retained: AbstractSet[str] = frozenset()
        """The ids of the stations in the last two answers about sites."""
        self._meters: dict[str, PowerMeter] = {}
        self._flowing: set[str] = set()
        """The ids of stations with a power, which may fall to 0 without a new answer."""
        self._limits: dict[str, ChargingLimit] = {}
        self._totals: dict[str, Totals] = {}
        self._wanted: dict[str, StationSettings] = {}
        self._known: Mapping[str, StationSettings] = {}
        self._exceptions: Mapping[str, tuple[StationException, ...]] = {}

    def apply_sites(
        self, sites: Iterable[Site], *, with_inactive: bool, now: datetime
    ) -> AbstractSet[str]:
        """Apply the sites; planned and decommissioned ports count only with `with_inactive`.

        A port that two sites hold counts for the first.
        """
        before = dict(self.snapshot.sites)
        self.snapshot.sites.clear()
        self.snapshot.sites.update((site.site_id, site) for site in sites)
        changed: set[str] = set(before.keys() ^ self.snapshot.sites.keys())
        changed |= {
            site_id
            for site_id, site in self.snapshot.sites.items()
            if (old := before.get(site_id)) and old is not site
            if site_json(old) != site_json(site)
        }
        places: dict[str, tuple[Port, str, Currency | None]] = {}
        for site_id, site in self.snapshot.sites.items():
            currency = site.currency
            for port in site.ports:
                if with_inactive or port.is_in_place:
                    places.setdefault(port.port_id, (port, site_id, currency))
        stations = self.snapshot.stations
        # A station that is missing from one answer alone keeps its session.
        self._retained = places.keys() | stations.keys()
        for port_id in stations.keys() - places.keys():
            state = self.snapshot.gone[port_id] = stations.pop(port_id)
            changed |= {port_id, state.site_id}
            self._meters.pop(port_id, None)
            self._flowing.discard(port_id)
        self.book.retain(self._retained)
        for port_id, (port, site_id, currency) in places.items():
            known = stations.get(port_id)
            if (
                known is None
                or known.port is not port
                or known.site_id != site_id
                or known.site_currency is not currency
            ):
                blank = StationState(site_id=site_id, site_currency=currency, port=port)
                stations[port_id] = self._completed(blank, now)
                self.snapshot.gone.pop(port_id, None)
                changed |= _ids(known, stations[port_id])
        return changed

    def apply_sessions(
        self, sessions: Sequence[Session], *, sequence: int, is_complete: bool, now: datetime
    ) -> tuple[AbstractSet[str], Sequence[Session], AbstractSet[str]]:
        """Apply a list of sessions; `sequence` is that of its request.

        Returns the ids of the stations and sites that changed, the active sessions that the
        list lacks, and the ids of the sessions with newer answers.
        """
        missing, older = self.book.update(sessions, sequence=sequence, is_complete=is_complete)
        self.book.retain(self._retained)
        stale = [
            port_id
            for port_id, state in self.snapshot.stations.items()
            if state.session is not (session := self.book.get(port_id))
            or state.is_session_listed != self.book.is_listed(session)
        ]
        return self.refresh({*stale, *self._flowing}, now=now), missing, older

    def refresh(self, port_ids: Iterable[str], *, now: datetime) -> AbstractSet[str]:
        """Rebuild the states of stations."""
        stations = self.snapshot.stations
        changed: set[str] = set()
        for port_id in port_ids:
            if known := stations.get(port_id):
                stations[port_id] = self._completed(known, now)
                changed |= _ids(known, stations[port_id])
        return changed

    def pass_time(self, *, now: datetime) -> AbstractSet[str]:
        """Rebuild the states that change with time alone."""
        return self.refresh(tuple(self._flowing), now=now)

    def set_limits(self, limits: Mapping[str, ChargingLimit]) -> None:
        """Set the limits that were commanded, by port id."""
        self._limits |= limits

    def set_totals(
        self, totals: Mapping[str, Totals], of_sites: Mapping[str, Totals]
    ) -> AbstractSet[str]:
        """Set totals that are written, by port and site id; return the ids of changed sites."""
        self._totals |= totals
        known = self.snapshot.site_totals
        changed = {site for site, total in of_sites.items() if known.get(site) != total}
        known |= of_sites
        return changed

    def set_settings(
        self, wanted: Mapping[str, StationSettings], known: Mapping[str, StationSettings]
    ) -> None:
        """Set the settings of open jobs, where they changed, and all that jobs set last."""
        self._wanted |= wanted
        self._known = known

    def set_exceptions(self, exceptions: Mapping[str, tuple[StationException, ...]]) -> None:
        """Set the open exceptions, by the station's name."""
        self._exceptions = exceptions

    def _completed(self, state: StationState, now: datetime) -> StationState:
        port = state.port
        port_id = port.port_id
        session = self.book.get(port_id)
        if (meter := self._meters.get(port_id)) is None:
            meter = self._meters[port_id] = PowerMeter()
        power_w = meter.read(session, now, port.max_power_w)
        if power_w:
            self._flowing.add(port_id)
        else:
            self._flowing.discard(port_id)
        return StationState(
            site_id=state.site_id,
            site_currency=state.site_currency,
            port=port,
            session=session,
            is_session_listed=self.book.is_listed(session),
            power_w=power_w,
            limit=self._limits.get(port_id),
            wanted=self._wanted.get(port_id, NO_SETTINGS),
            known=self._known.get(port_id, NO_SETTINGS),
            exceptions=tuple(
                exception
                for exception in self._exceptions.get(port.station_id, ())
                if state.is_named(exception.station_id, exception.known_site_id)
            ),
            totals=self._totals.get(port_id),
        )


def _ids(old: StationState | None, new: StationState) -> AbstractSet[str]:
    """Return the ids of the station and the sites that the difference of two states changes."""
    if old is None:
        return {new.port.port_id, new.site_id}
    # Another session object is another answer.
    if old.session is new.session and old == new:
        return frozenset()
    if _site_figures(old) == _site_figures(new):
        return {new.port.port_id}
    return {new.port.port_id, old.site_id, new.site_id}


def _site_figures(state: StationState) -> tuple[str, bool, bool]:
    """Return what the figures of a site count of a station."""
    is_available = state.port.status is PortStatus.AVAILABLE
    return state.site_id, is_available, state.active_session is not None
