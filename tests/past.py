"""Past sessions at two sites of different time zones."""

from datetime import datetime, timedelta
from typing import Any

from tests.handmade import HandMadeCloud, site

VANCOUVER = {"id": "site", "name": "Home", "timeZone": "America/Vancouver"}
TORONTO = {"id": "east", "name": "Office", "timeZone": "America/Toronto"}
IN_DOLLARS: dict[str, Any] = {
    "portId": "B",
    "stationId": "B",
    "location": TORONTO,
    "currency": "USD",
    "cost": 2.005,
    "energy": 9330.4,
    "startWith": "iOS",
    "endReason": "EVDisconnected",
    "vehicle": "Toyota bZ4X 2023",
}


def past(name: str, start: str, **fields: Any) -> dict[str, Any]:
    """Return a session that has ended after an hour."""
    begin = datetime.fromisoformat(start)
    end = begin + timedelta(hours=1)
    return {
        "sessionId": name,
        "portId": "A",
        "stationId": "A",
        "location": VANCOUVER,
        "status": "complete",
        "createdAt": start,
        "startTime": start,
        "endTime": end.isoformat(),
        # As in the documentation's examples: that of the creation.
        "updatedAt": start,
        "duration": 3600,
        "currency": "CAD",
        "cost": 1.5,
        "energy": 5000,
        **fields,
    }


def two_sites() -> HandMadeCloud:
    """Return a cloud with the stations A and C at home, and B at the office."""
    cloud = HandMadeCloud()
    east = {**site("B"), "id": "east", "name": "Office"}
    cloud.sites = 200, [site("A", "C", status="available"), east]
    return cloud
