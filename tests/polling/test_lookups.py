"""Look-ups of single sessions: each with its own pauses."""

import pytest

from custom_components.eevion.api import Session
from custom_components.eevion.polling.lookups import Lookups


def session(session_id: str) -> Session:
    return Session.from_json({"sessionId": session_id, "portId": "p", "status": "charging"})


@pytest.fixture
def lookups() -> Lookups:
    lookups = Lookups()
    lookups.update([session("a"), session("b")])
    return lookups


def ids(lookups: Lookups, now: float) -> list[str]:
    return [session.session_id for session in lookups.due(now)]


def test_one_that_fails_waits_longer_each_time(lookups: Lookups) -> None:
    lookups.mark_failed(session("a"), 0)
    assert ids(lookups, 3) == ["b"]
    assert ids(lookups, 4) == ["b", "a"]
    lookups.mark_failed(session("a"), 4)
    assert ids(lookups, 11) == ["b"]
    assert ids(lookups, 12) == ["b", "a"]
    lookups.mark_answered(session("a"), 12)
    assert ids(lookups, 40) == ["b"]
    assert ids(lookups, 41) == ["a", "b"]


def test_one_that_is_listed_again_meanwhile_is_left_alone(lookups: Lookups) -> None:
    lookups.update([session("b")])
    lookups.mark_failed(session("a"), 0)
    lookups.mark_answered(session("a"), 0)
    assert ids(lookups, 1e6) == ["b"]
