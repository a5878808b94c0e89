"""Every documented body, read by the real models."""

from datetime import UTC, datetime

import pytest

from custom_components.eevion.api import (
    ChargingLimit,
    ChargingProfile,
    Commands,
    ConnectorStatus,
    Currency,
    DemandResponseEvent,
    EevionResponseError,
    EndReason,
    EventState,
    Fee,
    Job,
    JobReceipt,
    JobStatus,
    LimitResult,
    LimitUnit,
    Message,
    PortStatus,
    Report,
    ReportRow,
    ResetType,
    Session,
    SessionLimit,
    Sessions,
    SessionStatus,
    Site,
    Sites,
    StartedWith,
    Station,
    StationException,
    Tariff,
    Tax,
)
from custom_components.eevion.api.reader import Reader

from .conftest import read_rows


def read_sites(body: object) -> Sites:
    return Sites.from_rows(read_rows(Reader("id", Site.from_json), body))


def read_sessions(body: object) -> Sessions:
    rows = read_rows(Reader("sessionId", Session.from_json), body)
    return Sessions(sessions=rows.models, is_complete=rows.is_complete)


def test_sites(example):
    body = example("list_sites_and_their_stations")
    sites = read_sites(body)
    assert sites.is_complete
    assert [site.site_id for site in sites.sites] == [site["id"] for site in body]
    for site, body_row in zip(sites.sites, body, strict=True):
        assert (site.name, site.region, site.country) == (
            body_row["name"],
            body_row["state"],
            body_row["country"],
        )
        assert site.coordinates == (body_row["lat"], body_row["long"])
        assert site.address == (
            f"{body_row['streetNum']} {body_row['street'].strip()}, {body_row['city']}, "
            f"{body_row['state']} {body_row['zip']}, {body_row['country']}"
        )
        assert site.added_at == datetime.fromisoformat(body_row["dateAdded"])
        for port, row in zip(site.ports, body_row["ports"], strict=True):
            assert port.connectors == tuple(row["connectors"])
            assert (port.price, port.price_unit) == (
                row.get("chargingCost"),
                row["chargingCostUnit"],
            )
            assert port.time_slots is None
            assert port.port_id == row["portId"]
            assert port.station_id == row["displayName"]
            assert port.status == row["status"]
            assert (port.volts, port.amps, port.level) == (row["volts"], row["amps"], row["level"])
            assert port.max_power_w == row["volts"] * row["amps"]
            assert port.model == row["model"]
            assert port.restriction == row["restriction"]
            assert port.is_shared_power == row.get("isSharedPower")
            assert port.tariff_id == row.get("chargingCostId")


def test_site_without_all_its_ports_is_not_complete(example):
    body = example("get_a_site_and_its_stations")
    assert Site.from_json(body).is_complete
    del body["ports"][0]["portId"]
    body["ports"].append("junk")
    site = Site.from_json(body)
    assert len(site.ports) == len(body["ports"]) - 2
    assert not site.is_complete
    assert not read_sites([body]).is_complete
    del body["ports"]
    assert not Site.from_json(body).is_complete


def test_station(example):
    station = Station.from_json(example("get_a_station"))
    assert station.port.station_id == "2133"
    assert station.port.status is PortStatus.NOT_CONNECTED
    assert station.port.is_in_place
    assert station.port.updated_at == datetime(2024, 1, 11, 23, 44, 28, 310000, tzinfo=UTC)
    assert station.site.site_id == "64c82f79dfba67013a3cedf9"
    assert station.port in station.site.ports


def test_port_with_few_fields():
    station = Station.from_json(
        {"portId": "p", "displayName": 7, "status": "coming soon", "location": {"id": "s"}}
    )
    assert station.port.station_id == "7"
    assert station.port.max_power_w is None
    assert not station.port.is_in_place
    assert station.site.name == "s"


