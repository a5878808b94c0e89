"""What happens when: the queue of simulated events."""

from collections.abc import Callable
from dataclasses import dataclass
import heapq
from itertools import count


@dataclass(slots=True)
class Timer:
    """One event to come."""

    action: Callable[[], None]
    canceled: bool = False

    def cancel(self) -> None:
        """Make sure that it never happens."""
        self.canceled = True


class Timeline:
    """Runs each event at its exact millisecond, however coarse the steps are."""

    def __init__(self, now_ms: int) -> None:
        """Start at ``now_ms`` (epoch milliseconds)."""
        self.now_ms = now_ms
        self._running = False
        self._order = count()
        self._queue: list[tuple[int, int, Timer]] = []

    def at(self, due_ms: int, action: Callable[[], None]) -> Timer:
        """Plan an event; one that is due in the past happens next."""
        timer = Timer(action)
        due_ms = max(due_ms, self.now_ms)
        heapq.heappush(self._queue, (due_ms, next(self._order), timer))
        return timer

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Plan an event some simulated seconds from now."""
        return self.at(self.now_ms + round(seconds * 1000), action)

    def run_until(self, until_ms: int) -> None:
        """Let everything happen that is due; an event cannot run others."""
        if self._running:
            return
        self._running = True
        try:
            self._run_until(until_ms)
        finally:
            self._running = False
        self.now_ms = max(self.now_ms, until_ms)

    def _run_until(self, until_ms: int) -> None:
        while self._queue and self._queue[0][0] <= until_ms:
            due_ms, _, timer = heapq.heappop(self._queue)
            if not timer.canceled:
                self.now_ms = max(self.now_ms, due_ms)
                timer.action()
