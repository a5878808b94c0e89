"""The months before the installation are imported once, whatever the number of imports."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.eevion.api import EevionAuthenticationError
from custom_components.eevion.history.importer import async_with_retries
from simulator import Cloud, Settings, World
from simulator.errors import ApiError
from simulator.http import session_endpoints
from tests.conftest import API_KEY, START, Pass
from tests.history.hourly import (
    Hours,
    add_past_session,
    all_rows,
    delivered_kwh,
    earned,
    expected_kwh,
    import_history,
    pass_while,
)

pytestmark = pytest.mark.usefixtures("recorder_mock")

STATION = "2133"
NOW = datetime.fromisoformat(START)


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7, history_days=40)


@pytest.fixture
def hours(hass: HomeAssistant, loaded: ConfigEntry, world: World) -> Hours:
    return Hours(hass, loaded, world, STATION)


type RunImport = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def run_import(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, loaded: ConfigEntry
) -> RunImport:
    """Import history, and let so much time pass as that needs."""
    return partial(import_history, hass, freezer, loaded)


def reports(cloud: Cloud) -> list[dict[str, Any]]:
    return [r.body for r in cloud.requests if r.path.endswith("/report")]


def most_in_a_minute(cloud: Cloud) -> int:
    window: deque[float] = deque()
    most = 0
    for request in cloud.requests:
        window.append(request.time)
        while window[0] <= request.time - 60:
            window.popleft()
        most = max(most, len(window))
    return most


# Two of the nine stations are planned, removed or never connected.
MONTHS = Settings(keys=(API_KEY,), sites=1, stations=9, seed=7, history_days=70)


@pytest.mark.parametrize("settings", [MONTHS])
async def test_months_of_many_stations(
    run_import: RunImport, hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, world: World
) -> None:
    """To the watt-hour and the cent, within the budget; and again without a change."""
    answer = await run_import(from_="2026-08-24")
    assert (answer["from"], answer["to"]) == ("2026-08-24", "2026-11-02")
    result = {station["station"]: station for station in answer["stations"]}
    busy = [station for station in world.stations if station.ledger]
    assert len(busy) == 7
    for station in busy:
        hours = Hours(hass, loaded, world, station.name)
        assert round(await hours.total() * 1000, 3) == round(delivered_kwh(*station.ledger) * 1000)
        assert round(await hours.total("cost"), 4) == round(earned(*station.ledger), 2)
        assert await hours.read() == pytest.approx(expected_kwh(*station.ledger), abs=1e-5)
        assert result[station.name]["sessions"] == len(station.ledger)
        assert result[station.name]["energy_kwh"] == pytest.approx(await hours.total())
        assert result[station.name]["estimated_days"] == 0
    assert most_in_a_minute(cloud) <= 60
    assert all(request.status == 200 for request in cloud.requests)
    assert 60 < len(reports(cloud)) < 87

    rows = await all_rows(hass)
    again = await run_import(from_="2026-08-24")
    assert await all_rows(hass) == rows
    assert [station["changed_rows"] for station in again["stations"]] == [0] * len(result)
    assert set(again) == {"from", "to", "stations", "is_complete"}
    figures = {"energy_kwh", "cost", "energy_cost", "currency"}
    counts = {"sessions", "hours", "changed_rows", "estimated_days"}
    ids = {"energy_statistic_id", "cost_statistic_id", "energy_cost_statistic_id"}
    assert set(again["stations"][0]) == {"station"} | figures | counts | ids
    assert most_in_a_minute(cloud) <= 60


async def test_electricity(
    run_import: RunImport,
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    loaded: ConfigEntry,
    hours: Hours,
    cloud: Cloud,
    world: World,
) -> None:
    answer = await run_import(from_="2026-09-20")
    hours = Hours(hass, loaded, world, STATION)
    kwh = delivered_kwh(*world.ledger(STATION))
    dollars = kwh * cloud.settings.energy_price_cents_per_kwh / 100
    # What ended today comes with tomorrow's report.
    assert await hours.total("electricity") == pytest.approx(dollars, rel=0.05)
    assert answer["stations"][0]["energy_cost"] == pytest.approx(await hours.total("electricity"))
    assert set(await hours.read("electricity")) <= set(await hours.read())
    for _ in range(50):
        freezer.tick(1801)
        async_fire_time_changed(hass)
        await hass.async_block_till_done(wait_background_tasks=True)
    assert await hours.total("electricity") == pytest.approx(dollars, abs=0.5)


async def test_parts_make_the_whole(
    run_import: RunImport, hass: HomeAssistant, loaded: ConfigEntry, world: World
) -> None:
    """Months in any order, one station after the other, overlapping."""
    devices = dr.async_get(hass)
    station = world.station(STATION)
    device = devices.async_get_device_by_identifier(("eevion", station.port_id), loaded.entry_id)
    assert device
    for first, last, stations in (
        ("2026-10-10", "2026-11-02", [device.id]),
        ("2026-09-01", "2026-10-05", [STATION]),
        ("2026-10-04", "2026-10-20", [STATION]),
        ("2026-09-01", "2026-11-02", [world.stations[1].name]),
    ):
        answer = await run_import(from_=first, to=last, stations=stations)
        assert len(answer["stations"]) == 1
    for one in world.stations:
        hours = Hours(hass, loaded, world, one.name)
        assert await hours.read() == pytest.approx(expected_kwh(*one.ledger), abs=1e-5)
        assert round(await hours.total("cost"), 4) == round(earned(*one.ledger), 2)


async def test_only_some_days(run_import: RunImport, hass: HomeAssistant, hours: Hours) -> None:
    await run_import(from_="2026-10-10", to="2026-10-11")
    found = await hours.read()
    assert hass.config.time_zone == "US/Pacific"
    assert min(found) >= datetime(2026, 10, 10, 7, tzinfo=UTC).timestamp()
    assert max(found) < datetime(2026, 10, 12, 7, tzinfo=UTC).timestamp()


async def test_sessions_since_are_not_counted_twice(
    run_import: RunImport, hass: HomeAssistant, hours: Hours, world: World, wait: Pass
) -> None:
    """Those of the ledger, one of them in an hour with one from before its beginning."""
    before = add_past_session(world, STATION, ago_s=9000, lasts_s=1000)
    await run_import(from_="2026-09-20")
    world.plug_in(STATION, card=True)
    await wait(600)
    world.unplug(STATION)
    for _ in range(4):
        await wait(40)
    assert before in world.ledger(STATION)
    assert await hours.read() == pytest.approx(expected_kwh(*world.ledger(STATION)), abs=1e-5)
    rows = await all_rows(hass)
    await run_import(from_="2026-09-20")
    rows_of = {k: v for k, v in (await all_rows(hass)).items() if "energy_cost" not in k}
    assert rows_of == {k: v for k, v in rows.items() if "energy_cost" not in k}


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The cloud lists the sessions of the last ten days only; its reports contain all."""
    since = NOW - timedelta(days=10)
    known = session_endpoints._known_sessions

    def lately(world: World, updated_ms: int | None) -> list[Any]:
        sessions = known(world, updated_ms)
        return [s for s in sessions if not s.end_ms or s.end_ms / 1000 >= since.timestamp()]

    monkeypatch.setattr(session_endpoints, "_known_sessions", lately)
    return since


