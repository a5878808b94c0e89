"""The state of one station at one moment, and the values derived from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..api import (
    ChargingLimit,
    ConnectorStatus,
    Currency,
    DemandResponseEvent,
    EndReason,
    LimitUnit,
    Port,
    PortStatus,
    Session,
    SessionStatus,
    StationException,
)
from ..const import MAX_LIMIT_A
from .settings import NO_SETTINGS, StationSettings

_PLUGGED_IN = {
    ConnectorStatus.PREPARING: True,
    ConnectorStatus.CHARGING: True,
    ConnectorStatus.SUSPENDED_EV: True,
    ConnectorStatus.SUSPENDED_EVSE: True,
    ConnectorStatus.FINISHING: True,
    ConnectorStatus.AVAILABLE: False,
    ConnectorStatus.RESERVED: False,
}
# The port statuses that have a counterpart among the connector statuses.
_CONNECTOR_BY_PORT = {
    PortStatus.AVAILABLE: ConnectorStatus.AVAILABLE,
    PortStatus.OFFLINE: ConnectorStatus.OUT_OF_SERVICE,
    PortStatus.COMING_SOON: ConnectorStatus.UNDER_CONSTRUCTION,
    PortStatus.REMOVED: ConnectorStatus.DECOMMISSIONED,
}
_PRIVATE = "private"
_PROBLEMS = (PortStatus.NOT_CONNECTED, PortStatus.OFFLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Lifetime energy and revenue of a station or a site."""

    energy_wh: float
    cost: float | None
    """In `currency`; None until a session names a currency."""
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationState:
    """One port, its session and its limit; compares equal while nothing changed."""

    site_id: str
    port: Port
    site_currency: Currency | None = None
    """The currency of the site's country; sessions name their own."""
    session: Session | None = None
    """The active session, else the last one."""
    is_session_listed: bool = False
    """Whether the newest list holds the session: then its connector status is current."""
    power_w: float | None = None
    limit: ChargingLimit | None = None
    """The limit that was last commanded; the cloud reports none."""

    wanted: StationSettings = NO_SETTINGS
    """The settings of open jobs."""
    known: StationSettings = NO_SETTINGS
    """The settings that jobs set last."""
    exceptions: tuple[StationException, ...] = ()
    """The open ones."""
    totals: Totals | None = None
    """Lifetime energy and revenue as written to the storage."""

    def is_named(self, station_id: str | None, site_id: str | None) -> bool:
        """Return whether a row of the cloud with these ids belongs to this station.

        `station_id` is the name on the station, which several sites may use. A row without the
        `location_id` of a known site matches by the name alone.
        """
        return station_id == self.port.station_id and site_id in (None, self.site_id)

    @property
    def active_session(self) -> Session | None:
        """The active session."""
        return self.session if self.session and self.session.is_active else None

    @property
    def demand_response(self) -> DemandResponseEvent | None:
        """The demand-response event that limits the station now."""
        return self.session.active_event if self.session else None

    @property
    def connector_status(self) -> ConnectorStatus | None:
        """The present OCPP status: that of the session, else derived from that of the port."""
        if self.session and (self.session.is_active or self.is_session_listed):
            return self.session.connector_status
        return _CONNECTOR_BY_PORT.get(self.port.status) if self.port.status else None

    @property
    def is_plugged_in(self) -> bool | None:
        """Whether a car is connected; None where no answer of the cloud decides it."""
        status, session = self.connector_status, self.session
        # A port is "available" with or without a car.
        by_port = True if self.port.status is PortStatus.IN_USE else None
        if session and not session.is_active and not self.is_session_listed:
            return False if session.end_reason is EndReason.EV_DISCONNECTED else by_port
        if status is None:
            return True if session and session.status is SessionStatus.CHARGING else by_port
        return _PLUGGED_IN.get(status)

    @property
    def currency(self) -> str | None:
        """The currency of the last session, else of the totals, the port or the site's country."""
        of_session = self.session.currency if self.session else None
        of_totals = self.totals.currency if self.totals else None
        return of_session or of_totals or self.port.currency or self.site_currency

    @property
    def is_charging(self) -> bool:
        """Whether energy flows: by the connector status, else by the session status."""
        session = self.active_session
        if session is None or session.status is SessionStatus.AUTHORIZING:
            return False
        return session.connector_status in (None, ConnectorStatus.CHARGING)

    @property
    def is_problem(self) -> bool:
        """Whether the station is faulted, out of service, not connected, or has an exception."""
        return (
            self.port.status in _PROBLEMS
            or self.connector_status is ConnectorStatus.FAULTED
            or bool(self.exceptions)
        )

    @property
    def is_in_service(self) -> bool | None:
        """Whether it is in service, or will be after an open job."""
        if self.wanted.is_in_service is not None:
            return self.wanted.is_in_service
        if self.port.status in (None, PortStatus.NOT_CONNECTED):
            return self.known.is_in_service
        return self.port.status is not PortStatus.OFFLINE

    @property
    def is_private(self) -> bool | None:
        """Whether it is restricted to its owner's drivers, or will be after an open job."""
        if self.wanted.is_private is not None:
            return self.wanted.is_private
        return self.port.restriction == _PRIVATE if self.port.restriction else None

    @property
    def is_visible(self) -> bool | None:
        """Whether the drivers' app shows it, as jobs set it last: the cloud does not report it."""
        wanted = self.wanted.is_visible
        return self.known.is_visible if wanted is None else wanted

    @property
    def tariff_id(self) -> str | None:
        """The tariff of the next session, from jobs, the last session, or the port."""
        session, known = self.session, self.known
        begun = session.created_at.timestamp() if session and session.created_at else 0
        reported = session.tariff.tariff_id if session and session.tariff else None
        if known.tariff_id and begun < (known.tariff_since or 0):
            reported = known.tariff_id
        return self.wanted.tariff_id or reported or known.tariff_id or self.port.tariff_id

    def highest_limit(self, unit: LimitUnit) -> float | None:
        """Return the highest limit of the station; None in W where volts or amps are unknown."""
        if unit is LimitUnit.WATT:
            return self.port.max_power_w
        return self.port.amps or MAX_LIMIT_A

    def limit_in(self, unit: LimitUnit) -> float | None:
        """Return the last commanded limit, by default the highest; None where volts are unknown."""
        if self.limit is None:
            return self.highest_limit(unit)
        if self.limit.unit is unit:
            return self.limit.limit
        if not self.port.volts:
            return None
        if unit is LimitUnit.WATT:
            return self.limit.limit * self.port.volts
        return self.limit.limit // self.port.volts


def port_of(session: Session, stations: Mapping[str, StationState]) -> str | None:
    """Return the port id of a session, else that of the station with its name and site.

    None where no station or several stations match.
    """
    if session.port_id:
        return session.port_id
    found = [
        port_id
        for port_id, station in stations.items()
        if station.is_named(session.station_id, session.site_id)
    ]
    return found[0] if len(found) == 1 else None
