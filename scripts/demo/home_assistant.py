"""Home Assistant as its own web page uses it: REST and the websocket."""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any

import aiohttp

USER = "demo"
PASSWORD = "demo"  # noqa: S105 - printed for everybody to use
LOCATION = {
    "country": "CA",
    "currency": "CAD",
    "elevation": 60,
    "language": "en",
    "latitude": 45.5019,
    "location_name": "Demo",
    "longitude": -73.5674,
    "time_zone": "America/Toronto",
    "unit_system": "metric",
}


class DemoError(Exception):
    """The demonstration cannot go on; the text says why."""


class RefusedError(DemoError):
    """Home Assistant refused a command."""

    def __init__(self, command: str, error: Mapping[str, Any]) -> None:
        """Keep the translation key of the refusal, if there is one."""
        super().__init__(f"{command}: {error['message']}")
        self.key: str | None = error.get("translation_key")


async def wait_until_served(session: aiohttp.ClientSession, url: str) -> None:
    """Return as soon as something answers at this address."""
    while True:
        try:
            async with session.get(url) as answer:
                if answer.ok:
                    return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.1)


class HomeAssistant:
    """A signed-in user of one Home Assistant."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Note where it is; `sign_up` or `sign_in` comes next."""
        self.url = url
        self._session = session
        self._client_id = f"{url}/"
        self._headers: dict[str, str] = {}
        self._ids = count(1)
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        url = f"{self.url}{path}"
        async with self._session.request(method, url, headers=self._headers, **options) as answer:
            if not answer.ok:
                raise DemoError(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def sign_up(self) -> None:
        """Create the owner."""
        while True:
            # The page is served a moment before the onboarding is.
            async with self._session.get(f"{self.url}/api/onboarding") as answer:
                if answer.ok:
                    break
            await asyncio.sleep(0.1)
        user = {
            "client_id": self._client_id,
            "language": "en",
            "name": "Demo",
            "password": PASSWORD,
            "username": USER,
        }
        created = await self._request("POST", "/api/onboarding/users", json=user)
        await self._authorize(created["auth_code"])
        await self.call("config/core/update", **LOCATION)
        redirect = {"client_id": self._client_id, "redirect_uri": self._client_id}
        for step in await self._request("GET", "/api/onboarding"):
            if not step["done"]:
                body = redirect if step["step"] == "integration" else {}
                await self._request("POST", f"/api/onboarding/{step['step']}", json=body)

    async def sign_in(self) -> None:
        """Sign in with the name and the password of the demonstration."""
        start = {
            "client_id": self._client_id,
            "handler": ["homeassistant", None],
            "redirect_uri": self._client_id,
        }
        flow = await self._request("POST", "/auth/login_flow", json=start)
        answer = {"client_id": self._client_id, "password": PASSWORD, "username": USER}
        step = await self._request("POST", f"/auth/login_flow/{flow['flow_id']}", json=answer)
        if step["type"] != "create_entry":
            raise DemoError(f"user {USER!r} with password {PASSWORD!r} may not sign in any more")
        await self._authorize(step["result"])

    async def _authorize(self, code: str) -> None:
        form = {"client_id": self._client_id, "code": code, "grant_type": "authorization_code"}
        granted = await self._request("POST", "/auth/token", data=form)
        self._headers = {"Authorization": f"Bearer {granted['access_token']}"}
        self._socket = await self._session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": granted["access_token"]})
        if (answer := await self._socket.receive_json())["type"] != "auth_ok":
            raise DemoError(f"websocket: {answer}")

    async def call(self, command: str, **fields: Any) -> Any:
        """Send one websocket command and return its result."""
        if self._socket is None:
            raise DemoError("not signed in")
        await self._socket.send_json({"id": next(self._ids), "type": command, **fields})
        answer = await self._socket.receive_json()
        if not answer["success"]:
            raise RefusedError(command, answer["error"])
        return answer["result"]

    async def wait_until_running(self) -> None:
        """Wait until every integration has been set up."""
        while (config := await self._request("GET", "/api/config"))["state"] != "RUNNING":
            await asyncio.sleep(0.2)
        if config["recovery_mode"]:
            raise DemoError("Home Assistant runs in recovery mode")

    async def states(self) -> dict[str, str]:
        """Return every entity's state."""
        states = await self._request("GET", "/api/states")
        return {state["entity_id"]: state["state"] for state in states}

    async def entries(self, domain: str) -> list[dict[str, Any]]:
        """Return the config entries of an integration."""
        entries: list[dict[str, Any]] = await self._request(
            "GET", "/api/config/config_entries/entry", params={"domain": domain}
        )
        return entries

    async def delete_entry(self, entry_id: str) -> None:
        """Delete a config entry."""
        await self._request("DELETE", f"/api/config/config_entries/entry/{entry_id}")

    async def add_entry(self, domain: str, user_input: Mapping[str, Any]) -> None:
        """Go through the config flow as a person does."""
        await self._flow("/api/config/config_entries/flow", domain, user_input)

    async def add_subentry(self, entry_id: str, kind: str, user_input: Mapping[str, Any]) -> None:
        """Go through the flow of a subentry as a person does."""
        path = "/api/config/config_entries/subentries/flow"
        await self._flow(path, [entry_id, kind], user_input)

    async def _flow(self, path: str, handler: object, user_input: Mapping[str, Any]) -> None:
        step = await self._request("POST", path, json={"handler": handler})
        if step["type"] == "form":
            step = await self._request("POST", f"{path}/{step['flow_id']}", json=user_input)
        if step["type"] != "create_entry":
            reason = step.get("errors") or step.get("reason") or step["type"]
            raise DemoError(f"the flow of {handler} ended with {reason}")

    async def act(self, action: str, **data: Any) -> None:
        """Perform an action, and wait until it is done."""
        domain, _, name = action.partition(".")
        await self.call("call_service", domain=domain, service=name, service_data=data)
