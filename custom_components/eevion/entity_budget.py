"""Which entities start enabled: Home Assistant takes a limited number per account."""

from collections.abc import Iterable
from enum import IntEnum

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_platform import MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY

from .const import DOMAIN

# Some are left for sites, and for what people enable themselves.
_ROOM = MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY - 800


class EntityShare(IntEnum):
    """How many entities of a station may start enabled, at the most.

    Disabled ones do not count for Home Assistant, so nothing is ever refused.
    """

    NOTHING = 0
    ESSENTIAL = 9
    DEFAULT = 30


class EntityBudget:
    """Decides once for each station, when it is first seen."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Prepare to count."""
        self._devices = dr.async_get(hass)
        self._entities = er.async_get(hass).entities
        self._entry_id = entry.entry_id
        self._shares: dict[str, EntityShare] = {}

    def share(self, port_id: str) -> EntityShare:
        """Return the share of a station; sites have few entities, and those always."""
        return self._shares.get(port_id, EntityShare.DEFAULT)

    @callback
    def async_decide(self, port_ids: Iterable[str]) -> None:
        """Decide for the stations that are new."""
        undecided = [port_id for port_id in port_ids if port_id not in self._shares]
        if not undecided:
            return
        is_known = {port_id: self._has_device(port_id) for port_id in undecided}
        new = [port_id for port_id in undecided if not is_known[port_id]]
        enabled = self._entities.get_enabled_count_for_config_entry_id(self._entry_id)
        total = len(self._shares) + len(undecided)
        # Stations of an earlier start keep their enabled entities: only additions follow this.
        of_known = _largest(_ROOM // total)
        free = max(0, _ROOM - enabled)
        of_new = _largest(free // len(new)) if new else EntityShare.NOTHING
        for port_id in undecided:
            self._shares[port_id] = of_known if is_known[port_id] else of_new
        if of_new is EntityShare.NOTHING:
            for port_id in new[: free // EntityShare.ESSENTIAL]:
                self._shares[port_id] = EntityShare.ESSENTIAL

    def _has_device(self, port_id: str) -> bool:
        device = self._devices.async_get_device_by_identifier((DOMAIN, port_id), self._entry_id)
        return device is not None


def _largest(room: int) -> EntityShare:
    return max(share for share in EntityShare if share <= room)
