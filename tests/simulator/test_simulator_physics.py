"""Energy is exact, whatever the steps; states follow the plug."""

from contextlib import suppress
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings as hypothesis_settings, strategies as st
import pytest

from simulator import Cloud, ControlError, Settings
from simulator.charging.power import WMS_PER_WH, PowerCurve

EXAMPLES = hypothesis_settings(max_examples=60, deadline=None)


class StillTime:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


def limit(world, amps):
    world.station("2133").limit_w = amps * 208
    world.charging.refresh(world.station("2133"))


ACTIONS = {
    "plug": lambda w, n: w.plug_in("2133", percent=n, battery_wh=20_000, card=True),
    "unplug": lambda w, _: w.unplug("2133"),
    "card": lambda w, _: w.swipe_card("2133"),
    "limit": limit,
    "event": lambda w, n: w.demand_response("2133", n * 208, start_in_s=60, lasts_s=1800),
    "fault": lambda w, _: w.fault("2133"),
    "mend": lambda w, _: w.clear_fault("2133"),
    "cut": lambda w, _: w.disconnect("2133"),
    "join": lambda w, _: w.connect("2133"),
}
DAY = st.lists(
    st.tuples(st.integers(1, 7200), st.sampled_from(list(ACTIONS)), st.integers(0, 48)),
    max_size=12,
)


def play(day, step_s):
    """Live through a day in steps of at most so many seconds; return the ledger."""
    time = StillTime()
    cloud = Cloud(Settings(stations=1), now=time)
    world = cloud.world()
    for wait_s, action, amount in day:
        until = time.now + wait_s
        while time.now < until:
            time.now = min(until, time.now + step_s)
            cloud.advance()
        with suppress(ControlError):
            ACTIONS[action](world, amount)
    time.now += 10_000
    cloud.advance()
    now_ms = world.timeline.now_ms
    return [
        (s.session_id, s.start_ms, s.end_ms, s.end_reason, s.curve.energy_wms(now_ms))
        for s in world.ledger("2133")
    ]


@EXAMPLES
@given(DAY, st.sampled_from([1.7, 61, 600]))
def test_coarse_and_fine_steps_give_the_same_sessions(day, step_s):
    assert play(day, step_s) == play(day, 10**9)


@EXAMPLES
@given(
    st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 50_000)), min_size=1),
    st.integers(0, 10**9),
)
def test_a_curve_is_the_sum_of_its_pieces(pieces, at_ms):
    curve, start_ms, expected = PowerCurve(), 0, Fraction(0)
    edges = [start_ms]
    for length_ms, watts in pieces:
        curve.set(edges[-1], watts)
        edges.append(edges[-1] + length_ms)
    curve.set(edges[-1], 0)
    for (_, watts), (from_ms, to_ms) in zip(pieces, pairwise(edges), strict=True):
        expected += watts * max(0, min(to_ms, at_ms) - from_ms)
    assert curve.energy_wms(at_ms) == expected
    assert curve.energy_wh(at_ms) == int(expected / WMS_PER_WH)
    assert curve.energy_wms(-1) == curve.watts(-1) == 0


async def test_an_hour_at_full_power(api, world, pass_time):
    world.plug_in("2133", max_w=50_000)
    started = await api.start("2133")
    pass_time(3604)
    session = await api.get(f"/session/{started['sessionId']}")
    assert session["energy"] == 208 * 48
    assert session["duration"] == 3600
    assert session["cost"] == 3.0


async def test_the_car_limits_too(world, pass_time):
    world.plug_in("2133", max_w=3000, card=True)
    pass_time(3604)
    assert world.ledger("2133")[0].curve.energy_wh(world.timeline.now_ms) == 3000


