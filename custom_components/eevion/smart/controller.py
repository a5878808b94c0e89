"""Runs the rule for one electrical connection: reads, decides and sends."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
import math
from typing import Any

from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HassJob,
    HomeAssistant,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import (
    async_call_later,
    async_track_state_change_event,
    async_track_time_interval,
)
from homeassistant.util import dt as dt_util

from ..api import ChargingLimit, EevionError, EndReason, LimitUnit, PortStatus, Session, StartedWith
from ..commands import ByHand, Control
from ..const import LOGGER
from ..coordinator import EevionCoordinator
from ..errors import loggable
from ..stations import StationState
from .inputs import Inputs
from .memory import SmartStationMemory
from .model import MIN_A, Mode, Outcome, Readings, StationInput
from .rule import State, step
from .settings import ConnectionSettings
from .station import SmartStation
from .store import SmartStore

_INTERVAL = timedelta(seconds=10)
# Reports within a second are read together, at its end.
_BETWEEN_STEPS_S = 1
# Vehicles follow a new limit, and a meter shows it, after so long; a slow meter at the latest
# after the longer time.
_SETTLE_S, _LONGEST_SETTLE_S = 5, 10
# The power that the cloud derives from energies follows later still.
_POWER_LAG_S = 40
# Energy is not counted over longer gaps.
_LONGEST_STEP_S = 60
# After a start that was refused, or a session that ended by itself.
_RETRY_START_S = 1800
# A session ended by hand counts for so long where the cloud does not show the vehicle.
_UNSEEN_S = 12 * 3600
# After a limit that was refused: the first pause doubles up to the longest one.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30, 600
_PAUSE_OVER_LIMIT_S = 10
_MOST_REFUSALS = 10
# For so long after the breaker began to carry too much, it is looked who charges.
_LOOK_S = 60
_MOST_SENT = 20
# Deliberate starts from afar. A card at the station is how a vehicle arrives.
_STARTS_BY_HAND = {StartedWith.IOS, StartedWith.ANDROID, StartedWith.EEVION}
_OTHER_STARTS = {StartedWith.CARD, StartedWith.ROAMING}
# How a session ends without a person who wants it so.
_ENDS_BY_ITSELF = {
    EndReason.EMERGENCY_STOP,
    EndReason.EV_DISCONNECTED,
    EndReason.HARD_RESET,
    EndReason.POWER_LOSS,
    EndReason.REBOOT,
    EndReason.SOFT_RESET,
}
_NO_START = {
    PortStatus.NOT_CONNECTED,
    PortStatus.OFFLINE,
    PortStatus.COMING_SOON,
    PortStatus.REMOVED,
}


class Controller:
    """The rule at work for one connection; the only part that knows time and commands."""

    def __init__(
        self,
        coordinator: EevionCoordinator,
        charging: Control,
        settings: ConnectionSettings,
        store: SmartStore,
        on_change: Callable[[Iterable[str]], None],
    ) -> None:
        """Prepare; `on_change` is called with the port ids whose decision or memory changed."""
        self._hass: HomeAssistant = coordinator.hass
        self._coordinator = coordinator
        self._charging = charging
        self._settings = settings
        self._store = store
        self._on_change = on_change
        self._inputs = Inputs(self._hass, settings.sensors)
        self.stations = {
            port_id: SmartStation(
                port_id=port_id,
                memory=store.stations.setdefault(port_id, SmartStationMemory()),
                inputs=self._inputs,
                has_price=settings.sensors.price is not None,
            )
            for port_id in settings.port_ids
        }
        """By port id."""
        memories = {port_id: station.memory for port_id, station in self.stations.items()}
        self._state = State(
            held={p: m.held_a for p, m in memories.items() if m.held_a is not None},
            deadlines={p: m.deadline for p, m in memories.items() if m.deadline is not None},
        )
        self._readings = Readings()
        self._powers: tuple[float | None, float | None, Mapping[str, float]] = (None, 0, {})
        """Of the grid, the battery and the vehicles, when they belonged together last."""
        self._settling_since: float | None = None
        """Since when they have not, in epoch seconds."""
        self._outcome = Outcome()
        self._started_at = self._stepped_at = self._sent_at = self._looked_at = -math.inf
        self._cancel_step: CALLBACK_TYPE | None = None
        """Cancels the step that waits for further reports of sensors."""
        self._is_warm = False
        """Whether all sensors have been read once, or have had the time to be."""
        self._is_over = False
        """Whether the meter shows more than the main breaker permits."""
        self._over_since = -math.inf
        self._is_asked = False
        """Whether a person chose something: that is sent at once."""
        self._sent: deque[Mapping[str, Any]] = deque(maxlen=_MOST_SENT)
        self._is_failing = False

    @callback
    def async_start(self) -> None:
        """Follow sensors, stations and the clock until the entry ends."""
        entry = self._coordinator.config_entry
        self._started_at = self._now
        self._restore_limits()
        entry.async_on_unload(async_track_time_interval(self._hass, self._async_on_time, _INTERVAL))
        entry.async_on_unload(self._async_cancel_step)
        entry.async_on_unload(
            async_track_state_change_event(
                self._hass, self._settings.sensors.entity_ids, self._async_on_sensor
            )
        )
        for port_id in self.stations:
            entry.async_on_unload(self._coordinator.async_add_listener(self.async_step, port_id))
        self.async_step()
        for station in self.stations.values():
            # A start from before a restart has been seen by now, or was in vain.
            station.memory.is_starting = False

    def _restore_limits(self) -> None:
        """Show the limits that were sent before the restart, where nothing else did."""
        present = self._coordinator.data.stations
        limits = {
            port_id: ChargingLimit(
                station_id=present[port_id].port.station_id,
                unit=LimitUnit.AMPERE,
                limit=station.memory.sent_a,
            )
            for port_id, station in self.stations.items()
            if station.memory.sent_a is not None
            and port_id in present
            and present[port_id].limit is None
        }
        if limits:
            self._coordinator.async_show_limits(limits)

    @callback
    def async_chosen(self, port_id: str, fields: Container[str]) -> None:
        """Act at once on what a person chose, by the fields of `SmartStationMemory`.

        A mode ends what was given by hand, a time of the day the plan of before and a deadline
        that is over.
        """
        memory = self.stations[port_id].memory
        if "ready_by" in fields:
            deadlines = {p: at for p, at in self._state.deadlines.items() if p != port_id}
            planned = self._state.planned - {port_id}
            self._state = replace(self._state, deadlines=deadlines, planned=planned)
        if "mode" in fields:
            state = self._coordinator.data.stations.get(port_id)
            memory.forgive(is_ended=state is None or state.active_session is None)
            if memory.mode is Mode.MANUAL and memory.sent_a == 0:
                self._release(port_id)
        self._is_asked = True
        self.async_step()
        self._changed([port_id])

    @callback
    def async_given_by_hand(self, port_id: str, what: ByHand) -> None:
        """Note a command that a person or an automation gave in Home Assistant."""
        memory = self.stations[port_id].memory
        is_controlled = memory.mode is not Mode.MANUAL
        if what is ByHand.LIMIT:
            if state := self._coordinator.data.stations.get(port_id):
                self._note_limit_by_hand(self.stations[port_id], state)
        elif what is ByHand.START:
            memory.is_start_known = True
            memory.is_overridden = is_controlled
            self._release(port_id)
        else:
            memory.is_end_known = memory.is_ended_by_hand = True
            memory.retry_at = self._now + _RETRY_START_S
        self._is_asked = what is ByHand.START
        self.async_step()
        self._changed([port_id])

    def _changed(self, port_ids: Iterable[str]) -> None:
        self._store.async_write_soon()
        self._on_change(port_ids)

    def _note_limit_by_hand(self, station: SmartStation, state: StationState) -> None:
        """Let a person's limit count; without a session there is nothing for it to count for."""
        memory = station.memory
        memory.sent_a, memory.before_a = None, self._limit_a(state)
        self._hold(station.port_id, None)
        if memory.mode is not Mode.MANUAL and state.active_session:
            memory.is_overridden = True

    @callback
    def _release(self, port_id: str) -> None:
        """Let a station that smart charging lowered get back what it had before."""
        station = self._coordinator.data.stations.get(port_id)
        memory = self.stations[port_id].memory
        if station and memory.sent_a is not None and memory.sent_a == self._limit_a(station):
            self._hold(port_id, memory.released_a(station.port.amps))

    def _hold(self, port_id: str, amps: float | None) -> None:
        held = {p: a for p, a in self._state.held.items() if p != port_id}
        if amps is not None:
            held[port_id] = amps
        self._state = replace(self._state, held=held)
        self.stations[port_id].memory.held_a = amps

    @callback
    def _async_on_time(self, _now: datetime) -> None:
        self.async_step()

    @callback
    def _async_on_sensor(self, _event: Event[EventStateChangedData]) -> None:
        if self._cancel_step:
            return
        since_s = abs(self._now - self._stepped_at)
        if since_s >= _BETWEEN_STEPS_S:
            self.async_step()
        else:
            job = HassJob(self._async_on_reports, cancel_on_shutdown=True)
            self._cancel_step = async_call_later(self._hass, _BETWEEN_STEPS_S - since_s, job)

    @callback
    def _async_on_reports(self, _now: datetime) -> None:
        self._cancel_step = None
        self.async_step()

    @callback
    def _async_cancel_step(self) -> None:
        if self._cancel_step:
            self._cancel_step()
            self._cancel_step = None

    @property
    def _now(self) -> float:
        return dt_util.utcnow().timestamp()

    @callback
    def async_step(self) -> None:
        """Read, decide, and send what is due."""
        now = self._now
        present = {
            port_id: state
            for port_id in self.stations
            if (state := self._coordinator.data.stations.get(port_id))
        }
        self._readings = self._inputs.read()
        noted = {p for p, state in present.items() if self._follow(self.stations[p], state, now)}
        changed = set(noted)
        volts = next((s.port.volts for s in present.values() if s.port.volts), None)
        connection = self._settings.connection(volts)
        was_over, self._is_over = self._is_over, connection.is_over(self._readings)
        if not was_over:
            self._over_since = now
        inputs = [self._input(self.stations[p], state, now) for p, state in present.items()]
        counted = self._count_sun(inputs, now)
        self._stepped_at = now
        if self._are_sensors_ready(now):
            readings, inputs = self._settled(inputs, now)
            self._state, self._outcome = step(self._state, connection, readings, inputs, now=now)
            changed |= {
                port_id
                for port_id, station in self.stations.items()
                if station.decide(self._outcome.decisions.get(port_id), now)
            }
            noted |= {p for p in present if self._remember_state(p)}
            self._send(inputs, now)
        if self._is_over and any(_may_be_arriving(given) for given in inputs):
            self._look_for_vehicles(now)
        if noted or counted:
            self._store.async_write_soon(is_counter=not noted)
        if changed := changed | counted:
            self._on_change(changed)

    def _look_for_vehicles(self, now: float) -> None:
        """Read who charges: the next poll may come too late for the breaker.

        Where no vehicle is found within a minute, the house alone draws too much.
        """
        is_recent = 0 <= now - self._looked_at < _PAUSE_OVER_LIMIT_S
        if is_recent or not 0 <= now - self._over_since < _LOOK_S:
            return
        self._looked_at = now
        self._coordinator.config_entry.async_create_background_task(
            self._hass, self._async_look_for_vehicles(), f"vehicles of {self._settings.title}"
        )

    async def _async_look_for_vehicles(self) -> None:
        try:
            await self._coordinator.async_refresh_sessions()
        except EevionError as err:
            LOGGER.debug("Smart charging cannot see who charges: %r", err)

    def _remember_state(self, port_id: str) -> bool:
        """Remember what of the rule's state outlives a restart; return whether that is new."""
        memory = self.stations[port_id].memory
        before = memory.held_a, memory.deadline
        memory.held_a = self._state.held.get(port_id)
        memory.deadline = self._state.deadlines.get(port_id)
        return before != (memory.held_a, memory.deadline)

    def _are_sensors_ready(self, now: float) -> bool:
        """Return whether to decide; after a restart, sensors may come a little later."""
        readings, sensors = self._readings, self._settings.sensors
        is_missing = (
            (sensors.grid_power is not None and readings.grid_w is None)
            or readings.battery_w is None
            or readings.is_price_missing
        )
        if not is_missing or not 0 <= now - self._started_at < sensors.patience_s:
            self._is_warm = True
        return self._is_warm

    def _settled(
        self, inputs: list[StationInput], now: float
    ) -> tuple[Readings, list[StationInput]]:
        """Return what is read and given; until a change is over, powers are those of before.

        Where one change follows the other, the meter counts nevertheless after
        `_LONGEST_SETTLE_S`; a vehicle then counts with the lower of both powers, as what the
        meter shows beyond that may be the house's.
        """
        drawn_w: Mapping[str, float] = {given.port_id: given.drawn_w for given in inputs}
        if not self._is_settling(now):
            self._settling_since = None
            self._powers = (self._readings.grid_w, self._readings.battery_w, drawn_w)
            return self._readings, inputs
        if self._settling_since is None:
            self._settling_since = now
        elif not 0 <= now - self._settling_since < _LONGEST_SETTLE_S:
            self._settling_since = now
            before_w = self._powers[2]
            lower_w = {p: min(watts, before_w.get(p, watts)) for p, watts in drawn_w.items()}
            self._powers = (self._readings.grid_w, self._readings.battery_w, lower_w)
        grid_w, battery_w, drawn_w = self._powers
        return (
            replace(self._readings, grid_w=grid_w, battery_w=battery_w),
            [replace(given, settling_w=drawn_w.get(given.port_id, 0)) for given in inputs],
        )

    def _is_settling(self, now: float) -> bool:
        """Return whether the meter may still show what the vehicles drew before a change."""
        if self._settings.sensors.grid_power is None or self._powers[0] is None:
            return False
        changed_at = max((s.changed_at for s in self.stations.values()), default=-math.inf)
        if not 0 <= now - changed_at < _LONGEST_SETTLE_S:
            return False
        return now - changed_at < _SETTLE_S or self._inputs.grid_heard_at <= changed_at

    def _input(self, station: SmartStation, state: StationState, now: float) -> StationInput:
        """Return what the rule needs of a station."""
        memory = station.memory
        session = state.active_session
        event = state.demand_response
        max_a = state.highest_limit(LimitUnit.AMPERE) or 0
        if self._settings.max_current_a is not None:
            max_a = min(max_a, self._settings.max_current_a)
        limit_a = self._limit_a(state)
        if station.given and limit_a != station.given.limit_a:
            station.took_all, station.limited_at = station.given.takes_all, now
            is_rise = limit_a > station.given.limit_a
            station.is_assumed = station.given.is_power_unseen or is_rise
            station.changed_at = now
        if station.given and station.given.is_charging and not state.is_charging:
            station.changed_at = now
        is_power_old = station.took_all and 0 <= now - station.limited_at < _POWER_LAG_S
        station.given = StationInput(
            port_id=station.port_id,
            mode=memory.mode,
            is_always_on=memory.is_always_on,
            target_wh=memory.target_wh,
            ready_by=_ready_by(memory, now) if memory.target_wh > 0 else None,
            price_limit=memory.price_limit if station.has_price else None,
            max_a=int(max_a),
            watts_per_a=self._settings.watts_per_a(state.port.volts),
            limit_a=limit_a,
            power_w=None if is_power_old else state.power_w,
            is_power_unseen=station.is_assumed if is_power_old else state.power_w is None,
            is_active=session is not None,
            is_charging=state.is_charging,
            charged_wh=(session.energy_wh or 0) if session else 0,
            demand_response_w=event.power_limit_w if session and event else None,
            is_overridden=memory.is_overridden,
            may_start=_may_start(station, state, now),
            is_stuck=0 <= now - station.refused_at < self._pause_s(station),
        )
        return station.given

    def _limit_a(self, state: StationState) -> float:
        """Return the limit in force in amps, also where it was given in watts."""
        if state.limit and state.limit.unit is LimitUnit.WATT:
            return state.limit.limit / self._settings.watts_per_a(state.port.volts)
        return state.limit_in(LimitUnit.AMPERE) or 0

    def _follow(self, station: SmartStation, state: StationState, now: float) -> bool:
        """Note what came to be at a station; return whether that is to be remembered."""
        memory, session = station.memory, state.session
        before = replace(memory)
        is_seen = state.is_plugged_in is True or state.port.status is PortStatus.IN_USE
        if is_seen and station.is_vehicle_seen is False:
            memory.retry_at = 0
        station.is_vehicle_seen = is_seen
        station.is_vehicle_left = state.active_session is None and (
            station.is_vehicle_left or is_seen
        )
        limit_a = self._limit_a(state)
        if station.given and limit_a not in (
            station.given.limit_a,
            *station.sending,
            memory.sent_a,
        ):
            self._note_limit_by_hand(station, state)
        if memory.is_ended_by_hand and _has_vehicle_left(station, state, now):
            memory.is_ended_by_hand = False
        if session is None:
            return memory != before
        if session.session_id != memory.session_id:
            memory.begin(session.session_id)
        if session.is_active:
            self._follow_start(station, session)
        else:
            _follow_end(memory, session, now)
        return memory != before

    def _follow_start(self, station: SmartStation, session: Session) -> None:
        """Judge by what started a session whether a person wants it as it is."""
        memory = station.memory
        if memory.is_start_known:
            return
        memory.is_start_known = session.started_with in _STARTS_BY_HAND | _OTHER_STARTS
        if session.started_with in _STARTS_BY_HAND:
            memory.is_overridden = True
            self._release(station.port_id)

    def _count_sun(self, inputs: Sequence[StationInput], now: float) -> set[str]:
        """Add what flowed since the last step, and what of it the grid did not deliver."""
        seconds = now - self._stepped_at
        grid_w = self._readings.grid_w
        drawn_w = {s.port_id: s.drawn_w for s in inputs if s.drawn_w > 0}
        if grid_w is None or not drawn_w or not 0 < seconds <= _LONGEST_STEP_S:
            return set()
        total_w = sum(drawn_w.values())
        of_sun = 1 - min(max(grid_w, 0), total_w) / total_w
        for port_id, watts in drawn_w.items():
            memory = self.stations[port_id].memory
            memory.charged_ws += watts * seconds
            memory.sun_ws += watts * seconds * of_sun
        return set(drawn_w)

    @callback
    def _send(self, inputs: Iterable[StationInput], now: float) -> None:
        """Send limits and starts that are due; all limits in one request."""
        limits: dict[str, float] = {}
        starts: list[str] = []
        is_lower = False
        for given in inputs:
            station = self.stations[given.port_id]
            limit_a = station.decision.limit_a if station.decision else None
            if limit_a is None or given.is_stuck:
                continue
            # One that a person has given since is not to be replaced before it counts.
            if self._charging.is_limited_by_hand(given.port_id):
                continue
            present_a = station.sending[-1] if station.sending else given.limit_a
            is_ignored = limit_a == present_a and self._is_ignored(station, given, now)
            if limit_a != present_a or is_ignored:
                limits[given.port_id] = limit_a
                is_lower = is_lower or limit_a < present_a or is_ignored
            if given.may_start and limit_a >= MIN_A and not station.is_start_sent:
                starts.append(given.port_id)
        is_asked, self._is_asked = self._is_asked, False
        if not limits and not starts:
            return
        is_urgent = is_asked or (self._outcome.is_urgent and is_lower)
        if not is_urgent and 0 <= now - self._sent_at < self._outcome.between_s:
            return
        self._sent_at = now
        if limits:
            self._begin_limits(limits, now)
        for port_id in starts:
            self._begin_start(port_id, now)

    def _is_ignored(self, station: SmartStation, given: StationInput, now: float) -> bool:
        """Return whether a vehicle charges on at 0 A while the breaker carries too much.

        The station may have lost its limit, or have another one from outside of Home Assistant.
        """
        is_charging = given.is_charging and given.limit_a == 0
        return self._is_over and is_charging and not 0 <= now - station.sent_at < _POWER_LAG_S

    def _begin_limits(self, limits: Mapping[str, float], now: float) -> None:
        for port_id, limit_a in limits.items():
            station = self.stations[port_id]
            station.sending.append(limit_a)
            station.sent_at = now
            if station.memory.sent_a is None:
                state = self._coordinator.data.stations[port_id]
                station.memory.before_a = self._limit_a(state) if state.limit else None
        self._coordinator.config_entry.async_create_background_task(
            self._hass, self._async_send_limits(limits, now), f"limits of {self._settings.title}"
        )

    async def _async_send_limits(self, limits: Mapping[str, float], now: float) -> None:
        """Send limits; those that are refused are tried again after a pause."""
        failures: Mapping[str, Exception] = {}
        try:
            failures = await self._charging.async_try_limits(limits, LimitUnit.AMPERE)
            for port_id, limit_a in limits.items():
                if port_id not in failures:
                    self._note_taken(self.stations[port_id], limit_a)
        finally:
            for port_id, limit_a in limits.items():
                self.stations[port_id].sending.remove(limit_a)
        for port_id in failures:
            station = self.stations[port_id]
            station.refusals = min(station.refusals + 1, _MOST_REFUSALS)
            station.refused_at = self._now
        self._note_sent(limits, failures, now)
        self.async_step()
        self._changed(limits)

    def _note_taken(self, station: SmartStation, limit_a: float) -> None:
        station.refusals, station.refused_at = 0, -math.inf
        # A person may have given another one meanwhile.
        state = self._coordinator.data.stations.get(station.port_id)
        if state and self._limit_a(state) == limit_a:
            station.memory.sent_a = limit_a

    def _pause_s(self, station: SmartStation) -> float:
        """Return how long a limit that was refused is not tried again, in seconds.

        The breaker waits for no pause that began for comfort.
        """
        if self._is_over:
            return _PAUSE_OVER_LIMIT_S
        return min(_FIRST_PAUSE_S * 2.0 ** (station.refusals - 1), _LONGEST_PAUSE_S)

    def _note_sent(
        self, limits: Mapping[str, float], failures: Mapping[str, Exception], now: float
    ) -> None:
        self._sent.append(
            {
                "at": dt_util.utc_from_timestamp(now),
                "limits": {
                    port_id: {
                        "limit_a": limit_a,
                        "reason": self.stations[port_id].reason,
                        "failure": type(failures[port_id]).__name__
                        if port_id in failures
                        else None,
                    }
                    for port_id, limit_a in limits.items()
                },
            }
        )
        was_failing, self._is_failing = self._is_failing, bool(failures)
        if failures and not was_failing:
            # What the cloud says may name people and places.
            reasons = ", ".join(sorted({type(err).__name__ for err in failures.values()}))
            LOGGER.warning(
                "Smart charging cannot limit %d of %d stations and tries again: %s",
                len(failures),
                len(limits),
                reasons,
            )
        elif was_failing and not failures:
            LOGGER.info("Smart charging can limit its stations again")

    def _begin_start(self, port_id: str, now: float) -> None:
        station = self.stations[port_id]
        station.is_start_sent = station.memory.is_starting = True
        station.memory.retry_at = now + _RETRY_START_S
        self._coordinator.config_entry.async_create_background_task(
            self._hass, self._async_start_session(station), f"start of {self._settings.title}"
        )

    async def _async_start_session(self, station: SmartStation) -> None:
        """Start a session; where that is refused, there is no vehicle or nothing to be done."""
        try:
            await self._charging.async_start(station.port_id, is_by_hand=False)
        except HomeAssistantError as err:
            LOGGER.debug("Smart charging cannot start a session for now: %s", loggable(err))
        finally:
            station.is_start_sent = station.memory.is_starting = False
        self.async_step()
        self._changed([station.port_id])

    def as_dict(self) -> dict[str, Any]:
        """Return what was read, decided and sent, for diagnostics."""
        readings = asdict(self._readings)
        readings["prices"] = len(self._readings.prices)
        settings = asdict(self._settings)
        del settings["title"]
        for name in ("grid_power", "battery_power", "battery_level", "price", "cheap_times"):
            settings["sensors"][name] = settings["sensors"][name] is not None
        return {
            "settings": settings,
            "readings": readings,
            "is_over_limit": self._outcome.is_urgent,
            "stations": {
                port_id: {
                    "memory": station.memory.to_json(),
                    "decision": asdict(station.decision) if station.decision else None,
                    "refusals": station.refusals,
                }
                for port_id, station in self.stations.items()
            },
            "sent": list(self._sent),
        }


