"""What all entities have in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from .polling.listeners import ListenerContext
from .stations.station import StationState


@dataclass(frozen=True, kw_only=True)
class EevionDescription(EntityDescription):
    """A row of a platform's table of station entities."""

    exists_fn: Callable[[StationState], bool] = lambda _: True
    """False where this station can never have it."""
    is_essential: bool = False
    """Whether it starts enabled on the largest accounts, too."""
    attributes_fn: Callable[[StationState], Mapping[str, Any] | None] | None = None
    """What belongs to the state."""

    @property
    def state_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """What its entity shows of a station, besides whether it is available."""
        return (self.attributes_fn,) if self.attributes_fn else ()

    @property
    def change_key_fn(self) -> Callable[[StationState], object] | None:
        """Tell states apart for which its entity is to be written; None where all are."""
        match self.state_fns:
            case ():
                return _nothing
            case (shown_fn,):
                return shown_fn
            case state_fns:
                return lambda station: [shown_fn(station) for shown_fn in state_fns]


def _nothing(_: object) -> None:
    """Tell no states apart."""


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
    _unrecorded_attributes = frozenset({"events", "idle_fee", "limits", "occupancy_fee", "taxes"})

    def __init__(
        self, coordinator: EevionCoordinator, port_id: str, description: EevionDescription
    ) -> None:
        """Bind a row of the table to a station."""
        super().__init__(coordinator, port_id, description, description.change_key_fn)
        self.port_id = port_id
        self._known = coordinator.data.stations[port_id]
        share = coordinator.enabling.share(port_id)
        self._attr_entity_registry_enabled_default = (
            description.entity_registry_enabled_default
            and share
            >= (EntityShare.ESSENTIAL if description.is_essential else EntityShare.DEFAULT)
        )

    @property
    def runtime(self) -> EevionRuntimeData:
        """What runs for the account, to give commands by."""
        runtime: EevionRuntimeData = self.coordinator.config_entry.runtime_data
        return runtime

    @property
    def station(self) -> StationState:
        """The newest state of the station, also while it is absent."""
        self._known = self.coordinator.data.stations.get(self.port_id, self._known)
        return self._known

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What belongs to the state."""
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.station) if attributes_fn else None

    @property
    @override
    def available(self) -> bool:
        """Whether the cloud is there and tells of the station."""
        return super().available and self.port_id in self.coordinator.data.stations


class EevionSiteEntity(_DeviceEntity):
    """An entity of one site."""

    def __init__(
        self, coordinator: EevionCoordinator, site_id: str, description: EntityDescription
    ) -> None:
        """Bind a row of the table to a site."""
        super().__init__(coordinator, site_id, description, None)
        self.site_id = site_id

    @property
    @override
    def available(self) -> bool:
        """Whether the cloud is there and tells of the site."""
        return super().available and self.site_id in self.coordinator.data.sites


@callback
def async_add_entities_for_all[DescriptionT: EevionDescription](
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Sequence[DescriptionT],
    entity_class: Callable[[EevionCoordinator, str, DescriptionT], Entity],
) -> None:
    """Add a table's entities for every station, and for those that come later."""
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
def async_follow_devices(
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    build: Callable[[Iterable[str]], Iterable[Entity]],
) -> None:
    """Add what `build` makes for the ids of sites and stations, now and when more come."""
    coordinator = entry.runtime_data.coordinator
    added: set[str] = set()

    @callback
    def async_add_new() -> None:
        nonlocal added
        present = set(coordinator.devices.present)
        # One that has been removed and comes back is new again.
        new = [device_id for device_id in coordinator.devices.present if device_id not in added]
        added = present
        if new:
            async_add_entities(build(new))

    async_add_new()
    entry.async_on_unload(coordinator.async_add_listener(async_add_new, STATIONS_CHANGED))
