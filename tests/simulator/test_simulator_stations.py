"""Jobs, exceptions, outages and webhooks."""

import pytest

from simulator import ControlError


async def manage(api, commands, stations=("2133",), **options):
    body = {"commands": commands, "stationIds": list(stations)} | options
    return (await api.post("/station/manage", body))["jobId"]


async def history(api, since=0):
    return await api.get(f"/station/management-history?since={since}&page=1")


async def test_a_job_takes_its_time(api, world, pass_time):
    number = await manage(
        api, {"priorityStatus": {"priorityStatus": "outOfService"}}, ("2133", "2134")
    )
    assert (await history(api))[0]["status"] == "Queued"
    pass_time(5 + 7)
    (job,) = await history(api)
    assert (job["id"], job["status"]) == (number, "Running")
    assert job["status_message"] == "1 of 2 stations done"
    assert job["ids_completed"] == [world.station("2133").port_id]
    assert (await api.get("/station/2133"))["status"] == "offline"
    assert (await api.get("/station/2134"))["status"] == "available"
    pass_time(7)
    (job,) = await history(api)
    assert (job["status"], job["errors"]) == ("Success", "")
    original = job["content"]["originalValues"]
    restored = original[world.station("2133").port_id]
    assert restored == {"priorityStatus": "inService"}
    await manage(api, {"priorityStatus": restored})
    pass_time(12)
    assert (await api.get("/station/2133"))["status"] == "available"
    assert len(await history(api)) == 2
    assert await history(api, world.timeline.now_ms + 1) == []
    assert await api.get("/station/management-history?since=0&page=2") == []


async def test_what_commands_do(api, world, pass_time):
    station = world.station("2133")
    fee = world.tariffs[1]
    await manage(
        api,
        {
            "communicationId": {"communicationId": "c"},
            "isPrivate": {"isPrivate": "yes"},
            "isVisible": {"isVisible": "no"},
            "modelId": {"modelId": "m"},
            "orderNb": {"orderNb": "9"},
            "setChargingProfile": {"chargingRateUnit": "amps", "maximumRate": 10},
            "tariffId": {"tariffId": fee.tariff_id},
        },
    )
    pass_time(12)
    port = await api.get("/station/2133")
    assert (port["restriction"], port["chargingCost"]) == ("private", 2)
    assert port["location"]["ports"][-1]["displayName"] == "2133"
    assert (station.visible, station.limit_w, station.tariff) == (False, 2080, fee)
    assert (station.communication_id, station.model_id) == ("c", "m")
    (job,) = await history(api)
    assert job["content"]["originalValues"][station.port_id]["isPrivate"] == "no"
    assert job["description"].endswith("Set fee: Time - 2.")
    await manage(api, {"isPrivate": {"isPrivate": "no"}})
    pass_time(12)
    assert (await api.get("/station/2133"))["restriction"] == "public"


async def test_messages_expire(api, world, pass_time):
    station = world.station("2133")
    soon_ms = world.timeline.now_ms + 60_000
    await manage(api, {"setMessage": {"setMessage": "a\nb", "expirationDate": soon_ms}})
    pass_time(12)
    assert station.message.text == "a\nb"
    pass_time(48)
    assert station.message is None
    await manage(api, {"setMessage": {"setMessage": "one", "expirationDate": soon_ms + 60_000}})
    pass_time(12)
    await manage(api, {"setMessage": {"setMessage": "two", "expirationDate": 0}})
    pass_time(600)
    assert station.message.text == "two"
    await manage(api, {"setMessage": {"setMessage": " "}})
    pass_time(12)
    assert station.message is None


@pytest.mark.parametrize(
    ("kind", "reason", "seconds"), [("soft", "SoftReset", 10), ("hard", "HardReset", 45)]
)
async def test_resets(api, world, pass_time, kind, reason, seconds):
    world.plug_in("2133", card=True)
    await manage(api, {"reset": {"type": kind}})
    pass_time(12)
    assert world.ledger("2133")[0].end_reason == reason
    assert (await api.get("/station/2133"))["status"] == "unknown"
    pass_time(seconds - 1)
    world.reset("2133")
    pass_time(9)
    assert (await api.get("/station/2133"))["status"] == "unknown"
    pass_time(1)
    assert (await api.get("/station/2133"))["status"] == "available"
    assert world.station("2133").reported_status == "Preparing"


