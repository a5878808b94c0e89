"""What a person sees of views and cards: the conditions of Home Assistant's frontend."""

from collections.abc import Iterator
from typing import Any

from homeassistant.core import HomeAssistant

type Card = dict[str, Any]


def walk(config: Any) -> Iterator[Card]:
    """Yield all parts of a configuration that are mappings."""
    if isinstance(config, dict):
        yield config
        for value in config.values():
            yield from walk(value)
    elif isinstance(config, list):
        for value in config:
            yield from walk(value)


def holds(hass: HomeAssistant, condition: Card, entity_id: str | None = None) -> bool:
    """Return whether a condition holds; that of a list's card is about the row's entity."""
    if condition["condition"] == "screen":
        return condition["media_query"].startswith("(min-width")
    assert condition["condition"] == "state"
    state = hass.states.get(condition.get("entity", entity_id))
    value = state.state if state else "unavailable"
    wanted = condition.get("state", condition.get("state_not"))
    is_one = value in (wanted if isinstance(wanted, list) else [wanted])
    return is_one if "state" in condition else not is_one


def seen(hass: HomeAssistant, config: Any) -> Any:
    """Return a configuration without what is hidden at present."""
    if isinstance(config, list):
        return [
            seen(hass, part)
            for part in config
            if not isinstance(part, dict)
            or all(holds(hass, condition) for condition in part.get("visibility", ()))
        ]
    if not isinstance(config, dict):
        return config
    if config.get("type") == "entity-filter":
        rows = [
            row
            for row in config["entities"]
            if all(
                holds(hass, condition, row["entity"])
                for condition in row.get("conditions", config["conditions"])
            )
        ]
        rows = seen(hass, rows)
        return {**config["card"], "entities": rows} if rows else {"type": "hidden"}
    if config.get("type") == "conditional":
        shown = all(holds(hass, condition) for condition in config["conditions"])
        return seen(hass, config["row"]) if shown else {"type": "hidden"}
    return {
        key: seen(hass, value)
        for key, value in config.items()
        if key not in ("conditions", "visibility")
    }


def entity_ids(config: Any) -> set[str]:
    """Return the entities that a configuration names anywhere."""
    return {part["entity"] for part in walk(config) if isinstance(part.get("entity"), str)}
