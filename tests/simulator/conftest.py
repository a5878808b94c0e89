"""A simulated cloud on a clock that the tests move."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
import pytest

from simulator import Cloud, Settings, World, create_app
from tests import FIXTURES

KEY = "demo-key"


@dataclass
class FakeTime:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Api:
    """The cloud over real HTTP, as an account sees it."""

    def __init__(self, client: TestClient, key: str = KEY) -> None:
        self.client = client
        self.key = key

    async def raw(self, method: str, path: str, **kwargs: Any) -> ClientResponse:
        headers = {"Authorization": f"Bearer {self.key}"} | kwargs.pop("headers", {})
        return await self.client.request(method, f"/api/eevion{path}", headers=headers, **kwargs)

    async def call(self, method: str, path: str, *, status: int = 200, **kwargs: Any) -> Any:
        response = await self.raw(method, path, **kwargs)
        text = await response.text()
        assert response.status == status, text
        return json.loads(text)

    async def get(self, path: str, **kwargs: Any) -> Any:
        return await self.call("GET", path, **kwargs)

    async def post(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return await self.call("POST", path, json=body, **kwargs)

    async def start(self, station: str, **kwargs: Any) -> Any:
        return await self.post("/session", {"stationId": station, **kwargs})


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def settings() -> Settings:
    return Settings(stations=12)


@pytest.fixture
def cloud(settings: Settings, time: FakeTime) -> Cloud:
    return Cloud(settings, now=time)


@pytest.fixture
def world(cloud: Cloud) -> World:
    return cloud.world()


@pytest.fixture
def serve(socket_enabled: None) -> Callable[..., Any]:
    @asynccontextmanager
    async def serving(cloud: Cloud, **options: Any) -> AsyncIterator[TestClient]:
        async with TestClient(TestServer(create_app(cloud, **options))) as client:
            yield client

    return serving


@pytest.fixture
async def client(cloud: Cloud, serve: Callable[..., Any]) -> AsyncIterator[TestClient]:
    async with serve(cloud) as client:
        yield client


@pytest.fixture
def api(client: TestClient) -> Api:
    return Api(client)


@pytest.fixture
def example() -> Callable[[str], Any]:
    def read(name: str) -> Any:
        return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))

    return read


@pytest.fixture
def pass_time(time: FakeTime, cloud: Cloud) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        time.now += seconds
        cloud.advance()

    return wait


class Bodies(list[Any]):
    """What has come in, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    def append(self, body: Any) -> None:
        super().append(body)
        self.came.set()

    async def wait(self, count: int) -> None:
        while len(self) < count:
            self.came.clear()
            await self.came.wait()


@pytest.fixture
def receiver(serve: Callable[..., Any]) -> Callable[..., Any]:
    """A server that takes webhooks."""

    @asynccontextmanager
    async def receive(status: int = 200) -> AsyncIterator[tuple[str, list[Any]]]:
        bodies = Bodies()

        async def take(request: web.Request) -> web.Response:
            bodies.append(await request.json())
            return web.Response(status=status)

        app = web.Application()
        app.router.add_post("/hook", take)
        async with TestServer(app) as server:
            yield str(server.make_url("/hook")), bodies

    return receive
