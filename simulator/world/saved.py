"""The sessions of a world, kept for the next start."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..charging.station import Session

if TYPE_CHECKING:
    from ..json_values import JsonObject
    from .core import WorldCore

_OWN = {"station", "tariff", "car", "webhook", "curve"}
"""Fields that JSON holds in another form, or not at all."""
_FIELDS = tuple(f.name for f in fields(Session) if f.name not in _OWN)
CUT_OFF = "PowerLoss"
"""The end reason of sessions that were active when they were saved."""


def dump_sessions(world: WorldCore) -> list[JsonObject]:
    """Return all sessions; the active ones end now."""
    now_ms = world.advance()
    return [_dumped(session, now_ms) for session in world.charging.sessions.values()]


def load_sessions(world: WorldCore, rows: list[Any]) -> None:
    """Add sessions that `dump_sessions` returned; those of unknown stations are left out."""
    stations = {station.port_id: station for station in world.stations}
    tariffs = {tariff.tariff_id: tariff for tariff in world.tariffs}
    for row in sorted(rows, key=lambda row: row["updated_ms"]):
        if (station := stations.get(row["port_id"])) is None:
            continue
        session = Session(
            station=station,
            tariff=tariffs.get(row["tariff_id"], station.tariff),
            **{name: row[name] for name in _FIELDS},
        )
        for at_ms, watts in row["curve"]:
            session.curve.set(at_ms, watts)
        station.ledger.append(session)
        world.charging.sessions[session.session_id] = session
        world.charging.ended.append(session)


def _dumped(session: Session, now_ms: int) -> JsonObject:
    row: JsonObject = {name: getattr(session, name) for name in _FIELDS}
    row |= {
        "port_id": session.station.port_id,
        "tariff_id": session.tariff.tariff_id,
        "curve": session.curve.points(),
    }
    if session.end_ms is None:
        curve = [point for point in session.curve.points() if point[0] < now_ms]
        row |= {
            "end_ms": now_ms,
            "end_reason": CUT_OFF,
            "updated_ms": now_ms,
            "curve": [*curve, (now_ms, 0)],
        }
    return row
