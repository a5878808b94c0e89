"""The cloud's JSON of sessions, as its documentation shows it."""

from typing import TYPE_CHECKING

from ..json_values import JsonObject, iso, number

if TYPE_CHECKING:
    from ..billing.bill import Bill
    from ..billing.tariff import Fee, Tariff
    from .station import DemandEvent, Session, Site, Snapshot, Station


def _fee_json(fee: Fee, *, applied: bool) -> JsonObject:
    return {
        "minPrice": 0,
        "maxPrice": number(fee.max_price),
        "price": number(fee.price),
        "unit": fee.unit,
        "isActive": applied,
    }


def tariff_json(tariff: Tariff, *, idle: bool, running: bool) -> JsonObject:
    """Return the tariff of a session."""
    body: JsonObject = {"type": tariff.type, "price": number(tariff.price)}
    if tariff.type == "kwh":
        body["occupancyFee"] = (
            _fee_json(tariff.occupancy_fee, applied=running)
            if tariff.occupancy_fee
            else {
                "minPrice": 0,
                "maxPrice": 0,
                "price": 0,
                "unit": "hour",
                "isActive": False,
            }
        )
        if fee := tariff.idle_fee:
            body["idleFee"] = _fee_json(fee, applied=idle) | {"gracePeriod": fee.grace_s}
        body["paymentCycleUnit"] = tariff.cycle
        body["priceIncrement"] = number(tariff.increment)
    else:
        body["unit"] = tariff.unit
    return body | {"id": tariff.tariff_id, "name": tariff.name, "isPrivate": False}


def _event_json(event: DemandEvent, state: str) -> JsonObject:
    return {
        "eventEndTime": event.end_ms,
        "eventPowerLimitWatts": event.limit_w,
        "eventStartTime": event.start_ms,
        "eventState": state,
        "eventType": event.type,
    }


def demand_json(station: Station, from_ms: int, at_ms: int) -> list[JsonObject]:
    """Return the events that overlap a session, with their states at a moment."""
    active = station.active_demand(at_ms)
    events: list[JsonObject] = []
    for event in station.demand:
        if event.start_ms > at_ms or (event.end_ms and event.end_ms <= from_ms):
            continue
        state = "queued" if event.in_progress(at_ms) else "completed"
        events.append(_event_json(event, "active" if event is active else state))
    return events


def _money_json(snapshot: Snapshot, bill: Bill) -> JsonObject:
    tax = snapshot.session.station.site.address.tax
    taxes = [{"amount": number(bill.tax), "description": tax.description}]
    return {
        "cost": number(bill.cost),
        "costBeforeTaxes": number(bill.before_taxes),
        "taxIncluded": tax.included,
        "taxes": taxes if tax.rate else [],
    }


def _idle_json(snapshot: Snapshot, bill: Bill) -> JsonObject:
    fee, idle_s = snapshot.session.tariff.idle_fee, snapshot.idle_s
    idle = fee is not None and idle_s is not None
    grace = fee is not None and idle_s is not None and idle_s < fee.grace_s
    return {
        "currentIdleFee": number(bill.idle_rate),
        "gracePeriodElapsedSeconds": idle_s if grace else 0,
        "isIdle": idle,
        "isInGracePeriod": grace,
    }


def _limits_json(session: Session) -> object:
    if session.limit_s is not None:
        return [{"limitType": "sessionTime", "limitValue": session.limit_s}]
    return [] if session.station.limits_as_list else {}


def _location_json(site: Site) -> JsonObject:
    address = site.address
    return {
        "name": site.name,
        "id": site.site_id,
        "city": address.city,
        "country": address.country,
        "lat": address.lat,
        "long": address.long,
        "state": address.state,
        "street": address.street,
        "streetNum": address.street_number,
        "zip": address.zip,
        "timeZone": address.time_zone,
    }


def session_json(session: Session, now_ms: int, *, listed: bool = False) -> JsonObject:
    """Return a whole session, as in lists, single reads and webhooks."""
    station = session.station
    at_ms = station.known_ms(now_ms)
    snapshot = session.snapshot(at_ms)
    bill = snapshot.bill
    idle = _idle_json(snapshot, bill)
    hide_duration = listed and station.zero_duration_in_lists
    body: JsonObject = {
        "authId": "",
        "createdAt": iso(session.created_ms),
        "currency": station.site.address.currency,
        "customerId": session.customer_id,
        "demandResponse": demand_json(station, session.created_ms, snapshot.until_ms),
        "duration": 0 if hide_duration else snapshot.duration_s,
        "endPercentageFilled": session.end_percent if snapshot.ended else None,
        "endReason": session.end_reason if snapshot.ended else "",
        "endTime": iso(snapshot.until_ms) if snapshot.ended else "",
        "energy": snapshot.energy_wh,
        "location": _location_json(station.site),
        "portId": station.port_id,
        "sessionId": session.session_id,
        "sessionLimits": _limits_json(session),
        "startPercentageFilled": session.start_percent,
        "startTime": iso(session.start_ms) if session.start_ms is not None else "",
        "startWith": session.start_with,
        "stationId": station.name,
        "stationStatus": station.reported_status,
        "stationStatusTimestamp": station.status_ms,
        "status": snapshot.status,
        "tariff": tariff_json(
            session.tariff, idle=bool(idle["isIdle"]), running=not snapshot.ended
        ),
        "updatedAt": iso(snapshot.updated_ms),
        "vehicle": session.vehicle,
    }
    if not station.no_heartbeat:
        body["stationLastHeartbeat"] = at_ms
    return body | _money_json(snapshot, bill) | idle


def brief_json(session: Session, now_ms: int) -> JsonObject:
    """Return the partial session that a start or a stop answers with."""
    whole = session_json(session, now_ms)
    keys = [
        "cost",
        "costBeforeTaxes",
        "createdAt",
        "currency",
        "duration",
        "endReason",
        "energy",
        "portId",
        "sessionId",
        "startTime",
        "status",
        "taxIncluded",
        "taxes",
        "updatedAt",
    ]
    body = {"authId": session.auth_id} | {key: whole[key] for key in keys}
    if session.end_ms is not None:
        body["endTime"] = whole["endTime"]
    return body
