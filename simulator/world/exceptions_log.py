"""Exceptions of stations: when something broke and when it was over."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..charging.station import Station

FIRST_ID = 8_404_117


@dataclass(slots=True, kw_only=True)
class StationException:
    """One exception; times are epoch milliseconds, simulated."""

    number: int
    station: Station
    type: str
    description: str
    started_ms: int
    ended_ms: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return the row of ``GET /station/exceptions`` and of its webhook."""
        return {
            "id": self.number,
            "timestamp": self.started_ms,
            "station_id": self.station.name,
            "location_id": self.station.site.site_id,
            "type": self.type,
            "description": self.description,
            "end_timestamp": self.ended_ms,
            "location": self.station.site.name,
        }


class ExceptionsLog:
    """All exceptions of a world, oldest first."""

    def __init__(self, notify: Callable[[StationException], None]) -> None:
        """Call ``notify`` at each start and end."""
        self.entries: list[StationException] = []
        self._notify = notify
        self._open: dict[tuple[str, str], StationException] = {}

    def start(self, station: Station, kind: str, description: str, at_ms: int) -> None:
        """Begin an exception, unless it lasts already."""
        if (station.port_id, kind) in self._open:
            return
        entry = StationException(
            number=FIRST_ID + len(self.entries),
            station=station,
            type=kind,
            description=description,
            started_ms=at_ms,
        )
        self.entries.append(entry)
        self._open[station.port_id, kind] = entry
        self._notify(entry)

    def end(self, station: Station, kind: str, at_ms: int) -> None:
        """End an exception, if it lasts."""
        entry = self._open.pop((station.port_id, kind), None)
        if entry is not None:
            entry.ended_ms = at_ms
            self._notify(entry)

    def since(self, since_ms: int) -> list[StationException]:
        """Return those that started at or after a moment, newest first."""
        return [e for e in reversed(self.entries) if e.started_ms >= since_ms]
