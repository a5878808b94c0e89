"""Faults of stations, as `GET /station/exceptions` and the webhook tell them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from . import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class StationException:
    """Something that is or was wrong with a station."""

    exception_id: str
    station_id: str
    site_id: str | None
    site_name: str | None
    type: str | None
    """As `ConnectionClosed` or `Offline`; there is no list."""
    description: str | None
    started_at: datetime | None
    ended_at: datetime | None
    """None while it lasts."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read an exception; raise EevionResponseError where it or its station has no id."""
        return cls(
            exception_id=parse.required(data, "id"),
            station_id=parse.required(data, "station_id"),
            site_id=parse.identifier(data.get("location_id")),
            site_name=parse.text(data.get("location")),
            type=parse.text(data.get("type")),
            description=parse.prose(data.get("description")),
            started_at=parse.timestamp(data.get("timestamp")),
            ended_at=parse.timestamp(data.get("end_timestamp")),
        )
