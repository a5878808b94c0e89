"""Calls of the webhook: which requests follow, how soon and how often."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from itertools import pairwise
import json
import logging
from types import SimpleNamespace
from typing import Any
import zlib

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from hass_nabucasa import NabuCasaBaseError
from homeassistant.components import cloud as cloud_component
from homeassistant.components.cloud.const import DATA_CLOUD
from homeassistant.components.webhook import async_handle_webhook
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
from homeassistant.util.aiohttp import MockRequest
from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.eevion.api import JobReceipt, Session, parse
from custom_components.eevion.helpers import is_public_host
from custom_components.eevion.webhook import Hint, HintKind, read_hint
from simulator import Cloud, Settings, World
from tests import FIXTURES
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


type Caller = TestClient[Any, Any]
type Post = Callable[[Any], Awaitable[int]]
type Settle = Callable[[], Awaitable[None]]

NOISE = "Error in logging"  # of aiohttp's access log, on a frozen clock


@pytest.fixture
def settings() -> Settings:
    """Jobs that end before Home Assistant requests them without a call."""
    return Settings(
        keys=(API_KEY, "another-key"),
        sites=1,
        stations=2,
        seed=7,
        authorizing_s=1,
        job_start_s=1,
        job_station_s=1,
    )


@pytest.fixture
async def caller(
    hass: HomeAssistant, loaded: ConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> Caller:
    """An HTTP server of Home Assistant with a URL for the cloud."""
    client = await hass_client_no_auth()
    await hass.config.async_update(internal_url=str(client.make_url("")).rstrip("/"))
    return client


@pytest.fixture
def path(loaded: ConfigEntry) -> str:
    return f"/api/webhook/{loaded.data['webhook_id']}"


@pytest.fixture
def settle(hass: HomeAssistant) -> Settle:
    """Wait for all tasks that are due now; no time passes."""

    async def settle() -> None:
        await hass.async_block_till_done(wait_background_tasks=True)

    return settle


@pytest.fixture
def deliver(cloud: Cloud, settle: Settle) -> Settle:
    """Let the cloud call, and wait for the tasks that follow; no time passes."""

    async def deliver() -> None:
        cloud.advance()
        await cloud.deliver()
        await settle()

    return deliver


@pytest.fixture
def post(caller: Caller, path: str, settle: Settle) -> Post:
    async def post(body: Any) -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await caller.post(path, data=data)
        await settle()
        return response.status

    return post


@pytest.fixture
async def charging(caller: Caller, station: Station, world: World, wait: Pass) -> Station:
    """A station with a session that Home Assistant has begun."""
    world.plug_in(station.name, percent=20)
    await station.turn("on")
    await wait(6)
    assert station["sensor.session_status"] == "charging"
    return station


def lookups(cloud: Cloud) -> list[str]:
    """Return what was fetched besides the two requests of each poll."""
    paths = [r.path.removeprefix("/api/eevion") for r in cloud.requests]
    return [p for p in paths if p.startswith(("/session/", "/station/")) and p != "/session/report"]


def session_id(world: World, station: Station) -> str:
    return world.ledger(station.name)[-1].session_id


def sent(cloud: Cloud, path: str, key: str) -> list[dict[str, Any]]:
    bodies = [r.body for r in cloud.requests if r.path.endswith(path)]
    return [body for body in bodies if isinstance(body, dict) and key in body]


async def test_a_session_completes(
    charging: Station, caller: Caller, cloud: Cloud, world: World, path: str, deliver: Settle
) -> None:
    (start,) = sent(cloud, "/session", "stationId")
    assert start["webhookOnSessionComplete"] == str(caller.make_url(path))
    world.unplug(charging.name)
    cloud.requests.clear()
    await deliver()
    assert cloud.outbox.log[-1].status == HTTPStatus.OK
    assert charging["sensor.session_status"] == "complete"
    assert charging["switch.charging"] == "off"
    assert lookups(cloud) == [f"/session/{session_id(world, charging)}"]


async def test_the_status_follows_with_the_end(
    charging: Station, world: World, deliver: Settle
) -> None:
    assert charging["sensor.status"] == "in_use"
    world.unplug(charging.name)
    await deliver()
    assert charging["binary_sensor.charging"] == "off"
    assert charging["sensor.status"] == "available"


async def test_a_job_finishes(
    hass: HomeAssistant,
    caller: Caller,
    station: Station,
    cloud: Cloud,
    path: str,
    freezer: FrozenDateTimeFactory,
    deliver: Settle,
) -> None:
    turning = asyncio.ensure_future(
        station._call("switch", "turn_off", station.id("switch", "in_service"))
    )
    while not turning.done():
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=0.2))
        await asyncio.sleep(0)
    await turning
    (job,) = sent(cloud, "/station/manage", "commands")
    assert job["webhookOnJobFinished"] == str(caller.make_url(path))
    cloud.requests.clear()
    freezer.tick(3)
    await deliver()
    assert lookups(cloud) == ["/station/management-history"]
    assert station.state("event", "job").attributes["event_type"] == "finished"
    assert station["sensor.status"] == "offline"


async def test_exceptions_begin_and_end(
    caller: Caller, station: Station, cloud: Cloud, world: World, path: str, deliver: Settle
) -> None:
    cloud.settings.exceptions_webhook = str(caller.make_url(path))
    world.fault(station.name)
    await deliver()
    exception = station.state("event", "exception")
    assert exception.attributes["event_type"] == "started"
    assert station["binary_sensor.problem"] == "on"
    world.clear_fault(station.name)
    await deliver()
    exception = station.state("event", "exception")
    assert exception.attributes["event_type"] == "ended", "at once: the first one was real"


async def test_exceptions_of_many_stations_in_one_call(
    post: Post, world: World, station: Station
) -> None:
    """A site of hundreds of stations loses its connection."""
    world.exceptions.start(world.station(station.name), "Offline", "Away", world.advance())
    body = json.loads((FIXTURES / "webhook_exceptions.json").read_bytes())
    body["content"] *= 400
    assert await post(body) == HTTPStatus.OK
    assert station["binary_sensor.problem"] == "on"


async def test_exceptions_while_few_requests_are_left(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    caller: Caller,
    path: str,
    station: Station,
    cloud: Cloud,
    world: World,
    freezer: FrozenDateTimeFactory,
    deliver: Settle,
    wait: Pass,
) -> None:
    """The next poll of exceptions waits for a free minute; a call does not wait."""
    cloud.settings.exceptions_webhook = str(caller.make_url(path))
    for _ in range(10):
        await wait(29.5)
    rate_limit = loaded.runtime_data.rate_limit
    rate_limit.limit = rate_limit.used + 10
    freezer.tick(6)
    async_fire_time_changed(hass)
    world.fault(station.name)
    cloud.advance()
    await cloud.deliver()
    for _ in range(10_000):
        if station["event.exception"] != "unknown":
            break
        await asyncio.sleep(0)
    assert station.state("event", "exception").attributes["event_type"] == "started"
    rate_limit.limit = 60
    world.clear_fault(station.name)
    await deliver()
    assert station.state("event", "exception").attributes["event_type"] == "ended"


async def test_a_call_changes_no_state(
    charging: Station, cloud: Cloud, world: World, post: Post
) -> None:
    before = charging["sensor.total_energy"]
    cloud.requests.clear()
    forged = {
        "sessionId": session_id(world, charging),
        "portId": charging.port_id,
        "status": "complete",
        "energy": 99_000_000,
        "cost": 1_000_000,
    }
    assert await post(forged) == HTTPStatus.OK
    assert lookups(cloud) == [f"/session/{forged['sessionId']}"]
    assert charging["sensor.session_status"] == "charging"
    assert float(charging["sensor.session_energy"]) < 1
    assert charging["sensor.total_energy"] == before


FORGED = [
    {"type": "exceptions", "content": []},
    {"type": "exceptions", "content": [{"id": 1, "station_id": "x", "type": "Offline"}]},
    {"id": 233, "ids_completed": ["2133"], "status": "success", "errors": []},
    {"sessionId": "unknown", "status": "complete"},
]


async def test_a_stream_of_forged_calls(
    charging: Station, cloud: Cloud, world: World, post: Post, wait: Pass
) -> None:
    """Also with the id of an active session."""
    calls = [*FORGED, {"sessionId": session_id(world, charging), "status": "complete"}]
    cloud.requests.clear()
    for _ in range(60):
        await wait(1)
    without = len(cloud.requests)
    cloud.requests.clear()
    for _ in range(60):
        for call in calls:
            assert await post(call) == HTTPStatus.OK
        await wait(1)
    times = [r.time for r in cloud.requests if "/session/" in r.path or "exceptions" in r.path]
    assert 5 <= len(times) <= 7
    assert all(b - a >= 10 for a, b in pairwise(times))
    assert abs(len(cloud.requests) - len(times) - without) <= 2, "polls go on as ever"


async def test_a_call_about_an_ended_session_sends_no_request(
    charging: Station, cloud: Cloud, world: World, post: Post, deliver: Settle
) -> None:
    world.unplug(charging.name)
    await deliver()
    cloud.requests.clear()
    for body in ({"sessionId": session_id(world, charging)}, *FORGED[2:]):
        assert await post(body) == HTTPStatus.OK
    assert lookups(cloud) == []


async def test_a_real_call_behind_a_forged_one_is_not_lost(
    charging: Station, world: World, post: Post, wait: Pass
) -> None:
    await post(FORGED[0])
    world.fault(charging.name)
    await post(FORGED[1])
    assert charging["event.exception"] == "unknown"
    await wait(10.1)
    assert charging.state("event", "exception").attributes["event_type"] == "started"


async def test_a_session_that_ends_meanwhile_delays_no_call(
    charging: Station, cloud: Cloud, world: World, post: Post, deliver: Settle, wait: Pass
) -> None:
    """A call that waited, for a session that has ended in a poll."""
    await post(FORGED[0])
    call = {"sessionId": session_id(world, charging)}
    await post(call)
    world.unplug(charging.name)
    await wait(6)
    assert charging["sensor.session_status"] == "complete"
    cloud.requests.clear()
    await wait(5)
    assert lookups(cloud) == []
    await post(FORGED[0])
    assert lookups(cloud) == ["/station/exceptions"], "calls are processed again"


async def test_a_call_while_the_cloud_is_away(
    charging: Station, cloud: Cloud, world: World, deliver: Settle, wait: Pass
) -> None:
    world.unplug(charging.name)
    cloud.faults.set("error", path="/session/")
    await deliver()
    assert charging["sensor.session_status"] == "charging"
    cloud.faults.clear()
    await wait(6)
    assert charging["sensor.session_status"] == "complete"


async def chunks(count: int) -> Any:
    for _ in range(count):
        yield b" " * 1024


ODD = {
    "nothing": (b"", HTTPStatus.BAD_REQUEST),
    "half an object": (b"{", HTTPStatus.BAD_REQUEST),
    "no text": (b"\xff\xfe", HTTPStatus.BAD_REQUEST),
    "a list": (b"[]", HTTPStatus.BAD_REQUEST),
    "a word": (b'"exceptions"', HTTPStatus.BAD_REQUEST),
    "deep": (b"[" * 60_000, HTTPStatus.BAD_REQUEST),
    "no number": (b'{"id": NaN}', HTTPStatus.OK),
    "half an emoji": (b'{"id": "\\ud83d"}', HTTPStatus.OK),
    "no object after all": (b"NaN", HTTPStatus.BAD_REQUEST),
    "an empty object": (b"{}", HTTPStatus.OK),
    "odd ids": (b'{"sessionId": {}, "id": true, "ids_completed": []}', HTTPStatus.OK),
    "odd exceptions": (b'{"type": "exceptions", "content": {}}', HTTPStatus.OK),
    "a long id": (b'{"sessionId": "%s"}' % (b"x" * 101), HTTPStatus.OK),
    "too long": (b" " * 1_048_577, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
}


@pytest.mark.parametrize(("body", "status"), ODD.values(), ids=ODD)
async def test_odd_bodies(cloud: Cloud, post: Post, body: bytes, status: HTTPStatus) -> None:
    cloud.requests.clear()
    assert await post(body) == status
    assert lookups(cloud) == []


async def test_a_long_body_in_pieces(caller: Caller, path: str) -> None:
    response = await caller.post(path, data=chunks(64))
    assert response.status == HTTPStatus.BAD_REQUEST, "just blanks, but not too many"
    response = await caller.post(path, data=chunks(10_000))
    assert response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_post(cloud: Cloud, caller: Caller, path: str, method: str) -> None:
    cloud.requests.clear()
    response = await caller.request(method, path, json=FORGED[0])
    assert response.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert lookups(cloud) == []


def raw(path: str, *lines: str, body: bytes = b"") -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: home", *lines, "", ""]
    return "\r\n".join(head).encode() + body


BROKEN = {
    "unfinished": (["Content-Length: 100"], b"{"),
    "unfinished piece": (["Transfer-Encoding: chunked"], b"5\r\n{"),
    "no piece": (["Transfer-Encoding: chunked"], b"nonsense\r\n"),
    "not packed": (["Content-Encoding: deflate", "Content-Length: 5"], b"xxxxx"),
    "unfinished pack": (
        ["Content-Encoding: deflate", "Content-Length: 20"],
        zlib.compress(b"x y z" * 100)[:20],
    ),
}


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize(("lines", "body"), BROKEN.values(), ids=BROKEN)
async def test_broken_calls(
    caller: Caller,
    path: str,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
    caplog: pytest.LogCaptureFixture,
    lines: list[str],
    body: bytes,
    closes: bool,
) -> None:
    """Those that never end are closed after some seconds; none is logged."""
    caplog.set_level(logging.INFO)
    reader, writer = await asyncio.open_connection("127.0.0.1", caller.port)
    writer.write(raw(path, *lines, body=body))
    await writer.drain()
    if closes:
        writer.write_eof()
        writer.transport.abort()
    for _ in range(20):
        await asyncio.sleep(0)
        freezer.tick(1)
        await settle()
    if not closes:
        assert b" 40" in await reader.readline()
    writer.close()
    errors = {r.name for r in caplog.records if r.levelno >= logging.ERROR and r.msg != NOISE}
    assert errors <= {"aiohttp.server"}, "which logs malformed chunks itself"


async def test_nothing_is_logged(
    caller: Caller,
    path: str,
    loaded: ConfigEntry,
    charging: Station,
    cloud: Cloud,
    world: World,
    deliver: Settle,
    post: Post,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "custom_components.eevion")
    caplog.clear()
    world.unplug(charging.name)
    await deliver()
    await post({"type": "exceptions", "content": [], "customerId": "somebody"})
    logged = " ".join(
        r.getMessage() for r in caplog.records if r.name.startswith("custom_components.eevion")
    )
    assert "session" in logged
    for secret in (loaded.data["webhook_id"], session_id(world, charging), "somebody"):
        assert secret not in logged


async def test_unloaded(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, post: Post, wait: Pass
) -> None:
    await post(FORGED[0])
    await post(FORGED[0])
    assert await hass.config_entries.async_unload(loaded.entry_id)
    cloud.requests.clear()
    assert await post(FORGED[0]) == HTTPStatus.OK, "as any id that nobody knows"
    await wait(11)
    assert list(cloud.requests) == []
    assert await hass.config_entries.async_setup(loaded.entry_id)
    await wait(11)
    cloud.requests.clear()
    await post(FORGED[0])
    assert lookups(cloud) == ["/station/exceptions"]


async def test_each_account_has_its_own(
    hass: HomeAssistant, loaded: ConfigEntry, entry_data: dict[str, Any]
) -> None:
    data = entry_data | {"api_key": "another-key"}
    other = MockConfigEntry(domain="eevion", title="Shop", data=data, unique_id="other")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    ids = {entry.data["webhook_id"] for entry in (loaded, other)}
    assert len(ids) == 2
    assert all(len(id_) == 64 for id_ in ids)


async def test_the_id_stays(hass: HomeAssistant, loaded: ConfigEntry) -> None:
    before = loaded.data["webhook_id"]
    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert loaded.data["webhook_id"] == before


async def test_without_an_address(
    loaded: ConfigEntry, station: Station, cloud: Cloud, world: World, wait: Pass
) -> None:
    """Polling alone is enough."""
    world.plug_in(station.name, percent=20)
    await station.turn("on")
    await wait(6)
    (start,) = sent(cloud, "/session", "stationId")
    assert start == {"stationId": station.name}
    world.unplug(station.name)
    await wait(6)
    assert station["sensor.session_status"] == "complete"


def url(entry: ConfigEntry) -> str | None:
    return entry.runtime_data.webhook.url


@pytest.mark.parametrize(
    ("account", "internal", "external", "expected"),
    [
        ("https://gateway.example", "http://10.0.0.2:8123", None, None),
        ("https://gateway.example", None, "http://192.168.1.2:8123", None),
        ("https://gateway.example", None, "http://localhost:8123", None),
        (
            "https://gateway.example",
            "http://10.0.0.2:8123",
            "https://home.example",
            "https://home.example",
        ),
        (None, "http://10.0.0.2:8123", "https://home.example", "http://10.0.0.2:8123"),
        (None, None, "https://home.example", "https://home.example"),
        (None, None, None, None),
    ],
)
async def test_urls(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    path: str,
    account: str | None,
    internal: str | None,
    external: str | None,
    expected: str | None,
) -> None:
    """Only a local cloud can reach a local address."""
    if account:
        hass.config_entries.async_update_entry(loaded, data={**loaded.data, "url": account})
    await hass.config.async_update(internal_url=internal, external_url=external)
    assert url(loaded) == (expected and expected + path)


@pytest.mark.parametrize(
    ("external", "is_reachable"),
    [
        ("https://home.example", True),
        ("https://home.example:8123", True),
        ("http://home.example:8123", True),
        ("https://HOME.Example.", True),
        ("https://b\u00fccher.example", True),
        ("https://xn--bcher-kva.example", True),
        ("https://8.8.8.8:8123", True),
        ("https://[2001:4860:4860::8888]", True),
        ("https://[::ffff:8.8.8.8]", True),
        ("https://192.168.1.2.home.example", True),
        ("http://home.local", False),
        ("http://home.local.:8123", False),
        ("https://HOME.LOCAL", False),
        ("https://a.b.lan", False),
        ("https://nas.home", False),
        ("https://nas.home.arpa", False),
        ("https://nas.internal", False),
        ("https://nas.localdomain", False),
        ("https://nas.localhost", False),
        ("https://nas.onion", False),
        ("https://homeassistant", False),
        ("https://homeassistant:8123", False),
        ("https://10.1.2.3", False),
        ("https://172.16.0.1", False),
        ("https://192.168.1.2:8123", False),
        ("https://127.0.0.1", False),
        ("https://127.0.0.1.", False),
        ("https://169.254.1.1", False),
        ("https://100.64.0.1", False),
        ("https://0.0.0.0", False),
        ("https://224.0.0.251", False),
        ("https://255.255.255.255", False),
        ("https://[::1]", False),
        ("https://[::]", False),
        ("https://[fe80::1]", False),
        ("https://[fd00::1]", False),
        ("https://[::ffff:192.168.1.2]", False),
        ("https://[ff02::fb]", False),
        ("https://2130706433", False),
        ("https://127.1", False),
        ("https://10.0x1", False),
        ("https://0x7f000001", False),
    ],
)
async def test_only_what_the_internet_can_reach_is_offered(
    hass: HomeAssistant, loaded: ConfigEntry, path: str, external: str, is_reachable: bool
) -> None:
    account = {**loaded.data, "url": "https://gateway.example"}
    hass.config_entries.async_update_entry(loaded, data=account)
    await hass.config.async_update(external_url=external)
    offered = url(loaded)
    assert (offered is not None) is is_reachable
    assert offered is None or offered.endswith(path)


@pytest.mark.parametrize(
    ("host", "is_public"),
    [("", False), (".", False), ("a..example", False), ("x" * 64 + ".example", False)],
)
def test_hosts_that_are_not_names(host: str, is_public: bool) -> None:
    assert is_public_host(host) is is_public


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["type", "content", "sessionId", "id", "ids_completed"]) | st.text(),
            inner | st.just("exceptions"),
        )
    ),
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_any_body(body: bytes) -> None:
    """A body is a hint, none, or not a JSON object; ids are of limited length."""
    try:
        hint = read_hint(body)
    except ValueError:
        return
    if hint:
        assert hint.kind in HintKind
        assert len(hint.id) <= parse.MAX_ID


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("get_a_session", Hint(HintKind.SESSION, "668efa48c6e5be053c54c244")),
        ("webhook_job_finished", Hint(HintKind.JOB, "233")),
        ("webhook_exceptions", Hint(HintKind.EXCEPTIONS)),
        ("get_a_station", None),
        ("manage_stations", None),
    ],
)
def test_documented_bodies(name: str, hint: Hint | None) -> None:
    assert read_hint((FIXTURES / f"{name}.json").read_bytes()) == hint


@pytest.mark.parametrize("completed", [None, "", "2133", ["2133"], {}])
def test_a_job_that_completed_nothing(completed: Any) -> None:
    """Fields of a job are a list in one answer and a text in another, as `errors`."""
    body = {"id": 233, "status": "failed", "ids_completed": completed}
    assert read_hint(json.dumps(body).encode()) == Hint(HintKind.JOB, "233")


@pytest.mark.parametrize(
    "odd",
    ['"\\ud83d"', "NaN", "-Infinity", "9" * 5000, '"caf\udce9"'],
    ids=["half an emoji", "NaN", "-Infinity", "5000 digits", "no UTF-8"],
)
def test_a_value_that_is_not_valid_hides_no_other(odd: str) -> None:
    """As in an answer of the cloud."""
    body = f'{{"vehicle": {odd}, "sessionId": "a"}}'.encode("utf-8", "surrogateescape")
    assert read_hint(body) == Hint(HintKind.SESSION, "a")


@pytest.mark.parametrize("value", ["", " ", None, True, 1.5, [], {}])
def test_what_is_no_id(value: Any) -> None:
    assert read_hint(json.dumps({"sessionId": value}).encode()) is None


@pytest.mark.parametrize("value", ["x", "x" * 128, "x" * 129, "a\x1fb", "\u202eb", 7])
def test_an_id_is_spelled_as_in_an_answer(value: str | int) -> None:
    """A call about a session whose id had to be changed finds that session."""
    body = {"sessionId": value}
    session = Session.from_json(body | {"portId": "port"})
    assert read_hint(json.dumps(body).encode()) == Hint(HintKind.SESSION, session.session_id)
    receipt = JobReceipt.from_json({"jobId": value})
    job = json.dumps({"id": value, "ids_completed": []}).encode()
    assert read_hint(job) == Hint(HintKind.JOB, receipt.job_id)


async def test_without_home_assistant_cloud_now(
    hass: HomeAssistant, nabu_casa: NabuCasa, loaded: ConfigEntry
) -> None:
    """It was available when the account was added."""
    hass.config.components.remove("cloud")
    assert url(loaded) is None
    assert await hass.config_entries.async_remove(loaded.entry_id)


async def test_options_show_the_url(
    hass: HomeAssistant, loaded: ConfigEntry, caller: Caller, path: str, world: World
) -> None:
    form = await hass.config_entries.options.async_init(loaded.entry_id)
    (field,) = (key for key in form["data_schema"].schema if key == "webhook_url")
    assert field.description == {"suggested_value": str(caller.make_url(path))}
    selector = form["data_schema"].schema[field]
    assert selector.config["read_only"] is True
    assert form["description_placeholders"]["push"] == ""
    sites = [site.site_id for site in world.sites]
    done = await hass.config_entries.options.async_configure(form["flow_id"], {"sites": sites})
    assert "webhook_url" not in done["data"]


async def test_options_without_an_address(hass: HomeAssistant, loaded: ConfigEntry) -> None:
    form = await hass.config_entries.options.async_init(loaded.entry_id)
    assert "webhook_url" not in form["data_schema"].schema
    assert "external URL" in form["description_placeholders"]["push"]


class NabuCasa:
    """Home Assistant Cloud, as far as its component requests cloudhooks."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self.is_logged_in = True
        self.subscription_expired = False
        self.iot = SimpleNamespace(connected=True)
        self.client = SimpleNamespace(cloudhooks={})
        self.cloudhooks = self
        self.made = 0
        self.error: Exception | None = None

    async def async_create(self, webhook_id: str, _managed: bool) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.made += 1
        hook = {"webhook_id": webhook_id, "cloudhook_url": f"https://hooks.example/{self.made}"}
        self.set({webhook_id: hook})
        return hook

    async def async_delete(self, webhook_id: str) -> None:
        if self.error:
            raise self.error
        if webhook_id not in self.client.cloudhooks:
            raise ValueError("Hook is not enabled for the cloud.")
        self.set({})

    def set(self, hooks: dict[str, Any]) -> None:
        self.client.cloudhooks = hooks
        async_dispatcher_send(self._hass, cloud_component._SIGNAL_CLOUDHOOKS_UPDATED, hooks)

    async def connect(self, connected: bool) -> None:
        self.iot.connected = connected
        state = cloud_component.CloudConnectionState.CLOUD_CONNECTED
        async_dispatcher_send(self._hass, cloud_component.SIGNAL_CLOUD_CONNECTION_STATE, state)
        await self._hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
