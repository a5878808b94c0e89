"""The web application: the cloud's API, and the control page beside it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from email.utils import formatdate

from aiohttp import web

from .control.views import add_control
from .errors import ApiError
from .http.call import Call
from .http.cloud import Cloud
from .http.endpoints import ROUTES
from .http.pipeline import MAX_BODY, PREFIX, Pipeline, json_response

TICK_S = 0.5
SAVE_S = 60


def _not_found(_: Call) -> object:
    raise ApiError("There is no such endpoint", status=404, error="notFound")


@web.middleware
async def _json_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer the server's own refusals in JSON too."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        payload = {"result": "error", "error": "invalidRequest", "message": error.reason}
        return json_response(payload, error.status)


def create_app(
    cloud: Cloud, *, ticker: bool = False, save: Callable[[], None] | None = None
) -> web.Application:
    """Make the application; with ``ticker`` simulated time goes on between requests.

    ``save`` is called at the start, every minute and at the end.
    """
    app = web.Application(middlewares=[_json_errors], client_max_size=MAX_BODY)
    pipeline = Pipeline(cloud)
    for method, path, handler in ROUTES:
        app.router.add_route(method, PREFIX + path, pipeline.endpoint(handler))
    app.router.add_route("*", PREFIX + "{tail:.*}", pipeline.endpoint(_not_found))
    add_control(app, cloud)
    app.on_response_prepare.append(_dated(cloud))
    app.on_cleanup.append(pipeline.close)
    if ticker:

        async def tick() -> None:
            cloud.advance()
            await cloud.deliver()

        app.cleanup_ctx.append(_every(TICK_S, tick))
    if save:

        async def keep() -> None:
            save()

        app.cleanup_ctx.append(_every(SAVE_S, keep))
        app.on_cleanup.append(lambda _: keep())
    return app


def _dated(cloud: Cloud) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def date(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(cloud.clock.now_ms() / 1000, usegmt=True)

    return date


def _every(
    seconds: float, action: Callable[[], Awaitable[None]]
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def repeat() -> None:
        while True:
            await action()
            await asyncio.sleep(seconds)

    async def context(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(repeat())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return context
