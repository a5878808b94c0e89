"""What actions answer: sessions, reports, exceptions, the history of jobs."""

import asyncio
from datetime import datetime, timedelta
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Cloud, Settings, World
from tests.calls import act, ask, device, pass_until, sent
from tests.conftest import API_KEY, START, Pass


@pytest.fixture
def settings() -> Settings:
    """Three sites: two in Canada, one in the United States; two stations each."""
    return Settings(keys=(API_KEY,), sites=3, stations=6, seed=7)


@pytest.fixture
def time(freezer: FrozenDateTimeFactory) -> datetime:
    return datetime.fromisoformat(START)


async def charge(world: World, wait: Pass, *names: str, hours: float = 1) -> None:
    for name in names:
        world.plug_in(name, card=True, percent=10)
    for _ in range(4):
        await wait(hours * 900)
    for name in names:
        world.unplug(name)
    await wait(35)


def last(cloud: Cloud, path: str) -> Any:
    return sent(cloud, path)[-1]


async def test_sessions_that_go_on(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    name = "2133"
    world.plug_in(name, card=True, percent=20, vehicle="Toyota bZ4X 2023")
    world.set_session_limit(name, 3600)
    world.demand_response(name, 3000)
    await wait(600)
    answer = await ask(hass, "get_sessions")
    assert answer["is_complete"] is True
    (session,) = answer["sessions"]
    real = world.ledger(name)[0]
    assert session["session_id"] == real.session_id
    assert session["station"] == name
    assert session["port_id"] == real.station.port_id
    assert session["site"] == real.station.site.name
    assert session["site_id"] == real.station.site.site_id
    assert session["status"] == "charging"
    assert session["is_active"] is True
    assert session["connector_status"] == "charging"
    assert datetime.fromisoformat(session["started_at"]).timestamp() * 1000 == real.start_ms
    assert session["started_at"].endswith("+00:00")
    assert session["ended_at"] is None
    energy_wh = real.curve.energy_wh(world.timeline.now_ms)
    assert session["energy_kwh"] == pytest.approx(energy_wh / 1000, abs=0.001)
    assert session["currency"] == "CAD"
    assert session["cost"] > 0
    assert session["taxes"][0]["description"].startswith("TPS/GST")
    assert session["tariff"]["name"] == "$0.30/kWh"
    assert session["tariff"]["price"] == 0.3
    assert set(session["tariff"]) >= {"idle_fee", "occupancy_fee", "price_increment"}
    (event,) = session["demand_response"]
    assert event["state"] == "active"
    assert event["power_limit_kw"] == 3
    assert event["ends_at"] is None
    assert session["started_with"] == "card"
    assert json.dumps(answer)
    for word in (real.customer_id, real.auth_id):
        assert not word or word not in json.dumps(answer)


async def test_fees_and_limits_of_a_session(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    world.set_session_limit("2225_B", 1800)
    world.plug_in("2225_B", card=True)
    await wait(60)
    (session,) = (await ask(hass, "get_sessions", stations="2225_B"))["sessions"]
    (limit,) = session["limits"]
    assert (limit["type"], limit["value"], limit["unit"]) == ("sessionTime", 1800, "s")
    assert 0 < limit["used"] <= 60
    assert limit["left"] == 1800 - limit["used"]
    assert session["tariff"]["idle_fee"]["price"] == 0.4
    assert session["tariff"]["idle_fee"]["unit"] == "minute"


async def test_filters_of_sessions(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    cloud: Cloud,
    wait: Pass,
    time: datetime,
) -> None:
    await charge(world, wait, "2133", "2134", hours=1)
    await charge(world, wait, "2133", hours=1)
    first, second, _ = world.sites

    async def stations(**data: Any) -> list[str]:
        sessions = (await ask(hass, "get_sessions", **data))["sessions"]
        assert not any(session["is_active"] for session in sessions)
        return sorted(session["station"] for session in sessions)

    since = time.isoformat()
    assert await stations(updated_since=since) == ["2133", "2133", "2134"]
    assert last(cloud, "/session") == {
        "limit": 1000,
        "offset": 0,
        "updatedOnOrAfter": round(time.timestamp() * 1000),
    }
    assert await stations(updated_since=(time + timedelta(hours=1.1)).isoformat()) == ["2133"]
    assert await stations(updated_since="2026-11-02 00:00:00") == ["2133", "2133", "2134"]
    assert await stations(updated_since=since, stations=["2134"]) == ["2134"]
    assert last(cloud, "/session")["stations"] == ["2134"]
    port = device(hass, loaded, world.station("2133").port_id)
    assert await stations(updated_since=since, device_id=port) == ["2133", "2133"]
    assert await stations(updated_since=since, sites=[second.site_id]) == ["2134"]
    assert last(cloud, "/session")["sites"] == [second.site_id]
    site = device(hass, loaded, first.site_id)
    assert await stations(updated_since=since, sites=[site]) == ["2133", "2133"]
    assert await stations(updated_since=since, sites=[first.name, second.name]) == [
        "2133",
        "2133",
        "2134",
    ]
    answer = await ask(hass, "get_sessions", updated_since=since, limit=2)
    assert len(answer["sessions"]) == 2
    assert answer["is_complete"] is False
    assert last(cloud, "/session")["limit"] == 2


async def test_a_report(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    cloud: Cloud,
    wait: Pass,
    time: datetime,
) -> None:
    await charge(world, wait, "2133", "2134", hours=1)
    await charge(world, wait, "2133", hours=1)
    report = await ask(hass, "get_report", start=time.isoformat())
    assert last(cloud, "/session/report")["groupBy"] == "station"
    assert report["start"] == START
    assert report["group_by"] == "station"
    assert report["currency"] == "CAD"
    assert report["is_complete"] is True
    rows = {row["station"]: row for row in report["rows"]}
    assert set(rows) == {"2133", "2134"}
    for name, row in rows.items():
        mine = [s.snapshot(s.end_ms) for s in world.ledger(name)]
        assert row["site"] == world.station(name).site.name
        assert row["sessions"] == len(mine)
        assert row["energy_kwh"] == sum(end.energy_wh for end in mine) / 1000
        assert row["duration_s"] == sum(end.duration_s for end in mine)
        assert row["cost"] == pytest.approx(float(sum(end.bill.cost for end in mine)), abs=0.01)
        assert row["average_cost"] == pytest.approx(row["cost"] / len(mine))
        assert row["currency"] == "CAD"
    total, average = report["total"], report["average"]
    assert total["sessions"] == 3
    assert average["sessions"] == 1.5
    for key in ("energy_kwh", "duration_s", "cost"):
        assert total[key] == pytest.approx(sum(row[key] for row in rows.values()))
        assert average[key] == pytest.approx(total[key] / 2)
    assert "station" not in total
    assert json.dumps(report)


async def test_groups_and_currencies(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud, wait: Pass
) -> None:
    """Dollars of two countries are never added up, whatever the cloud says."""
    await charge(world, wait, "2133", "2134", "Right", hours=1)

    async def report(**data: Any) -> dict[str, Any]:
        return await ask(hass, "get_report", start="2026-11-01 00:00:00", **data)

    everywhere = await report(group_by="site")
    names = [site.name for site in world.sites]
    rows = {row["site"]: row for row in everywhere["rows"]}
    assert [rows[name]["currency"] for name in names] == ["CAD", "CAD", "USD"]
    assert all(row["cost"] for row in rows.values())
    assert everywhere["currency"] is None
    assert everywhere["total"]["cost"] is None
    assert everywhere["total"]["energy_cost"] is None
    assert everywhere["total"]["energy_kwh"] > 0

    of_regions = await report(group_by="region")
    assert {row["region"]: row["currency"] for row in of_regions["rows"]} == {
        "BC": "CAD",
        "ON": "CAD",
        "WA": "USD",
    }
    assert of_regions["average"]["cost"] is None

    in_canada = await report(group_by="region", regions=["bc", "ON"])
    assert last(cloud, "/session/report")["regions"] == ["BC", "ON"]
    assert in_canada["currency"] == "CAD"
    assert in_canada["total"]["cost"] > 0

    of_a_site = await report(sites=[world.sites[2].site_id])
    assert last(cloud, "/session/report")["sites"] == [world.sites[2].site_id]
    assert [row["station"] for row in of_a_site["rows"]] == ["Right"]
    assert of_a_site["currency"] == "USD"

    of_a_station = await report(stations=["2133"], end="2026-11-03 00:00:00")
    assert last(cloud, "/session/report")["stations"] == ["2133"]
    assert [row["station"] for row in of_a_station["rows"]] == ["2133"]
    assert of_a_station["end"] == "2026-11-03T08:00:00+00:00"

    nothing = await report(stations=["2225_A"])
    assert (nothing["rows"], nothing["total"], nothing["currency"]) == ([], None, None)


async def test_a_currency_that_nobody_knows(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, freezer: FrozenDateTimeFactory
) -> None:
    """A session that came and went between two polls has not named it."""
    world.plug_in("2133", card=True)
    freezer.tick(3600)
    world.unplug("2133")
    freezer.tick(60)
    report = await ask(hass, "get_report", start=START)
    assert report["currency"] is None
    assert report["total"]["cost"] > 0


async def test_sites_that_were_left_out(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass, time: datetime
) -> None:
    second = world.sites[1]
    hass.config_entries.async_update_entry(
        loaded, options={"excluded_sites": [second.site_id], "inactive_stations": False}
    )
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await charge(world, wait, "2133", "2134", hours=1)
    world.disconnect("2133")
    world.disconnect("2134")
    await wait(1000)
    since = time.isoformat()
    found = await ask(hass, "get_sessions", updated_since=since)
    assert [session["station"] for session in found["sessions"]] == ["2133"]
    report = await ask(hass, "get_report", start=since)
    assert [row["station"] for row in report["rows"]] == ["2133"]
    exceptions = await ask(hass, "get_exceptions", since=since)
    assert {exception["station"] for exception in exceptions["exceptions"]} == {"2133"}
    with pytest.raises(ServiceValidationError, match=f"no site {second.name}"):
        await ask(hass, "get_sessions", sites=[second.name])


async def test_exceptions(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass, time: datetime
) -> None:
    world.fault("2133", "GroundFailure")
    await wait(60)
    world.clear_fault("2133")
    world.fault("2134", "GroundFailure")
    await wait(60)
    found = (await ask(hass, "get_exceptions"))["exceptions"]
    assert {exception["station"]: exception["is_open"] for exception in found} == {
        "2133": False,
        "2134": True,
    }
    ended = next(exception for exception in found if not exception["is_open"])
    assert ended["started_at"] == START
    assert ended["ended_at"] == (time + timedelta(seconds=60)).isoformat()
    assert ended["type"]
    assert ended["site"] == world.sites[0].name

    async def stations(**data: Any) -> set[str]:
        found = (await ask(hass, "get_exceptions", **data))["exceptions"]
        return {exception["station"] for exception in found}

    assert await stations(only_open=True) == {"2134"}
    assert await stations(stations=["2133"]) == {"2133"}
    assert await stations(stations=["2133"], only_open=True) == set()
    assert await stations(since=(time + timedelta(seconds=30)).isoformat()) == {"2134"}


@pytest.mark.parametrize(
    ("action", "path", "key"),
    [
        ("get_sessions", "/session", "sessions"),
        ("get_report", "/session/report", "rows"),
        ("get_exceptions", "/station/exceptions", "exceptions"),
        ("get_management_history", "/station/management-history", "jobs"),
    ],
)
async def test_a_station_that_is_removed_during_the_request(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    cloud: Cloud,
    world: World,
    wait: Pass,
    time: datetime,
    action: str,
    path: str,
    key: str,
) -> None:
    world.fault("2133", "GroundFailure")
    world.fault("2134", "GroundFailure")
    port_id = world.station("2133").port_id
    await hass.services.async_call(
        "eevion", "manage_stations", {"stations": ["2133"], "is_visible": True}, blocking=True
    )
    for _ in range(4):
        await wait(31)
    data: dict[str, Any] = {"start": time.isoformat()} if action == "get_report" else {}
    cloud.faults.set("latency", path=path, seconds=1, count=1)
    call = hass.async_create_task(ask(hass, action, stations=["2133"], **data))
    for _ in range(200):  # until the request has reached the cloud
        await asyncio.sleep(0)
    assert not cloud.faults.active
    world.remove_station("2133")
    await loaded.runtime_data.coordinator.async_refresh()
    assert port_id not in loaded.runtime_data.coordinator.data.stations
    assert not call.done()
    await wait(1)
    rows = (await call)[key]
    if action in ("get_exceptions", "get_management_history"):
        assert {str(row.get("station", "2133")) for row in rows} == {"2133"}


async def test_management_history(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    freezer: FrozenDateTimeFactory,
    time: datetime,
) -> None:
    world.fail_jobs("2134", "The station did not answer")
    await pass_until(
        hass,
        freezer,
        ask(hass, "manage_stations", stations=["2133", "2134"], is_private=True, wait=True),
    )
    freezer.tick(60)
    later = datetime.now(time.tzinfo) - timedelta(seconds=30)
    await act(hass, "manage_stations", stations=["Left"], message="Hello")
    found = (await ask(hass, "get_management_history"))["jobs"]
    new, old = found
    assert old["stations"] == ["2133", "2134"]
    assert old["completed"] == ["2133"]
    assert old["status"] == "error"
    assert "did not answer" in old["errors"][0]
    assert old["commands"] == {"is_private": True}
    assert set(old["original_values"]) == {"2133", "2134"}
    assert set(old["original_values"]["2133"]) == {"is_private"}
    assert old["created_at"].startswith("2026-11-02T08:00:")
    assert new["commands"] == {"message": "Hello"}
    assert new["status"] == "queued"
    assert "@" not in json.dumps(found), "nobody's name or address"

    async def ids(**data: Any) -> list[str]:
        answer = await ask(hass, "get_management_history", **data)
        return [job["job_id"] for job in answer["jobs"]]

    assert await ids(stations="2134") == [old["job_id"]]
    assert await ids(since=later.isoformat()) == [new["job_id"]]
    assert await ids(stations="Right") == []


@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("get_report", {"start": "2026-11-01", "end": "2026-10-01"}, "dates_turned_round"),
        ("get_report", {"start": "2026-10-01", "end": "2026-10-01"}, "dates_turned_round"),
        ("get_report", {"start": "2027-01-01"}, "dates_turned_round"),
        ("get_report", {"start": "2026-10-01", "sites": ["Nowhere"]}, "unknown_site"),
        ("get_report", {"start": "2026-10-01", "sites": []}, "no_target"),
        ("get_report", {"start": "2026-10-01", "regions": ["QC"]}, "unknown_region"),
        ("get_report", {"start": "2026-10-01", "regions": []}, "no_target"),
        ("get_report", {"start": "2026-10-01", "stations": ["9999"]}, "unknown_station"),
        ("get_sessions", {"updated_since": "2027-01-01"}, "dates_turned_round"),
        ("get_sessions", {"sites": ["Nowhere"]}, "unknown_site"),
        ("get_exceptions", {"since": "2027-01-01"}, "dates_turned_round"),
        ("get_management_history", {"since": "2027-01-01"}, "dates_turned_round"),
    ],
)
async def test_questions_that_cannot_be(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    action: str,
    data: dict[str, Any],
    key: str,
) -> None:
    times = {"start", "end", "since", "updated_since"}
    data = {name: f"{value} 00:00:00" if name in times else value for name, value in data.items()}
    cloud.requests.clear()
    with pytest.raises(ServiceValidationError) as error:
        await ask(hass, action, **data)
    assert error.value.translation_key == key
    assert not cloud.requests


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("drop", "cannot_connect"),
        ("error", "bad_response"),
        ("html", "bad_response"),
        ("unauthorized", "invalid_auth"),
        ("rate_limited", "rate_limited"),
    ],
)
@pytest.mark.parametrize(
    ("action", "path"),
    [
        ("get_sessions", "/session"),
        ("get_report", "/session/report"),
        ("get_exceptions", "/station/exceptions"),
        ("get_management_history", "/station/management-history"),
    ],
)
async def test_no_answer(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
    action: str,
    path: str,
    kind: str,
    key: str,
) -> None:
    cloud.faults.set(kind, path=path)
    data = {"start": START} if action == "get_report" else {}
    freezer.tick(60)
    with pytest.raises(HomeAssistantError) as error:
        await pass_until(hass, freezer, ask(hass, action, **data))
    assert error.value.translation_domain == "eevion"
    assert error.value.translation_key == key
