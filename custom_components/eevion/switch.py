"""The switch that starts and ends sessions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .control import Control
from .coordinator import EevionConfigEntry
from .entity import EevionDescription, EevionEntity, async_add_entities_for_all
from .station import StationState

# The budget orders commands; a stop may wait for minutes and must not hold up others.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionSwitchDescription(EevionDescription, SwitchEntityDescription):
    """A switch of a station."""

    is_on_fn: Callable[[StationState], bool]
    turn_on_fn: Callable[[Control, str], Awaitable[None]]
    turn_off_fn: Callable[[Control, str], Awaitable[None]]


SWITCHES = (
    EevionSwitchDescription(
        key="charging",
        is_essential=True,
        is_on_fn=lambda station: station.active_session is not None,
        turn_on_fn=lambda control, port_id: control.async_start(port_id),
        turn_off_fn=lambda control, port_id: control.async_stop(port_id),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of all stations."""
    async_add_entities_for_all(entry, async_add_entities, SWITCHES, EevionSwitch)


class EevionSwitch(EevionEntity, SwitchEntity):
    """A switch of a station."""

    entity_description: EevionSwitchDescription

    @property
    @override
    def is_on(self) -> bool:
        """What the newest state says."""
        return self.entity_description.is_on_fn(self.station)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Give the command."""
        await self.entity_description.turn_on_fn(self.control, self.port_id)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Give the command."""
        await self.entity_description.turn_off_fn(self.control, self.port_id)
