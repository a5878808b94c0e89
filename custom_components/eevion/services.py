"""Register the actions of the integration."""

from homeassistant.core import HomeAssistant, callback

from .actions import (
    async_setup_charging_actions,
    async_setup_export_actions,
    async_setup_history_actions,
    async_setup_lookup_actions,
    async_setup_management_actions,
    async_setup_query_actions,
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions."""
    async_setup_charging_actions(hass)
    async_setup_export_actions(hass)
    async_setup_history_actions(hass)
    async_setup_lookup_actions(hass)
    async_setup_management_actions(hass)
    async_setup_query_actions(hass)
