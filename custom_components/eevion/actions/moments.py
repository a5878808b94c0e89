"""The dates, times and durations of actions: those that every time zone can hold."""

from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from typing import Any

from homeassistant.helpers import config_validation as cv
import probatio as vol

_LONGEST = timedelta(days=366 * 100)


def day(value: Any) -> date:
    """Validate a date."""
    return _inside(cv.date(value))


def moment(value: Any) -> datetime:
    """Validate a time; without a zone it is in that of Home Assistant."""
    return _inside(cv.datetime(value))


def duration(value: Any) -> timedelta:
    """Validate a duration of a century at the most."""
    found: timedelta = cv.positive_time_period(value)
    if found > _LONGEST:
        raise vol.Invalid("longer than a century")
    return found


def _inside[D: date](value: D) -> D:
    """Return a date or time with room for another zone and for the days beside it."""
    if not MINYEAR < value.year < MAXYEAR:
        raise vol.Invalid("not a year that can be computed with")
    return value
