"""What a bug report may hold: nothing of people, and no key."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_API_KEY, CONF_URL
from homeassistant.core import HomeAssistant

from .coordinator import EevionConfigEntry

_REDACTED = {CONF_API_KEY, CONF_URL, "vehicle", "name", "title"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: EevionConfigEntry
) -> dict[str, Any]:
    """Return the settings and, where the account is connected, its newest snapshot."""
    settings = {"data": dict(entry.data), "options": dict(entry.options)}
    running = _running(entry) if entry.state is ConfigEntryState.LOADED else {}
    return async_redact_data(settings | running, _REDACTED)


def _running(entry: EevionConfigEntry) -> dict[str, Any]:
    coordinator = entry.runtime_data.coordinator
    rate_limit = entry.runtime_data.rate_limit
    interval = coordinator.update_interval
    return {
        "is_connected": coordinator.last_update_success,
        "last_success": coordinator.last_success,
        "interval_s": interval.total_seconds() if interval else None,
        "requests_used": rate_limit.used,
        "requests_limit": rate_limit.limit,
        "sites": list(coordinator.data.sites),
        "stations": [asdict(state) for state in coordinator.data.stations.values()],
    }
