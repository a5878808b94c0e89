"""Tariffs, and the bill of a session."""
