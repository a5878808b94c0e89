"""The endpoints of sessions."""

from collections.abc import Callable

from .. import validate
from ..charging.session_json import brief_json, session_json
from ..charging.station import Session
from ..errors import NOT_ALLOWED, ApiError
from ..json_values import JsonObject
from ..world.world import World
from .call import Call
from .report import GROUPS, make_report

DEFAULT_LIMIT = 500


def list_or_start(call: Call) -> object:
    """Answer ``POST /session``: the body decides between a list and a start."""
    body = {} if call.body is None else call.body_object
    return _start(call.world, body) if "stationId" in body else _list(call.world, body)


def _start(world: World, body: JsonObject) -> object:
    session = world.charging.start(
        world.allowed(validate.text(body, "stationId")),
        "Eevion",
        webhook=validate.url(body, "webhookOnSessionComplete"),
        continue_if_full=validate.boolean(body, "continueIfBatteryFull", default=True),
    )
    return _answer(world, session)


def _answer(world: World, session: Session) -> object:
    make = session_json if world.settings.whole_answers else brief_json
    return make(session, world.timeline.now_ms)


def _list(world: World, body: JsonObject) -> object:
    limit = validate.integer(body, "limit", default=DEFAULT_LIMIT, minimum=1)
    offset = validate.integer(body, "offset", default=0)
    updated_ms = None
    if body.get("updatedOnOrAfter") is not None:
        updated_ms = validate.integer(body, "updatedOnOrAfter")
    matches = _site_and_station_filter(body)
    found = [s for s in _known_sessions(world, updated_ms) if matches(s)]
    found.sort(key=lambda session: session.created_ms, reverse=True)
    page, now_ms = found[offset : offset + limit], world.timeline.now_ms
    return [session_json(session, now_ms, listed=True) for session in page]


def _known_sessions(world: World, updated_ms: int | None) -> list[Session]:
    """Return active sessions, and those that ended recently enough."""
    now_ms, settings = world.timeline.now_ms, world.settings
    sessions = list(world.charging.active.values())
    if updated_ms is not None:
        sessions = [s for s in sessions if _updated_ms(s, now_ms) >= updated_ms]
    elif settings.list_holds_ended:
        updated_ms = now_ms - round(settings.ended_in_list_s * 1000)
    else:
        return sessions
    for session in reversed(world.charging.ended):
        if session.updated_ms < updated_ms:
            break
        sessions.append(session)
    return sessions


def _updated_ms(session: Session, now_ms: int) -> int:
    return session.snapshot(session.station.known_ms(now_ms)).updated_ms


def _site_and_station_filter(body: JsonObject) -> Callable[[Session], bool]:
    sites, names = validate.strings(body, "sites"), validate.strings(body, "stations")

    def matches(session: Session) -> bool:
        station = session.station
        return (not sites or station.site.site_id in sites) and (not names or station.name in names)

    return matches


def _session(call: Call) -> Session:
    session = call.world.charging.sessions.get(call.params["session_id"])
    if session is None:
        raise ApiError(NOT_ALLOWED)
    return session


def get_session(call: Call) -> object:
    """Answer ``GET /session/{sessionId}``."""
    return session_json(_session(call), call.world.timeline.now_ms)


def stop_session(call: Call) -> object:
    """Answer ``PATCH /session/{sessionId}/stop``, or any other method."""
    session = _session(call)
    if validate.text(call.body_object, "portId") != session.station.port_id:
        raise ApiError("portId is not the session's port")
    if session.end_ms is not None:
        raise ApiError("The session is already complete")
    if session.start_ms is None:
        raise ApiError("Could not stop the session while it is authorizing")
    if not session.station.online:
        raise ApiError("Could not stop the session: the station is not connected")
    call.world.charging.end(session, reason="Remote")
    return _answer(call.world, session)


def report(call: Call) -> object:
    """Answer ``POST /session/report``."""
    body, settings = call.body_object, call.world.settings
    from_ms = validate.integer(body, "startTimestamp")
    until_ms = validate.integer(body, "endTimestamp")
    group_by = validate.choice({"groupBy": "station"} | body, "groupBy", tuple(GROUPS))
    regions, matches = validate.strings(body, "regions"), _site_and_station_filter(body)

    def counts(session: Session) -> bool:
        by_end = settings.report_counts_by == "end"
        at_ms = session.end_ms if by_end else session.created_ms
        region = session.station.site.address.state
        in_window = at_ms is not None and from_ms <= at_ms < until_ms
        return in_window and matches(session) and (not regions or region in regions)

    sessions = [s for s in call.world.charging.ended if counts(s)]
    return make_report(sessions, group_by, settings.energy_price_cents_per_kwh)
