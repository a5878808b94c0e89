"""The actions that return sessions, reports, exceptions and jobs from the cloud."""

from collections.abc import Callable, Coroutine, Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import probatio as vol

from ..api import Job, Lane, ReportGroup, ReportRow, StationException
from ..const import DOMAIN
from ..errors import invalid, read_errors
from ..stations import (
    COST_FIGURES,
    Json,
    StationState,
    exception_json,
    figures_json,
    job_json,
    port_of,
    row_json,
    session_json,
)
from .moments import moment
from .money import only, reported_currency
from .targets import TARGET_FIELDS, Target, async_query_target, site_ids_named

ATTR_END: Final = "end"
ATTR_GROUP_BY: Final = "group_by"
ATTR_LIMIT: Final = "limit"
ATTR_ONLY_OPEN: Final = "only_open"
ATTR_REGIONS: Final = "regions"
ATTR_SINCE: Final = "since"
ATTR_SITES: Final = "sites"
ATTR_START: Final = "start"
ATTR_UPDATED_SINCE: Final = "updated_since"

_TEXTS = vol.All(cv.ensure_list, [cv.string])

SERVICE_GET_SESSIONS: Final = "get_sessions"
_SESSIONS_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Optional(ATTR_SITES): _TEXTS,
        vol.Optional(ATTR_UPDATED_SINCE): moment,
        vol.Optional(ATTR_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1)),
    }
)

SERVICE_GET_REPORT: Final = "get_report"
_REPORT_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Required(ATTR_START): moment,
        vol.Optional(ATTR_END): moment,
        vol.Optional(ATTR_GROUP_BY, default=ReportGroup.STATION.value): vol.In(
            [group.value for group in ReportGroup]
        ),
        vol.Optional(ATTR_SITES): _TEXTS,
        vol.Optional(ATTR_REGIONS): _TEXTS,
    }
)

SERVICE_GET_EXCEPTIONS: Final = "get_exceptions"
_EXCEPTIONS_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Optional(ATTR_SINCE): moment,
        vol.Optional(ATTR_ONLY_OPEN, default=False): vol.Boolean(),
    }
)
_EXCEPTIONS_SINCE = timedelta(days=7)

SERVICE_GET_MANAGEMENT_HISTORY: Final = "get_management_history"
_HISTORY_SCHEMA = vol.Schema({**TARGET_FIELDS, vol.Optional(ATTR_SINCE): moment})
_HISTORY_SINCE = timedelta(days=30)

type _Action = Callable[[ServiceCall], Coroutine[Any, Any, Json]]


@callback
def async_setup_query_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    actions: tuple[tuple[str, _Action, vol.Schema], ...] = (
        (SERVICE_GET_SESSIONS, _async_get_sessions, _SESSIONS_SCHEMA),
        (SERVICE_GET_REPORT, _async_get_report, _REPORT_SCHEMA),
        (SERVICE_GET_EXCEPTIONS, _async_get_exceptions, _EXCEPTIONS_SCHEMA),
        (SERVICE_GET_MANAGEMENT_HISTORY, _async_get_management_history, _HISTORY_SCHEMA),
    )
    for name, action, schema in actions:
        hass.services.async_register(
            DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.ONLY
        )


async def _async_get_sessions(call: ServiceCall) -> Json:
    """Return the active sessions, or all that changed since a time (`POST /session`)."""
    target = await async_query_target(call)
    site_ids = _site_ids(call, target)
    since: datetime | None = call.data.get(ATTR_UPDATED_SINCE)
    if since is not None:
        _check_order(since, dt_util.utcnow())
    with read_errors():
        found = await target.coordinator.client.list_sessions(
            sites=site_ids,
            stations=target.names,
            updated_on_or_after=since and dt_util.as_utc(since),
            limit=call.data.get(ATTR_LIMIT),
        )
    coordinator = target.coordinator
    stations = coordinator.data.stations
    sessions: list[Json] = []
    for session in found.sessions:
        if not target.scope.includes(session):
            continue
        station = stations.get(port_of(session, stations) or "")
        site_id = session.site_id or (station.site_id if station else "")
        sessions.append(session_json(session, station, coordinator.site_names.get(site_id)))
    return {"sessions": sessions, "is_complete": found.is_complete}


async def _async_get_report(call: ServiceCall) -> Json:
    """Return the figures of a time span (`POST /session/report`)."""
    target = await async_query_target(call)
    site_ids = _site_ids(call, target)
    regions = _regions(call, target)
    start: datetime = dt_util.as_utc(call.data[ATTR_START])
    end: datetime = dt_util.as_utc(call.data.get(ATTR_END) or dt_util.utcnow())
    _check_order(start, end)
    group = ReportGroup(call.data[ATTR_GROUP_BY])
    with read_errors():
        report = await target.coordinator.client.get_report(
            start=start,
            end=end,
            group_by=group,
            regions=regions,
            sites=site_ids,
            stations=target.names,
            lane=Lane.POLL,
        )
    wanted = [row for row in report.rows if _is_wanted(target, row)]
    if len(wanted) < len(report.rows):
        # The total and the average include the rows that were left out.
        report = replace(report, rows=tuple(wanted), total=None, average=None)
    currencies = [_currencies(target, row) for row in report.rows]
    rows = [
        _without_mixed_money(row_json(row, only(own)), own)
        for row, own in zip(report.rows, currencies, strict=True)
    ]
    all_currencies = set[str | None]().union(*currencies)
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "group_by": group.value,
        "currency": only(all_currencies),
        "rows": rows,
        "total": _figures(report.total, all_currencies),
        "average": _figures(report.average, all_currencies),
        "is_complete": report.is_complete,
    }


