"""The control page, its API and the command line."""

import asyncio
import os
import signal
import socket
import sys

import aiohttp
from aiohttp import web
import pytest

from simulator import Cloud, Settings
from simulator.__main__ import main, parser, settings_from
from tests import ROOT


@pytest.fixture
def act(client):
    async def post(action, expected=200, /, **options):
        response = await client.post(f"/control/{action}", json=options)
        body = await response.json()
        assert response.status == expected, body
        return body

    return post


async def test_the_page(client):
    response = await client.get("/")
    text = await response.text()
    assert response.content_type == "text/html"
    assert "Eevion simulator" in text
    assert "http://" not in text
    assert "https://" not in text


async def test_a_charge_by_control(client, act, time):
    await act("plug_in", station="2133", percent=50, card=True)
    time.now += 604
    state = await (await client.get("/control/state")).json()
    station = state["accounts"][0]["production"]["sites"][0]["stations"][0]
    assert station["name"] == "2133"
    assert station["connectorStatus"] == "Charging"
    assert station["car"]["percent"] == 52
    assert station["session"]["energyWh"] == 1664
    await act("unplug", station="2133")
    ledger = await (await client.get("/control/ledger?station=2133")).json()
    assert ledger[0]["energyWh"] == 1664
    assert ledger[0]["cost"] == 0.5
    assert (await client.get("/control/ledger?station=nope")).status == 400


async def test_actions_reach_the_account_that_is_named(act, cloud):
    await act("plug_in", station="2133", key="demo-key", environment="staging")
    assert cloud.world().station("2133").car is None
    assert cloud.world(environment="staging").station("2133").car is not None
    await act("plug_in", 400, station="2133", key="nobody")


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("explode", {"station": "2133"}),
        ("advance", {}),
        ("plug_in", {}),
        ("plug_in", {"station": 2133}),
        ("plug_in", {"station": "nope"}),
        ("plug_in", {"station": "2133", "wheels": 4}),
        ("plug_in", {"station": "2133", "percent": "full"}),
        ("plug_in", {"station": "2133", "battery_wh": True}),
        ("set_lifecycle", {"station": "2133", "lifecycle": "asleep"}),
        ("set_fault", {"kind": "meteor"}),
        ("set_fault", {"kind": "error", "status": "500"}),
        ("clear_faults", {"kind": 5}),
        ("settings", {"seed": 5}),
        ("settings", {"rate_limit": "many"}),
        ("settings", {"report_counts_by": "middle"}),
    ],
)
async def test_actions_that_are_refused(act, action, options):
    assert (await act(action, 400, **options))["error"]


async def test_bodies_that_are_refused(client):
    for data in ("{", "[1]"):
        headers = {"Content-Type": "application/json"}
        response = await client.post("/control/unplug", data=data, headers=headers)
        assert response.status == 400


async def test_the_cloud_broken_and_mended(client, act, api, cloud):
    fault = (await act("set_fault", kind="error", path="/site", status=502))["result"]
    assert (fault["kind"], fault["remaining"]) == ("error", None)
    assert (await api.raw("GET", "/site")).status == 502
    await act("clear_faults")
    await api.get("/site")
    requests = await (await client.get("/control/requests")).json()
    assert [request["status"] for request in requests] == [502, 200]


async def test_settings_and_webhooks(client, act, cloud):
    await act(
        "settings", speed=60, list_holds_ended=False, exceptions_webhook="http://127.0.0.1:1/"
    )
    assert (cloud.clock.speed, cloud.settings.list_holds_ended) == (60, False)
    await act("fault", station="2133")
    (webhook,) = await (await client.get("/control/webhooks")).json()
    assert (webhook["kind"], webhook["status"]) == ("exceptions", None)
    assert webhook["error"]


async def test_only_this_machine_has_control(client):
    for host in ("example.com", "192.0.2.1"):
        response = await client.get("/control/state", headers={"Host": host})
        assert response.status == 403
    assert (await client.get("/control/state", headers={"Host": "localhost"})).status == 200
    response = await client.post("/control/unplug", data={"station": "2133"})
    assert response.status == 415


async def test_the_ticker_lets_time_go_on(serve, receiver):
    cloud = Cloud(Settings(speed=100_000, offline_after_s=1))
    async with receiver() as (url, bodies):
        cloud.settings.exceptions_webhook = url
        async with serve(cloud, ticker=True):
            cloud.world().disconnect("2133")
            await bodies.wait(2)
    assert [body["content"][0]["type"] for body in bodies] == ["ConnectionClosed", "Offline"]


def test_options():
    settings = settings_from(parser().parse_args([]))
    assert settings == Settings()
    words = "--key a --key b --key a --sites 3 --stations 9 --speed 60 --seed 4 --auto-cars"
    settings = settings_from(parser().parse_args([*words.split(), "--history-days", "2"]))
    assert (settings.keys, settings.sites, settings.stations) == (("a", "b"), 3, 9)
    assert (settings.speed, settings.seed) == (60, 4)
    assert (settings.auto_cars, settings.history_days) == (True, 2)


@pytest.mark.parametrize(
    "words",
    ["--speed 0", "--speed nan", "--sites -1", "--auto-cars --no-cars", "--meter-interval -1"],
)
def test_options_that_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        main(words.split())
    assert "error" in capsys.readouterr().err


def test_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "/control/state" in capsys.readouterr().out


def test_a_named_host(monkeypatch, capsys):
    served = {}
    monkeypatch.setattr(web, "run_app", lambda _, **options: served.update(options))
    main(["--host", "192.0.2.1", "--port", "80"])
    assert (served["host"], served["port"]) == ("192.0.2.1", 80)
    served["print"]("")
    assert "demo-key" in capsys.readouterr().out


async def test_the_command_line_serves(socket_enabled):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        "--port",
        str(port),
        "--key",
        "secret",
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    try:
        lines = [(await process.stdout.readline()).decode() for _ in range(3)]
        assert lines[0].split() == ["API", f"http://127.0.0.1:{port}/api/eevion"]
        assert lines[1].split() == ["key", "secret"]
        headers = {"Authorization": "Bearer secret"}
        async with aiohttp.ClientSession(headers=headers) as session:
            response = await session.get(f"http://127.0.0.1:{port}/api/eevion/site")
            assert len(await response.json()) == 2
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()
