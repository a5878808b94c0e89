"""How often the cloud is asked: often while something moves, seldom while nothing answers."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import uniform
from time import monotonic

from ..api import RateLimit
from ..const import INTERVAL_ACTIVE, INTERVAL_BURST, INTERVAL_BUSY, INTERVAL_IDLE
from ..stations.station import StationState

# Requests in a minute beyond which there is no hurry, and beyond which others, who may
# use the key, too, should have what is left.
_COMFORT = 16
_PLENTY = 23
# So long the cloud is asked often whether it shows what a command did.
_BURST_S = 30
# The longer a cloud fails the slower it is asked, and not by all homes at the same moment.
_SHARE_OF_OUTAGE = 1 / 8
_LONGEST_RETRY = timedelta(minutes=2)
_JITTER = 0.2


class Cadence:
    """The pace of one account's polls."""

    def __init__(self, rate_limit: RateLimit) -> None:
        """Begin with everything to be asked for."""
        self._rate_limit = rate_limit
        self._failing_since: float | None = None
        self._expected: dict[str, tuple[float, Callable[[StationState], bool]]] = {}
        self._sites_from = float("-inf")

    @property
    def are_sites_due(self) -> bool:
        """Whether the sites, which change seldom, are to be asked for, too."""
        return monotonic() >= self._sites_from

    def note_sites(self) -> None:
        """Note that the sites are being asked for."""
        self._sites_from = monotonic() + INTERVAL_IDLE.total_seconds()

    def want_sites(self) -> None:
        """Ask for the sites with the next poll."""
        self._sites_from = float("-inf")

    def expect(self, port_id: str, is_shown: Callable[[StationState], bool]) -> None:
        """Ask often until the cloud shows what a command did to a station."""
        self._expected[port_id] = (monotonic() + _BURST_S, is_shown)

    def note_answer(self, stations: Mapping[str, StationState]) -> None:
        """Note a poll that went well."""
        self._failing_since = None
        now = monotonic()
        self._expected = {
            port_id: (until, is_shown)
            for port_id, (until, is_shown) in self._expected.items()
            if now < until and port_id in stations and not is_shown(stations[port_id])
        }

    def note_failure(self) -> None:
        """Note a poll that failed."""
        self.want_sites()
        if self._failing_since is None:
            self._failing_since = monotonic()

    def interval(self, *, is_active: bool) -> timedelta:
        """Return the time until the next poll; `is_active` is whether somebody charges."""
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
