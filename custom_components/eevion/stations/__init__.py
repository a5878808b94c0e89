"""Present state of stations: port, session, power, settings and the stored memory of them."""

from .memory import OpenJob, StationMemory, unique_names
from .serialize import (
    COST_FIGURES,
    PURPOSES,
    Json,
    commands_json,
    event_json,
    exception_json,
    figures_json,
    job_json,
    limits_json,
    port_json,
    row_json,
    session_event,
    session_json,
    site_json,
    tariff_json,
    taxes_json,
    time_json,
)
from .session_limits import LimitUse, elapsed_s, limit_uses, reached_limits
from .settings import IN_SERVICE, NO_SETTINGS, OUT_OF_SERVICE, StationSettings
from .snapshot import Assembly, Snapshot
from .station import StationState, Totals, port_of

__all__ = [
    "COST_FIGURES",
    "IN_SERVICE",
    "NO_SETTINGS",
    "OUT_OF_SERVICE",
    "PURPOSES",
    "Assembly",
    "Json",
    "LimitUse",
    "OpenJob",
    "Snapshot",
    "StationMemory",
    "StationSettings",
    "StationState",
    "Totals",
    "commands_json",
    "elapsed_s",
    "event_json",
    "exception_json",
    "figures_json",
    "job_json",
    "limit_uses",
    "limits_json",
    "port_json",
    "port_of",
    "reached_limits",
    "row_json",
    "session_event",
    "session_json",
    "site_json",
    "tariff_json",
    "taxes_json",
    "time_json",
    "unique_names",
]