def test_ended_session(example):
    assert Session.from_json(example("get_a_session")) == Session(
        session_id="668efa48c6e5be053c54c244",
        port_id="U4pWTQC1ewd0SlgQLJ_Ma",
        station_id="2222",
        site_id="6419fc792a36c883f7a7947d",
        time_zone="America/Vancouver",
        status=SessionStatus.COMPLETE,
        connector_status=ConnectorStatus.AVAILABLE,
        connector_status_at=datetime(2024, 7, 11, 16, 1, 34, 913000, tzinfo=UTC),
        last_heartbeat=datetime(2025, 7, 22, 0, 8, 43, 27000, tzinfo=UTC),
        created_at=datetime(2024, 7, 10, 21, 16, 56, tzinfo=UTC),
        started_at=datetime(2024, 7, 10, 21, 16, 53, tzinfo=UTC),
        ended_at=datetime(2024, 7, 10, 23, 35, 42, tzinfo=UTC),
        updated_at=datetime(2024, 7, 10, 23, 35, 42, tzinfo=UTC),
        duration_s=8329,
        energy_wh=2769,
        cost=0,
        cost_before_taxes=0,
        currency=Currency.CAD,
        idle_fee=0,
        is_idle=False,
        is_in_grace_period=False,
        grace_period_elapsed_s=0,
        demand_response=(
            DemandResponseEvent(
                state=EventState.ACTIVE,
                type="openADRSimple",
                power_limit_w=2000,
                started_at=datetime(2024, 7, 12, tzinfo=UTC),
                ends_at=datetime(2024, 7, 13, tzinfo=UTC),
            ),
        ),
        started_with=StartedWith.CARD,
        end_reason=EndReason.EV_DISCONNECTED,
        limits=(),
        tariff=Tariff(
            tariff_id="655fb8dbe3a4efc253eada3e",
            name="$0.30/kWh",
            type="kwh",
            price=0.3,
            unit=None,
            occupancy_fee=Fee(price=0, max_price=0, unit="hour", is_active=False),
            idle_fee=None,
            price_increment=0,
            payment_cycle_unit="hour",
        ),
        tax_included=True,
        taxes=(),
        vehicle="Tesla Model S 2016",
    )


def test_sessions(example):
    sessions = read_sessions(example("list_sessions"))
    assert sessions.is_complete
    charging, complete = sessions.sessions
    assert charging.is_active
    assert charging.ended_at is None
    assert charging.end_reason is None
    assert charging.active_event == charging.demand_response[0]
    assert charging.demand_response[1].ends_at is None
    assert not complete.is_active, "the status wins over an empty end time"
    assert complete.active_event is None, "what limits an ended session is stale"
    assert complete.vehicle is None
    assert not read_sessions([{}]).is_complete


def test_session_limits():
    limit = {"limitType": "sessionTime", "limitValue": 3600}
    expected = (SessionLimit(type="sessionTime", value=3600),)
    assert SessionLimit.list_from_json([limit, {"limitType": "x"}, "junk"]) == expected
    assert SessionLimit.list_from_json(limit) == expected
    assert SessionLimit.list_from_json({}) == ()
    assert SessionLimit.list_from_json(None) is None


def test_session_without_status_lasts_until_its_end():
    assert Session(session_id="s", port_id="p").is_active
    assert not Session(session_id="s", port_id="p", ended_at=datetime.now(UTC)).is_active


@pytest.mark.parametrize("status", ["canceled", None])
def test_session_of_an_unknown_status_lasts_until_it_has_a_reason_of_its_end(status):
    session = {"sessionId": "s", "status": status, "endTime": "", "endReason": ""}
    assert Session.from_json(session).is_active
    assert not Session.from_json(session | {"endReason": "DeAuthorized"}).is_active
    assert Session.from_json(session | {"status": "charging", "endReason": "Other"}).is_active


def test_event_of_unknown_limit_gives_way_to_a_known_one():
    event = {"eventState": "active"}
    session = Session.from_json(
        {"sessionId": "s", "demandResponse": [event, event | {"eventPowerLimitWatts": 0}]}
    )
    assert session.active_event.power_limit_w == 0


def test_partial_answers_are_merged(example):
    stopped = Session.from_json(example("stop_a_session"))
    assert stopped.taxes == (Tax(amount=0, description="TVH/HST 13% #783700537RT0001"),)
    assert (stopped.station_id, stopped.site_id, stopped.demand_response) == (None, None, None)
    whole = Session.from_json(example("get_a_session"))
    merged = whole.merged_with(stopped)
    assert merged.station_id == "2222"
    assert merged.tariff == whole.tariff
    assert merged.energy_wh == 9330
    assert merged.end_reason is EndReason.LOCAL
    started = Session.from_json(example("start_a_session"))
    assert (started.energy_wh, started.end_reason) == (30000, None)
    assert started.is_active


