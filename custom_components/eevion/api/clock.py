"""The cloud's clock, which dates its answers."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import monotonic

# Another date is that of a broken server.
_LIKELY_YEARS = range(2020, 2200)


class CloudClock:
    """The time by the newest answer's `Date`; without one, the time of this machine.

    The clock of a home may be hours or years behind until it is set.
    """

    def __init__(self) -> None:
        """Start without an answer."""
        self._date: datetime | None = None
        self._received_at = 0.0

    def set(self, date: str | None) -> None:
        """Set the time to the `Date` of an answer; a missing or unlikely one is ignored."""
        moment = http_date(date)
        if moment and moment.year in _LIKELY_YEARS:
            self._date, self._received_at = moment, monotonic()

    def now(self) -> datetime:
        """Return the time."""
        if self._date is None:
            return datetime.now(UTC)
        return self._date + timedelta(seconds=monotonic() - self._received_at)


# The requests of a poll are answered within a second.
@lru_cache(maxsize=2)
def http_date(value: str | None) -> datetime | None:
    """Return the moment of a header; None without a valid one."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except IndexError, OverflowError, TypeError, ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
