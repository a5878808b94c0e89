"""Buttons that restart a station."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.button import (
    ButtonDeviceClass,
    ButtonEntity,
    ButtonEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Commands, ResetType
from .entity import EevionDescription, EevionEntity, async_add_entities_for_all
from .models import EevionConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionButtonDescription(EevionDescription, ButtonEntityDescription):
    """A button of a station."""

    commands: Commands


BUTTONS = (
    EevionButtonDescription(
        key="reset",
        commands=Commands(reset=ResetType.SOFT),
        device_class=ButtonDeviceClass.RESTART,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
    EevionButtonDescription(
        key="hard_reset",
        commands=Commands(reset=ResetType.HARD),
        device_class=ButtonDeviceClass.RESTART,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of all stations."""
    async_add_entities_for_all(entry, async_add_entities, BUTTONS, EevionButton)


class EevionButton(EevionEntity, ButtonEntity):
    """A button of a station."""

    entity_description: EevionButtonDescription

    @override
    async def async_press(self) -> None:
        """Send the command."""
        await self.runtime.jobs.async_command(self.port_id, self.entity_description.commands)
