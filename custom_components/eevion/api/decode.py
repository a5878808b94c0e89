"""Decode JSON of an untrusted server: an invalid value does not invalidate the others."""

from contextlib import suppress
import json
import math
import re
from typing import Any

import orjson

MAX_ROWS = 20_000
"""Maximum number of rows in a list: twenty times the largest page."""

_BOM = b"\xef\xbb\xbf"
# orjson holds the interpreter lock while it decodes.
_AT_ONCE = 2 * 1024 * 1024
_MAX_DEPTH = 64
_MAX_DIGITS = 400
_SPACE = re.compile(r"[ \t\n\r]*+")
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


def decode(body: bytes) -> Any:
    """Return the value of a JSON body; raise ValueError if it is not JSON.

    NaN, infinities, numbers of too many digits and values nested too deeply are None. Bytes
    that are not UTF-8 become lone surrogates, which `parse` replaces.
    """
    body = body.removeprefix(_BOM)
    if len(body) <= _AT_ONCE:
        with suppress(ValueError):
            return orjson.loads(body)
    return _decode_slowly(_without_depths(body.decode("utf-8", "surrogateescape")))


def _decode_slowly(text: str) -> Any:
    """Decode row by row, so that other threads can run in between."""
    position = _after_space(text, 0)
    if not text.startswith("[", position):
        value, position = _DECODER.raw_decode(text, position)
    else:
        value, position = _decode_list(text, position + 1)
    if _after_space(text, position) != len(text):
        raise ValueError("characters after the value")
    return value


def _decode_list(text: str, position: int) -> tuple[list[Any], int]:
    rows: list[Any] = []
    position = _after_space(text, position)
    if text.startswith("]", position):
        return rows, position + 1
    while len(rows) < MAX_ROWS:
        row, position = _DECODER.raw_decode(text, position)
        rows.append(row)
        position = _after_space(text, position)
        if text.startswith("]", position):
            return rows, position + 1
        if not text.startswith(",", position):
            raise ValueError("an unterminated list")
        position = _after_space(text, position + 1)
    raise ValueError("too many rows")


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _without_depths(text: str) -> str:
    """Return the text with null in place of values that are nested too deeply."""
    kept: list[str] = []
    depth = begin = 0
    for token in _TOKENS.finditer(text):
        match text[token.start()]:
            case "[" | "{":
                depth += 1
                if depth == _MAX_DEPTH:
                    kept += text[begin : token.start()], "null"
            case "]" | "}":
                if depth == _MAX_DEPTH:
                    begin = token.end()
                depth -= 1
    if depth >= _MAX_DEPTH:
        raise ValueError("an unterminated value")
    return "".join((*kept, text[begin:])) if kept else text


def _integer(digits: str) -> int | float | None:
    """Return an integer as orjson does: beyond 64 bits as a float."""
    if len(digits) < len(str(2**63)):
        return int(digits)
    return _float(digits)


def _float(digits: str) -> float | None:
    value = float(digits) if len(digits) <= _MAX_DIGITS else math.inf
    return value if math.isfinite(value) else None


def _no_number(_word: str) -> None:
    """Return None for NaN and infinities, which are not JSON."""


_DECODER = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_float=_float, parse_constant=_no_number
)
