"""The polling interval and the remaining requests in the system health page."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .account import AccountData
from .api import BASE_URL
from .const import DOMAIN
from .models import EevionConfigEntry


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the information."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return the figures; those of several accounts are in one line, without their names."""
    entries: list[EevionConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    running = [entry.runtime_data for entry in entries]
    return {
        "can_reach_cloud": _async_reach(hass),
        "connected_accounts": sum(data.coordinator.last_update_success for data in running),
        "stations": sum(len(data.coordinator.data.stations) for data in running),
        "interval": ", ".join(
            f"{interval.total_seconds():.0f} s"
            for data in running
            if (interval := data.coordinator.update_interval)
        ),
        "requests_left": ", ".join(
            f"{data.rate_limit.limit - data.rate_limit.used} / {data.rate_limit.limit}"
            for data in running
        ),
        "push": ", ".join("on" if data.webhook.url else "off" for data in running),
    }


async def _async_reach(hass: HomeAssistant) -> str | dict[str, str]:
    """Return the result for the addresses of all accounts: that of the first without an answer."""
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    urls = dict.fromkeys(AccountData.of(entry).url or BASE_URL for entry in entries)
    results = [
        await system_health.async_check_can_reach_url(hass, url) for url in urls or (BASE_URL,)
    ]
    return next((result for result in results if result != "ok"), "ok")