def test_percentages_are_percentages():
    data = {"sessionId": "s", "startPercentageFilled": 101, "endPercentageFilled": "80"}
    session = Session.from_json(data)
    assert (session.start_percentage, session.end_percentage) == (None, 80)


def test_charging_limits(example):
    limits = [
        ChargingLimit(station_id="2222", unit=LimitUnit.AMPERE, limit=20),
        ChargingLimit(station_id="2224", unit=LimitUnit.WATT, limit=5000),
    ]
    assert [limit.to_json() for limit in limits] == example("energy_management.request")
    names = ["2222", "2224"]
    results = LimitResult.list_from_json(example("energy_management"), station_ids=names)
    assert results == [
        LimitResult(station_id=name, is_success=True, message=None) for name in names
    ]


@pytest.mark.parametrize("overall", ["success", "Success", "error", None])
def test_each_row_counts_whatever_the_overall_result(overall):
    details = [
        {"stationId": "a", "result": "error", "message": "not connected"},
        {"stationId": "b", "result": "SUCCESS"},
        {"result": "success"},
        "junk",
    ]
    answer = {"result": overall, "details": details, "message": "the overall message"}
    results = LimitResult.list_from_json(answer, station_ids=["a", "b", "c", "a"])
    assert [(result.station_id, result.is_success, result.message) for result in results] == [
        ("a", False, "not connected"),
        ("b", True, None),
        ("c", overall in ("success", "Success"), "the overall message"),
    ]


def test_commands(example):
    request = example("manage_stations.request")
    commands = Commands(
        communication_id="5ce3f50ab0640bdbbb628299",
        is_private=True,
        is_visible=True,
        model_id="619e80f066f5f97bcd3ece1a",
        order_number="123",
        priority_status="outOfService",
        reset=ResetType.HARD,
        charging_profile=ChargingProfile(profile_id="123", maximum_rate=10),
        message=Message(text="test\n12345", expires_at=datetime(2024, 4, 1, tzinfo=UTC)),
        tariff_id="62c727abf02592e0a6bac7f0",
    )
    expected = request["commands"]
    expected["setMessage"]["expirationDate"] = 1711929600000
    assert commands.to_json() == request["commands"]
    assert Commands().to_json() == {}
    assert Commands(is_private=False, message=Message(text="")).to_json() == {
        "isPrivate": {"isPrivate": "no"},
        "setMessage": {"expirationDate": 0, "setMessage": ""},
    }


def test_job_receipt(example):
    receipt = JobReceipt.from_json(example("manage_stations"))
    assert receipt == JobReceipt(job_id="1234", message="Job queued")


def test_jobs_of_the_history(example):
    body = example("management_history")
    job = Job.from_json(body[0])
    content = body[0]["content"]
    assert job == Job(
        job_id="331",
        type="tariffId",
        status=JobStatus.SUCCESS,
        status_message="4 of 4 stations done",
        created_at=datetime(2024, 5, 2, 18, 31, 10, 338000, tzinfo=UTC),
        updated_at=datetime(2024, 5, 2, 18, 31, 39, 696000, tzinfo=UTC),
        port_ids=tuple(content["portIds"]),
        station_ids=("2381", "2382", "2383", "2384"),
        completed_ids=tuple(content["portIds"]),
        errors=(),
        description="Set fee: Rocky Crest - kWh (as of May 2 2024).",
        commands=content["commands"],
        original_values=content["originalValues"],
    )
    assert job.is_finished
    assert not job.is_failed
    assert "operator@example.com" not in repr(job)
    del body[1]["content"]
    assert Job.from_json(body[1]).station_ids == job.station_ids


def test_job_of_the_webhook(example):
    job = Job.from_json(example("webhook_job_finished"))
    assert job.status is JobStatus.SUCCESS
    assert job.completed_ids == ("2133", "2134")
    assert job.errors == job.port_ids == job.station_ids == ()
    assert job.commands == job.original_values == {}


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        ("", ()),
        (None, ()),
        ([], ()),
        ("broken", ("broken",)),
        (["one", "", {"message": "two"}, {"error": "three"}], ("one", "two", "three")),
        ([{"station": "2133", "code": 5}, {}], ("station: 2133, code: 5",)),
        ({"description": "alone"}, ("alone",)),
    ],
)
def test_errors_of_a_job(value, errors):
    job = Job.from_json({"id": 1, "status": "Success", "errors": value})
    assert job.errors == errors
    assert job.is_failed == bool(errors)


