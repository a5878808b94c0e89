"""What a bug report may hold: nothing of people, and no key."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_API_KEY, CONF_URL
from homeassistant.core import HomeAssistant

from .coordinator import EevionConfigEntry

_REDACTED = {CONF_API_KEY, CONF_URL, "vehicle", "name", "title"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: EevionConfigEntry
) -> dict[str, Any]:
    """Return the settings and the newest snapshot of an account."""
    coordinator = entry.runtime_data.coordinator
    rate_limit = entry.runtime_data.rate_limit
    return async_redact_data(
        {
            "data": dict(entry.data),
            "options": dict(entry.options),
            "is_connected": coordinator.last_update_success,
            "last_success": coordinator.last_success,
            "interval_s": coordinator.update_interval and coordinator.update_interval.seconds,
            "requests_used": rate_limit.used,
            "requests_limit": rate_limit.limit,
            "sites": [site.site_id for site in coordinator.data.sites.values()],
            "stations": [asdict(state) for state in coordinator.data.stations.values()],
        },
        _REDACTED,
    )
