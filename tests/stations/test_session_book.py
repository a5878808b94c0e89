"""Sessions out of answers that overtake each other."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.eevion.api import ConnectorStatus, Session, SessionStatus
from custom_components.eevion.stations.sessions import SessionBook

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def session(
    name: str,
    status: SessionStatus = SessionStatus.CHARGING,
    *,
    port: str | None = "port",
    created: float | None = 0,
    **reported,
) -> Session:
    created_at = None if created is None else START + timedelta(seconds=created)
    return Session(session_id=name, port_id=port, status=status, created_at=created_at, **reported)


def complete(name: str, **reported) -> Session:
    return session(name, SessionStatus.COMPLETE, **reported)


def names(sessions: Iterable[Session]) -> set[str]:
    return {session.session_id for session in sessions}


def missing(book: SessionBook, listed: Iterable[Session], sequence: int | None = None) -> set[str]:
    """Let a book take in a list; return the ids of the active sessions that it lacks."""
    return names(book.update(listed, sequence=sequence)[0])


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ([], None),
        ([session("a", port=None)], None),
        ([session("a"), complete("b", created=-60)], "a"),
        ([complete("b", created=-60), session("a")], "a"),
        ([complete("a"), complete("b", created=60)], "b"),
        ([complete("b", created=60), complete("a")], "b"),
        ([session("a", created=0), session("b", created=60)], "b"),
        ([session("b", created=60), session("a", created=0)], "b"),
        ([complete("a", created=None), complete("b")], "b"),
        ([session("a", created=None), complete("b")], "a"),
    ],
)
def test_the_session_of_a_port(listed: list[Session], name: str | None) -> None:
    book = SessionBook()
    assert not missing(book, listed)
    found = book.get("port")
    assert (found.session_id if found else None) == name


def test_a_missing_session_is_kept_until_the_cloud_reports_its_end() -> None:
    book = SessionBook()
    book.update([session("a")])
    for _ in range(3):
        assert missing(book, []) == {"a"}
        assert book.get("port") == session("a")
    book.apply(complete("a", energy_wh=500))
    assert book.get("port") == complete("a", energy_wh=500)
    assert not missing(book, [])


def test_a_missing_session_that_the_cloud_has_forgotten() -> None:
    book = SessionBook()
    book.update([session("a", energy_wh=500)])
    book.forget(session("a"))
    assert book.get("port") == complete("a", energy_wh=500)
    assert not missing(book, [])


def test_a_missing_session_that_comes_back() -> None:
    book = SessionBook()
    book.update([session("a", energy_wh=500)])
    book.update([])
    assert not missing(book, [session("a", energy_wh=600)])
    assert book.get("port") == session("a", energy_wh=600)


def test_the_next_session_replaces_one_that_went_missing() -> None:
    """Its end is still worth asking for: the ledger wants its last values."""
    book = SessionBook()
    book.update([session("a")])
    assert missing(book, [session("b", created=60)]) == {"a"}
    assert book.get("port") == session("b", created=60)
    book.apply(complete("a"))
    assert book.get("port") == session("b", created=60)


def test_a_list_from_before_the_stop() -> None:
    book = SessionBook()
    book.update([session("a")])
    early = book.mark()
    sequence = book.mark()
    late = book.mark()
    book.apply_partial(complete("a"), sequence=sequence)
    for order in (early, late):
        assert not missing(book, [session("a")], order)
        assert book.get("port") == complete("a")
    assert not missing(book, [])


def test_a_list_from_before_the_start() -> None:
    book = SessionBook()
    book.update([complete("a")])
    book.apply_partial(session("b", SessionStatus.AUTHORIZING, created=60))
    assert missing(book, [complete("a")]) == {"b"}
    assert book.get("port") == session("b", SessionStatus.AUTHORIZING, created=60)


def test_a_start_whose_answer_comes_after_the_end() -> None:
    book = SessionBook()
    sequence = book.mark()
    book.update([complete("a", energy_wh=500)])
    book.apply_partial(session("a", SessionStatus.AUTHORIZING), sequence=sequence)
    found = book.get("port")
    assert found
    assert not found.is_active
    assert found.energy_wh == 500


def test_a_stop_whose_answer_comes_after_the_next_start() -> None:
    book = SessionBook()
    book.update([session("a")])
    book.update([complete("a"), session("b", created=60)])
    book.apply_partial(complete("a"))
    assert book.get("port") == session("b", created=60)


def test_a_partial_answer_keeps_what_it_does_not_contain() -> None:
    book = SessionBook()
    whole = session("a", energy_wh=500, vehicle="Bolt", connector_status=ConnectorStatus.CHARGING)
    book.update([whole])
    merged = book.apply_partial(complete("a", created=None, energy_wh=510))
    assert merged == replace(whole, status=SessionStatus.COMPLETE, energy_wh=510)
    assert book.get("port") == merged


def test_a_partial_answer_without_a_port_is_nobodys() -> None:
    book = SessionBook()
    lost = session("a", port=None)
    assert book.apply_partial(lost) is lost
    book.apply(lost)
    assert not list(book.active())


def test_what_the_newest_list_held() -> None:
    book = SessionBook()
    book.update([session("a")])
    assert book.is_listed(session("a"))
    assert not book.is_listed(session("b"))
    assert not book.is_listed(None)
    book.update([])
    assert not book.is_listed(session("a"))


def test_other_ports_are_dropped() -> None:
    book = SessionBook()
    book.update([session("a", port="left"), session("b", port="right")])
    book.retain({"left"})
    assert book.get("left")
    assert book.get("right") is None
    assert names(book.active()) == {"a"}


def dated(found: Session, seconds: float) -> Session:
    return replace(found, updated_at=START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "ended", [complete("a"), session("a", None, ended_at=START)], ids=["complete", "unknown word"]
)
@pytest.mark.parametrize("is_dated", [True, False])
def test_a_later_list_reopens_an_ended_session(ended: Session, is_dated: bool) -> None:
    """As often as the cloud changes its mind."""
    book = SessionBook()
    for count in range(3):
        going_on, ended_now = (dated(s, count) if is_dated else s for s in (session("a"), ended))
        assert not missing(book, [going_on])
        assert missing(book, []) == {"a"}
        book.apply(ended_now)
        assert not list(book.active())
        assert not missing(book, [])
    assert not missing(book, [session("a", energy_wh=5000)])
    assert names(book.active()) == {"a"}


def test_a_later_list_reopens_a_forgotten_session() -> None:
    book = SessionBook()
    book.update([session("a", energy_wh=500)])
    book.forget(session("a"))
    book.update([session("a", energy_wh=600)])
    assert book.get("port") == session("a", energy_wh=600)


def test_an_older_row_changes_nothing() -> None:
    book = SessionBook()
    newest = dated(session("a", energy_wh=158), 60)
    book.update([newest])
    _, older = book.update([dated(session("a", SessionStatus.AUTHORIZING, energy_wh=0), 0)])
    assert older == {"a"}
    assert book.get("port") == newest
    assert book.update([dated(session("a", energy_wh=199), 90)]) == ([], set())
    assert book.get("port") == dated(session("a", energy_wh=199), 90)


def test_a_row_of_an_old_date_counts_where_the_cloud_keeps_to_it(
    freezer: FrozenDateTimeFactory,
) -> None:
    """A date that was wrong once does not hide what follows; nor does an odd old row count."""
    freezer.move_to(START + timedelta(minutes=10))
    book = SessionBook()
    book.update([dated(session("a"), 660)])
    older = dated(session("a", energy_wh=5), 600)
    book.update([older])
    freezer.tick(30)
    book.update([dated(session("a"), 660)])
    for _ in range(7):
        _, refused = book.update([older])
        assert refused == {"a"}
        freezer.tick(4)
    freezer.tick(4)
    assert book.update([older]) == ([], set())
    assert book.get("port") == older


def test_a_date_in_the_future_is_a_wrong_one(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(START)
    book = SessionBook()
    book.update([replace(session("a"), updated_at=datetime.max.replace(tzinfo=UTC))])
    book.update([dated(session("a", energy_wh=5), 0)])
    assert book.get("port") == dated(session("a", energy_wh=5), 0)


@pytest.mark.parametrize("behind", [timedelta(hours=3), timedelta(days=20_000)])
def test_a_clock_of_the_home_that_is_behind_makes_no_date_a_wrong_one(
    freezer: FrozenDateTimeFactory, behind: timedelta
) -> None:
    """The cloud's clock decides: an answer that is old by its date stays old."""
    freezer.move_to(START - behind)
    book = SessionBook(lambda: START + timedelta(seconds=30))
    book.update([dated(session("a", energy_wh=10), 10)])
    book.update([dated(session("a", energy_wh=5), 0)])
    assert book.get("port") == dated(session("a", energy_wh=10), 10)
    book.update([dated(session("a", energy_wh=99), 3600)])
    book.update([dated(session("a", energy_wh=20), 20)])
    assert book.get("port") == dated(session("a", energy_wh=20), 20)


