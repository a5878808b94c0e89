"""Judge what the cloud answered: by the body as well as by the status."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
import json
from typing import Any

import orjson

from . import parse
from .errors import (
    EevionAuthenticationError,
    EevionNotFoundError,
    EevionRefusedError,
    EevionResponseError,
)

_FAILURES = {"error", "fail", "failed", "failure"}
# "That station is not allowed", also of a session.
_UNKNOWN_ID = "is not allowed"


def _no_number(word: str) -> None:
    raise ValueError(word)


_decode_slowly = partial(json.loads, parse_constant=_no_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status and a body, as received."""

    status: int
    body: bytes
    retry_after: float | None
    """Seconds, from `Retry-After`."""
    secret: str = field(repr=False)
    """The API key, which an answer may echo and an error must not."""

    def rows(self) -> list[Any]:
        """Return the rows of a list; some come with a status of 400."""
        payload = self._decoded()
        if isinstance(payload, list):
            return payload
        self._raise_refusal(payload, is_lookup=False)
        raise EevionResponseError("The cloud answered with something else than a list")

    def fields(self, *, is_lookup: bool = False, has_rows: bool = False) -> Mapping[str, Any]:
        """Return an object that is no refusal.

        Where a single thing was asked for (`is_lookup`), some refusals mean that there is
        none. Where `details` tells of each station (`has_rows`), those rows are the answer.
        """
        payload = self._decoded()
        if has_rows and parse.items(parse.mapping(payload).get("details")):
            return parse.mapping(payload)
        self._raise_refusal(payload, is_lookup=is_lookup)
        if not isinstance(payload, dict):
            raise EevionResponseError("The cloud answered with something else than an object")
        return payload

    def _decoded(self) -> Any:
        if self.status == HTTPStatus.UNAUTHORIZED:
            raise EevionAuthenticationError("The cloud does not accept the API key")
        if (
            HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST
            or self.status == HTTPStatus.FORBIDDEN
            or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise EevionResponseError(f"The cloud answered with HTTP {self.status}")
        # The fast decoder refuses a whole body for one number that no machine word holds.
        for decode in (orjson.loads, _decode_slowly):
            with suppress(ValueError, RecursionError):
                return decode(self.body)
        raise EevionResponseError(f"The cloud answered with HTTP {self.status} and no JSON")

    def _raise_refusal(self, payload: Any, *, is_lookup: bool) -> None:
        if not isinstance(payload, dict):
            return
        result, error = parse.text(payload.get("result")), parse.text(payload.get("error"))
        if not (
            self.status >= HTTPStatus.BAD_REQUEST
            or error
            or (result and result.casefold() in _FAILURES)
        ):
            return
        details = parse.mapping(payload.get("details"))
        message = (
            parse.text(details.get("errorDescription"))
            or parse.text(payload.get("message"))
            or error
            or f"HTTP {self.status}"
        )
        is_missing = self.status == HTTPStatus.NOT_FOUND or message.endswith(_UNKNOWN_ID)
        refusal = EevionNotFoundError if is_lookup and is_missing else EevionRefusedError
        if self.secret:
            message = message.replace(self.secret, "…")
        raise refusal(message, code=parse.integer(details.get("code")))


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a `Retry-After` header, which may hold a date."""
    if value is None:
        return None
    if (seconds := parse.number(value)) is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
