"""Tests of when requests are sent."""
