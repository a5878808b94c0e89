"""Whatever the cloud sends, nothing but EevionResponseError comes of it."""

from datetime import UTC, datetime, timedelta, timezone
import json
import logging
import math
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.api import (
    EevionResponseError,
    Job,
    JobReceipt,
    LimitResult,
    Port,
    PortStatus,
    Report,
    ReportRow,
    Session,
    SessionLimit,
    Site,
    Station,
    StationException,
    Tariff,
    parse,
)

from .conftest import FIXTURES


def _names(value: Any) -> set[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = set(value) if isinstance(value, dict) else set()
    return own.union(*(_names(item) for item in inner))


# Every name in an example, and some that the documentation has in its text alone.
NAMES = sorted(
    {"idleFee", "limitType", "limitValue", "power", "region", "continue_if_battery_full"}.union(
        *(_names(json.loads(path.read_text(encoding="utf-8"))) for path in FIXTURES.glob("*.json"))
    )
)
WORDS = ["", "charging", "Unknown", "in use", "success", "total", "CAD", "active", "1e999", "nan"]
MOMENTS = ["2024-07-10T21:16:56.000Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS + MOMENTS)
)


def _containers(inner):
    objects = st.dictionaries(st.sampled_from(NAMES), inner, max_size=12)
    return objects | st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2)


JSON = st.recursive(LEAVES, _containers, max_leaves=40)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), JSON)
# Rows that have what a row needs reach the readers of everything else.
IDS = {"id": "1", "sessionId": "1", "portId": "1", "displayName": "1", "station_id": "1"}
ROWS = OBJECTS | OBJECTS.map(lambda row: row | IDS | {"stationId": "1", "location": row | IDS})


@given(JSON)
def test_values_are_typed_or_none(value):
    assert isinstance(parse.text(value), str | None)
    assert parse.text(value) != ""
    number = parse.number(value)
    assert number is None or math.isfinite(number)
    positive = parse.positive(value)
    assert positive is None or positive >= 0
    assert isinstance(parse.integer(value), int | None)
    assert parse.boolean(value) in (None, True, False)
    moment = parse.timestamp(value)
    assert moment is None or moment.tzinfo is UTC
    assert isinstance(parse.word(PortStatus, value), PortStatus | None)
    assert isinstance(parse.mapping(value), dict)
    assert isinstance(parse.items(value), list)
    assert all(parse.texts(value))


@pytest.mark.parametrize(
    "read",
    [
        Job.from_json,
        JobReceipt.from_json,
        LimitResult.from_json,
        Port.from_json,
        ReportRow.from_json,
        Session.from_json,
        Site.from_json,
        Station.from_json,
        StationException.from_json,
        Tariff.from_json,
    ],
)
@given(data=ROWS)
def test_rows_are_read_or_refused(read, data):
    try:
        model = read(data)
    except EevionResponseError:
        return
    assert repr(model)
    if isinstance(model, Session):
        assert isinstance(model.is_active, bool)
        assert model.active_event is None or model.demand_response
        assert model.merged_with(model) == model


@given(st.lists(ROWS | JSON, max_size=5))
def test_lists_keep_what_can_be_read(data):
    for read in (Site.from_json, Session.from_json, Port.from_json):
        models, is_complete = parse.rows(data, read)
        assert is_complete == (len(models) == len(data))
    assert isinstance(Report.from_json(data).is_complete, bool)
    for row in data:
        SessionLimit.list_from_json(row)
    results = LimitResult.list_from_json({"details": data}, station_ids=["1", "2"])
    assert [result.station_id for result in results] == ["1", "2"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-07-10T21:16:56.000Z", datetime(2024, 7, 10, 21, 16, 56, tzinfo=UTC)),
        ("2024-07-10T21:16:56+02:00", datetime(2024, 7, 10, 19, 16, 56, tzinfo=UTC)),
        ("2024-07-10T21:16:56", datetime(2024, 7, 10, 21, 16, 56, tzinfo=UTC)),
        (1714743736230, datetime(2024, 5, 3, 13, 42, 16, 230000, tzinfo=UTC)),
        ("", None),
        (0, None),
        (None, None),
        (True, None),
        ("soon", None),
        ([1], None),
        (1e300, None),
        (10**400, None),
        (-1e300, None),
        (math.nan, None),
        (math.inf, None),
        (-0.0, None),
        (1714743736, None),
        (946_684_799_999, None),
        (4_102_444_800_000, None),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00-14:00", None),
        ("9999-12-31T23:59:59.999Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("1999-12-31T23:59:59Z", None),
        ("1720645016000", datetime(2024, 7, 10, 20, 56, 56, tzinfo=UTC)),
        (" 1720645016000.5 ", datetime(2024, 7, 10, 20, 56, 56, 500, tzinfo=UTC)),
        ("1720645016", None),
        ("nan", None),
        ("20240710", datetime(2024, 7, 10, tzinfo=UTC)),
        ("2100-01-01T00:30:00+01:00", datetime(2099, 12, 31, 23, 30, tzinfo=UTC)),
        ("2100-01-01T00:00:00Z", None),
        ("2024-07-10T21:16:56" + "0" * 100_000, None),
        ("\uff12\uff10\uff12\uff14-07-10T21:16:56", None),
    ],
)
def test_timestamp(value, expected):
    assert parse.timestamp(value) == expected


@given(st.integers(min_value=946_684_800_000, max_value=4_102_444_799_999))
def test_milliseconds_survive_the_way_there_and_back(value):
    assert parse.milliseconds(parse.timestamp(value)) == value


def test_milliseconds_of_any_time_zone():
    moment = datetime(1970, 1, 1, 1, 0, 0, 1999, tzinfo=timezone(timedelta(hours=1)))
    assert parse.milliseconds(moment) == 1


@pytest.mark.parametrize("hours", [None, 0, 14, -12])
@pytest.mark.parametrize(("year", "least"), [(1, 0), (1969, 0), (9999, 253_370_000_000_000)])
def test_milliseconds_of_any_year(hours, year, least):
    zone = None if hours is None else timezone(timedelta(hours=hours))
    found = parse.milliseconds(datetime(year, 1, 1, tzinfo=zone))
    assert least <= found <= least * 1.01


def test_words_in_any_case():
    assert parse.word(PortStatus, "In Use") is PortStatus.IN_USE
    assert parse.word(PortStatus, 7) is None


def test_oddities_are_logged_once_and_not_without_limit(monkeypatch, caplog):
    monkeypatch.setattr(parse, "_logged", set())
    caplog.set_level(logging.DEBUG)
    for _ in range(2):
        assert parse.word(PortStatus, "on fire") is None
    assert caplog.text.count("on fire") == 1
    for number in range(300):
        parse.log_once(f"the oddity {number}")
    assert "the oddity 198" in caplog.text
    assert "the oddity 199" not in caplog.text
