"""The actions that start and stop sessions and set charging limits."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
import probatio as vol

from ..api import LimitUnit
from ..const import DOMAIN
from ..errors import combined, invalid
from ..stations import Json, session_json
from .targets import TARGET_FIELDS, async_command_target

ATTR_AMPS: Final = "amps"
ATTR_CONTINUE_IF_BATTERY_FULL: Final = "continue_if_battery_full"
ATTR_WATTS: Final = "watts"

SERVICE_START_SESSION: Final = "start_session"
_START_SCHEMA = vol.Schema(
    {**TARGET_FIELDS, vol.Optional(ATTR_CONTINUE_IF_BATTERY_FULL): vol.Boolean()}
)
SERVICE_STOP_SESSION: Final = "stop_session"
_STOP_SCHEMA = vol.Schema(TARGET_FIELDS)
SERVICE_SET_CHARGING_LIMIT: Final = "set_charging_limit"
_LIMIT_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Optional(ATTR_AMPS): vol.Coerce(float),
        vol.Optional(ATTR_WATTS): vol.Coerce(float),
    }
)


@callback
def async_setup_charging_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_START_SESSION,
        _async_start_session,
        schema=_START_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    for name, action, schema in (
        (SERVICE_STOP_SESSION, _async_stop_session, _STOP_SCHEMA),
        (SERVICE_SET_CHARGING_LIMIT, _async_set_charging_limit, _LIMIT_SCHEMA),
    ):
        hass.services.async_register(DOMAIN, name, action, schema=schema)


async def _async_start_session(call: ServiceCall) -> Json:
    """Start a session at each station that has no active one; return the active sessions."""
    target = await async_command_target(call)
    continue_if_full: bool | None = call.data.get(ATTR_CONTINUE_IF_BATTERY_FULL)
    control = target.data.control
    started = await _async_all(
        control.async_start(port_id, continue_if_battery_full=continue_if_full)
        for port_id in target.port_ids
    )
    data, names = target.coordinator.data, target.coordinator.site_names
    stations = [data.stations.get(port_id) for port_id in target.port_ids]
    sessions = [
        session_json(session, station, names.get(station.site_id) if station else None)
        for session, station in zip(started, stations, strict=True)
    ]
    return {
        "session_id": sessions[0]["session_id"] if len(sessions) == 1 else None,
        "sessions": sessions,
    }


async def _async_stop_session(call: ServiceCall) -> None:
    """End the active sessions of stations."""
    target = await async_command_target(call)
    await _async_all(target.data.control.async_stop(port_id) for port_id in target.port_ids)


async def _async_set_charging_limit(call: ServiceCall) -> None:
    """Set the charging limit of stations in one request."""
    target = await async_command_target(call)
    limits = [
        (unit, call.data[key])
        for key, unit in ((ATTR_AMPS, LimitUnit.AMPERE), (ATTR_WATTS, LimitUnit.WATT))
        if key in call.data
    ]
    if len(limits) != 1:
        raise invalid("amps_or_watts")
    unit, limit = limits[0]
    await target.data.control.async_set_limits(dict.fromkeys(target.port_ids, limit), unit)


async def _async_all[R](commands: Iterable[Awaitable[R]]) -> list[R]:
    """Return the results of all commands; raise the errors of those that failed as one."""
    results = await asyncio.gather(*commands, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, HomeAssistantError):
            raise error
    if errors:
        raise combined([error for error in errors if isinstance(error, HomeAssistantError)])
    return [result for result in results if not isinstance(result, BaseException)]
