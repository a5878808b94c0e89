"""Sites and stations in the device registry."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import replace

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .account import AccountOptions, async_is_elsewhere, async_owner, async_report_shared
from .api import Port, Site, Sites
from .const import DOMAIN, LOGGER, MANUFACTURER, STATIONS_URL
from .stations import StationState

# With a device its history and people's settings are removed: one answer is not enough.
_ABSENCES = 2

type _Place = tuple[str, str]
"""A site's id and the name of a station."""


class Devices:
    """Creates, updates, reassigns and removes the devices of an account."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin with the devices in the registry."""
        self._hass = hass
        self._entry = entry
        self._registry = dr.async_get(hass)
        self._entry_id = entry.entry_id
        self._registered: dict[str, tuple[str | None, ...]] = {}
        self._has_absent = self._has_waiting = False
        self.replaced: dict[str, str] = {}
        """The new port ids of replaced chargers, by the old ones; the entry needs a reload."""
        self._absences: dict[str, int] = {
            identifier: 0
            for device in dr.async_entries_for_config_entry(self._registry, self._entry_id)
            for _, identifier in device.identifiers
        }

    @property
    def is_settled(self) -> bool:
        """Whether another answer with the same content would change no device."""
        return not (self._has_absent or self._has_waiting)

    @property
    def present(self) -> AbstractSet[str]:
        """The ids of sites and stations with a device that an answer since the start contained."""
        return self._registered.keys()

    @callback
    def async_admit(self, sites: Sites) -> list[Site]:
        """Return the sites and ports that this account has entities for.

        Sites that belong to another account are left out. So is a port that may replace a
        missing one of the same name, until that is certain; then it gets the device.
        """
        options = AccountOptions.of(self._entry)
        owners: dict[str, ConfigEntry] = {}
        own: list[Site] = []
        for site in sites.sites:
            if site.site_id in options.excluded_sites:
                continue
            owner = async_owner(self._hass, site.site_id)
            if owner is None or owner is self._entry:
                own.append(site)
            else:
                owners[site.site_id] = owner
        async_report_shared(self._hass, self._entry, owners)
        if {port.port_id for site in own for port in site.ports} <= self._absences.keys():
            self._has_waiting = bool(owners)
            return own
        ports = {
            port.port_id: (site.site_id, port.station_id)
            for site in own
            for port in site.ports
            if options.with_inactive or port.is_in_place
        }
        new = ports.keys() - self._absences.keys()
        waiting = {
            port_id for port_id in new if async_is_elsewhere(self._hass, self._entry_id, port_id)
        }
        waiting |= self._async_replacements(ports, new - waiting, is_complete=sites.is_complete)
        self._has_waiting = bool(owners or waiting)
        return [_without_ports(site, waiting) for site in own] if waiting else own

    @callback
    def _async_replacements(
        self,
        ports: Mapping[str, _Place],
        new_ids: AbstractSet[str],
        *,
        is_complete: bool,
    ) -> set[str]:
        """Return the new ports at a site where a port of the same name is missing.

        If the missing port stays absent and the match is unique, the new port gets its device.
        """
        new = {port_id: ports[port_id] for port_id in new_ids}
        # An incomplete answer does not prove that a port is present.
        present = ports.keys() if is_complete else frozenset[str]()
        if not new or not (missing := dict(self._missing(present))):
            return set()
        candidates = set(missing.values())
        waiting = {port_id for port_id, place in new.items() if place in candidates}
        if not is_complete:
            return waiting
        count_new, count_missing = Counter(new.values()), Counter(missing.values())
        for old_id, place in missing.items():
            is_unique = count_new[place] == count_missing[place] == 1
            if is_unique and self._absences[old_id] + 1 >= _ABSENCES:
                new_id = next(port_id for port_id in waiting if new[port_id] == place)
                self._async_hand_over(old_id, new_id)
        return waiting

    def _missing(self, present: AbstractSet[str]) -> Iterator[tuple[str, _Place]]:
        """Yield the stations with a device that are not in `present`."""
        devices = dr.async_entries_for_config_entry(self._registry, self._entry_id)
        names = {device.id: id_ for device in devices for _, id_ in device.identifiers}
        for device in devices:
            port_id, site_id = names.get(device.id), names.get(device.via_device_id or "")
            if port_id in self._absences and port_id not in present and site_id and device.name:
                yield port_id, (site_id, device.name.removeprefix(_NAME))

    @callback
    def _async_hand_over(self, old_id: str, new_id: str) -> None:
        """Assign a device and its entities, with their settings, to another port."""
        device = self._registry.async_get_device_by_identifier((DOMAIN, old_id), self._entry_id)
        if device is None:
            return
        LOGGER.info("A station was replaced by another of the same name, which gets its entities")
        entities = er.async_get(self._hass)
        for entity in er.async_entries_for_device(
            entities, device.id, include_disabled_entities=True
        ):
            if entity.platform == DOMAIN and entity.unique_id.startswith(f"{old_id}_"):
                entities.async_update_entity(
                    entity.entity_id, new_unique_id=new_id + entity.unique_id.removeprefix(old_id)
                )
        self._registry.async_update_device(device.id, new_identifiers={(DOMAIN, new_id)})
        del self._absences[old_id]
        self._registered.pop(old_id, None)
        self.replaced[old_id] = new_id

    @callback
    def async_sync(
        self,
        sites: Mapping[str, Site],
        stations: Mapping[str, StationState],
        changed: AbstractSet[str],
        *,
        is_complete: bool,
    ) -> bool:
        """Update the devices to a snapshot; return whether any were created or removed.

        `changed` has the ids of the sites and stations that are another than at the last call.
        A device is removed only after complete answers (`is_complete`).
        """
        before = set(self._registered)
        present = sites.keys() | stations.keys()
        self._absences |= dict.fromkeys(present, 0)
        for site_id, site in sites.items():
            if site_id in changed:
                self._async_update_site(site)
        for port_id, state in stations.items():
            if port_id in changed:
                self._async_update_station(state.port, state.site_id)
        if is_complete:
            self._async_remove_absent(present)
        return before != self._registered.keys()

    @callback
    def _async_update_site(self, site: Site) -> None:
        if self._is_changed(site.site_id, (site.name,)):
            self._registry.async_get_or_create(
                config_entry_id=self._entry_id,
                configuration_url=STATIONS_URL,
                entry_type=dr.DeviceEntryType.SERVICE,
                identifiers={(DOMAIN, site.site_id)},
                manufacturer=MANUFACTURER,
                name=site.name,
            )

    @callback
    def _async_update_station(self, port: Port, site_id: str) -> None:
        if self._is_changed(port.port_id, (port.station_id, port.model, site_id)):
            site = self._registry.async_get_device_by_identifier((DOMAIN, site_id), self._entry_id)
            self._registry.async_get_or_create(
                config_entry_id=self._entry_id,
                configuration_url=STATIONS_URL,
                identifiers={(DOMAIN, port.port_id)},
                # The cloud names the model alone; a former version named Hypercharge.
                manufacturer=None,
                model=port.model,
                name=f"{_NAME}{port.station_id}",
                via_device_id=site.id if site else None,
            )

    def _is_changed(self, identifier: str, fields: tuple[str | None, ...]) -> bool:
        if self._registered.get(identifier) == fields:
            return False
        self._registered[identifier] = fields
        return True

    @callback
    def _async_remove_absent(self, present: AbstractSet[str]) -> None:
        absent = self._absences.keys() - present
        self._has_absent = bool(absent)
        for identifier in absent:
            self._absences[identifier] += 1
            if self._absences[identifier] < _ABSENCES:
                continue
            del self._absences[identifier]
            self._registered.pop(identifier, None)
            if device := self._registry.async_get_device_by_identifier(
                (DOMAIN, identifier), self._entry_id
            ):
                self._registry.async_remove_device(device.id)


_NAME = "Station "


def _without_ports(site: Site, port_ids: AbstractSet[str]) -> Site:
    ports: Sequence[Port] = [port for port in site.ports if port.port_id not in port_ids]
    return site if len(ports) == len(site.ports) else replace(site, ports=tuple(ports))
