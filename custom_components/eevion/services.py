"""Register the actions of the integration."""

from homeassistant.core import HomeAssistant, callback

from .actions.charging import async_setup_charging_actions
from .actions.export import async_setup_export_actions
from .actions.history import async_setup_history_actions
from .actions.management import async_setup_management_actions
from .actions.queries import async_setup_query_actions


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions."""
    async_setup_charging_actions(hass)
    async_setup_export_actions(hass)
    async_setup_history_actions(hass)
    async_setup_management_actions(hass)
    async_setup_query_actions(hass)
