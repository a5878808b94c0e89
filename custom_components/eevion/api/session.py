"""Charging sessions, as `POST /session`, `GET /session/{id}` and the stop tell them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
import math
from typing import Any, Self

from . import parse
from .enums import (
    ConnectorStatus,
    Currency,
    EndReason,
    EventState,
    SessionStatus,
    StartedWith,
)
from .reader import Before, Rows
from .tariff import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandResponseEvent:
    """A utility (openADR) or load-sharing event that limits the station."""

    state: EventState | None
    type: str | None
    power_limit_w: float | None
    started_at: datetime | None
    ends_at: datetime | None
    """None is open-ended."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one of a session's `demandResponse`."""
        return cls(
            state=parse.word(EventState, data.get("eventState")),
            type=parse.text(data.get("eventType")),
            power_limit_w=parse.positive(data.get("eventPowerLimitWatts"), most=parse.MOST_W),
            started_at=parse.timestamp(data.get("eventStartTime")),
            ends_at=parse.timestamp(data.get("eventEndTime")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit:
    """A limit at which the cloud ends the session by itself."""

    type: str
    """`sessionTime` (seconds); more are announced."""
    value: float

    @classmethod
    def list_from_json(cls, data: Any) -> tuple[Self, ...] | None:
        """Read `sessionLimits`, which is a list, one object, or an empty object."""
        if data is None:
            return None
        return tuple(
            cls(type=kind, value=value)
            for item in (data if isinstance(data, list) else [data])
            if (kind := parse.text(parse.mapping(item).get("limitType")))
            and (value := parse.number(parse.mapping(item).get("limitValue"))) is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """One line of a session's taxes, in the session's currency."""

    amount: float | None
    description: str | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one of a session's `taxes`."""
        return cls(
            amount=parse.number(data.get("amount"), most=parse.MOST_MONEY),
            description=parse.text(data.get("description")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One charging session. None is "the cloud did not tell".

    Who charged is left at the door: customer and authorization ids are not read.
    """

    session_id: str
    port_id: str | None
    station_id: str | None = None
    site_id: str | None = None
    time_zone: str | None = None
    status: SessionStatus | None = None
    connector_status: ConnectorStatus | None = None
    """The station's present status, also in a session that has ended."""
    last_heartbeat: datetime | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    updated_at: datetime | None = None
    duration_s: float | None = None
    energy_wh: float | None = None
    """`energy`: the documentation says watts and means watt-hours."""
    power_w: float | None = None
    cost: float | None = None
    """In `currency`, with taxes."""
    cost_before_taxes: float | None = None
    currency: Currency | None = None
    idle_fee: float | None = None
    """`currentIdleFee`: a price for each of the tariff's idle-fee units."""
    is_idle: bool | None = None
    is_in_grace_period: bool | None = None
    grace_period_elapsed_s: float | None = None
    demand_response: tuple[DemandResponseEvent, ...] | None = None
    start_percentage: float | None = None
    end_percentage: float | None = None
    started_with: StartedWith | None = None
    end_reason: EndReason | None = None
    limits: tuple[SessionLimit, ...] | None = None
    tariff: Tariff | None = None
    tax_included: bool | None = None
    taxes: tuple[Tax, ...] | None = None
    vehicle: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether it goes on; `status` wins over an empty or early end time."""
        if self.status is None:
            return self.ended_at is None
        return self.status is not SessionStatus.COMPLETE

    @property
    def active_event(self) -> DemandResponseEvent | None:
        """The event that limits the station now; ended sessions keep stale ones."""
        if not self.is_active:
            return None
        active = [e for e in self.demand_response or () if e.state is EventState.ACTIVE]
        return min(active, key=_limit, default=None)

    def at_port(self, port_id: str | None) -> Self:
        """Return this session with a port, where the answer did not name it."""
        return self if self.port_id or not port_id else replace(self, port_id=port_id)

    def merged_with(self, newer: Session) -> Session:
        """Return this session with all that a partial answer tells.

        A currency that is known stays: money never changes it within a session.
        """
        told = {
            field.name: value
            for field in fields(newer)
            if (value := getattr(newer, field.name)) is not None
            and (field.name != "currency" or self.currency is None)
        }
        return replace(self, **told)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], before: Before[Session] | None = None) -> Session:
        """Read a session, whole or partial; raise EevionResponseError without `sessionId`.

        Of one that was read `before`, only the fields that changed are read.
        """
        if before is None or before.row.keys() != data.keys():
            session_id = parse.required(data, "sessionId")
            told = {name: read(data.get(key)) for key, name, read in _FIELDS}
            return cls(session_id=session_id, **told)
        known = before.row
        news = [key for key, value in data.items() if known[key] != value]
        changes = {
            name: read(data[key]) for key in news for name, read in _FIELDS_BY_KEY.get(key, ())
        }
        return replace(before.model, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The answer of `POST /session` without a station to start, all pages of it."""

    sessions: tuple[Session, ...]
    is_complete: bool
    """False where a row or the end could not be read: then absence proves nothing."""

    @classmethod
    def from_rows(cls, rows: Rows[Session]) -> Self:
        """Take all sessions that could be read, of a list that is one page."""
        return cls(sessions=rows.models, is_complete=rows.is_complete)


def _limit(event: DemandResponseEvent) -> float:
    return math.inf if event.power_limit_w is None else event.power_limit_w


def _percentage(value: Any) -> float | None:
    percentage = parse.positive(value)
    return percentage if percentage is not None and percentage <= 100 else None  # noqa: PLR2004


def _list[R](value: Any, read: Any) -> tuple[R, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(parse.rows(value, read)[0])


def _demand_response(value: Any) -> tuple[DemandResponseEvent, ...] | None:
    return _list(value, DemandResponseEvent.from_json)


def _taxes(value: Any) -> tuple[Tax, ...] | None:
    return _list(value, Tax.from_json)


def _vehicle(value: Any) -> str | None:
    vehicle = parse.text(value)
    return None if vehicle == "Unknown" else vehicle


_money = partial(parse.number, most=parse.MOST_MONEY)
_seconds = partial(parse.positive, most=parse.MOST_S)

_FIELDS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("portId", "port_id", parse.identifier),
    ("stationId", "station_id", parse.identifier),
    ("location", "site_id", lambda value: parse.identifier(parse.mapping(value).get("id"))),
    ("location", "time_zone", lambda value: parse.text(parse.mapping(value).get("timeZone"))),
    ("status", "status", partial(parse.word, SessionStatus)),
    ("stationStatus", "connector_status", partial(parse.word, ConnectorStatus)),
    ("stationLastHeartbeat", "last_heartbeat", parse.timestamp),
    ("createdAt", "created_at", parse.timestamp),
    ("startTime", "started_at", parse.timestamp),
    ("endTime", "ended_at", parse.timestamp),
    ("updatedAt", "updated_at", parse.timestamp),
    ("duration", "duration_s", _seconds),
    ("energy", "energy_wh", parse.positive),
    ("power", "power_w", partial(parse.positive, most=parse.MOST_W)),
    ("cost", "cost", _money),
    ("costBeforeTaxes", "cost_before_taxes", _money),
    ("currency", "currency", partial(parse.word, Currency)),
    ("currentIdleFee", "idle_fee", _money),
    ("isIdle", "is_idle", parse.boolean),
    ("isInGracePeriod", "is_in_grace_period", parse.boolean),
    ("gracePeriodElapsedSeconds", "grace_period_elapsed_s", _seconds),
    ("demandResponse", "demand_response", _demand_response),
    ("startPercentageFilled", "start_percentage", _percentage),
    ("endPercentageFilled", "end_percentage", _percentage),
    ("startWith", "started_with", partial(parse.word, StartedWith)),
    ("endReason", "end_reason", partial(parse.word, EndReason)),
    ("sessionLimits", "limits", SessionLimit.list_from_json),
    ("tariff", "tariff", Tariff.from_json),
    ("taxIncluded", "tax_included", parse.boolean),
    ("taxes", "taxes", _taxes),
    ("vehicle", "vehicle", _vehicle),
)
"""Key of the answer, attribute, and how it is read."""
_FIELDS_BY_KEY = {
    key: tuple((name, read) for known, name, read in _FIELDS if known == key)
    for key, _, _ in _FIELDS
}
