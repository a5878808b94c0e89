"""When failed requests are repeated: after growing pauses."""

_FIRST_PAUSE_S = 60
_LONGEST_PAUSE_S = 3600


class Retries:
    """The failures of one kind of request, by subject; times are in epoch seconds."""

    def __init__(self) -> None:
        """Initialize without failures."""
        self._failures: dict[str, tuple[float, float]] = {}
        """Time of the last failure and the pause after it in seconds, by key."""

    def is_due(self, key: str, now: float) -> bool:
        """Return whether no pause is running; a clock that is set back ends it."""
        failed_at, pause = self._failures.get(key, (0, 0))
        return not 0 <= now - failed_at < pause

    def pause(self, key: str) -> float:
        """Return the last pause in seconds; 0 without a failure."""
        return self._failures.get(key, (0, 0))[1]

    def mark_failed(self, key: str, now: float) -> None:
        """Mark a failure: each pause is twice as long as the one before, up to an hour."""
        _, pause = self._failures.get(key, (0, 0))
        self._failures[key] = (now, min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S))

    def mark_succeeded(self, key: str) -> None:
        """Remove the failures of a key."""
        self._failures.pop(key, None)
