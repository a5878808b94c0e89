"""Which entities of a target a trigger or condition means: a target holds all of a station's."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN


@callback
def with_key(hass: HomeAssistant, entity_ids: set[str], key: str) -> set[str]:
    """Return those of the entities that show `key` of a station."""
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entity_ids
        if (entry := registry.async_get(entity_id))
        and entry.platform == DOMAIN
        and entry.translation_key == key
    }
