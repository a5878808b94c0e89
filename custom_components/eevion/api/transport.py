"""Requests to the cloud, within the rate limit and of limited time and size."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ServerDisconnectedError,
)
import orjson
from yarl import URL

from . import parse
from .clock import CloudClock
from .enums import Environment
from .exceptions import (
    EevionAuthenticationError,
    EevionConnectionError,
    EevionNotFoundError,
    EevionRateLimitError,
    EevionRefusedError,
    EevionResponseError,
)
from .rate_limit import MAX_WAIT, Lane, RateLimit
from .response import Response, retry_after

MAX_BODY = 1024 * 1024
"""Maximum bytes of an answer about one object; lists have their own maximum."""
_URLS = 32


class DroppedError(EevionConnectionError):
    """The connection was closed while a request was under way."""


class Transport:
    """Sends the requests of one key to one base URL, within the key's rate limit."""

    def __init__(
        self,
        *,
        session: ClientSession,
        api_key: str,
        rate_limit: RateLimit,
        environment: Environment,
        url: str,
        request_timeout: float,
    ) -> None:
        """Set the base URL and the key; the caller closes the session."""
        self._session = session
        self._api_key = api_key.strip()
        self._rate_limit = rate_limit
        self._base = URL(url).with_user(None).with_query(None).with_fragment(None)
        self._params = {"environment": "staging"} if environment is Environment.STAGING else {}
        self._timeout = request_timeout
        self.clock = CloudClock()
        self.status_listeners: list[Callable[[int], None]] = []
        """Called with the HTTP status of every answer."""
        # Most requests have the same few paths.
        self._url = lru_cache(maxsize=_URLS)(self._make_url)

    async def read(
        self,
        method: str,
        *path: str,
        lane: Lane,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        max_body: int = MAX_BODY,
    ) -> Response:
        """Send a read; send it again once after a dropped connection and once after HTTP 429.

        Raises EevionResponseError for an answer of more than `max_body` bytes.
        """
        has_dropped = is_refused = False
        while True:
            try:
                answer = await self._request(
                    method, path, lane=lane, params=params, body=body, max_body=max_body
                )
            except DroppedError:
                if has_dropped:
                    raise
                has_dropped = True
                continue
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                return answer
            if is_refused:
                raise EevionRateLimitError(
                    "The cloud refuses more requests", retry_after=self._rate_limit.paused_for
                )
            is_refused = True

    async def command(
        self, method: str, *path: str, body: Any, max_body: int = MAX_BODY
    ) -> Response:
        """Send a command; send it again only after HTTP 429, which executes nothing.

        A body that is a function is called when the command is sent.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + MAX_WAIT[Lane.COMMAND]
        while True:
            max_wait = max(0.0, deadline - clock())
            answer = await self._request(
                method, path, lane=Lane.COMMAND, body=body, max_wait=max_wait, max_body=max_body
            )
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                return answer

    async def _request(
        self,
        method: str,
        path: Sequence[str],
        *,
        lane: Lane,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        max_wait: float | None = None,
        max_body: int,
    ) -> Response:
        """Send a request once, in a place of the rate limit."""
        url = self._url(tuple(path))
        if params:
            url = url.with_query({**params, **self._params})
        async with self._rate_limit.slot(lane, max_wait=max_wait) as acquired_at:
            data = _encoded(body() if callable(body) else body)
            answer = await self._exchange(method, url, data=data, max_body=max_body)
            if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._rate_limit.backed_off(answer.retry_after, acquired_at=acquired_at)
        for listener in self.status_listeners:
            listener(answer.status)
        return answer

    async def _exchange(
        self, method: str, url: URL, *, data: bytes | None, max_body: int
    ) -> Response:
        """Return the answer of any status; raise EevionConnectionError without an answer."""
        if not (self._api_key.isascii() and self._api_key.isprintable()):
            raise EevionAuthenticationError("The API key has characters that no key has")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._api_key}"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        # `from None`: aiohttp's errors contain the headers of the request with the key.
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._session.request(
                    method,
                    url,
                    data=data,
                    headers=headers,
                    allow_redirects=False,
                    middlewares=(_send_once,),
                ) as response,
            ):
                self.clock.set(response.headers.get("Date"))
                return Response(
                    status=response.status,
                    secret=self._api_key,
                    body=await _read(response, max_body),
                    retry_after=retry_after(response.headers.get("Retry-After"), self.clock.now()),
                )
        except TimeoutError:
            raise EevionConnectionError("The cloud did not answer in time") from None
        except ClientPayloadError:
            raise DroppedError("The connection was closed within an answer") from None
        except (ClientError, OSError) as err:
            raise EevionConnectionError(_error_text(err)) from None

    def _make_url(self, path: tuple[str, ...]) -> URL:
        """Return the URL of a path whose parts may contain any character."""
        if not all(path):
            raise EevionNotFoundError("An empty id does not exist")
        if not all(map(_is_unicode, path)):
            raise EevionNotFoundError("An id that is not valid Unicode does not exist")
        parts = [str(self._base).rstrip("/")]
        parts += [quote(part, safe="").replace(".", "%2E") for part in path]
        return URL("/".join(parts), encoded=True).with_query(self._params)


def _is_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogates, which a request cannot contain."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _encoded(body: Any) -> bytes | None:
    """Return the JSON of a request; raise EevionRefusedError if it cannot be encoded."""
    if body is None:
        return None
    try:
        return orjson.dumps(body)
    except TypeError:
        # `from None`: the error contains the whole body.
        raise EevionRefusedError("The request contains text that is not valid Unicode") from None


def _error_text(err: Exception) -> str:
    """Return the text of an error, which may contain a part of the answer."""
    return parse.prose(f"{type(err).__name__}: {err}") or type(err).__name__


async def _read(response: ClientResponse, max_body: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > max_body:
            raise EevionResponseError("The answer is too large")
    return b"".join(chunks)


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Prevent aiohttp from sending a dropped request again, outside the rate limit."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as err:
        raise DroppedError(_error_text(err)) from None
