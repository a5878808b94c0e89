"""The limit of a station's power."""

from typing import TYPE_CHECKING

from ..charging.station import LEVEL_2, MIN_LEVEL_2_AMPS

if TYPE_CHECKING:
    from ..charging.station import Station
    from .core import WorldCore


def set_limit(world: WorldCore, station: Station, unit: str, limit: float) -> str:
    """Limit a station to amps ("A") or watts ("W"); return why not, or nothing."""
    if not station.online:
        return "The station is not connected"
    model = station.model
    maximum = model.amps if unit == "A" else model.max_w
    if not 0 <= limit <= maximum:
        return f"The limit must be between 0 and {maximum} {unit}"
    if unit == "A" and model.level == LEVEL_2 and 0 < limit < MIN_LEVEL_2_AMPS:
        return f"The limit must be 0 or at least {MIN_LEVEL_2_AMPS} A"
    station.limit_w = int(limit * model.volts) if unit == "A" else int(limit)
    world.charging.refresh(station)
    return ""