def _follow_end(memory: SmartStationMemory, session: Session, now: float) -> None:
    """Judge by why a session ended whether a person wants it so."""
    memory.is_overridden = False
    if not memory.is_end_known:
        # A reason that the cloud does not name may be a person's.
        memory.is_end_known = session.end_reason is not None
        memory.is_ended_by_hand = session.end_reason not in _ENDS_BY_ITSELF
        memory.retry_at = now + _RETRY_START_S


def _has_vehicle_left(station: SmartStation, state: StationState, now: float) -> bool:
    """Return whether the vehicle of an ended session has left, or may have left long ago.

    The cloud shows a vehicle for as long as it lists the session, some 30 minutes.
    """
    if state.is_plugged_in is None:
        return now - station.memory.retry_at >= _UNSEEN_S
    return station.is_vehicle_left and not state.is_plugged_in


def _may_be_arriving(given: StationInput) -> bool:
    """Return whether a vehicle may charge at a station whose session is not seen yet."""
    return not given.is_active and given.limit_a >= MIN_A


def _may_start(station: SmartStation, state: StationState, now: float) -> bool:
    """Return whether a start may be tried: no session goes on, and nothing is against it."""
    memory = station.memory
    return (
        state.active_session is None
        and memory.mode in (Mode.SMART, Mode.FAST)
        and not memory.is_ended_by_hand
        and (station.is_start_sent or not 0 < memory.retry_at - now <= _RETRY_START_S)
        and state.port.status not in _NO_START
    )


def _ready_by(memory: SmartStationMemory, now: float) -> float:
    """Return the next moment of the time of day; one that a clock change skips is later."""
    local = dt_util.as_local(dt_util.utc_from_timestamp(now))
    moment = datetime.combine(local.date(), memory.ready_by, local.tzinfo)
    if moment.timestamp() <= now:
        tomorrow = local.date() + timedelta(days=1)
        moment = datetime.combine(tomorrow, memory.ready_by, local.tzinfo)
    return moment.timestamp()
