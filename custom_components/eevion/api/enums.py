"""Enumerations of the cloud, with the cloud's spelling as their values."""

from enum import StrEnum


class Word(StrEnum):
    """A word of the cloud."""

    @property
    def slug(self) -> str:
        """The name in lower case, as entity states and response data contain it."""
        return self.name.lower()


def slug(word: Word | None) -> str | None:
    """Return the slug of a word; None without one."""
    return word.slug if word else None


class Environment(Word):
    """`environment` of a request; a key may see different sites in each."""

    PRODUCTION = "production"
    STAGING = "staging"


class PortStatus(Word):
    """`status` of a port in `GET /site`."""

    NOT_CONNECTED = "unknown"
    AVAILABLE = "available"
    IN_USE = "in use"
    OFFLINE = "offline"
    COMING_SOON = "coming soon"
    REMOVED = "removed"


class ConnectorStatus(Word):
    """`stationStatus` of a session: the states of OCPP 1.6 and three more."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"
    UNDER_CONSTRUCTION = "Under Construction"
    OUT_OF_SERVICE = "Out of Service"
    DECOMMISSIONED = "Decommissioned"


class SessionStatus(Word):
    """`status` of a session."""

    AUTHORIZING = "authorizing"
    CHARGING = "charging"
    COMPLETE = "complete"


class StartedWith(Word):
    """`startWith` of a session."""

    CARD = "Card"
    EEVION = "Eevion"
    IOS = "iOS"
    ANDROID = "Android"
    ROAMING = "Roaming"
    UNKNOWN = "Unknown"


class EndReason(Word):
    """`endReason` of a session, with the values of OCPP 1.6."""

    DE_AUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    EV_DISCONNECTED = "EVDisconnected"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    OTHER = "Other"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    UNLOCK_COMMAND = "UnlockCommand"


class Currency(Word):
    """`currency` of a session."""

    CAD = "CAD"
    USD = "USD"


class EventState(Word):
    """`eventState` of a demand-response event.

    The documentation names the first two; it speaks of the others without their spelling.
    """

    ACTIVE = "active"
    QUEUED = "queued"
    UPCOMING = "upcoming"
    COMPLETED = "completed"


class LimitUnit(Word):
    """`chargingRateUnit` of a charging profile."""

    AMPERE = "A"
    WATT = "W"


class ReportGroup(Word):
    """`groupBy` of a report. Only `station` is a documented value."""

    STATION = "station"
    SITE = "site"
    REGION = "region"


class ResetType(Word):
    """`type` of the `reset` command."""

    SOFT = "soft"
    HARD = "hard"


class JobStatus(Word):
    """`status` of a job. Only `success` is a documented value."""

    QUEUED = "queued"
    PENDING = "pending"
    RUNNING = "running"
    IN_PROGRESS = "in progress"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILED = "failed"
    ERROR = "error"
