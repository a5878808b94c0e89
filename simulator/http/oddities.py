"""Answers that are wrong, and answers in the other ways that the documentation allows."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..settings import Settings

NAME_KEYS = ("displayName", "stationId", "station_id")

WRONG_METER_WH = 500_000_000


def _wrong(value: object) -> object:
    """Return a value of another JSON type."""
    match value:
        case str():
            return {"unexpected": value}
        case bool() | None:
            return "maybe"
        case int() | float():
            return f"{value} or so"
        case _:
            return 42


def with_wrong_types(payload: Any, station: str) -> Any:
    """Return an answer in which one station's values have wrong types."""
    if isinstance(payload, list):
        return [with_wrong_types(item, station) for item in payload]
    if not isinstance(payload, dict):
        return payload
    if any(payload.get(key) == station for key in NAME_KEYS):
        kept = (*NAME_KEYS, "portId", "sessionId")
        return {k: v if k in kept else _wrong(v) for k, v in payload.items()}
    return {key: with_wrong_types(value, station) for key, value in payload.items()}


def _is_of(row: object, station: str) -> bool:
    return isinstance(row, dict) and any(row.get(key) == station for key in NAME_KEYS)


def with_missing(payload: Any, station: str) -> Any:
    """Return an answer whose lists hold no rows of one station."""
    if isinstance(payload, list):
        return [with_missing(item, station) for item in payload if not _is_of(item, station)]
    if isinstance(payload, dict):
        return {key: with_missing(value, station) for key, value in payload.items()}
    return payload


def with_wrong_meter(payload: Any, station: str) -> Any:
    """Return an answer in which the sessions of one station have far too much energy."""
    if isinstance(payload, list):
        return [with_wrong_meter(item, station) for item in payload]
    if _is_of(payload, station) and "energy" in payload:
        return payload | {"energy": WRONG_METER_WH, "cost": WRONG_METER_WH / 1000}
    return payload


def in_other_ways(payload: Any, status: int, path: str, settings: Settings) -> tuple[Any, int]:
    """Return an answer and its status as the settings choose where the documentation is open."""
    if status != HTTPStatus.OK:
        return payload, status
    if path == "/station/exceptions" and settings.exceptions_are_400:
        status = HTTPStatus.BAD_REQUEST
    if path == "/session/report" and not settings.report_names_sites:
        payload = [_without(row, "location", "location_id") for row in payload]
    if path in ("/session/report", "/station/exceptions") and not settings.location_ids_of_sites:
        payload = [_with_another_location_id(row) for row in payload]
    if path == "/station/management-history" and settings.jobs_name_stations:
        payload = [_with_names(job) for job in payload]
    return _in_other_words(payload, settings), status


def _without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def _with_another_location_id(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose ``location_id`` is no site's: that of every row in the examples."""
    return row | {"location_id": "abc123"} if "location_id" in row else row


def _with_names(job: dict[str, Any]) -> dict[str, Any]:
    content = job["content"]
    names = dict(zip(content["portIds"], content["stationNames"], strict=True))
    completed = [names[port_id] for port_id in job["ids_completed"]]
    return job | {"ids_completed": completed}


def _in_other_words(payload: Any, settings: Settings) -> Any:
    if isinstance(payload, list):
        return [_in_other_words(item, settings) for item in payload]
    if not isinstance(payload, dict):
        return payload
    row = {
        key: _in_other_words(value, settings) if key == "ports" else value
        for key, value in payload.items()
    }
    if row.get("endTime") == "":
        row["endTime"] = settings.no_end_time
    if settings.words_in_capitals and isinstance(row.get("status"), str):
        row["status"] = row["status"].upper()
    return row
