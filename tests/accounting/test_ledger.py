"""The ledger of a station, with sessions late, twice, wrong and in any order."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
import logging
from typing import Any

from hypothesis import given, settings as profile, strategies as st
import pytest

from custom_components.eevion.accounting.amounts import UNNAMED, Sums, money_units, wh_units
from custom_components.eevion.accounting.bounds import highest_power
from custom_components.eevion.accounting.ledger import LedgerSession, StationLedger
from custom_components.eevion.api import Session, parse
from custom_components.eevion.stations.station import Totals

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
NOW = START.timestamp()
DAY = 86400
CURRENCIES = ("CAD", "USD")


def row(name: str = "a", hours: float = 0, wh: Any = 1000, **reported: Any) -> dict[str, Any]:
    """Return the cloud's JSON of a session that ended an hour after it began."""
    start = START + timedelta(hours=hours)
    end = start + timedelta(hours=1)
    return {
        "sessionId": name,
        "portId": "port",
        "status": "complete",
        "createdAt": (start - timedelta(seconds=4)).isoformat(),
        "startTime": start.isoformat(),
        "endTime": end.isoformat(),
        "updatedAt": end.isoformat(),
        "energy": wh,
        "cost": 0.3,
        "currency": "CAD",
    } | reported


def session(*args: Any, **reported: Any) -> Session:
    return Session.from_json(row(*args, **reported))


def running(name: str = "a", hours: float = 0, wh: float = 500, **reported: Any) -> Session:
    updated = START + timedelta(hours=hours, minutes=30)
    reported = {"status": "charging", "endTime": "", "updatedAt": updated.isoformat()} | reported
    return session(name, hours, wh, **reported)


def apply(account: StationLedger, *sessions: Session) -> StationLedger:
    for each in sessions:
        account.apply(each)
    return account


def begun(lifetime: Sums | None = None, until: float = NOW - 1) -> StationLedger:
    account = StationLedger()
    account.begin(lifetime or Sums(), until, reported_at=until)
    return account


def counted(account: StationLedger) -> tuple[float, dict[str, float]]:
    """Return what it comes to, in Wh and in dollars."""
    sums = account.total()
    sums.add_all(account.missed)
    return sums.energy / 1000, {c: units / 10_000 for c, units in sums.cost.items()}


# The sessions of the answers, and their order.


def test_sessions_are_added() -> None:
    account = apply(begun(), session("a"), session("b", 2, 500.25, cost=0.11))
    assert counted(account) == (1500.25, {"CAD": 0.41})


def test_a_session_counts_once_however_often_it_is_reported() -> None:
    account = begun()
    assert account.apply(running("a", wh=100))
    assert account.apply(running("a", wh=700))
    assert account.apply(session("a"))
    assert not account.apply(session("a"))
    assert counted(account) == (1000, {"CAD": 0.3})


@pytest.mark.parametrize(
    "stale",
    [
        running("a", wh=900),
        running("a", wh=2000, updatedAt=None),
        session("a", wh=400, updatedAt=(START + timedelta(minutes=59)).isoformat()),
    ],
)
def test_an_answer_that_is_out_of_date(stale: Session) -> None:
    account = apply(begun(), session("a"))
    assert not account.apply(stale)
    assert counted(account)[0] == 1000


def test_of_two_answers_about_a_running_session_the_newer_one_counts() -> None:
    later = (START + timedelta(minutes=40)).isoformat()
    account = apply(begun(), running("a", wh=800, updatedAt=later), running("a", wh=500))
    assert counted(account)[0] == 800


@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=12))
def test_the_order_of_answers_does_not_matter(order: list[int], again: list[int]) -> None:
    answers = [
        running("a", wh=100),
        running("a", wh=700, updatedAt=(START + timedelta(minutes=50)).isoformat()),
        session("a"),
        session("b", 2, 300),
        session("c", 4, 40),
        running("d", 6, 5),
    ]
    account = apply(begun(), *(answers[index] for index in [*order, *again]))
    assert counted(account) == (1345, {"CAD": 1.2})


def test_what_an_answer_leaves_out_stays() -> None:
    account = apply(begun(), running("a", wh=500))
    partial = Session(session_id="a", port_id="port", energy_wh=600)
    account.apply(partial)
    assert counted(account) == (600, {"CAD": 0.3})
    assert account.sessions["a"].start == NOW


# Corrections.


def test_a_correction_upwards() -> None:
    account = apply(begun(), session("a"))
    account.apply(
        session("a", wh=1200, cost=0.36, updatedAt=(START + timedelta(days=1)).isoformat())
    )
    assert counted(account) == (1200, {"CAD": 0.36})


