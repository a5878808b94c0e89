"""What the control page shows."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from ..json_values import JsonObject, iso, number

if TYPE_CHECKING:
    from ..charging.station import Session, Site, Station
    from ..http.cloud import Cloud
    from ..world.world import World

CHANGEABLE = (
    "speed",
    "list_holds_ended",
    "ended_in_list_s",
    "authorizing_s",
    "rate_limit",
    "send_retry_after",
    "job_start_s",
    "job_station_s",
    "exceptions_are_400",
    "jobs_name_stations",
    "report_counts_by",
    "report_names_sites",
    "location_ids_of_sites",
    "whole_answers",
    "words_in_capitals",
    "exceptions_webhook",
)
"""Settings that may be changed while the cloud runs."""


def cloud_state(cloud: Cloud) -> JsonObject:
    """Return everything at a glance."""
    return {
        "time": iso(cloud.clock.now_ms()),
        "settings": {name: getattr(cloud.settings, name) for name in CHANGEABLE},
        "faults": [asdict(fault) for fault in cloud.faults.active],
        "accounts": [
            {
                "key": account.key,
                "production": _world_state(account.production),
                "staging": _world_state(account.staging),
            }
            for account in cloud.accounts.values()
        ],
    }


def _world_state(world: World) -> JsonObject:
    now_ms = world.timeline.now_ms
    return {
        "sites": [_site_state(site, now_ms) for site in world.sites],
        "tariffs": [{"id": t.tariff_id, "name": t.name} for t in world.tariffs],
        "jobs": [job.history_json() for job in world.jobs.entries[-20:]],
        "tickets": world.tickets,
    }


def _site_state(site: Site, now_ms: int) -> JsonObject:
    stations = [station_state(station, now_ms) for station in site.stations]
    return {"id": site.site_id, "name": site.name, "stations": stations}


def station_state(station: Station, now_ms: int) -> JsonObject:
    """Return a station as it really is, whatever the cloud knows."""
    session, car = station.session, station.car
    charged_wms = session.curve.energy_wms(now_ms) if session else 0
    return {
        "name": station.name,
        "portId": station.port_id,
        "model": station.model.name,
        "status": station.site_status,
        "connectorStatus": station.connector_status(now_ms),
        "connected": station.connected,
        "inService": not station.out_of_service,
        "fault": station.fault,
        "visible": station.visible,
        "restriction": station.restriction,
        "tariff": station.tariff.name,
        "limitWatts": station.limit_w,
        "allowedWatts": station.allowed_w(now_ms),
        "message": station.message.text if station.message else "",
        "car": {"vehicle": car.vehicle, "percent": car.percent(charged_wms)} if car else None,
        "session": session_state(session, now_ms) if session else None,
    }


def session_state(session: Session, now_ms: int) -> JsonObject:
    """Return a session as it really is: the ledger's entry."""
    snapshot = session.snapshot(now_ms)
    bill = snapshot.bill
    return {
        "sessionId": session.session_id,
        "status": snapshot.status,
        "startWith": session.start_with,
        "startMs": session.start_ms,
        "endMs": session.end_ms,
        "endReason": session.end_reason,
        "energyWh": session.curve.energy_wh(snapshot.until_ms),
        "watts": session.curve.watts(now_ms),
        "cost": number(bill.cost),
        "costBeforeTaxes": number(bill.before_taxes),
    }


def ledger_state(world: World, station: str) -> list[JsonObject]:
    """Return every session of a station."""
    sessions = world.ledger(station)
    return [session_state(session, world.timeline.now_ms) for session in sessions]
