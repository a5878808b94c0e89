"""Charging sessions, as `POST /session`, `GET /session/{id}` and the stop return them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
import math
from typing import Any, Self, override

from . import parse
from .enums import (
    ConnectorStatus,
    Currency,
    EndReason,
    EventState,
    SessionStatus,
    StartedWith,
)
from .model import Before, Model, at_most, inside, list_of, money, one_of, reported, required
from .tariff import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandResponseEvent(Model):
    """A utility (openADR) or load-sharing event that limits a station."""

    state: EventState | None = reported("eventState", one_of(EventState))
    type: str | None = reported("eventType", parse.text)
    power_limit_w: float | None = reported("eventPowerLimitWatts", at_most(parse.MOST_W))
    started_at: datetime | None = reported("eventStartTime", parse.timestamp)
    ends_at: datetime | None = reported("eventEndTime", parse.timestamp)
    """None is open-ended."""

    def state_at(self, now: datetime) -> EventState | None:
        """Return the reported state, else what follows from the times; None for neither."""
        if self.state:
            return self.state
        if self.started_at and self.started_at > now:
            return EventState.UPCOMING
        if self.ends_at and self.ends_at <= now:
            return EventState.COMPLETED
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit:
    """A limit at which the cloud ends the session."""

    type: str
    """`sessionTime` (`value` in seconds); the documentation announces more."""
    value: float

    @classmethod
    def list_from_json(cls, data: Any) -> tuple[Self, ...] | None:
        """Read `sessionLimits`: a list, one object or an empty object."""
        if data is None:
            return None
        return tuple(
            cls(type=kind, value=value)
            for item in (data if isinstance(data, list) else [data])
            if (kind := parse.text(parse.mapping(item).get("limitType")))
            and (value := parse.number(parse.mapping(item).get("limitValue"))) is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax(Model):
    """One line of a session's taxes, in the session's currency."""

    amount: float | None = reported("amount", money)
    description: str | None = reported("description", parse.text)


def _percentage(value: Any) -> float | None:
    percentage = parse.positive(value)
    return percentage if percentage is not None and percentage <= 100 else None  # noqa: PLR2004


def _tariff(value: Any) -> Tariff | None:
    """Read `tariff`; None if it is empty."""
    return Tariff.from_json(value) if parse.mapping(value) else None


def _vehicle(value: Any) -> str | None:
    vehicle = parse.text(value)
    return None if vehicle == "Unknown" else vehicle


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Model):
    """A charging session; None is "not reported".

    Customer and authorization ids are personal and not read.
    """

    session_id: str = field(metadata=required("sessionId"))
    port_id: str | None = reported("portId", parse.identifier)
    station_id: str | None = reported("stationId", parse.identifier)
    site_id: str | None = reported("location", inside("id", parse.identifier))
    time_zone: str | None = reported("location", inside("timeZone", parse.text))
    status: SessionStatus | None = reported("status", one_of(SessionStatus))
    connector_status: ConnectorStatus | None = reported("stationStatus", one_of(ConnectorStatus))
    """The station's present status, also in a session that has ended."""
    connector_status_at: datetime | None = reported("stationStatusTimestamp", parse.timestamp)
    """Since when the station has that status."""
    last_heartbeat: datetime | None = reported("stationLastHeartbeat", parse.timestamp)
    created_at: datetime | None = reported("createdAt", parse.timestamp)
    started_at: datetime | None = reported("startTime", parse.timestamp)
    ended_at: datetime | None = reported("endTime", parse.timestamp)
    updated_at: datetime | None = reported("updatedAt", parse.timestamp)
    duration_s: float | None = reported("duration", at_most(parse.MOST_S))
    energy_wh: float | None = reported("energy", parse.positive)
    """`energy`: watt-hours, though the documentation has watts."""
    power_w: float | None = reported("power", at_most(parse.MOST_W))
    cost: float | None = reported("cost", money)
    """In `currency`, with taxes."""
    cost_before_taxes: float | None = reported("costBeforeTaxes", money)
    currency: Currency | None = reported("currency", one_of(Currency))
    idle_fee: float | None = reported("currentIdleFee", money)
    """`currentIdleFee`: the price per idle-fee unit of the tariff."""
    is_idle: bool | None = reported("isIdle", parse.boolean)
    is_in_grace_period: bool | None = reported("isInGracePeriod", parse.boolean)
    grace_period_elapsed_s: float | None = reported(
        "gracePeriodElapsedSeconds", at_most(parse.MOST_S)
    )
    demand_response: tuple[DemandResponseEvent, ...] | None = reported(
        "demandResponse", list_of(DemandResponseEvent)
    )
    start_percentage: float | None = reported("startPercentageFilled", _percentage)
    end_percentage: float | None = reported("endPercentageFilled", _percentage)
    started_with: StartedWith | None = reported("startWith", one_of(StartedWith))
    end_reason: EndReason | None = reported("endReason", one_of(EndReason))
    limits: tuple[SessionLimit, ...] | None = reported("sessionLimits", SessionLimit.list_from_json)
    tariff: Tariff | None = reported("tariff", _tariff)
    tax_included: bool | None = reported("taxIncluded", parse.boolean)
    taxes: tuple[Tax, ...] | None = reported("taxes", list_of(Tax))
    vehicle: str | None = reported("vehicle", _vehicle)

    @property
    def is_active(self) -> bool:
        """Whether it has not ended; `status` has precedence over the end time and its reason."""
        if self.status is None:
            return self.ended_at is None and self.end_reason is None
        return self.status is not SessionStatus.COMPLETE

    @property
    def begun_at(self) -> datetime | None:
        """The start of the session, else its creation."""
        return self.started_at or self.created_at

    @property
    def active_event(self) -> DemandResponseEvent | None:
        """Return the event that limits the station now; ended sessions contain stale ones."""
        if not self.is_active:
            return None
        active = [e for e in self.demand_response or () if e.state is EventState.ACTIVE]
        return min(active, key=_limit, default=None)

    def at_port(self, port_id: str | None) -> Self:
        """Return this session with `port_id` if the answer did not contain one."""
        return self if self.port_id or not port_id else replace(self, port_id=port_id)

    def merged_with(self, newer: Session) -> Session:
        """Return this session with the fields that a newer, partial answer reports.

        The currency does not change within a session.
        """
        reported = {
            field.name: value
            for field in fields(newer)
            if (value := getattr(newer, field.name)) is not None
            and (field.name != "currency" or self.currency is None)
        }
        return replace(self, **reported)

    @classmethod
    @override
    def from_json(cls, data: Mapping[str, Any], before: Before[Self] | None = None) -> Self:
        """Read a session, whole or partial; raise EevionResponseError without `sessionId`.

        Of one that was read `before`, only the fields that changed are read.
        """
        return cls._from_fields(data, before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The answer of `POST /session` as a list, with all its pages or one of them."""

    sessions: tuple[Session, ...]
    is_complete: bool
    """False if a row or a page was not read: then a missing session may exist."""


def _limit(event: DemandResponseEvent) -> float:
    return math.inf if event.power_limit_w is None else event.power_limit_w
