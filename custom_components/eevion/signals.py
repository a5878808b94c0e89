"""Dispatcher signals of one station, for its event entities."""

from typing import Final

from homeassistant.config_entries import ConfigEntry

from .const import DOMAIN

EVENT_EXCEPTION: Final = "exception"
EVENT_JOB: Final = "job"
EVENT_SESSION: Final = "session"


def signal(entry: ConfigEntry, port_id: str, kind: str) -> str:
    """Return the signal; it carries the event's type and its attributes."""
    return f"{DOMAIN}_{entry.entry_id}_{port_id}_{kind}"
