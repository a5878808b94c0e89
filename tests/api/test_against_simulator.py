"""Every method of the client against the simulated cloud, over real HTTP."""

from datetime import UTC, datetime, timedelta

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
import pytest

from custom_components.eevion.api import (
    ChargingLimit,
    Commands,
    EevionAuthenticationError,
    EevionClient,
    EevionConnectionError,
    EevionNotFoundError,
    EevionRateLimitError,
    EevionRefusedError,
    EevionResponseError,
    EndReason,
    Environment,
    JobStatus,
    Lane,
    LimitUnit,
    Message,
    PortStatus,
    RateLimit,
    ReportGroup,
    ResetType,
    SessionStatus,
    StartedWith,
)
from simulator import Cloud, FaultKind, Settings, create_app

from .conftest import API_KEY

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
BEGINNING = START - timedelta(days=1)


class Hands:
    """A clock to turn, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = START.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def simulated(hands):
    return Cloud(Settings(keys=(API_KEY,), sites=2, stations=4), now=hands)


@pytest.fixture
def world(simulated):
    return simulated.world()


@pytest.fixture
async def connect(simulated, socket_enabled):
    async with TestServer(create_app(simulated)) as server, ClientSession() as session:
        options = {
            "session": session,
            "api_key": API_KEY,
            "rate_limit": RateLimit(),
            "url": str(server.make_url("/api/eevion")),
        }
        yield lambda **others: EevionClient(**(options | others))


@pytest.fixture
def client(connect):
    return connect()


@pytest.fixture
async def port(client):
    sites = await client.list_sites()
    return next(
        port
        for site in sites.sites
        for port in site.ports
        if port.status is PortStatus.AVAILABLE and port.level == 2
    )


async def test_sites_and_stations(client):
    sites = await client.list_sites()
    assert sites.is_complete
    assert len(sites.sites) == 2
    for site in sites.sites:
        alone = await client.get_site(site_id=site.site_id)
        assert [port.port_id for port in alone.ports] == [port.port_id for port in site.ports]
    port = sites.sites[0].ports[0]
    station = await client.get_station(station_id=port.station_id)
    assert station.port.port_id == port.port_id
    assert station.site.site_id == sites.sites[0].site_id


async def test_the_life_of_a_session(client, world, hands, port):
    with pytest.raises(EevionRefusedError) as refused:
        await client.start_session(station_id=port.station_id)
    assert refused.value.code == 707
    world.plug_in(port.station_id)
    started = await client.start_session(station_id=port.station_id, continue_if_battery_full=False)
    assert (started.port_id, started.station_id) == (port.port_id, port.station_id)
    assert started.status is SessionStatus.AUTHORIZING
    with pytest.raises(EevionRefusedError):
        await client.stop_session(session_id=started.session_id, port_id=port.port_id)
    hands.now += 1800
    listed = await client.list_sessions(
        stations=[port.station_id], updated_on_or_after=BEGINNING, page_size=1
    )
    assert listed.is_complete
    [charging] = listed.sessions
    assert charging.session_id == started.session_id
    assert charging.status is SessionStatus.CHARGING
    assert charging.started_with is StartedWith.EEVION
    assert charging.energy_wh > 0
    stopped = await client.stop_session(session_id=started.session_id, port_id=port.port_id)
    complete = charging.merged_with(stopped)
    assert not complete.is_active
    assert complete.end_reason is EndReason.REMOTE
    assert complete.site_id == charging.site_id
    ended = await client.get_session(session_id=started.session_id)
    assert ended.energy_wh == complete.energy_wh
    assert (await client.list_sites()).is_complete


async def test_limits(client, world, hands, port):
    world.plug_in(port.station_id)
    await client.start_session(station_id=port.station_id)
    hands.now += 60
    results = await client.set_charging_limits(
        limits=lambda: [
            ChargingLimit(station_id=port.station_id, unit=LimitUnit.AMPERE, limit=0),
            ChargingLimit(station_id="nobody's", unit=LimitUnit.WATT, limit=5000),
        ]
    )
    assert [(result.station_id, result.is_success) for result in results] == [
        (port.station_id, True),
        ("nobody's", False),
    ]
    [before] = (await client.list_sessions()).sessions
    hands.now += 600
    [after] = (await client.list_sessions()).sessions
    assert before.energy_wh == after.energy_wh


async def test_jobs(client, hands, port):
    commands = Commands(
        is_private=True,
        priority_status="outOfService",
        reset=ResetType.SOFT,
        message=Message(text="Back soon", expires_at=START + timedelta(hours=1)),
    )
    receipt = await client.manage_stations(station_ids=[port.station_id], commands=commands)
    [job] = (await client.list_jobs(since=BEGINNING)).models
    assert job.job_id == receipt.job_id
    assert not job.is_finished
    hands.now += 60
    [job] = (await client.list_jobs(since=BEGINNING)).models
    assert job.status is JobStatus.SUCCESS
    assert job.is_finished
    assert not job.is_failed
    assert job.completed_ids == job.port_ids == (port.port_id,)
    assert job.station_ids == (port.station_id,)
    assert job.commands == commands.to_json()
    station = await client.get_station(station_id=port.station_id)
    assert station.port.status is PortStatus.OFFLINE


async def test_a_job_that_fails(client, world, hands, port):
    world.fail_jobs(port.station_id)
    await client.manage_stations(station_ids=[port.station_id], commands=Commands(is_visible=False))
    hands.now += 60
    [job] = (await client.list_jobs(since=BEGINNING)).models
    assert job.is_finished
    assert job.is_failed
    assert job.errors


async def test_exceptions(client, world, hands, port):
    world.fault(port.station_id)
    hands.now += 10
    [lasting] = (await client.list_exceptions(since=BEGINNING)).models
    assert (lasting.station_id, lasting.ended_at) == (port.station_id, None)
    assert lasting.started_at >= START
    world.clear_fault(port.station_id)
    [ended] = (await client.list_exceptions(since=BEGINNING)).models
    assert ended.exception_id == lasting.exception_id
    assert ended.ended_at is not None


@pytest.mark.parametrize("group_by", ReportGroup)
async def test_reports(client, world, hands, port, group_by):
    world.plug_in(port.station_id)
    started = await client.start_session(station_id=port.station_id)
    hands.now += 3600
    stopped = await client.stop_session(session_id=started.session_id, port_id=port.port_id)
    hands.now += 1
    report = await client.get_report(
        start=BEGINNING, end=START + timedelta(days=1), group_by=group_by
    )
    assert report.is_complete
    [row] = report.rows
    assert row.total_energy_wh == report.total.total_energy_wh == stopped.energy_wh
    assert report.average.count == 1


async def test_a_ticket(client, world, port):
    await client.create_ticket(station_names=[port.station_id], message="It hums")
    assert world.tickets == [{"stationNames": [port.station_id], "message": "It hums"}]


async def test_staging_is_another_world(connect, client):
    staging = await connect(environment=Environment.STAGING).list_sites()
    production = await client.list_sites()
    assert all(site.name.startswith("[Staging]") for site in staging.sites)
    assert not any(site.name.startswith("[Staging]") for site in production.sites)


async def test_unknown_objects(client, port):
    with pytest.raises(EevionNotFoundError):
        await client.get_session(session_id="nothing")
    with pytest.raises(EevionNotFoundError):
        await client.get_station(station_id="../site")
    with pytest.raises(EevionNotFoundError):
        await client.get_site(site_id="é%2F")
    with pytest.raises(EevionNotFoundError):
        await client.stop_session(session_id="nothing", port_id=port.port_id)


async def test_another_key(connect):
    with pytest.raises(EevionAuthenticationError):
        await connect(api_key="another").list_sites()


@pytest.mark.parametrize(
    ("kind", "error", "tries"),
    [
        (FaultKind.DROP, EevionConnectionError, 2),
        (FaultKind.DROP_ANSWER, EevionConnectionError, 2),
        (FaultKind.ERROR, EevionResponseError, 1),
        (FaultKind.HTML, EevionResponseError, 1),
        (FaultKind.UNAUTHORIZED, EevionAuthenticationError, 1),
        (FaultKind.FORBIDDEN, EevionResponseError, 1),
        (FaultKind.TRUNCATED, EevionResponseError, 1),
    ],
)
async def test_faults(client, simulated, kind, error, tries):
    simulated.faults.set(kind=kind)
    with pytest.raises(error):
        await client.list_sites()
    assert len(simulated.requests) == tries
    simulated.faults.clear()
    assert (await client.list_sites()).is_complete


async def test_a_start_whose_answer_is_lost_is_not_repeated(client, simulated, world, port):
    world.plug_in(port.station_id)
    simulated.faults.set(kind=FaultKind.DROP_ANSWER, path="/session")
    with pytest.raises(EevionConnectionError):
        await client.start_session(station_id=port.station_id)
    simulated.faults.clear()
    assert len((await client.list_sessions()).sessions) == 1


async def test_one_station_of_wrong_types_costs_no_other(client, simulated, port):
    simulated.faults.set(kind=FaultKind.WRONG_TYPES, station=port.station_id)
    sites = await client.list_sites()
    assert sum(len(site.ports) for site in sites.sites) >= 3


async def test_the_cloud_never_sees_too_many(client, simulated):
    for _ in range(60):
        await client.list_sites(lane=Lane.COMMAND)
    with pytest.raises(EevionRateLimitError):
        await client.list_sites(lane=Lane.COMMAND)
    assert [request.status for request in simulated.requests] == [200] * 60
