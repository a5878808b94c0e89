"""A dashboard of the simulated stations, made from the entity registry."""

from collections import defaultdict
from typing import Any

from .home_assistant import HomeAssistant

URL_PATH = "eevion-demo"
# Beyond that a page of tiles helps nobody.
STATIONS_SHOWN = 12

SITE_KEYS = ("sensor.available_stations", "sensor.active_sessions")

type Card = dict[str, Any]
type Entities = dict[str, str]

WIDE = {"grid_options": {"columns": 12}}
TILES: dict[str, Card] = {
    "sensor.status": {"name": "Status"},
    "sensor.connector_status": {"name": "Connector"},
    "switch.charging": {
        "name": "Charging",
        "features": [{"type": "toggle"}],
        "features_position": "inline",
        **WIDE,
    },
    "number.charging_limit": {
        "name": "Limit",
        "features": [{"type": "numeric-input", "style": "slider"}],
        "features_position": "inline",
        **WIDE,
    },
    "sensor.power": {"name": "Power", "color": "amber"},
    "sensor.session_energy": {"name": "Session energy", "color": "teal"},
    "sensor.session_cost": {"name": "Session cost", "color": "green"},
    "sensor.session_duration": {"name": "Session duration"},
}


async def write_dashboard(ha: HomeAssistant) -> None:
    """Write the dashboard again and make it the first page."""
    devices = {device["id"]: device for device in await ha.call("config/device_registry/list")}
    by_device: defaultdict[str, Entities] = defaultdict(dict)
    for entity in await ha.call("config/entity_registry/list"):
        if entity["platform"] == "eevion" and not entity["disabled_by"]:
            platform = entity["entity_id"].partition(".")[0]
            key = f"{platform}.{entity['translation_key']}"
            by_device[entity["device_id"]][key] = entity["entity_id"]
    sites = [entities for entities in by_device.values() if SITE_KEYS[0] in entities]
    stations = [(devices[id_], e) for id_, e in by_device.items() if "sensor.status" in e]
    stations.sort(key=lambda station: station[0]["name"])

    dashboards = await ha.call("lovelace/dashboards/list")
    if all(dashboard["url_path"] != URL_PATH for dashboard in dashboards):
        await ha.call(
            "lovelace/dashboards/create",
            url_path=URL_PATH,
            title="Charging",
            icon="mdi:ev-station",
        )
    view = {
        "title": "Charging",
        "type": "sections",
        "max_columns": 4,
        "badges": [
            {"type": "entity", "entity": entity_id, "show_name": True}
            for entities in sites
            for key in SITE_KEYS
            if (entity_id := entities.get(key))
        ],
        "sections": [
            *(_station(device["name"], entities) for device, entities in stations[:STATIONS_SHOWN]),
            _graphs([entities for _, entities in stations[:STATIONS_SHOWN]]),
        ],
    }
    await ha.call("lovelace/config/save", url_path=URL_PATH, config={"views": [view]})
    await ha.call("frontend/set_system_data", key="core", value={"default_panel": URL_PATH})
    totals = _total_energy([entities for _, entities in stations])
    await ha.call(
        "energy/save_prefs",
        device_consumption=[{"stat_consumption": entity_id} for entity_id in totals],
    )


def _total_energy(stations: list[Entities]) -> list[str]:
    key = "sensor.total_energy"
    return [entities[key] for entities in stations if key in entities]


def _station(name: str, entities: Entities) -> Card:
    tiles = [
        {"type": "tile", "entity": entities[key], **tile}
        for key, tile in TILES.items()
        if key in entities
    ]
    heading = {"type": "heading", "heading": name, "icon": "mdi:ev-station"}
    return {"type": "grid", "cards": [heading, *tiles]}


def _graphs(stations: list[Entities]) -> Card:
    power = [entities["sensor.power"] for entities in stations if "sensor.power" in entities]
    energy = _total_energy(stations)
    cards: list[Card] = [
        {"type": "heading", "heading": "Power and energy", "icon": "mdi:chart-line"}
    ]
    if power:
        cards.append({"type": "history-graph", "hours_to_show": 1, "entities": power})
    if energy:
        cards.append({"type": "history-graph", "hours_to_show": 1, "entities": energy})
    return {"type": "grid", "column_span": 2, "cards": cards}
