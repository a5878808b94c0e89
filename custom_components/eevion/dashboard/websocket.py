"""The websocket commands of the dashboard."""

from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.components import websocket_api
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
import probatio as vol

from ..const import LOGGER
from ..translation import Texts
from .model import async_dashboard_model, async_station_model
from .sessions import websocket_sessions
from .statistics import async_all_plots, async_station_plots
from .views import (
    ENERGY,
    ENERGY_KEYS,
    MAP,
    SESSIONS,
    STATION_KEYS,
    STATIONS,
    Plot,
    dashboard,
    energy_view,
    keys_beside_main,
    map_view,
    sessions_view,
    station_gone_view,
    station_view,
    stations_view,
)

DASHBOARD_COMMAND: Final = "eevion/dashboard"
_PATH: Final = vol.All(str, vol.Length(max=64))


@callback
def async_setup_websocket(hass: HomeAssistant) -> None:
    """Register the commands."""
    websocket_api.async_register_command(hass, websocket_dashboard)
    websocket_api.async_register_command(hass, websocket_sessions)


@websocket_api.websocket_command(
    {
        vol.Required("type"): DASHBOARD_COMMAND,
        vol.Required("language"): cv.language,
        vol.Optional("path"): _PATH,
    }
)
@websocket_api.async_response
async def websocket_dashboard(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Answer the list of views; with `path` the content of one view."""
    texts = await Texts.async_load(hass, msg["language"])
    user = connection.user
    path: str | None = msg.get("path")
    if path is None:
        views = dashboard(async_dashboard_model(hass, user), texts)
        connection.send_result(msg["id"], {"views": views})
    else:
        connection.send_result(msg["id"], await _async_view(hass, user, path, texts))


async def _async_view(hass: HomeAssistant, user: User, path: str, texts: Texts) -> dict[str, Any]:
    """Return the content of the view at a path."""
    if path == STATIONS:
        return await _async_stations_view(hass, user, texts)
    if path == SESSIONS:
        return sessions_view()
    if path == ENERGY:
        model = async_dashboard_model(hass, user, ENERGY_KEYS)
        return energy_view(await async_all_plots(hass, model), texts)
    if path == MAP:
        return map_view(async_dashboard_model(hass, user))
    if station := async_station_model(hass, user, path, STATION_KEYS):
        return station_view(station, await async_station_plots(hass, station), texts)
    return station_gone_view(texts)


async def _async_stations_view(hass: HomeAssistant, user: User, texts: Texts) -> dict[str, Any]:
    model = async_dashboard_model(hass, user)
    if keys := keys_beside_main(model):
        model = async_dashboard_model(hass, user, keys)
    plots: list[Plot] = []
    if model.station_count == 1:
        try:
            plots = await async_all_plots(hass, model)
        except HomeAssistantError:
            # The controls work without the database; the view of the energy says what is wrong.
            LOGGER.debug("The plots are left out", exc_info=True)
    return stations_view(model, plots, texts)
