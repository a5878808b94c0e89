"""Response data of actions: units are part of the names, and times are ISO 8601."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from homeassistant.util import dt as dt_util

from ..api import (
    DemandResponseEvent,
    Fee,
    Job,
    Port,
    ReportRow,
    Session,
    Site,
    StationException,
    Tariff,
    parse,
    slug,
)
from .session_limits import elapsed_s, limit_uses
from .settings import OUT_OF_SERVICE
from .station import StationState

type Json = dict[str, Any]


def time_json(moment: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat() if moment else None


def _per(value: float | None, divisor: float) -> float | None:
    return None if value is None else round(value / divisor, 6)


def session_json(session: Session, station: StationState | None, site: str | None) -> Json:
    """Return a session; `station` fills in names that it lacks, `site` is the site's name."""
    port = station.port if station else None
    return {
        "session_id": session.session_id,
        "station": session.station_id or (port.station_id if port else None),
        "port_id": session.port_id,
        "site": site,
        "site_id": session.site_id or (station.site_id if station else None),
        "time_zone": session.time_zone,
        "status": slug(session.status),
        "is_active": session.is_active,
        "connector_status": slug(session.connector_status),
        "connector_status_at": time_json(session.connector_status_at),
        "last_heartbeat": time_json(session.last_heartbeat),
        "created_at": time_json(session.created_at),
        "started_at": time_json(session.started_at),
        "ended_at": time_json(session.ended_at),
        "updated_at": time_json(session.updated_at),
        "duration_s": elapsed_s(session),
        "energy_kwh": _per(session.energy_wh, 1000),
        "cost": session.cost,
        "cost_before_taxes": session.cost_before_taxes,
        "currency": session.currency.value if session.currency else None,
        "tax_included": session.tax_included,
        "taxes": taxes_json(session),
        "tariff": tariff_json(session.tariff),
        "idle_fee": session.idle_fee,
        "is_idle": session.is_idle,
        "is_in_grace_period": session.is_in_grace_period,
        "grace_period_elapsed_s": session.grace_period_elapsed_s,
        "demand_response": [event_json(event) for event in session.demand_response or ()],
        "limits": limits_json(session),
        "start_percentage": session.start_percentage,
        "end_percentage": session.end_percentage,
        "started_with": slug(session.started_with),
        "end_reason": slug(session.end_reason),
        "vehicle": session.vehicle,
    }


def port_json(port: Port, currency: str | None) -> Json:
    """Return what a port is built for and what it costs; the price is in `currency`."""
    return {
        "level": port.level,
        "power_kw": _per(port.max_power_w, 1000),
        "volts": port.volts,
        "amps": port.amps,
        "connectors": None if port.connectors is None else list(port.connectors),
        "is_shared_power": port.is_shared_power,
        "restriction": port.restriction,
        "price": port.price,
        "price_unit": port.price_unit,
        "currency": currency,
        "tariff_id": port.tariff_id,
        "time_slots": None if port.time_slots is None else list(port.time_slots),
        "added_at": time_json(port.added_at),
    }


def site_json(site: Site) -> Json:
    """Return the place of a site, which is personal data, and its settings."""
    latitude, longitude = site.coordinates or (None, None)
    return {
        "site": site.name,
        "site_id": site.site_id,
        "address": site.address,
        "street": site.street,
        "street_number": site.street_number,
        "city": site.city,
        "region": site.region,
        "postal_code": site.postal_code,
        "country": site.country,
        "latitude": latitude,
        "longitude": longitude,
        "continue_if_battery_full": site.continue_if_battery_full,
        "added_at": time_json(site.added_at),
    }


def session_event(session: Session) -> Json:
    """Return the attributes of the event of a session."""
    return {
        "session": session.session_id,
        "energy_kwh": None if session.energy_wh is None else session.energy_wh / 1000,
        "cost": session.cost,
        "currency": session.currency,
        "duration_s": elapsed_s(session),
        "end_reason": slug(session.end_reason),
    }


def taxes_json(session: Session) -> list[Json]:
    """Return the taxes of a session, in its currency."""
    return [{"description": tax.description, "amount": tax.amount} for tax in session.taxes or ()]


def limits_json(session: Session) -> list[Json]:
    """Return the limits at which the cloud ends a session, and what is left of them."""
    return [
        {
            "type": use.limit.type,
            "value": use.limit.value,
            "unit": use.unit,
            "used": use.used,
            "left": use.left,
            "is_reached": use.is_reached,
        }
        for use in limit_uses(session, dt_util.utcnow())
    ]


def tariff_json(tariff: Tariff | None) -> Json | None:
    """Return a tariff with its fees."""
    if tariff is None:
        return None
    return {
        "id": tariff.tariff_id,
        "name": tariff.name,
        "type": tariff.type,
        "price": tariff.price,
        "unit": tariff.unit,
        "price_increment": tariff.price_increment,
        "payment_cycle_unit": tariff.payment_cycle_unit,
        "occupancy_fee": _fee_json(tariff.occupancy_fee),
        "idle_fee": _fee_json(tariff.idle_fee),
    }


