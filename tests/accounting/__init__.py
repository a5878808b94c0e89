"""Tests of ledgers and totals."""
