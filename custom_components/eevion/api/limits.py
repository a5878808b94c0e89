"""Charging limits of `POST /station/energy-management` and their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from . import parse
from .enums import LimitUnit
from .exceptions import EevionResponseError
from .model import Model, read_from, reported, required


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingLimit:
    """The maximum that a station may draw; 0 pauses it."""

    station_id: str
    unit: LimitUnit
    limit: float
    """In `unit`."""

    def to_json(self) -> dict[str, Any]:
        """Return a row of the request."""
        return {
            "stationId": self.station_id,
            "newChargingProfile": {"chargingRateUnit": self.unit, "limit": self.limit},
        }


def _is_success(value: Any) -> bool:
    return (parse.text(value) or "").casefold() == "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitResult(Model):
    """The result of setting a station's limit."""

    station_id: str = field(metadata=required("stationId"))
    is_success: bool = field(metadata=read_from("result", _is_success))
    message: str | None = reported("message", parse.prose)

    @classmethod
    def list_from_json(cls, data: Mapping[str, Any], *, station_ids: Sequence[str]) -> list[Self]:
        """Return a result for each station: its row, or else the overall result.

        Raises EevionResponseError if all rows are of other stations.
        """
        rows, _ = parse.rows(parse.items(data.get("details")), cls.from_json)
        # Of two rows of a station the failure counts.
        rows.sort(key=lambda row: row.is_success, reverse=True)
        results = {row.station_id: row for row in rows}
        if results and results.keys().isdisjoint(station_ids):
            raise EevionResponseError("The cloud answered about other stations")
        message = parse.prose(data.get("message"))
        return [
            results.get(station_id)
            or cls(
                station_id=station_id, is_success=_is_success(data.get("result")), message=message
            )
            for station_id in dict.fromkeys(station_ids)
        ]
