"""Switches for sessions, and for settings that jobs change."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
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
from .models import EevionConfigEntry, EevionRuntimeData
from .stations import OUT_OF_SERVICE, StationState

# The budget orders commands; a stop may wait for minutes and must not delay others.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionSwitchDescription(EevionDescription, SwitchEntityDescription):
    """A switch of a station."""

    is_on_fn: Callable[[StationState], bool | None]
    turn_on_fn: Callable[[EevionRuntimeData, str], Awaitable[object]]
    turn_off_fn: Callable[[EevionRuntimeData, str], Awaitable[None]]
    assumed_state: bool = False

    @property
    @override
    def state_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """The functions of the state and of its attributes."""
        return (self.is_on_fn, *super().state_fns)


def _in_service(data: EevionRuntimeData, port_id: str) -> Commands:
    return Commands(priority_status=data.memory.in_service_word(port_id))


SWITCHES = (
    EevionSwitchDescription(
        key="charging",
        is_essential=True,
        is_on_fn=lambda station: station.active_session is not None,
        turn_on_fn=lambda data, port_id: data.control.async_start(port_id),
        turn_off_fn=lambda data, port_id: data.control.async_stop(port_id),
    ),
    EevionSwitchDescription(
        key="in_service",
        entity_category=EntityCategory.CONFIG,
        is_on_fn=lambda station: station.is_in_service,
        turn_on_fn=lambda data, port_id: data.jobs.async_command(
            port_id, _in_service(data, port_id)
        ),
        turn_off_fn=lambda data, port_id: data.jobs.async_command(
            port_id, Commands(priority_status=OUT_OF_SERVICE)
        ),
    ),
    EevionSwitchDescription(
        key="private",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        is_on_fn=lambda station: station.is_private,
        turn_on_fn=lambda data, port_id: data.jobs.async_command(
            port_id, Commands(is_private=True)
        ),
        turn_off_fn=lambda data, port_id: data.jobs.async_command(
            port_id, Commands(is_private=False)
        ),
    ),
    EevionSwitchDescription(
        key="visible",
        assumed_state=True,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        is_on_fn=lambda station: station.is_visible,
        turn_on_fn=lambda data, port_id: data.jobs.async_command(
            port_id, Commands(is_visible=True)
        ),
        turn_off_fn=lambda data, port_id: data.jobs.async_command(
            port_id, Commands(is_visible=False)
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class EevionSmartSwitchDescription(EevionChoiceDescription, SwitchEntityDescription):
    """A switch of smart charging."""


SMART_SWITCHES = (EevionSmartSwitchDescription(key="always_charge", field="is_always_on"),)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of all stations."""
    async_add_entities_for_all(entry, async_add_entities, SWITCHES, EevionSwitch)
    async_add_smart_entities(entry, async_add_entities, SMART_SWITCHES, EevionSmartSwitch)


class EevionSwitch(EevionEntity, SwitchEntity):
    """A switch of a station."""

    entity_description: EevionSwitchDescription

    @property
    @override
    def assumed_state(self) -> bool:
        """Whether the state is the last set one, as the cloud does not report it."""
        return self.entity_description.assumed_state

    @property
    @override
    def is_on(self) -> bool | None:
        """The value in the current state of the station."""
        return self.entity_description.is_on_fn(self.station)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Send the command for on."""
        await self.entity_description.turn_on_fn(self.runtime, self.port_id)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Send the command for off."""
        await self.entity_description.turn_off_fn(self.runtime, self.port_id)


class EevionSmartSwitch(EevionChoice[bool], SwitchEntity):
    """A switch of smart charging."""

    entity_description: EevionSmartSwitchDescription

    @property
    @override
    def is_on(self) -> bool:
        """What was chosen."""
        return self.choice

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Choose it."""
        self._async_choose(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Choose the contrary."""
        self._async_choose(False)
