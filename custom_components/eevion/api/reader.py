"""Reads lists that are polled: rows that did not change are not read again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import parse
from .model import Before
from .response import Response


@dataclass(frozen=True, slots=True)
class Rows[R]:
    """The rows of a list; those of one that is polled stay the same object with its answer."""

    models: tuple[R, ...]
    count: int
    """Number of rows, including those that could not be read."""
    is_complete: bool
    """False if a row or a page could not be read: then a missing row may exist."""


class Reader[R]:
    """Reads the answers of one list; `key` is the field that identifies a row."""

    def __init__(self, key: str, read: Callable[[Mapping[str, Any], Before[R] | None], R]) -> None:
        """Start without an answer; `read` is called with a row and what it was before, or None."""
        self._key = key
        self._read = read
        self._answer: tuple[int, bytes] | None = None
        self._rows: Rows[R] = Rows((), 0, is_complete=True)
        self._before: dict[str, Before[R]] = {}

    async def read(self, answer: Response) -> Rows[R]:
        """Return the rows; raise what `Response.rows` raises."""
        if self._answer == (answer.status, answer.body):
            return self._rows
        # Assigned together: two answers may be read at the same time.
        rows, before = await answer.read(self._read_changed)
        self._answer, self._rows, self._before = (answer.status, answer.body), rows, before
        return rows

    def _read_changed(self, answer: Response) -> tuple[Rows[R], dict[str, Before[R]]]:
        """Read the rows that differ from the previous answer; may run in a thread."""
        previous, present = self._before, dict[str, Before[R]]()

        def read(row: Mapping[str, Any]) -> R:
            name = row.get(self._key)
            before = previous.get(name) if isinstance(name, str) else None
            if before is None:
                before = Before(row, self._read(row, None))
            elif before.row != row:
                before = Before(row, self._read(row, before))
            if isinstance(name, str):
                present[name] = before
            return before.model

        rows = answer.rows()
        models, is_complete = parse.rows(rows, read)
        return Rows(tuple(models), len(rows), is_complete), present
