"""The days of a statement."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self

# The zones of sites differ from UTC by up to 14 hours, and a session may have been updated last
# when it was created, a while before its start.
_MARGIN = timedelta(days=1)
_DAY = timedelta(days=1)


class Period(StrEnum):
    """A month, from the day on which it is named."""

    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"


@dataclass(frozen=True, slots=True)
class Span:
    """The days from the first to the last, in the time zone of each site."""

    first: date
    last: date

    @classmethod
    def of_month(cls, day: date) -> Self:
        """Return the month of a day."""
        first = day.replace(day=1)
        following = (first + 31 * _DAY).replace(day=1)
        return cls(first, following - _DAY)

    @classmethod
    def of_period(cls, period: Period, today: date) -> Self:
        """Return the month that a period names."""
        month = cls.of_month(today)
        return month if period is Period.THIS_MONTH else cls.of_month(month.first - _DAY)

    @property
    def since(self) -> datetime:
        """A time before the last change of every session of these days, in UTC."""
        return datetime.combine(self.first, time(), UTC) - _MARGIN

    @property
    def name(self) -> str:
        """The month as `2026-10`, else both days."""
        if self == self.of_month(self.first):
            return f"{self.first:%Y-%m}"
        return f"{self.first}_{self.last}"