@pytest.mark.parametrize("lacks", [False, True])
async def test_a_list_that_lacks_sessions(
    run_import: RunImport, monkeypatch: pytest.MonkeyPatch, lacks: bool
) -> None:
    listed = session_endpoints._list
    rows = ["junk"] if lacks else []
    monkeypatch.setattr(session_endpoints, "_list", lambda *args: [*listed(*args), *rows])
    answer = await run_import(from_="2026-11-01")
    assert answer["is_complete"] is not lacks


async def test_estimates(
    run_import: RunImport, hass: HomeAssistant, hours: Hours, world: World, short_memory: datetime
) -> None:
    """Days without sessions are spread evenly, and counted as estimates."""
    answer = await run_import(from_="2026-09-20")
    found = await hours.read()
    (result,) = [s for s in answer["stations"] if s["station"] == STATION]
    assert result["estimated_days"] >= 28
    ledger = world.ledger(STATION)
    assert sum(found.values()) == pytest.approx(delivered_kwh(*ledger), rel=0.05)
    assert sum(found.values()) <= delivered_kwh(*ledger) + 1e-6
    day = datetime(2026, 10, 5, 7, tzinfo=UTC).timestamp()
    of_day = [found[hour] for hour in range(int(day), int(day) + 86400, 3600)]
    assert max(of_day) - min(of_day) < 1e-5
    rows = await all_rows(hass)
    again = await run_import(from_="2026-09-20")
    assert await all_rows(hass) == rows
    assert [s["estimated_days"] for s in again["stations"]] == [
        s["estimated_days"] for s in answer["stations"]
    ]


