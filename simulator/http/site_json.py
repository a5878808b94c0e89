"""The cloud's JSON of sites and stations, as its documentation shows it."""

from typing import TYPE_CHECKING

from ..charging.station import LEVEL_2
from ..json_values import JsonObject, iso, number

if TYPE_CHECKING:
    from ..charging.station import Site, Station


def port_json(station: Station, *, dated: bool) -> JsonObject:
    """Return a port; the list of all sites has no ``updatedAt``."""
    model = station.model
    port: JsonObject = {
        "portId": station.port_id,
        "connectors": [5] if model.level == LEVEL_2 else [6],
        "displayName": station.name,
        "level": model.level,
        "tariffTimeSlots": None,
        "kW": model.kw,
        "volts": model.volts,
        "model": model.name,
        "dateAdded": iso(station.added_ms) if model.dated else None,
        "restriction": station.restriction,
    }
    if model.group_index is not None:
        port["groupIndex"] = model.group_index
    if model.shared_power:
        port["isSharedPower"] = True
    port["amps"] = model.amps
    if model.cost_by_id:
        port |= {"chargingCostUnit": 5, "chargingCostId": station.tariff.tariff_id}
    else:
        price = number(station.tariff.price)
        port |= {"chargingCostUnit": 3, "chargingCost": price}
    port["status"] = station.site_status
    if dated:
        port["updatedAt"] = iso(station.updated_ms)
    return port


def site_json(site: Site, *, dated: bool = False) -> JsonObject:
    """Return a site; only a single one is ``dated``."""
    address = site.address
    body: JsonObject = {
        "name": site.name,
        "id": site.site_id,
        "lat": address.lat,
        "long": address.long,
        "street": address.street,
        "city": address.city,
        "state": address.state,
        "country": address.country,
        "zip": address.zip,
        "dateAdded": iso(site.added_ms),
        "ports": [port_json(station, dated=dated) for station in site.stations],
        "updatedAt": iso(site.updated_ms),
        "streetNum": address.street_number,
    }
    if dated and address.continue_if_battery_full is not None:
        body["continue_if_battery_full"] = address.continue_if_battery_full
    return body


def station_json(station: Station) -> JsonObject:
    """Return the answer of ``GET /station/{stationId}``."""
    location = site_json(station.site, dated=True)
    return port_json(station, dated=True) | {"location": location}