def test_a_correction_downwards_corrects_the_ledger_and_the_total_waits() -> None:
    account = apply(begun(), session("a", cost=0.5))
    assert account.raise_shown() == Sums(1_000_000, {"CAD": 5000})
    account.apply(session("a", wh=600, cost=0.3, updatedAt=(START + timedelta(days=1)).isoformat()))
    assert counted(account) == (600, {"CAD": 0.3})
    assert account.raise_shown() == Sums(1_000_000, {"CAD": 5000})
    account.apply(session("b", 30, 300, cost=0.1))
    assert account.raise_shown() == Sums(1_000_000, {"CAD": 5000})
    account.apply(session("c", 60, 300, cost=0.3))
    assert account.raise_shown() == Sums(1_200_000, {"CAD": 7000})


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.integers(0, 48),
            st.one_of(st.none(), st.integers(-5, 5000)),
            st.sampled_from([-1, 0, 0.3, 7.77, None]),
            st.sampled_from([*CURRENCIES, None]),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_what_is_shown_never_falls(reported: list[tuple]) -> None:
    account = begun()
    before = Totals(energy_wh=0, cost=None, currency=None)
    for name, hours, wh, cost, currency, is_open in reported:
        make = running if is_open else session
        account.apply(make(name, hours, wh, cost=cost, currency=currency))
        shown = account.raise_shown().totals(account.currency)
        assert shown.energy_wh >= before.energy_wh
        assert before.cost is None or (shown.cost or 0) >= before.cost
        before = shown


# Bad input.


@pytest.mark.parametrize(
    ("bad", "energy", "cost"),
    [
        ({"startTime": ""}, 1000, 0.3),
        ({"startTime": None, "createdAt": None}, 1000, 0.3),
        ({"startTime": None, "createdAt": None, "endTime": ""}, 1000, 0.3),
        (dict.fromkeys(("startTime", "createdAt", "endTime", "updatedAt")), 1000, 0.3),
        ({"endTime": (START - timedelta(hours=3)).isoformat()}, 1000, 0.3),
        ({"endTime": "0001-01-01T00:00:00Z", "startTime": "0001-01-01T00:00:00Z"}, 1000, 0.3),
        ({"startTime": "9999-12-31T23:59:59Z"}, 1000, 0.3),
        ({"startTime": "yesterday"}, 1000, 0.3),
        ({"energy": -5}, 0, 0.3),
        ({"energy": None}, 0, 0.3),
        ({"energy": "much"}, 0, 0.3),
        ({"energy": 1e300}, 0, 0.3),
        ({"energy": 10**19}, 0, 0.3),
        ({"cost": -1}, 1000, 0),
        ({"cost": None}, 1000, 0),
        ({"cost": 1e300}, 1000, 0),
        ({"cost": 10**19}, 1000, 0),
        ({"currency": None}, 1000, 0),
        ({"currency": ""}, 1000, 0),
        ({"currency": "EUR"}, 1000, 0),
        ({"status": "a new word"}, 1000, 0.3),
        ({"status": None}, 1000, 0.3),
    ],
)
def test_a_bad_session_costs_nothing_but_itself(bad: dict, energy: float, cost: float) -> None:
    """Neither a crash, nor a total that lies, nor a ledger that cannot be stored."""
    account = begun(until=NOW - DAY)
    account.apply(session("good", 10, 50, cost=1))
    account.apply(session("bad", **bad))
    assert counted(account) == (energy + 50, {"CAD": cost + 1})
    account.raise_shown()
    account.fold(NOW + 2 * DAY)
    assert StationLedger.from_json(json.loads(json.dumps(account.to_json()))) == account
    assert all(abs(units) < 2**63 for units in account.sessions["good"].to_json()[:2])


def test_bad_values_do_not_replace_good_ones() -> None:
    account = apply(begun(), running("a", wh=700))
    account.apply(session("a", wh=None, cost=-3, currency=None))
    assert counted(account) == (700, {"CAD": 0.3})


@pytest.mark.parametrize(
    ("bad", "reported"),
    [
        ({"energy": -5}, "energy"),
        ({"energy": None}, "energy"),
        ({"cost": -5}, "cost"),
        ({"currency": None}, "currency"),
        ({"endTime": (START - timedelta(hours=3)).isoformat()}, "before it began"),
    ],
)
def test_bad_input_is_logged_once(
    bad: dict, reported: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse, "_logged", set())
    caplog.set_level(logging.DEBUG)
    account = begun()
    for index in range(5):
        account.apply(session(f"bad {index}", index * 2, **bad))
    assert len([r for r in caplog.records if reported in r.getMessage()]) == 1


