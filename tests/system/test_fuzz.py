"""Spoiled answers and calls against a loaded account: nothing else changes, and all comes back.

`scripts/fuzz --count 10000` runs many; the seed and the number of a body make it again.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
import gc
import json
import logging
import os
from random import Random
import sys
import time
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.json import json_bytes
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.eevion.diagnostics import async_get_device_diagnostics
from simulator import Cloud, Settings, World, create_app
from simulator.charging.session_json import session_json
from simulator.json_values import JsonObject
from tests.conftest import API_KEY, START
from tests.system.mutation import Mutator, Spoiled

SEED = int(os.environ.get("FUZZ_SEED", "1"))
FIRST = int(os.environ.get("FUZZ_FIRST", "0"))
COUNT = int(os.environ.get("FUZZ_COUNT", "300"))
IS_BY_HAND = "FUZZ_COUNT" in os.environ

POLL_S = 30
QUIET_EVERY = 50
"""After so many bodies sessions end, and the totals are compared to the Wh."""
ENDED_S = 330
"""So long the cloud lists a session that has ended."""
TRIES = 5
"""Good answers until everything is as before."""

MOVING = {
    "idle_fee",
    "last_heartbeat",
    "power",
    "session_cost",
    "session_cost_before_taxes",
    "session_duration",
    "session_energy",
    "total_cost",
    "total_energy",
}
LARGE = 30_000
REAL_SLEEP = time.sleep
NONE = {STATE_UNAVAILABLE, STATE_UNKNOWN}


@pytest.fixture
def settings() -> Settings:
    return Settings(
        keys=(API_KEY,), sites=2, stations=4, seed=7, request_log_size=10, send_retry_after=False
    )


class Spoiler:
    """Between the simulated cloud and its callers: spoils the next answer to one endpoint."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.spoil: Callable[[bytes, int], Spoiled] | None = None
        self.spoiled: Spoiled | None = None

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        raw = await request.read()
        response = await handler(request)
        if self.spoil is None or _endpoint(request, raw) != self.endpoint:
            return response
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        self.spoiled = spoiled = self.spoil(response.body, response.status)
        self.spoil = None
        headers = {"Content-Type": "application/json"} | spoiled.headers
        return web.Response(body=spoiled.body, status=spoiled.status, headers=headers)


def _endpoint(request: web.Request, raw: bytes) -> str:
    resource = request.match_info.route.resource
    path = resource.canonical.removeprefix("/api/eevion") if resource else ""
    if path == "/session" and raw:
        path += " start" if "stationId" in json.loads(raw) else " list"
    return path


@pytest.fixture
def spoiler() -> Spoiler:
    return Spoiler()


@pytest.fixture
async def cloud_url(cloud: Cloud, spoiler: Spoiler, socket_enabled: None) -> AsyncIterator[str]:
    app = create_app(cloud)
    app.middlewares.insert(0, spoiler.middleware)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(access_log=None)
    yield str(server.make_url("/api/eevion"))
    await server.close()


