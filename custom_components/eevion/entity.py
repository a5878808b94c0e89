"""Base classes of the entities of stations and sites."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import STATIONS_CHANGED, EevionCoordinator
from .entity_budget import EntityShare
from .models import EevionConfigEntry, EevionRuntimeData
from .polling import ListenerContext
from .smart import SmartStation
from .stations import Snapshot, StationState


@dataclass(frozen=True, kw_only=True)
class EevionDescription(EntityDescription):
    """Describes an entity of a station."""

    exists_fn: Callable[[StationState], bool] = lambda _: True
    """Return False for stations that cannot have the entity."""
    is_essential: bool = False
    """Whether the entity is enabled by default on the largest accounts, too."""
    attributes_fn: Callable[[StationState], Mapping[str, Any] | None] | None = None
    """Return the extra state attributes."""

    @property
    def state_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """Functions that return the parts of the entity's state, except its availability."""
        return (self.attributes_fn,) if self.attributes_fn else ()

    @cached_property
    def change_key_fn(self) -> Callable[[StationState], object] | None:
        """Return the values that decide whether the state is written; None writes every update."""
        match self.state_fns:
            case ():
                return _nothing
            case (state_fn,):
                return state_fn
            case state_fns:
                return lambda station: [state_fn(station) for state_fn in state_fns]


def _nothing(_: object) -> None:
    """Return the same value for all states: only the availability is written."""


class _DeviceEntity(CoordinatorEntity[EevionCoordinator]):
    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: EevionCoordinator,
        device_id: str,
        description: EntityDescription,
        read: Callable[[Any], object] | None,
    ) -> None:
        super().__init__(coordinator, context=ListenerContext(device_id, read))
        self.entity_description = description
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, device_id)})
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{device_id}_{description.key}"


class EevionEntity(_DeviceEntity):
    """An entity of one station."""

    entity_description: EevionDescription
    _unrecorded_attributes = frozenset(
        {
            "events",
            "idle_fee",
            "left",
            "left_kwh",
            "left_s",
            "limit",
            "limit_kwh",
            "limit_s",
            "limits",
            "occupancy_fee",
            "taxes",
        }
    )

    def __init__(
        self, coordinator: EevionCoordinator, port_id: str, description: EevionDescription
    ) -> None:
        """Initialize the entity of a station."""
        super().__init__(coordinator, port_id, description, description.change_key_fn)
        self.port_id = port_id
        share = coordinator.entity_budget.share(port_id)
        self._attr_entity_registry_enabled_default = (
            description.entity_registry_enabled_default
            and share
            >= (EntityShare.ESSENTIAL if description.is_essential else EntityShare.DEFAULT)
        )

    @property
    def runtime(self) -> EevionRuntimeData:
        """The runtime data of the account, which holds the commands."""
        runtime: EevionRuntimeData = self.coordinator.config_entry.runtime_data
        return runtime

    @property
    def station(self) -> StationState:
        """The current state of the station; the last one while the cloud does not list it."""
        return self.coordinator.data.station(self.port_id)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """The extra state attributes."""
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.station) if attributes_fn else None

    @property
    @override
    def available(self) -> bool:
        """Whether the last poll succeeded and lists the station."""
        return super().available and self.port_id in self.coordinator.data.stations


@dataclass(frozen=True, kw_only=True)
class EevionSmartDescription(EevionDescription):
    """A row of a platform's table of entities of smart charging."""

    needs_price: bool = False
    """Whether it is there only where a price sensor is."""


@dataclass(frozen=True, kw_only=True)
class EevionChoiceDescription(EevionSmartDescription):
    """A row of a platform's table of what a person chooses."""

    field: str
    """Of `SmartStationMemory`."""