def test_a_good_session_is_nothing_to_speak_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse, "_logged", set())
    caplog.set_level(logging.DEBUG)
    apply(begun(), running("a"), session("a"), session("b", 2))
    assert not caplog.records


def test_two_sessions_with_one_id_are_one() -> None:
    account = apply(begun(), session("a"), session("a", 5, 700))
    assert counted(account)[0] == 700


def test_a_currency_that_changes_has_a_sum_of_its_own() -> None:
    """The total follows it once it does not fall by that."""
    account = begun(Sums(5_000_000, {UNNAMED: 20_000}))
    apply(account, session("a"), session("b", 2, currency="USD", cost=0.5))
    assert counted(account) == (7000, {"CAD": 2.3, "USD": 0.5})
    assert account.raise_shown().totals(account.currency) == Totals(
        energy_wh=7000.0, cost=2.3, currency="CAD"
    )
    apply(account, session("c", 4, currency="USD", cost=2))
    assert account.raise_shown().totals(account.currency) == Totals(
        energy_wh=8000.0, cost=2.5, currency="USD"
    )


@pytest.mark.parametrize("is_first", [True, False])
def test_a_currency_that_one_answer_names_by_mistake(is_first: bool) -> None:
    account = begun()
    if not is_first:
        apply(account, session("b", 20, cost=0.2))
        account.raise_shown()
    stopped = {"currency": "USD", "updatedAt": (START + timedelta(minutes=50)).isoformat()}
    apply(account, session("a", **stopped))
    total = account.raise_shown().totals(account.currency)
    assert total.cost == (0.3 if is_first else 0.2)
    apply(account, session("a"))
    account.raise_shown()
    cost = 3000 if is_first else 5000
    assert account.raise_shown().cost == {"CAD": cost}
    assert account.currency == "CAD"


@given(st.permutations([("a", 0, "CAD"), ("b", 2, "CAD"), ("c", 4, "USD")]))
def test_the_currency_is_the_one_of_most_money(order: list[tuple]) -> None:
    account = begun()
    for name, hours, currency in order:
        account.apply(session(name, hours, currency=currency))
    account.raise_shown()
    assert account.currency == "CAD"


def test_a_session_of_the_lifetime_figure_names_its_currency() -> None:
    account = begun(Sums(1_000_000, {UNNAMED: 9000}), NOW + DAY)
    assert account.apply(session("a"))
    assert not account.apply(session("a"))
    assert account.raise_shown().totals(account.currency) == Totals(
        energy_wh=1000.0, cost=0.9, currency="CAD"
    )


# What a station cannot have delivered.

SPIKE = 500_000_000
"""Wh, of a station that delivers 7200 W."""


def at_port(account: StationLedger) -> StationLedger:
    account.check(7200, NOW)
    return account


@pytest.mark.parametrize("missing", [(), ("startTime",), ("startTime", "createdAt")])
@pytest.mark.parametrize("watts", [7200, None])
@pytest.mark.parametrize("is_running", [True, False])
def test_a_wrong_meter_for_a_minute(missing: Any, watts: Any, is_running: bool) -> None:
    account = begun(until=NOW - DAY)
    account.check(watts, NOW)
    reported = dict.fromkeys(missing)
    make = running if is_running else session
    later = {"updatedAt": (START + timedelta(minutes=70)).isoformat()}
    account.apply(make("a", wh=700, **reported))
    account.apply(make("a", wh=SPIKE, cost=150_000, **reported))
    assert account.is_beyond(make("a", wh=SPIKE, **reported), NOW + 4000)
    assert account.raise_shown() == Sums(700_000, {"CAD": 3000})
    account.apply(make("a", wh=1100, cost=0.33, **reported, **later))
    assert not account.is_beyond(make("a", wh=1100, **reported, **later), NOW + 4000)
    assert account.raise_shown() == Sums(1_100_000, {"CAD": 3300})


def test_a_session_may_bring_all_phases_of_all_its_time() -> None:
    account = apply(at_port(begun()), session("a", wh=3 * 7200))
    assert counted(account)[0] == 21_600


