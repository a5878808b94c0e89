"""Sessions that polls do not contain are fetched after a start, and every few minutes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.eevion.api import EevionClient
from simulator import Cloud, Settings, World
from simulator.charging.power import PowerCurve
from simulator.charging.station import Session as Truth
from simulator.http import session_endpoints
from tests.conftest import API_KEY, Pass
from tests.helpers import Station, load, settle, true_totals

HOUR = 3600
DAY = 86400


@pytest.fixture
def settings() -> Settings:
    return Settings(
        keys=(API_KEY,), sites=1, stations=1, seed=7, history_days=3, list_holds_ended=False
    )


@pytest.fixture
def name(world: World) -> str:
    return world.stations[0].name


def hidden_session(world: World, name: str, ended_s: float, hours: float, watts: int) -> Truth:
    """Add a session that only the report contains."""
    now_ms = world.advance()
    end_ms = now_ms - round(ended_s * 1000)
    start_ms = end_ms - round(hours * HOUR * 1000)
    station = world.station(name)
    session = Truth(
        session_id=world.ids.document(),
        station=station,
        tariff=station.tariff,
        created_ms=start_ms - 4000,
        start_ms=start_ms,
        end_ms=end_ms,
        end_reason="EVDisconnected",
        updated_ms=0,
    )
    session.curve = PowerCurve()
    session.curve.set(start_ms, watts)
    session.curve.set(end_ms, 0)
    station.ledger.append(session)
    world.charging.sessions[session.session_id] = session
    world.charging.ended.insert(0, session)
    return session


def publish(world: World, session: Truth) -> None:
    """Let lists contain a session as a new one."""
    session.updated_ms = world.advance()
    world.charging.ended.remove(session)
    world.charging.ended.append(session)


@pytest.fixture
def station(hass: HomeAssistant, loaded: ConfigEntry, world: World, name: str) -> Station:
    return Station(hass, world, name)


def account(entry: ConfigEntry, world: World, name: str) -> Any:
    return entry.runtime_data.coordinator.accounting.ledgers[world.station(name).port_id]


type Charge = Callable[[float], Awaitable[None]]


@pytest.fixture
def charge(world: World, name: str, wait: Pass) -> Charge:
    """Let a car come, charge for some seconds, and leave."""

    async def charge(seconds: float) -> None:
        world.plug_in(name, card=True)
        await wait(31)
        await wait(seconds)
        world.unplug(name)
        await wait(31)
        await wait(31)

    return charge


type Restart = Callable[[float], Awaitable[None]]


@pytest.fixture
def restart(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory, wait: Pass
) -> Restart:
    """Come back; the request log begins anew."""

    async def restart(down_s: float) -> None:
        if entry.state.recoverable:
            assert await hass.config_entries.async_unload(entry.entry_id)
        freezer.tick(timedelta(seconds=down_s))
        await load(hass, entry)
        await wait(2)

    return restart


def asked_since(cloud: Cloud) -> list[float]:
    """Return the times, in epoch seconds, since which changes were requested."""
    return [
        request.body["updatedOnOrAfter"] / 1000
        for request in cloud.requests
        if isinstance(request.body, dict) and "updatedOnOrAfter" in request.body
    ]


def fetched(cloud: Cloud) -> list[str]:
    """Return the ids of the sessions that were fetched one by one."""
    return [
        request.path.rpartition("/")[2]
        for request in cloud.requests
        if request.method == "GET" and "/session/" in request.path
    ]


@pytest.fixture
async def left_open(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
) -> None:
    """Let a session begin, and end while Home Assistant is away."""
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(600)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    freezer.tick(1800)
    world.unplug(station.name)


# After a restart.


@pytest.mark.usefixtures("left_open")
async def test_a_session_that_was_left_open_is_fetched(
    station: Station, world: World, cloud: Cloud, wait: Pass, restart: Restart
) -> None:
    cloud.requests.clear()
    await restart(HOUR)
    session = world.ledger(station.name)[-1]
    assert fetched(cloud) == [session.session_id]
    assert station.totals() == pytest.approx(station.true_totals())
    await wait(301)
    await wait(301)
    assert fetched(cloud) == [session.session_id]


async def test_a_session_that_the_cloud_has_forgotten_is_closed(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    cloud: Cloud,
    wait: Pass,
    restart: Restart,
) -> None:
    """What is known of it counts."""
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(600)
    await wait(61)
    before = float(station["sensor.total_energy"])
    assert await hass.config_entries.async_unload(loaded.entry_id)
    session = world.ledger(station.name)[-1]
    world.unplug(station.name)
    del world.charging.sessions[session.session_id]
    world.charging.ended.remove(session)
    cloud.requests.clear()
    await restart(HOUR)
    after = float(station["sensor.total_energy"])
    assert after >= before
    for _ in range(3):
        await wait(301)
    assert fetched(cloud) == [session.session_id]
    assert float(station["sensor.total_energy"]) == after


async def test_changes_are_requested_with_an_hour_of_overlap(
    station: Station, world: World, cloud: Cloud, charge: Charge, wait: Pass, restart: Restart
) -> None:
    await charge(HOUR)
    await wait(301)
    newest = world.ledger(station.name)[-1].updated_ms / 1000
    # A car that comes while Home Assistant is away must not hide what came before it.
    world.disconnect(station.name)
    await restart(5 * HOUR)
    world.connect(station.name)
    world.plug_in(station.name, card=True)
    cloud.requests.clear()
    await restart(5 * HOUR)
    assert asked_since(cloud)[0] == pytest.approx(newest - HOUR)


@pytest.mark.parametrize("down_s", [60, 5 * DAY])
async def test_sessions_that_came_and_went_meanwhile(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    freezer: FrozenDateTimeFactory,
    charge: Charge,
    wait: Pass,
    restart: Restart,
    down_s: float,
) -> None:
    await charge(HOUR)
    before = set(account(loaded, world, station.name).sessions)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    for _ in range(3):
        freezer.tick(60)
        world.plug_in(station.name, card=True)
        freezer.tick(HOUR)
        world.unplug(station.name)
    # The list of the present shows one that goes on, and is newer than all of them.
    world.plug_in(station.name, percent=97, card=True)
    await restart(down_s)
    ledger = account(loaded, world, station.name)
    ids = {session.session_id for session in world.ledger(station.name)[-4:]}
    assert set(ledger.sessions) - before == ids
    assert not ledger.missed.energy
    world.unplug(station.name)
    await wait(31)
    await wait(31)
    assert station.totals() == pytest.approx(station.true_totals())


async def test_an_outage_without_a_restart(
    loaded: ConfigEntry, station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    cloud.faults.set("drop")
    for _ in range(3):
        world.plug_in(station.name, card=True)
        await wait(1.5 * HOUR)
        world.unplug(station.name)
        await wait(HOUR)
    world.plug_in(station.name, card=True)
    cloud.faults.clear()
    await wait(301)
    await wait(61)
    await wait(61)
    ledger = account(loaded, world, station.name)
    assert len(ledger.sessions) == 4
    assert not ledger.missed.energy


# The report.


async def test_the_excess_of_the_report_is_counted_and_logged(
    loaded: ConfigEntry,
    station: Station,
    world: World,
    charge: Charge,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await charge(HOUR)
    session = hidden_session(world, station.name, ended_s=HOUR, hours=0.5, watts=8000)
    caplog.set_level(logging.INFO, "custom_components.eevion")
    await wait(1.1 * DAY)
    await wait(31)
    assert caplog.text.count(f"The report of station {station.name} has 4.000 kWh more") == 1
    assert account(loaded, world, station.name).missed.energy == 4_000_000
    assert station.totals() == pytest.approx(station.true_totals())

    # The same difference changes nothing, and a late session replaces it.
    await wait(1.1 * DAY)
    await wait(31)
    assert caplog.text.count("kWh more than its sessions") == 1
    publish(world, session)
    await wait(301)
    await wait(31)
    ledger = account(loaded, world, station.name)
    assert session.session_id in ledger.sessions
    assert ledger.missed.energy == 0
    assert station.totals() == pytest.approx(station.true_totals())


async def test_nothing_is_compared_while_a_session_goes_on(
    loaded: ConfigEntry, station: Station, world: World, charge: Charge, wait: Pass
) -> None:
    """The report does not know it yet, which is no reason to take back what was missed."""
    await charge(HOUR)
    hidden_session(world, station.name, ended_s=HOUR, hours=0.5, watts=8000)
    ledger = account(loaded, world, station.name)
    for is_charging in (False, True, False):
        if is_charging:
            world.plug_in(station.name, card=True)
        else:
            world.unplug(station.name)
        await wait(31)
        await wait(1.1 * DAY)
        await wait(31)
        assert ledger.missed.energy == 4_000_000
        is_open = any(entry.is_open for entry in ledger.sessions.values())
        assert is_open is is_charging
    assert station.totals() == pytest.approx(station.true_totals())


async def test_a_difference_that_cannot_be_is_not_counted(
    station: Station, world: World, charge: Charge, wait: Pass, caplog: pytest.LogCaptureFixture
) -> None:
    await charge(HOUR)
    before = station.totals()
    hidden_session(world, station.name, ended_s=HOUR, hours=1, watts=5_000_000)
    await wait(1.1 * DAY)
    await wait(31)
    warnings = [r for r in caplog.records if "more than it can have delivered" in r.message]
    assert len(warnings) == 1
    assert station.totals() == before
    await wait(301)
    await wait(301)
    assert station.totals() == before


@pytest.mark.parametrize("energy", [-5, None, "much", 1e300, 10**25])
async def test_a_report_with_a_wrong_figure(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    charge: Charge,
    energy: Any,
) -> None:
    """It costs the past, and neither a crash nor what comes."""
    monkeypatch.setattr("simulator.http.report.SUMMED", ())
    monkeypatch.setattr("simulator.http.report.Group.row", spoilt_row(energy))
    await load(hass, entry)
    await charge(HOUR)
    session = world.ledger(name)[-1]
    energy_kwh = session.curve.energy_wh(session.end_ms) / 1000
    station = Station(hass, world, name)
    assert float(station["sensor.total_energy"]) == pytest.approx(energy_kwh)


def spoilt_row(figure: Any) -> Callable[..., dict]:
    def row(self: Any, *_: object) -> dict:
        station = self.sessions[0].station
        figures = {"total_energy_watt_hours": figure, "total_cost_cents": figure}
        return {"station_id": station.name, "location_id": station.site.site_id, **figures}

    return row


# The beginning.


@pytest.mark.parametrize("counts_by", ["start", "end"])
@pytest.mark.parametrize("state", ["idle", "charging", "just over", "over, and charging again"])
async def test_it_begins_at_the_lifetime_figure(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    cloud: Cloud,
    name: str,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
    counts_by: Any,
    state: str,
) -> None:
    cloud.settings.report_counts_by = counts_by
    if state != "idle":
        world.plug_in(name, percent=60, card=True)
        freezer.tick(HOUR)
    if state in ("just over", "over, and charging again"):
        world.unplug(name)
        freezer.tick(60)
    if state == "over, and charging again":
        world.plug_in(name, card=True)
        freezer.tick(HOUR / 2)
    before = true_totals(world, name)
    await load(hass, entry)
    await wait(2)
    station = Station(hass, world, name)
    assert before[0] > 10
    assert float(station["sensor.total_energy"]) == pytest.approx(before[0], abs=0.01)
    await wait(600)
    if world.station(name).car:
        world.unplug(name)
    await wait(31)
    await wait(31)
    assert float(station["sensor.total_energy"]) == pytest.approx(true_totals(world, name)[0])
    await wait(1.1 * DAY)
    await wait(31)
    assert float(station["sensor.total_energy"]) == pytest.approx(true_totals(world, name)[0])
    assert not account(entry, world, name).missed.energy


async def test_it_begins_with_a_session_of_an_impossible_date(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    name: str,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
) -> None:
    """A station whose clock was never set; the past before it waits for the report."""
    world.plug_in(name, card=True)
    freezer.tick(600)
    world.advance()
    session = world.ledger(name)[-1]
    session.created_ms = session.start_ms = 500
    await load(hass, entry)
    await wait(2)
    station = Station(hass, world, name)
    assert 0 < float(station["sensor.total_energy"]) <= true_totals(world, name)[0]


@pytest.mark.parametrize("is_charging", [False, True])
@pytest.mark.parametrize(
    "wrong",
    [
        {"total_energy_watt_hours": 10**9},
        {"total_energy_watt_hours": 0},
        {"total_energy_watt_hours": None},
        {"total_cost_cents": 10**7},
        {"station_id": "another"},
        None,
    ],
)
async def test_it_does_not_begin_at_a_figure_of_one_report_alone(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    name: str,
    wait: Pass,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, Any] | None,
    is_charging: bool,
) -> None:
    """What is wrong at the installation would stay in the total for good."""
    hidden_session(world, name, ended_s=2 * DAY, hours=20, watts=7000)
    if is_charging:
        world.plug_in(name, card=True)
    original = session_endpoints.make_report
    calls = 0

    def make_report(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        rows = original(*args, **kwargs)
        if calls > 1:
            return rows
        return [row | wrong for row in rows] if wrong else []

    monkeypatch.setattr(session_endpoints, "make_report", make_report)
    await load(hass, entry)
    station = Station(hass, world, name)
    for _ in range(5):
        await wait(31)
        assert station["sensor.total_energy"] in ("unknown", "unavailable") or (
            140 < float(station["sensor.total_energy"]) <= true_totals(world, name)[0]
        )
    world.unplug(name)
    for _ in range(3):
        await wait(61)
    assert station.totals() == pytest.approx(true_totals(world, name))


async def test_a_session_that_comes_just_when_the_report_is_made(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    name: str,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is in the report or it counts by itself, not both."""
    original = EevionClient.get_report
    calls = 0

    async def get_report(self: EevionClient, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            freezer.tick(300)
            world.plug_in(name, card=True)
            freezer.tick(HOUR)
            world.unplug(name)
        return await original(self, **kwargs)

    monkeypatch.setattr(EevionClient, "get_report", get_report)
    await load(hass, entry)
    for _ in range(3):
        await wait(301)
    station = Station(hass, world, name)
    assert calls > 1
    assert station.totals() == pytest.approx(true_totals(world, name))


async def test_a_station_that_comes_later(
    hass: HomeAssistant, station: Station, world: World, wait: Pass
) -> None:
    """It has a past of its own, at another account perhaps."""
    await wait(301)
    world.add_station("New")
    hidden_session(world, "New", ended_s=DAY, hours=3, watts=7000)
    await wait(31)
    await wait(31)
    new = Station(hass, world, "New")
    assert float(new["sensor.total_energy"]) == 21
    assert float(station["sensor.total_energy"]) == pytest.approx(station.true_totals()[0])


@pytest.mark.usefixtures("left_open")
async def test_a_station_that_is_added_during_requests(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    wait: Pass,
    restart: Restart,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = EevionClient.get_session

    async def get_session(self: EevionClient, **kwargs: Any) -> Any:
        if not world.find("New"):
            world.add_station("New")
        await loaded.runtime_data.coordinator.async_refresh()
        return await original(self, **kwargs)

    monkeypatch.setattr(EevionClient, "get_session", get_session)
    await restart(0)
    await wait(61)
    await wait(31)
    assert world.find("New")
    assert station.totals() == pytest.approx(station.true_totals())
    assert float(Station(hass, world, "New")["sensor.total_energy"]) == 0


# Failures, and the budget.


async def test_failures_are_tried_again_and_not_spoken_of(
    station: Station, cloud: Cloud, wait: Pass, restart: Restart, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.faults.set("error", path="/session/report")
    caplog.clear()
    cloud.requests.clear()
    await restart(0)
    for _ in range(60):
        await wait(60)
    reports = [r for r in cloud.requests if r.path.endswith("/report")]
    assert 20 <= len(reports) <= 70
    assert float(station["sensor.total_energy"]) == pytest.approx(station.true_totals()[0])
    ours = [r for r in caplog.records if r.name.startswith("custom_components.eevion")]
    assert not [r for r in ours if r.levelno >= logging.WARNING]
    cloud.faults.clear()
    await wait(61)
    await wait(2)
    assert float(station["sensor.total_energy"]) == pytest.approx(station.true_totals()[0])


async def test_nothing_is_requested_more_often_than_necessary(
    station: Station, cloud: Cloud, wait: Pass
) -> None:
    await wait(301)
    cloud.requests.clear()
    for _ in range(120):
        await wait(30)
    lists = [since for since in asked_since(cloud) if since]
    assert 10 <= len(lists) <= 14
    assert not [r for r in cloud.requests if r.path.endswith("/report")]


class TestManyStations:
    """More sessions to ask for than the budget has requests for at once."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(keys=(API_KEY,), sites=1, stations=60, seed=7, list_holds_ended=False)

    async def test_the_budget_is_kept(
        self,
        hass: HomeAssistant,
        loaded: ConfigEntry,
        world: World,
        cloud: Cloud,
        freezer: FrozenDateTimeFactory,
        wait: Pass,
    ) -> None:
        working = [s.name for s in world.stations if s.online]
        for name in working:
            world.plug_in(name, card=True)
        await wait(31)
        await wait(600)
        assert await hass.config_entries.async_unload(loaded.entry_id)
        freezer.tick(HOUR)
        for name in working:
            world.unplug(name)
        freezer.tick(HOUR)
        cloud.requests.clear()
        assert await hass.config_entries.async_setup(loaded.entry_id)
        rate_limit = loaded.runtime_data.rate_limit
        for _ in range(240):
            freezer.tick(1)
            async_fire_time_changed(hass)
            await settle(rate_limit)
        assert sorted(fetched(cloud)) == sorted(
            world.ledger(name)[-1].session_id for name in working
        )
        assert {request.status for request in cloud.requests} == {200}
        times = [request.time for request in cloud.requests]
        assert all(earlier <= later for earlier, later in pairwise(times))
        assert all(b - a >= 60 for a, b in zip(times, times[60:], strict=False))
        for name in working:
            total = float(Station(hass, world, name)["sensor.total_energy"])
            assert total == pytest.approx(true_totals(world, name)[0])


async def test_a_site_counts_stations_that_begin_late(
    hass: HomeAssistant, cloud: Cloud, world: World, entry: MockConfigEntry, wait: Pass
) -> None:
    """The total of a site waits for all that were there at the start, and holds them all."""
    first = world.stations[0].name
    second = "2999"
    world.add_station(second)
    for name in (first, second):
        world.plug_in(name, card=True)
    await wait(600)
    for name in (first, second):
        world.unplug(name)
    await wait(3 * 3600)
    world.plug_in(first, card=True)
    await wait(60)
    consume, requested = cloud.faults.consume, []

    def consume_all_but_the_second_report(method: str, path: str) -> list[Any]:
        if path == "/session/report":
            requested.append(path)
            if len(requested) == 2:
                cloud.faults.fail_next("error", path=path)
        return consume(method, path)

    cloud.faults.consume = consume_all_but_the_second_report  # type: ignore[method-assign]
    assert await hass.config_entries.async_setup(entry.entry_id)
    for _ in range(6):
        await wait(61)
    assert len(requested) > 2
    world.unplug(first)
    for _ in range(4):
        await wait(30)
    truth = sum(
        session.curve.energy_wh(session.end_ms)
        for name in (first, second)
        for session in world.ledger(name)
    )
    registry = er.async_get(hass)
    site = registry.async_get_entity_id(
        "sensor", "eevion", f"{world.sites[0].site_id}_total_energy"
    )
    assert float(hass.states.get(site).state) == truth / 1000