@pytest.mark.parametrize(
    ("status", "is_finished", "is_failed"),
    [
        ("Queued", False, False),
        ("running", False, False),
        ("FAILED", True, True),
        ("Error", True, True),
        ("Success", True, False),
        ("pondering", False, False),
    ],
)
def test_end_of_a_job(status, is_finished, is_failed):
    job = Job.from_json({"id": 1, "status": status})
    assert (job.is_finished, job.is_failed) == (is_finished, is_failed)


@pytest.mark.parametrize(
    ("others", "is_finished", "is_failed"),
    [
        ({"ids_completed": ["a", "b"]}, True, False),
        ({"ids_completed": ["a", "b"], "errors": ["late"]}, True, True),
        ({"ids_completed": ["a"], "errors": "b: does not answer"}, True, True),
        ({"ids_completed": ["a"], "errors": ""}, False, False),
        ({"ids_completed": [], "content": {}}, False, False),
    ],
)
@pytest.mark.parametrize("status", [None, "pondering"])
def test_end_of_a_job_of_an_unknown_status(status, others, is_finished, is_failed):
    content = {"portIds": ["a", "b"]}
    job = Job.from_json({"id": 1, "status": status, "content": content, **others})
    assert (job.is_finished, job.is_failed) == (is_finished, is_failed)
    running = Job.from_json({"id": 1, "status": "Running", "content": content, **others})
    assert not running.is_finished


def test_exceptions(example):
    listed = [StationException.from_json(row) for row in example("list_exceptions")]
    sent = [StationException.from_json(row) for row in example("webhook_exceptions")["content"]]
    assert listed == sent
    assert listed[0] == StationException(
        exception_id="8404122",
        station_id="1234",
        site_id="abc123",
        known_site_id="abc123",
        site_name="[Test] Hypercharge Office Chargers",
        type="ConnectionClosed",
        description="Connection closed",
        started_at=datetime(2024, 5, 3, 13, 42, 16, 230000, tzinfo=UTC),
        ended_at=None,
    )


def test_report(example):
    body = example("get_report")
    report = Report.from_json(body)
    assert report.is_complete
    assert [row.key for row in report.rows] == ["2133", "2134"]
    assert report.rows[0] == ReportRow(
        station_id="2133",
        site_id="65a96694d7dd8ce4936e5ead",
        known_site_id="65a96694d7dd8ce4936e5ead",
        site_name="[Test] Hypercharge Office Chargers",
        region=None,
        count=1,
        cancel_count=0,
        unique_customers=1,
        total_energy_wh=29600,
        total_duration_s=16304,
        average_duration_s=16304,
        total_cost_cents=838,
        average_cost_cents=838,
        total_energy_cost_cents=411,
        maximum_current_a=0,
        maximum_power_w=0,
        maximum_limit_a=0,
        minimum_limit_a=0,
        most_common_start_with=StartedWith.UNKNOWN,
    )
    assert (report.total.total_cost_cents, report.total.total_energy_wh) == (2521, 89070)
    assert (report.average.count, report.average.total_cost_cents) == (1.5, 1260.5)


def test_report_with_a_station_named_total():
    report = Report.from_json(
        [
            {"station_id": "total", "location_id": "s", "count": 1},
            {"location": "North Van", "location_id": "total", "count": 2},
            {"region": "BC", "count": 3},
            {"count": 4},
            {"station_id": "total", "count": 5},
        ]
    )
    assert [row.key for row in report.rows] == ["total", "North Van", "BC"]
    assert report.total.count == 5
    assert report.average is None
    assert Report.from_json([{"location_id": "average", "count": 6}]).average.count == 6
    assert not report.is_complete


@pytest.mark.parametrize(
    "read",
    [
        Session.from_json,
        Site.from_json,
        Station.from_json,
        Job.from_json,
        JobReceipt.from_json,
        StationException.from_json,
        ReportRow.from_json,
        LimitResult.from_json,
    ],
)
def test_row_without_its_key_is_no_row(read):
    with pytest.raises(EevionResponseError):
        read({"id": "", "sessionId": None})