class EevionSmartEntity(EevionEntity):
    """An entity of a station with smart charging."""

    _unrecorded_attributes = frozenset({"slots"})

    def __init__(
        self,
        coordinator: EevionCoordinator,
        smart: SmartStation,
        description: EevionSmartDescription,
    ) -> None:
        """Bind a row of the table to a station."""
        super().__init__(coordinator, smart.port_id, description)
        self._attr_entity_registry_enabled_default = True
        self.smart = smart
        self._written: tuple[object, ...] = ()

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the controller as well."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.runtime.smart.async_add_listener(self.port_id, self._async_update_if_changed)
        )

    @property
    def _shown(self) -> tuple[object, ...]:
        """What is written."""
        return self.available, self.state, self.unit_of_measurement, self.extra_state_attributes

    @callback
    def _async_update_if_changed(self) -> None:
        """Write the state where it is another one: decisions are made every second or so."""
        if (shown := self._shown) != self._written:
            self._written = shown
            self.async_write_ha_state()


class EevionChoice[ValueT](EevionSmartEntity):
    """An entity of what a person chooses for smart charging."""

    entity_description: EevionChoiceDescription

    @property
    def choice(self) -> ValueT:
        """What was chosen."""
        value: ValueT = getattr(self.smart.memory, self.entity_description.field)
        return value

    @callback
    def _async_choose(self, value: ValueT) -> None:
        self.runtime.smart.async_choose(self.port_id, **{self.entity_description.field: value})


class EevionSiteEntity(_DeviceEntity):
    """An entity of one site."""

    def __init__(
        self,
        coordinator: EevionCoordinator,
        site_id: str,
        description: EntityDescription,
        change_key_fn: Callable[[Snapshot], object],
    ) -> None:
        """Initialize the entity of a site.

        `change_key_fn` returns the values that decide whether the state is written.
        """
        super().__init__(coordinator, site_id, description, change_key_fn)
        self.site_id = site_id

    @property
    @override
    def available(self) -> bool:
        """Whether the last poll succeeded and lists the site."""
        return super().available and self.site_id in self.coordinator.data.sites


@callback
def async_add_entities_for_all[DescriptionT: EevionDescription](
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Sequence[DescriptionT],
    entity_class: Callable[[EevionCoordinator, str, DescriptionT], Entity],
) -> None:
    """Add the described entities for every station, and for stations that appear later."""
    coordinator = entry.runtime_data.coordinator

    def build(device_ids: Iterable[str]) -> Iterable[Entity]:
        return (
            entity_class(coordinator, port_id, description)
            for port_id in device_ids
            if (state := coordinator.data.stations.get(port_id))
            for description in descriptions
            if description.exists_fn(state)
        )

    async_follow_devices(entry, async_add_entities, build)


@callback
def async_add_smart_entities[DescriptionT: EevionSmartDescription](
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Sequence[DescriptionT],
    entity_class: Callable[[EevionCoordinator, SmartStation, DescriptionT], Entity],
) -> None:
    """Add a table's entities for every station with smart charging that is there, or comes."""
    coordinator, smart = entry.runtime_data.coordinator, entry.runtime_data.smart

    def build(device_ids: Iterable[str]) -> Iterable[Entity]:
        return (
            entity_class(coordinator, station, description)
            for port_id in device_ids
            if port_id in coordinator.data.stations and (station := smart.station(port_id))
            for description in descriptions
            if station.has_price or not description.needs_price
        )

    async_follow_devices(entry, async_add_entities, build)


@callback
def async_follow_devices(
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    build: Callable[[Iterable[str]], Iterable[Entity]],
) -> None:
    """Add the entities that `build` returns for ids of sites and stations, now and later."""
    coordinator = entry.runtime_data.coordinator
    added: set[str] = set()

    @callback
    def async_add_new() -> None:
        nonlocal added
        present = set(coordinator.devices.present)
        # A device that was removed and appears again is new.
        new = [device_id for device_id in coordinator.devices.present if device_id not in added]
        added = present
        if new:
            async_add_entities(build(new))

    async_add_new()
    entry.async_on_unload(coordinator.async_add_listener(async_add_new, STATIONS_CHANGED))
