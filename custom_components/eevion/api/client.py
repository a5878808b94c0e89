"""The client of the Eevion cloud: one method for each endpoint."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence, Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
import math
from typing import Any

from aiohttp import ClientSession

from . import parse
from .commands import Commands
from .enums import Environment, ReportGroup
from .exceptions import EevionResponseError
from .jobs import Job, JobReceipt
from .limits import ChargingLimit, LimitResult
from .rate_limit import Lane, RateLimit
from .reader import Reader, Rows
from .report import Report, ReportRow
from .response import Response
from .session import Session, Sessions
from .site import Site, Sites, Station
from .station_exception import StationException
from .transport import MAX_BODY, Transport

BASE_URL = "https://app.hypercharge.com/api/eevion"

_MAX_PAGES = 50
_HISTORY_PAGE = 750
# The documented default, which the cloud may apply instead of any `limit`.
_SESSIONS_PAGE = 500
# The cloud may have smaller pages than documented: these are multiples of so many rows.
_ROUND = 50
# For so long no page after one that may be full, but was the last, is requested.
_WHOLE_S = 60
# So many ended sessions are the past, and changes since then contain what is active.
_PAST = 500
_PRESENT = timedelta(days=1)
# Bytes of an answer per row: some ten times the size of the documented rows.
_PER_PORT = 4 * 1024
_PER_SESSION = 8 * 1024
_PER_EXCEPTION = 4 * 1024
_PER_JOB = 8 * 1024
_PER_PORT_OF_JOB = 512
# Until the first answer of `GET /site`.
_FIRST_PORTS = 1000
_LARGEST_BODY = 32 * 1024 * 1024


def _session_reader() -> Reader[Session]:
    return Reader("sessionId", Session.from_json)


class EevionClient:
    """The endpoints of the cloud, used with one API key.

    Every method raises EevionAuthenticationError, EevionConnectionError,
    EevionRateLimitError, EevionResponseError or EevionRefusedError. Reads are sent once
    more after a dropped connection; commands only after HTTP 429, which executes nothing.

    An answer about another object than the requested one raises EevionResponseError. A
    command may have been executed in spite of it.

    EevionNotFoundError is weak evidence: the cloud answers the same for an object that the
    key may not see. A list that contains the object outweighs it.
    """

    def __init__(
        self,
        *,
        session: ClientSession,
        api_key: str,
        rate_limit: RateLimit,
        environment: Environment = Environment.PRODUCTION,
        url: str = BASE_URL,
        request_timeout: float = 15,
    ) -> None:
        """Use `session` and the `rate_limit` of the key; `request_timeout` is in seconds."""
        self.rate_limit = rate_limit
        self._transport = Transport(
            session=session,
            api_key=api_key,
            rate_limit=rate_limit,
            environment=environment,
            url=url,
            request_timeout=request_timeout,
        )
        self.clock = self._transport.clock
        self._ports = _FIRST_PORTS
        """Number of ports of the account, at least 1,000."""
        self._site_ids: AbstractSet[str] = frozenset()
        """The ids of the sites in the last answer of `GET /site`."""
        self._sites = Reader("id", Site.from_json)
        self._sessions = defaultdict[int, Reader[Session]](_session_reader)
        """By page number."""
        self._whole_at: dict[int, float] = {}
        """When a page of so many sessions was found to be the whole list, by the loop's clock."""
        self._lists_past = False
        """Whether `POST /session` without `updatedOnOrAfter` lists the whole past."""

    def add_status_listener(self, listener: Callable[[int], None]) -> None:
        """Call `listener` with the HTTP status of every answer to any request."""
        self._transport.status_listeners.append(listener)

    async def list_sites(self, *, lane: Lane = Lane.POLL) -> Sites:
        """Return all sites with their ports (`GET /site`)."""
        answer = await self._transport.read("GET", "site", lane=lane, max_body=self._room())
        sites = Sites.from_rows(await self._sites.read(answer))
        self._ports = max(_FIRST_PORTS, sum(len(site.ports) for site in sites.sites))
        self._site_ids = {site.site_id for site in sites.sites}
        return sites

    async def get_site(self, *, site_id: str, lane: Lane = Lane.CONFIRM) -> Site:
        """Return a site (`GET /site/{siteId}`); raise EevionNotFoundError if there is none."""
        answer = await self._transport.read(
            "GET", "site", site_id, lane=lane, max_body=self._room()
        )
        site = await answer.read(lambda answer: Site.from_json(answer.fields(is_lookup=True)))
        _check(site_id, site.site_id)
        return site

    async def get_station(self, *, station_id: str, lane: Lane = Lane.CONFIRM) -> Station:
        """Return a port and its site (`GET /station/{stationId}`).

        Raises EevionNotFoundError if there is none.
        """
        answer = await self._transport.read(
            "GET", "station", station_id, lane=lane, max_body=self._room()
        )
        station = await answer.read(lambda answer: Station.from_json(answer.fields(is_lookup=True)))
        _check(station_id, station.port.station_id, station.port.port_id)
        return station

    async def list_sessions(
        self,
        *,
        sites: Sequence[str] = (),
        stations: Sequence[str] = (),
        updated_on_or_after: datetime | None = None,
        limit: int | None = None,
        page_size: int = 1000,
        lane: Lane = Lane.POLL,
    ) -> Sessions:
        """Return all sessions (`POST /session`), one request for each `page_size` of them.

        With a `limit`, at most so many are returned. Sessions of other sites or stations than
        the requested ones are left out. Without any of these, the active sessions are returned,
        and the ended ones that the cloud lists with them. The documentation leaves open which
        these are: a list that turns out to hold the whole past is replaced by that of the last
        day's changes.
        """
        is_unfiltered = not (sites or stations or updated_on_or_after or limit is not None)
        pages: list[Sessions] = []
        if is_unfiltered and not self._lists_past:
            ended = 0
            async for page in self.session_pages(page_size=page_size, lane=lane, is_polled=True):
                pages.append(page)
                ended += sum(not session.is_active for session in page.sessions)
                if ended >= _PAST:
                    self._lists_past = True
                    break
            else:
                return _joined(pages)
        if is_unfiltered:
            updated_on_or_after = self.clock.now() - _PRESENT
        pages += [
            page
            async for page in self.session_pages(
                sites=sites,
                stations=stations,
                updated_on_or_after=updated_on_or_after,
                limit=limit,
                page_size=page_size,
                lane=lane,
                is_polled=is_unfiltered,
            )
        ]
        return _joined(pages, limit)

    async def session_pages(
        self,
        *,
        sites: Sequence[str] = (),
        stations: Sequence[str] = (),
        updated_on_or_after: datetime | None = None,
        limit: int | None = None,
        page_size: int = 1000,
        lane: Lane = Lane.POLL,
        next_lane: Lane | None = None,
        is_polled: bool = False,
    ) -> AsyncGenerator[Sessions]:
        """Yield the sessions of each page (`POST /session`), one request each.

        A session that moves while pages are read may be on two of them. The last page is not
        complete where more sessions may follow. The pages after the first are requested in
        `next_lane`. The answers of polls are kept: rows that did not change are not read again.
        """
        most = math.inf if limit is None else limit
        page_size = min(page_size, limit or page_size)
        body: dict[str, Any] = {"limit": page_size}
        if sites:
            body["sites"] = list(sites)
        if stations:
            body["stations"] = list(stations)
        if updated_on_or_after:
            body["updatedOnOrAfter"] = parse.milliseconds(updated_on_or_after)
        found: set[str] = set()
        offset = 0
        for number in range(_MAX_PAGES):
            answer = await self._transport.read(
                "POST",
                "session",
                lane=next_lane if number and next_lane is not None else lane,
                body=body | {"offset": offset},
                max_body=MAX_BODY + _PER_SESSION * max(page_size, _SESSIONS_PAGE),
            )
            reader = self._sessions[number] if is_polled else _session_reader()
            page = await reader.read(answer)
            previous = len(found)
            found |= {session.session_id for session in page.models}
            full, is_repeated = (page_size, _SESSIONS_PAGE), len(found) == previous
            is_last = _is_last(page.count, full, is_repeated=is_repeated)
            if is_polled and not number and page.count not in full:
                is_last = is_last or self._is_whole(page.count)
            elif is_polled and number == 1 and is_last and is_repeated:
                self._whole_at[offset] = asyncio.get_running_loop().time()
            is_cut = len(found) >= most or not (
                is_last or (len(found) > previous and number + 1 < _MAX_PAGES)
            )
            sessions = page.models
            if sites or stations:
                sessions = tuple(
                    s for s in sessions if _is_among(s, sites=sites, stations=stations)
                )
            yield Sessions(sessions=sessions, is_complete=page.is_complete and not is_cut)
            if is_last or is_cut:
                return
            offset += page.count

    async def get_session(self, *, session_id: str, lane: Lane = Lane.CONFIRM) -> Session:
        """Return a session (`GET /session/{sessionId}`).

        Raises EevionNotFoundError if there is none.
        """
        answer = await self._transport.read("GET", "session", session_id, lane=lane)
        session = Session.from_json(await answer.read(_lookup_fields))
        _check(session_id, session.session_id)
        return session

    async def start_session(
        self,
        *,
        station_id: str,
        port_id: str | None = None,
        continue_if_battery_full: bool | None = None,
        webhook: str | None = None,
    ) -> Session:
        """Start a session (`POST /session`) and return it.

        Raises EevionRefusedError with code 707 if no car is plugged in, and
        EevionResponseError if the answer is about another port than `port_id`.
        """
        body: dict[str, Any] = {"stationId": station_id}
        if webhook:
            body["webhookOnSessionComplete"] = webhook
        if continue_if_battery_full is not None:
            body["continueIfBatteryFull"] = continue_if_battery_full
        answer = await self._transport.command("POST", "session", body=body)
        session = Session.from_json(await answer.read(Response.fields))
        _check(station_id, session.station_id or station_id)
        if port_id:
            _check(port_id, session.port_id or port_id)
        return replace(session, station_id=station_id)

    async def stop_session(self, *, session_id: str, port_id: str) -> Session:
        """Stop a session (`PATCH /session/{sessionId}/stop`) and return it.

        Raises EevionRefusedError while the session is authorizing.
        """
        body = {"portId": port_id}
        answer = await self._transport.command("PATCH", "session", session_id, "stop", body=body)
        fields = await answer.read(_lookup_fields)
        # Some answers contain neither id.
        session = Session.from_json({**fields, "sessionId": fields.get("sessionId") or session_id})
        _check(session_id, session.session_id)
        _check(port_id, session.port_id or port_id)
        return replace(session, port_id=port_id)

    async def set_charging_limits(
        self, *, limits: Callable[[], Sequence[ChargingLimit]]
    ) -> list[LimitResult]:
        """Limit stations (`POST /station/energy-management`); return a result for each.

        `limits` is called when the request is sent, and again after HTTP 429.
        """
        sent: Sequence[ChargingLimit] = ()

        def body() -> list[dict[str, Any]]:
            nonlocal sent
            sent = limits()
            return [limit.to_json() for limit in sent]

        answer = await self._transport.command("POST", "station", "energy-management", body=body)
        fields = await answer.read(lambda answer: answer.fields(has_rows=True))
        station_ids = [limit.station_id for limit in sent]
        return LimitResult.list_from_json(fields, station_ids=station_ids)

    async def list_exceptions(
        self, *, since: datetime, lane: Lane = Lane.BACKGROUND
    ) -> Rows[StationException]:
        """Return the exceptions since a time (`GET /station/exceptions`), 750 per request.

        `known_site_id` is None for a `location_id` that no site has, as in a report.
        """
        exceptions = await self._pages(
            "exceptions",
            since=since,
            lane=lane,
            read=StationException.from_json,
            key=lambda exception: exception.exception_id,
            per_row=_PER_EXCEPTION,
        )
        return replace(exceptions, models=tuple(map(self._with_known_site, exceptions.models)))

    async def manage_stations(
        self, *, station_ids: Sequence[str], commands: Commands, webhook: str | None = None
    ) -> JobReceipt:
        """Queue a job (`POST /station/manage`); it runs for about 7 s per station."""
        body: dict[str, Any] = {"commands": commands.to_json(), "stationIds": list(station_ids)}
        if webhook:
            body["webhookOnJobFinished"] = webhook
        answer = await self._transport.command("POST", "station", "manage", body=body)
        return JobReceipt.from_json(await answer.read(Response.fields))

    async def list_jobs(self, *, since: datetime, lane: Lane = Lane.BACKGROUND) -> Rows[Job]:
        """Return the jobs since a time (`GET /station/management-history`), 750 per request."""
        return await self._pages(
            "management-history",
            since=since,
            lane=lane,
            read=Job.from_json,
            key=lambda job: job.job_id,
            per_row=_PER_JOB + _PER_PORT_OF_JOB * self._ports,
        )

    async def get_report(
        self,
        *,
        start: datetime,
        end: datetime,
        group_by: ReportGroup = ReportGroup.STATION,
        regions: Sequence[str] = (),
        sites: Sequence[str] = (),
        stations: Sequence[str] = (),
        lane: Lane = Lane.BACKGROUND,
    ) -> Report:
        """Return the figures of a time span (`POST /session/report`), filtered and grouped.

        Rows that do not match the filters are left out, and with them total and average. A
        `location_id` that no site has matches: the rows of the documentation's example have the
        same one for two sites.
        """
        body: dict[str, Any] = {
            "startTimestamp": parse.milliseconds(start),
            "endTimestamp": parse.milliseconds(end),
            "groupBy": group_by,
        }
        filters = {"regions": regions, "sites": sites, "stations": stations}
        body |= {name: list(values) for name, values in filters.items() if values}
        answer = await self._transport.read(
            "POST", "session", "report", lane=lane, body=body, max_body=self._room()
        )
        report = await answer.read(lambda answer: Report.from_json(answer.rows()))
        report = replace(report, rows=tuple(map(self._with_known_site, report.rows)))
        return report.among(regions=regions, sites=sites, stations=stations)

    async def create_ticket(self, *, station_names: Sequence[str], message: str) -> None:
        """Open a support ticket (`POST /ticket`), which a person answers."""
        body = {"stationNames": list(station_names), "message": message}
        answer = await self._transport.command("POST", "ticket", body=body)
        await answer.read(Response.check)

    def _is_whole(self, count: int) -> bool:
        """Return whether a list of so many sessions had no further page lately.

        Polls would request an empty page each time, as long as there are so many sessions.
        """
        return asyncio.get_running_loop().time() - self._whole_at.get(count, -math.inf) < _WHOLE_S

    def _with_known_site[R: (StationException, ReportRow)](self, row: R) -> R:
        """Return a row with `known_site_id` None unless a site has it, or no site is known yet."""
        if row.site_id is None or not self._site_ids or row.site_id in self._site_ids:
            return row
        return replace(row, known_site_id=None)

    def _room(self) -> int:
        """Return the maximum size, in bytes, of an answer that contains each port once."""
        return min(MAX_BODY + _PER_PORT * self._ports, _LARGEST_BODY)

    async def _pages[R](
        self,
        kind: str,
        *,
        since: datetime,
        lane: Lane,
        read: Callable[[Mapping[str, Any]], R],
        key: Callable[[R], str],
        per_row: int,
    ) -> Rows[R]:
        found: dict[str, R] = {}
        is_complete = True
        params = {"since": str(parse.milliseconds(since))}
        for page in range(1, _MAX_PAGES + 1):
            answer = await self._transport.read(
                "GET",
                "station",
                kind,
                lane=lane,
                params=params | {"page": str(page)},
                max_body=min(MAX_BODY + per_row * _HISTORY_PAGE, _LARGEST_BODY),
            )
            rows = await answer.read(lambda answer: _rows(answer, read))
            is_complete = is_complete and rows.is_complete
            previous = len(found)
            found |= {key(model): model for model in rows.models}
            if _is_last(rows.count, (_HISTORY_PAGE,), is_repeated=len(found) == previous):
                break
            if len(found) == previous:
                # The cloud repeats a page instead of returning the next one.
                is_complete = False
                break
        else:
            is_complete = False
        return Rows(tuple(found.values()), len(found), is_complete)