@pytest.mark.parametrize("is_open", [True, False])
def test_a_stored_ledger_heals(is_open: bool) -> None:
    account = apply(begun(), session("good", 10))
    make = running if is_open else session
    account.sessions["bad"] = replace(
        LedgerSession().merged_with(make("bad")), energy=wh_units(SPIKE), cost=money_units(150_000)
    )
    account.shown = Sums(wh_units(SPIKE) + 1_000_000, {"CAD": money_units(150_000.3)})
    account = StationLedger.from_json(json.loads(json.dumps(account.to_json())))
    assert account.check(7200, NOW + DAY)
    assert not account.check(7200, NOW + DAY)
    assert account.sessions["bad"].is_open
    assert account.raise_shown() == Sums(1_000_000, {"CAD": 3000})
    account.apply(session("bad"))
    assert account.raise_shown() == Sums(2_000_000, {"CAD": 6000})


def test_a_total_heals_after_the_session_was_corrected() -> None:
    account = apply(at_port(begun()), session("a"))
    account.shown = Sums(wh_units(SPIKE), {"CAD": money_units(150_000)})
    assert account.raise_shown() == Sums(1_000_000, {"CAD": 3000})


@pytest.mark.parametrize("odd", [1, 0.5, None, 1e8])
@pytest.mark.parametrize("is_stored", [True, False])
def test_a_power_that_one_answer_has_wrongly(odd: float | None, is_stored: bool) -> None:
    account = apply(at_port(begun()), session("a"), running("b", 2, 2000, cost=0.1))
    right = Sums(3_000_000, {"CAD": 4000})
    assert account.raise_shown() == right
    if is_stored:
        account = StationLedger.from_json(json.loads(json.dumps(account.to_json())))
    assert not account.check(odd, NOW + 9000)
    account.apply(running("b", 2, 2500, cost=0.2), NOW + 9000)
    right = Sums(3_500_000, {"CAD": 5000})
    assert account.raise_shown() == right
    account.apply(session("a", wh=SPIKE, cost=150_000, updatedAt=None), NOW + 9000)
    assert account.raise_shown() == right
    assert not account.check(7200, NOW + 9030)
    assert account.raise_shown() == right


def test_a_power_that_the_first_answer_has_wrongly() -> None:
    account = apply(begun(), session("a"))
    assert not account.check(1, NOW + DAY)
    assert not account.check(7200, NOW + DAY)
    assert account.raise_shown() == Sums(1_000_000, {"CAD": 3000})


@pytest.mark.parametrize(
    "moved",
    [
        {"startTime": (START + timedelta(minutes=89)).isoformat()},
        {
            "startTime": (START + timedelta(minutes=89)).isoformat(),
            "createdAt": (START + timedelta(minutes=89)).isoformat(),
        },
    ],
)
def test_a_begin_that_one_answer_has_wrongly(moved: dict[str, str]) -> None:
    account = at_port(begun(until=NOW - DAY))
    minutes_90 = (START + timedelta(minutes=90)).isoformat()
    account.apply(running("a", wh=20_000), NOW + 1800)
    account.apply(running("a", wh=30_000, updatedAt=minutes_90, **moved), NOW + 5400)
    assert counted(account)[0] == 30_000
    assert not account.check(7200, NOW + 5400)
    minutes_91 = (START + timedelta(minutes=91)).isoformat()
    account.apply(running("a", wh=30_500, updatedAt=minutes_91), NOW + 5460)
    assert counted(account)[0] == 30_500
    assert account.sessions["a"].start == NOW


def test_a_change_that_is_dated_in_the_future() -> None:
    account = begun()
    account.apply(running("a", wh=600), NOW + 1800)
    future = (START + timedelta(days=3)).isoformat()
    account.apply(running("a", wh=700, updatedAt=future), NOW + 1830)
    later = (START + timedelta(minutes=31)).isoformat()
    account.apply(running("a", wh=800, updatedAt=later), NOW + 1860)
    assert counted(account)[0] == 800
    # The earlier date is the one that counts now.
    account.apply(running("a", wh=600), NOW + 1890)
    assert counted(account)[0] == 800


def test_an_end_that_is_dated_in_the_future() -> None:
    account = begun()
    account.apply(running("a", wh=600), NOW + 1800)
    future = (START + timedelta(days=3)).isoformat()
    account.apply(session("a", wh=1000, updatedAt=future), NOW + 3600)
    account.apply(running("a", wh=600), NOW + 3630)
    assert counted(account)[0] == 1000
    assert not account.sessions["a"].is_open
    account.apply(session("a", wh=1000), NOW + 3660)
    corrected = (START + timedelta(hours=2)).isoformat()
    account.apply(session("a", wh=900, updatedAt=corrected), NOW + 7230)
    assert counted(account)[0] == 900


