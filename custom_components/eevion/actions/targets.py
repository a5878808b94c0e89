"""Resolve the target of an action to an account and its stations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from homeassistant.auth.permissions.const import CAT_ENTITIES, POLICY_CONTROL, POLICY_READ
from homeassistant.const import (
    ATTR_AREA_ID,
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
)
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.service import async_get_config_entry
from homeassistant.helpers.target import (
    SelectedEntities,
    TargetSelection,
    async_extract_referenced_entity_ids,
)
from homeassistant.helpers.typing import VolDictType
import probatio as vol

from ..const import DOMAIN
from ..coordinator import EevionCoordinator
from ..errors import invalid
from ..helpers import MAIN_KEY, MAIN_PLATFORM, async_user, main_entity, own_device, own_devices
from ..models import EevionConfigEntry, EevionRuntimeData
from ..statements import Scope

ATTR_STATIONS: Final = "stations"
_TARGETS = (
    ATTR_AREA_ID,
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
    ATTR_STATIONS,
)

TARGET_FIELDS: Final[VolDictType] = {
    **cv.TARGET_FIELDS,
    vol.Optional(ATTR_STATIONS): vol.All(cv.ensure_list, [cv.string]),
    vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
}


@dataclass(frozen=True, slots=True)
class Target:
    """An account, and the stations that an action is called for."""

    entry: EevionConfigEntry
    port_ids: tuple[str, ...]
    """Empty if the call names no station."""
    is_restricted: bool = False
    """Whether the user may not read all of Home Assistant's entities."""

    @property
    def data(self) -> EevionRuntimeData:
        """The runtime data of the account."""
        return self.entry.runtime_data

    @property
    def coordinator(self) -> EevionCoordinator:
        """The coordinator of the account."""
        return self.data.coordinator

    @property
    def scope(self) -> Scope:
        """The stations whose sessions the call reads."""
        return Scope(
            coordinator=self.coordinator,
            port_ids=self.port_ids,
            is_restricted=self.is_restricted,
        )

    @property
    def names(self) -> list[str]:
        """The display names of the stations."""
        return [self.name(port_id) for port_id in self.port_ids]

    def name(self, port_id: str) -> str:
        """Return the display name of a station, or its port id once the station is gone."""
        return self.coordinator.data.station_name(port_id)


async def async_command_target(call: ServiceCall) -> Target:
    """Return the stations that an action commands.

    Raises ServiceValidationError if there is none, Unauthorized if the user may not control one.
    """
    target = async_find(call)
    if not target.port_ids:
        raise invalid("no_target")
    for name in call.data.get(ATTR_STATIONS, ()):
        if target.names.count(name) > 1:
            raise invalid("name_ambiguous", station=name)
    await _async_check_user(call, target, POLICY_CONTROL)
    return target


async def async_query_target(call: ServiceCall) -> Target:
    """Return the account that an action reads, and its stations if the call names any.

    Raises ServiceValidationError for an unknown target, Unauthorized if the user may not read it.
    """
    target = async_find(call)
    every = tuple(target.coordinator.data.stations)
    whole = Target(target.entry, target.port_ids or every)
    is_restricted = await _async_check_user(call, whole, POLICY_READ)
    if is_restricted:
        # The lists of the cloud may contain stations that Home Assistant does not show.
        return replace(whole, is_restricted=True)
    return target


@callback
def async_find(call: ServiceCall) -> Target:
    """Return the account and the stations of a call; raises ServiceValidationError."""
    search = _Search(call.hass)
    search.async_select(TargetSelection(call.data))
    names = call.data.get(ATTR_STATIONS, ())
    # The field accepts ids of devices, too.
    others = [name for name in names if not search.async_add_named_device(name)]
    entry = _entry(call, search.entry_ids)
    port_ids = search.port_ids(entry)
    for name in others:
        port_ids |= _named(entry, name)
    if not port_ids and any(key in call.data for key in _TARGETS):
        raise invalid("no_target")
    stations = entry.runtime_data.coordinator.data.stations
    return Target(entry, tuple(port_id for port_id in stations if port_id in port_ids))


def site_ids_named(hass: HomeAssistant, target: Target, names: Sequence[str]) -> list[str]:
    """Return the ids of sites that are named by their device, id or name.

    Raises ServiceValidationError where there is no name, or no shown site of one.
    """
    if not names:
        raise invalid("no_target")
    sites = target.coordinator.data.sites
    devices = dr.async_get(hass)
    found: dict[str, None] = {}
    for name in names:
        device = devices.async_get(name)
        ids = {id_ for domain, id_ in device.identifiers if domain == DOMAIN} if device else {name}
        meant = [id_ for id_, site in sites.items() if id_ in ids or site.name == name]
        if not meant:
            raise invalid("unknown_site", site=(device and device.name) or name)
        found |= dict.fromkeys(meant)
    return list(found)


def _named(entry: EevionConfigEntry, name: str) -> set[str]:
    stations = entry.runtime_data.coordinator.data.stations
    found = {p for p, state in stations.items() if state.port.station_id == name}
    if not found:
        raise invalid("unknown_station", station=name)
    return found


