"""Checks of what callers send; each refuses with ``ApiError``."""

from collections.abc import Collection
import json
import math

from .errors import ApiError
from .json_values import JsonObject

type Number = int | float


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def parse_json(raw: bytes) -> object:
    """Read a body; an empty one is None."""
    if not raw.strip():
        return None
    try:
        body: object = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError("The body is not valid JSON") from error
    return body


def an_object(value: object, name: str) -> JsonObject:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise ApiError(f"{name} must be an object")
    return value


def a_list(value: object, name: str) -> list[object]:
    """Return a list that holds something."""
    if not isinstance(value, list) or not value:
        raise ApiError(f"{name} must be a list that is not empty")
    return value


def text(body: JsonObject, key: str, *, default: str | None = None) -> str:
    """Return a string; without a default it has to be there and not empty."""
    value = body.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        raise ApiError(f"{key} must be a string")
    return value


def number(body: JsonObject, key: str) -> Number:
    """Return a finite number."""
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ApiError(f"{key} must be a number")
    return value


def integer(body: JsonObject, key: str, *, default: int | None = None, minimum: int = 0) -> int:
    """Return a whole number, at least ``minimum``."""
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ApiError(f"{key} must be a whole number, at least {minimum}")
    return value


def boolean(body: JsonObject, key: str, *, default: bool) -> bool:
    """Return true or false."""
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise ApiError(f"{key} must be true or false")
    return value


def choice(body: JsonObject, key: str, words: Collection[str]) -> str:
    """Return one of some words."""
    value = body.get(key)
    if not isinstance(value, str) or value not in words:
        raise ApiError(f"{key} must be one of: {', '.join(words)}")
    return value


def strings(body: JsonObject, key: str) -> list[str] | None:
    """Return an optional list of strings."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, list):
        raise ApiError(f"{key} must be a list of strings")
    words = [item for item in value if isinstance(item, str)]
    if len(words) != len(value):
        raise ApiError(f"{key} must be a list of strings")
    return words


def url(body: JsonObject, key: str) -> str:
    """Return an optional web address."""
    address = text(body, key, default="")
    if address and not address.startswith(("http://", "https://")):
        raise ApiError(f"{key} must be a URL")
    return address


def query_integer(value: str | None, name: str, *, default: int, minimum: int) -> int:
    """Return a whole number of a query string."""
    if value is None:
        return default
    if not value.isascii() or not value.isdecimal() or len(value) > 18:  # noqa: PLR2004
        raise ApiError(f"{name} must be a whole number, at least {minimum}")
    return integer({name: int(value)}, name, minimum=minimum)
