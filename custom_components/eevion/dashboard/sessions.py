"""The websocket command of the sessions card: the sessions of a month, page by page."""

from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import date, timedelta
import re
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components import websocket_api
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.util import dt as dt_util
import probatio as vol

from ..const import DOMAIN
from ..coordinator import EevionCoordinator
from ..errors import invalid, read_errors
from ..helpers import main_entity, own_devices
from ..models import EevionConfigEntry
from ..statements import (
    COLUMNS,
    Scope,
    SessionRow,
    Span,
    Sums,
    async_lists_lack_sessions,
    async_statement_pages,
    csv_header,
    csv_row,
    csv_sums,
)
from ..translation import Texts

type Json = dict[str, Any]
type Send = Callable[[Json], None]

SESSIONS_COMMAND: Final = "eevion/sessions"
_EARLIEST: Final = date(2000, 1, 1)
"""No charging station is older."""
_TEXTS: Final = (
    "all_stations",
    "count",
    "csv",
    "incomplete",
    "loading",
    "next",
    "none",
    "previous",
    "retry",
    *(f"column_{column}" for column in COLUMNS),
)
"""The texts of the card: those under `common` in the translations with the prefix `sessions_`."""


def _month(value: Any) -> date:
    """Validate a month such as `2026-10`, and return its first day."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", cv.string(value))
    try:
        first = date(int(match[1]), int(match[2]), 1) if match else date.min
    except ValueError as err:
        raise vol.Invalid("not a month") from err
    if not _EARLIEST <= first <= _last_month():
        raise vol.Invalid("not a month with sessions")
    return first


def _last_month() -> date:
    return dt_util.now().date().replace(day=1)


@websocket_api.websocket_command(
    {
        vol.Required("type"): SESSIONS_COMMAND,
        vol.Required("language"): cv.language,
        vol.Optional("month"): _month,
        vol.Optional("stations", default=list): [cv.string],
        vol.Optional("only"): cv.string,
    }
)
@websocket_api.async_response
async def websocket_sessions(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: Json
) -> None:
    """Send the sessions that began in a month, by default this one, to a card.

    `stations` are ids of devices or entities of stations or sites, all where there are none;
    `only` is the one of them that is chosen in the card. The first event has the texts, the
    months before and after, and the choices. Each further event has the rows of one request to
    the cloud and the sums so far. The last one has `is_last`, or `error` as a text. The texts `csv`
    of the first event, of the rows by start, and of the last event are the file of the month.
    """
    message_id: int = msg["id"]

    def send(event: Json) -> None:
        connection.send_message(websocket_api.event_message(message_id, event))

    connection.send_result(message_id)
    task = hass.async_create_background_task(
        _async_send(hass, connection.user, msg, send), SESSIONS_COMMAND
    )
    connection.subscriptions[message_id] = task.cancel


async def _async_send(hass: HomeAssistant, user: User, msg: Json, send: Send) -> None:
    texts = await Texts.async_load(hass, msg["language"])
    month: date = msg.get("month") or _last_month()
    span = Span.of_month(month)
    entries: list[EevionConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    scopes = list(_scopes(hass, user, entries, msg["stations"]))
    is_present = month == _last_month()
    send(
        {
            "month": f"{month:%Y-%m}",
            "previous": f"{month - timedelta(days=1):%Y-%m}" if month > _EARLIEST else None,
            "next": None if is_present else f"{span.last + timedelta(days=1):%Y-%m}",
            "stations": _choices(hass, scopes),
            "csv": csv_header(texts),
            "texts": {key: texts(f"sessions_{key}") for key in _TEXTS},
        }
    )
    try:
        if not entries:
            raise invalid("not_loaded")
        if "only" in msg:
            chosen = [_narrowed(hass, scope, [msg["only"]]) for scope in scopes]
            scopes = [scope for scope in chosen if scope]
        await _async_send_rows(scopes, span, texts, send)
    except HomeAssistantError as err:
        send({"error": texts.error(err)})


async def _async_send_rows(scopes: Iterable[Scope], span: Span, texts: Texts, send: Send) -> None:
    sums = Sums()
    is_complete = True
    for scope in scopes:
        ended = 0
        with read_errors():
            async with aclosing(async_statement_pages(scope, span)) as pages:
                async for page in pages:
                    sums.add(page.rows)
                    ended += page.ended
                    is_complete = is_complete and page.is_complete
                    rows = [_row_json(row, texts) for row in page.rows]
                    send({"rows": rows, "sums": sums.as_json()})
        # An empty list is worth another request; one with ended sessions shows what lists hold.
        if not ended and await async_lists_lack_sessions(scope, span, ended):
            is_complete = False
    send(
        {
            "rows": [],
            "sums": sums.as_json(),
            "csv": csv_sums(sums, texts),
            "is_complete": is_complete,
            "is_last": True,
        }
    )


def _row_json(row: SessionRow, texts: Texts) -> Json:
    ended = texts.state("end_reason", row.end_reason)
    return {
        "id": row.session_id,
        "start": row.start.isoformat(timespec="minutes"),
        "station": row.station,
        "site": row.site,
        "duration_s": row.duration_s,
        "energy_wh": row.energy_wh,
        "cost": None if row.cost is None else float(row.cost),
        "currency": row.currency,
        "started_with": texts.state("started_with", row.started_with),
        "vehicle": row.vehicle or "",
        "end_reason": texts("sessions_active") if row.is_active else ended,
        "csv": csv_row(row, texts),
    }


def _scopes(
    hass: HomeAssistant, user: User, entries: Iterable[EevionConfigEntry], ids: list[str]
) -> Iterable[Scope]:
    """Yield the stations of each account that the card is about and the user may read."""
    is_restricted = not user.permissions.access_all_entities(POLICY_READ)
    for entry in entries:
        scope = Scope(coordinator=entry.runtime_data.coordinator, is_restricted=is_restricted)
        if is_restricted:
            readable = tuple(
                port_id
                for port_id in scope.coordinator.data.stations
                if (entity_id := main_entity(hass, port_id))
                and user.permissions.check_entity(entity_id, POLICY_READ)
            )
            if not readable:
                continue
            scope = replace(scope, port_ids=readable)
        if narrowed := _narrowed(hass, scope, ids) if ids else scope:
            yield narrowed


def _narrowed(hass: HomeAssistant, scope: Scope, ids: list[str]) -> Scope | None:
    """Return a scope with the stations of some devices or entities; None where it has none."""
    entities = er.async_get(hass)
    meant: set[str] = set()
    for id_ in ids:
        entity = entities.async_get(id_)
        for device in own_devices(hass, (entity.device_id if entity else None) or id_):
            meant.update(own_id for domain, own_id in device.identifiers if domain == DOMAIN)
    stations = scope.coordinator.data.stations
    port_ids = tuple(
        port_id
        for port_id in scope.port_ids or stations
        if port_id in stations and not meant.isdisjoint((port_id, stations[port_id].site_id))
    )
    return replace(scope, port_ids=port_ids) if port_ids else None


def _choices(hass: HomeAssistant, scopes: Iterable[Scope]) -> list[Json]:
    """Return the sites, where there are several, and their stations: device and name."""
    devices = dr.async_get(hass)
    sites: list[tuple[Json, list[Json]]] = []
    for scope in scopes:
        coordinator = scope.coordinator
        by_site: dict[str, list[Json]] = {}
        for port_id in scope.port_ids or coordinator.data.stations:
            state = coordinator.data.stations[port_id]
            station = _choice(devices, coordinator, port_id, state.port.station_id)
            by_site.setdefault(state.site_id, []).append(station)
        for site_id, stations in by_site.items():
            site = _choice(devices, coordinator, site_id, coordinator.site_names[site_id])
            sites.append((site, sorted(stations, key=_folded)))
    if len(sites) == 1:
        return sites[0][1]
    sites.sort(key=lambda site: _folded(site[0]))
    return [
        choice
        for site, stations in sites
        for choice in (site, *({**station, "is_of_site": True} for station in stations))
    ]


def _choice(
    devices: dr.DeviceRegistry, coordinator: EevionCoordinator, id_: str, name: str
) -> Json:
    entry_id = coordinator.config_entry.entry_id
    device = devices.async_get_device_by_identifier((DOMAIN, id_), entry_id)
    return {
        "id": device.id if device else id_,
        "name": (device.name_by_user if device else None) or name,
    }


def _folded(choice: Json) -> str:
    name: str = choice["name"]
    return name.casefold()
