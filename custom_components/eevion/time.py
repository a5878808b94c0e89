"""When a vehicle is to be ready."""

from dataclasses import dataclass
from datetime import time
from typing import override

from homeassistant.components.time import TimeEntity, TimeEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import EevionChoice, EevionChoiceDescription, async_add_smart_entities
from .models import EevionConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionTimeDescription(EevionChoiceDescription, TimeEntityDescription):
    """A time of day that smart charging goes by."""


TIMES = (EevionTimeDescription(key="ready_by", field="ready_by"),)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the times of the stations with smart charging."""
    async_add_smart_entities(entry, async_add_entities, TIMES, EevionTime)


class EevionTime(EevionChoice[time], TimeEntity):
    """A time of day that smart charging goes by."""

    entity_description: EevionTimeDescription

    @property
    @override
    def native_value(self) -> time:
        """What was chosen."""
        return self.choice

    @override
    async def async_set_value(self, value: time) -> None:
        """Choose it."""
        self._async_choose(value.replace(tzinfo=None))
