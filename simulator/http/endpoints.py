"""The thirteen endpoints, under ``/api/eevion``."""

from .. import validate
from ..errors import NOT_ALLOWED, ApiError
from ..json_values import JsonObject
from ..world.commands import check_commands
from ..world.limits import set_limit
from ..world.world import World
from . import session_endpoints
from .call import Call, Handler
from .site_json import site_json, station_json


def list_sites(call: Call) -> object:
    """Answer ``GET /site``."""
    return [site_json(site) for site in call.world.sites]


def get_site(call: Call) -> object:
    """Answer ``GET /site/{siteId}``."""
    for site in call.world.sites:
        if site.site_id == call.params["site_id"]:
            return site_json(site, dated=True)
    raise ApiError("That site is not allowed")


def get_station(call: Call) -> object:
    """Answer ``GET /station/{stationId}``."""
    return station_json(call.world.allowed(call.params["station_id"]))


def manage_energy(call: Call) -> object:
    """Answer ``POST /station/energy-management``."""
    rows = [_checked_profile(row) for row in validate.a_list(call.body, "The body")]
    details = [_set_limit(call.world, *row) for row in rows]
    done = any(detail["result"] == "success" for detail in details)
    return {"result": "success" if done else "error", "details": details}


def _checked_profile(row: object) -> tuple[str, str, float]:
    entry = validate.an_object(row, "Each entry")
    profile = validate.an_object(entry.get("newChargingProfile"), "newChargingProfile")
    return (
        validate.text(entry, "stationId"),
        validate.choice(profile, "chargingRateUnit", ("A", "W")),
        validate.number(profile, "limit"),
    )


def _set_limit(world: World, name: str, unit: str, limit: float) -> JsonObject:
    station = world.find(name)
    message = set_limit(world, station, unit, limit) if station else NOT_ALLOWED
    return {"message": message, "result": "error" if message else "success", "stationId": name}


def list_exceptions(call: Call) -> object:
    """Answer ``GET /station/exceptions``."""
    entries = call.page(call.world.exceptions.since(call.since_ms))
    return [entry.as_json() for entry in entries]


def manage_stations(call: Call) -> object:
    """Answer ``POST /station/manage``."""
    body = call.body_object
    commands = check_commands(body.get("commands"))
    names = validate.a_list(validate.strings(body, "stationIds"), "stationIds")
    stations = [call.world.allowed(str(name)) for name in names]
    webhook = validate.url(body, "webhookOnJobFinished")
    job = call.world.jobs.queue(commands, stations, webhook)
    return {"jobId": job.number, "message": "Job queued", "result": "success"}


def management_history(call: Call) -> object:
    """Answer ``GET /station/management-history``."""
    return [job.history_json() for job in call.page(call.world.jobs.since(call.since_ms))]


def create_ticket(call: Call) -> object:
    """Answer ``POST /ticket``."""
    body = call.body_object
    names = validate.a_list(validate.strings(body, "stationNames"), "stationNames")
    for name in names:
        call.world.allowed(str(name))
    ticket: JsonObject = {"stationNames": names, "message": validate.text(body, "message")}
    call.world.tickets.append(ticket)
    return {"result": "success"}


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/site", list_sites),
    ("GET", "/site/{site_id}", get_site),
    ("POST", "/station/energy-management", manage_energy),
    ("GET", "/station/exceptions", list_exceptions),
    ("POST", "/station/manage", manage_stations),
    ("GET", "/station/management-history", management_history),
    ("GET", "/station/{station_id}", get_station),
    ("POST", "/session", session_endpoints.list_or_start),
    ("POST", "/session/report", session_endpoints.report),
    ("GET", "/session/{session_id}", session_endpoints.get_session),
    ("*", "/session/{session_id}/stop", session_endpoints.stop_session),
    ("POST", "/ticket", create_ticket),
)
"""The more special paths first; listing and starting sessions share one."""