async def test_sessions_replace_estimates(
    run_import: RunImport,
    hours: Hours,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    short_memory: datetime,
) -> None:
    await run_import(from_="2026-09-20")
    monkeypatch.undo()
    await run_import(from_="2026-09-20")
    assert await hours.read() == pytest.approx(expected_kwh(*world.ledger(STATION)), abs=1e-5)


async def test_estimates_do_not_blur_sessions(
    run_import: RunImport, hass: HomeAssistant, request: pytest.FixtureRequest
) -> None:
    """A cloud that forgets sessions does not spoil the hours they were written to."""
    await run_import(from_="2026-09-20")
    rows = await all_rows(hass)
    request.getfixturevalue("short_memory")
    answer = await run_import(from_="2026-09-20", to="2026-10-20")
    assert await all_rows(hass) == rows
    assert [s["estimated_days"] for s in answer["stations"]] == [0, 0]


def notifications(hass: HomeAssistant) -> list[str]:
    found = persistent_notification._async_get_or_create_notifications(hass)
    return [notification["message"] for notification in found.values()]


async def test_progress_and_restart(
    run_import: RunImport,
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    loaded: MockConfigEntry,
    cloud: Cloud,
    world: World,
) -> None:
    """It goes on after a restart with the quarter it was at."""
    action = asyncio.ensure_future(
        hass.services.async_call(
            "eevion",
            "import_history",
            {"from": "2026-08-01", "to": "2026-11-01"},
            blocking=True,
            return_response=True,
        )
    )
    store = loaded.runtime_data.history._store
    await pass_while(hass, freezer, loaded, lambda: not (store.plan and store.plan.reached))
    assert "%" in notifications(hass)[0]
    with pytest.raises(HomeAssistantError, match="already running"):
        await run_import(from_="2026-08-01")
    assert await hass.config_entries.async_unload(loaded.entry_id)
    with pytest.raises(HomeAssistantError, match="continues by itself"):
        await action
    assert notifications(hass) == [], "nothing is under way"
    requested = len(reports(cloud))
    assert await hass.config_entries.async_setup(loaded.entry_id)
    store = loaded.runtime_data.history._store
    await pass_while(hass, freezer, loaded, lambda: store.plan is not None)
    october = datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000
    later = [
        body["startTimestamp"] for body in reports(cloud)[requested:] if body["startTimestamp"]
    ]
    assert later
    assert min(later) >= october
    assert notifications(hass) == []
    for station in world.stations:
        hours = Hours(hass, loaded, world, station.name)
        over = [s for s in station.ledger if s.end_ms / 1000 < NOW.timestamp() - 90_000]
        found = {h: v for h, v in (await hours.read()).items() if h < NOW.timestamp() - 2 * 86400}
        wanted = {h: v for h, v in expected_kwh(*over).items() if h < NOW.timestamp() - 2 * 86400}
        assert found == pytest.approx(wanted, abs=1e-5)


async def test_a_refused_key_ends_the_retries() -> None:
    requests = 0

    async def request() -> None:
        nonlocal requests
        requests += 1
        raise EevionAuthenticationError("refused")

    with pytest.raises(EevionAuthenticationError):
        await async_with_retries(request)
    assert requests == 1