async def _async_get_exceptions(call: ServiceCall) -> Json:
    """Return the exceptions of stations (`GET /station/exceptions`)."""
    target = await async_query_target(call)
    since = _since(call, _EXCEPTIONS_SINCE)
    # A station may be gone once the cloud has answered.
    stations = [target.coordinator.data.stations[port_id] for port_id in target.port_ids]
    with read_errors():
        exceptions = await target.coordinator.client.list_exceptions(since=since, lane=Lane.POLL)
    hidden = target.coordinator.hidden_sites
    return {
        "exceptions": [
            exception_json(exception)
            for exception in exceptions.models
            if (not stations or any(_is_about(exception, station) for station in stations))
            and exception.site_id not in hidden
            and not (call.data[ATTR_ONLY_OPEN] and exception.ended_at)
        ],
        "is_complete": exceptions.is_complete,
    }


async def _async_get_management_history(call: ServiceCall) -> Json:
    """Return management jobs, also those of Quantev (`GET /station/management-history`)."""
    target = await async_query_target(call)
    since = _since(call, _HISTORY_SINCE)
    stations = target.coordinator.data.stations
    names = {port_id: state.port.station_id for port_id, state in stations.items()}
    wanted = {*target.port_ids, *target.names}
    with read_errors():
        jobs = await target.coordinator.client.list_jobs(since=since, lane=Lane.POLL)
    return {
        "jobs": [
            job_json(_readable(job, wanted) if target.is_restricted else job, names)
            for job in jobs.models
            if not wanted or not wanted.isdisjoint(job.port_ids or job.station_ids)
        ],
        "is_complete": jobs.is_complete,
    }


def _readable(job: Job, allowed: AbstractSet[str]) -> Job:
    """Return a job without the data of stations outside `allowed` (names and port ids)."""
    if {*job.port_ids, *job.station_ids} <= allowed:
        return job
    return replace(
        job,
        port_ids=tuple(id_ for id_ in job.port_ids if id_ in allowed),
        station_ids=tuple(name for name in job.station_ids if name in allowed),
        completed_ids=tuple(id_ for id_ in job.completed_ids if id_ in allowed),
        status_message=None,
        errors=(),
        original_values={id_: v for id_, v in job.original_values.items() if id_ in allowed},
    )


def _since(call: ServiceCall, ago: timedelta) -> datetime:
    now = dt_util.utcnow()
    since: datetime | None = call.data.get(ATTR_SINCE)
    if since is None:
        return now - ago
    _check_order(since, now)
    return dt_util.as_utc(since)


def _check_order(first: datetime, last: datetime) -> None:
    """Raise ServiceValidationError unless the first time is before the last.

    A time without a zone is in that of Home Assistant.
    """
    first, last = dt_util.as_local(first), dt_util.as_local(last)
    if first >= last:
        raise invalid("dates_turned_round", first=first.isoformat(), last=last.isoformat())


def _site_ids(call: ServiceCall, target: Target) -> list[str]:
    """Return the ids of the sites of a call (devices, ids or names), or of all shown sites."""
    names: list[str] | None = call.data.get(ATTR_SITES)
    if names is None:
        return target.scope.site_ids
    return site_ids_named(call.hass, target, names)


def _regions(call: ServiceCall, target: Target) -> list[str]:
    names: list[str] | None = call.data.get(ATTR_REGIONS)
    if names is None:
        return []
    present = {site.region for site in target.coordinator.data.sites.values() if site.region}
    regions = [region.strip().upper() for region in names]
    if not regions:
        raise invalid("no_target")
    for region in regions:
        if region not in present:
            raise invalid("unknown_region", region=region, known=", ".join(sorted(present)) or "-")
    return regions


def _is_about(row: ReportRow | StationException, station: StationState) -> bool:
    return station.is_named(row.station_id, row.known_site_id)


def _is_wanted(target: Target, row: ReportRow) -> bool:
    """Return whether a row is about a target, not about another station of the same name."""
    stations = target.coordinator.data.stations
    about = {port_id for port_id, station in stations.items() if _is_about(row, station)}
    return not (target.port_ids and about) or not about.isdisjoint(target.port_ids)


def _currencies(target: Target, row: ReportRow) -> set[str | None]:
    """Return the currencies of a row's stations; a report has no currency."""
    data = target.coordinator.data
    stations = [
        state
        for port_id, state in data.stations.items()
        if (not target.port_ids or port_id in target.port_ids)
        and row.station_id in (None, state.port.station_id)
        and row.known_site_id in (None, state.site_id)
        and (row.region is None or data.sites[state.site_id].region == row.region)
    ]
    return {reported_currency(target, state.site_id, state.port.port_id) for state in stations} or {
        None
    }


def _figures(row: ReportRow | None, currencies: set[str | None]) -> Json | None:
    if row is None:
        return None
    return _without_mixed_money(figures_json(row, only(currencies)), currencies)


def _without_mixed_money(figures: Json, currencies: set[str | None]) -> Json:
    """Return figures without amounts if these add up several currencies."""
    if len(currencies - {None}) > 1:
        return figures | dict.fromkeys(COST_FIGURES)
    return figures
