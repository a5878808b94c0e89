"""Start and stop sessions, and set charging limits."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
import math
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..api import (
    ChargingLimit,
    ConnectorStatus,
    EevionConnectionError,
    EevionError,
    EevionNotFoundError,
    EevionRefusedError,
    EevionResponseError,
    Lane,
    LimitUnit,
    PortStatus,
    Session,
    SessionStatus,
)
from ..const import ERROR_NOT_PLUGGED_IN, LOGGER, MIN_LIMIT_A
from ..coordinator import EevionCoordinator
from ..errors import command_error, command_errors, failed, invalid, stations_error
from ..stations import StationState
from ..webhook import Webhook
from .limits import Failures, Limiter

# Seconds that a start waits for a list that is newer than the last poll.
_REFRESH_TIMEOUT_S = 1
# Some stations give a driver five minutes to be authorized.
_STOP_TIMEOUT_S = 330

_NOT_READY = {
    PortStatus.NOT_CONNECTED: "station_not_connected",
    PortStatus.OFFLINE: "station_out_of_service",
    PortStatus.COMING_SOON: "station_not_in_place",
    PortStatus.REMOVED: "station_not_in_place",
}


class ByHand(Enum):
    """A command that a person or an automation gave."""

    LIMIT = auto()
    START = auto()
    STOP = auto()


type ByHandListener = Callable[[str, ByHand], None]
"""Called with the port id after a command that was not smart charging's has succeeded."""


