"""Spoils the body of an answer or of a call, the same way for the same random source."""

from collections.abc import Iterator
import copy
from dataclasses import dataclass, field
import json
from random import Random
from typing import Any

import orjson

# What no JSON encoder writes: each goes into the body as it stands.
RAW = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"9" * 400,
    b"9" * 5_000,
    b"-0.0",
    b"0x10",
    b"undefined",
    b"'single'",
    b'"\\ud83d"',
    b'"Shop \\udc00\\ud83d"',
    b'"\xff\xfe\x00"',
    b'"caf\xe9"',
    b'"\\u0000"',
    b'"line\nbreak"',
    b'{"a": 1, "a": 2, "": 3}',
    b"[" * 500 + b"]" * 500,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
)

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    0.1,
    -1e-300,
    1e300,
    10**15,
    -(10**30),
    2**63,
    2**64,
    "",
    " ",
    "0",
    "-5",
    "1e400",
    "nan",
    "true",
    "null",
    "x" * 300,
    "x" * 100_000,
    "\u00e9\u202e\u200b\U0001f50c" * 90,
    "two\nlines\r\n\ttab",
    "\ud83d",
    "half \udc00 emoji",
    "a\x00b",
    "<html><body>502</body></html>",
    "<script>alert(1)</script>",
    "../../secrets.yaml",
    "{{ states('sensor.x') }}",
    [],
    {},
    [None],
    [[]],
    [{}],
    {"is": {"nested": [1, None, {"er": "x"}]}},
    "2026-11-02",
    "2026-11-02T08:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59-23:59",
    "2026-13-45T99:99:99Z",
    "20261102T080000,5+0100",
    253_402_300_799_999,
    -62_135_596_800_000,
    8.64e15,
    1e18,
)

STATUSES = (200, 201, 204, 301, 302, 304, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504)

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body></body></html>"

NO_ANSWERS = (
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b"[{}]",
    b'""',
    b'"OK"',
    b'{"message": "Not Found"}',
    b'{"result": "error", "error": "internal", "message": ""}',
    b'{"result": "error", "error": {"code": 1}, "message": ["a"], "details": "x"}',
    b'{"error": true, "details": {"code": "707", "errorDescription": {"a": 1}}}',
    b'{"data": []}',
    b"\x00\x00\x00\x00",
    b"\xff\xfe[\x00]\x00",
    b"\xef\xbb\xbf[]",
    b"upstream connect error or disconnect/reset before headers",
    HTML,
    HTML * 3_000,
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"[" + b"0," * 300_000 + b"0]",
    b'"' + b"x" * 5_000_000 + b'"',
)

IDS = {
    "portId",
    "displayName",
    "stationId",
    "station_id",
    "sessionId",
    "id",
    "location_id",
    "jobId",
}


@dataclass(slots=True, kw_only=True)
class Spoiled:
    """A spoiled body, and whom it concerns."""

    body: bytes
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()
    """Names of the stations whose data differ; all others keep their states."""
    what: str = ""
    is_readable: bool = False
    """Whether the fault is within single fields or rows of an answer that is JSON otherwise."""


