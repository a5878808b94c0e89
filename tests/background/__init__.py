"""Tests of what runs beside the poll."""
