"""Messages on the screens of stations and in the drivers' app."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.notify import NotifyEntity, NotifyEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EevionDescription, EevionEntity, async_add_entities_for_all
from .models import EevionConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionNotifyDescription(EevionDescription, NotifyEntityDescription):
    """Describes a notifier of a station."""


NOTIFIERS = (
    EevionNotifyDescription(
        key="message",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the notifiers of all stations."""
    async_add_entities_for_all(entry, async_add_entities, NOTIFIERS, EevionNotify)


class EevionNotify(EevionEntity, NotifyEntity):
    """The screen of a station."""

    entity_description: EevionNotifyDescription

    @override
    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Show a text until the next one; a blank text removes it."""
        await self.runtime.jobs.async_set_message([self.port_id], message)
