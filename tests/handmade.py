"""A cloud of one site whose answers a test makes by hand, whatever they are."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

type Answer = tuple[int, Any]


class HandMadeCloud:
    """Answers the lists, look-ups and stops; everything else is refused."""

    def __init__(self) -> None:
        self.sites: Answer = (200, [])
        self.sessions: Answer = (200, [])
        self.lookups: dict[str, Answer] = {}
        """By session id; others are unknown."""
        self.stop: Callable[[str], Answer] = lambda _: (400, {"error": "invalidRequest"})
        self.start: Answer = (400, {"error": "invalidRequest"})
        self.others: dict[str, Answer] = {}
        """By path; they go before all others."""
        self.requests: list[tuple[str, str]] = []
        self.past: list[dict[str, Any]] = []
        """The sessions of lists of changes, in the order of the pages."""
        self.past_fault: Answer | None = None
        """Answered in place of a list of changes."""
        self.lists: list[dict[str, Any]] = []
        """The bodies of the requests for lists of changes."""
        self.gate: asyncio.Event | None = None
        """What lists of changes wait for."""
        self.is_waiting = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.path
        self.requests.append((request.method, path))
        body = await request.json() if request.can_read_body else {}
        status, payload = 404, {}
        match path.strip("/").split("/"):
            case _ if path in self.others:
                status, payload = self.others[path]
            case ["site"]:
                status, payload = self.sites
            case ["session"] if "updatedOnOrAfter" in body:
                self.lists.append(body)
                if self.gate:
                    self.is_waiting.set()
                    await self.gate.wait()
                status, payload = self._past(body)
            case ["session"]:
                status, payload = self.start if "stationId" in body else self.sessions
            case ["session", session_id]:
                unknown = {"result": "error", "message": "That station is not allowed"}
                status, payload = self.lookups.get(session_id, (400, unknown))
            case ["session", session_id, "stop"]:
                status, payload = self.stop(session_id)
            case ["station", "exceptions" | "management-history"] | ["session", "report"]:
                status, payload = 200, []
        if isinstance(payload, str):
            return web.Response(text=payload, status=status, content_type="text/html")
        return web.json_response(payload, status=status)

    def _past(self, body: dict[str, Any]) -> Answer:
        if self.past_fault:
            return self.past_fault
        names, sites = body.get("stations"), body.get("sites")
        found = [
            row
            for row in self.past
            if (not names or row.get("stationId") in names)
            and (not sites or row.get("location", {}).get("id") in sites)
        ]
        return 200, found[body["offset"] :][: body["limit"]]

    def sent(self, method: str, path: str) -> int:
        """Return how many requests there were of a kind."""
        return self.requests.count((method, path))


def site(*ports: str, status: str = "in use") -> dict[str, Any]:
    """Return a site of ports whose names are their ids."""
    return {
        "id": "site",
        "name": "Home",
        "ports": [
            {"portId": port, "displayName": port, "status": status, "volts": 240, "amps": 32}
            for port in ports
        ],
    }


def session(name: str, port: str, **fields: Any) -> dict[str, Any]:
    """Return a session that charges."""
    return {
        "sessionId": name,
        "portId": port,
        "stationId": port,
        "status": "charging",
        "stationStatus": "Charging",
        "createdAt": "2026-11-02T07:00:00.000Z",
        "startTime": "2026-11-02T07:00:01.000Z",
        "currency": "CAD",
        "cost": 0,
        "energy": 1000,
        **fields,
    }


def shown(hass: HomeAssistant, port: str, name: str) -> str:
    """Return the state of an entity: shown(hass, "port", "switch.charging")."""
    platform, key = name.split(".")
    entity_id = er.async_get(hass).async_get_entity_id(platform, "eevion", f"{port}_{key}")
    assert entity_id, name
    state = hass.states.get(entity_id)
    assert state, name
    return state.state