def _entry(call: ServiceCall, found: set[str]) -> EevionConfigEntry:
    """Return the account that is meant: the one named, that of the targets, or the only one."""
    hass = call.hass
    entry_id: str | None = call.data.get(ATTR_CONFIG_ENTRY_ID)
    if entry_id is None and not found:
        entries = hass.config_entries.async_loaded_entries(DOMAIN)
        if len(entries) > 1:
            raise invalid("several_accounts")
        if not entries:
            raise invalid("not_loaded")
        return entries[0]
    if len(found) > 1:
        raise invalid("targets_of_several_accounts")
    entry: EevionConfigEntry = async_get_config_entry(hass, DOMAIN, entry_id or next(iter(found)))
    if found - {entry.entry_id}:
        raise invalid("target_of_another_account", account=entry.title)
    return entry


class _Search:
    """Collects the devices that a call means."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._devices = dr.async_get(hass)
        self._entities = er.async_get(hass)
        self._direct: dict[str, dr.DeviceEntry] = {}
        """Named as such: a site is all of its stations."""
        self._by_area: dict[str, dr.DeviceEntry] = {}
        """A site stands for those of its stations that have no area of their own."""

    @property
    def entry_ids(self) -> set[str]:
        """The accounts of the devices."""
        return {d.config_entry_id for d in (*self._direct.values(), *self._by_area.values())}

    @callback
    def async_select(self, selection: TargetSelection) -> None:
        """Add the targets of an action."""
        selected = async_extract_referenced_entity_ids(
            self._hass, selection, primary_entities_only=False
        )
        _check_missing(selected)
        self._add_named(selection.device_ids, selected.referenced)
        for label_id in selection.label_ids:
            for device in dr.async_entries_for_label(self._devices, label_id):
                self.async_add_named_device(device.id)
        for device_id in selected.referenced_devices:
            if ours := own_device(self._hass, device_id):
                self._by_area[device_id] = ours
        for entity_id in selected.indirectly_referenced:
            entity = self._entities.async_get(entity_id)
            if entity and entity.device_id and _is_main(entity):
                self.async_add_named_device(entity.device_id)

    def _add_named(self, device_ids: Iterable[str], entity_ids: Iterable[str]) -> None:
        for device_id in device_ids:
            if not self.async_add_named_device(device_id):
                device = self._devices.async_get(device_id)
                raise invalid("not_a_station", target=(device and device.name) or device_id)
        for entity_id in entity_ids:
            entity = self._entities.async_get(entity_id)
            its_device = entity.device_id if entity and entity.platform == DOMAIN else None
            if its_device is None or not self.async_add_named_device(its_device):
                raise invalid("not_a_station", target=entity_id)

    @callback
    def async_add_named_device(self, device_id: str) -> bool:
        """Add a device by its id; return whether it is one of ours."""
        found = {device.id: device for device in own_devices(self._hass, device_id)}
        self._direct |= found
        return bool(found)

    def port_ids(self, entry: EevionConfigEntry) -> set[str]:
        """Return the port ids of the devices: of stations, and of the stations of sites."""
        found: set[str] = set()
        for device in self._direct.values():
            here = _port_ids(entry, device)
            if not here:
                raise invalid("unknown_station", station=device.name or device.id)
            found.update(here)
        for device in self._by_area.values():
            own = {id_ for _, id_ in device.identifiers}
            found.update(
                port_id
                for port_id in _port_ids(entry, device)
                if port_id in own or not self._has_area(entry, port_id)
            )
        return found

    def _has_area(self, entry: EevionConfigEntry, port_id: str) -> bool:
        device = self._devices.async_get_device_by_identifier((DOMAIN, port_id), entry.entry_id)
        return device is not None and device.area_id is not None


def _port_ids(entry: EevionConfigEntry, device: dr.DeviceEntry) -> list[str]:
    ids = {id_ for domain, id_ in device.identifiers if domain == DOMAIN}
    stations = entry.runtime_data.coordinator.data.stations
    return [p for p, state in stations.items() if p in ids or state.site_id in ids]


def _is_main(entity: er.RegistryEntry) -> bool:
    is_ours = (entity.domain, entity.platform) == (MAIN_PLATFORM, DOMAIN)
    return is_ours and entity.unique_id.endswith(f"_{MAIN_KEY}")


def _check_missing(selected: SelectedEntities) -> None:
    for missing in (
        selected.missing_devices,
        selected.missing_areas,
        selected.missing_floors,
        selected.missing_labels,
    ):
        for target in missing:
            raise invalid("not_a_station", target=target)


async def _async_check_user(call: ServiceCall, target: Target, policy: str) -> bool:
    """Return whether the permissions of a user are restricted to some entities.

    Raises Unauthorized if they exclude a station of the target.
    """
    user = await async_user(call.hass, call.context, policy)
    if user is None or user.permissions.access_all_entities(policy):
        return False
    if not target.port_ids:
        raise Unauthorized(context=call.context, permission=policy)
    for port_id in target.port_ids:
        entity_id = main_entity(call.hass, port_id)
        if entity_id is None or not user.permissions.check_entity(entity_id, policy):
            raise Unauthorized(
                context=call.context,
                entity_id=entity_id,
                permission=policy,
                perm_category=CAT_ENTITIES,
            )
    return True