class Mutator:
    """Spoils bodies; `names` gives the station's name for each id that concerns it."""

    def __init__(self, random: Random, names: dict[str, str]) -> None:
        self._random = random
        self._names = names

    def spoil(self, body: bytes, status: int) -> Spoiled:
        """Return one of very many faults of an answer."""
        kind = self._random.choices(("fields", "bytes", "answer", "status"), (70, 12, 10, 8))[0]
        spoiled: Spoiled = getattr(self, f"_spoil_{kind}")(body, status)
        return spoiled

    def _spoil_status(self, body: bytes, status: int) -> Spoiled:
        status = self._random.choice(STATUSES)
        body = self._random.choice((body, HTML, b"", b'{"message": "Not Found"}'))
        headers = {}
        if self._random.random() < 0.3:
            headers["Retry-After"] = self._random.choice(
                ("2", "-1", "nan", "1e99", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", "")
            )
        if status in (301, 302):
            headers["Location"] = "/elsewhere"
        return Spoiled(
            body=b"" if status in (204, 304) else body,
            status=status,
            headers=headers,
            what=f"status {status} {body[:20]!r} {headers}",
        )

    def _spoil_answer(self, _: bytes, status: int) -> Spoiled:
        other = self._random.choice(NO_ANSWERS)
        return Spoiled(body=other, status=status, what=f"answer {other[:40]!r} ({len(other)} B)")

    def _spoil_bytes(self, body: bytes, status: int) -> Spoiled:
        random = self._random
        kind = random.choice(("cut", "flip", "insert", "utf-16", "gzip", "bom", "twice", "tail"))
        spoiled = bytearray(body or b"{}")
        headers = {}
        match kind:
            case "cut":
                del spoiled[random.randrange(len(spoiled)) :]
            case "flip":
                for _ in range(random.choice((1, 1, 5, 50))):
                    spoiled[random.randrange(len(spoiled))] = random.randrange(128, 256)
            case "insert":
                at = random.randrange(len(spoiled))
                spoiled[at:at] = random.choice(
                    (b"\x00", b"\xff", b"}", b"]", b",", b'"', b"\xed\xa0\xbd")
                )
            case "utf-16":
                spoiled = bytearray(bytes(spoiled).decode().encode("utf-16"))
            case "gzip":
                headers["Content-Encoding"] = random.choice(("gzip", "deflate", "br"))
            case "bom":
                spoiled[:0] = b"\xef\xbb\xbf"
            case "twice":
                spoiled *= 2
            case "tail":
                spoiled += random.choice((b"\x00" * 9, b"<!-- -->", b"\n" * 5_000, b"NaN"))
        touched = frozenset(self._names.values()) if kind in ("flip", "insert") else frozenset()
        return Spoiled(
            body=bytes(spoiled),
            status=status,
            headers=headers,
            what=f"bytes {kind}",
            touched=touched,
        )

    def _spoil_fields(self, body: bytes, status: int) -> Spoiled:
        try:
            tree = orjson.loads(body)
        except ValueError:
            return self._spoil_bytes(body, status)
        holder = [tree]
        raws: list[bytes] = []
        touched: set[str] = set()
        what: list[str] = []
        for _ in range(self._random.choice((1, 1, 1, 1, 2, 5, 20))):
            if not (paths := list(_paths(holder))):
                break
            deep = [path for path in paths if len(path) > 1]
            path = self._random.choice(deep or paths)
            touched |= self._concerned(holder, path)
            what.append(self._change(holder, path, raws))
            touched |= self._concerned(holder, path)
        text = json.dumps(*holder[:1] or [None], separators=(",", ":"))
        spoiled = text.encode()
        for number, raw in enumerate(raws):
            spoiled = spoiled.replace(f'"@raw{number}@"'.encode(), raw)
        return Spoiled(
            body=spoiled,
            status=status,
            touched=frozenset(touched),
            what="; ".join(what)[:2000],
            is_readable=True,
        )

    def _change(self, holder: list[Any], path: tuple[Any, ...], raws: list[bytes]) -> str:
        """Change one place; return what was done."""
        random = self._random
        parent: Any = holder
        for step in path[:-1]:
            parent = parent[step]
        key = path[-1]
        where = "/".join(map(str, path[1:]))
        old = parent[key]
        kinds = ["value"] * 6 + ["raw"] * 2 + ["delete", "wrap", "duplicate", "text", "grow", "id"]
        kind = random.choice(kinds)
        if kind == "raw":
            parent[key] = f"@raw{len(raws)}@"
            raws.append(random.choice(RAW))
            return f"{where}=raw {raws[-1][:20]!r}"
        if kind == "delete":
            del parent[key]
        elif kind == "duplicate" and isinstance(parent, list):
            parent[key:key] = [copy.deepcopy(old) for _ in range(random.choice((1, 1, 3, 500)))]
        else:
            parent[key] = self._value(kind, old)
        if kind in ("delete", "duplicate"):
            return f"{kind} {where}"
        return f"{where}={kind} {json.dumps(parent[key])[:50]}"

    def _value(self, kind: str, old: Any) -> Any:
        """Return the replacement of a value.

        A figure is not replaced by the name of a station that reads as one, such as "2134": as
        an energy in Wh it is as likely as the right one, so nobody can say what is to happen.
        """
        random = self._random
        match kind:
            case "value":
                return copy.deepcopy(random.choice(VALUES))
            case "wrap":
                return random.choice(([old], {"value": old}, {str(old)[:20]: old}))
            case "text":
                return str(old)
            case "grow" if isinstance(old, dict):
                new = {"deep": [1, None, {"er": "x" * 5_000}]}
                return {**old, "new": new, "": "", "is_active": 1}
            case "id":
                other = random.choice([*self._names, "nobody's", 5])
                is_figure = isinstance(old, (int, float)) and not isinstance(old, bool)
                return "nobody's" if is_figure and str(other).isdecimal() else other
        return None

    def _concerned(self, holder: list[Any], path: tuple[Any, ...]) -> set[str]:
        """Return the stations that a place is about: those of the smallest row around it."""
        rows: list[Any] = [holder]
        for step in path:
            try:
                rows.append(rows[-1][step])
            except IndexError, KeyError, TypeError:
                break
        for row in reversed(rows[1:]):
            if found := set(self._found(row, is_deep=isinstance(row, list))):
                return found
            if (
                isinstance(row, dict)
                and "ports" in row
                and (found := set(self._found(row, is_deep=True)))
            ):
                return found
        return set()

    def _found(self, value: Any, *, is_deep: bool) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                if key in IDS and isinstance(item, str) and (name := self._names.get(item)):
                    yield name
                elif is_deep:
                    yield from self._found(item, is_deep=True)
        elif isinstance(value, list) and is_deep:
            for item in value:
                yield from self._found(item, is_deep=True)
        elif isinstance(value, str) and value in self._names:
            yield self._names[value]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the way to each place within lists and objects."""
    if path:
        yield path
    if len(path) > 12:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value[:60]):
            yield from _paths(item, (*path, index))
