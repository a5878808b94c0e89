"""Tests of what a station is now."""
