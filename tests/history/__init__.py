"""Tests of hours in the recorder."""
