"""The client of Hypercharge's Eevion cloud; it imports nothing of Home Assistant."""

from .client import BASE_URL, EevionClient
from .commands import ChargingProfile, Commands, Message
from .decode import decode
from .enums import (
    ConnectorStatus,
    Currency,
    EndReason,
    Environment,
    EventState,
    JobStatus,
    LimitUnit,
    PortStatus,
    ReportGroup,
    ResetType,
    SessionStatus,
    StartedWith,
    Word,
    slug,
)
from .exceptions import (
    EevionAuthenticationError,
    EevionConnectionError,
    EevionError,
    EevionNotFoundError,
    EevionRateLimitError,
    EevionRefusedError,
    EevionResponseError,
)
from .jobs import Job, JobReceipt
from .limits import ChargingLimit, LimitResult
from .rate_limit import MAX_WAIT, RESERVE, Lane, RateLimit
from .report import Report, ReportRow
from .session import DemandResponseEvent, Session, SessionLimit, Sessions, Tax
from .site import Port, Site, Sites, Station
from .station_exception import StationException
from .tariff import Fee, Tariff

__all__ = [
    "BASE_URL",
    "MAX_WAIT",
    "RESERVE",
    "ChargingLimit",
    "ChargingProfile",
    "Commands",
    "ConnectorStatus",
    "Currency",
    "DemandResponseEvent",
    "EevionAuthenticationError",
    "EevionClient",
    "EevionConnectionError",
    "EevionError",
    "EevionNotFoundError",
    "EevionRateLimitError",
    "EevionRefusedError",
    "EevionResponseError",
    "EndReason",
    "Environment",
    "EventState",
    "Fee",
    "Job",
    "JobReceipt",
    "JobStatus",
    "Lane",
    "LimitResult",
    "LimitUnit",
    "Message",
    "Port",
    "PortStatus",
    "RateLimit",
    "Report",
    "ReportGroup",
    "ReportRow",
    "ResetType",
    "Session",
    "SessionLimit",
    "SessionStatus",
    "Sessions",
    "Site",
    "Sites",
    "StartedWith",
    "Station",
    "StationException",
    "Tariff",
    "Tax",
    "Word",
    "decode",
    "slug",
]
