"""The simulated clock."""

from collections.abc import Callable
import time


def wall_clock() -> float:
    """Return real time; looked up at each call so that a test can freeze it."""
    return time.time()


class Clock:
    """Simulated time, which starts at real time and runs ``speed`` times as fast."""

    def __init__(self, now: Callable[[], float], speed: float, ahead_s: float = 0.0) -> None:
        """Start the clock at the real time of ``now`` (epoch seconds), or ``ahead_s`` later."""
        self.real = now
        self._speed = speed
        self._real_origin = now()
        self._origin_ms = round((self._real_origin + ahead_s) * 1000)

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._origin_ms = self.now_ms()
        self._real_origin = self.real()
        self._speed = speed

    def now_ms(self) -> int:
        """Return simulated epoch milliseconds."""
        elapsed_s = self.real() - self._real_origin
        return self._origin_ms + round(elapsed_s * 1000 * self._speed)