def _lookup_fields(answer: Response) -> Mapping[str, Any]:
    return answer.fields(is_lookup=True)


def _joined(pages: Sequence[Sessions], limit: int | None = None) -> Sessions:
    """Return the sessions of all pages; of a session on two pages, the later row."""
    found = {session.session_id: session for page in pages for session in page.sessions}
    if len(pages) == 1 and limit is None and len(found) == len(pages[0].sessions):
        return pages[0]
    is_complete = all(page.is_complete for page in pages)
    return Sessions(sessions=tuple(found.values())[:limit], is_complete=is_complete)


def _is_last(count: int, full: Sequence[int], *, is_repeated: bool) -> bool:
    """Return whether no page follows one of `count` rows; `full` are the documented sizes.

    A page of another size that contains only rows of the pages before is that of a cloud without
    pages, which has listed everything.
    """
    if count in full:
        return False
    return count == 0 or count % _ROUND != 0 or is_repeated


def _rows[R](answer: Response, read: Callable[[Mapping[str, Any]], R]) -> Rows[R]:
    rows = answer.rows()
    models, is_complete = parse.rows(rows, read)
    return Rows(tuple(models), len(rows), is_complete)


def _check(requested: str, *answered: str | None) -> None:
    """Raise EevionResponseError if no id of an answer is the requested one."""
    if requested.strip() not in {name.strip() for name in answered if name}:
        raise EevionResponseError("The cloud answered about another object than the requested one")


def _is_among(session: Session, *, sites: Sequence[str], stations: Sequence[str]) -> bool:
    """Return whether a session is of the requested sites and stations, or names none."""
    names = {session.station_id, session.port_id} - {None}
    return not (
        (stations and names and names.isdisjoint(stations))
        or (sites and session.site_id and session.site_id not in sites)
    )
