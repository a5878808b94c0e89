"""Tests of when the cloud is asked."""
