"""Lifetime energy and revenue of stations: ledgers, amounts, and their storage."""
