"""Diagnostics, without personal data and the API key."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .api import EevionError
from .const import CONF_CLOUDHOOK_URL, DOMAIN
from .models import EevionConfigEntry

_REDACTED = {
    CONF_API_KEY,
    CONF_CLOUDHOOK_URL,
    CONF_URL,
    CONF_WEBHOOK_ID,
    "city",
    "country",
    "latitude",
    "longitude",
    "name",
    "postal_code",
    "region",
    "site_name",
    "street",
    "street_number",
    "title",
    "vehicle",
}
# Shorter texts would be found within other words.
_SHORTEST = 3


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: EevionConfigEntry
) -> dict[str, Any]:
    """Return the settings and, if the entry is loaded, the present snapshot."""
    settings = {"data": dict(entry.data), "options": dict(entry.options)}
    running = _running(entry) if entry.state is ConfigEntryState.LOADED else {}
    return _redacted(entry, settings | running)


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: EevionConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return the state of a station or a site, and a new answer of the cloud about it."""
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
        # Its text may contain the address.
        now.append({"error": type(err).__name__})
    content = {"stations": [asdict(station) for station in stations], "now": now}
    return _redacted(entry, content)


def _redacted(entry: EevionConfigEntry, data: dict[str, Any]) -> dict[str, Any]:
    """Return data without personal fields, and without their values in other texts."""
    personal = {entry.title, *(str(entry.data.get(key, "")) for key in _REDACTED)}
    if entry.state is ConfigEntryState.LOADED:
        snapshot = entry.runtime_data.coordinator.data
        for site in snapshot.sites.values():
            personal |= {site.name, *filter(None, (site.street, site.city, site.postal_code))}
        for station in snapshot.stations.values():
            personal |= {exception.site_name or "" for exception in station.exceptions}
            personal.add((station.session and station.session.vehicle) or "")
    words = sorted((word for word in personal if len(word) >= _SHORTEST), key=len, reverse=True)
    without: dict[str, Any] = _without(async_redact_data(data, _REDACTED), words)
    return without


def _without(value: Any, words: list[str]) -> Any:
    if isinstance(value, dict):
        return {_without(key, words): _without(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without(item, words) for item in value]
    if isinstance(value, str):
        for word in words:
            if word in value:
                value = value.replace(word, REDACTED)
    return value


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
        "smart_charging": entry.runtime_data.smart.as_dict(),
    }
