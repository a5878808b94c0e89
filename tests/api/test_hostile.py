"""Bodies that were made to do harm: each costs what is odd in it, and nothing beside it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
import copy
from dataclasses import fields, is_dataclass
from datetime import datetime
import json
import threading
from typing import Any
import unicodedata

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.api import (
    ChargingLimit,
    Commands,
    EevionClient,
    EevionError,
    EevionRefusedError,
    EevionResponseError,
    Job,
    JobReceipt,
    LimitResult,
    LimitUnit,
    Report,
    Session,
    Site,
    Station,
    StationException,
    parse,
)
from custom_components.eevion.api.decode import MAX_ROWS, decode
from custom_components.eevion.api.reader import Reader
from custom_components.eevion.api.response import Response

from .conftest import FIXTURES, read_rows
from .test_client import CALLS, SINCE

LIMIT = ChargingLimit(station_id="2222", unit=LimitUnit.AMPERE, limit=20)
GOOD = b'{"sessionId":"good","energy":7}'
ODD_VALUES = {
    "nan": b"NaN",
    "infinity": b"-Infinity",
    "large": b"1e999",
    "negative": b"-1e400",
    "digits": b"9" * 5000,
    "negative digits": b"-" + b"9" * 5000,
    "long fraction": b"9" * 5000 + b".5",
    "lists": b"[" * 100_000 + b"]" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "depth and text": b'[[["]",' * 30_000 + b"1" + b"]]]" * 30_000,
    "half": rb'"\ud83d"',
    "other half": rb'"\udc00 and more"',
    "latin-1": b'"caf\xe9"',
    "cut": b'"caf\xc3"',
    "control": b'"a\0b\nc"',
}


@pytest.mark.parametrize("odd", ODD_VALUES.values(), ids=ODD_VALUES)
@pytest.mark.parametrize("key", ["nobodyReadsThis", "energy", "status", "tariff", "location"])
def test_an_odd_value_costs_its_field(key: str, odd: bytes) -> None:
    row = b'{"sessionId":"odd","portId":"p","cost":2,"' + key.encode() + b'":' + odd + b"}"
    found = read_rows(
        Reader("sessionId", Session.from_json), answer(b"[" + row + b"," + GOOD + b"]")
    )
    assert found.is_complete
    first, second = found.models
    assert (first.session_id, first.port_id, first.cost) == ("odd", "p", 2)
    assert (first.energy_wh, first.status, first.site_id) == (None, None, None)
    assert (second.session_id, second.energy_wh) == ("good", 7)


@pytest.mark.parametrize("odd", ODD_VALUES.values(), ids=ODD_VALUES)
async def test_an_odd_value_costs_no_poll(client, cloud, odd: bytes) -> None:
    cloud.reply(raw=b'[{"id":"s","ports":[{"portId":"p","displayName":"1","kW":' + odd + b"}]}]")
    sites = await client.list_sites()
    assert sites.is_complete
    assert sites.sites[0].ports[0].port_id == "p"
    cloud.replies.clear()
    cloud.reply(raw=b'{"sessionId":"x","more":' + odd + b"}")
    assert (await client.get_session(session_id="x")).session_id == "x"


def answer(body: bytes) -> Response:
    return Response(status=200, body=body, retry_after=None, secret="")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        (b' \t\r\n{"a": NaN} \n', {"a": None}),
        (b"[NaN,-0,-0.0, 1e5]", [None, 0, 0.0, 1e5]),
        (b"[ NaN , [ ] ]", [None, []]),
        (b"NaN", None),
        (b'{"a":1,"a":NaN,"a":3}', {"a": 3}),
        (b"[1" + b"0" * 30 + b",NaN]", [1e30, None]),
        (b"[" * 63 + b"NaN" + b"]" * 63, None),
        (b"[" * 70 + b"]" * 70 + b"", None),
    ],
)
def test_decoding(body: bytes, value: Any) -> None:
    found = decode(body)
    while value is None and isinstance(found, list):
        (found,) = found or (None,)
    assert found == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[NaN",
        b"[NaN,",
        b"[NaN,]",
        b"[NaN 1]",
        b"NaN 1",
        b"[NaN] 1",
        b"{NaN}",
        b"[" * 100_000,
        b'["' + b"[" * 100_000,
        b"[" + b"0," * MAX_ROWS + b"NaN]",
    ],
    ids=lambda body: str(body[:9]),
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(body)


def test_more_rows_than_any_account_has() -> None:
    with pytest.raises(EevionResponseError):
        answer(b"[" + b"{}," * MAX_ROWS + b"{}]").rows() and parse.rows([{}] * (MAX_ROWS + 1), dict)


NASTY = {
    "half": "Shop \ud83d",
    "other half": "\udc00Shop",
    "lines": "one\ntwo\r\nthree\u2028four\u0085five",
    "control": "a\0b\x1b[31mc\x7f",
    "bidi": "user\u202egnp.exe\u2066x\u2069",
    "zero width": "a\u200bb\u200dc\ufeffd\u00ade\u2060f",
    "tags": "a\U000e0041\U000e0062\u180e\u3164\uffa0\u034fb",
    "long": "x" * 100_000,
    "long and odd": "x" + "\u202e" * 100_000 + "x",
    "noncharacter": "a\uffff\ufdd0b",
    "marks": "Z" + "\u0351" * 9000,
}


def is_clean(value: str) -> bool:
    value.encode()
    return (
        len(value) <= 1024
        and not any(
            unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") or c in "\u3164\u034f\uffff"
            for c in value
        )
        and value != ""
    )


def texts_in(value: Any) -> Iterator[str]:
    """Every text anywhere in a model."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts_in(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(key)
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def numbers_in(value: Any) -> Iterator[float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers_in(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from numbers_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers_in(item)


def moments_in(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from moments_in(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from moments_in(item)


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_texts(nasty: str) -> None:
    for read, most in ((parse.text, 255), (parse.prose, 1024), (parse.identifier, 128)):
        found = read(nasty)
        assert found
        assert is_clean(found)
        assert len(found) <= most


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  Café Ünïcödé 充电 😀 ", "Café Ünïcödé 充电 😀"),
        ("two  blanks", "two  blanks"),
        ("Set message: a\n\nb.", "Set message: a b."),
        ("Shop \ud83d", "Shop \ufffd"),
        ("1\u00a0000\u202fkW", "1 000 kW"),
        ("\u200b \n", None),
        (12, "12"),
        (10**4000, None),
        (1.5, None),
        (True, None),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    assert parse.text(value) == text


HOSTILE_IDS = [
    "P",
    "P ",
    " P",
    "P\n",
    "P\ud83d",
    "P\udc00",
    "P\ufffd",
    "P\u200b",
    "P\u202e",
    "P\0",
    "P" * 128,
    "P" * 129,
    "P" * 130,
    *(parse.identifier(f"P{c}") for c in "\n\0\u200b"),
    parse.identifier(parse.identifier("P\n")),
]


def test_two_ids_never_become_one() -> None:
    found = [parse.identifier(id_) for id_ in HOSTILE_IDS]
    assert len(set(found)) == len(HOSTILE_IDS)
    assert all(id_ and is_clean(id_) and len(id_) <= 128 for id_ in found)


@given(st.lists(st.text(st.characters(), min_size=1), unique=True, min_size=2))
def test_ids_stay_apart(ids: list[str]) -> None:
    found = [parse.identifier(id_) for id_ in ids]
    named = [id_ for id_ in found if id_]
    assert len(set(named)) == len(named)
    assert all(is_clean(id_) for id_ in named)


@pytest.mark.parametrize("value", [" ", "", "\n", None, True, 1.5, [], {}, "\u2003"])
def test_what_is_no_id(value: Any) -> None:
    assert parse.identifier(value) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1e300, None),
        (-1e300, None),
        (10**400, None),
        ("1e300", None),
        ("nan", None),
        ("Infinity", None),
        ("1_000", None),
        ("\u0661\u0662", None),
        ("9" * 1000, None),
        (" 12.5 ", 12.5),
        (1e12, 1e12),
    ],
)
def test_number(value: Any, number: float | None) -> None:
    assert parse.number(value) == number


def test_no_negative_zero() -> None:
    assert str(parse.positive(-0.0)) == str(parse.number("-0")) == "0.0"


def test_numbers_are_bounded_by_what_they_measure() -> None:
    row = {"portId": "p", "displayName": "1", "volts": 1e5, "amps": 1e6}
    site = Site.from_json({"id": "s", "ports": [row]})
    assert (site.ports[0].volts, site.ports[0].amps) == (None, None)
    keys = ("power", "cost", "costBeforeTaxes", "currentIdleFee", "duration")
    session = Session.from_json({"sessionId": "s"} | dict.fromkeys(keys, 1e10))
    assert list(numbers_in(session)) == []


# What a mutation may put in the place of a value or of a key.
ODD = (
    st.sampled_from([*NASTY.values(), "P\ud83d", None, True, [], {}, "", 0, -0.0])
    | st.sampled_from([1e300, -1e300, 10**400, 2**63, "1e999", "0001-01-01T00:00:00+14:00"])
    | st.sampled_from(["9999-12-31T23:59:59-12:00", -62_135_596_800_000, 253_402_300_799_999])
    | st.text(st.characters(), max_size=40)
    | st.recursive(
        st.text(st.characters(), max_size=8) | st.floats(allow_nan=False),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=3)
        ),
        max_leaves=6,
    )
)


