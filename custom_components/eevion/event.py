"""Events of stations: sessions, exceptions and jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import EVENT_EXCEPTION, EVENT_JOB, EVENT_SESSION, signal
from .coordinator import EevionCoordinator
from .entity import EevionDescription, EevionEntity, async_add_entities_for_all
from .models import EevionConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionEventDescription(EevionDescription, EventEntityDescription):
    """Describes the events of one signal of a station."""


# Unknown until the first event, and triggers and conditions need none of them.
EVENTS = (
    EevionEventDescription(
        key=EVENT_SESSION,
        entity_registry_enabled_default=False,
        event_types=["started", "charging", "suspended", "limit_reached", "completed"],
    ),
    EevionEventDescription(
        key=EVENT_EXCEPTION,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        event_types=["started", "ended"],
    ),
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
        """Initialize without an event."""
        super().__init__(coordinator, port_id, description)
        self._was_available = self.available

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to the signal of these events."""
        await super().async_added_to_hass()
        name = signal(self.coordinator.config_entry, self.port_id, self.entity_description.key)
        self.async_on_remove(async_dispatcher_connect(self.hass, name, self._async_fire))

    @callback
    def _async_fire(self, event: str, attributes: Mapping[str, Any]) -> None:
        if self.available and not self._was_available:
            # Triggers ignore a state that follows unavailable.
            self._handle_coordinator_update()
        self._trigger_event(event, dict(attributes))
        self.async_write_ha_state()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state where the availability changed."""
        self._was_available = self.available
        super()._handle_coordinator_update()