def _fee_json(fee: Fee | None) -> Json | None:
    if fee is None:
        return None
    return {
        "price": fee.price,
        "max_price": fee.max_price,
        "unit": fee.unit,
        "is_active": fee.is_active,
    }


def event_json(event: DemandResponseEvent) -> Json:
    """Return a demand-response event."""
    return {
        "state": slug(event.state_at(dt_util.utcnow())),
        "type": event.type,
        "power_limit_kw": _per(event.power_limit_w, 1000),
        "started_at": time_json(event.started_at),
        "ends_at": time_json(event.ends_at),
    }


def exception_json(exception: StationException) -> Json:
    """Return an exception."""
    return {
        "exception_id": exception.exception_id,
        "station": exception.station_id,
        "site": exception.site_name,
        "site_id": exception.site_id,
        "type": exception.type,
        "description": exception.description,
        "started_at": time_json(exception.started_at),
        "ended_at": time_json(exception.ended_at),
        "is_open": exception.ended_at is None,
    }


def row_json(row: ReportRow, currency: str | None) -> Json:
    """Return the station and site of a row, and its figures."""
    return {
        "station": row.station_id,
        "site": row.site_name,
        "site_id": row.site_id,
        "region": row.region,
        **figures_json(row, currency),
    }


def figures_json(row: ReportRow, currency: str | None) -> Json:
    """Return the figures of a row, of the total or of the average."""
    return {
        "sessions": row.count,
        "canceled_sessions": row.cancel_count,
        "unique_customers": row.unique_customers,
        "energy_kwh": _per(row.total_energy_wh, 1000),
        "duration_s": row.total_duration_s,
        "average_duration_s": row.average_duration_s,
        "cost": _per(row.total_cost_cents, 100),
        "average_cost": _per(row.average_cost_cents, 100),
        "energy_cost": _per(row.total_energy_cost_cents, 100),
        "currency": currency,
        "maximum_current_a": row.maximum_current_a,
        "maximum_power_w": row.maximum_power_w,
        "maximum_limit_a": row.maximum_limit_a,
        "minimum_limit_a": row.minimum_limit_a,
        "most_common_start_with": slug(row.most_common_start_with),
    }


COST_FIGURES = ("cost", "average_cost", "energy_cost")
"""The figures that are amounts of money."""


def job_json(job: Job, names: Mapping[str, str]) -> Json:
    """Return a job; `names` are names of stations by port id, used in place of the id."""
    return {
        "job_id": job.job_id,
        "type": job.type,
        "status": slug(job.status),
        "status_message": job.status_message,
        "description": job.description,
        "created_at": time_json(job.created_at),
        "updated_at": time_json(job.updated_at),
        "stations": list(job.station_ids) or [names.get(id_, id_) for id_ in job.port_ids],
        "completed": [names.get(id_, id_) for id_ in job.completed_ids],
        "errors": list(job.errors),
        "commands": commands_json(job.commands),
        "original_values": {
            names.get(id_, id_): commands_json(values)
            for id_, values in job.original_values.items()
        },
    }


PURPOSES = {
    "charge_point_max_profile": "ChargePointMaxProfile",
    "tx_default_profile": "TxDefaultProfile",
    "tx_profile": "TxProfile",
}
"""The purposes of a charging profile: the action's words and those of OCPP."""
_FIELDS = {
    "communicationId": "communication_id",
    "modelId": "model_id",
    "priorityStatus": "priority_status",
    "tariffId": "tariff",
}
_YES_OR_NO = {"isPrivate": "is_private", "isVisible": "is_visible"}


def commands_json(reported: Mapping[str, Any]) -> Json:
    """Return commands, or the values that they changed, as fields of `manage_stations`."""
    commands: Json = {}
    for name, value in reported.items():
        content = value if isinstance(value, dict) else {name: value}
        if name in _FIELDS:
            commands[_FIELDS[name]] = parse.text(content.get(name))
        elif name in _YES_OR_NO:
            commands[_YES_OR_NO[name]] = _is_yes(content.get(name))
        elif name == "orderNb":
            commands["order_number"] = parse.integer(content.get(name))
        elif name == "reset":
            commands["reset"] = content.get("type")
        elif name == "setMessage":
            commands["message"] = content.get(name) or ""
            if expires := parse.timestamp(content.get("expirationDate")):
                commands["message_expires"] = time_json(expires)
        elif name == "setChargingProfile":
            commands["charging_profile_id"] = content.get("chargingProfileId")
            commands["charging_profile_amps"] = parse.number(content.get("maximumRate"))
            purpose = content.get("chargingProfilePurpose")
            commands["charging_profile_purpose"] = next(
                (ours for ours, theirs in PURPOSES.items() if theirs == purpose), purpose
            )
        else:
            commands[name] = value
    if commands.get("priority_status") == OUT_OF_SERVICE:
        commands["priority_status"] = "out_of_service"
    return {name: value for name, value in commands.items() if value is not None}


def _is_yes(value: Any) -> Any:
    """Return True and False for `yes` and `no`, other values unchanged."""
    return {"yes": True, "no": False}.get(value, value) if isinstance(value, str) else value
