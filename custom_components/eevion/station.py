"""What is known of one station at one moment, and what follows from it."""

from dataclasses import dataclass

from .api import (
    ChargingLimit,
    ConnectorStatus,
    DemandResponseEvent,
    LimitUnit,
    Port,
    PortStatus,
    Session,
    SessionStatus,
)
from .const import MAX_LIMIT_A
from .sums import Totals

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
_PROBLEMS = (PortStatus.NOT_CONNECTED, PortStatus.OFFLINE)


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

    totals: Totals | None = None
    """What it has delivered and earned in all, as far as it has been written down."""

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
        status = self.connector_status
        if status is None:
            session = self.active_session
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
        """Whether the station cannot charge: faulted, out of service or not connected."""
        return self.port.status in _PROBLEMS or self.connector_status is ConnectorStatus.FAULTED

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
