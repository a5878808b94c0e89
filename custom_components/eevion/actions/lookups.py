"""The actions that return one session, station or site from the cloud."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
import probatio as vol

from ..api import EevionNotFoundError, Lane, Port, Site
from ..const import DOMAIN
from ..errors import invalid, read_errors
from ..stations import (
    Json,
    exception_json,
    port_json,
    port_of,
    session_json,
    site_json,
    time_json,
)
from .money import reported_currency
from .targets import TARGET_FIELDS, Target, async_query_target, site_ids_named

ATTR_SESSION_ID: Final = "session_id"
ATTR_SITE: Final = "site"

SERVICE_GET_SESSION: Final = "get_session"
_SESSION_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Required(ATTR_SESSION_ID): vol.All(cv.string, vol.Strip, vol.Length(min=1, max=128)),
    }
)

SERVICE_GET_STATION: Final = "get_station"
_STATION_SCHEMA = vol.Schema(TARGET_FIELDS)

SERVICE_GET_SITE: Final = "get_site"
_SITE_SCHEMA = vol.Schema({**TARGET_FIELDS, vol.Optional(ATTR_SITE): cv.string})


@callback
def async_setup_lookup_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, action, schema in (
        (SERVICE_GET_SESSION, _async_get_session, _SESSION_SCHEMA),
        (SERVICE_GET_STATION, _async_get_station, _STATION_SCHEMA),
        (SERVICE_GET_SITE, _async_get_site, _SITE_SCHEMA),
    ):
        hass.services.async_register(
            DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.ONLY
        )


async def _async_get_session(call: ServiceCall) -> Json:
    """Return a session, also one that has ended (`GET /session/{id}`)."""
    target = await async_query_target(call)
    coordinator = target.coordinator
    session_id: str = call.data[ATTR_SESSION_ID]
    with _lookup_errors("unknown_session", session=session_id):
        session = await coordinator.client.get_session(session_id=session_id, lane=Lane.POLL)
    stations = coordinator.data.stations
    port_id = port_of(session, stations)
    station = stations.get(port_id or "")
    site_id = session.site_id or (station.site_id if station else "")
    is_elsewhere = bool(target.port_ids) and port_id not in target.port_ids
    if is_elsewhere or site_id in coordinator.hidden_sites:
        raise invalid("unknown_session", session=session_id)
    return session_json(session, station, coordinator.site_names.get(site_id))


async def _async_get_station(call: ServiceCall) -> Json:
    """Return a station, its site and its last session (`GET /station/{id}`)."""
    target = await async_query_target(call)
    stations = target.coordinator.data.stations
    port_ids = target.port_ids or tuple(stations)
    if len(port_ids) != 1:
        raise invalid("one_station")
    (port_id,) = port_ids
    # The station may be gone once the cloud has answered.
    state, name = stations[port_id], target.name(port_id)
    with _lookup_errors("unknown_station", station=name):
        found = await target.coordinator.client.get_station(station_id=name, lane=Lane.POLL)
    if found.port.port_id != port_id:
        raise invalid("name_shared", station=name)
    site, session = found.site, state.session
    return {
        **_station_json(target, found.port, site),
        **{name: value for name, value in site_json(site).items() if name != "added_at"},
        "session": session and session_json(session, state, site.name),
        "exceptions": [exception_json(exception) for exception in state.exceptions],
    }


async def _async_get_site(call: ServiceCall) -> Json:
    """Return a site and its stations (`GET /site/{id}`)."""
    target = await async_query_target(call)
    data = target.coordinator.data
    if name := call.data.get(ATTR_SITE):
        site_ids = set(site_ids_named(call.hass, target, [name]))
    elif target.port_ids:
        site_ids = {data.stations[port_id].site_id for port_id in target.port_ids}
    else:
        site_ids = set(data.sites)
    if len(site_ids) != 1:
        raise invalid("one_site")
    (site_id,) = site_ids
    with _lookup_errors("unknown_site", site=data.sites[site_id].name):
        site = await target.coordinator.client.get_site(site_id=site_id, lane=Lane.POLL)
    return {
        **site_json(site),
        "updated_at": time_json(site.updated_at),
        "stations": [
            _station_json(target, port, site)
            for port in site.ports
            if not target.is_restricted or port.port_id in target.port_ids
        ],
        "is_complete": site.is_complete,
    }


def _station_json(target: Target, port: Port, site: Site) -> Json:
    currency = port.currency or reported_currency(target, site.site_id, port.port_id)
    return {
        "station": port.station_id,
        "port_id": port.port_id,
        "status": port.status.slug if port.status else None,
        "model": port.model,
        **port_json(port, currency),
        "updated_at": time_json(port.updated_at),
    }


@contextmanager
def _lookup_errors(unknown: str, **placeholders: str) -> Iterator[None]:
    """Raise the client's exceptions as translated ones; `unknown` is for what is not found."""
    with read_errors():
        try:
            yield
        except EevionNotFoundError as err:
            raise invalid(unknown, **placeholders) from err
