"""Which entities are enabled by default: Home Assistant limits their number per account."""

from collections.abc import Iterable
from enum import IntEnum

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_platform import MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY

from .const import DOMAIN

# The rest is for sites, and for entities that people enable.
_ROOM = MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY - 800


class EntityShare(IntEnum):
    """The maximum number of entities of a station that are enabled by default.

    Home Assistant does not count disabled entities, so it refuses none.
    """

    NONE = 0
    ESSENTIAL = 9
    DEFAULT = 30


class EntityBudget:
    """Decides once for each station, when it appears first."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin without a decision."""
        self._devices = dr.async_get(hass)
        self._entities = er.async_get(hass).entities
        self._entry_id = entry.entry_id
        self._shares: dict[str, EntityShare] = {}

    def share(self, port_id: str) -> EntityShare:
        """Return the share of a station; entities of sites are always enabled."""
        return self._shares.get(port_id, EntityShare.DEFAULT)

    @callback
    def async_decide(self, port_ids: Iterable[str]) -> None:
        """Decide for the stations without a decision."""
        undecided = [port_id for port_id in port_ids if port_id not in self._shares]
        if not undecided:
            return
        has_device = {port_id: self._has_device(port_id) for port_id in undecided}
        new = [port_id for port_id in undecided if not has_device[port_id]]
        enabled = self._entities.get_enabled_count_for_config_entry_id(self._entry_id)
        total = len(self._shares) + len(undecided)
        # Stations with a device keep their enabled entities: this is for new entities only.
        of_present = _largest(_ROOM // total)
        free = max(0, _ROOM - enabled)
        of_new = _largest(free // len(new)) if new else EntityShare.NONE
        for port_id in undecided:
            self._shares[port_id] = of_present if has_device[port_id] else of_new
        if of_new is EntityShare.NONE:
            for port_id in new[: free // EntityShare.ESSENTIAL]:
                self._shares[port_id] = EntityShare.ESSENTIAL

    def _has_device(self, port_id: str) -> bool:
        device = self._devices.async_get_device_by_identifier((DOMAIN, port_id), self._entry_id)
        return device is not None


def _largest(room: int) -> EntityShare:
    return max(share for share in EntityShare if share <= room)
