"""A cloud that answers what a test sets, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
import json
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.eevion.api import EevionClient, RateLimit, rate_limit as rate_limit_module
from custom_components.eevion.api.reader import Reader, Rows
from custom_components.eevion.api.response import Response
from tests import FIXTURES

API_KEY = "a-key-that-must-not-leak"


@pytest.fixture
def example() -> Callable[[str], Any]:
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def answer_with(body: Any) -> Response:
    """Return the cloud's answer with a body."""
    return Response(status=200, body=json.dumps(body).encode(), retry_after=None, secret="")


def read_rows[R](reader: Reader[R], body: Any) -> Rows[R]:
    """Return what a reader makes of the cloud's answer with a body."""
    answer = body if isinstance(body, Response) else answer_with(body)
    return asyncio.run(reader.read(answer))


@dataclass(kw_only=True)
class Received:
    method: str
    raw_path: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(kw_only=True)
class Reply:
    status: int = 200
    body: Any = None
    raw: bytes | None = None
    headers: dict[str, str] | None = None
    drop: bool = False
    truncate: bool = False
    stall: bool = False


class FakeCloud:
    """Answers each request with the next reply, and the last one for ever."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.replies: list[Reply] = []
        self.url = ""
        self.arrived = asyncio.Event()
        self.over = asyncio.Event()

    def reply(self, body: Any = None, **options: Any) -> None:
        self.replies.append(Reply(body=body, **options))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.received.append(
            Received(
                method=request.method,
                raw_path=request.raw_path,
                path=request.rel_url.raw_path.removeprefix("/api"),
                query=dict(request.query),
                headers=dict(request.headers),
                body=json.loads(body) if body else None,
            )
        )
        self.arrived.set()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        raw = json.dumps(reply.body).encode() if reply.raw is None else reply.raw
        if reply.drop:
            assert request.transport
            request.transport.abort()
            return web.Response()
        if reply.truncate or reply.stall:
            response = web.StreamResponse(headers={"Content-Length": str(len(raw) + 1)})
            await response.prepare(request)
            await response.write(raw)
            assert request.transport
            if reply.truncate:
                request.transport.close()
            else:
                await self.over.wait()
            return response
        return web.Response(
            status=reply.status,
            body=raw,
            headers={"Content-Type": "text/html"} | (reply.headers or {}),
        )


@pytest.fixture
async def cloud(socket_enabled: None) -> AsyncIterator[FakeCloud]:
    fake = FakeCloud()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    async with TestServer(app) as server:
        fake.url = str(server.make_url("/api"))
        yield fake
        fake.over.set()


@pytest.fixture
def rate_limit() -> RateLimit:
    return RateLimit()


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
def make_client(
    cloud: FakeCloud, rate_limit: RateLimit, session: ClientSession
) -> Callable[..., EevionClient]:
    options = {
        "session": session,
        "api_key": API_KEY,
        "rate_limit": rate_limit,
        "url": cloud.url,
    }
    return lambda **others: EevionClient(**(options | others))


@pytest.fixture
def client(make_client: Callable[..., EevionClient]) -> EevionClient:
    return make_client()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit_module, "_LEAST_PAUSE", 0.001)
    monkeypatch.setattr(rate_limit_module, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(rate_limit_module, "_FIRST_PAUSE_OF_COMMANDS", 0.001)
