"""The control page and its JSON API: for people and scripts on this machine only."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from ipaddress import ip_address
import json
from pathlib import Path

from aiohttp import web

from ..errors import ControlError
from ..http.cloud import Cloud, Environment
from ..world.world import World
from .actions import CLOUD_ACTIONS, act_on_world
from .state import cloud_state, ledger_state

PAGE = Path(__file__).with_name("views.html")
LOCAL_NAMES = ("localhost",)


def _is_loopback(host: str) -> bool:
    if host in LOCAL_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_local(request: web.Request) -> None:
    """Refuse other machines, and web pages that reach for this one."""
    if not _is_loopback(request.remote or "") or not _is_loopback(request.url.host or ""):
        raise web.HTTPForbidden(reason="Control is for this machine only")
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="Send application/json")


def _world(cloud: Cloud, options: dict[str, object]) -> World:
    key, environment = options.pop("key", None), options.pop("environment", None)
    name: Environment = "staging" if environment == "staging" else "production"
    if key is not None and key not in cloud.accounts:
        raise ControlError("There is no account with this key")
    return cloud.world(str(key) if key is not None else None, name)


def _run(cloud: Cloud, action: str, options: dict[str, object]) -> object:
    cloud.advance()
    if action in CLOUD_ACTIONS:
        return CLOUD_ACTIONS[action](cloud, options)
    return act_on_world(_world(cloud, options), action, options)


def add_control(app: web.Application, cloud: Cloud) -> None:
    """Add ``/`` and ``/control/…``."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE.read_text("utf-8"), content_type="text/html")

    async def state(_: web.Request) -> web.Response:
        cloud.advance()
        return web.json_response(cloud_state(cloud))

    async def requests(_: web.Request) -> web.Response:
        return web.json_response([asdict(record) for record in cloud.requests])

    async def webhooks(_: web.Request) -> web.Response:
        return web.json_response([asdict(delivery) for delivery in cloud.outbox.log])

    async def ledger(request: web.Request) -> web.Response:
        options: dict[str, object] = dict(request.query)
        station = str(options.pop("station", ""))
        try:
            return web.json_response(ledger_state(_world(cloud, options), station))
        except ControlError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def act(request: web.Request) -> web.Response:
        try:
            options = json.loads(await request.text() or "{}")
            result = _run(cloud, request.match_info["action"], dict(options))
        except (ControlError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        await cloud.deliver()
        return web.json_response({"result": result})

    app.router.add_get("/", _local(page))
    for name, view in {
        "state": state,
        "requests": requests,
        "webhooks": webhooks,
        "ledger": ledger,
    }.items():
        app.router.add_get(f"/control/{name}", _local(view))
    app.router.add_post("/control/{action}", _local(act))


type View = Callable[[web.Request], Awaitable[web.Response]]


def _local(view: View) -> View:
    async def checked(request: web.Request) -> web.Response:
        _check_local(request)
        return await view(request)

    return checked
