"""What is known of one station at one moment, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..api import (
    ChargingLimit,
    ConnectorStatus,
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
# The two vocabularies have these words in common.
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
    """What a station or a site has delivered and earned in all."""

    energy_wh: float
    cost: float | None
    """In `currency`; None until a session has named one."""
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationState:
    """One port, its session and its limit; compares equal while nothing changed."""

    site_id: str
    port: Port
    session: Session | None = None
    """The active session, else the last one known."""
    is_session_listed: bool = False
    """Whether the newest list held the session: then its connector status is the present one."""
    power_w: float | None = None
    limit: ChargingLimit | None = None
    """The limit that was last commanded; the cloud tells none."""

    wanted: StationSettings = NO_SETTINGS
    """What jobs are about to set."""
    known: StationSettings = NO_SETTINGS
    """What jobs have set."""
    exceptions: tuple[StationException, ...] = ()
    """Those that last."""
    totals: Totals | None = None
    """What it has delivered and earned in all, as far as it has been written down."""

    def is_named(self, station_id: str | None, site_id: str | None) -> bool:
        """Return whether a row of the cloud with these ids is about this station.

        `station_id` is the name on the station, which other sites may use, too. A row without a
        `site_id` (`location_id`) matches by the name alone.
        """
        return station_id == self.port.station_id and site_id in (None, self.site_id)

    @property
    def active_session(self) -> Session | None:
        """The session that goes on, if any."""
        return self.session if self.session and self.session.is_active else None

    @property
    def demand_response(self) -> DemandResponseEvent | None:
        """The event that limits the station now."""
        return self.session.active_event if self.session else None

    @property
    def connector_status(self) -> ConnectorStatus | None:
        """The present OCPP status: the session's, else what the port's status says."""
        if self.session and (self.session.is_active or self.is_session_listed):
            return self.session.connector_status
        return _CONNECTOR_BY_PORT.get(self.port.status) if self.port.status else None

    @property
    def is_plugged_in(self) -> bool | None:
        """Whether a car is connected; None where the cloud leaves it open."""
        status, session = self.connector_status, self.session
        if session and not session.is_active and not self.is_session_listed:
            # The port is "available" whether or not the car is still there.
            return False if session.end_reason is EndReason.EV_DISCONNECTED else None
        if status is None:
            return True if session and session.status is SessionStatus.CHARGING else None
        return _PLUGGED_IN.get(status)

    @property
    def is_charging(self) -> bool:
        """Whether energy flows (or is said to, where the connector's status is not told)."""
        session = self.active_session
        if session is None or session.status is SessionStatus.AUTHORIZING:
            return False
        return session.connector_status in (None, ConnectorStatus.CHARGING)

    @property
    def is_problem(self) -> bool:
        """Whether it cannot charge (faulted, out of service, not connected), or says so itself."""
        return (
            self.port.status in _PROBLEMS
            or self.connector_status is ConnectorStatus.FAULTED
            or bool(self.exceptions)
        )

    @property
    def is_in_service(self) -> bool | None:
        """Whether it is in service, or about to be."""
        if self.wanted.is_in_service is not None:
            return self.wanted.is_in_service
        if self.port.status in (None, PortStatus.NOT_CONNECTED):
            return self.known.is_in_service
        return self.port.status is not PortStatus.OFFLINE

    @property
    def is_private(self) -> bool | None:
        """Whether only its owner's drivers may use it, or are about to."""
        if self.wanted.is_private is not None:
            return self.wanted.is_private
        return self.port.restriction == _PRIVATE if self.port.restriction else None

    @property
    def is_visible(self) -> bool | None:
        """Whether the drivers' app shows it, as far as jobs tell: the cloud does not."""
        wanted = self.wanted.is_visible
        return self.known.is_visible if wanted is None else wanted

    @property
    def tariff_id(self) -> str | None:
        """The tariff of the next session, as far as jobs, sessions and the port tell."""
        session, known = self.session, self.known
        begun = session.created_at.timestamp() if session and session.created_at else 0
        told = session.tariff.tariff_id if session and session.tariff else None
        if known.tariff_id and begun < (known.tariff_since or 0):
            told = known.tariff_id
        return self.wanted.tariff_id or told or known.tariff_id or self.port.tariff_id

    def highest_limit(self, unit: LimitUnit) -> float | None:
        """Return what the station is built for; None for watts where that is not told."""
        if unit is LimitUnit.WATT:
            return self.port.max_power_w
        return self.port.amps or MAX_LIMIT_A

    def limit_in(self, unit: LimitUnit) -> float | None:
        """Return the limit in force, as far as commands tell: without one the highest."""
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
    """Return the port id of a session, by station name and site where it names no port.

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
