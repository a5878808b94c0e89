"""Sites and stations in the device registry."""

from collections.abc import Mapping, Set as AbstractSet

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .api import Port, Site
from .const import DOMAIN, MANUFACTURER
from .station import StationState

# A device takes its history and people's settings with it: one odd answer is not enough.
_ABSENCES = 2


class Devices:
    """Makes, renames and removes the devices of one account."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin with what the registry holds from before."""
        self._registry = dr.async_get(hass)
        self._entry_id = entry.entry_id
        self._told: dict[str, tuple[str | None, ...]] = {}
        self.has_absent = False
        """Whether the last complete answer left devices out: the next one decides."""
        self._absences: dict[str, int] = {
            identifier: 0
            for device in dr.async_entries_for_config_entry(self._registry, self._entry_id)
            for _, identifier in device.identifiers
        }

    @property
    def present(self) -> AbstractSet[str]:
        """The ids of sites and stations seen since the start and not removed."""
        return self._told.keys()

    @callback
    def async_sync(
        self, sites: Mapping[str, Site], stations: Mapping[str, StationState], *, is_complete: bool
    ) -> bool:
        """Follow a snapshot; return whether devices have come or gone.

        Absence counts only where the whole answer could be read (`is_complete`).
        """
        before = set(self._told)
        for site in sites.values():
            self._async_follow_site(site)
        for state in stations.values():
            self._async_follow_station(state.port, state.site_id)
        if is_complete:
            self._async_drop_absent(sites.keys() | stations.keys())
        return before != self._told.keys()

    @callback
    def _async_follow_site(self, site: Site) -> None:
        if self._is_news(site.site_id, (site.name,)):
            self._registry.async_get_or_create(
                config_entry_id=self._entry_id,
                entry_type=dr.DeviceEntryType.SERVICE,
                identifiers={(DOMAIN, site.site_id)},
                manufacturer=MANUFACTURER,
                name=site.name,
            )

    @callback
    def _async_follow_station(self, port: Port, site_id: str) -> None:
        if self._is_news(port.port_id, (port.station_id, port.model, site_id)):
            site = self._registry.async_get_device_by_identifier((DOMAIN, site_id), self._entry_id)
            self._registry.async_get_or_create(
                config_entry_id=self._entry_id,
                identifiers={(DOMAIN, port.port_id)},
                manufacturer=MANUFACTURER,
                model=port.model,
                name=f"Station {port.station_id}",
                via_device_id=site.id if site else None,
            )

    def _is_news(self, identifier: str, told: tuple[str | None, ...]) -> bool:
        self._absences[identifier] = 0
        if self._told.get(identifier) == told:
            return False
        self._told[identifier] = told
        return True

    @callback
    def _async_drop_absent(self, present: AbstractSet[str]) -> None:
        absent = self._absences.keys() - present
        self.has_absent = bool(absent)
        for identifier in absent:
            self._absences[identifier] += 1
            if self._absences[identifier] < _ABSENCES:
                continue
            del self._absences[identifier]
            self._told.pop(identifier, None)
            if device := self._registry.async_get_device_by_identifier(
                (DOMAIN, identifier), self._entry_id
            ):
                self._registry.async_remove_device(device.id)