def nabu_casa(hass: HomeAssistant) -> NabuCasa:
    hass.config.components.add("cloud")
    hass.data[DATA_CLOUD] = nabu_casa = NabuCasa(hass)  # type: ignore[assignment]
    return nabu_casa


async def test_a_cloudhook(
    hass: HomeAssistant,
    nabu_casa: NabuCasa,
    loaded: ConfigEntry,
    station: Station,
    cloud: Cloud,
    world: World,
    settle: Settle,
    wait: Pass,
) -> None:
    world.plug_in(station.name, percent=20)
    await station.turn("on")
    await wait(6)
    (start,) = sent(cloud, "/session", "stationId")
    assert start["webhookOnSessionComplete"] == "https://hooks.example/1"
    world.unplug(station.name)
    # As Home Assistant Cloud hands a call over.
    request = MockRequest(
        content=json.dumps({"sessionId": session_id(world, station)}).encode(),
        mock_source="cloud",
        method="POST",
    )
    response = await async_handle_webhook(hass, loaded.data["webhook_id"], request)
    await settle()
    assert response.status == HTTPStatus.OK
    assert station["sensor.session_status"] == "complete"

    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert (url(loaded), nabu_casa.made) == ("https://hooks.example/1", 1)


async def test_a_cloudhook_once_the_cloud_is_connected(
    hass: HomeAssistant, nabu_casa: NabuCasa, entry: MockConfigEntry, settle: Settle
) -> None:
    nabu_casa.iot.connected = False
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert url(entry) is None
    await nabu_casa.connect(True)
    assert url(entry) == "https://hooks.example/1"
    await nabu_casa.connect(False)
    assert url(entry) == "https://hooks.example/1"


