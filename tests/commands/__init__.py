"""Tests of what a person orders."""
