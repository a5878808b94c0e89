"""Charging limits, as `POST /station/energy-management` takes and confirms them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from . import parse
from .enums import LimitUnit
from .exceptions import EevionResponseError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingLimit:
    """The most that a station may draw; 0 pauses it."""

    station_id: str
    unit: LimitUnit
    limit: float
    """In `unit`."""

    def to_json(self) -> dict[str, Any]:
        """Return one of the rows that the cloud takes."""
        return {
            "stationId": self.station_id,
            "newChargingProfile": {"chargingRateUnit": self.unit, "limit": self.limit},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitResult:
    """Whether a station took its limit."""

    station_id: str
    is_success: bool
    message: str | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one of the `details`; raise EevionResponseError without `stationId`."""
        return cls(
            station_id=parse.required(data, "stationId"),
            is_success=_is_success(data),
            message=parse.prose(data.get("message")),
        )

    @classmethod
    def list_from_json(cls, data: Mapping[str, Any], *, asked: Sequence[str]) -> list[Self]:
        """Return a result for each station asked for: its row, or else the overall one.

        Raises EevionResponseError where all rows are of others.
        """
        rows, _ = parse.rows(parse.items(data.get("details")), cls.from_json)
        # Of two rows of one station the failure counts.
        rows.sort(key=lambda row: row.is_success, reverse=True)
        told = {row.station_id: row for row in rows}
        if told and told.keys().isdisjoint(asked):
            raise EevionResponseError("The cloud answered about other stations")
        message = parse.prose(data.get("message"))
        return [
            told.get(station_id)
            or cls(station_id=station_id, is_success=_is_success(data), message=message)
            for station_id in dict.fromkeys(asked)
        ]


def _is_success(data: Mapping[str, Any]) -> bool:
    return (parse.text(data.get("result")) or "").casefold() == "success"
