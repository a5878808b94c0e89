"""Events of sessions, from the changes of stations."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from homeassistant.core import callback
from homeassistant.helpers.dispatcher import async_dispatcher_send

from ..api import ConnectorStatus, Session
from ..const import EVENT_SESSION, signal
from ..coordinator import STATIONS_CHANGED, EevionCoordinator
from ..polling import ListenerContext
from ..stations import StationState, reached_limits, session_event

_SUSPENDED = (ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)


class SessionWatch:
    """Sends a signal for each event of a session, at all stations of an account."""

    def __init__(self, coordinator: EevionCoordinator) -> None:
        """Initialize; `async_start` begins."""
        self._coordinator = coordinator
        self._before: dict[str, StationState] = {}
        """The states up to which the events are sent, by port id."""
        self._removes: dict[str, Callable[[], None]] = {}

    @callback
    def async_start(self) -> None:
        """Begin with the present states: earlier changes are no events."""
        entry = self._coordinator.config_entry
        entry.async_on_unload(
            self._coordinator.async_add_listener(self._async_follow, STATIONS_CHANGED)
        )
        entry.async_on_unload(self._async_stop)
        self._async_follow()

    @callback
    def _async_follow(self) -> None:
        for port_id, state in self._coordinator.data.stations.items():
            if port_id not in self._before:
                self._before[port_id] = state
                self._removes[port_id] = self._coordinator.async_add_listener(
                    partial(self._async_update, port_id), ListenerContext(port_id, None)
                )
        for port_id in self._before.keys() - self._coordinator.devices.present:
            del self._before[port_id]
            self._removes.pop(port_id)()

    @callback
    def _async_update(self, port_id: str) -> None:
        """Send the events since the last state; while the station is unavailable, they wait."""
        state = self._coordinator.data.stations.get(port_id)
        if state is None or not self._coordinator.last_update_success:
            return
        before, self._before[port_id] = self._before[port_id], state
        if _goes_on(before.session, state.session):
            return
        for event, attributes in _session_events(before, state):
            name = signal(self._coordinator.config_entry, port_id, EVENT_SESSION)
            async_dispatcher_send(self._coordinator.hass, name, event, attributes)

    @callback
    def _async_stop(self) -> None:
        for remove in self._removes.values():
            remove()


def _goes_on(old: Session | None, new: Session | None) -> bool:
    """Return whether a session without limits only delivers more: then there is no event."""
    return (
        old is not None
        and new is not None
        and old.session_id == new.session_id
        and old.status is new.status
        and old.connector_status is new.connector_status
        and old.is_active == new.is_active
        and not new.limits
    )


type _Event = tuple[str, Mapping[str, Any]]


def _session_events(before: StationState, after: StationState) -> Iterator[_Event]:
    """Yield the events of sessions between two states."""
    old, new = before.active_session, after.active_session
    yield from _reached(before, after)
    if old and (new is None or new.session_id != old.session_id):
        last = after.session
        is_same = last is not None and last.session_id == old.session_id
        yield "completed", session_event(last if last and is_same else old)
    is_started = new is not None and (old is None or new.session_id != old.session_id)
    if new and is_started:
        yield "started", session_event(new)
    if new and after.is_charging and (is_started or not before.is_charging):
        yield "charging", session_event(new)
    if new and _is_suspended(new) and not (old and _is_suspended(old)):
        yield "suspended", session_event(new)


def _reached(before: StationState, after: StationState) -> Iterator[_Event]:
    """Yield the limits that the session has reached, also with its end."""
    old, session = before.session, after.session
    is_same = bool(old and session and old.session_id == session.session_id)
    if session is None or not (session.is_active or (is_same and before.active_session)):
        return
    known = reached_limits(old) if old and is_same else ()
    for limit in reached_limits(session):
        if limit not in known:
            yield (
                "limit_reached",
                {
                    **session_event(session),
                    "limit_type": limit.type,
                    "limit_value": limit.value,
                },
            )


def _is_suspended(session: Session) -> bool:
    return session.connector_status in _SUSPENDED