def dated(minutes: int) -> dict[str, str]:
    return {"updatedAt": (START + timedelta(minutes=minutes)).isoformat()}


@pytest.mark.parametrize("behind_s", [7200, 400 * DAY])
def test_old_answers_with_a_clock_that_is_behind(behind_s: float) -> None:
    """Repeated answers of a session do not count, however old they are."""
    account = begun()
    for minutes in range(10, 250, 10):
        account.apply(running("a", wh=minutes * 100, **dated(minutes)), NOW + minutes * 60)
    now = NOW + 240 * 60 - behind_s
    account.apply(running("a", wh=24_100, **dated(241)), now)
    for minutes in range(10, 250, 10):
        account.apply(running("a", wh=minutes * 100, **dated(minutes)), now + 60)
        assert counted(account)[0] == 24_100
    account.apply(session("a", wh=24_200, endTime=dated(242)["updatedAt"], **dated(242)), now + 120)
    for minutes in range(10, 250, 10):
        account.apply(running("a", wh=minutes * 100, **dated(minutes)), now + 180)
        assert counted(account)[0] == 24_200
        assert not account.sessions["a"].is_open


# Sessions under a wrong id.


@pytest.mark.parametrize(
    "odd",
    [{}, {"startTime": "nan"}, {"createdAt": None}, {"createdAt": None, "startTime": None}],
)
def test_a_session_that_one_answer_names_wrongly(odd: dict[str, Any]) -> None:
    account = begun()
    account.apply(running("a", wh=600), NOW + 1800)
    account.apply(running("wrong", wh=700, **odd), NOW + 1830)
    assert counted(account)[0] == 600
    account.apply(running("a", wh=800), NOW + 1860)
    account.apply(session("a"), NOW + 3600)
    assert counted(account) == (1000, {"CAD": 0.3})


def test_a_session_whose_first_answer_names_it_wrongly() -> None:
    account = begun()
    account.apply(running("wrong", wh=600), NOW + 1800)
    account.apply(running("a", wh=700), NOW + 1830)
    account.apply(running("a", wh=800), NOW + 1860)
    assert counted(account)[0] == 800
    account.close("wrong")
    assert counted(account)[0] == 800


def test_an_id_that_a_stored_ledger_holds_wrongly() -> None:
    account = begun()
    account.apply(running("wrong", wh=600), NOW + 1800)
    account = StationLedger.from_json(json.loads(json.dumps(account.to_json())))
    account.apply(running("a", wh=700), NOW + 1830)
    account.apply(running("a", wh=800), NOW + 1860)
    account.close("wrong")
    assert counted(account)[0] == 800
    account.close("a")
    assert counted(account)[0] == 800


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize(
    "odd",
    [
        {"createdAt": None, "startTime": None},
        {"createdAt": (START - timedelta(days=3)).isoformat(), "startTime": None},
        {"startTime": None},
    ],
    ids=["no dates", "dates of before", "the same dates"],
)
def test_a_wrong_id_that_comes_again(odd: dict[str, Any], is_closed: bool) -> None:
    """The answer to a start invented it; a list has it much later, for another session."""
    account = begun()
    account.apply(running("wrong", wh=0, updatedAt=None, **odd), NOW)
    if is_closed:
        account.close("wrong")
    for minutes in (1, 2, 30):
        account.apply(running("a", wh=10 * minutes), NOW + minutes * 60)
    for minutes in (31, 60, 120):
        account.apply(running("wrong", wh=700, **dated(minutes)), NOW + minutes * 60)
        assert counted(account)[0] == 300
    account.apply(session("a"), NOW + 3600)
    assert counted(account)[0] == 1000


def test_a_session_with_the_id_of_an_older_one() -> None:
    account = begun(until=NOW - DAY)
    account.apply(session("old", hours=-3, wh=5000), NOW - 3600)
    account.apply(running("a", wh=600), NOW + 1800)
    account.apply(running("old", wh=700), NOW + 1830)
    assert counted(account)[0] == 5600
    assert not account.sessions["old"].is_open


def test_a_session_of_a_start_counts_from_its_first_answer() -> None:
    account = begun()
    account.apply(running("a", wh=0, startTime=None, updatedAt=None), NOW)
    account.apply(running("a", wh=600), NOW + 1800)
    assert counted(account)[0] == 600


def test_two_sessions_that_began_at_one_moment() -> None:
    account = begun()
    account.apply(session("a", wh=1), NOW + 3600)
    account.apply(session("a", wh=2), NOW + 3630)
    account.apply(session("b", wh=300), NOW + 3630)
    assert counted(account)[0] == 2
    account.apply(session("b", wh=300), NOW + 3930)
    assert counted(account)[0] == 302
    account.fold(NOW + 90 * DAY)
    assert not account.named_once


