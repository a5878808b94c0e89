"""Reads lists that are asked for again and again: what did not change is not read again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import parse
from .response import Response


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

    async def read(self, answer: Response) -> Rows[R]:
        """Return the rows; raise as `Answer.rows` does."""
        if self._answer == (answer.status, answer.body):
            return self._rows
        # All in one go at the end: two answers may be read at the same time.
        rows, before = await answer.read(self._compared)
        self._answer, self._rows, self._before = (answer.status, answer.body), rows, before
        return rows

    def _compared(self, answer: Response) -> tuple[Rows[R], dict[str, Before[R]]]:
        """Read an answer, and of it what differs from the last one; may run in a thread."""
        known, now = self._before, dict[str, Before[R]]()

        def read(row: Mapping[str, Any]) -> R:
            name = row.get(self._key)
            before = known.get(name) if isinstance(name, str) else None
            if before is None:
                before = Before(row, self._read(row, None))
            elif before.row != row:
                before = Before(row, self._read(row, before))
            if isinstance(name, str):
                now[name] = before
            return before.model

        rows = answer.rows()
        found, is_complete = parse.rows(rows, read)
        return Rows(tuple(found), len(rows), is_complete), now
