"""The row of a session in a statement."""

from datetime import UTC, datetime

import pytest

from custom_components.eevion.api import Session
from custom_components.eevion.statements.rows import session_row

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reported", "seconds"),
    [
        ({"endTime": "2026-11-02T09:00:00Z"}, 3600),
        ({"endTime": "2026-11-02T09:00:00Z", "duration": 60}, 60),
        ({"endTime": "2026-11-02T07:00:00Z"}, None),
        ({"endTime": ""}, None),
        ({"status": "charging"}, 7200),
    ],
)
def test_duration(reported: dict[str, object], seconds: int | None) -> None:
    """An end before the start is none that takes from the sum."""
    session = Session.from_json(
        {"sessionId": "a", "status": "complete", "startTime": START.isoformat()} | reported
    )
    row = session_row(session, start=START, station="A", site="", now=START.replace(hour=10))
    assert row.duration_s == seconds
