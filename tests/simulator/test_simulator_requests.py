"""Keys, environments, limits, broken requests and broken answers."""

import aiohttp
import pytest

from simulator import Cloud, ControlError, Settings


def limit_row(station="2133", unit="A", limit=6):
    profile = {"chargingRateUnit": unit, "limit": limit}
    return {"stationId": station, "newChargingProfile": profile}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic demo-key", "demo-key"])
async def test_without_a_valid_key(api, header):
    body = await api.get("/site", status=401, headers={"Authorization": header})
    assert body["error"] == "unauthorized"


async def test_keys_are_accounts_of_their_own(serve, time):
    cloud = Cloud(Settings(keys=("a", "b")), now=time)
    async with serve(cloud) as client:
        answers = []
        for key in ("a", "b"):
            response = await client.get(
                "/api/eevion/site", headers={"Authorization": f"Bearer {key}"}
            )
            answers.append(await response.json())
    ids = [{site["id"] for site in answer} for answer in answers]
    assert not ids[0] & ids[1]
    assert cloud.account("b").production is cloud.world("b")


async def test_staging_is_a_world_of_its_own(api, cloud):
    production = await api.get("/site?environment=production")
    staging = await api.get("/site?environment=staging")
    assert {s["id"] for s in production}.isdisjoint(s["id"] for s in staging)
    cloud.world(environment="staging").plug_in("2133")
    await api.post("/session", {"stationId": "2133"}, status=400)
    await api.post("/session?environment=staging", {"stationId": "2133"})
    assert (await api.get("/site?environment=test", status=400))["error"] == "invalidRequest"


async def test_sixty_requests_in_any_sixty_seconds(api, time, cloud):
    for _ in range(30):
        await api.get("/site")
    time.now += 30
    for _ in range(30):
        await api.get("/site?environment=staging")
    time.now += 29.9
    response = await api.raw("GET", "/site")
    assert response.status == 429
    assert "Retry-After" not in response.headers
    cloud.settings.send_retry_after = True
    assert (await api.raw("GET", "/site")).headers["Retry-After"] == "1"
    time.now += 0.1
    for _ in range(30):
        await api.get("/site")
    await api.get("/site", status=429)


async def test_a_budget_of_nothing(api, cloud):
    cloud.settings.rate_limit, cloud.settings.send_retry_after = 0, True
    assert (await api.raw("GET", "/site")).headers["Retry-After"] == "1"


async def test_every_request_is_logged(api, cloud, time):
    await api.post("/session?environment=staging", {"limit": 3})
    await api.raw("POST", "/session", data=b"{")
    first, second = cloud.requests
    assert (first.time, first.key, first.method) == (time.now, "demo-key", "POST")
    assert (first.path, first.query) == ("/api/eevion/session", {"environment": "staging"})
    assert (first.body, first.status) == ({"limit": 3}, 200)
    assert (second.body, second.status) == ("{", 400)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("GET", ""), ("DELETE", "/site"), ("GET", "/session")]
)
async def test_unknown_endpoints(api, method, path):
    assert (await api.call(method, path, status=404))["error"] == "notFound"


async def test_what_is_not_the_api_is_not_found_in_json(client):
    response = await client.get("/favicon.ico")
    assert response.status == 404
    assert (await response.json())["result"] == "error"


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[]", b'"x"', b"1", b'{"limit": NaN}', b"[" * 100_000]
)
async def test_bodies_that_are_no_object(api, body):
    answer = await api.call("POST", "/session", data=body, status=400)
    assert answer["error"] == "invalidRequest"


async def test_half_a_character(api):
    row = b'[{"stationId": "\\ud83d", "newChargingProfile": {"chargingRateUnit": "A", "limit": 6}}]'
    answer = await api.call("POST", "/station/energy-management", data=row)
    assert answer["details"][0]["stationId"] == "?"


async def test_a_body_that_is_too_large(api):
    response = await api.raw("POST", "/session", data=b" " * (1024**2 + 1))
    assert response.status == 413
    assert (await response.json())["error"] == "invalidRequest"


MANAGE = {"commands": {"isPrivate": {"isPrivate": "yes"}}, "stationIds": ["2133"]}
WINDOW = {"startTimestamp": 0, "endTimestamp": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/session", {"limit": 0}),
        ("/session", {"limit": "5"}),
        ("/session", {"limit": True}),
        ("/session", {"offset": -1}),
        ("/session", {"sites": "x"}),
        ("/session", {"stations": [1]}),
        ("/session", {"updatedOnOrAfter": "2024-01-01"}),
        ("/session", {"stationId": 2133}),
        ("/session", {"stationId": ""}),
        ("/session", {"stationId": "nope"}),
        ("/session", {"stationId": "2133", "continueIfBatteryFull": "yes"}),
        ("/session", {"stationId": "2133", "webhookOnSessionComplete": "ftp://x"}),
        ("/session/report", {}),
        ("/session/report", WINDOW | {"groupBy": "moon"}),
        ("/session/report", WINDOW | {"regions": {}}),
        ("/ticket", {"stationNames": [], "message": "x"}),
        ("/ticket", {"stationNames": ["nope"], "message": "x"}),
        ("/ticket", {"stationNames": ["2133"], "message": ""}),
        ("/station/energy-management", {}),
        ("/station/energy-management", []),
        ("/station/energy-management", [1]),
        ("/station/energy-management", [{"stationId": "2133"}]),
        ("/station/energy-management", [limit_row(unit="kW")]),
        ("/station/energy-management", [limit_row(limit="6")]),
        ("/station/energy-management", [limit_row(limit=True)]),
        ("/station/energy-management", [limit_row(station=None)]),
        ("/station/manage", {}),
        ("/station/manage", MANAGE | {"commands": {}}),
        ("/station/manage", MANAGE | {"commands": {"explode": {}}}),
        ("/station/manage", MANAGE | {"commands": {"isPrivate": "yes"}}),
        ("/station/manage", MANAGE | {"commands": {"isPrivate": {"isPrivate": True}}}),
        ("/station/manage", MANAGE | {"commands": {"reset": {"type": "warm"}}}),
        ("/station/manage", MANAGE | {"commands": {"orderNb": {"orderNb": "first"}}}),
        ("/station/manage", MANAGE | {"commands": {"setMessage": {"expirationDate": "x"}}}),
        ("/station/manage", MANAGE | {"stationIds": []}),
        ("/station/manage", MANAGE | {"stationIds": ["nope"]}),
    ],
)
async def test_bodies_that_are_refused(api, path, body):
    assert (await api.post(path, body, status=400))["error"] == "invalidRequest"