@pytest.mark.parametrize(
    "commands",
    [
        {"reset": {"type": "soft"}},
        {"tariffId": {"tariffId": "nope"}},
        {"setChargingProfile": {"chargingRateUnit": "amps", "maximumRate": 999}},
        {"isPrivate": {"isPrivate": "yes"}},
    ],
)
async def test_jobs_that_fail(api, world, pass_time, receiver, cloud, commands):
    if "reset" in commands:
        world.disconnect("2134")
    if "isPrivate" in commands:
        world.fail_jobs("2134", "No answer")
    async with receiver() as (url, bodies):
        await manage(api, commands, ("2134",), webhookOnJobFinished=url)
        pass_time(12)
        await cloud.deliver()
    (job,) = await history(api)
    assert (job["status"], job["ids_completed"]) == ("Error", [])
    assert job["errors"].startswith("2134: ")
    assert (bodies[0]["status"], bodies[0]["errors"]) == ("error", [job["errors"]])


async def test_the_webhook_of_a_job(api, world, pass_time, receiver, cloud, example):
    async with receiver() as (url, bodies):
        commands = {"setMessage": {"setMessage": "test2\n\nabc", "expirationDate": 0}}
        number = await manage(api, commands, ("2133", "2134"), webhookOnJobFinished=url)
        pass_time(19)
        await cloud.deliver()
    expected = example("webhook_job_finished") | {
        "id": number,
        "ids_completed": ["2133", "2134"],
        "created_at": world.timeline.now_ms - 19_000,
        "updated_at": world.timeline.now_ms,
    }
    assert bodies == [expected]


async def test_the_webhook_of_a_session(api, world, pass_time, receiver, cloud):
    world.plug_in("2133")
    async with receiver() as (url, bodies):
        started = await api.start("2133", webhookOnSessionComplete=url)
        pass_time(600)
        world.unplug("2133")
        session = await api.get(f"/session/{started['sessionId']}")
        await cloud.deliver()
        await cloud.deliver()
    assert bodies == [session]
    assert cloud.outbox.log[0].status == 200


async def test_webhooks_that_fail(api, world, cloud, receiver):
    cloud.settings.exceptions_webhook = "http://127.0.0.1:1/hook"
    world.fault("2133")
    await cloud.deliver()
    async with receiver(500) as (url, _):
        cloud.settings.exceptions_webhook = url
        world.clear_fault("2133")
        await cloud.deliver()
    first, second = cloud.outbox.log
    assert first.status is None
    assert first.error
    assert (second.status, second.error) == (500, "")
    assert first.body["content"][0]["end_timestamp"] is None
    assert second.body["content"][0]["end_timestamp"] == world.timeline.now_ms
    assert second.body["type"] == "exceptions"


async def test_exceptions_start_and_end(api, world, pass_time):
    began_ms = world.timeline.now_ms
    world.disconnect("2133")
    world.disconnect("2133")
    pass_time(899)
    assert [e["type"] for e in await api.get("/station/exceptions")] == ["ConnectionClosed"]
    pass_time(1)
    world.fault("2134", "OverVoltage")
    world.fault("2134", "OverVoltage")
    found = await api.get(f"/station/exceptions?since={began_ms}&page=1")
    assert [e["type"] for e in found] == ["Faulted", "Offline", "ConnectionClosed"]
    assert [e["end_timestamp"] for e in found] == [None] * 3
    assert found[0]["description"] == "OverVoltage"
    world.connect("2133")
    world.clear_fault("2134")
    found = await api.get("/station/exceptions")
    assert [e["end_timestamp"] for e in found] == [world.timeline.now_ms] * 3
    assert await api.get(f"/station/exceptions?since={world.timeline.now_ms + 1}") == []
    world.disconnect("2133")
    world.connect("2133")
    pass_time(3600)
    newest = (await api.get("/station/exceptions"))[0]
    assert newest["type"] == "ConnectionClosed"


