"""What the hours of a station should hold, whatever they hold."""

from typing import Any

from hypothesis import given, settings as profile, strategies as st
import pytest

from custom_components.eevion.accounting.hours import HOUR_S, Hours, add
from custom_components.eevion.accounting.ledger import LedgerSession, StationLedger
from custom_components.eevion.history.due import (
    Listed,
    lists_past_since,
    recount,
    shares,
    unposted_sessions,
)

TEN = 1_793_613_600
"""An hour; the ledger of these tests began right before."""
NOW = TEN + 20 * HOUR_S

type Session = tuple[int, int, int]
"""When it began (minutes after ten), how long it took (minutes), and its energy."""
sessions_of_a_port = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 200), st.integers(0, 10**7)), max_size=5
)


def entry(session: Session, **other: Any) -> LedgerSession:
    start, minutes, energy = session
    begin = TEN + 60.0 * start
    end = begin + 60.0 * minutes
    values = {"energy": energy, "cost": energy // 3, "currency": "CAD", "is_open": False}
    return LedgerSession(**values | {"start": begin, "created": begin, "end": end} | other)


def account(**entries: LedgerSession) -> StationLedger:
    return StationLedger(
        sessions=dict(entries), counted_until=TEN - 1, is_begun=True, cost_currency="CAD"
    )


def hours_of(*entries: LedgerSession) -> Hours:
    hours: Hours = {}
    for one in entries:
        add(hours, one.as_posted("CAD", NOW).hours()[0])
    return {hour: amount for hour, amount in hours.items() if amount}


def post(ledger: StationLedger, present: Hours, *, since: float = NOW, listed: Any = None) -> Hours:
    """Return the hours after one look at them."""
    marks = unposted_sessions(ledger, NOW)
    energy, _ = shares(ledger, marks, since=since)
    found = recount(
        energy,
        present,
        counted_until=ledger.counted_until,
        listed=listed,
        uncounted=listed.hours()[0] if listed else None,
    )
    ledger.mark_posted(marks, found.hours)
    return {hour: amount for hour, amount in (present | found.hours).items() if amount}


def numbered(sessions: list[Session]) -> dict[str, LedgerSession]:
    return {f"s{index}": entry(session) for index, session in enumerate(sessions)}


@given(sessions_of_a_port, st.integers(0, 5), st.integers(0, 5))
@profile(deadline=None)
def test_files_and_database_of_any_age(sessions: list[Session], known: int, written: int) -> None:
    """The ledger has posted the first ones, the hours hold others; both learn of all."""
    entries = numbered(sessions)
    ledger = account(**dict(list(entries.items())[:known]))
    post(ledger, {})
    ledger.sessions |= numbered(sessions)
    for session_id in list(entries)[:known]:
        ledger.sessions[session_id].posted = entries[session_id].as_posted("CAD", NOW)
    present = hours_of(*list(entries.values())[:written])
    hours = post(ledger, present)
    assert hours == hours_of(*entries.values())
    assert post(ledger, hours) == hours


@given(sessions_of_a_port.filter(bool), st.lists(st.integers(0, 10**7), max_size=5), st.data())
@profile(deadline=None)
def test_corrections(sessions: list[Session], energies: list[int], data: st.DataObject) -> None:
    """Up and down, with hours that are there, lost or cut off: never below 0."""
    ledger = account(**numbered(sessions))
    hours = post(ledger, {}, since=data.draw(st.sampled_from([0.0, NOW])))
    assert hours == hours_of(*ledger.sessions.values())
    for energy in energies:
        session_id = data.draw(st.sampled_from(sorted(ledger.sessions)))
        ledger.sessions[session_id].energy = energy
        if data.draw(st.booleans()):
            keep = data.draw(st.sampled_from([0, TEN + HOUR_S, TEN + 2 * HOUR_S]))
            hours = {hour: amount for hour, amount in hours.items() if hour < keep}
        # A kill after the write: the marks are those of before.
        marks = {key: one.posted for key, one in ledger.sessions.items()}
        hours = post(ledger, hours, since=data.draw(st.sampled_from([0.0, NOW])))
        if data.draw(st.booleans()):
            for key, mark in marks.items():
                ledger.sessions[key].posted = mark
            hours = post(ledger, hours)
        assert hours == hours_of(*ledger.sessions.values())
        assert all(amount >= 0 for amount in hours.values())


@given(sessions_of_a_port, st.dictionaries(st.integers(0, 8), st.integers(0, 10**7)))
@profile(deadline=None)
def test_hours_of_another(sessions: list[Session], others: dict[int, int]) -> None:
    """What the ledger does not know stays until the cloud lists the past; none is lost."""
    ledger = account(**numbered(sessions))
    post(ledger, {})
    present = {TEN + hour * HOUR_S: amount for hour, amount in others.items()}
    own = hours_of(*ledger.sessions.values())
    hours = post(ledger, present)
    for hour in present.keys() | own.keys():
        assert hours.get(hour, 0) == max(own.get(hour, 0), present.get(hour, 0))
    listed = Listed.of(ledger, {}, first=TEN, now=NOW)
    assert post(ledger, hours, listed=listed) == own


def test_a_session_of_this_run_is_added_to_what_only_the_recorder_knows() -> None:
    ledger = account(known=entry((0, 10, 500)))
    post(ledger, {})
    ledger.sessions["new"] = entry((30, 10, 70))
    assert post(ledger, {TEN: 800}, since=TEN) == {TEN: 870}
    ledger.sessions["new"].energy = 50
    assert post(ledger, {TEN: 870}, since=TEN) == {TEN: 850}


def test_the_hour_in_which_the_ledger_began() -> None:
    """It may hold sessions that were over before."""
    ledger = account(first=entry((20, 10, 70)))
    ledger.counted_until = TEN + 1000.0
    assert post(ledger, {TEN: 500}, since=TEN) == {TEN: 570}
    ledger.sessions["first"].energy = 60
    assert post(ledger, {TEN: 570}) == {TEN: 560}
    begun_anew = account(first=entry((20, 10, 60)))
    begun_anew.counted_until = TEN + 1000.0
    assert post(begun_anew, {TEN: 560}) == {TEN: 560}
    before = {"before": entry((0, 10, 500)), "first": entry((20, 10, 60))}
    listed = Listed.of(ledger, before, first=TEN + 60, now=NOW)
    assert listed.first == TEN
    assert post(ledger, {TEN: 9999}, listed=listed) == {TEN: 560}


def test_how_far_a_list_reaches_into_the_past() -> None:
    over, goes_on = entry((0, 10, 5)), entry((600, 10, 5), is_open=True)
    lingering = entry((1190, 9, 5))
    assert lists_past_since([over, goes_on], NOW) == over.end
    assert lists_past_since([goes_on, lingering], NOW) is None
    ledger = account(over=over, goes_on=goes_on)
    assert Listed.of(ledger, {}, first=TEN, now=NOW).stop == TEN + 10 * HOUR_S
    # Not even a session that goes on is touched.
    listed = Listed.of(ledger, {}, first=TEN, now=NOW)
    assert post(ledger, {TEN: 5, TEN + 10 * HOUR_S: 7}, listed=listed) == {
        TEN: 5,
        TEN + 10 * HOUR_S: 7,
    }


@pytest.mark.parametrize("is_begun", [True, False])
def test_what_is_unposted(is_begun: bool) -> None:
    ledger = account(over=entry((0, 10, 5)), goes_on=entry((600, 10, 5), is_open=True))
    ledger.is_begun = is_begun
    assert list(unposted_sessions(ledger, NOW)) == (["over"] if is_begun else [])