# Sessions that were ended too early.


def test_a_closed_session_is_reopened_by_an_answer() -> None:
    account = apply(begun(), running("a"))
    account.close("a")
    assert not account.sessions["a"].is_open
    assert account.apply(running("a", wh=600))
    assert account.sessions["a"].is_open
    account.apply(session("a"))
    assert counted(account)[0] == 1000


def test_a_session_that_was_called_complete_too_early() -> None:
    account = apply(begun(), running("a"), session("a", wh=500, endTime="", updatedAt=None))
    later = (START + timedelta(minutes=40)).isoformat()
    assert account.apply(running("a", wh=800, updatedAt=later))
    assert account.sessions["a"].is_open
    ended = apply(begun(), session("a"))
    newer = (START + timedelta(minutes=90)).isoformat()
    assert ended.apply(running("a", wh=1500, updatedAt=newer))
    assert ended.sessions["a"].end is None


# Stations that move.


def test_a_station_that_moves() -> None:
    account = begun(Sums(3_000_000, {UNNAMED: 9000}))
    account.site_id = "one"
    apply(account, session("a")).raise_shown()
    assert account.move_to("two")
    assert not account.move_to("two")
    apply(account, session("b", 2, 500, cost=0.1)).raise_shown()
    first = Sums(4_000_000, {"CAD": 12_000})
    assert account.of_sites() == {"one": first, "two": Sums(500_000, {"CAD": 1000})}
    account = StationLedger.from_json(json.loads(json.dumps(account.to_json())))
    account.move_to("one")
    apply(account, session("c", 4)).raise_shown()
    assert account.of_sites()["one"] == Sums(5_000_000, {"CAD": 15_000})
    assert account.of_sites()["two"] == Sums(500_000, {"CAD": 1000})


def test_a_session_counts_where_the_station_is_when_it_ends() -> None:
    account = begun()
    account.site_id = "one"
    apply(account, session("a"), running("b", 2, 700, cost=0)).raise_shown()
    account.move_to("two")
    assert account.of_sites() == {
        "one": Sums(1_000_000, {"CAD": 3000}),
        "two": Sums(700_000),
    }
    apply(account, session("b", 2)).raise_shown()
    assert account.of_sites()["two"] == Sums(1_000_000, {"CAD": 3000})


# The beginning.


@pytest.mark.parametrize("is_currency_known_first", [True, False])
def test_it_begins_at_the_lifetime_figure(is_currency_known_first: bool) -> None:
    account = StationLedger()
    if is_currency_known_first:
        account.apply(session("a"))
    account.begin(Sums(9_000_000, {UNNAMED: 50_000}), NOW - 1)
    account.apply(session("a"))
    assert counted(account) == (10_000, {"CAD": 5.3})


def test_sessions_in_the_lifetime_figure_are_not_counted_again() -> None:
    account = apply(StationLedger(), session("old", -5), session("new", 1))
    account.begin(Sums(1_000_000), NOW)
    assert account.sessions.keys() == {"new"}
    assert not account.apply(session("old", -5))
    assert not account.apply(session("older", -9))
    assert counted(account)[0] == 2000


def test_a_session_that_goes_on_since_before_the_beginning_counts() -> None:
    """The figure was requested up to its start."""
    account = apply(StationLedger(), running("a", -1))
    account.begin(Sums(5_000_000), NOW - 3601)
    account.apply(session("a", -1, 900))
    assert counted(account)[0] == 5900


# What only a report knows.


def test_what_a_report_knows_beyond_the_sessions_is_counted() -> None:
    account = apply(begun(), session("a"))
    excess = account.compare(Sums(1_500_000, {UNNAMED: 4000}), NOW + DAY)
    assert excess == Sums(500_000, {"CAD": 1000})
    assert counted(account) == (1500, {"CAD": 0.4})


def test_a_report_with_less_reduces_nothing() -> None:
    account = apply(begun(), session("a"))
    account.compare(Sums(400_000, {UNNAMED: 1000}), NOW + DAY)
    assert counted(account) == (1000, {"CAD": 0.3})


@pytest.mark.parametrize("is_currency_known_first", [True, False])
def test_a_late_session_is_subtracted_from_what_was_missed(
    is_currency_known_first: bool,
) -> None:
    account = begun()
    if is_currency_known_first:
        account.apply(session("b", 5, 0, cost=0))
    account.compare(Sums(1_500_000, {UNNAMED: 4000}), NOW + DAY)
    assert counted(account)[0] == 1500
    account.apply(session("a"))
    assert counted(account) == (1500, {"CAD": 0.4})
    assert account.missed == Sums(500_000, {"CAD": 1000})


