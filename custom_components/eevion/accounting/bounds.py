"""The highest plausible energy and cost of a station in a time."""

from .amounts import money_units, wh_units

DAY_S = 86400
LONGEST_S = 31 * DAY_S
"""A longer duration is a wrong date."""
# Volts and amps of a port may be those of one phase.
_PHASES = 3
# Used where volts or amps are unknown: the power of the strongest DC stations.
_UNKNOWN_POWER_W = 400_000
# Allows for differing clocks and for meters that are read every few minutes.
_CLOCKS_DIFFER_S = 600
# In dollars, well above any tariff and idle fee.
_MOST_PER_SESSION = 100
_MOST_PER_HOUR = 100
_MOST_PER_KWH = 2


def highest_power(known_w: float | None, max_power_w: float | None) -> float | None:
    """Return the highest power of a port so far, in W; None where it is unknown.

    A power above that of the strongest stations counts as theirs.
    """
    powers = [known_w or 0, min(max_power_w or 0, _UNKNOWN_POWER_W)]
    return max(powers) or None


def is_likely_date(moment: float | None, now: float | None) -> bool:
    """Return whether a time, in epoch seconds, is not after `now`; True without one of them."""
    return moment is None or now is None or moment <= now + _CLOCKS_DIFFER_S


def most_energy(max_power_w: float | None, seconds: float) -> int:
    """Return the most energy of a station in a time, in units of `WH`.

    `max_power_w` is the port's amps times volts; None uses that of the strongest stations.
    """
    return wh_units(_most_wh(max_power_w, seconds))


def most_cost(max_power_w: float | None, seconds: float) -> int:
    """Return the most money for a session of a length, in units of `MONEY`."""
    by_time = _MOST_PER_SESSION + _MOST_PER_HOUR * seconds / 3600
    return money_units(by_time + _MOST_PER_KWH * _most_wh(max_power_w, seconds) / 1000)


def _most_wh(max_power_w: float | None, seconds: float) -> float:
    power_w = max_power_w * _PHASES if max_power_w else _UNKNOWN_POWER_W
    return power_w * (seconds + _CLOCKS_DIFFER_S) / 3600
