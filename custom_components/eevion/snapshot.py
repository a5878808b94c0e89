"""Puts together what sites, sessions and commands tell of each station."""

from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime

from .api import ChargingLimit, Site, StationException
from .managed import NOTHING, Settings
from .power import PowerMeter
from .session_book import SessionBook
from .station import StationState
from .sums import Totals


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All sites and stations at one moment, by their ids."""

    sites: Mapping[str, Site] = field(default_factory=dict)
    stations: dict[str, StationState] = field(default_factory=dict)
    site_totals: Mapping[str, Totals] = field(default_factory=dict)

    def stations_at(self, site_id: str) -> list[StationState]:
        """Return the stations of a site."""
        return [state for state in self.stations.values() if state.site_id == site_id]


class Assembly:
    """Makes each snapshot out of the one before; tells which ids changed."""

    def __init__(self) -> None:
        """Start empty."""
        self.snapshot = Snapshot()
        self.book = SessionBook()
        self._meters: dict[str, PowerMeter] = {}
        self._limits: dict[str, ChargingLimit] = {}
        self._totals: dict[str, Totals] = {}
        self._site_totals: dict[str, Totals] = {}
        self._wanted: dict[str, Settings] = {}
        self._known: Mapping[str, Settings] = {}
        self._exceptions: Mapping[str, tuple[StationException, ...]] = {}

    def take_sites(
        self, sites: Iterable[Site], *, with_inactive: bool, now: datetime
    ) -> AbstractSet[str]:
        """Make a new snapshot; planned and decommissioned ports are in it only where asked for.

        Returns the ids of the sites and stations that changed. A port that two sites
        claim counts for the first.
        """
        before = self.snapshot
        self.snapshot = Snapshot({site.site_id: site for site in sites}, {}, self._site_totals)
        for site in self.snapshot.sites.values():
            for port in site.ports:
                if with_inactive or port.is_in_place:
                    state = StationState(site_id=site.site_id, port=port)
                    self.snapshot.stations.setdefault(port.port_id, state)
        self.book.retain(self.snapshot.stations)
        self._meters = {p: m for p, m in self._meters.items() if p in self.snapshot.stations}
        for port_id, state in self.snapshot.stations.items():
            self.snapshot.stations[port_id] = self._completed(state, now)
        return _differences(before.stations, self.snapshot.stations)

    def refresh(self, port_id: str | None, *, now: datetime) -> AbstractSet[str]:
        """Renew one station's state; return the ids that changed."""
        if port_id is None or (known := self.snapshot.stations.get(port_id)) is None:
            return frozenset()
        state = self._completed(known, now)
        self.snapshot.stations[port_id] = state
        return _differences({port_id: known}, {port_id: state})

    def set_limits(self, limits: Mapping[str, ChargingLimit]) -> None:
        """Keep the limits that were commanded, by port id."""
        self._limits |= limits

    def set_totals(
        self, totals: Mapping[str, Totals], of_sites: Mapping[str, Totals]
    ) -> AbstractSet[str]:
        """Keep totals that have been written, by port and site id; return changed sites."""
        self._totals |= totals
        changed = {site for site, total in of_sites.items() if self._site_totals.get(site) != total}
        self._site_totals |= of_sites
        return changed

    def set_settings(self, wanted: Mapping[str, Settings], known: Mapping[str, Settings]) -> None:
        """Keep what jobs are about to set, where that changed, and all they have set."""
        self._wanted |= wanted
        self._known = known

    def set_exceptions(self, exceptions: Mapping[str, tuple[StationException, ...]]) -> None:
        """Keep the exceptions that last, by the station's name."""
        self._exceptions = exceptions

    def _completed(self, state: StationState, now: datetime) -> StationState:
        port = state.port
        session = self.book.get(port.port_id)
        meter = self._meters.setdefault(port.port_id, PowerMeter())
        return replace(
            state,
            session=session,
            is_session_listed=self.book.is_listed(session),
            power_w=meter.read(session, now, port.max_power_w),
            limit=self._limits.get(port.port_id),
            wanted=self._wanted.get(port.port_id, NOTHING),
            known=self._known.get(port.port_id, NOTHING),
            exceptions=self._exceptions.get(port.station_id, ()),
            totals=self._totals.get(port.port_id),
        )


def _differences(
    before: Mapping[str, StationState], after: Mapping[str, StationState]
) -> AbstractSet[str]:
    changed: set[str] = set()
    for port_id in before.keys() | after.keys():
        old, new = before.get(port_id), after.get(port_id)
        if old != new:
            changed.add(port_id)
            changed |= {state.site_id for state in (old, new) if state}
    return changed