def test_a_correction_that_the_report_knew_first_counts_once() -> None:
    account = apply(begun(), session("a"))
    account.compare(Sums(1_900_000, {UNNAMED: 6000}), NOW + DAY)
    account.apply(
        session("a", wh=1500, cost=0.4, updatedAt=(START + timedelta(days=1)).isoformat())
    )
    assert counted(account) == (1900, {"CAD": 0.6})
    assert account.missed == Sums(400_000, {"CAD": 2000})


def test_a_session_after_the_report_is_not_subtracted_from_what_was_missed() -> None:
    account = begun()
    account.compare(Sums(1_500_000), NOW + DAY)
    account.apply(session("new", 30))
    assert counted(account)[0] == 2500


def test_a_later_report_makes_up_its_own_mind() -> None:
    account = begun()
    account.compare(Sums(1_500_000), NOW + DAY)
    account.compare(Sums(1_600_000), NOW + 2 * DAY)
    assert counted(account)[0] == 1600


# Folding.


def test_past_months_are_folded() -> None:
    account = apply(begun(), *(session(str(day), day * 24) for day in range(60)))
    before = counted(account)
    account.fold(NOW + 60 * DAY)
    assert counted(account) == before
    assert set(account.sessions) == {str(day) for day in range(29, 60)}


def test_a_folded_session_that_comes_again_is_not_counted_again() -> None:
    account = apply(begun(), session("a"))
    account.fold(NOW + 60 * DAY)
    assert not account.sessions
    assert not account.apply(session("a"))
    corrected = (START + timedelta(days=60)).isoformat()
    assert not account.apply(session("a", wh=5000, updatedAt=corrected))
    assert counted(account)[0] == 1000


@pytest.mark.parametrize("is_folded", [True, False])
def test_an_answer_of_long_ago_does_not_bring_a_session_back(is_folded: bool) -> None:
    """Neither one that was folded nor one of the lifetime figure."""
    account = apply(begun(), session("a")) if is_folded else begun(Sums(1_000_000), NOW + DAY)
    account.fold(NOW + 60 * DAY)
    account.apply(running("a"))
    account.apply(session("a"))
    assert not account.sessions
    assert counted(account)[0] == 1000


def test_a_session_that_goes_on_is_never_folded() -> None:
    account = apply(begun(), running("a"))
    account.fold(NOW + 90 * DAY)
    account.apply(session("a", endTime=(START + timedelta(days=89)).isoformat()))
    account.fold(NOW + 90 * DAY)
    assert counted(account)[0] == 1000


def test_nothing_counts_as_counted_before_the_beginning() -> None:
    account = StationLedger()
    account.fold(NOW + 60 * DAY)
    assert account.apply(session("a"))


def fold_years(account: StationLedger, years: int) -> None:
    for day in range(years * 365):
        account.apply(session(f"{day:024x}", day * 24, 12_345, cost=3.71))
        if day % 10 == 9:
            account.fold(NOW + day * DAY)
    account.fold(NOW + years * 365 * DAY)


def test_a_thousand_stations_and_ten_years_fit_in_a_few_megabytes() -> None:
    one, ten = begun(), begun()
    fold_years(one, 1)
    fold_years(ten, 10)
    assert counted(ten)[0] == 3650 * 12_345
    sizes = [len(json.dumps(account.to_json(), separators=(",", ":"))) for account in (one, ten)]
    assert sizes[1] < sizes[0] * 1.05
    assert sizes[1] * 1000 < 5_000_000


# The storage.


def optional(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


MOMENTS = st.floats(1e9, 4e9, allow_nan=False).map(lambda moment: round(moment, 3))
UNITS = st.integers(0, 10**12)
IDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=5)
SUMS = st.builds(Sums, UNITS, st.dictionaries(st.sampled_from([*CURRENCIES, UNNAMED]), UNITS))
ENTRIES = st.builds(
    LedgerSession,
    energy=UNITS,
    cost=UNITS,
    currency=optional(st.sampled_from(CURRENCIES)),
    created=optional(MOMENTS),
    start=optional(MOMENTS),
    end=optional(MOMENTS),
    updated=optional(MOMENTS),
    is_open=st.booleans(),
)
ACCOUNTS = st.builds(
    StationLedger,
    sessions=st.dictionaries(IDS, ENTRIES, max_size=4),
    folded=SUMS,
    counted_until=MOMENTS,
    missed=SUMS,
    missed_until=MOMENTS,
    shown=SUMS,
    is_begun=st.booleans(),
    currency=optional(st.sampled_from(CURRENCIES)),
    site_id=optional(IDS),
    before_site=SUMS,
    elsewhere=st.dictionaries(IDS, SUMS, max_size=2),
    max_power_w=optional(st.floats(1, 400_000)),
    cost_currency=optional(st.sampled_from(CURRENCIES)),
    has_posted=st.booleans(),
    uncosted=st.sets(st.integers(1_000_000_000, 4_000_000_000)),
)


