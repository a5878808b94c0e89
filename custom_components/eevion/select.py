"""The tariff of a station, and how it charges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Commands
from .entity import (
    EevionChoice,
    EevionChoiceDescription,
    EevionDescription,
    EevionEntity,
    async_add_entities_for_all,
    async_add_smart_entities,
)
from .models import EevionConfigEntry
from .smart import Mode
from .stations import StationState, unique_names

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionSelectDescription(EevionDescription, SelectEntityDescription):
    """Describes a select entity of a station."""

    @property
    @override
    def state_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """The function of the selected tariff; the options are those of the account."""
        return (lambda station: station.tariff_id,)


@dataclass(frozen=True, kw_only=True)
class EevionSmartSelectDescription(EevionChoiceDescription, SelectEntityDescription):
    """A choice of smart charging."""


SMART_SELECTS = (
    EevionSmartSelectDescription(
        key="charging_mode",
        field="mode",
        options=[mode.value for mode in Mode],
    ),
)
SELECTS = (
    EevionSelectDescription(
        key="tariff",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the choices of all stations."""
    async_add_entities_for_all(entry, async_add_entities, SELECTS, EevionSelect)
    async_add_smart_entities(entry, async_add_entities, SMART_SELECTS, EevionModeSelect)


class EevionModeSelect(EevionChoice[Mode], SelectEntity):
    """How a station charges."""

    entity_description: EevionSmartSelectDescription

    @property
    @override
    def current_option(self) -> str:
        """The mode."""
        return self.choice.value

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose the mode."""
        self._async_choose(Mode(option))


class EevionSelect(EevionEntity, SelectEntity):
    """The tariff of a station. Its options are the tariffs that sessions and jobs have named."""

    entity_description: EevionSelectDescription

    @property
    def _names(self) -> dict[str, str]:
        return unique_names(self.runtime.memory.tariffs)

    @property
    @override
    def options(self) -> list[str]:
        """The names of the tariffs."""
        return sorted(self._names.values())

    @property
    @override
    def current_option(self) -> str | None:
        """The name of the tariff of the next session."""
        return self._names.get(self.station.tariff_id or "")

    @override
    async def async_select_option(self, option: str) -> None:
        """Set the tariff."""
        ids = {name: tariff_id for tariff_id, name in self._names.items()}
        commands = Commands(tariff_id=ids[option])
        await self.runtime.jobs.async_command(self.port_id, commands)
