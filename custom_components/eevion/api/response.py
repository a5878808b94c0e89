"""Answers of the cloud: the status and the body decide whether one is an error."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from . import parse
from .clock import http_date
from .decode import decode
from .exceptions import (
    EevionAuthenticationError,
    EevionNotFoundError,
    EevionRefusedError,
    EevionResponseError,
)

_FAILURES = {"error", "fail", "failed", "failure"}
_INVALID_REQUEST = "invalidrequest"
# As in "That station is not allowed", also of a session.
_UNKNOWN_ID = "is not allowed"
# Answers of a server or gateway that does not serve the path at present.
_GATEWAY = {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.GONE,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.TOO_EARLY,
}
# A larger body is read in a thread. This is about a hundred rows, which block the event loop
# for 3 ms on a fast machine.
_AT_ONCE = 128 * 1024
_LONGEST_RETRY_AFTER = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A status and a body, as received."""

    status: int
    body: bytes
    retry_after: float | None
    """Seconds, from `Retry-After`."""
    secret: str = field(repr=False)
    """The API key, which an answer may contain and an exception must not."""

    async def read[R](self, read: Callable[[Response], R]) -> R:
        """Return the result of `read` for this answer; large ones are read in a thread."""
        if len(self.body) <= _AT_ONCE:
            return read(self)
        return await asyncio.to_thread(read, self)

    def rows(self) -> list[Any]:
        """Return the rows of a list, also of one with HTTP 400; raise the error of an answer."""
        payload = self._decoded()
        if isinstance(payload, list):
            return payload
        self._raise_refusal(payload, is_lookup=False)
        raise EevionResponseError("The cloud answered with a body that is not a list")

    def fields(self, *, is_lookup: bool = False, has_rows: bool = False) -> Mapping[str, Any]:
        """Return the object of an answer; raise the error of an answer.

        In the answer to a lookup by id (`is_lookup`), some refusals raise
        EevionNotFoundError. With `has_rows`, rows in `details` are the answer, whatever the status.
        """
        payload = self._decoded()
        if has_rows and parse.items(parse.mapping(payload).get("details")):
            return parse.mapping(payload)
        self._raise_refusal(payload, is_lookup=is_lookup)
        if not isinstance(payload, dict):
            raise EevionResponseError("The cloud answered with a body that is not an object")
        return payload

    def check(self) -> None:
        """Raise the error of an answer of which nothing is read; it may have no body."""
        is_good = HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES
        if not (is_good and not self.body.strip()):
            self.fields()

    def _decoded(self) -> Any:
        if self.status == HTTPStatus.UNAUTHORIZED:
            raise EevionAuthenticationError("The cloud does not accept the API key")
        if (
            HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST
            or self.status == HTTPStatus.FORBIDDEN
            or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise EevionResponseError(f"The cloud answered with HTTP {self.status}")
        try:
            return decode(self.body)
        except ValueError:
            # `from None`: the error contains the whole body.
            raise EevionResponseError(
                f"The cloud answered with HTTP {self.status} and no JSON"
            ) from None

    def _raise_refusal(self, payload: Any, *, is_lookup: bool) -> None:
        if not isinstance(payload, dict):
            return
        result, error = parse.text(payload.get("result")), parse.text(payload.get("error"))
        is_failure = (result or "").casefold() in _FAILURES
        if not (self.status >= HTTPStatus.BAD_REQUEST or error or is_failure):
            return
        is_invalid = (error or "").casefold() == _INVALID_REQUEST
        details = parse.mapping(payload.get("details"))
        message = (
            parse.prose(details.get("errorDescription"))
            or parse.prose(payload.get("message"))
            or error
            or f"HTTP {self.status}"
        )
        is_missing = message.casefold().rstrip(".").endswith(_UNKNOWN_ID) and (
            is_invalid or is_failure
        )
        if self.status in _GATEWAY and not (is_invalid or is_missing):
            raise EevionResponseError(f"The cloud answered with HTTP {self.status}")
        refusal = EevionNotFoundError if is_lookup and is_missing else EevionRefusedError
        if self.secret:
            message = message.replace(self.secret, "…")
        raise refusal(message, code=parse.integer(details.get("code")))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds of a `Retry-After` header, from 0 to 300; None without a valid one.

    `now` is the time by the clock of the server that sent the header.
    """
    if value is None:
        return None
    seconds = parse.number(value)
    if seconds is None:
        if (moment := http_date(value)) is None:
            return None
        seconds = (moment - now).total_seconds()
    return min(seconds, _LONGEST_RETRY_AFTER) if seconds >= 0 else None
