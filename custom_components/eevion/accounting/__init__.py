"""Lifetime energy and revenue of stations: ledgers, amounts, and their storage."""

from .accounting import Accounting
from .amounts import MONEY, UNNAMED, WH, Sums, money_units, wh_units
from .bounds import most_cost, most_energy
from .hours import HOUR_S, Hours, add, apportion, hour_of, hours_between
from .ledger import LedgerSession, StationLedger
from .posted import CLOCKS_DIFFER_S, Posted

__all__ = [
    "CLOCKS_DIFFER_S",
    "HOUR_S",
    "MONEY",
    "UNNAMED",
    "WH",
    "Accounting",
    "Hours",
    "LedgerSession",
    "Posted",
    "StationLedger",
    "Sums",
    "add",
    "apportion",
    "hour_of",
    "hours_between",
    "money_units",
    "most_cost",
    "most_energy",
    "wh_units",
]
