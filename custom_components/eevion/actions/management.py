"""The actions that manage stations by jobs, and the one that opens a support ticket."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.util import dt as dt_util
import probatio as vol

from ..api import ChargingProfile, Commands, LimitUnit, Message, ResetType
from ..commands import JobResult
from ..const import DOMAIN
from ..errors import command_errors, failed, invalid, valid_text
from ..stations import IN_SERVICE, OUT_OF_SERVICE, PURPOSES, commands_json, unique_names
from .moments import duration, moment
from .targets import TARGET_FIELDS, Target, async_command_target

ATTR_EXPIRES: Final = "expires"
ATTR_EXPIRES_IN: Final = "expires_in"
ATTR_MESSAGE: Final = "message"
ATTR_MESSAGE_EXPIRES: Final = "message_expires"
ATTR_COMMUNICATION_ID: Final = "communication_id"
ATTR_IS_PRIVATE: Final = "is_private"
ATTR_IS_VISIBLE: Final = "is_visible"
ATTR_MODEL_ID: Final = "model_id"
ATTR_ORDER_NUMBER: Final = "order_number"
ATTR_PRIORITY_STATUS: Final = "priority_status"
ATTR_PROFILE_AMPS: Final = "charging_profile_amps"
ATTR_PROFILE_ID: Final = "charging_profile_id"
ATTR_PROFILE_PURPOSE: Final = "charging_profile_purpose"
ATTR_RESET: Final = "reset"
ATTR_TARIFF: Final = "tariff"
ATTR_WAIT: Final = "wait"

_TEXT = vol.All(cv.string, vol.Length(min=1), valid_text)
_EXPIRY = vol.Any(moment, duration)

SERVICE_SET_MESSAGE: Final = "set_message"
_MESSAGE_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Required(ATTR_MESSAGE): cv.string,
        vol.Optional(ATTR_EXPIRES): _EXPIRY,
        vol.Optional(ATTR_EXPIRES_IN): duration,
    }
)

SERVICE_MANAGE_STATIONS: Final = "manage_stations"
_OUT_OF_SERVICE, _IN_SERVICE = "out_of_service", "in_service"
_MANAGE_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Optional(ATTR_COMMUNICATION_ID): _TEXT,
        vol.Optional(ATTR_IS_PRIVATE): vol.Boolean(),
        vol.Optional(ATTR_IS_VISIBLE): vol.Boolean(),
        vol.Optional(ATTR_MESSAGE): cv.string,
        vol.Optional(ATTR_MESSAGE_EXPIRES): _EXPIRY,
        vol.Optional(ATTR_MODEL_ID): _TEXT,
        vol.Optional(ATTR_ORDER_NUMBER): vol.All(vol.Coerce(int), vol.Range(min=0)),
        vol.Optional(ATTR_PRIORITY_STATUS): _TEXT,
        vol.Optional(ATTR_PROFILE_AMPS): vol.Coerce(float),
        vol.Optional(ATTR_PROFILE_ID): _TEXT,
        vol.Optional(ATTR_PROFILE_PURPOSE): vol.In(PURPOSES),
        vol.Optional(ATTR_RESET): vol.In([kind.value for kind in ResetType]),
        vol.Optional(ATTR_TARIFF): _TEXT,
        vol.Optional(ATTR_WAIT, default=False): vol.Boolean(),
    }
)

SERVICE_CREATE_TICKET: Final = "create_ticket"
_TICKET_SCHEMA = vol.Schema({**TARGET_FIELDS, vol.Required(ATTR_MESSAGE): cv.string})

# The documentation of the cloud names no limit.
_LONGEST_TICKET = 10_000
# The ids of tariffs are 24 hexadecimal digits.
_ID_LENGTH, _ID_DIGITS = 24, set("0123456789abcdef")


@callback
def async_setup_management_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN, SERVICE_SET_MESSAGE, _async_set_message, schema=_MESSAGE_SCHEMA
    )
    for name, action, schema in (
        (SERVICE_MANAGE_STATIONS, _async_manage_stations, _MANAGE_SCHEMA),
        (SERVICE_CREATE_TICKET, _async_create_ticket, _TICKET_SCHEMA),
    ):
        async_register_admin_service(
            hass, DOMAIN, name, action, schema, supports_response=SupportsResponse.OPTIONAL
        )


async def _async_set_message(call: ServiceCall) -> None:
    """Show a text on the screens of stations, or remove it."""
    target = await async_command_target(call)
    expires, expires_in = call.data.get(ATTR_EXPIRES), call.data.get(ATTR_EXPIRES_IN)
    if expires is not None and expires_in is not None:
        raise invalid("expires_twice")
    expires_at = _expiry(expires if expires_in is None else expires_in)
    await target.data.jobs.async_set_message(target.port_ids, call.data[ATTR_MESSAGE], expires_at)


async def _async_manage_stations(call: ServiceCall) -> ServiceResponse:
    """Send commands to stations as one job; return the job and, with `wait`, its result."""
    target = await async_command_target(call)
    commands = _commands(target, call.data)
    if commands == Commands():
        raise invalid("no_command")
    job_ids = await target.data.jobs.async_submit(target.port_ids, commands)
    if not call.data[ATTR_WAIT]:
        return _answer(target, job_ids, ())
    results = await asyncio.gather(*(_async_end(target, job_id) for job_id in job_ids))
    refused = {port_id: why for result in results for port_id, why in result.refused.items()}
    if refused and not call.return_response:
        names = ", ".join(target.name(port_id) for port_id in refused)
        reasons = "; ".join(dict.fromkeys(refused.values()))
        raise failed("job_refused", station=names, message=reasons)
    return _answer(target, job_ids, results)


async def _async_end(target: Target, job_id: str) -> JobResult:
    """Wait for the end of a job; raises HomeAssistantError if the entry is unloaded first."""
    task = target.entry.async_create_background_task(
        target.coordinator.hass, target.data.jobs.async_wait(job_id), "wait for job"
    )
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if task.cancelled():
            raise failed("job_unwatched", job=job_id) from None
        raise


def _answer(
    target: Target, job_ids: Sequence[str], results: Sequence[JobResult]
) -> ServiceResponse:
    """Return the job, or the jobs if the cloud refused to manage all stations by one."""
    succeeded = {port_id for result in results for port_id in result.succeeded}
    refused = {port_id: why for result in results for port_id, why in result.refused.items()}
    before = {port_id: old for result in results for port_id, old in result.original_values.items()}
    return {
        "job_id": ", ".join(job_ids),
        "is_finished": bool(results),
        "stations": {
            target.name(port_id): {
                "succeeded": port_id in succeeded if results else None,
                "reason": refused.get(port_id),
            }
            for port_id in target.port_ids
        },
        "original_values": {
            target.name(port_id): commands_json(before[port_id])
            for port_id in target.port_ids
            if before.get(port_id)
        },
    }


def _commands(target: Target, fields: Mapping[str, Any]) -> Commands:
    order: int | None = fields.get(ATTR_ORDER_NUMBER)
    tariff: str | None = fields.get(ATTR_TARIFF)
    status: str | None = fields.get(ATTR_PRIORITY_STATUS)
    return Commands(
        communication_id=fields.get(ATTR_COMMUNICATION_ID),
        is_private=fields.get(ATTR_IS_PRIVATE),
        is_visible=fields.get(ATTR_IS_VISIBLE),
        model_id=fields.get(ATTR_MODEL_ID),
        order_number=None if order is None else str(order),
        priority_status=None if status is None else _priority_status(target, status),
        reset=ResetType(fields[ATTR_RESET]) if ATTR_RESET in fields else None,
        charging_profile=_charging_profile(target, fields),
        message=_message(fields),
        tariff_id=None if tariff is None else _tariff_id(target, tariff),
    )


def _priority_status(target: Target, word: str) -> str:
    """Return the cloud's `priorityStatus`; a value that is not ours is sent unchanged."""
    if word == _OUT_OF_SERVICE:
        return OUT_OF_SERVICE
    if word != _IN_SERVICE:
        return word
    words = {target.data.memory.in_service_word(port_id) for port_id in target.port_ids}
    return words.pop() if len(words) == 1 else IN_SERVICE


