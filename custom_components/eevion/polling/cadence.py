"""The interval of polls: short during charging and after commands, long during failures."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import uniform
from time import monotonic

from ..api import RateLimit
from ..const import INTERVAL_ACTIVE, INTERVAL_BURST, INTERVAL_BUSY, INTERVAL_IDLE
from ..stations import StationState

# Requests in a minute above which polls are not hurried, and above which they slow down, to
# leave the rest to other users of the key.
_COMFORT = 16
_PLENTY = 23
# How long polls are frequent after a command.
_BURST_S = 30
# Polls slow down with the length of an outage; the jitter spreads those of all installations.
_SHARE_OF_OUTAGE = 1 / 8
_LONGEST_RETRY = timedelta(minutes=2)
_JITTER = 0.2


class Cadence:
    """The pace of one account's polls."""

    def __init__(self, rate_limit: RateLimit) -> None:
        """Initialize with the sites due."""
        self._rate_limit = rate_limit
        self._failing_since: float | None = None
        self._expected: dict[str, tuple[float, Callable[[StationState], bool]]] = {}
        self._sites_from = float("-inf")

    @property
    def are_sites_due(self) -> bool:
        """Whether the next poll is to request the sites."""
        return monotonic() >= self._sites_from

    def mark_sites_requested(self) -> None:
        """Mark the sites as requested now."""
        self._sites_from = monotonic() + INTERVAL_IDLE.total_seconds()

    def request_sites(self) -> None:
        """Make the sites due with the next poll."""
        self._sites_from = float("-inf")

    def expect(self, port_id: str, is_shown: Callable[[StationState], bool]) -> None:
        """Poll frequently for `_BURST_S`, or until `is_shown` returns True for the station."""
        self._expected[port_id] = (monotonic() + _BURST_S, is_shown)

    def mark_success(self, stations: Mapping[str, StationState]) -> None:
        """Mark the last poll as successful."""
        self._failing_since = None
        now = monotonic()
        self._expected = {
            port_id: (until, is_shown)
            for port_id, (until, is_shown) in self._expected.items()
            if now < until and port_id in stations and not is_shown(stations[port_id])
        }

    def mark_failure(self) -> None:
        """Mark the last poll as failed."""
        self.request_sites()
        if self._failing_since is None:
            self._failing_since = monotonic()

    def interval(self, *, is_active: bool) -> timedelta:
        """Return the time until the next poll; `is_active` is whether a session is active."""
        normal = INTERVAL_ACTIVE if is_active or self._expected else INTERVAL_IDLE
        if self._failing_since is not None:
            outage = timedelta(seconds=monotonic() - self._failing_since)
            retry = min(outage * _SHARE_OF_OUTAGE, _LONGEST_RETRY)
            jitter = uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
            return retry * jitter if retry > INTERVAL_ACTIVE else INTERVAL_ACTIVE
        if self.are_sites_due:
            normal = INTERVAL_ACTIVE
        if self._expected and self._rate_limit.used < _COMFORT:
            return INTERVAL_BURST
        if self._rate_limit.used >= _PLENTY:
            return max(normal, INTERVAL_BUSY)
        return normal