@dataclass(slots=True)
class _PendingCommand:
    """The commands of one station that are not done yet."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_stop_wanted: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def withdraw_stop(self) -> None:
        self.is_stop_wanted = False
        self.changed.set()


class Control:
    """Sends commands for one account, and applies their answers to the coordinator at once.

    Every method raises a translated HomeAssistantError where the command fails.
    """

    def __init__(self, coordinator: EevionCoordinator, webhook: Webhook) -> None:
        """Initialize; a stop that waits ends when the entry is unloaded."""
        self._coordinator = coordinator
        self._webhook = webhook
        self._limiter = Limiter(coordinator)
        self._pending: defaultdict[str, _PendingCommand] = defaultdict(_PendingCommand)
        self._listeners: list[ByHandListener] = []
        self._limited_by_hand: Counter[str] = Counter()
        """Numbers of limits on their way that are not smart charging's, by port id."""
        coordinator.config_entry.async_on_unload(self._async_withdraw_stops)

    @callback
    def _async_withdraw_stops(self) -> None:
        for pending in self._pending.values():
            pending.withdraw_stop()

    @callback
    def async_add_listener(self, listener: ByHandListener) -> CALLBACK_TYPE:
        """Listen for commands that are not smart charging's; return how to end that."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def _given(self, port_id: str, what: ByHand) -> None:
        for listener in tuple(self._listeners):
            listener(port_id, what)

    def is_limited_by_hand(self, port_id: str) -> bool:
        """Return whether a limit that is not smart charging's is on its way."""
        return self._limited_by_hand[port_id] > 0

    def _station(self, port_id: str) -> StationState:
        if station := self._coordinator.data.stations.get(port_id):
            return station
        raise invalid("unknown_station", station=port_id)

    async def async_start(
        self,
        port_id: str,
        *,
        continue_if_battery_full: bool | None = None,
        is_by_hand: bool = True,
    ) -> Session:
        """Start a session (`POST /session`) unless one is active; cancel a stop that still waits.

        `continue_if_battery_full` is sent as `continueIfBatteryFull`; None leaves it out.
        Returns the active session.
        """
        session = await self._async_begin(
            port_id, continue_if_battery_full=continue_if_battery_full
        )
        if is_by_hand:
            self._given(port_id, ByHand.START)
        return session

    async def _async_begin(self, port_id: str, *, continue_if_battery_full: bool | None) -> Session:
        pending = self._pending[port_id]
        pending.withdraw_stop()
        async with pending.lock:
            if self._ended_session_to_doubt(port_id):
                with command_errors(self._station(port_id).port.station_id):
                    await self._async_check_end(port_id)
            else:
                await self._async_refresh(self._coordinator.async_refresh_sessions())
            if session := self._station(port_id).active_session:
                return session
            if self._station(port_id).port.status in _NOT_READY:
                await self._async_refresh(self._coordinator.async_refresh_sites())
            station = self._station(port_id)
            port = station.port
            if port.status and (reason := _NOT_READY.get(port.status)):
                raise invalid(reason, station=port.station_id)
            if port.station_id in self._coordinator.shared_names():
                raise invalid("name_shared", station=port.station_id)
            try:
                with command_errors(port.station_id):
                    await self._async_start(
                        station, continue_if_battery_full=continue_if_battery_full
                    )
            finally:
                await self._coordinator.async_follow_command(port_id, _has_begun)
            if (session := self._station(port_id).active_session) is None:
                raise failed("start_not_seen", station=port.station_id)
            return session

    def _ended_session_to_doubt(self, port_id: str) -> Session | None:
        """Return the last session of a station if it may be active although it counts as ended.

        That is the case if no list confirmed its end, or if the station reports that it charges.
        """
        if session := self._coordinator.unconfirmed_end(port_id):
            return session
        station = self._station(port_id)
        is_charging = station.connector_status is ConnectorStatus.CHARGING
        return station.session if is_charging and not station.active_session else None

    async def _async_check_end(self, port_id: str) -> None:
        """Fetch the session that counts as ended without proof; raises EevionError."""
        await self._coordinator.async_refresh_sessions(is_forced=True)
        if session := self._ended_session_to_doubt(port_id):
            await self._coordinator.async_fetch_session(session)

    async def _async_refresh(self, refresh: Coroutine[Any, Any, None]) -> None:
        """Refresh the state before a command; after a failure or a second, keep the last one."""
        try:
            async with asyncio.timeout(_REFRESH_TIMEOUT_S):
                await refresh
        except (EevionError, TimeoutError) as err:
            LOGGER.debug("A command uses the state of the last poll: %r", err)

    async def _async_start(
        self, station: StationState, *, continue_if_battery_full: bool | None
    ) -> None:
        coordinator, port = self._coordinator, station.port
        sequence = coordinator.mark_request()
        try:
            session = await coordinator.client.start_session(
                station_id=port.station_id,
                port_id=port.port_id,
                continue_if_battery_full=continue_if_battery_full,
                webhook=self._webhook.url,
            )
        except (EevionConnectionError, EevionRefusedError, EevionResponseError) as err:
            # The session may have started nevertheless. A second start could bill it twice, so
            # the list decides.
            if isinstance(err, EevionRefusedError) and err.code == ERROR_NOT_PLUGGED_IN:
                raise
            sequence = coordinator.mark_request()
            if (found := await self._async_find_started(station)) is None:
                raise
            session = found
        coordinator.async_apply_partial(session.at_port(port.port_id), sequence=sequence)

    async def _async_find_started(self, station: StationState) -> Session | None:
        listed = await self._coordinator.client.list_sessions(
            stations=[station.port.station_id], lane=Lane.CONFIRM
        )
        return next(
            (s for s in listed.sessions if s.is_active and s.port_id == station.port.port_id), None
        )

    async def async_stop(self, port_id: str) -> None:
        """End the active session (`PATCH /session/{id}/stop`); wait while it is authorizing.

        A session that counts as ended is stopped, too, if its end is in doubt.
        """
        pending = self._pending[port_id]
        pending.is_stop_wanted = True
        if (station := self._station(port_id)).active_session is None:
            is_forced = self._ended_session_to_doubt(port_id) is not None
            with command_errors(station.port.station_id):
                await self._coordinator.async_refresh_sessions(is_forced=is_forced)
        remove = self._coordinator.async_add_listener(pending.changed.set, port_id)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                while pending.is_stop_wanted and await self._async_must_wait(port_id):
                    pending.changed.clear()
                    await pending.changed.wait()
        except TimeoutError as err:
            raise failed(
                "still_authorizing", station=self._station(port_id).port.station_id
            ) from err
        finally:
            remove()
        if pending.is_stop_wanted:
            self._given(port_id, ByHand.STOP)

    async def _async_must_wait(self, port_id: str) -> bool:
        """Stop the session; return True if it is still authorizing, which cannot be stopped."""
        async with self._pending[port_id].lock:
            station = self._station(port_id)
            session = station.active_session or self._ended_session_to_doubt(port_id)
            if session is None:
                return False
            if session.status is SessionStatus.AUTHORIZING:
                return True
            try:
                with command_errors(station.port.station_id):
                    return await self._async_stop(session, port_id)
            finally:
                await self._coordinator.async_follow_command(port_id, _has_ended)

    async def _async_stop(self, session: Session, port_id: str) -> bool:
        coordinator = self._coordinator
        try:
            stopped = await coordinator.client.stop_session(
                session_id=session.session_id, port_id=port_id
            )
        except (EevionConnectionError, EevionRefusedError, EevionResponseError) as err:
            try:
                newest = await coordinator.async_fetch_session(session)
            except EevionError:
                raise err from None
            if newest and newest.status is SessionStatus.AUTHORIZING:
                return True
            if newest and newest.is_active:
                raise
            # It may have ended before, and another session may have begun since. A session that
            # is not found once has not ended for that.
            await coordinator.async_refresh_sessions(is_forced=True)
            other = self._station(port_id).active_session
            if other and other.session_id != session.session_id:
                return await self._async_stop(other, port_id)
            if other or (newest is None and not isinstance(err, EevionNotFoundError)):
                raise
            return False
        coordinator.async_apply_partial(stopped.at_port(port_id))
        return False

    async def async_set_limits(self, wanted: Mapping[str, float], unit: LimitUnit) -> None:
        """Set charging limits, by port id, in one request (`POST /station/energy-management`).

        Each station has a result of its own; the error names those that failed.
        Where a limit is not possible, none is sent.
        """
        names = {
            port_id: self.limit(port_id, value, unit).station_id
            for port_id, value in wanted.items()
        }
        self._limited_by_hand.update(wanted.keys())
        try:
            failures = await self.async_try_limits(wanted, unit)
        finally:
            self._limited_by_hand.subtract(wanted.keys())
        for port_id in wanted.keys() - failures.keys():
            self._given(port_id, ByHand.LIMIT)
        if failures:
            raise stations_error(
                {names[port_id]: cause for port_id, cause in failures.items()}, _limit_error
            )

    async def async_try_limits(self, wanted: Mapping[str, float], unit: LimitUnit) -> Failures:
        """Limit stations, by port id, in one request; return why, where one was not limited."""
        shared = self._coordinator.shared_names()
        limits: dict[str, ChargingLimit] = {}
        failures: dict[str, EevionError | HomeAssistantError] = {}
        for port_id, value in wanted.items():
            try:
                limit = self.limit(port_id, value, unit)
                if limit.station_id in shared:
                    raise invalid("name_shared", station=limit.station_id)
            except ServiceValidationError as err:
                failures[port_id] = err
            else:
                limits[port_id] = limit
        if limits:
            failures |= await self._limiter.async_send(limits)
        return failures

    def limit(self, port_id: str, value: float, unit: LimitUnit) -> ChargingLimit:
        """Return a limit in amps or watts that the station can have.

        Raises ServiceValidationError unless it is 0, or from 6 A to the station's maximum.
        """
        station = self._station(port_id)
        port = station.port
        highest = station.highest_limit(unit)
        lowest = MIN_LIMIT_A * (1 if unit is LimitUnit.AMPERE else port.volts or 0)
        is_possible = math.isfinite(value) and lowest <= value <= (highest or math.inf)
        if value != 0 and not is_possible:
            raise invalid(
                "limit_out_of_range",
                station=port.station_id,
                limit=f"{value:g} {unit}",
                lowest=f"{lowest:g} {unit}",
                highest=f"{highest:g} {unit}" if highest else "-",
            )
        return ChargingLimit(station_id=port.station_id, unit=unit, limit=value)


def _limit_error(names: str, err: EevionError) -> HomeAssistantError:
    """Return the error for stations that refused a limit."""
    if isinstance(err, EevionRefusedError):
        return failed("limit_refused", station=names, message=err.message)
    return command_error(names, err)


def _has_begun(station: StationState) -> bool:
    """Return whether the list of sessions shows the result of a start."""
    session = station.active_session if station.is_session_listed else None
    return session is not None and session.status is not SessionStatus.AUTHORIZING


def _has_ended(station: StationState) -> bool:
    """Return whether the list of sessions shows the result of a stop."""
    return station.active_session is None and not station.is_charging
