"""Every method of the client, over real HTTP."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from typing import Any

import pytest

from custom_components.eevion.api import (
    ChargingLimit,
    Commands,
    EevionClient,
    EevionNotFoundError,
    EevionRefusedError,
    EevionResponseError,
    Environment,
    JobReceipt,
    Lane,
    LimitUnit,
    RateLimit,
    ReportGroup,
    SessionStatus,
    client as client_module,
)

from .conftest import API_KEY

SINCE = datetime(2024, 5, 3, 14, 56, 7, 520000, tzinfo=UTC)
LIMIT = ChargingLimit(station_id="2222", unit=LimitUnit.AMPERE, limit=20)


@dataclass(frozen=True, kw_only=True)
class Call:
    method: str
    arguments: dict[str, Any]
    request: str
    answer: str

    async def made(self, client: EevionClient) -> Any:
        return await getattr(client, self.method)(**self.arguments)


CALLS = [
    Call(
        method="list_sites",
        arguments={},
        request="GET /site",
        answer="list_sites_and_their_stations",
    ),
    Call(
        method="get_site",
        arguments={"site_id": "64c82f79dfba67013a3cedf9"},
        request="GET /site/64c82f79dfba67013a3cedf9",
        answer="get_a_site_and_its_stations",
    ),
    Call(
        method="get_station",
        arguments={"station_id": "2133"},
        request="GET /station/2133",
        answer="get_a_station",
    ),
    Call(
        method="list_sessions",
        arguments={},
        request="POST /session",
        answer="list_sessions",
    ),
    Call(
        method="get_session",
        arguments={"session_id": "668efa48c6e5be053c54c244"},
        request="GET /session/668efa48c6e5be053c54c244",
        answer="get_a_session",
    ),
    Call(
        method="start_session",
        arguments={"station_id": "a"},
        request="POST /session",
        answer="start_a_session",
    ),
    Call(
        method="stop_session",
        arguments={"session_id": "65adec22b53b68bb8ca577c3", "port_id": "bnU7ZPkx-hlZAZoj_gQCS"},
        request="PATCH /session/65adec22b53b68bb8ca577c3/stop",
        answer="stop_a_session",
    ),
    Call(
        method="set_charging_limits",
        arguments={"limits": lambda: [LIMIT]},
        request="POST /station/energy-management",
        answer="energy_management",
    ),
    Call(
        method="list_exceptions",
        arguments={"since": SINCE},
        request="GET /station/exceptions",
        answer="list_exceptions",
    ),
    Call(
        method="manage_stations",
        arguments={"station_ids": ["a"], "commands": Commands()},
        request="POST /station/manage",
        answer="manage_stations",
    ),
    Call(
        method="list_jobs",
        arguments={"since": SINCE},
        request="GET /station/management-history",
        answer="management_history",
    ),
    Call(
        method="get_report",
        arguments={"start": SINCE, "end": SINCE},
        request="POST /session/report",
        answer="get_report",
    ),
    Call(
        method="create_ticket",
        arguments={"station_names": ["a"], "message": "m"},
        request="POST /ticket",
        answer="create_ticket",
    ),
]
LOOKUPS = {"get_site", "get_station", "get_session", "stop_session"}
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.method)


def test_every_method_is_tried_here():
    methods = {
        name
        for name, method in vars(EevionClient).items()
        if iscoroutinefunction(method) and not name.startswith("_")
    }
    assert methods == {call.method for call in CALLS}


@each_call
@pytest.mark.parametrize("environment", Environment)
async def test_each_method_is_one_request(make_client, cloud, example, call, environment):
    client = make_client(api_key=f" {API_KEY}\n", environment=environment, url=f"{cloud.url}/")
    cloud.reply(example(call.answer))
    await call.made(client)
    [request] = cloud.received
    assert f"{request.method} {request.path}" == call.request
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    expected = "staging" if environment is Environment.STAGING else None
    assert request.query.get("environment") == expected
    assert expected is None or request.raw_path.endswith("environment=staging"), "as documented"
    assert ("stationId" in (request.body or {})) == (call.method == "start_session")


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (
            lambda client: client.list_sessions(
                sites=["6419fc792a36c883f7a7947d"],
                stations=("2222", "2223"),
                updated_on_or_after=datetime(2024, 9, 18, 12, 39, 6, tzinfo=UTC),
            ),
            "list_sessions.request",
        ),
        (
            lambda client: client.get_report(
                start=datetime(2024, 5, 1, tzinfo=UTC),
                end=datetime(2024, 5, 5, tzinfo=UTC),
                group_by=ReportGroup.STATION,
                regions=["BC", "ON"],
                sites=["65a96694d7dd8ce4936e5ead", "62f57001059d5922c774a86d"],
                stations=["2133", "2134"],
            ),
            "get_report.request",
        ),
    ],
    ids=["list_sessions", "get_report"],
)
async def test_bodies_of_reads_are_the_documented_ones(client, cloud, example, call, body):
    cloud.reply([])
    await call(client)
    assert cloud.received[0].body == example(body)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (
            lambda client: client.start_session(
                station_id="2225_A",
                webhook="https://app.hypercharge.com/api/hello",
                continue_if_battery_full=True,
            ),
            "start_a_session",
        ),
        (
            lambda client: client.stop_session(
                session_id="65adec22b53b68bb8ca577c3", port_id="bnU7ZPkx-hlZAZoj_gQCS"
            ),
            "stop_a_session",
        ),
        (
            lambda client: client.create_ticket(
                station_names=("2225_A", "2222"), message="test ticket from eevion"
            ),
            "create_ticket",
        ),
    ],
    ids=["start", "stop", "ticket"],
)
async def test_bodies_of_commands_are_the_documented_ones(client, cloud, example, call, name):
    cloud.reply(example(name))
    await call(client)
    assert cloud.received[0].body == example(f"{name}.request")


@pytest.mark.parametrize("reply", [{"raw": b""}, {"raw": b" \n", "status": 201}, {"body": {}}])
async def test_a_ticket_that_is_opened_without_a_word(client, cloud, reply):
    """An error would have a person open it a second time."""
    cloud.reply(**reply)
    await client.create_ticket(station_names=("2225_A",), message="It hums")
    assert len(cloud.received) == 1


async def test_a_start_sends_no_option_that_is_not_set(client, cloud, example):
    cloud.reply(example("start_a_session"))
    started = await client.start_session(station_id="2225_A")
    assert cloud.received[0].body == {"stationId": "2225_A"}
    assert started.station_id == "2225_A"
    assert started.status is SessionStatus.CHARGING


async def test_a_stop_has_the_ids_of_its_request(client, cloud):
    cloud.reply({"status": "complete"})
    stopped = await client.stop_session(session_id="x", port_id="p")
    assert (stopped.session_id, stopped.port_id) == ("x", "p")
    assert not stopped.is_active


async def test_a_job_is_queued(client, cloud, example):
    cloud.reply(example("manage_stations"))
    receipt = await client.manage_stations(
        station_ids=("2133", "testRMA"), commands=Commands(tariff_id="t"), webhook="https://x"
    )
    assert receipt == JobReceipt(job_id="1234", message="Job queued")
    assert cloud.received[0].body == {
        "commands": {"tariffId": {"tariffId": "t"}},
        "stationIds": ["2133", "testRMA"],
        "webhookOnJobFinished": "https://x",
    }


@pytest.mark.parametrize("status", [200, 400])
async def test_limits_are_judged_row_by_row(client, cloud, status):
    details = [{"stationId": "2222", "result": "error", "message": "not connected"}]
    cloud.reply({"result": "error", "details": details}, status=status)
    [result] = await client.set_charging_limits(limits=lambda: [LIMIT])
    assert (result.is_success, result.message) == (False, "not connected")


async def test_limits_refused_as_a_whole(client, cloud):
    cloud.reply({"result": "error", "message": "no", "details": []})
    with pytest.raises(EevionRefusedError) as refused:
        await client.set_charging_limits(limits=lambda: [LIMIT])
    assert refused.value.message == "no"


@each_call
@pytest.mark.parametrize("status", [200, 400])
async def test_unknown_ids(client, cloud, example, call, status):
    cloud.reply(example("get_a_session_error"), status=status)
    with pytest.raises(EevionRefusedError) as refused:
        await call.made(client)
    assert refused.value.message == "That station is not allowed"
    assert isinstance(refused.value, EevionNotFoundError) == (call.method in LOOKUPS)


@each_call
async def test_another_type_than_documented(client, cloud, example, call):
    cloud.reply({} if isinstance(example(call.answer), list) else [])
    cloud.reply("text")
    for _ in range(2):
        with pytest.raises(EevionResponseError):
            await call.made(client)


async def test_a_start_without_a_car(client, cloud, example):
    cloud.reply(example("start_a_session_error"), status=400)
    with pytest.raises(EevionRefusedError, match=r"refused the request \(707\)$") as refused:
        await client.start_session(station_id="2225_A")
    assert refused.value.code == 707
    assert refused.value.message.startswith("Impossible de démarrer")
    assert "Impossible" not in repr(refused.value), "what the cloud says is not for logs"


async def test_a_list_is_an_answer_whatever_its_status(client, cloud, example):
    cloud.reply(example("list_exceptions"), status=400)
    assert len((await client.list_exceptions(since=SINCE)).models) == 2


@pytest.mark.parametrize(
    ("id_", "segment"),
    [
        ("2225_A", "2225_A"),
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("é", "%C3%A9"),
        ("%2F", "%252F"),
        ("..", "%2E%2E"),
        ("?x=1#y", "%3Fx%3D1%23y"),
    ],
)
async def test_an_id_is_one_segment_of_the_path(client, cloud, id_, segment):
    cloud.reply({"status": "complete"})
    await client.stop_session(session_id=id_, port_id="p")
    assert cloud.received[0].raw_path == f"/api/session/{segment}/stop"


async def test_an_empty_id_sends_no_request(client, cloud):
    with pytest.raises(EevionNotFoundError):
        await client.get_session(session_id="")
    assert not cloud.received


def _rows(start: int, stop: int) -> list[dict[str, object]]:
    return [{"sessionId": str(n), "id": n, "station_id": "a"} for n in range(start, stop)]


@pytest.mark.parametrize(
    ("pages", "offsets", "is_complete"),
    [
        ([(0, 0)], [0], True),
        ([(0, 499)], [0], True),
        ([(0, 500), (500, 507)], [0, 500], True),
        ([(0, 500), (500, 500)], [0, 500], True),
        ([(0, 500), (499, 999), (999, 1001)], [0, 500, 1000], True),
        ([(0, 1000), (1000, 1001)], [0, 1000], True),
        ([(0, 500), (0, 500)], [0, 500], False),
        ([(0, 100), (100, 200), (200, 230)], [0, 100, 200], True),
        ([(0, 250), (250, 250)], [0, 250], True),
        ([(0, 100), (0, 100)], [0, 100], True),
    ],
    ids=[
        "none",
        "few",
        "capped",
        "exactly",
        "shifted",
        "full",
        "no offset",
        "small pages",
        "exactly small pages",
        "no offset of few",
    ],
)
async def test_sessions_are_read_to_the_end(client, cloud, pages, offsets, is_complete):
    for page in pages:
        cloud.reply(_rows(*page))
    sessions = await client.list_sessions()
    assert [request.body for request in cloud.received] == [
        {"limit": 1000, "offset": offset} for offset in offsets
    ]
    count = max(stop for _, stop in pages)
    assert [session.session_id for session in sessions.sessions] == [str(n) for n in range(count)]
    assert sessions.is_complete is is_complete


async def test_a_page_that_may_be_full_costs_a_request_a_minute(client, cloud, freezer):
    """A hundred stations that charge are no reason for another request with each poll."""
    whole = _rows(0, 100)
    for page in [whole, [], whole, whole, whole] * 2:
        cloud.reply(page)
    for _ in range(8):
        assert len((await client.list_sessions()).sessions) == 100
        freezer.tick(16)
    assert [request.body["offset"] for request in cloud.received] == [0, 100, 0, 0, 0] * 2


async def test_an_unreadable_session_makes_the_list_incomplete(client, cloud):
    cloud.reply([{}, {"sessionId": "x"}])
    sessions = await client.list_sessions()
    assert [session.session_id for session in sessions.sessions] == ["x"]
    assert not sessions.is_complete


async def test_the_later_page_has_precedence(client, cloud):
    cloud.reply([{"sessionId": "x", "energy": 1}, {"sessionId": "y"}])
    cloud.reply([{"sessionId": "x", "energy": 2}])
    sessions = await client.list_sessions(page_size=2)
    assert [session.energy_wh for session in sessions.sessions] == [2, None]


async def test_sessions_without_end_end(make_client, cloud):
    client = make_client(rate_limit=RateLimit(limit=1000))
    for n in range(60):
        cloud.reply(_rows(n, n + 1))
    sessions = await client.list_sessions(page_size=1)
    assert len(cloud.received) == len(sessions.sessions) == 50
    assert not sessions.is_complete


async def test_a_page_costs_a_request_once_it_is_read(client, cloud):
    for page in ((0, 500), (500, 1000), (1000, 1001)):
        cloud.reply(_rows(*page))
    pages = client.session_pages(next_lane=Lane.BACKGROUND)
    first = await anext(pages)
    assert len(cloud.received) == 1
    assert [session.session_id for session in first.sessions] == [str(n) for n in range(500)]
    assert first.is_complete
    second = await anext(pages)
    assert second.sessions[0].session_id == "500"
    await pages.aclose()
    assert len(cloud.received) == 2


async def test_later_pages_leave_requests_to_others(make_client, cloud):
    limit = RateLimit(limit=60)
    client = make_client(rate_limit=limit)
    pages = client.session_pages(next_lane=Lane.BACKGROUND)
    cloud.reply(_rows(0, 500))
    async with AsyncExitStack() as others:
        for _ in range(40):
            await others.enter_async_context(limit.slot(Lane.POLL))
        await anext(pages)
        reading = asyncio.create_task(anext(pages))
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(cloud.received) == 1
        reading.cancel()
        await asyncio.wait([reading])


histories = pytest.mark.parametrize("method", ["list_exceptions", "list_jobs"])


@histories
@pytest.mark.parametrize(
    ("pages", "is_complete"),
    [
        ([(0, 749)], True),
        ([(0, 750), (749, 760)], True),
        ([(0, 750), (0, 0)], True),
        ([(0, 750), (0, 750)], False),
        ([(0, 100), (100, 200), (200, 201)], True),
        ([(0, 100), (0, 100)], True),
    ],
    ids=["one", "two", "exactly", "no paging", "small pages", "no paging of few"],
)
async def test_history_is_read_to_the_end(client, cloud, method, pages, is_complete):
    for page in pages:
        cloud.reply(_rows(*page))
    found = await getattr(client, method)(since=SINCE)
    assert len(found.models) == max(stop for _, stop in pages)
    assert found.is_complete is is_complete
    assert [request.query for request in cloud.received] == [
        {"since": "1714748167520", "page": str(number)} for number, _ in enumerate(pages, 1)
    ]


@histories
async def test_history_without_end_ends(client, cloud, monkeypatch, method):
    monkeypatch.setattr(client_module, "_MAX_PAGES", 3)
    for n in range(5):
        cloud.reply(_rows(n, n + 750))
    found = await getattr(client, method)(since=SINCE)
    assert len(found.models) == 752
    assert not found.is_complete
    assert len(cloud.received) == 3


@histories
async def test_history_without_one_of_its_rows_is_not_complete(client, cloud, method):
    cloud.reply([*_rows(0, 2), "junk"])
    found = await getattr(client, method)(since=SINCE)
    assert len(found.models) == 2
    assert not found.is_complete


async def test_a_lane_without_a_place_sends_nothing(client, cloud, rate_limit):
    for _ in range(48):
        async with rate_limit.slot(Lane.POLL):
            pass
    cloud.reply([])
    with pytest.raises(Exception, match="No request is left"):
        await client.list_sites()
    assert not cloud.received
    await client.list_sites(lane=Lane.COMMAND)


async def test_a_session_that_lasts_for_days_in_a_list_of_the_past(client, cloud):
    """The changes of the last day may lack it: the first list does not."""
    ended = [{"sessionId": str(n), "status": "complete"} for n in range(999)]
    long = {"sessionId": "long", "status": "charging", "updatedAt": "2020-01-01T00:00:00.000Z"}
    date = {"Date": "Thu, 03 Dec 2026 00:00:00 GMT"}
    cloud.reply([*ended, long], headers=date)
    cloud.reply([{"sessionId": "new", "status": "charging"}], headers=date)
    sessions = (await client.list_sessions()).sessions
    assert {s.session_id for s in sessions if s.is_active} == {"long", "new"}
    later = await client.list_sessions()
    assert [s.session_id for s in later.sessions] == ["new"]
    assert later.sessions is (await client.list_sessions()).sessions, "not read again"
    first, *others = (request.body for request in cloud.received)
    assert first == {"limit": 1000, "offset": 0}
    day_ms = datetime(2026, 12, 2, tzinfo=UTC).timestamp() * 1000
    for body in others:
        assert body.keys() == {"limit", "offset", "updatedOnOrAfter"}
        assert 0 <= body["updatedOnOrAfter"] - day_ms < 600_000
