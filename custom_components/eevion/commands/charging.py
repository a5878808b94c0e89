"""Start, stop and limit: what people and automations ask of a station."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
import math
from typing import Any

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

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
from ..stations.station import StationState
from ..webhook import Webhook
from .limits import Limiter

# So long a start waits to hear of sessions that began since the newest list.
_LOOK_S = 1
# Some stations give a driver five minutes to be authorized.
_STOP_PATIENCE_S = 330

_NOT_READY = {
    PortStatus.NOT_CONNECTED: "station_not_connected",
    PortStatus.OFFLINE: "station_out_of_service",
    PortStatus.COMING_SOON: "station_not_in_place",
    PortStatus.REMOVED: "station_not_in_place",
}


@dataclass(slots=True)
class _PendingCommand:
    """What somebody wants of one station."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_stop_wanted: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def withdraw_stop(self) -> None:
        self.is_stop_wanted = False
        self.changed.set()


class Control:
    """Gives commands for one account and shows at once what the cloud answers."""

    def __init__(self, coordinator: EevionCoordinator, webhook: Webhook) -> None:
        """Prepare; a stop that waits ends with the entry."""
        self._coordinator = coordinator
        self._webhook = webhook
        self._limiter = Limiter(coordinator)
        self._pending: defaultdict[str, _PendingCommand] = defaultdict(_PendingCommand)
        coordinator.config_entry.async_on_unload(self._async_withdraw_stops)

    @callback
    def _async_withdraw_stops(self) -> None:
        for wish in self._pending.values():
            wish.withdraw_stop()

    def _station(self, port_id: str) -> StationState:
        if station := self._coordinator.data.stations.get(port_id):
            return station
        raise invalid("unknown_station", station=port_id)

    async def async_start(
        self, port_id: str, *, continue_if_battery_full: bool | None = None
    ) -> None:
        """Start a session unless one goes on; take back a stop that still waits."""
        wish = self._pending[port_id]
        wish.withdraw_stop()
        async with wish.lock:
            if self._ended_session_to_doubt(port_id):
                with command_errors(self._station(port_id).port.station_id):
                    await self._async_check_end(port_id)
            else:
                await self._async_look(self._coordinator.async_renew_sessions())
            if self._station(port_id).active_session:
                return
            if self._station(port_id).port.status in _NOT_READY:
                await self._async_look(self._coordinator.async_renew_sites())
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
            if self._station(port_id).active_session is None:
                raise failed("start_not_seen", station=port.station_id)

    def _ended_session_to_doubt(self, port_id: str) -> Session | None:
        """Return the last session of a station that may go on, though it counts as ended.

        So it is where no list confirmed its end, or where the station is said to charge.
        """
        if session := self._coordinator.unconfirmed_end(port_id):
            return session
        station = self._station(port_id)
        is_charging = station.connector_status is ConnectorStatus.CHARGING
        return station.session if is_charging and not station.active_session else None

    async def _async_check_end(self, port_id: str) -> None:
        """See whether a session goes on that counts as ended; raises EevionError."""
        await self._coordinator.async_renew_sessions(is_forced=True)
        if session := self._ended_session_to_doubt(port_id):
            await self._coordinator.async_fetch_session(session)

    async def _async_look(self, renewal: Coroutine[Any, Any, None]) -> None:
        """See what happened at the station since the newest poll, if the cloud tells it soon."""
        try:
            async with asyncio.timeout(_LOOK_S):
                await renewal
        except (EevionError, TimeoutError) as err:
            LOGGER.debug("A command goes by what was known before: %r", err)

    async def _async_start(
        self, station: StationState, *, continue_if_battery_full: bool | None
    ) -> None:
        coordinator, port = self._coordinator, station.port
        asked = coordinator.mark_request()
        try:
            session = await coordinator.client.start_session(
                station_id=port.station_id,
                port_id=port.port_id,
                continue_if_battery_full=continue_if_battery_full,
                webhook=self._webhook.url,
            )
        except (EevionConnectionError, EevionRefusedError, EevionResponseError) as err:
            # The cloud may have taken it, or somebody was quicker; a second start is no way
            # to find out.
            if isinstance(err, EevionRefusedError) and err.code == ERROR_NOT_PLUGGED_IN:
                raise
            asked = coordinator.mark_request()
            if (found := await self._async_find_started(station)) is None:
                raise
            session = found
        coordinator.async_apply_partial(session.at_port(port.port_id), asked=asked)

    async def _async_find_started(self, station: StationState) -> Session | None:
        listed = await self._coordinator.client.list_sessions(
            stations=[station.port.station_id], lane=Lane.CONFIRM
        )
        return next(
            (s for s in listed.sessions if s.is_active and s.port_id == station.port.port_id), None
        )

    async def async_stop(self, port_id: str) -> None:
        """End the session that goes on; wait where the cloud still authorizes it.

        One that counts as ended is stopped as well, where its end is in doubt.
        """
        wish = self._pending[port_id]
        wish.is_stop_wanted = True
        if (station := self._station(port_id)).active_session is None:
            is_forced = self._ended_session_to_doubt(port_id) is not None
            with command_errors(station.port.station_id):
                await self._coordinator.async_renew_sessions(is_forced=is_forced)
        remove = self._coordinator.async_add_listener(wish.changed.set, port_id)
        try:
            async with asyncio.timeout(_STOP_PATIENCE_S):
                while wish.is_stop_wanted and await self._async_must_wait(port_id):
                    wish.changed.clear()
                    await wish.changed.wait()
        except TimeoutError as err:
            raise failed(
                "still_authorizing", station=self._station(port_id).port.station_id
            ) from err
        finally:
            remove()

    async def _async_must_wait(self, port_id: str) -> bool:
        """Stop the session if that is possible now; return whether it is too early."""
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
            # It may have ended before, and another one may have begun since. That one look-up
            # does not find it is no end.
            await coordinator.async_renew_sessions(is_forced=True)
            other = self._station(port_id).active_session
            if other and other.session_id != session.session_id:
                return await self._async_stop(other, port_id)
            if other or (newest is None and not isinstance(err, EevionNotFoundError)):
                raise
            return False
        coordinator.async_apply_partial(stopped.at_port(port_id))
        return False

    async def async_set_limits(self, wanted: Mapping[str, float], unit: LimitUnit) -> None:
        """Limit stations, by port id, in one request; each station's own answer counts."""
        limits = {port_id: self.limit(port_id, value, unit) for port_id, value in wanted.items()}
        shared = self._coordinator.shared_names()
        failures: dict[str, EevionError | HomeAssistantError] = {
            port_id: invalid("name_shared", station=limit.station_id)
            for port_id, limit in limits.items()
            if limit.station_id in shared
        }
        if plain := {port_id: limits[port_id] for port_id in limits if port_id not in failures}:
            failures |= await self._limiter.async_send(plain)
        if failures:
            raise stations_error(
                {limits[port_id].station_id: cause for port_id, cause in failures.items()},
                _limit_error,
            )

    def limit(self, port_id: str, value: float, unit: LimitUnit) -> ChargingLimit:
        """Return a limit that the station can have: 0, or from 6 A to what it is built for."""
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
    """Return the error for stations that did not take a limit."""
    if isinstance(err, EevionRefusedError):
        return failed("limit_refused", station=names, message=err.message)
    return command_error(names, err)


def _has_begun(station: StationState) -> bool:
    """Tell whether the cloud's list shows what a start did."""
    session = station.active_session if station.is_session_listed else None
    return session is not None and session.status is not SessionStatus.AUTHORIZING


def _has_ended(station: StationState) -> bool:
    """Tell whether the cloud's list shows what a stop did."""
    return station.active_session is None and not station.is_charging
