"""What can go wrong on the way, and what comes of it."""

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime
import gzip
import logging
import time
import traceback
from unittest.mock import patch

from aiohttp import ClientError, ClientSession
import pytest

from custom_components.eevion.api import (
    EevionAuthenticationError,
    EevionClient,
    EevionConnectionError,
    EevionError,
    EevionNotFoundError,
    EevionRateLimitError,
    EevionRefusedError,
    EevionResponseError,
    RateLimit,
    response,
)

from .conftest import API_KEY

REFUSAL = {"result": "error", "error": "invalidRequest", "message": "no"}
UNKNOWN = REFUSAL | {"message": "That station is not allowed"}
READS = {
    "get": lambda client: client.get_session(session_id="x"),
    "post": lambda client: client.list_sessions(),
}
COMMANDS = {
    "start": lambda client: client.start_session(station_id="a"),
    "stop": lambda client: client.stop_session(session_id="x", port_id="p"),
    "limits": lambda client: client.set_charging_limits(limits=list),
    "ticket": lambda client: client.create_ticket(station_names=[], message="m"),
}
reads = pytest.mark.parametrize("call", READS.values(), ids=READS)
commands = pytest.mark.parametrize("call", COMMANDS.values(), ids=COMMANDS)


async def test_one_absurd_number_costs_no_answer(client, cloud):
    cloud.reply(raw=b'[{"sessionId": "a", "energy": 1' + b"0" * 400 + b"}]")
    (session,) = (await client.list_sessions()).sessions
    assert session.energy_wh is None


@pytest.mark.parametrize("call", [*READS.values(), *COMMANDS.values()], ids=[*READS, *COMMANDS])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"status": 401, "body": REFUSAL}, EevionAuthenticationError),
        ({"status": 401, "raw": b"<html>"}, EevionAuthenticationError),
        ({"status": 403, "body": REFUSAL}, EevionResponseError),
        ({"status": 500, "body": REFUSAL}, EevionResponseError),
        ({"status": 502, "raw": b"<html>"}, EevionResponseError),
        ({"status": 503, "body": []}, EevionResponseError),
        ({"status": 301, "headers": {"Location": "/elsewhere"}}, EevionResponseError),
        ({"status": 307, "headers": {"Location": "http://127.0.0.1:1/"}}, EevionResponseError),
        ({"status": 304, "raw": b""}, EevionResponseError),
        ({"raw": b"<html>"}, EevionResponseError),
        ({"raw": b"[" * 5000}, EevionResponseError),
        ({"raw": b'{"sessionId": Nan}'}, EevionResponseError),
        ({"raw": '{"sessionId": "a"}'.encode("utf-16")}, EevionResponseError),
        ({"raw": b"\0[]"}, EevionResponseError),
        ({"raw": b"[] []"}, EevionResponseError),
        ({"raw": b"[{}"}, EevionResponseError),
        ({"raw": b"[{} {}]"}, EevionResponseError),
        ({"raw": b"[" * 200 + b"}" * 150}, EevionResponseError),
        ({"status": 404, "body": {"message": "Not Found"}}, EevionResponseError),
        ({"status": 404, "body": {"statusCode": 404, "error": "Not Found"}}, EevionResponseError),
        (
            {"status": 404, "body": {"result": "error", "message": "no"}},
            EevionResponseError,
        ),
        ({"status": 404, "body": {}}, EevionResponseError),
        ({"status": 404, "body": "gone"}, EevionResponseError),
        ({"status": 410, "body": {"error": "gone"}}, EevionResponseError),
        ({"status": 405, "body": {"error": "no"}}, EevionResponseError),
        ({"status": 404, "raw": b"<html>"}, EevionResponseError),
        ({"status": 400, "raw": b"Bad Request"}, EevionResponseError),
        ({"status": 400, "body": REFUSAL}, EevionRefusedError),
        ({"status": 422, "body": {}}, EevionRefusedError),
        ({"body": REFUSAL}, EevionRefusedError),
        ({"body": {"result": "Failed"}}, EevionRefusedError),
        ({"status": 404, "body": REFUSAL}, EevionRefusedError),
    ],
)
async def test_faults(client, cloud, call, reply, error):
    cloud.reply(**reply)
    with pytest.raises(error) as raised:
        await call(client)
    assert type(raised.value) in (error, EevionNotFoundError)
    assert len(cloud.received) == 1


