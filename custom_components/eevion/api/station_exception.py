"""Exceptions of stations, as `GET /station/exceptions` returns them."""

from dataclasses import dataclass, field
from datetime import datetime

from . import parse
from .model import Model, reported, required


@dataclass(frozen=True, slots=True, kw_only=True)
class StationException(Model):
    """A fault of a station, present or past."""

    exception_id: str = field(metadata=required("id"))
    station_id: str = field(metadata=required("station_id"))
    site_id: str | None = reported("location_id", parse.identifier)
    known_site_id: str | None = reported("location_id", parse.identifier)
    """`site_id`; None if it is not that of a site of the account."""
    site_name: str | None = reported("location", parse.text)
    type: str | None = reported("type", parse.text)
    """As `ConnectionClosed` or `Offline`; the documentation has no list."""
    description: str | None = reported("description", parse.prose)
    started_at: datetime | None = reported("timestamp", parse.timestamp)
    ended_at: datetime | None = reported("end_timestamp", parse.timestamp)
    """None while the fault lasts."""
