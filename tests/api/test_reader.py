"""What is read again is as if it were read for the first time, and costs less."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.api import EevionResponseError, Session, Site
from custom_components.eevion.api.reader import Reader
from custom_components.eevion.api.response import Response

from .conftest import answer_with, read_rows
from .test_parse import JSON, ROWS

KINDS = {"id": Site.from_json, "sessionId": Session.from_json}
NAMES = st.sampled_from(["a", "b", "c"])


def _named(row: dict[str, Any], name: str) -> dict[str, Any]:
    port = {"portId": name, "displayName": name}
    return row | {"id": name, "sessionId": name, "ports": [port, row, port | row]}


def _distinct(value: Any) -> Any:
    """Leave out what Python calls equal and JSON does not: true and 1, 2 and 2.0."""
    if isinstance(value, dict):
        return {key: _distinct(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_distinct(item) for item in value]
    if isinstance(value, float) and value == value // 1:
        return value + 0.5 if abs(value) < 2**50 else None
    return value + 2 if type(value) is int and value in (0, 1) else value


ROW = (st.builds(_named, ROWS, NAMES) | ROWS | JSON).map(_distinct)


@pytest.mark.parametrize("key", KINDS)
@given(answers=st.lists(st.lists(ROW, max_size=4), min_size=2, max_size=4))
def test_the_past_leaves_no_trace(key: str, answers: list[list[Any]]) -> None:
    reader = Reader[Any](key, KINDS[key])
    for body in answers:
        try:
            fresh = read_rows(Reader[Any](key, KINDS[key]), body)
        except EevionResponseError:
            with pytest.raises(EevionResponseError):
                read_rows(reader, body)
            continue
        assert repr(read_rows(reader, body)) == repr(fresh)


def test_the_same_answer_is_not_read_again(example: Callable[[str], Any]) -> None:
    body = answer_with(example("list_sessions"))
    reader = Reader("sessionId", Session.from_json)
    assert read_rows(reader, body) is read_rows(reader, body)


def test_a_refusal_is_no_answer_that_was_read(example: Callable[[str], Any]) -> None:
    """The same bytes with another status are judged anew."""
    body = answer_with(example("list_sessions"))
    reader = Reader("sessionId", Session.from_json)
    read_rows(reader, body)
    with pytest.raises(EevionResponseError):
        read_rows(reader, Response(status=502, body=body.body, retry_after=None, secret=""))


def test_only_the_port_that_changed_is_new(example: Callable[[str], Any]) -> None:
    body = example("list_sites_and_their_stations")
    reader = Reader("id", Site.from_json)
    before = read_rows(reader, body).models
    body[0]["ports"][1]["status"] = "offline"
    after = read_rows(reader, body).models
    assert after[0].ports[1].status == "offline"
    assert after[0].ports[0] is before[0].ports[0]
    assert after[0].ports[1] is not before[0].ports[1]
    assert all(one is other for one, other in zip(after[1:], before[1:], strict=True))


def test_only_the_fields_that_changed_are_new(example: Callable[[str], Any]) -> None:
    body = example("list_sessions")
    reader = Reader("sessionId", Session.from_json)
    before = read_rows(reader, body).models
    body[0]["energy"] = 4321
    after = read_rows(reader, body).models
    assert after[0].energy_wh == 4321
    assert after[0].updated_at is before[0].updated_at
    assert after[0].tariff is before[0].tariff is not None
    assert all(one is other for one, other in zip(after[1:], before[1:], strict=True))
    del body[0]["energy"]
    assert read_rows(reader, body).models[0].energy_wh is None
