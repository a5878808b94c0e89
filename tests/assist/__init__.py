"""Tests of the answers of voice assistants."""
