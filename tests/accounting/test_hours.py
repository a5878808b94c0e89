"""Amounts over hours: none is lost, none is made."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from homeassistant.util import dt as dt_util
from hypothesis import example, given, strategies as st
import pytest

from custom_components.eevion.accounting.hours import HOUR_S, apportion, hours_between, spread
from custom_components.eevion.accounting.ledger import LedgerSession
from custom_components.eevion.accounting.posted import Posted
from custom_components.eevion.history.days import Day, days_between, months, quarters
from custom_components.eevion.history.past_hours import past_hours
from custom_components.eevion.history.report_figures import Figures, electricity

TEN = int(datetime(2026, 11, 2, 10, tzinfo=UTC).timestamp())
moments = st.floats(min_value=TEN, max_value=TEN + 3 * 86400, allow_nan=False)
amounts = st.integers(min_value=0, max_value=10**12)


@given(amounts, moments, moments)
@example(1, TEN, TEN + 0.0001)
def test_spread_adds_up(amount: int, start: float, end: float) -> None:
    hours = spread(amount, start, end)
    assert sum(hours.values()) == amount
    assert all(part >= 0 for part in hours.values())
    assert all(hour % HOUR_S == 0 for hour in hours)
    if start < end:
        assert min(hours) <= start
        assert max(hours) <= end < max(hours) + HOUR_S + 1


@given(amounts, st.dictionaries(st.integers(), st.integers(min_value=1, max_value=10**9)))
def test_apportion_adds_up(amount: int, weights: dict[int, int]) -> None:
    parts = apportion(amount, weights)
    assert sum(parts.values()) == (amount if weights else 0)
    for key, part in parts.items():
        exact = amount * weights[key] / sum(weights.values())
        assert abs(part - exact) <= 1 + exact * 1e-9


def test_spread_over_hours() -> None:
    assert spread(60, TEN + 1800, TEN + 3 * HOUR_S) == {
        TEN: 12,
        TEN + HOUR_S: 24,
        TEN + 2 * HOUR_S: 24,
    }
    assert spread(5, TEN + 10, TEN + 20) == {TEN: 5}
    assert spread(5, TEN, TEN) == {TEN: 5}


NOW = TEN + 20 * HOUR_S


def posted(**reported: float | None) -> Posted:
    entry = LedgerSession(energy=7, cost=3, currency="CAD", is_open=False, **reported)  # type: ignore[arg-type]
    return entry.as_posted("CAD", NOW)


@pytest.mark.parametrize(
    ("reported", "span"),
    [
        ({"start": TEN + 5, "end": TEN + 9}, (TEN + 5, TEN + 9)),
        ({"end": TEN + 9}, (TEN + 9, TEN + 9)),
        ({"start": TEN + 5}, (TEN + 5, TEN + 5)),
        ({"start": TEN + 9, "end": TEN + 5}, (TEN + 5, TEN + 5)),
        ({"updated": TEN + 7}, (TEN + 7, TEN + 7)),
        ({}, (NOW, NOW)),
        ({"start": 0.0, "end": TEN}, (TEN, TEN)),
        ({"start": TEN, "end": NOW * 2, "updated": TEN + 7}, (TEN, TEN + 7)),
        ({"start": TEN, "end": NOW + 60}, (TEN, NOW + 60)),
    ],
    ids=str,
)
def test_when_a_session_was(reported: dict[str, float], span: tuple[float, float]) -> None:
    mark = posted(**reported)
    assert (mark.start, mark.end) == span
    energy, cost = mark.hours()
    assert sum(energy.values()) == 7
    assert sum(cost.values()) == 3


def test_another_currency_is_not_added() -> None:
    entry = LedgerSession(energy=7, cost=3, currency="USD", start=TEN, end=TEN + 60, is_open=False)
    assert entry.as_posted("CAD", NOW).cost == 0
    assert entry.as_posted(None, NOW).cost == 0


@pytest.fixture(params=["America/Toronto", "Asia/Kolkata", "America/St_Johns", "UTC"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = dt_util.get_default_time_zone()
    found = dt_util.get_time_zone(request.param)
    assert found
    dt_util.set_default_time_zone(found)
    yield request.param
    dt_util.set_default_time_zone(before)


toronto = pytest.mark.parametrize("zone", ["America/Toronto"], indirect=True)


def test_days_share_no_hour(zone: str) -> None:
    days = days_between(date(2026, 1, 1), date(2026, 12, 31))
    hours = [hour for day in days for hour in day.hours]
    assert hours == list(range(hours[0], hours[-1] + 1, HOUR_S))
    assert len(days) == 365
    assert all(Day.at(hour) == day for day in days for hour in day.hours)
    assert [len(month) for month in months(days)][:3] == [31, 28, 31]
    assert [len(quarter) for quarter in quarters(days)] == [90, 91, 92, 92]


@toronto
def test_daylight_saving_days(zone: str) -> None:
    days = (date(2026, 3, 8), date(2026, 6, 1), date(2026, 11, 1))
    assert [len(Day.of(day).hours) for day in days] == [23, 24, 25]


def test_electricity_follows_the_energy() -> None:
    day = hours_between(TEN, TEN + 4 * HOUR_S)
    energy = {TEN: 3, TEN + HOUR_S: 1, TEN - HOUR_S: 9}
    assert electricity(8, day, energy) == {TEN: 6, TEN + HOUR_S: 2}
    assert electricity(8, day, {}) == dict.fromkeys(day, 2)
    assert electricity(0, day, energy) == {}


@toronto
def test_an_estimate_over_a_day_of_25_hours(zone: str) -> None:
    days = days_between(date(2026, 10, 31), date(2026, 11, 2))
    long = days[1]
    passing = Posted(7200, 720, days[0].hours.stop - 3600.0, long.hours.start + 3600.0)
    figures = {long: {"port": Figures(2500, 250, 100)}}
    past = past_hours(
        "port", days, marks=[passing], figures=figures, present={}, settled=days[2].hours.start
    )
    # It ended on that day, so that the report holds it.
    assert past.estimated_days == 0
    past = past_hours(
        "port", days, marks=[], figures=figures, present={}, settled=days[2].hours.start
    )
    assert past.energy == dict.fromkeys(long.hours, 100)
    assert past.cost == dict.fromkeys(long.hours, 10)
    assert past.electricity == dict.fromkeys(long.hours, 4)
    assert past.estimated_days == 1
    again = past_hours(
        "port", days, marks=[], figures=figures, present=past.energy, settled=days[2].hours.start
    )
    assert again == past
    unsettled = past_hours(
        "port", days, marks=[], figures=figures, present={}, settled=long.hours.start
    )
    assert unsettled.energy == {}
