"""When to ask again for what the cloud did not answer: after growing pauses."""

_FIRST_PAUSE_S = 60
_LONGEST_PAUSE_S = 3600


class Retries:
    """The failures of one kind of request, each subject by itself; times are epoch seconds."""

    def __init__(self) -> None:
        """Start without failures."""
        self._failures: dict[str, tuple[float, float]] = {}
        """When it failed last, and the pause after that."""

    def is_due(self, key: str, now: float) -> bool:
        """Return whether no pause is under way; a clock that was set back ends it."""
        failed_at, pause = self._failures.get(key, (0, 0))
        return not 0 <= now - failed_at < pause

    def pause(self, key: str) -> float:
        """Return the newest pause in seconds; 0 where nothing failed."""
        return self._failures.get(key, (0, 0))[1]

    def failed(self, key: str, now: float) -> None:
        """Note a failure: each pause is twice as long as the one before, up to an hour."""
        _, pause = self._failures.get(key, (0, 0))
        self._failures[key] = (now, min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S))

    def succeeded(self, key: str) -> None:
        """Forget the failures."""
        self._failures.pop(key, None)