@given(ACCOUNTS)
def test_stored(account: StationLedger) -> None:
    text = json.dumps(account.to_json())
    assert StationLedger.from_json(json.loads(text)) == account
    assert json.dumps(StationLedger.from_json(json.loads(text)).to_json()) == text


@given(ACCOUNTS, st.lists(st.builds(session, st.sampled_from("abc"), st.integers(0, 40))))
@profile(max_examples=50)
def test_what_is_stored_is_a_copy(account: StationLedger, sessions: list[Session]) -> None:
    """It is written by another thread, while the ledger goes on."""
    stored = account.to_json()
    text = json.dumps(stored)
    apply(account, *sessions)
    account.compare(Sums(10**15, {UNNAMED: 10**15}), NOW)
    account.raise_shown()
    account.fold(NOW + 90 * DAY)
    assert json.dumps(stored) == text


def spoilt() -> Iterable[Any]:
    whole = apply(begun(), session("a")).to_json()
    yield from (None, [], "text", 5, {})
    for key in whole.keys() - {"elsewhere", "max_power_w", "statistics_port_id"}:
        yield {name: value for name, value in whole.items() if name != key}
    for key in ("sessions", "folded", "missed", "shown", "before_site"):
        for value in (None, 5, "text", [1]):
            yield whole | {key: value}
    for key in ("counted_until", "missed_until"):
        for value in (None, "text", []):
            yield whole | {key: value}
    yield whole | {"currency": 5}
    yield from (whole | {"max_power_w": value} for value in ("7200", 0, -1, [], True, 1e300))
    yield whole | {"elsewhere": [1]}
    yield whole | {"site_id": []}
    yield whole | {"cost_currency": 5}
    good = whole["sessions"]["a"]
    for bad in ([], good[:-1], [*good, 1], None, 5, "text"):
        yield whole | {"sessions": {"a": bad}}
    for index in range(len(good)):
        for value in ("text", {}, [1]):
            if index != 2 or value != "text":
                row = [*good]
                row[index] = value
                yield whole | {"sessions": {"a": row}}


@pytest.mark.parametrize("stored", spoilt())
def test_something_else_is_stored(stored: Any) -> None:
    """It is refused, rather than found out when a poll is to be counted."""
    with pytest.raises((AttributeError, LookupError, TypeError, ValueError)):
        StationLedger.from_json(stored)


def test_units_are_those_of_the_storage() -> None:
    entry = LedgerSession().merged_with(session("a", wh=1.5, cost=0.25))
    assert (entry.energy, entry.cost) == (wh_units(1.5), money_units(0.25)) == (1500, 2500)
    assert replace(entry, is_open=True).over_at is None


# What sums and reports must not hide.


def test_a_correction_downwards_is_no_session_that_was_missed() -> None:
    account = apply(begun(), session("a", wh=1000, cost=0.3))
    account.compare(Sums(wh_units(1000), {UNNAMED: money_units(0.3)}), NOW + DAY)
    later = (START + timedelta(hours=3)).isoformat()
    apply(account, session("a", wh=900, cost=0.2, updatedAt=later))
    assert counted(account) == (900, {"CAD": 0.2})


@pytest.mark.parametrize(("days", "is_kept"), [(30, True), (40, True), (70, False)])
def test_a_session_is_posted_before_it_is_summed_up(days: int, is_kept: bool) -> None:
    """One that is older still was never to be posted."""
    account = apply(begun(), session("a"))
    account.mark_hours_posted([])
    account.fold(NOW + days * DAY)
    assert ("a" in account.sessions) is is_kept
    assert counted(account) == (1000, {"CAD": 0.3})


def test_a_power_beyond_that_of_any_station_counts_as_that_of_the_strongest() -> None:
    assert highest_power(None, 1e9) == highest_power(7000, 1e9) == 400_000
    assert highest_power(None, None) is None
