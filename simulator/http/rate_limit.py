"""The budget of requests of an API key."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import Settings


class RateLimit:
    """One key's budget: a true sliding window over real time."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        """Count requests at the real time of ``now``."""
        self._settings = settings
        self._now = now
        self._taken: deque[float] = deque()

    def consume(self) -> bool:
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