@pytest.mark.parametrize(
    "error", [ValueError("not connected"), TimeoutError(), NabuCasaBaseError("away")]
)
async def test_a_cloudhook_that_cannot_be_created(
    hass: HomeAssistant,
    nabu_casa: NabuCasa,
    entry: MockConfigEntry,
    settle: Settle,
    error: Exception,
) -> None:
    nabu_casa.error = error
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert url(entry) is None
    nabu_casa.error = None
    await nabu_casa.connect(True)
    assert url(entry) == "https://hooks.example/1"


async def test_a_cloudhook_that_is_removed(
    hass: HomeAssistant, nabu_casa: NabuCasa, loaded: ConfigEntry
) -> None:
    """The subscription ends and starts again; then a person deletes the cloudhook."""
    await hass.config.async_update(external_url="https://home.example")
    nabu_casa.subscription_expired = True
    assert url(loaded) == f"https://home.example/api/webhook/{loaded.data['webhook_id']}"
    nabu_casa.subscription_expired = False
    assert url(loaded) == "https://hooks.example/1"
    nabu_casa.set({})
    assert "cloudhook_url" not in loaded.data
    assert url(loaded) == f"https://home.example/api/webhook/{loaded.data['webhook_id']}"


async def test_without_a_subscription(
    hass: HomeAssistant, nabu_casa: NabuCasa, entry: MockConfigEntry, settle: Settle
) -> None:
    nabu_casa.subscription_expired = True
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert (url(entry), nabu_casa.made) == (None, 0)


@pytest.mark.parametrize("error", [None, NabuCasaBaseError("away")])
async def test_an_account_is_removed(
    hass: HomeAssistant, nabu_casa: NabuCasa, loaded: ConfigEntry, error: Exception | None
) -> None:
    assert list(nabu_casa.client.cloudhooks) == [loaded.data["webhook_id"]]
    nabu_casa.error = error
    removed = await hass.config_entries.async_remove(loaded.entry_id)
    assert removed["require_restart"] is False
    assert bool(nabu_casa.client.cloudhooks) is bool(error)
    assert not hass.config_entries.async_entries("eevion")
