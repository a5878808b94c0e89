"""Limits: how often one may ask, and how much a station may draw."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .station import LEVEL_2, MIN_LEVEL_2_AMPS

if TYPE_CHECKING:
    from .core import WorldCore
    from .settings import Settings
    from .station import Station


class RateLimit:
    """One key's budget: a true sliding window over real time."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        """Count requests at the real time of ``now``."""
        self._settings = settings
        self._now = now
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        """Take one request from the budget; a refused one does not count."""
        now = self._now()
        while self._taken and self._taken[0] <= now - self._settings.rate_window_s:
            self._taken.popleft()
        if len(self._taken) >= self._settings.rate_limit:
            return False
        self._taken.append(now)
        return True

    def wait_s(self) -> int:
        """Return the whole seconds until a request is free again."""
        if not self._taken:
            return 1
        free = self._taken[0] + self._settings.rate_window_s - self._now()
        return max(1, int(free) + 1)


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
