"""Models of the cloud's objects: each field names the cloud's key and the value's reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache, partial
from typing import Any, Self

from . import parse
from .exceptions import EevionResponseError

type Read = Callable[[Any], Any]
"""Returns the typed value of a JSON value; None for a value that is missing or invalid."""


@dataclass(frozen=True, slots=True)
class Before[R]:
    """A row of the previous answer, and its model."""

    row: Mapping[str, Any]
    model: R


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Base of the dataclasses that are read from an object of the cloud."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read an object; raise EevionResponseError if a required id is missing."""
        return cls._from_fields(data)

    @classmethod
    def _from_fields(
        cls, data: Mapping[str, Any], before: Before[Self] | None = None, **computed: Any
    ) -> Self:
        """Read the fields that name their key; `computed` are all others.

        Of an object that was read `before`, only the fields that changed are read.
        Fields are set as the constructor of a frozen dataclass sets them, a sixth faster than by
        a call with keywords: a poll of large accounts reads thousands of objects.
        """
        model = object.__new__(cls)
        set_field, get = object.__setattr__, data.get
        if before is None:
            for name, key, read in cls.readers():
                set_field(model, name, read(get(key)))
        else:
            get_before = before.row.get
            for name, key, read in cls.readers():
                value = get(key)
                is_same = value == get_before(key)
                set_field(model, name, getattr(before.model, name) if is_same else read(value))
        for name, value in computed.items():
            set_field(model, name, value)
        return model

    @classmethod
    @cache
    def readers(cls) -> tuple[tuple[str, str, Read], ...]:
        """Return the name, the cloud's key and the reader of each field that names its key."""
        return tuple(
            (field.name, field.metadata["key"], field.metadata["read"])
            for field in fields(cls)
            if field.metadata
        )


def reported(key: str, read: Read) -> Any:
    """Return a field that is read from `key`; None if the answer does not report it."""
    return field(default=None, metadata=read_from(key, read))


def read_from(key: str, read: Read) -> Mapping[str, Any]:
    """Return the metadata of a field that `read` reads from `key`."""
    return {"key": key, "read": read}


def required(key: str) -> Mapping[str, Any]:
    """Return the metadata of an id without which an object cannot be used."""
    return read_from(key, partial(_required, key))


def _required(key: str, value: Any) -> str:
    if found := parse.identifier(value):
        return found
    raise EevionResponseError(f"a row without {key}")


def one_of(words: type[StrEnum]) -> Read:
    """Return the reader of a member of an enumeration."""
    return partial(parse.word, words)


def at_most(most: float, read: Callable[..., float | None] = parse.positive) -> Read:
    """Return the reader of a number up to `most`; `parse.positive` excludes negative ones."""
    return partial(read, most=most)


money = at_most(parse.MOST_MONEY, parse.number)
"""The reader of an amount of money, in the currency that the object names."""


def inside(key: str, read: Read) -> Read:
    """Return the reader of a key of a nested object."""
    return lambda value: read(parse.mapping(value).get(key))


def object_of(model: type[Model]) -> Read:
    """Return the reader of an object; anything else is None."""
    return lambda value: model.from_json(value) if isinstance(value, dict) else None


def list_of(model: type[Model]) -> Read:
    """Return the reader of a list of objects, as a tuple; anything else is None."""
    return lambda value: (
        tuple(parse.rows(value, model.from_json)[0]) if isinstance(value, list) else None
    )