async def test_a_full_battery_suspends(api, world, pass_time):
    world.plug_in("2133", battery_wh=10_000, percent=50, max_w=5000, card=True)
    pass_time(4 + 3600)
    (session,) = await api.post("/session")
    assert (session["energy"], session["stationStatus"]) == (5000, "SuspendedEV")
    pass_time(3600)
    (session,) = await api.post("/session")
    assert (session["energy"], session["status"]) == (5000, "charging")
    world.unplug("2133")
    assert world.ledger("2133")[0].end_reason == "EVDisconnected"


async def test_a_full_battery_ends_the_session_if_told_so(api, world, pass_time):
    world.plug_in("2133", battery_wh=10_000, percent=50, max_w=5000)
    started = await api.start("2133", continueIfBatteryFull=False)
    pass_time(7200)
    session = await api.get(f"/session/{started['sessionId']}")
    assert (session["status"], session["duration"]) == ("complete", 3600)
    assert session["stationStatus"] == "Finishing"


def status(world, name="2133"):
    station = world.station(name)
    return station.connector_status(world.timeline.now_ms), station.site_status


async def test_a_charge_and_its_states(api, world, pass_time):
    assert status(world) == ("Available", "available")
    world.plug_in("2133")
    assert status(world) == ("Preparing", "available")
    started = await api.start("2133")
    assert status(world) == ("Preparing", "in use")
    body = {"portId": started["portId"]}
    stop = f"/session/{started['sessionId']}/stop"
    refused = await api.post(stop, body, status=400)
    assert "authorizing" in refused["message"]
    pass_time(4)
    assert status(world) == ("Charging", "in use")
    await api.post(stop, {}, status=400)
    await api.post(stop, {"portId": "other"}, status=400)
    stopped = await api.call("DELETE", stop, json=body)
    assert (stopped["status"], stopped["endReason"]) == ("complete", "Remote")
    assert status(world) == ("Finishing", "available")
    await api.post(stop, body, status=400)
    world.unplug("2133")
    assert status(world) == ("Available", "available")


async def test_a_limit_of_zero_pauses(api, world, pass_time):
    world.plug_in("2133", card=True)
    pass_time(64)
    profile = {"chargingRateUnit": "A", "limit": 0}
    await api.post(
        "/station/energy-management", [{"stationId": "2133", "newChargingProfile": profile}]
    )
    assert status(world) == ("SuspendedEVSE", "in use")
    pass_time(600)
    profile["limit"] = 10
    await api.post(
        "/station/energy-management", [{"stationId": "2133", "newChargingProfile": profile}]
    )
    assert status(world) == ("Charging", "in use")
    pass_time(3600)
    energy_wh = world.ledger("2133")[0].curve.energy_wh(world.timeline.now_ms)
    assert energy_wh == (208 * 48 * 60 + 2080 * 3600) // 3600


async def test_watts_below_six_amps_pause_a_level_2_station(world, pass_time):
    world.plug_in("2133", card=True)
    pass_time(10)
    world.demand_response("2133", 1000)
    assert status(world)[0] == "SuspendedEVSE"


async def test_demand_response(api, world, pass_time):
    world.plug_in("2133", card=True)
    pass_time(4)
    world.demand_response("2133", 3000, kind="loadSharing")
    world.demand_response("2133", 2000, start_in_s=3600, lasts_s=3600)
    world.demand_response("2133", 1500, start_in_s=90_000)
    pass_time(3600)
    (session,) = await api.post("/session")
    assert session["energy"] == 3000
    states = {e["eventType"]: e["eventState"] for e in session["demandResponse"]}
    assert states == {"loadSharing": "queued", "openADRSimple": "active"}
    assert session["demandResponse"][0]["eventEndTime"] == 0
    pass_time(3600)
    (session,) = await api.post("/session")
    assert session["energy"] == 5000
    states = {e["eventType"]: e["eventState"] for e in session["demandResponse"]}
    assert states == {"loadSharing": "active", "openADRSimple": "completed"}
    world.unplug("2133")
    pass_time(600)
    ended = await api.get(f"/session/{session['sessionId']}")
    assert ended["demandResponse"][0]["eventState"] == "active"


