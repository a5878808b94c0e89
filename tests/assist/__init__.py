"""Tests of what is said aloud."""
