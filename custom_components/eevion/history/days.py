"""Days of Home Assistant's time zone as whole hours of UTC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from homeassistant.util import dt as dt_util

from ..accounting import HOUR_S, hours_between

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A local day: 23, 24 or 25 hours."""

    local_date: date
    hours: range

    @classmethod
    def of(cls, day: date) -> Day:
        """Return a day by its date."""
        start, end = (dt_util.start_of_local_day(d).timestamp() for d in (day, day + _DAY))
        return cls(day, hours_between(start, end))

    @classmethod
    def at(cls, moment: float) -> Day:
        """Return the day of an hour or a moment, in epoch seconds."""
        day = cls.of(dt_util.as_local(datetime.fromtimestamp(moment, UTC)).date())
        # A day that does not begin on an hour of UTC begins with the hour of its first moment.
        return day if moment < day.hours.stop else cls.of(day.local_date + _DAY)


def days_between(first: date, last: date) -> list[Day]:
    """Return the days from the first to the last, both included."""
    return [Day.of(first + _DAY * index) for index in range((last - first).days + 1)]


def months(days: Sequence[Day]) -> Iterator[list[Day]]:
    """Yield the days of each month."""
    for _, some in groupby(days, lambda day: (day.local_date.year, day.local_date.month)):
        yield list(some)


def quarters(days: Sequence[Day]) -> Iterator[list[Day]]:
    """Yield the days of each quarter of a year."""
    for _, some in groupby(
        days, lambda day: (day.local_date.year, (day.local_date.month - 1) // 3)
    ):
        yield list(some)


def hours_of(days: Sequence[Day]) -> range:
    """Return the hours of days that follow each other."""
    return range(days[0].hours.start, days[-1].hours.stop, HOUR_S)


def bounds(hours: range) -> tuple[datetime, datetime]:
    """Return the moments at which hours begin and end."""
    return datetime.fromtimestamp(hours.start, UTC), datetime.fromtimestamp(hours.stop, UTC)
