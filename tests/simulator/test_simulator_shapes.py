"""Every endpoint's answer has the keys and JSON types of the documentation's examples."""

from typing import Any

import pytest

OPTIONAL = {
    "chargingCost",
    "chargingCostId",
    "isSharedPower",
    "groupIndex",
    "continue_if_battery_full",
    "stationLastHeartbeat",
    "occupancyFee",
    "idleFee",
    "paymentCycleUnit",
    "priceIncrement",
    "unit",
}


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def assert_like(actual: Any, expected: Any, where: str = "body") -> None:
    """The same keys (but for optional ones), and the same types unless one is null."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        assert actual.keys() - OPTIONAL == expected.keys() - OPTIONAL, where
        for key in actual.keys() & expected.keys():
            assert_like(actual[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        for item in actual if expected else []:
            assert_like(item, expected[0], f"{where}[]")
    elif actual is not None and expected is not None:
        assert kind(actual) == kind(expected), where


@pytest.fixture
async def session_id(api, world, pass_time):
    world.plug_in("2133")
    session = await api.start("2133")
    pass_time(600)
    return session["sessionId"]


async def test_sites(api, example):
    sites = await api.get("/site")
    assert_like(sites, example("list_sites_and_their_stations"))
    assert [len(site["ports"]) for site in sites] == [6, 6]


async def test_site(api, example):
    sites = await api.get("/site")
    site = await api.get(f"/site/{sites[0]['id']}")
    assert_like(site, example("get_a_site_and_its_stations"))
    assert site["continue_if_battery_full"] is True
    assert "continue_if_battery_full" not in await api.get(f"/site/{sites[1]['id']}")


async def test_station(api, example):
    station = await api.get("/station/2225_A")
    assert_like(station, example("get_a_station"))
    assert station["displayName"] == "2225_A"


async def test_ports_show_the_odd_data_of_the_real_ones(api):
    ports = [port for site in await api.get("/site") for port in site["ports"]]
    assert {port["kW"] for port in ports} >= {7200, 80, 16.6}
    assert {(port["level"], port["volts"]) for port in ports} == {(2, 208), (2, 240), (3, 480)}
    assert {port["status"] for port in ports} == {
        "available",
        "coming soon",
        "removed",
        "unknown",
    }
    assert any("chargingCost" not in port and port["chargingCostId"] for port in ports)
    assert any(port["dateAdded"] is None for port in ports)
    assert any(port.get("groupIndex") == 0 for port in ports)
    assert any(port.get("isSharedPower") for port in ports)


async def test_energy_management(api, example):
    rows = [
        {"stationId": "2133", "newChargingProfile": {"chargingRateUnit": "A", "limit": 20}},
        {"stationId": "2134", "newChargingProfile": {"chargingRateUnit": "W", "limit": 5000}},
    ]
    answer = await api.post("/station/energy-management", rows)
    assert_like(answer, example("energy_management"))
    assert [row["result"] for row in answer["details"]] == ["success", "success"]


async def test_exceptions(api, world, example):
    world.fault("2133")
    assert_like(await api.get("/station/exceptions?since=0&page=1"), example("list_exceptions"))


async def test_manage_and_history(api, example, pass_time):
    body = example("manage_stations.request") | {"stationIds": ["2133"]}
    answer = await api.post("/station/manage", body)
    assert answer == example("manage_stations") | {"jobId": answer["jobId"]}
    pass_time(60)
    history = await api.get("/station/management-history?since=0")
    for expected in example("management_history"):
        expected["content"]["originalValues"] = history[0]["content"]["originalValues"]
        expected["content"]["commands"] = history[0]["content"]["commands"]
        assert_like(history, [expected])


@pytest.mark.parametrize("station", ["2133", "2134", "2225_A", "2225_B", "Left", "Right"])
async def test_sessions(api, world, example, pass_time, station):
    world.plug_in(station, card=True)
    world.demand_response(station, 2000)
    pass_time(600)
    (session,) = await api.post("/session", {"limit": 10})
    for expected in example("list_sessions"):
        session["sessionLimits"] = {}
        assert_like(session, expected)
    single = await api.get(f"/session/{session['sessionId']}")
    assert_like(single | {"sessionLimits": {}}, example("get_a_session"))


async def test_odd_session_data(api, world, pass_time):
    for name in ("2133", "2134", "2225_A", "2225_B"):
        world.plug_in(name, card=True)
    pass_time(600)
    found = {session["stationId"]: session for session in await api.post("/session")}
    assert found["2134"]["duration"] == 0 < found["2134"]["energy"]
    assert found["2133"]["duration"] == 596
    assert "stationLastHeartbeat" not in found["2225_A"]
    assert found["2225_B"]["sessionLimits"] == []
    assert found["2133"]["sessionLimits"] == {}
    assert found["2133"]["endTime"] == ""
    single = await api.get(f"/session/{found['2134']['sessionId']}")
    assert single["duration"] == 596


async def test_state_of_charge_is_known_on_level_3_only(api, world, pass_time):
    world.plug_in("2225_B", percent=20, battery_wh=50_000, card=True)
    pass_time(604)
    (session,) = await api.post("/session")
    assert session["startPercentageFilled"] == 20
    assert session["endPercentageFilled"] is None
    world.unplug("2225_B")
    ended = await api.get(f"/session/{session['sessionId']}")
    assert ended["endPercentageFilled"] == 36


async def test_start_and_stop_answer_in_part(api, session_id, example):
    session = await api.get(f"/session/{session_id}")
    stopped = await api.call(
        "PATCH", f"/session/{session_id}/stop", json={"portId": session["portId"]}
    )
    assert_like(stopped, example("stop_a_session"))
    started = await api.start("2133")
    assert_like(started, example("start_a_session"))
    assert started["status"] == "authorizing"


async def test_refusals(api, example):
    assert await api.get("/session/nope", status=400) == example("get_a_session_error")
    refused = await api.post("/session", {"stationId": "2133"}, status=400)
    expected = example("start_a_session_error")
    expected["details"]["portId"] = refused["details"]["portId"]
    assert refused == expected


async def test_report(api, world, session_id, pass_time, example):
    world.unplug("2133")
    body = {"startTimestamp": 0, "endTimestamp": 2**42, "groupBy": "station"}
    rows = await api.post("/session/report", body)
    expected = example("get_report")
    assert_like(rows[0], expected[0])
    assert_like(rows[-2:], expected[-2:])
    assert [row["station_id"] for row in rows] == ["2133", "total", "average"]


async def test_ticket(api, cloud, example):
    body = {"stationNames": ["2133"], "message": "Broken"}
    assert await api.post("/ticket", body) == example("create_ticket")
    assert cloud.world().tickets == [body]