@pytest.mark.parametrize(
    "path",
    [
        "/site/nope",
        "/station/nope",
        "/station/exceptions?page=0",
        "/station/exceptions?since=-1",
        "/station/exceptions?since=yesterday",
        "/station/management-history?page=9999999999999999999",
    ],
)
async def test_reads_that_are_refused(api, path):
    assert (await api.get(path, status=400))["error"] == "invalidRequest"


@pytest.mark.parametrize(
    "row",
    [
        limit_row(limit=-1),
        *(limit_row(limit=amps) for amps in (1, 5, 5.9, 48.1, 49)),
        limit_row(unit="W", limit=208 * 48 + 1),
        limit_row(station="nope"),
        limit_row(station="3010"),
    ],
)
async def test_energy_management_tells_what_each_station_did(api, row):
    answer = await api.post("/station/energy-management", [row, limit_row(station="2134")])
    failed, done = answer["details"]
    assert (failed["stationId"], failed["result"]) == (row["stationId"], "error")
    assert failed["message"]
    assert (done["result"], answer["result"]) == ("success", "success")
    alone = await api.post("/station/energy-management", [row])
    assert alone["result"] == "error"


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("error", 503, "text/html"),
        ("html", 200, "text/html"),
        ("unauthorized", 401, "application/json"),
        ("forbidden", 403, "application/json"),
        ("rate_limited", 429, "application/json"),
    ],
)
async def test_faults(api, cloud, kind, status, content_type):
    cloud.faults.set(kind, path="/site", count=1, status=503, seconds=7)
    await api.post("/session")
    response = await api.raw("GET", "/site")
    assert (response.status, response.content_type) == (status, content_type)
    assert response.headers.get("Retry-After") == ("7" if kind == "rate_limited" else None)
    await api.get("/site")


async def test_lasting_faults_end_when_cleared(api, cloud):
    cloud.faults.set("forbidden")
    cloud.faults.set("latency", seconds=0)
    for _ in range(3):
        await api.get("/site", status=403)
    cloud.faults.clear("forbidden")
    await api.get("/site")
    cloud.faults.clear()
    assert cloud.faults.active == []
    with pytest.raises(ControlError):
        cloud.faults.set("meteor")


async def test_a_dropped_connection(api, cloud):
    cloud.faults.fail_next("drop", method="POST")
    cloud.world().plug_in("2133")
    await api.get("/site")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.start("2133")
    assert cloud.world().charging.active == {}
    assert cloud.requests[-1].status == 0


async def test_a_command_that_is_taken_and_not_answered(api, cloud):
    cloud.faults.fail_next("drop_answer", path="/session")
    cloud.world().plug_in("2133")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.start("2133")
    assert len(cloud.world().charging.active) == 1


async def test_truncated_json(api, cloud):
    cloud.faults.fail_next("truncated")
    response = await api.raw("GET", "/site")
    assert response.status == 200
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        await response.json()


async def test_wrong_types_in_one_station(api, cloud):
    good = await api.get("/site")
    cloud.faults.set("wrong_types", station="2133")
    bad = await api.get("/site")
    assert bad[1] == good[1]
    assert bad[0]["ports"][0]["amps"] == "48 or so"
    assert bad[0]["ports"][0]["status"] == {"unexpected": "available"}
    assert bad[0]["ports"][0]["connectors"] == 42
    assert bad[0]["ports"][0]["tariffTimeSlots"] == "maybe"
    assert bad[0]["ports"][1:] == good[0]["ports"][1:]


async def test_a_thousand_stations(serve, time):
    cloud = Cloud(Settings(stations=1000, sites=20), now=time)
    world = cloud.world()
    working = [station.name for station in world.stations if station.online]
    for name in working:
        world.plug_in(name, card=True)
    time.now += 60
    async with serve(cloud) as client:
        headers = {"Authorization": "Bearer demo-key"}
        sites = await (await client.get("/api/eevion/site", headers=headers)).json()
        response = await client.post("/api/eevion/session", headers=headers, json={"limit": 5000})
        sessions = await response.json()
    assert sum(len(site["ports"]) for site in sites) == 1000
    assert len(sessions) == len(working)