def test_the_later_request_counts_without_dates() -> None:
    book = SessionBook()
    early, late = book.mark(), book.mark()
    book.update([session("a", energy_wh=10)], sequence=late)
    assert book.is_list_older(early)
    assert not book.apply(session("a", energy_wh=5), sequence=early)
    assert book.apply(dated(session("a", energy_wh=15), 0), sequence=late)
    assert book.apply(dated(session("a", energy_wh=20), 5), sequence=early)
    assert book.get("port") == dated(session("a", energy_wh=20), 5)


def test_an_end_is_certain_where_a_list_or_a_stop_reports_it() -> None:
    book = SessionBook()
    assert book.unconfirmed_end("port") is None
    book.update([session("a")])
    assert book.unconfirmed_end("port") is None
    book.update([])
    book.apply(complete("a"))
    assert book.unconfirmed_end("port") == complete("a")
    book.update([complete("a")])
    assert book.unconfirmed_end("port") is None
    book.apply(complete("a"))
    assert book.unconfirmed_end("port") is None
    book.update([session("b", created=60)])
    book.forget(session("b"))
    assert book.unconfirmed_end("port") == complete("b", created=60)
    book.apply(complete("b", created=60), sequence=0, is_listed=True)
    assert book.unconfirmed_end("port") is None
    book.apply_partial(session("c", created=90))
    book.apply_partial(complete("c", created=90))
    assert book.unconfirmed_end("port") is None