@pytest.mark.parametrize("name", [*READS, "start", "stop", "limits"])
async def test_an_empty_answer(client, cloud, name):
    """It says nothing; only of a ticket there is nothing to say."""
    cloud.reply(raw=b"")
    with pytest.raises(EevionResponseError):
        await (READS | COMMANDS)[name](client)


async def test_not_found_is_raised_by_lookups_only(client, cloud):
    cloud.reply(UNKNOWN, status=404)
    with pytest.raises(EevionNotFoundError):
        await client.get_session(session_id="x")
    with pytest.raises(EevionRefusedError) as refused:
        await client.list_sessions()
    assert type(refused.value) is EevionRefusedError


@pytest.mark.parametrize(
    ("body", "is_missing"),
    [
        (UNKNOWN, True),
        ({"result": "error", "error": "INVALIDREQUEST", "message": "That is not allowed."}, True),
        (UNKNOWN | {"result": None}, True),
        (UNKNOWN | {"error": None}, True),
        (REFUSAL, False),
        ({"message": "That station is not allowed"}, False),
        ({"error": "forbidden", "message": "That station is not allowed"}, False),
        ({"error": "invalidRequest", "message": "Not Found"}, False),
        ({"message": "Not Found"}, False),
    ],
)
async def test_only_the_clouds_own_words_are_not_found(client, cloud, body, is_missing):
    cloud.reply(body, status=400)
    with pytest.raises(EevionRefusedError) as refused:
        await client.get_session(session_id="x")
    assert isinstance(refused.value, EevionNotFoundError) is is_missing


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"details": {"errorDescription": "a", "code": "7"}, "message": "b"}, "a", 7),
        ({"details": {"code": None}, "message": "b", "error": "c"}, "b", None),
        ({"details": [], "error": "c"}, "c", None),
        ({}, "HTTP 400", None),
    ],
)
async def test_the_words_of_a_refusal(client, cloud, body, message, code):
    cloud.reply(body, status=400)
    with pytest.raises(EevionRefusedError) as refused:
        await client.start_session(station_id="a")
    assert (refused.value.message, refused.value.code) == (message, code)


@reads
async def test_a_read_is_sent_again_once_after_a_drop(client, cloud, rate_limit, call):
    cloud.reply(drop=True)
    cloud.reply({"sessionId": "x"} if call is READS["get"] else [])
    await call(client)
    assert len(cloud.received) == rate_limit.used == 2


@reads
@pytest.mark.parametrize("fault", ["drop", "truncate"])
async def test_a_read_is_not_sent_a_third_time(client, cloud, rate_limit, call, fault):
    cloud.reply([], **{fault: True})
    with pytest.raises(EevionConnectionError):
        await call(client)
    assert len(cloud.received) == rate_limit.used == 2


@reads
async def test_a_reused_connection_is_no_excuse_for_a_third_time(client, cloud, rate_limit, call):
    cloud.reply([])
    await client.list_sites()
    cloud.replies.clear()
    cloud.reply(drop=True)
    with pytest.raises(EevionConnectionError):
        await call(client)
    assert len(cloud.received) == rate_limit.used == 3


@commands
@pytest.mark.parametrize("fault", ["drop", "truncate"])
async def test_a_command_is_never_sent_again(client, cloud, rate_limit, call, fault):
    cloud.reply({}, **{fault: True})
    with pytest.raises(EevionConnectionError):
        await call(client)
    assert len(cloud.received) == rate_limit.used == 1


@pytest.mark.parametrize("call", [READS["get"], COMMANDS["start"]], ids=["read", "command"])
async def test_a_cloud_that_does_not_answer_in_time(make_client, cloud, rate_limit, call):
    client = make_client(request_timeout=15)
    cloud.reply({}, stall=True)
    request = asyncio.ensure_future(call(client))
    await cloud.arrived.wait()
    loop = asyncio.get_running_loop()
    with (
        patch.object(loop, "time", lambda: time.monotonic() + 15),
        pytest.raises(EevionConnectionError, match="in time"),
    ):
        await request
    assert len(cloud.received) == rate_limit.used == 1


async def test_nobody_there(make_client, rate_limit):
    client = make_client(url="http://127.0.0.1:1/api")
    with pytest.raises(EevionConnectionError):
        await client.list_sites()
    assert rate_limit.used == 1


@pytest.mark.parametrize("error", [ClientError("x"), OSError("x"), TimeoutError("x")])
async def test_faults_of_the_network(make_client, error):
    client = make_client()
    with (
        patch.object(ClientSession, "_request", side_effect=error),
        pytest.raises(EevionConnectionError),
    ):
        await client.list_sites()


