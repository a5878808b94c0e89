"""The websocket commands of the dashboard."""

from typing import Any, Final

from homeassistant.components import websocket_api
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
import probatio as vol

from .sessions import websocket_sessions

DASHBOARD_COMMAND: Final = "eevion/dashboard"


@callback
def async_setup_websocket(hass: HomeAssistant) -> None:
    """Register the commands."""
    websocket_api.async_register_command(hass, websocket_dashboard)
    websocket_api.async_register_command(hass, websocket_sessions)


@websocket_api.websocket_command(
    {vol.Required("type"): DASHBOARD_COMMAND, vol.Required("language"): cv.string}
)
@callback
def websocket_dashboard(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Answer the views of the dashboard."""
    view = {
        "title": "Sessions",
        "path": "sessions",
        "type": "panel",
        "cards": [{"type": "custom:eevion-sessions-card"}],
    }
    connection.send_result(msg["id"], {"views": [view]})
