"""Validators of the values in a stored file.

Each returns the value, and raises StoredDataError for a value that this integration does not
write. Times are in epoch seconds.
"""

from collections.abc import Callable
import math
from typing import Any
import unicodedata

EARLIEST, LATEST = 946_684_800, 4_102_444_800
"""The years 2000 to 2100: times of the cloud outside of them are not read."""
# A ledger can begin before a session by the difference of two clocks.
_CLOCKS_DIFFER_S = 86_400
MOST_UNITS = 10**16
"""The maximum total of a station, in the units of `accounting.amounts`."""
_MOST_CHARACTERS = 255


class StoredDataError(ValueError):
    """A value that this integration does not write."""


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise _error("a truth value", value)
    return value


def units(value: Any, *, least: int = 0) -> int:
    """Return an amount of energy or money, in the units of `accounting.amounts`."""
    if type(value) is not int or not least <= value <= MOST_UNITS:
        raise _error("an amount", value)
    return value


def moment(value: Any) -> float:
    """Return a time from 2000 to 2100."""
    if not _is_number(value) or not EARLIEST - _CLOCKS_DIFFER_S <= value <= LATEST:
        raise _error("a time", value)
    return float(value)


def moment_or_never(value: Any) -> float:
    """Return a time, or 0."""
    return 0 if _is_number(value) and value == 0 else moment(value)


def power(value: Any) -> float:
    """Return a power in W."""
    if not _is_number(value) or not 0 < value <= MOST_UNITS:
        raise _error("a power", value)
    return float(value)


def limit(value: Any) -> float:
    """Return a charging limit in A or W; 0 pauses."""
    if not _is_number(value) or not 0 <= value <= MOST_UNITS:
        raise _error("a limit", value)
    return float(value)


def hour(value: Any) -> int:
    """Return the beginning of an hour."""
    if type(value) is not int:
        raise _error("an hour", value)
    moment(value)
    return value


def text(value: Any) -> str:
    """Return an id or a name: one line of valid Unicode."""
    if (
        not isinstance(value, str)
        or len(value) > _MOST_CHARACTERS
        or not (value.isprintable() or all(map(_is_of_a_line, value)))
    ):
        raise _error("a text", value)
    return value


def optional[T](check: Callable[[Any], T], value: Any) -> T | None:
    """Return None for null, else the result of the check."""
    return None if value is None else check(value)


def fields(value: Any, *required: str) -> dict[str, Any]:
    """Return an object with the required fields."""
    if not isinstance(value, dict):
        raise _error("an object", value)
    for name in required:
        if name not in value:
            raise StoredDataError(f"{name} is missing")
    return value


def items(value: Any, length: int | None = None) -> list[Any]:
    """Return a list, of `length` items if that is set."""
    if not isinstance(value, list) or length not in (None, len(value)):
        raise _error("a list", value)
    return value


def readable[T](value: Any, read: Callable[[Any], T], lost: list[StoredDataError]) -> dict[str, T]:
    """Return the valid rows of an object, by key; add the errors of the others to `lost`."""
    rows: dict[str, T] = {}
    try:
        for key, row in fields(value).items():
            try:
                rows[text(key)] = read(row)
            except StoredDataError as err:
                lost.append(err)
    except StoredDataError as err:
        lost.append(err)
    return rows


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_of_a_line(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")


def _error(expected: str, value: Any) -> StoredDataError:
    # A text in the file may be a secret.
    found = value if _is_number(value) else type(value).__name__
    return StoredDataError(f"{found} instead of {expected}")
