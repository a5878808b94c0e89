"""What a bug report may hold: nothing of people, and no key."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .api import EevionError
from .const import CONF_CLOUDHOOK_URL, DOMAIN
from .coordinator import EevionConfigEntry

_REDACTED = {
    CONF_API_KEY,
    CONF_CLOUDHOOK_URL,
    CONF_URL,
    CONF_WEBHOOK_ID,
    "country",
    "name",
    "region",
    "title",
    "vehicle",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: EevionConfigEntry
) -> dict[str, Any]:
    """Return the settings and, where the account is connected, its newest snapshot."""
    settings = {"data": dict(entry.data), "options": dict(entry.options)}
    running = _running(entry) if entry.state is ConfigEntryState.LOADED else {}
    return async_redact_data(settings | running, _REDACTED)


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: EevionConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of a station or a site, and what the cloud says of it now."""
    if entry.state is not ConfigEntryState.LOADED:
        return {}
    ids = {id_ for domain, id_ in device.identifiers if domain == DOMAIN}
    coordinator = entry.runtime_data.coordinator
    stations = [s for s in coordinator.data.stations.values() if s.port.port_id in ids]
    now: list[Any] = []
    try:
        now += [
            asdict(await coordinator.client.get_station(station_id=station.port.station_id))
            for station in stations
        ]
        now += [
            asdict(await coordinator.client.get_site(site_id=site_id))
            for site_id in ids & coordinator.data.sites.keys()
        ]
    except EevionError as err:
        # Its text may name the address.
        now.append({"error": type(err).__name__})
    told = {"stations": [asdict(station) for station in stations], "now": now}
    return async_redact_data(told, _REDACTED)


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
