"""Stations and their sessions: power, energy and state."""
