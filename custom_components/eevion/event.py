"""Events of stations: sessions, exceptions and jobs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import ConnectorStatus, Session
from .const import EVENT_EXCEPTION, EVENT_JOB, EVENT_SESSION, signal
from .coordinator import EevionCoordinator
from .entity import EevionDescription, EevionEntity, async_add_entities_for_all
from .models import EevionConfigEntry
from .stations import StationState, reached_limits, session_event

PARALLEL_UPDATES = 0

_SUSPENDED = (ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)

type _Event = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class EevionEventDescription(EevionDescription, EventEntityDescription):
    """Describes events of a station, from changes of its state or from a signal."""

    changes_fn: Callable[[StationState, StationState], Iterator[_Event]] | None = None

    @property
    @override
    def change_key_fn(self) -> Callable[[StationState], object] | None:
        """None, which handles every update, if events come from changes of the state."""
        return None if self.changes_fn else super().change_key_fn


def session_events(before: StationState, after: StationState) -> Iterator[_Event]:
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


EVENTS = (
    EevionEventDescription(
        key=EVENT_SESSION,
        changes_fn=session_events,
        event_types=["started", "charging", "suspended", "limit_reached", "completed"],
    ),
    EevionEventDescription(key=EVENT_EXCEPTION, event_types=["started", "ended"]),
    EevionEventDescription(
        key=EVENT_JOB,
        entity_registry_enabled_default=False,
        event_types=["finished", "failed"],
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the events of all stations."""
    async_add_entities_for_all(entry, async_add_entities, EVENTS, EevionEvent)


class EevionEvent(EevionEntity, EventEntity):
    """Events of a station."""

    entity_description: EevionEventDescription

    def __init__(
        self, coordinator: EevionCoordinator, port_id: str, description: EevionEventDescription
    ) -> None:
        """Initialize with the current state: earlier changes are no events."""
        super().__init__(coordinator, port_id, description)
        self._before = self.station
        self._was_available = self.available

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to the signal of these events."""
        await super().async_added_to_hass()
        name = signal(self.coordinator.config_entry, self.port_id, self.entity_description.key)
        self.async_on_remove(async_dispatcher_connect(self.hass, name, self._async_fire))

    @callback
    def _async_fire(self, event: str, attributes: Mapping[str, Any]) -> None:
        self._trigger_event(event, dict(attributes))
        self.async_write_ha_state()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Fire the events since the last state; while unavailable, they wait."""
        if self._was_available != self.available:
            # Before the events: triggers ignore a state that follows unavailable.
            self._was_available = self.available
            super()._handle_coordinator_update()
        if not self.available:
            return
        before, self._before = self._before, self.station
        if changes_fn := self.entity_description.changes_fn:
            for event, attributes in changes_fn(before, self._before):
                self._async_fire(event, attributes)
