"""A server in a process of its own that answers with recorded bodies."""

from pathlib import Path
import sys

from aiohttp import web


class _Replay:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bodies: dict[str, bytes] = {}
        self._count = 0

    async def turn(self, request: web.Request) -> web.Response:
        """Turn to a frame; answer how many requests there have been since the last turn."""
        frame = self._folder / request.query["scene"] / request.query["frame"]
        self._bodies = {name: (frame / name).read_bytes() for name in ("site", "session")}
        count, self._count = self._count, 0
        return web.json_response(count)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as the cloud did; what was not recorded is an empty list."""
        self._count += 1
        await request.read()
        body = self._bodies.get(request.match_info["name"], b"[]")
        return web.Response(body=body, content_type="application/json")


def main() -> None:
    """Serve a folder until killed; say the port."""
    replay = _Replay(Path(sys.argv[1]))
    app = web.Application(client_max_size=2**24)
    app.router.add_get("/turn", replay.turn)
    app.router.add_route("*", "/{name:.*}", replay.answer)
    port = int(sys.argv[2])
    web.run_app(
        app,
        host="127.0.0.1",
        port=port,
        access_log=None,
        print=lambda _: print("ready", flush=True),
    )


if __name__ == "__main__":
    main()