def _charging_profile(target: Target, fields: Mapping[str, Any]) -> ChargingProfile | None:
    profile_id, amps = fields.get(ATTR_PROFILE_ID), fields.get(ATTR_PROFILE_AMPS)
    if profile_id is None and amps is None and ATTR_PROFILE_PURPOSE not in fields:
        return None
    if profile_id is None or amps is None:
        raise invalid("charging_profile_incomplete")
    for port_id in target.port_ids:
        target.data.control.limit(port_id, amps, LimitUnit.AMPERE)
    purpose = PURPOSES[fields.get(ATTR_PROFILE_PURPOSE, "tx_default_profile")]
    return ChargingProfile(profile_id=profile_id, maximum_rate=amps, purpose=purpose)


def _message(fields: Mapping[str, Any]) -> Message | None:
    text: str | None = fields.get(ATTR_MESSAGE)
    expires = fields.get(ATTR_MESSAGE_EXPIRES)
    if text is None:
        if expires is not None:
            raise invalid("message_missing")
        return None
    return Message(text=valid_text(text), expires_at=_expiry(expires))


def _expiry(expires: datetime | timedelta | None) -> datetime | None:
    """Return when a message expires; a time without a zone is in that of Home Assistant."""
    if expires is None:
        return None
    now = dt_util.utcnow()
    at = now + expires if isinstance(expires, timedelta) else dt_util.as_utc(expires)
    if at <= now:
        raise invalid("expired_already", expires=dt_util.as_local(at).isoformat())
    return at


def _tariff_id(target: Target, wanted: str) -> str:
    """Return the id of a tariff from its id, or from a name that sessions have reported.

    Raises ServiceValidationError if no tariff or several match.
    """
    tariffs = target.data.memory.tariffs
    if wanted in tariffs:
        return wanted
    named = [id_ for id_, name in tariffs.items() if name == wanted]
    named = named or [id_ for id_, name in unique_names(tariffs).items() if name == wanted]
    if len(named) == 1:
        return named[0]
    if len(wanted) == _ID_LENGTH and set(wanted) <= _ID_DIGITS:
        return wanted
    names = ", ".join(sorted(unique_names(tariffs).values())) or "-"
    raise invalid("unknown_tariff", tariff=wanted, known=names)


async def _async_create_ticket(call: ServiceCall) -> ServiceResponse:
    """Open a support ticket (`POST /ticket`)."""
    target = await async_command_target(call)
    message = valid_text(call.data[ATTR_MESSAGE].strip(), longest=_LONGEST_TICKET)
    if not message:
        raise invalid("ticket_without_message")
    shared = target.coordinator.shared_names()
    if ports := [f"{target.name(p)}: {p}" for p in target.port_ids if target.name(p) in shared]:
        # Several stations have these names: only port ids are unique.
        message = "\n".join((message, "", *ports))
    names = list(dict.fromkeys(target.names))
    with command_errors(", ".join(names)):
        await target.coordinator.client.create_ticket(station_names=names, message=message)
    return {"stations": [*names], "message": message}