async def test_a_cancelled_request_is_cancelled(client, cloud, rate_limit):
    cloud.reply([], stall=True)
    task = asyncio.create_task(client.list_sites())
    await cloud.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rate_limit.used == 1


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
async def test_an_answer_that_is_too_large_is_not_read(client, cloud, is_packed):
    """What an answer may have depends on what it is about."""
    packed = {"headers": {"Content-Encoding": "gzip"}} if is_packed else {}
    pack = gzip.compress if is_packed else bytes
    mebibyte = 1024 * 1024
    for call, room in (
        (client.list_sites, 5 * mebibyte),
        (client.list_sessions, 9 * mebibyte),
        (lambda: client.get_session(session_id="x"), mebibyte),
    ):
        cloud.replies.clear()
        cloud.reply(raw=pack(b" " * (room + mebibyte)), **packed)
        with pytest.raises(EevionResponseError, match="too large"):
            await call()
        cloud.replies.clear()
        cloud.reply(raw=pack(b" " * (room - mebibyte // 2)), **packed)
        with pytest.raises(EevionResponseError, match="no JSON"):
            await call()


async def test_an_answer_that_is_not_packed_as_it_says(client, cloud):
    cloud.reply([], headers={"Content-Encoding": "gzip"})
    with pytest.raises((EevionConnectionError, EevionResponseError)):
        await client.list_sites()


async def test_more_stations_may_have_longer_answers(client, cloud):
    ports = [{"portId": f"p{n}", "displayName": str(n)} for n in range(3000)]
    cloud.reply([{"id": "s", "ports": ports}])
    await client.list_sites()
    cloud.replies.clear()
    cloud.reply(raw=b" " * 12 * 1024 * 1024 + b"[]")
    assert (await client.list_sites()).sites == ()


@pytest.mark.parametrize("text", ["half \ud83d", "\udcff"])
async def test_half_a_character_is_not_sent(client, cloud, text):
    with pytest.raises(EevionRefusedError) as refused:
        await client.create_ticket(station_names=[], message=text)
    assert "Unicode" in refused.value.message
    with pytest.raises(EevionNotFoundError):
        await client.get_session(session_id=text)
    assert not cloud.received


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"Retry-After": "junk"}])
async def test_a_read_is_sent_again_once_after_429(client, cloud, rate_limit, headers):
    cloud.reply(status=429, raw=b"Too Many Requests", headers=headers)
    cloud.reply([])
    assert (await client.list_sites()).sites == ()
    assert len(cloud.received) == rate_limit.used == 2
    assert rate_limit.is_contended
    cloud.replies.clear()
    cloud.reply(status=429, headers=headers)
    with pytest.raises(EevionRateLimitError) as refused:
        await client.list_sites()
    assert len(cloud.received) == 4
    # The short pause of these tests may be over.
    assert refused.value.retry_after >= 0


@pytest.mark.usefixtures("short_pauses")
@commands
async def test_a_command_is_sent_again_after_429(client, cloud, rate_limit, call):
    for _ in range(3):
        cloud.reply(status=429)
    cloud.reply({"sessionId": "x", "result": "success"})
    await call(client)
    assert len(cloud.received) == rate_limit.used == 4


@pytest.mark.parametrize("call", [READS["get"], COMMANDS["start"]], ids=["read", "command"])
async def test_a_long_pause_is_an_error_at_once(client, cloud, rate_limit, call):
    cloud.reply(status=429, headers={"Retry-After": "120"})
    with pytest.raises(EevionRateLimitError) as refused:
        await call(client)
    assert refused.value.retry_after == pytest.approx(120, abs=5)
    with pytest.raises(EevionRateLimitError):
        await client.list_sites()
    assert len(cloud.received) == rate_limit.used == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("12", 12),
        (" 1.5 ", 1.5),
        ("nan", None),
        ("soon", None),
        ("Wed, 99 Foo 2024 00:00:00 GMT", None),
        (format_datetime(datetime(2024, 5, 1, 0, 0, 40, tzinfo=UTC), usegmt=True), 40),
        ("Wed, 01 May 2024 00:00:40 -0000", 40),
        (format_datetime(datetime(2024, 4, 1, tzinfo=UTC)), None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 300),
        ("Mon, 01 Jan 0001 00:00:00 +1400", None),
        ("Wed, 01 May 2024 00:00:40 +999999999999", None),
        ("Wed, 01 May 99999999999 00:00:40 GMT", None),
        ("-5", None),
        ("-inf", None),
        ("1e300", None),
        ("1000000000", 300),
        ("9" * 5000, None),
        ("\uff11\uff12", None),
        ("1_0", None),
        ("\udcff", None),
        ("", None),
    ],
)
def test_retry_after(value, seconds, freezer):
    freezer.move_to("2024-05-01T00:00:00Z")
    assert response.retry_after(value, datetime.now(UTC)) == seconds
    freezer.move_to("2019-01-01")
    now = datetime(2024, 5, 1, tzinfo=UTC)
    assert response.retry_after(value, now) == seconds, "whatever the clock of the home"