class Fuzz:
    """The account, and what is to be true of it."""

    def __init__(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        cloud: Cloud,
        spoiler: Spoiler,
        data: dict[str, Any],
    ) -> None:
        self._hass = hass
        self._freezer = freezer
        self._cloud = cloud
        self._spoiler = spoiler
        self.caller: TestClient[Any, Any]
        self._data = data
        self.world: World = cloud.world()
        self.charging = [site.stations[0].name for site in self.world.sites]
        self.idle = [site.stations[1].name for site in self.world.sites]
        self.names = self.charging + self.idle
        self.ids = {station.port_id: station.name for station in self.world.stations}
        self.ids |= {name: name for name in self.names}
        self.faults: list[str] = []
        self.done: Counter[str] = Counter()
        hass.loop.set_exception_handler(self._note_exception)
        self._entry: MockConfigEntry
        self._registered: set[str] = set()
        self._totals: dict[str, float] = {}
        self._floating: set[str] = set()

    def _note_exception(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.faults.append(f"loop: {context['message']} {context.get('exception')!r}")

    async def begin(self) -> None:
        """Add the account afresh."""
        self._entry = MockConfigEntry(domain="eevion", title="Home", data=dict(self._data))
        self._entry.add_to_hass(self._hass)
        for name in self.names:
            self._connect_car(name)
            self.world.swipe_card(name)
        self._freezer.tick(60)
        for name in self.idle:
            self.world.stop_locally(name)
        setup = asyncio.ensure_future(self._hass.config_entries.async_setup(self._entry.entry_id))
        for turn in range(2_000):
            if setup.done():
                break
            # Files are read and modules imported in threads.
            await self._hass.async_add_executor_job(REAL_SLEEP, 0.005)
            await self.wait(0 if turn % 50 else 10)
        for _ in range(20):
            await self.wait(ENDED_S)
            if self._entry.state is ConfigEntryState.LOADED and not self._missing():
                break
        assert setup.done()
        assert not self._missing(), self._missing()
        self._registered = self._entity_ids()
        self._totals = {}
        self.check_totals()

    async def again(self) -> None:
        """Begin again after a fault, whatever it left behind."""
        for flow in self._hass.config_entries.flow.async_progress():
            self._hass.config_entries.flow.async_abort(flow["flow_id"])
        await self._hass.config_entries.async_remove(self._entry.entry_id)
        self._spoiler.spoiled = None
        await self.settle()
        for name in self.names:
            self.world.unplug(name)
        self._freezer.tick(120)
        self.faults.clear()
        await self.begin()
        self.faults = [f"after the next start: {fault}" for fault in self.faults]

    def _connect_car(self, name: str) -> None:
        if self.world.station(name).car is None:
            self.world.plug_in(name, battery_wh=10**9, percent=1)

    async def wait(self, seconds: float) -> None:
        self._freezer.tick(seconds)
        async_fire_time_changed(self._hass)
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that waits for no clock, and for no budget."""
        data = getattr(self._entry, "runtime_data", None)
        calm = 0
        while calm < 20:
            await asyncio.sleep(0)
            calm = 0 if data and data.rate_limit._in_flight else calm + 1
        if (spoiled := self._spoiler.spoiled) and len(spoiled.body) > LARGE:
            # It may be read in a thread.
            for _ in range(20):
                await self._hass.async_add_executor_job(REAL_SLEEP, 0.002)

    def _entity_ids(self) -> set[str]:
        registry = er.async_get(self._hass)
        entries = er.async_entries_for_config_entry(registry, self._entry.entry_id)
        return {entry.entity_id for entry in entries}

    def _missing(self) -> list[str]:
        return [
            state.entity_id
            for state in self._hass.states.async_all()
            if state.state == STATE_UNAVAILABLE
            or (state.entity_id.endswith(("total_energy", "total_cost")) and state.state in NONE)
        ]

    def states(self) -> dict[str, dict[str, str]]:
        """Return the states by station or site, and by the entity's key."""
        found: dict[str, dict[str, str]] = {}
        registry = er.async_get(self._hass)
        sites = {site.site_id: "site " + site.stations[0].name for site in self.world.sites}
        for entry in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            if state := self._hass.states.get(entry.entity_id):
                for id_, name in (*self.ids.items(), *sites.items()):
                    if entry.unique_id.startswith(f"{id_}_"):
                        key = f"{entry.domain}.{entry.unique_id.removeprefix(f'{id_}_')}"
                        found.setdefault(name, {})[key] = state.state
        return found

    # What makes Home Assistant ask for each endpoint.

    async def list_sites(self, _: Random) -> None:
        await self.wait(POLL_S)

    list_sessions = list_sites

    async def get_session(self, random: Random) -> None:
        session = self.world.station(random.choice(self.charging)).session
        assert session
        await self.call({"sessionId": session.session_id, "status": "complete"})

    async def _diagnose(self, random: Random) -> None:
        registry = dr.async_get(self._hass)
        device = random.choice(dr.async_entries_for_config_entry(registry, self._entry.entry_id))
        await self._see_through(async_get_device_diagnostics(self._hass, self._entry, device))

    get_site = get_station = _diagnose

    async def _act(self, action: str, *, answers: bool = False, **data: Any) -> None:
        await self._see_through(
            self._hass.services.async_call(
                "eevion", action, data, blocking=True, return_response=answers
            )
        )

    async def _see_through(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let time pass until something is done; what it answers can be written."""
        task = asyncio.ensure_future(work)
        for _ in range(120):
            await self.wait(1)
            if task.done():
                break
        else:
            task.cancel()
            self.faults.append("it has no end")
            return
        with suppress(HomeAssistantError):
            json_bytes(await task)

    async def manage_energy(self, random: Random) -> None:
        name = random.choice(self.idle)
        await self._act("set_charging_limit", stations=[name], amps=random.randrange(6, 16))

    async def list_exceptions(self, random: Random) -> None:
        if random.random() < 0.5:
            await self._act("get_exceptions", answers=True, config_entry_id=self._entry.entry_id)
        else:
            await self.call({"type": "exceptions", "content": []})

    async def manage_stations(self, random: Random) -> None:
        await self._act("set_message", stations=[random.choice(self.idle)], message="Hello")

    async def list_jobs(self, _: Random) -> None:
        await self._act(
            "get_management_history", answers=True, config_entry_id=self._entry.entry_id
        )

    async def start_session(self, random: Random) -> None:
        name = random.choice(self.idle)
        if self.world.station(name).session:
            self.world.stop_locally(name)
            await self.wait(POLL_S)
        await self._act("start_session", stations=[name])

    async def stop_session(self, random: Random) -> None:
        name = random.choice(self.idle)
        if not self.world.station(name).session:
            self.world.swipe_card(name)
            await self.wait(POLL_S)
        await self._act("stop_session", stations=[name])

    async def get_report(self, random: Random) -> None:
        await self._act(
            "get_report",
            answers=True,
            config_entry_id=self._entry.entry_id,
            start="2026-11-01 00:00:00",
            group_by=random.choice(("station", "site", "region")),
        )

    async def create_ticket(self, random: Random) -> None:
        await self._act("create_ticket", stations=[random.choice(self.names)], message="Broken")

    async def call(self, body: Any) -> int:
        """Let the cloud call."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        webhook_id = self._entry.data["webhook_id"]
        async with self.caller.post(
            f"/api/webhook/{webhook_id}", data=data, headers={"Content-Type": "application/json"}
        ) as response:
            status = response.status
        await self.wait(12)
        return status

    def webhook_body(self, kind: str) -> JsonObject:
        session = self.world.station(self.names[0]).session
        assert session
        match kind:
            case "session":
                return session_json(session, self.world.timeline.now_ms)
            case "job":
                return {
                    "created_at": 1713540030150,
                    "id": 1234,
                    "ids_completed": self.names[:2],
                    "status_message": "2 of 2 stations done",
                    "status": "success",
                    "type": "setMessage",
                    "updated_at": 1713540115397,
                    "errors": [],
                    "description": "Set message to customers: test2\n\nabc.",
                }
            case _:
                row = {
                    "id": 8404122,
                    "timestamp": 1714743736230,
                    "station_id": self.names[0],
                    "location_id": self.world.sites[0].site_id,
                    "type": "ConnectionClosed",
                    "description": "Connection closed",
                    "end_timestamp": None,
                    "location": "Office",
                }
                return {"type": "exceptions", "content": [row]}

    # One body.

    async def one(self, random: Random) -> str:
        """Send one spoiled body; return what it was."""
        mutator = Mutator(random, self.ids)
        kind = random.choice(list(ENDPOINTS) + WEBHOOKS)
        before = self.states()
        free: set[str] = set()
        if kind in WEBHOOKS:
            body = json.dumps(self.webhook_body(kind.removeprefix("webhook "))).encode()
            spoiled: Spoiled | None = mutator.spoil(body, 200)
            assert spoiled
            status = await self.call(spoiled.body)
            if status not in (200, 400, 413):
                self.faults.append(f"webhook answers {status}")
            spoiled.touched = frozenset()
        else:
            self._spoiler.endpoint = ENDPOINTS[kind]
            self._spoiler.spoil, self._spoiler.spoiled = mutator.spoil, None
            await getattr(self, kind)(random)
            self._spoiler.spoil = None
            spoiled = self._spoiler.spoiled
            if kind in ("manage_energy", "manage_stations", "start_session", "stop_session"):
                free = set(self.idle)
        if spoiled is None:
            self.done[f"{kind}: not requested"] += 1
            return f"{kind}: not requested"
        self.done[kind] += 1
        touched = spoiled.touched | free
        # Of two tariffs of one name both are shown with an id, from then on.
        self._floating = {"select.tariff"} if "tariff" in spoiled.what else set()
        self.check_untouched(before, touched)
        self.check_log()
        await self.restore(before, free)
        self.check_totals()
        if free:
            await self.wait(ENDED_S)
        return f"{kind} {spoiled.what}"

    def _skip(self, owner: str, touched: frozenset[str] | set[str]) -> bool:
        if not owner.startswith("site "):
            return owner in touched
        site = next(s for s in self.world.sites if owner.endswith(s.stations[0].name))
        return any(station.name in touched for station in site.stations)

    def check_untouched(
        self, before: dict[str, dict[str, str]], touched: frozenset[str] | set[str]
    ) -> None:
        """All stations that the body does not concern show what they did."""
        after = self.states()
        for owner, states in before.items():
            if self._skip(owner, touched):
                continue
            self._compare("changed", owner, states, after.get(owner, {}))

    def _compare(
        self, word: str, owner: str, before: dict[str, str], after: dict[str, str]
    ) -> None:
        wrong = []
        for key, state in before.items():
            if key in self._floating:
                continue
            new = after.get(key, "gone")
            if key.split(".")[1] in MOVING:
                if (new in NONE or new == "gone") and state not in NONE:
                    wrong.append(f"{key}: {state} -> {new}")
            elif new != state:
                wrong.append(f"{key}: {state} -> {new}")
        if wrong:
            self.faults.append(f"{word} {owner}: {len(wrong)} e.g. {', '.join(wrong[:4])}")

    async def restore(self, before: dict[str, dict[str, str]], free: set[str]) -> None:
        """Good answers bring everything back."""
        kept = self.faults
        for _ in range(TRIES):
            await self.wait(POLL_S)
            self.faults = []
            self._check_restored(before, free)
            if not self.faults:
                break
        self.faults = kept + self.faults
        self.check_log()

    def _check_restored(self, before: dict[str, dict[str, str]], free: set[str]) -> None:
        if self._entry.state is not ConfigEntryState.LOADED:
            self.faults.append(f"entry is {self._entry.state}")
        if flows := self._hass.config_entries.flow.async_progress():
            self.faults.append(f"flow {flows[0]['context']['source']}")
        after = self.states()
        for owner, states in before.items():
            stable = {
                k: v
                for k, v in states.items()
                if not k.startswith("event.") and not self._skip(owner, free)
            }
            self._compare("not restored", owner, stable, after.get(owner, {}))
        for name in self.names:
            is_on = self.world.station(name).session is not None
            if after[name]["switch.charging"] != ("on" if is_on else "off"):
                self.faults.append(f"{name} is {'on' if is_on else 'off'} in truth")
        if missing := self._missing():
            self.faults.append(f"missing: {missing[:3]}")
        if (there := self._entity_ids()) != self._registered:
            self.faults.append(f"entities: {sorted(there ^ self._registered)[:3]}")

    def check_log(self) -> None:
        """Nobody was surprised, and everything can be written."""
        for record in CAUGHT:
            if record.exc_info or (record.levelno >= logging.ERROR and "eevion" not in record.name):
                text = f"{record.getMessage()} {record.exc_info and record.exc_info[1]!r}"
                self.faults.append(f"log {record.name}: {text[:500]}")
        CAUGHT.clear()
        for registry in (
            dr.async_get(self._hass),
            er.async_get(self._hass),
            ir.async_get(self._hass),
        ):
            try:
                json_bytes(registry._data_to_save())
            except (TypeError, ValueError) as err:
                self.faults.append(f"{type(registry).__name__} cannot be written: {err}")
        for state in self._hass.states.async_all():
            try:
                json_bytes(state.as_dict())
            except (TypeError, ValueError) as err:
                self.faults.append(f"{state.entity_id} cannot be written: {err}")

    def truth(self, name: str) -> float:
        """Return what a station delivered, in kWh."""
        now_ms = self.world.advance()
        return (
            sum(session.curve.energy_wh(now_ms) for session in self.world.station(name).ledger)
            / 1000
        )

    def check_totals(self, *, is_exact: bool = False) -> None:
        """Totals never fall, are never more than true, and come to the truth."""
        for name, states in self.states().items():
            if name.startswith("site "):
                site = next(s for s in self.world.sites if name.endswith(s.stations[0].name))
                truth = sum(self.truth(station.name) for station in site.stations)
            else:
                truth = self.truth(name)
            shown = states.get("sensor.total_energy", "gone")
            try:
                total = float(shown)
            except ValueError:
                self.faults.append(f"total of {name} is {shown}")
                continue
            if total < self._totals.get(name, 0) - 1e-9:
                self.faults.append(f"total of {name} fell: {self._totals[name]} -> {total}")
            if total > truth + 0.0005:
                self.faults.append(f"total of {name} is {total}, truth {truth}")
            elif is_exact and abs(total - truth) > 0.0005:
                self.faults.append(f"total of {name} is {total} at the end, truth {truth}")
            self._totals[name] = total

    async def quiet(self) -> None:
        """Let sessions end and begin; the totals come to the Wh."""
        for name in self.names:
            self.world.unplug(name)
        for _ in range(4):
            await self.wait(POLL_S)
        self.check_totals(is_exact=True)
        for name in self.names:
            self._connect_car(name)
        for name in self.charging:
            self.world.swipe_card(name)
        for _ in range(2):
            await self.wait(ENDED_S)
        self.check_log()


ENDPOINTS = {
    "list_sites": "/site",
    "get_site": "/site/{site_id}",
    "get_station": "/station/{station_id}",
    "manage_energy": "/station/energy-management",
    "list_exceptions": "/station/exceptions",
    "manage_stations": "/station/manage",
    "list_jobs": "/station/management-history",
    "list_sessions": "/session list",
    "start_session": "/session start",
    "get_session": "/session/{session_id}",
    "stop_session": "/session/{session_id}/stop",
    "get_report": "/session/report",
    "create_ticket": "/ticket",
}
WEBHOOKS = ["webhook session", "webhook job", "webhook exceptions"]

CAUGHT: list[logging.LogRecord] = []


class Catcher(logging.Handler):
    """Keeps what a log would show."""

    def emit(self, record: logging.LogRecord) -> None:
        CAUGHT.append(record)


@pytest.fixture(autouse=True)
def quick(hass: HomeAssistant) -> Any:
    """Log lines for nobody would take most of the time."""
    hass.loop.set_debug(False)
    logging.disable(logging.INFO)
    catcher = Catcher(logging.WARNING)
    logging.getLogger().addHandler(catcher)
    yield
    logging.getLogger().removeHandler(catcher)
    logging.disable(logging.NOTSET)


def say(what: str) -> None:
    """Report to the person who sends bodies by hand."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


@pytest.mark.timeout(0 if IS_BY_HAND else 1200)
async def test_spoiled_bodies(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    cloud: Cloud,
    spoiler: Spoiler,
    entry_data: dict[str, Any],
    enable_custom_integrations: None,
    entity_registry_enabled_by_default: None,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    freezer.move_to(START)
    await hass.config.async_update(internal_url="http://127.0.0.1:8123")
    fuzz = Fuzz(hass, freezer, cloud, spoiler, entry_data)
    await fuzz.begin()
    fuzz.caller = await hass_client_no_auth()
    failed = []
    for index in range(FIRST, FIRST + COUNT):
        what = await fuzz.one(Random(f"{SEED} {index}"))
        if index % QUIET_EVERY == QUIET_EVERY - 1 and not fuzz.faults:
            await fuzz.quiet()
            what = f"(quiet) {what}"
        if index % 100 == 99:
            gc.collect()
        if fuzz.faults:
            failed.append(f"{SEED}:{index} {what}\n    " + "\n    ".join(fuzz.faults[:6]))
            if IS_BY_HAND:
                say(failed[-1])
            await fuzz.again()
        if IS_BY_HAND and index % 500 == 499:
            say(f"{index + 1 - FIRST} bodies, {len(failed)} failed")
    if IS_BY_HAND:
        say("\n".join(f"{count:6} {kind}" for kind, count in sorted(fuzz.done.items())))
    assert not failed, "\n".join(failed[:20])
    # Each endpoint and each kind of call was met.
    assert COUNT < 300 or fuzz.done.keys() >= {*ENDPOINTS, *WEBHOOKS}
