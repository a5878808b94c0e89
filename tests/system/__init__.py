"""Tests of the whole: long days, hostile bodies, many stations."""