async def test_a_session_time_limit(api, world, pass_time):
    world.set_session_limit("2133", 900)
    world.plug_in("2133", card=True)
    pass_time(600)
    (session,) = await api.post("/session")
    assert session["sessionLimits"] == [{"limitType": "sessionTime", "limitValue": 900}]
    pass_time(600)
    assert (world.ledger("2133")[0].end_reason, status(world)[0]) == ("Remote", "Finishing")
    world.swipe_card("2133")
    pass_time(60)
    world.stop_locally("2133")
    pass_time(3600)
    assert world.ledger("2133")[1].end_reason == "Local"


async def test_unplugged_before_it_began(api, world, pass_time):
    world.plug_in("2133")
    started = await api.start("2133")
    world.unplug("2133")
    pass_time(60)
    session = await api.get(f"/session/{started['sessionId']}")
    assert (session["status"], session["startTime"], session["energy"]) == ("complete", "", 0)
    rows = await api.post("/session/report", {"startTimestamp": 0, "endTimestamp": 2**42})
    assert (rows[0]["cancel_count"], rows[0]["count"]) == (1, 1)


async def test_the_meter_may_report_now_and_then(time):
    cloud = Cloud(Settings(meter_interval_s=60), now=time)
    world = cloud.world()
    world.plug_in("2133", max_w=3600, card=True)
    time.now += 4 + 119
    cloud.advance()
    session = world.ledger("2133")[0]
    assert session.snapshot(world.timeline.now_ms).energy_wh == 60
    world.unplug("2133")
    assert session.snapshot(world.timeline.now_ms).energy_wh == 119


async def test_time_may_run_faster(time):
    cloud = Cloud(Settings(speed=60), now=time)
    began_ms = cloud.clock.now_ms()
    time.now += 60
    assert cloud.clock.now_ms() - began_ms == 3_600_000
    cloud.clock.speed = 1
    time.now += 60
    assert cloud.clock.now_ms() - began_ms == 3_660_000


@pytest.mark.parametrize(
    "options", [{"percent": 101}, {"percent": -1}, {"battery_wh": 0}, {"max_w": -1}]
)
def test_cars_that_cannot_be(world, options):
    with pytest.raises(ControlError):
        world.plug_in("2133", **options)


def test_what_people_cannot_do(world):
    for name in ("nope", "3008", "3009"):
        with pytest.raises(ControlError):
            world.plug_in(name)
    with pytest.raises(ControlError):
        world.stop_locally("2133")
    with pytest.raises(ControlError, match="707"):
        world.swipe_card("2133")
    world.plug_in("2133", card=True)
    with pytest.raises(ControlError):
        world.plug_in("2133")
    world.stop_locally("2133")
    world.swipe_card("2133")
    world.swipe_card("2133")
    assert [session.end_reason for session in world.ledger("2133")] == ["Local", "Local"]


def fingerprint(seed):
    time = StillTime()
    time.now = 1_800_000_000.0
    cloud = Cloud(Settings(stations=12, seed=seed, auto_cars=True, history_days=2), now=time)
    time.now += 3 * 86_400
    cloud.advance()
    sessions = cloud.world().charging.sessions.values()
    return [(s.session_id, s.start_ms, s.end_ms, s.end_reason, s.vehicle) for s in sessions]


def test_the_same_seed_makes_the_same_days():
    first = fingerprint(1)
    assert len(first) > 50
    assert first == fingerprint(1)
    assert first != fingerprint(2)


def test_cars_of_their_own_leave_those_of_people_alone(time):
    cloud = Cloud(Settings(stations=1, auto_cars=True), now=time)
    world = cloud.world()
    time.now += 700
    cloud.advance()
    world.unplug("2133")
    world.plug_in("2133", vehicle="Mine")
    while time.now < 1_800_000_000 + 7 * 86_400:
        time.now += 3600
        cloud.advance()
        assert world.station("2133").car.vehicle == "Mine"
