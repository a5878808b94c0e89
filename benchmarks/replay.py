"""A server in a process of its own that answers with recorded bodies."""

import asyncio
from collections import defaultdict
import json
from pathlib import Path
import ssl
import sys
from typing import Any

from aiohttp import web


class _Replay:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bodies: dict[str, bytes] = {}
        self._ports: dict[str, Any] = {}
        self._sessions: defaultdict[str, list[Any]] = defaultdict(list)
        self._requests: list[str] = []
        self._released = asyncio.Event()
        self._released.set()
        self._is_held = asyncio.Event()

    async def turn(self, request: web.Request) -> web.Response:
        """Turn to a frame; return the paths requested since the last turn."""
        frame = self._folder / request.query["scene"] / request.query["frame"]
        self._bodies = {name: (frame / name).read_bytes() for name in ("site", "session")}
        sites = json.loads(self._bodies["site"])
        self._ports = {port["displayName"]: port for site in sites for port in site["ports"]}
        self._sessions.clear()
        for session in json.loads(self._bodies["session"]):
            self._sessions[session["stationId"]].append(session)
        return self._requests_response()

    async def hold(self, _request: web.Request) -> web.Response:
        """Let reads wait from now on."""
        self._released.clear()
        self._is_held.clear()
        return self._requests_response()

    async def held(self, _request: web.Request) -> web.Response:
        """Answer once a read waits."""
        await self._is_held.wait()
        return self._requests_response()

    async def release(self, _request: web.Request) -> web.Response:
        """Let reads wait no longer."""
        self._released.set()
        return self._requests_response()

    def _requests_response(self) -> web.Response:
        requests, self._requests = self._requests, []
        return web.json_response(requests)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as the cloud did; what was not recorded is an empty list."""
        name = request.match_info["name"]
        self._requests.append(name)
        body = await request.read()
        if name == "station/energy-management":
            ids = [limit["stationId"] for limit in json.loads(body)]
            details = [{"stationId": id_, "result": "success", "message": ""} for id_ in ids]
            return web.json_response({"result": "success", "details": details})
        self._is_held.set()
        await self._released.wait()
        if name.startswith("station/") and (port := self._ports.get(name.partition("/")[2])):
            return web.json_response(port)
        if name == "session" and (stations := json.loads(body).get("stations")):
            return web.json_response([s for id_ in stations for s in self._sessions[id_]])
        return web.Response(body=self._bodies.get(name, b"[]"), content_type="application/json")


def main() -> None:
    """Serve a folder until killed; say when ready."""
    folder = Path(sys.argv[1])
    replay = _Replay(folder)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "certificate.pem")
    app = web.Application(client_max_size=2**24)
    for word in (replay.turn, replay.hold, replay.held, replay.release):
        app.router.add_get(f"/{word.__name__}", word)
    app.router.add_route("*", "/{name:.*}", replay.answer)
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[2]),
        ssl_context=tls,
        access_log=None,
        print=lambda _: print("ready", flush=True),
    )


if __name__ == "__main__":
    main()
