"""The views and cards of the dashboard, as Lovelace configures them: pure functions.

Texts of the cloud go only where the frontend shows plain text: never into Markdown or templates.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import batched
from typing import Any, Final

from ..translation import Texts
from .model import DashboardModel, Entities, SiteModel, StationModel

type Card = dict[str, Any]

STRATEGY: Final = "custom:eevion"
SESSIONS_CARD: Final = "custom:eevion-sessions-card"
STATIONS, SESSIONS, ENERGY, MAP = "stations", "sessions", "energy", "map"

# Up to so many stations in all, each has its controls and plots; up to the second, its tiles.
_RICH, _TILES = 4, 12
# Stations of a list, and lines of a plot, that a person can distinguish.
_LIST, _LINES = 30, 12
_LIST_COLUMNS, _POWER_COLUMNS = 5, 4
_MAX_COLUMNS: Final = 4
_DAYS, _HOURS = 30, 6
_NO_VALUE: Final = ("unknown", "unavailable")

_INTEGRATION_PAGE: Final = "/config/integrations/integration/eevion"
_ADD_PAGE: Final = "/config/integrations/dashboard/add?domain=eevion"


class Figure(StrEnum):
    """What is plotted by day, in the order of the plots."""

    ENERGY = "energy"
    COST = "cost"
    ELECTRICITY = "electricity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A statistic in a plot."""

    statistic_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot of the last days."""

    figure: Figure
    lines: tuple[Line, ...]
    currency: str | None = None
    is_of_sites: bool = False


# All views


def dashboard(model: DashboardModel, texts: Texts) -> list[Card]:
    """Return the views; their content comes when a person opens them."""
    views = [_view(STATIONS, texts("dashboard_stations"), "mdi:ev-station")]
    if not model.sites:
        return views
    views.append(_view(SESSIONS, texts("dashboard_sessions"), "mdi:format-list-bulleted"))
    views.append(_view(ENERGY, texts("dashboard_energy"), "mdi:lightning-bolt"))
    if any(site.marker for site in model.sites):
        views.append(_view(MAP, texts("dashboard_map"), "mdi:map"))
    views += [
        {**_view(station.path, station.name), "subview": True, "back_path": STATIONS}
        for station in model.stations
    ]
    return views


def _view(path: str, title: str, icon: str | None = None) -> Card:
    view: Card = {"title": title, "path": path, "strategy": {"type": STRATEGY, "path": path}}
    return {**view, "icon": icon} if icon else view


# Stations


CONTROL_KEYS: Final = (
    "sensor.connector_status",
    "sensor.session_energy",
    "sensor.session_cost",
    "number.charging_limit",
)
"""What few stations show beside their main entities."""


def keys_beside_main(model: DashboardModel) -> tuple[str, ...]:
    """Return the keys that the view of all stations has beside the main ones."""
    match model.station_count:
        case 1:
            return STATION_KEYS
        case count if count <= _TILES:
            return CONTROL_KEYS
        case _:
            return ()


def stations_view(model: DashboardModel, plots: Sequence[Plot], texts: Texts) -> Card:
    """Return the view of all stations, or what to do where there is none.

    `plots` are those of a station that is the only one.
    """
    if not model.sites:
        return _empty_view(model, texts)
    sections = [_notice(title, texts) for title in model.unloaded]
    match model.station_count:
        case 1:
            sections += _only_station(model.sites[0], plots, texts)
        case count if count <= _TILES:
            style = _rich_block if count <= _RICH else _tile_block
            sections += [_site_of_blocks(site, texts, style) for site in model.sites]
        case _:
            sections += [_site_of_lists(site, texts) for site in model.sites]
    return _sections(sections)


def _empty_view(model: DashboardModel, texts: Texts) -> Card:
    if model.unloaded:
        why, icon, path = "not_loaded", "mdi:power-plug-off", _INTEGRATION_PAGE
    elif model.has_accounts:
        why, icon, path = "no_stations", "mdi:ev-station", _INTEGRATION_PAGE
    else:
        why, icon, path = "no_account", "mdi:account-plus", _ADD_PAGE
    if model.is_admin:
        return _empty(texts, why, icon, path)
    return _empty(texts, why, icon, None, "ask_administrator")


def _empty(
    texts: Texts, why: str, icon: str, path: str | None = None, what: str | None = None
) -> Card:
    """Return a view that says why it has no content, and what to do; `path` has a button."""
    card: Card = {
        "type": "empty-state",
        "icon": icon,
        "content_only": True,
        "title": texts(f"dashboard_{why}_title"),
        "content": texts(f"dashboard_{what or why}"),
    }
    if path:
        button = {
            "text": texts(f"dashboard_{why}_button"),
            "appearance": "filled",
            "variant": "brand",
            "tap_action": _navigate(path),
        }
        card["buttons"] = [button]
    return {"type": "panel", "cards": [card]}


def _notice(title: str, texts: Texts) -> Card:
    heading = {
        "type": "heading",
        "icon": "mdi:alert",
        "heading": texts("dashboard_account_not_loaded", account=title),
        "tap_action": _navigate(_INTEGRATION_PAGE),
    }
    return _section(_MAX_COLUMNS, [heading])


def _site_heading(site: SiteModel, texts: Texts) -> Card:
    badges = (
        ("sensor.available_stations", "mdi:check-circle-outline", "green"),
        ("sensor.active_sessions", "mdi:lightning-bolt", "primary"),
        ("sensor.problem_stations", "mdi:alert", "red"),
    )
    return {
        "type": "heading",
        "heading": site.name,
        "icon": "mdi:map-marker",
        "badges": [
            {
                "type": "entity",
                "entity": entity_id,
                "name": texts(f"dashboard_{key.partition('.')[2]}"),
                "icon": icon,
                "color": color,
                "state_content": content,
                "tap_action": {"action": "more-info"},
                "visibility": [
                    {"condition": "screen", "media_query": screen},
                    *_unless(entity_id, "0", is_left_out=color == "red"),
                ],
            }
            for key, icon, color in badges
            if (entity_id := site.entities.get(key))
            for screen, content in (
                ("(min-width: 700px)", ["name", "state"]),
                ("(max-width: 699px)", ["state"]),
            )
        ],
    }


def _unless(entity_id: str, state: str, *, is_left_out: bool) -> list[Card]:
    return [_state(entity_id, [state, *_NO_VALUE], is_not=True)] if is_left_out else []


# One station: beside its controls, what its page has of daily use


def _only_station(site: SiteModel, plots: Sequence[Plot], texts: Texts) -> Iterator[Card]:
    (station,) = site.stations
    controls = _site_of_blocks(site, texts, _limit_block)
    controls["cards"] += _smart_part(station, texts) + _session_part(station, texts)
    yield controls
    yield from _parts(_history_part(station, plots, texts), _last_sessions_part(station, texts))


# Few stations: a block for each, those with a problem first


def _site_of_blocks(site: SiteModel, texts: Texts, block: Any) -> Card:
    cards = [_site_heading(site, texts)]
    for is_problem in (True, False):
        for station in site.stations:
            wanted = _has_problem(station.entities, wanted=is_problem)
            if wanted is not None:
                cards.append({**block(station, texts, is_problem=is_problem), "visibility": wanted})
    return _section(min(len(site.stations), _MAX_COLUMNS), cards)


def _has_problem(entities: Entities, *, wanted: bool) -> list[Card] | None:
    """Return the conditions of the block; None where it is never shown."""
    if problem := entities.get("binary_sensor.problem"):
        return [_state(problem, "on", is_not=not wanted)]
    if status := entities.get("sensor.status"):
        return [_state(status, ["not_connected", "offline"], is_not=not wanted)]
    return None if wanted else []


def _tile_block(station: StationModel, texts: Texts, *, is_problem: bool) -> Card:
    cards = _controls(station, texts, is_problem=is_problem)
    return {"type": "vertical-stack", "cards": cards, "grid_options": {"columns": 12}}


def _limit_block(station: StationModel, texts: Texts, *, is_problem: bool) -> Card:
    block = _tile_block(station, texts, is_problem=is_problem)
    if limit := station.entities.get("number.charging_limit"):
        block["cards"].append(_limit_tile(limit, texts))
    return block


def _rich_block(station: StationModel, texts: Texts, *, is_problem: bool) -> Card:
    block = _limit_block(station, texts, is_problem=is_problem)
    entities = station.entities
    power, charging = entities.get("sensor.power"), entities.get("switch.charging")
    if power and charging:
        plot = _tile(
            power,
            name=texts("dashboard_power_of_hours"),
            color="amber",
            hide_state=True,
            features=[{"type": "trend-graph", "hours_to_show": _HOURS}],
            tap_action=_navigate(station.path),
        )
        block["cards"].append({**plot, "visibility": [_state(charging, "on")]})
    return block


def _controls(station: StationModel, texts: Texts, *, is_problem: bool) -> list[Card]:
    """Return the heading of a station, its state in words, its power, and the switch."""
    entities = station.entities
    tap = _navigate(station.path)
    charging, power = entities.get("switch.charging"), entities.get("sensor.power")
    tiles = _state_tiles(entities, texts, tap, is_problem=is_problem)
    if power:
        tiles.append(_tile(power, name=texts("dashboard_power"), color="amber", tap_action=tap))
    cards = [_station_heading(station)]
    if tiles:
        cards.append({"type": "horizontal-stack", "cards": tiles})
    problem = entities.get("binary_sensor.problem")
    if problem and is_problem:
        cards.append({**_problem_tile(problem, texts), "tap_action": tap})
    if charging:
        cards.append(_switch_tile(charging, texts))
    return cards


def _station_heading(station: StationModel) -> Card:
    """Return the name of a station, and the figures of its session while there is one."""
    entities = station.entities
    charging = entities.get("switch.charging")
    return {
        "type": "heading",
        "heading": station.name,
        "heading_style": "subtitle",
        "icon": "mdi:ev-station",
        "tap_action": _navigate(station.path),
        "badges": [
            {
                "type": "entity",
                "entity": entity_id,
                "show_icon": False,
                **({"visibility": [_state(charging, "on")]} if charging else {}),
            }
            for key in ("sensor.session_energy", "sensor.session_cost")
            if (entity_id := entities.get(key))
        ],
    }


def _state_tiles(entities: Entities, texts: Texts, tap: Card, *, is_problem: bool) -> list[Card]:
    """Return the state in words: during a session that of the connector says more."""
    status, connector = entities.get("sensor.status"), entities.get("sensor.connector_status")
    charging = entities.get("switch.charging")
    name = texts("dashboard_status")
    if status and connector and charging and not is_problem:
        return [
            {
                **_tile(status, name=name, color="green", tap_action=tap),
                "visibility": [_state(charging, "on", is_not=True)],
            },
            {
                **_tile(connector, name=name, color="primary", tap_action=tap),
                "visibility": [_state(charging, "on")],
            },
        ]
    if shown := status or connector:
        return [_tile(shown, name=name, color="red" if is_problem else "green", tap_action=tap)]
    return []


def _problem_tile(problem: str, texts: Texts) -> Card:
    """Return the tile of what the cloud says is wrong, and since when."""
    return _tile(
        problem,
        name=texts("dashboard_problem"),
        color="red",
        state_content=["exceptions", "last_changed"],
    )


def _switch_tile(charging: str, texts: Texts) -> Card:
    return _tile(
        charging,
        name=texts("dashboard_switch"),
        features=[{"type": "toggle"}],
        features_position="inline",
    )


def _limit_tile(limit: str, texts: Texts) -> Card:
    return _tile(
        limit,
        name=texts("dashboard_limit"),
        hide_state=True,
        features=[{"type": "numeric-input", "style": "buttons"}],
        features_position="inline",
    )


# Many stations: lists that Home Assistant filters as states change


def _site_of_lists(site: SiteModel, texts: Texts) -> Card:
    stations = site.stations
    cards = [_site_heading(site, texts)]
    cards += _filtered(
        {"type": "entities", "title": texts("dashboard_problems"), "show_header_toggle": False},
        [row for station in stations if (row := _problem_row(station))],
    )
    cards += _filtered(
        {
            "type": "glance",
            "title": texts("dashboard_charging"),
            "columns": _POWER_COLUMNS,
            "show_icon": False,
        },
        [row for station in stations if (row := _charging_row(station))],
    )
    free = {
        "type": "glance",
        "columns": _LIST_COLUMNS,
        "color": "green",
        "show_state": False,
    }
    for some in batched(stations, _LIST, strict=False):
        title = texts("dashboard_free")
        if len(stations) > _LIST:
            title = f"{title}: {some[0].name} … {some[-1].name}"
        cards += _filtered(
            {**free, "title": title},
            [_row(station, status) for station in some if (status := _status(station))],
            [{"condition": "state", "state": "available"}],
        )
    cards += _filtered(
        {"type": "entities", "title": texts("dashboard_others"), "show_header_toggle": False},
        [row for station in stations if (row := _other_row(station))],
    )
    return _section(_MAX_COLUMNS if len(stations) > _TILES else 1, cards)


def _filtered(card: Card, rows: Sequence[Card], conditions: Sequence[Card] = ()) -> Iterator[Card]:
    """Yield a list of the rows whose conditions hold; hidden while none does."""
    if rows:
        yield {
            "type": "entity-filter",
            "entities": rows,
            "conditions": list(conditions),
            "card": card,
            "show_empty": False,
            "grid_options": {"columns": 12},
        }


def _status(station: StationModel) -> str | None:
    return station.entities.get("sensor.status")


def _row(station: StationModel, entity_id: str, *conditions: Card) -> Card:
    row: Card = {
        "entity": entity_id,
        "name": station.name,
        "tap_action": _navigate(station.path),
    }
    return {**row, "conditions": list(conditions)} if conditions else row


def _problem_row(station: StationModel) -> Card | None:
    wanted = _has_problem(station.entities, wanted=True)
    shown = _status(station) or station.entities.get("binary_sensor.problem")
    return (
        {**_row(station, shown, *wanted), "secondary_info": "last-changed"}
        if (shown and wanted)
        else None
    )


def _charging_row(station: StationModel) -> Card | None:
    entities = station.entities
    charging = entities.get("switch.charging")
    shown = entities.get("sensor.power") or charging
    if charging and shown:
        return _row(station, shown, _state(charging, "on"))
    if status := entities.get("sensor.status"):
        return _row(station, shown or status, _state(status, "in_use"))
    return None


def _other_row(station: StationModel) -> Card | None:
    """Return the row of a station that is in no other list."""
    entities = station.entities
    conditions = _has_problem(entities, wanted=False) or []
    status, charging = entities.get("sensor.status"), entities.get("switch.charging")
    if charging:
        conditions.append(_state(charging, "on", is_not=True))
    if status:
        taken = ["available"] if charging else ["available", "in_use"]
        conditions.append(_state(status, taken, is_not=True))
    shown = status or charging or next(iter(entities.values()))
    return _row(station, shown, *(conditions or [_state(shown, "", is_not=True)]))


# A station


_ENTITY_NAME: Final = {"type": "entity"}
"""The name of an entity without that of its device."""
_NOW: Final = (
    "sensor.power",
    "sensor.status",
    "sensor.connector_status",
    "binary_sensor.plugged_in",
    "sensor.state_of_charge",
    "binary_sensor.idle",
    "sensor.demand_response_limit",
)
_SESSION: Final = (
    "sensor.session_energy",
    "sensor.session_cost",
    "sensor.session_duration",
    "sensor.session_start",
    "sensor.session_end",
    "sensor.session_cost_before_taxes",
    "sensor.idle_fee",
    "sensor.tariff",
    "sensor.vehicle",
    "sensor.started_with",
    "sensor.end_reason",
)
_SMART: Final = (
    "sensor.smart_charging",
    "select.charging_mode",
    "number.target_energy",
    "time.ready_by",
    "number.price_limit",
    "switch.always_charge",
    "sensor.planned_start",
    "sensor.planned_cost",
    "sensor.session_solar_share",
)
_WIDE: Final = "number.price_limit"
"""Its box, with the unit of a price, leaves no room for its name; a tap opens the box."""
_TOTALS: Final = ("sensor.total_energy", "sensor.total_cost")
_SETTINGS: Final = (
    "sensor.information",
    "sensor.last_heartbeat",
    "switch.in_service",
    "switch.private",
    "switch.visible",
    "select.tariff",
    "number.power_limit",
    "button.reset",
    "button.hard_reset",
)
STATION_KEYS: Final = (
    *_NOW,
    "switch.charging",
    "number.charging_limit",
    "binary_sensor.problem",
    *_SESSION,
    *_SMART,
    *_TOTALS,
    *_SETTINGS,
)


def station_gone_view(texts: Texts) -> Card:
    """Return the page of a station that the user does not see, or that is not there any more."""
    return _empty(texts, "station_gone", "mdi:ev-station", STATIONS)


def station_view(station: StationModel, plots: Sequence[Plot], texts: Texts) -> Card:
    """Return the page of a station."""
    return _sections(
        [
            *_parts(
                _titled(texts("dashboard_now"), "mdi:ev-station", _now_cards(station, texts)),
                _smart_part(station, texts),
                _session_part(station, texts),
                _history_part(station, plots, texts),
                _last_sessions_part(station, texts),
                _titled(texts("dashboard_settings"), "mdi:cog", _rows(station.entities, _SETTINGS)),
            )
        ]
    )


def _parts(*parts: list[Card]) -> Iterator[Card]:
    """Yield a section for each part that has cards."""
    return (_section(1, cards) for cards in parts if cards)


def _smart_part(station: StationModel, texts: Texts) -> list[Card]:
    cards = _smart_cards(station.entities, texts)
    return _titled(texts("dashboard_smart_charging"), "mdi:solar-power", cards)


def _session_part(station: StationModel, texts: Texts) -> list[Card]:
    """Return the figures that the session has."""
    rows = _rows(station.entities, _SESSION, is_value_needed=True)
    return _titled(texts("dashboard_session"), "mdi:receipt-text", rows)


def _history_part(station: StationModel, plots: Sequence[Plot], texts: Texts) -> list[Card]:
    cards = _history_cards(station, plots, texts)
    return _titled(texts("dashboard_history"), "mdi:chart-bar", cards)


def _last_sessions_part(station: StationModel, texts: Texts) -> list[Card]:
    title, icon = texts("dashboard_last_sessions"), "mdi:format-list-bulleted"
    card: Card = {"type": SESSIONS_CARD, "stations": [station.device_id]}
    return _titled(title, icon, [card] if station.device_id else [])


def _now_cards(station: StationModel, texts: Texts) -> list[Card]:
    entities = station.entities
    cards: list[Card] = []
    if problem := entities.get("binary_sensor.problem"):
        tile = {**_problem_tile(problem, texts), "visibility": [_state(problem, "on")]}
        cards.append({**tile, "grid_options": {"columns": "full"}})
    if charging := entities.get("switch.charging"):
        cards.append({**_switch_tile(charging, texts), "grid_options": {"columns": "full"}})
    if limit := entities.get("number.charging_limit"):
        cards.append({**_limit_tile(limit, texts), "grid_options": {"columns": "full"}})
    cards += [
        _tile(entities[key], name=_ENTITY_NAME, visibility=_with_value(entities[key]))
        for key in _NOW
        if key in entities
    ]
    return cards


def _smart_cards(entities: Entities, texts: Texts) -> list[Card]:
    cards: list[Card] = []
    if mode := entities.get("select.charging_mode"):
        cards.append(
            _tile(
                mode,
                name=_ENTITY_NAME,
                features=[{"type": "select-options"}],
                grid_options={"columns": "full"},
            )
        )
    keys = (key for key in _SMART if key != "select.charging_mode")
    # Without a target, a plan has neither a start nor a cost.
    return cards + _rows(entities, keys, is_value_needed=True)


def _rows(entities: Entities, keys: Iterable[str], *, is_value_needed: bool = False) -> list[Card]:
    """Return one card with a row for each entity; none where there is no entity."""
    ids = [entities[key] for key in keys if key in entities]
    rows: list[Card] = [{"entity": entity_id, "name": _ENTITY_NAME} for entity_id in ids]
    for row in rows:
        if row["entity"] == entities.get(_WIDE):
            row["type"] = "simple-entity"
    if not rows:
        return []
    if is_value_needed:
        rows = [
            {"type": "conditional", "conditions": _with_value(row["entity"]), "row": row}
            for row in rows
        ]
    return [
        {
            "type": "entities",
            "entities": rows,
            "show_header_toggle": False,
            "grid_options": {"columns": "full"},
        }
    ]


def _with_value(entity_id: str) -> list[Card]:
    return [_state(entity_id, list(_NO_VALUE), is_not=True)]


def _history_cards(station: StationModel, plots: Sequence[Plot], texts: Texts) -> list[Card]:
    entities = station.entities
    cards = [
        _tile(entities[key], name=_ENTITY_NAME, visibility=_with_value(entities[key]))
        for key in _TOTALS
        if key in entities
    ]
    if power := entities.get("sensor.power"):
        cards.append(
            {
                "type": "history-graph",
                "title": texts("dashboard_power_of_hours"),
                "hours_to_show": _HOURS,
                "entities": [{"entity": power, "name": texts("dashboard_power")}],
                "grid_options": {"columns": "full"},
            }
        )
    for plot in plots:
        cards += _bars(plot, texts)
    return cards


# Energy


ENERGY_KEYS: Final = _TOTALS


def energy_view(plots: Sequence[Plot], texts: Texts) -> Card:
    """Return the plots by day."""
    if not plots:
        return _empty(texts, "no_statistics", "mdi:chart-bar")
    # Several currencies have a plot each.
    figures = Counter((plot.figure, plot.is_of_sites) for plot in plots)
    return _sections(
        [
            _section(_MAX_COLUMNS, [card])
            for figure in Figure
            for plot in plots
            if plot.figure is figure
            for card in _bars(plot, texts, is_alone=figures[plot.figure, plot.is_of_sites] == 1)
        ]
    )


def _bars(plot: Plot, texts: Texts, *, is_alone: bool = True) -> Iterator[Card]:
    """Yield the cards of a plot, each with as many lines as a person can distinguish."""
    title = texts(f"dashboard_{plot.figure}_of_days")
    if not is_alone:
        title = f"{title} ({plot.currency})"
    for lines in batched(plot.lines, _LINES, strict=False):
        of = texts("dashboard_sites") if plot.is_of_sites else ""
        if len(plot.lines) > _LINES:
            of = f"{lines[0].name} … {lines[-1].name}"
        yield {
            "type": "statistics-graph",
            "title": f"{title}: {of}" if of else title,
            "chart_type": "bar-stack" if len(lines) > 1 else "bar",
            "stat_types": ["change"],
            "period": "day",
            "days_to_show": _DAYS,
            "entities": [{"entity": line.statistic_id, "name": line.name} for line in lines],
            "grid_options": {"columns": "full"},
        }


# Sessions and map


def sessions_view() -> Card:
    """Return the view of the sessions."""
    return {"type": "panel", "cards": [{"type": SESSIONS_CARD}]}


def map_view(model: DashboardModel) -> Card:
    """Return the view of the sites whose coordinates are known."""
    markers = [
        {"entity": site.marker, "name": site.name, "label_mode": "state"}
        for site in model.sites
        if site.marker
    ]
    card = {"type": "map", "entities": markers, "hours_to_show": 0, "auto_fit": True}
    return {"type": "panel", "cards": [card]}


# Parts


def _sections(sections: Sequence[Card]) -> Card:
    return {"type": "sections", "max_columns": _MAX_COLUMNS, "sections": sections}


def _section(columns: int, cards: Sequence[Card]) -> Card:
    return {"type": "grid", "column_span": columns, "cards": cards}


def _titled(title: str, icon: str, cards: Sequence[Card]) -> list[Card]:
    """Return cards with a heading; none without cards."""
    return [{"type": "heading", "heading": title, "icon": icon}, *cards] if cards else []


def _tile(entity_id: str, **options: Any) -> Card:
    return {"type": "tile", "entity": entity_id, **options}


def _navigate(path: str) -> Card:
    """Return the action that opens a view of the dashboard, or another page by its full path."""
    return {"action": "navigate", "navigation_path": path}


def _state(entity_id: str, state: str | list[str], *, is_not: bool = False) -> Card:
    return {
        "condition": "state",
        "entity": entity_id,
        "state_not" if is_not else "state": state,
    }