@st.composite
def mutated(draw: st.DrawFn, body: Any) -> Any:
    """Return a body with some of its values and keys changed, wherever they are."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 6))):
        place: Any = body
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, dict | list) and inner and draw(st.integers(0, 5)):
                place = inner
                continue
            if isinstance(place, dict) and not draw(st.integers(0, 5)):
                place[draw(st.text(st.characters(), max_size=8))] = place.pop(key)
            else:
                place[key] = draw(ODD)
            break
    return body


def _rows(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda body: parse.rows(parse.items(body), read)[0]


READERS: dict[str, Callable[[Any], Any]] = {
    "list_sites_and_their_stations": _rows(Site.from_json),
    "get_a_site_and_its_stations": Site.from_json,
    "get_a_station": Station.from_json,
    "list_sessions": _rows(Session.from_json),
    "get_a_session": Session.from_json,
    "start_a_session": Session.from_json,
    "stop_a_session": Session.from_json,
    "energy_management": lambda body: LimitResult.list_from_json(
        body, station_ids=["2222", "2224"]
    ),
    "list_exceptions": _rows(StationException.from_json),
    "manage_stations": JobReceipt.from_json,
    "management_history": _rows(Job.from_json),
    "get_report": lambda body: Report.from_json(parse.items(body)),
    "webhook_job_finished": Job.from_json,
    "webhook_exceptions": lambda body: _rows(StationException.from_json)(
        parse.mapping(body).get("content")
    ),
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_nothing_else_reaches_a_model(name: str, data: st.DataObject) -> None:
    body = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    odd = data.draw(mutated(body))
    # As the cloud would send it: half characters as escapes, huge numbers as digits.
    sent = json.dumps(odd).encode()
    try:
        model = READERS[name](parse.mapping(value) or value if (value := decode(sent)) else {})
    except EevionResponseError:
        return
    assert [text for text in texts_in(model) if not is_clean(text) and text] == []
    assert [number for number in numbers_in(model) if not abs(number) < 5e12] == []
    assert [moment for moment in moments_in(model) if not 2000 <= moment.year < 2100] == []
    repr(model)


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_every_text_of_every_answer(nasty: str) -> None:
    """All texts and keys of an answer changed at once, whatever they are for."""

    def spoiled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spoiled(item) for key, item in value.items()} | {nasty: nasty}
        if isinstance(value, list):
            return [spoiled(item) for item in value]
        return f"{value}{nasty}" if isinstance(value, str) and not value.endswith("Z") else value

    for name, read in READERS.items():
        body = spoiled(json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8")))
        try:
            found = list(texts_in(read(decode(json.dumps(body).encode()))))
        except EevionResponseError:
            assert name == "energy_management"  # it is about other stations then
            continue
        assert found
        assert [text for text in found if not is_clean(text) and text] == []


async def test_words_of_errors_are_clean_as_well(client, cloud) -> None:
    cloud.reply({"error": "no", "message": NASTY["bidi"] + NASTY["lines"]}, status=400)
    with pytest.raises(EevionRefusedError) as refused:
        await client.list_sites()
    assert is_clean(refused.value.message)
    assert is_clean(str(refused.value))


ABOUT_OTHERS = {
    "session": (
        lambda client: client.get_session(session_id="A"),
        {"sessionId": "not-the-requested-one", "portId": "P1", "status": "charging"},
    ),
    "site": (lambda client: client.get_site(site_id="A"), {"id": "B", "ports": []}),
    "station": (
        lambda client: client.get_station(station_id="A"),
        {"portId": "b", "displayName": "B", "location": {"id": "s"}},
    ),
    "stop, session": (
        lambda client: client.stop_session(session_id="A", port_id="a"),
        {"sessionId": "B", "portId": "a", "status": "complete"},
    ),
    "stop, port": (
        lambda client: client.stop_session(session_id="A", port_id="a"),
        {"sessionId": "A", "portId": "b", "status": "complete"},
    ),
    "start, station": (
        lambda client: client.start_session(station_id="A"),
        {"sessionId": "x", "stationId": "B"},
    ),
    "start, port": (
        lambda client: client.start_session(station_id="A", port_id="a"),
        {"sessionId": "x", "portId": "b"},
    ),
    "limits": (
        lambda client: client.set_charging_limits(limits=lambda: [LIMIT]),
        {"result": "success", "details": [{"stationId": "B", "result": "success"}]},
    ),
    "job": (
        lambda client: client.manage_stations(station_ids=["A"], commands=Commands()),
        {"result": "success", "sessionId": "1234"},
    ),
}


@pytest.mark.parametrize(("call", "body"), ABOUT_OTHERS.values(), ids=ABOUT_OTHERS)
async def test_an_answer_about_another_object_is_an_error(client, cloud, call, body) -> None:
    cloud.reply(body)
    with pytest.raises(EevionResponseError):
        await call(client)


async def test_an_answer_without_all_ids_is_accepted(client, cloud) -> None:
    cloud.reply({"sessionId": None, "portId": "", "status": "complete"})
    stopped = await client.stop_session(session_id="A", port_id="a")
    assert (stopped.session_id, stopped.port_id) == ("A", "a")
    cloud.replies.clear()
    cloud.reply({"sessionId": 7, "stationId": None})
    started = await client.start_session(station_id="A", port_id="a")
    assert (started.session_id, started.station_id) == ("7", "A")
    cloud.replies.clear()
    cloud.reply({"portId": "a", "displayName": "A", "location": {"id": "s"}})
    assert (await client.get_station(station_id="a")).port.station_id == "A"


async def test_of_two_rows_of_a_station_the_failure_counts(client, cloud) -> None:
    rows = [{"stationId": "2222", "result": result} for result in ("success", "error", "success")]
    cloud.reply({"result": "success", "details": rows})
    (result,) = await client.set_charging_limits(limits=lambda: [LIMIT])
    assert not result.is_success


async def test_a_list_contains_only_what_was_requested(client, cloud) -> None:
    cloud.reply(
        [
            {"sessionId": "1", "stationId": "A", "location": {"id": "s"}},
            {"sessionId": "2", "stationId": "B", "location": {"id": "s"}},
            {"sessionId": "3", "stationId": "A", "location": {"id": "t"}},
            {"sessionId": "4"},
            {"sessionId": "5", "portId": "A"},
        ]
    )
    found = await client.list_sessions(stations=["A"], sites=["s"])
    assert [session.session_id for session in found.sessions] == ["1", "4", "5"]
    assert found.is_complete
    assert len((await client.list_sessions()).sessions) == 5


async def test_a_report_contains_only_what_was_requested(client, cloud) -> None:
    cloud.reply(
        [
            {"station_id": "A", "location_id": "s", "count": 1},
            {"station_id": "B", "location_id": "s", "count": 2},
            {"station_id": "total", "count": 3},
        ]
    )
    report = await client.get_report(start=SINCE, end=SINCE)
    assert report.total.count == 3
    report = await client.get_report(start=SINCE, end=SINCE, stations=["A"], sites=["s"])
    assert [row.station_id for row in report.rows] == ["A"]
    assert report.total is None, "it is of both"


def large_session(number: int) -> dict[str, Any]:
    row = json.loads((FIXTURES / "list_sessions.json").read_text(encoding="utf-8"))[number % 2]
    return row | {"sessionId": f"s{number}", "portId": f"p{number}", "stationId": str(number)}


async def test_a_thousand_stations_are_read_beside_the_loop(
    client: EevionClient, cloud: Any
) -> None:
    cloud.reply(raw=json.dumps([large_session(n) for n in range(1000)]).encode())
    await client.list_sites()  # the connection
    threads: set[int] = set()
    read = Session.from_json

    def recorded(*arguments: Any) -> Session:
        threads.add(threading.get_ident())
        return read(*arguments)

    client._sessions[0] = Reader("sessionId", recorded)
    found = await client.list_sessions()
    assert len(found.sessions) == 1000
    assert threads
    assert threading.get_ident() not in threads


async def test_answers_read_at_the_same_time_are_each_read_whole(client, cloud) -> None:
    rows = [large_session(n) for n in range(300)]
    for energy in (1, 2):
        cloud.reply([row | {"energy": energy} for row in rows])
    first, second = await asyncio.gather(client.list_sessions(), client.list_sessions())
    assert {len({s.energy_wh for s in found.sessions}) for found in (first, second)} == {1}
    again = await client.list_sessions()
    assert [s.energy_wh for s in again.sessions] == [2] * 300


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.method)
@pytest.mark.parametrize(
    "body",
    [b"[" + b"{}," * 30_000 + b"{}]", b"[" * 100_000, b'{"a":' * 9 + b"1"],
    ids=["many", "deep", "cut"],
)
async def test_harm_is_an_error(client, cloud, call, body) -> None:
    cloud.reply(raw=body)
    with pytest.raises(EevionError):
        await call.made(client)