async def test_stations_are_read_one_by_one_where_their_list_fails(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
) -> None:
    """The list of all stations fails for as long as it is repeated."""
    cloud.faults.set("error", path="/session", method="POST")
    action = asyncio.ensure_future(
        hass.services.async_call(
            "eevion",
            "import_history",
            {"from": "2026-10-20", "to": "2026-11-01"},
            blocking=True,
            return_response=True,
        )
    )
    until = time.time() + 562
    await pass_while(hass, freezer, loaded, lambda: time.time() < until)
    assert not action.done()
    cloud.faults.clear()
    await pass_while(hass, freezer, loaded, lambda: not action.done())
    await action
    begin = datetime(2026, 10, 21, tzinfo=UTC).timestamp()
    end = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    for station in world.stations:
        read = await Hours(hass, loaded, world, station.name).read()
        found = {hour: kwh for hour, kwh in read.items() if begin <= hour < end}
        wanted = {h: v for h, v in expected_kwh(*station.ledger).items() if begin <= h < end}
        assert found == pytest.approx(wanted, abs=1e-5)
        assert found


async def test_passing_faults(
    run_import: RunImport, hours: Hours, cloud: Cloud, world: World
) -> None:
    for kind in ("error", "rate_limited", "drop", "truncated", "html"):
        cloud.faults.fail_next(kind, path="/session/report", count=2)
    await run_import(from_="2026-09-20")
    assert await hours.read() == pytest.approx(expected_kwh(*world.ledger(STATION)), abs=1e-5)


async def test_a_refusal_is_shown_as_it_is(
    run_import: RunImport, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ApiError("[Pay](https://evil.example)")

    monkeypatch.setattr(session_endpoints, "_site_and_station_filter", refuse)
    with pytest.raises(HomeAssistantError):
        await run_import(from_="2026-09-20")
    assert r"(\[Pay\](https\://evil.example))" in notifications(hass)[0]


async def test_a_cloud_that_is_gone(
    run_import: RunImport,
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    loaded: ConfigEntry,
    hours: Hours,
    cloud: Cloud,
    world: World,
) -> None:
    cloud.faults.fail_next("error", path="/session/report", count=1000)
    with pytest.raises(HomeAssistantError, match="continues by itself"):
        await run_import(from_="2026-09-20")
    assert "stopped" in notifications(hass)[0]
    cloud.faults.clear()
    freezer.tick(1801)
    async_fire_time_changed(hass)
    store = loaded.runtime_data.history._store
    await pass_while(hass, freezer, loaded, lambda: store.plan is not None)
    assert notifications(hass) == []
    assert await hours.read() == pytest.approx(expected_kwh(*world.ledger(STATION)), abs=1e-5)


async def test_once_after_the_installation(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    cloud: Cloud,
    world: World,
) -> None:
    hass.config_entries.async_update_entry(entry, options={"import_history": True})
    assert await hass.config_entries.async_setup(entry.entry_id)
    store = entry.runtime_data.history._store
    await pass_while(hass, freezer, entry, lambda: not store.is_done_once)
    for station in world.stations:
        hours = Hours(hass, entry, world, station.name)
        assert await hours.read() == pytest.approx(expected_kwh(*station.ledger), abs=1e-5)
    requested = len(reports(cloud))
    assert await hass.config_entries.async_reload(entry.entry_id)
    ticks = iter(range(120))
    await pass_while(hass, freezer, entry, lambda: next(ticks, None) is not None)
    assert len(reports(cloud)) <= requested + 2


@pytest.mark.parametrize(
    ("data", "result"),
    [
        ({"from": "2026-10-02", "to": "2026-10-01"}, "is empty"),
        ({"from": "2026-12-01"}, "is empty"),
        ({"stations": ["Nowhere"]}, "no station Nowhere"),
    ],
    ids=str,
)
async def test_mistakes(
    hass: HomeAssistant, loaded: ConfigEntry, data: dict[str, Any], result: str
) -> None:
    with pytest.raises(HomeAssistantError, match=result):
        await hass.services.async_call("eevion", "import_history", data, blocking=True)


async def test_a_corrupt_progress_file(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = f"eevion.history.{entry.entry_id}"
    hass_storage[name] = {"version": 1, "key": name, "data": {"plan": {"what": 1}}}
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert f"{name} cannot be read" in caplog.text
    assert hass_storage[name]["data"] == {"plan": None, "is_done_once": False}


async def test_statistics_of_a_station(loaded: ConfigEntry, world: World) -> None:
    """A station without a ledger has none."""
    history = loaded.runtime_data.history
    found = history.statistic_ids(world.station(STATION).port_id)
    assert "energy" in found
    assert history.statistic_ids("never-seen") == {}
