"""What each request passes: key, environment, budget, faults, answer, log."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
import json

from aiohttp import web

from .. import validate
from ..errors import ApiError
from ..world.world import World
from .call import Call, Handler
from .cloud import Account, Cloud, RequestRecord
from .faults import Fault, FaultKind, first
from .oddities import in_other_ways, with_missing, with_wrong_meter, with_wrong_types

PREFIX = "/api/eevion"
MAX_BODY = 1024**2
LOGGED_BODY = 20_000
HTML = "<!DOCTYPE html><html><body><h1>{status}</h1><p>Something went wrong.</p></body></html>"


def json_response(payload: object, status: int = HTTPStatus.OK) -> web.Response:
    """Answer with JSON in UTF-8; half characters that a caller sent are replaced."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return web.Response(
        body=text.encode(errors="replace"),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )


def _html_response(status: int) -> web.Response:
    text = HTML.format(status=status)
    return web.Response(text=text, status=status, content_type="text/html")


@dataclass(slots=True)
class Answer:
    """What goes back; without a response the connection is dropped."""

    response: web.Response | None

    @property
    def status(self) -> int:
        """The HTTP status, 0 for none."""
        return self.response.status if self.response else 0


class Pipeline:
    """Passes requests on to the handlers."""

    def __init__(self, cloud: Cloud) -> None:
        """Serve a cloud."""
        self._cloud = cloud
        self._deliveries: set[asyncio.Task[None]] = set()
        self._stale: dict[tuple[str, str, str, bytes], tuple[object, int]] = {}
        """The answers that stale requests get, by key, method, path and body."""

    def endpoint(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Make an aiohttp handler of an endpoint."""

        async def handle(request: web.Request) -> web.Response:
            raw = await request.read()
            answer = await self._answer(request, raw, handler)
            self._log(request, raw, answer)
            self._deliver()
            if answer.response is None:
                if request.transport:
                    request.transport.abort()
                return web.Response()
            return answer.response

        return handle

    async def close(self, _: web.Application) -> None:
        """Wait for no webhook any longer."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)

    async def _answer(self, request: web.Request, raw: bytes, handler: Handler) -> Answer:
        try:
            account = self._authorize(request)
            world = self._environment(request, account)
        except ApiError as error:
            return Answer(json_response(error.payload, error.status))
        if not account.rate_limit.consume():
            wait_s = account.rate_limit.wait_s() if self._cloud.settings.send_retry_after else 0
            return Answer(_too_many(wait_s))
        faults = self._cloud.faults.consume(request.method, request.path.removeprefix(PREFIX))
        if late := first(faults, FaultKind.LATENCY):
            await asyncio.sleep(late.seconds)
        if refusal := first(faults, *_REFUSALS):
            return Answer(_refuse(refusal))
        self._cloud.advance()
        call = Call(world=world, params=request.match_info, query=request.query, raw=raw)
        path = request.path.removeprefix(PREFIX)
        answer = in_other_ways(*self._call(handler, call), path, self._cloud.settings)
        request_key = (account.key, request.method, request.path_qs, raw)
        if first(faults, FaultKind.STALE):
            answer = self._stale.setdefault(request_key, answer)
        else:
            self._stale.pop(request_key, None)
        return _spoil(answer, faults)

    def _authorize(self, request: web.Request) -> Account:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        account = self._cloud.accounts.get(key.strip())
        if scheme.lower() != "bearer" or account is None:
            raise ApiError("The API key is not valid", status=401, error="unauthorized")
        return account

    def _environment(self, request: web.Request, account: Account) -> World:
        world = account.world(request.query.get("environment", "production"))
        if world is None:
            raise ApiError("environment must be one of: production, staging")
        return world

    def _call(self, handler: Handler, call: Call) -> tuple[object, int]:
        try:
            return handler(call), HTTPStatus.OK
        except ApiError as error:
            return error.payload, error.status

    def _log(self, request: web.Request, raw: bytes, answer: Answer) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        record = RequestRecord(
            time=self._cloud.clock.real(),
            key=key.strip() or scheme,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            body=_logged_body(raw),
            status=answer.status,
        )
        self._cloud.requests.append(record)

    def _deliver(self) -> None:
        """Post webhooks beside the answer."""
        task = asyncio.create_task(self._cloud.deliver())
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)


def _logged_body(raw: bytes) -> object:
    if len(raw) <= LOGGED_BODY:
        try:
            return validate.parse_json(raw)
        except ApiError:
            pass
    return raw[:LOGGED_BODY].decode(errors="replace")


def _too_many(retry_after_s: float) -> web.Response:
    payload = {"result": "error", "error": "tooManyRequests", "message": "Too many requests"}
    response = json_response(payload, HTTPStatus.TOO_MANY_REQUESTS)
    if retry_after_s:
        response.headers["Retry-After"] = str(round(retry_after_s))
    return response


_REFUSALS = (
    FaultKind.DROP,
    FaultKind.ERROR,
    FaultKind.HTML,
    FaultKind.UNAUTHORIZED,
    FaultKind.FORBIDDEN,
    FaultKind.RATE_LIMITED,
)


def _refuse(fault: Fault) -> web.Response | None:
    match fault.kind:
        case FaultKind.DROP:
            return None
        case FaultKind.HTML:
            return _html_response(HTTPStatus.OK)
        case FaultKind.RATE_LIMITED:
            return _too_many(fault.seconds)
        case FaultKind.UNAUTHORIZED | FaultKind.FORBIDDEN as kind:
            status = {FaultKind.UNAUTHORIZED: 401, FaultKind.FORBIDDEN: 403}[kind]
            payload = {"result": "error", "error": kind.value, "message": "Not permitted"}
            return json_response(payload, status)
        case _:
            return _html_response(fault.status)


def _spoil(answer: tuple[object, int], faults: list[Fault]) -> Answer:
    payload, status = answer
    if first(faults, FaultKind.DROP_ANSWER):
        return Answer(None)
    if fault := first(faults, FaultKind.MISSING):
        payload = with_missing(payload, fault.station)
    if fault := first(faults, FaultKind.WRONG_METER):
        payload = with_wrong_meter(payload, fault.station)
    if fault := first(faults, FaultKind.WRONG_TYPES):
        payload = with_wrong_types(payload, fault.station)
    response = json_response(payload, status)
    if first(faults, FaultKind.TRUNCATED) and isinstance(response.body, bytes):
        response.body = response.body[: len(response.body) // 2]
    return Answer(response)
