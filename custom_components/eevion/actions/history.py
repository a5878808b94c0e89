"""The action that imports past sessions."""

from datetime import date
from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.util import dt as dt_util
import probatio as vol

from ..const import DOMAIN
from ..errors import invalid
from .moments import day
from .targets import ATTR_STATIONS, async_find

ATTR_FROM: Final = "from"
ATTR_TO: Final = "to"

SERVICE_IMPORT_HISTORY: Final = "import_history"
_IMPORT_HISTORY_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_FROM): day,
        vol.Optional(ATTR_TO): day,
        vol.Optional(ATTR_STATIONS): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
    }
)


@callback
def async_setup_history_actions(hass: HomeAssistant) -> None:
    """Register the action."""
    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_IMPORT_HISTORY,
        _async_import_history,
        schema=_IMPORT_HISTORY_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_import_history(call: ServiceCall) -> ServiceResponse:
    """Import past sessions into the hourly statistics."""
    target = async_find(call)
    today = dt_util.now().date()
    first: date | None = call.data.get(ATTR_FROM)
    last: date = min(call.data.get(ATTR_TO, today), today)
    if first and first > last:
        raise invalid("dates_turned_round", first=first.isoformat(), last=last.isoformat())
    history = target.data.history
    if history is None:
        raise invalid("recorder_missing")
    return await history.async_import(first, last, target.port_ids or None)
