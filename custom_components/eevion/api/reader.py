"""Reads lists that are asked for again and again: what did not change is not read again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import parse
from .answer import Answer


@dataclass(frozen=True, slots=True)
class Before[R]:
    """A row of the last answer, and what was made of it."""

    row: Mapping[str, Any]
    model: R


@dataclass(frozen=True, slots=True)
class Rows[R]:
    """What an answer held; the very same object while the cloud answers the same."""

    models: tuple[R, ...]
    count: int
    """How many rows there were, those included that could not be read."""
    is_complete: bool
    """False where a row could not be read: then absence proves nothing."""


class Reader[R]:
    """Reads the answers of one list; `key` is the field that names a row."""

    def __init__(self, key: str, read: Callable[[Mapping[str, Any], Before[R] | None], R]) -> None:
        """Start with nothing read; `read` is given a row and what was made of it before."""
        self._key = key
        self._read = read
        self._answer: tuple[int, bytes] | None = None
        self._rows: Rows[R] = Rows((), 0, is_complete=True)
        self._before: dict[str, Before[R]] = {}

    def read(self, answer: Answer) -> Rows[R]:
        """Return the rows; raise as `Answer.rows` does."""
        if self._answer == (answer.status, answer.body):
            return self._rows
        rows = answer.rows()
        before, self._before = self._before, {}
        found, is_complete = parse.rows(rows, lambda row: self._again(row, before))
        self._answer = (answer.status, answer.body)
        self._rows = Rows(tuple(found), len(rows), is_complete)
        return self._rows

    def _again(self, row: Mapping[str, Any], known: Mapping[str, Before[R]]) -> R:
        name = row.get(self._key)
        before = known.get(name) if isinstance(name, str) else None
        if before is None:
            before = Before(row, self._read(row, None))
        elif before.row != row:
            before = Before(row, self._read(row, before))
        if isinstance(name, str):
            self._before[name] = before
        return before.model