async def test_seven_hundred_and_fifty_exceptions_a_page(api, world):
    for _ in range(800):
        world.fault("2133")
        world.clear_fault("2133")
    first = await api.get("/station/exceptions?since=0&page=1")
    second = await api.get("/station/exceptions?since=0&page=2")
    assert (len(first), len(second)) == (750, 50)
    assert len({e["id"] for e in first + second}) == 800


async def test_a_session_goes_on_unseen(api, world, pass_time):
    world.plug_in("2133", card=True)
    pass_time(604)
    (seen,) = await api.post("/session")
    world.disconnect("2133")
    pass_time(600)
    (frozen,) = await api.post("/session")
    assert frozen["energy"] == seen["energy"]
    assert (await api.get("/station/2133"))["status"] == "unknown"
    body = {"portId": seen["portId"]}
    await api.post(f"/session/{seen['sessionId']}/stop", body, status=400)
    world.unplug("2133")
    pass_time(600)
    (frozen,) = await api.post("/session")
    assert (frozen["status"], frozen["endTime"]) == ("charging", "")
    world.connect("2133")
    (known,) = await api.post("/session")
    assert (known["status"], known["energy"]) == ("complete", seen["energy"] * 2)
    assert known["endTime"] < known["updatedAt"]


@pytest.mark.parametrize(
    ("breaking", "code"), [("disconnect", 701), ("take_offline", 702), ("fault", 702)]
)
async def test_starts_that_are_refused(api, world, breaking, code):
    world.plug_in("2133")
    getattr(world, breaking)("2133")
    refused = await api.post("/session", {"stationId": "2133"}, status=400)
    assert refused["details"]["code"] == code


async def test_a_second_start_is_refused(api, world, pass_time):
    world.plug_in("2133")
    await api.start("2133")
    refused = await api.post("/session", {"stationId": "2133"}, status=400)
    assert refused["details"]["code"] == 703


async def test_broken_and_closed_stations(world, pass_time):
    def states(name):
        station = world.station(name)
        return station.connector_status(world.timeline.now_ms), station.site_status

    world.plug_in("2133", card=True)
    pass_time(60)
    world.take_offline("2133")
    assert states("2133") == ("Charging", "offline")
    world.fault("2133")
    assert states("2133") == ("Faulted", "offline")
    assert world.ledger("2133")[0].end_reason == "Other"
    world.clear_fault("2133")
    assert states("2133") == ("Out of Service", "offline")
    world.take_online("2133")
    assert states("2133") == ("Finishing", "available")
    assert states("3008") == ("Under Construction", "coming soon")
    assert states("3009") == ("Decommissioned", "removed")
    world.set_lifecycle("3008", "active")
    assert states("3008") == ("Available", "available")


async def test_stations_come_and_go(api, world, pass_time):
    port_id = world.add_station("New", site=1, model="IC3")
    assert (await api.get("/station/New"))["portId"] == port_id
    world.plug_in("New", card=True)
    world.rename_station("New", "Newer")
    await api.get("/station/New", status=400)
    assert (await api.get("/station/Newer"))["portId"] == port_id
    pass_time(60)
    (session,) = await api.post("/session")
    assert session["stationId"] == "Newer"
    world.remove_station("Newer")
    assert (await api.get("/station/Newer"))["status"] == "removed"
    assert world.ledger("Newer")[0].end_reason == "EVDisconnected"
    world.remove_station("Newer", forget=True)
    await api.get("/station/Newer", status=400)
    assert (await api.get(f"/session/{session['sessionId']}"))["status"] == "complete"


def test_stations_that_cannot_be(world):
    for options in (
        {"name": "2133"},
        {"name": ""},
        {"model": "Toaster"},
        {"site": 9},
        {"tariff": -1},
    ):
        with pytest.raises(ControlError):
            world.add_station(**({"name": "New"} | options))
    for name in ("", "2134"):
        with pytest.raises(ControlError):
            world.rename_station("2133", name)
