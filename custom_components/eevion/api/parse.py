"""Read the cloud's JSON values, whatever they turn out to be.

Everything here takes any JSON value and gives a typed one or None: None is
"the cloud did not tell". Nothing raises, for one odd field must not cost a station.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import logging
import math
from typing import Any

from .errors import EevionResponseError

_LOGGER = logging.getLogger(__name__)

# A hostile cloud could send a new word each time: what is remembered, and the log, are bounded.
_MAX_SAID = 200
_MAX_TEXT = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_said: set[str] = set()


def say_once(what: str) -> None:
    """Log an oddity of the cloud at debug level, the first time it is seen."""
    if what not in _said and len(_said) < _MAX_SAID:
        _said.add(what)
        _LOGGER.debug("The cloud sent %s", what)


def text(value: Any) -> str | None:
    """Return a text without blanks around it; the empty text is None."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return value.strip()[:_MAX_TEXT] or None


def number(value: Any) -> float | None:
    """Return a finite number, also from a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except OverflowError, ValueError:
        return None
    return result if math.isfinite(result) else None


def positive(value: Any) -> float | None:
    """Return a finite number that is not negative."""
    result = number(value)
    return result if result is not None and result >= 0 else None


def integer(value: Any) -> int | None:
    """Return a whole number, also from a text."""
    result = number(value)
    return int(result) if result is not None else None


def boolean(value: Any) -> bool | None:
    """Return a truth value."""
    return value if isinstance(value, bool) else None


def timestamp(value: Any) -> datetime | None:
    """Return a UTC time from ISO 8601 or epoch milliseconds; 0 and "" are None."""
    if not value or isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except OverflowError, OSError, ValueError:
        say_once("a time that is none")
    return None


def milliseconds(moment: datetime) -> int:
    """Return a time as the epoch milliseconds the cloud takes."""
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def word[W: StrEnum](words: type[W], value: Any) -> W | None:
    """Return the known word for what the cloud sent, in whatever case."""
    if not isinstance(value, str) or not value:
        return None
    try:
        return words(value)
    except ValueError:
        folded = value.casefold()
        for known in words:
            if known.casefold() == folded:
                return known
    say_once(f"an unknown {words.__name__}: {value[:40]!r}")
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list; anything else is an empty one."""
    return value if isinstance(value, list) else []


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list."""
    return tuple(found for item in items(value) if (found := text(item)))


def required(data: Mapping[str, Any], key: str) -> str:
    """Return a text that a row is worthless without."""
    if found := text(data.get(key)):
        return found
    raise EevionResponseError(f"a row without {key}")


def rows[R](value: Iterable[Any], read: Callable[[Mapping[str, Any]], R]) -> tuple[list[R], bool]:
    """Read each row that can be read; the flag tells whether all could."""
    good: list[R] = []
    complete = True
    for row in value:
        try:
            if not isinstance(row, dict):
                raise EevionResponseError("a row that is no object")  # noqa: TRY301
            good.append(read(row))
        except EevionResponseError as err:
            complete = False
            say_once(str(err))
    return good, complete