async def test_the_time_is_that_of_the_newest_answer(client, cloud, freezer):
    """The clock of the home is years behind; no header makes it worse than that."""
    freezer.move_to("1970-01-01T00:00:10Z")
    assert client.clock.now() == datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC)
    cloud.reply([], headers={"Date": "Wed, 01 May 2024 00:00:40 GMT"})
    await client.list_sites()
    freezer.tick(20)
    assert client.clock.now() == datetime(2024, 5, 1, 0, 1, tzinfo=UTC)
    for date in ("", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +1400"):
        cloud.replies.clear()
        cloud.reply([], headers={"Date": date})
        await client.list_sites()
        assert client.clock.now() == datetime(2024, 5, 1, 0, 1, tzinfo=UTC)
    cloud.replies.clear()
    cloud.reply({}, status=502, headers={"Date": "Wed, 01 May 2024 00:02:00 -0000"})
    with pytest.raises(EevionError):
        await client.list_sites()
    assert client.clock.now() == datetime(2024, 5, 1, 0, 2, tzinfo=UTC)


async def test_a_client_without_a_key(make_client, cloud):
    cloud.reply(REFUSAL, status=400)
    with pytest.raises(EevionRefusedError) as refused:
        await make_client(api_key="").list_sites()
    assert refused.value.message == "no"


async def test_a_redirect_leads_nowhere(client, cloud):
    cloud.reply(status=302, headers={"Location": f"{cloud.url}/stolen"})
    with pytest.raises(EevionResponseError, match="302"):
        await client.list_sites()
    assert [request.path for request in cloud.received] == ["/site"]


async def test_two_clients_of_one_key_share_its_budget(make_client, cloud, rate_limit):
    cloud.reply([])
    for _ in range(2):
        await make_client().list_sites()
    assert rate_limit.used == 2


@pytest.mark.parametrize("key", ["clé-à-molette", "two\nlines", "nul\0"])
async def test_a_key_that_no_header_can_hold(make_client, cloud, key):
    client = make_client(api_key=key)
    with pytest.raises(EevionAuthenticationError):
        await client.list_sites()
    assert not cloud.received


async def test_what_else_a_url_holds_is_left_out(make_client, cloud):
    url = cloud.url.replace("http://", "http://user:password@") + "?a=1#b"
    client = make_client(url=url)
    cloud.reply([])
    await client.list_sites()
    assert cloud.received[0].raw_path == "/api/site"


async def _garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    writer.close()


async def _errors(client: EevionClient, cloud) -> list[EevionError]:
    errors = []
    for reply in (
        {"status": 401},
        {"status": 302},
        {"body": {"error": f"The key {API_KEY} is not allowed to do that"}},
        {"drop": True},
        {"raw": b"x", "truncate": True},
        {"status": 429, "headers": {"Retry-After": "100"}},
    ):
        cloud.replies.clear()
        cloud.reply(**reply)
        try:
            await client.get_site(site_id="s")
        except EevionError as err:
            errors.append(err)
    return errors


async def test_the_key_is_sent_to_no_other_host(make_client, client, cloud, caplog):
    caplog.set_level(logging.DEBUG)
    errors = await _errors(client, cloud)
    server = await asyncio.start_server(_garbage, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    strange = make_client(rate_limit=RateLimit(), url=f"http://127.0.0.1:{port}")
    with pytest.raises(EevionConnectionError) as raised:
        await strange.list_sites()
    server.close()
    errors.append(raised.value)
    assert len(errors) == 7
    for error in errors:
        assert API_KEY not in repr(error)
        assert API_KEY not in "".join(traceback.format_exception(error))
        assert error.__cause__ is None
    assert API_KEY not in caplog.text
    assert API_KEY not in repr(client)
    assert API_KEY not in repr(vars(client))
    assert API_KEY not in repr(
        response.Response(status=1, body=b"", retry_after=None, secret=API_KEY)
    )
