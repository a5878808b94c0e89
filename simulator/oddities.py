"""Answers with wrong JSON types."""

from typing import Any

NAME_KEYS = ("displayName", "stationId", "station_id")


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