def test_a_list_that_is_not_complete_leaves_sessions_listed() -> None:
    book = SessionBook()
    book.update([complete("a")])
    assert book.update([], is_complete=False) == ([], set())
    assert book.is_listed(complete("a"))
    book.update([])
    assert not book.is_listed(complete("a"))


def test_what_is_remembered_of_sessions_is_bounded() -> None:
    book = SessionBook()
    for number in range(10_002):
        book.update([complete(str(number), created=number)])
    assert len(book._newest) == 10_000


PORTS = ("left", "right")


@dataclass
class World:
    """The real sessions of two ports, and what the cloud reported at each moment."""

    now: dict[str, Session] = field(default_factory=dict)
    ended: list[Session] = field(default_factory=list)
    past: list[tuple[Session, ...]] = field(default_factory=lambda: [()])
    count: int = 0

    def act(self, port: str) -> None:
        """Start, begin or end: whatever is next at a port."""
        self.count += 1
        known = self.now.get(port)
        if known is None:
            self.now[port] = session(
                str(self.count), SessionStatus.AUTHORIZING, port=port, created=self.count
            )
        elif known.status is SessionStatus.AUTHORIZING and self.count % 3:
            self.now[port] = replace(known, status=SessionStatus.CHARGING)
        else:
            del self.now[port]
            self.ended.append(replace(known, status=SessionStatus.COMPLETE))
        self.past.append((*self.now.values(), *self.ended))

    def reported(self, late: int) -> tuple[Session, ...]:
        """Return all sessions as they were so many events ago."""
        return self.past[max(0, len(self.past) - 1 - late)]


LATE = st.integers(min_value=0, max_value=4)
EVENTS = st.one_of(
    st.tuples(st.just("act"), st.sampled_from(PORTS)),
    st.tuples(st.just("list"), LATE),
    st.tuples(st.just("partial"), LATE),
    st.tuples(st.just("confirm"), LATE),
)


class Reader:
    """A book to which answers of the world are applied; `check` follows each event."""

    def __init__(self, *, list_holds_ended: bool) -> None:
        self.world = World()
        self.book = SessionBook()
        self._list_holds_ended = list_holds_ended
        self._completed: set[str] = set()
        self._moments = [self.book.mark()]

    def apply(self, kind: str, argument: object) -> None:
        if kind == "act":
            self.world.act(str(argument))
            self._moments.append(self.book.mark())
        else:
            late = int(str(argument))
            sequence = self._moments[max(0, len(self._moments) - 1 - late)]
            getattr(self, kind)(self.world.reported(late), sequence)
        self.check()

    def list(self, reported: tuple[Session, ...], sequence: int) -> None:
        if self.book.is_list_older(sequence):
            return
        listed = [s for s in reported if self._list_holds_ended or s.is_active]
        active = names(self.book.active())
        assert missing(self.book, listed, sequence) == active - names(listed)

    def partial(self, reported: tuple[Session, ...], sequence: int) -> None:
        if reported:
            newest = max(reported, key=lambda s: int(s.session_id))
            self.book.apply_partial(
                Session(
                    **{
                        name: getattr(newest, name)
                        for name in ("session_id", "port_id", "status", "created_at")
                    }
                ),
                sequence=sequence,
            )

    def confirm(self, reported: tuple[Session, ...], sequence: int) -> None:
        for one in reported:
            if one.session_id in names(self.book.active()):
                self.book.apply(one, sequence=sequence)

    def check(self) -> None:
        known = [found for port in PORTS if (found := self.book.get(port))]
        self._completed |= names(s for s in known if not s.is_active)
        assert not self._completed & names(self.book.active())


@settings(max_examples=300)
@given(events=st.lists(EVENTS, max_size=40), list_holds_ended=st.booleans())
def test_whatever_order_answers_come_in(events, list_holds_ended: bool) -> None:
    """What ended stays ended, and one fresh answer puts everything right."""
    reader = Reader(list_holds_ended=list_holds_ended)
    for kind, argument in events:
        reader.apply(kind, argument)
    reader.apply("list", 0)
    reader.apply("confirm", 0)
    assert names(reader.book.active()) == names(reader.world.now.values())
    for port, active in reader.world.now.items():
        assert reader.book.get(port) == active
