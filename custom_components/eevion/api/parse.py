"""Read the JSON values of the cloud, which can be of any type.

Each function accepts any JSON value and returns a typed value, or None for "not reported".
Only `rows` raises: one invalid field must not invalidate a station.

All text of the cloud is read here. The result is valid Unicode on one line, of limited
length, without invisible characters and without those that change the direction of others.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import islice
import logging
import re
from typing import Any
import unicodedata

from .decode import MAX_ROWS
from .exceptions import EevionResponseError

_LOGGER = logging.getLogger(__name__)

MAX_ID, MAX_NAME, MAX_TEXT = 128, 255, 1024
"""Maximum characters of an id, of a name (the maximum of a state), and of a long text."""
MOST = 1e12
"""The largest plausible number."""
MOST_S, MOST_W, MOST_MONEY, MOST_V, MOST_A = 1e9, 1e9, 1e9, 1e4, 1e4

# A cloud could send a new value with each answer: the set and the log are bounded.
_MAX_LOGGED = 200
_MAX_NUMBER = 40
_MAX_WORD = 64
_MAX_DEPTH = 8
_MAX_ITEMS = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No charging station is older; an end later than this is open-ended.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_EARLIEST_MS, _LATEST_MS = _EARLIEST.timestamp() * 1000, _LATEST.timestamp() * 1000
# Characters that `str.isprintable` accepts though they are invisible.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NO_CHARACTER = "\ufffd"
# The end of an id that `identifier` has changed.
_CHANGED = re.compile(r"~[0-9a-f]{16}\Z")
_logged: set[str] = set()


def log_once(oddity: str) -> None:
    """Log an unexpected value of the cloud at debug level, the first time only."""
    if oddity not in _logged and len(_logged) < _MAX_LOGGED:
        _logged.add(oddity)
        _LOGGER.debug("The cloud sent %s", oddity)


def text(value: Any, most: int = MAX_NAME) -> str | None:
    """Return a text, cut to `most` characters; None if it is empty."""
    if (value := _as_text(value)) is None:
        return None
    if not _is_clean(value):
        value = _clean(value[: 2 * most])
    return value.strip()[:most].rstrip() or None


def prose(value: Any) -> str | None:
    """Return a text of up to 1,024 characters, as a message or a description."""
    return text(value, MAX_TEXT)


def identifier(value: Any) -> str | None:
    """Return an id exactly as the cloud spells it; None if it is blank.

    An id that cannot be part of a request, a file or a log, or that looks like another, is
    changed. A digest of the original is then its end, so that different ids stay different.
    """
    if (value := _as_text(value)) is None or not value.strip():
        return None
    if len(value) <= MAX_ID and _is_clean(value) and not _CHANGED.search(value):
        return value
    digest = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    log_once("an id with unusable characters")
    return f"{text(value, MAX_ID - 17) or ''}~{digest}"


def _as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    # Python does not convert integers of thousands of digits to text.
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MAX_WORD:
        return str(value)
    return None


def _is_clean(value: str) -> bool:
    return value.isprintable() and (value.isascii() or not _INVISIBLE.search(value))


def _clean(value: str) -> str:
    return " ".join("".join(map(_clean_character, value)).split())


def _clean_character(character: str) -> str:
    if _INVISIBLE.match(character):
        return ""
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Cc" | "Zl" | "Zp" | "Zs":
            return " "
        case "Cs":
            return _NO_CHARACTER
        case "Cn" if ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:  # noqa: PLR2004
            return _NO_CHARACTER
    return character


def number(value: Any, *, most: float = MOST) -> float | None:
    """Return a number from -`most` to `most`, or None; a text is converted."""
    if isinstance(value, str):
        if len(value) > _MAX_NUMBER or not value.isascii() or "_" in value:
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError, ValueError:
        return None
    # Adding 0.0 turns a negative zero into zero.
    return result + 0.0 if -most <= result <= most else None


def positive(value: Any, *, most: float = MOST) -> float | None:
    """Return a number from 0 to `most`."""
    result = number(value, most=most)
    return result if result is not None and result >= 0 else None


def integer(value: Any) -> int | None:
    """Return a whole number, or None; a text is converted."""
    result = number(value)
    return int(result) if result is not None else None


def boolean(value: Any) -> bool | None:
    """Return true or false; None for anything else."""
    return value if isinstance(value, bool) else None


def timestamp(value: Any) -> datetime | None:
    """Return a UTC time from ISO 8601 or epoch milliseconds, also as a text.

    0, "" and times before 2000 or from 2100 on are None.
    """
    if not value or isinstance(value, bool):
        return None
    try:
        moment_ms = number(value, most=_LATEST_MS)
        if moment_ms is not None and _EARLIEST_MS <= moment_ms < _LATEST_MS:
            return datetime.fromtimestamp(moment_ms / 1000, UTC)
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            parsed = parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            if _EARLIEST <= parsed < _LATEST:
                return parsed
    except OverflowError, ValueError:
        pass
    log_once("an invalid time")
    return None


def milliseconds(moment: datetime) -> int:
    """Return a time as epoch milliseconds, as requests contain it; 0 for times before 1970.

    A time without a zone is UTC.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, (moment - _EPOCH) // timedelta(milliseconds=1))


def word[W: StrEnum](words: type[W], value: Any) -> W | None:
    """Return the member of an enumeration, regardless of case; None for other values."""
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_WORD:
        return None
    try:
        return words(value)
    except ValueError:
        folded = value.strip().casefold()
        for member in words:
            if member.casefold() == folded:
                return member
    log_once(f"an unknown {words.__name__}: {value[:40]!a}")
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list; an empty one for any other value."""
    return value if isinstance(value, list) else []


def texts(value: Any) -> tuple[str, ...]:
    """Return the names in a list."""
    return tuple(found for item in items(value) if (found := text(item)))


def identifiers(value: Any) -> tuple[str, ...]:
    """Return the ids in a list."""
    return tuple(found for item in items(value) if (found := identifier(item)))


def tree(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return any JSON value with its texts, keys and numbers read as by the other functions."""
    if isinstance(value, str):
        return prose(value) or ""
    if isinstance(value, dict):
        pairs = islice(value.items(), _MAX_ITEMS if depth else 0)
        return {name: tree(item, depth - 1) for key, item in pairs if (name := identifier(key))}
    if isinstance(value, list):
        return [tree(item, depth - 1) for item in value[: _MAX_ITEMS if depth else 0]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Epoch milliseconds are the largest plausible numbers.
        return value if number(value, most=_LATEST_MS) is not None else None
    return value


def rows[R](value: list[Any], read: Callable[[Mapping[str, Any]], R]) -> tuple[list[R], bool]:
    """Return the models of the rows that can be read, and whether all could be read.

    Raises EevionResponseError if there are more rows than any account has.
    """
    if len(value) > MAX_ROWS:
        raise EevionResponseError("too many rows")
    models: list[R] = []
    is_complete = True
    for row in value:
        try:
            if not isinstance(row, dict):
                raise EevionResponseError("a row that is not an object")  # noqa: TRY301
            models.append(read(row))
        except EevionResponseError as err:
            is_complete = False
            log_once(str(err))
    return models, is_complete
