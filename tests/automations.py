"""What tests need to let automations run."""

from typing import Any

from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from simulator import World
from tests.calls import device
from tests.helpers import entity_id

TARGETS = ("entity_id", "device_id", "area_id", "label_id")
BY_ENTITY_LABEL = "label_of_entity"


def target(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    kind: str,
    entity: tuple[str, str, str],
) -> dict[str, list[str]]:
    """Return a target that holds an entity (station, platform, key), by one of TARGETS."""
    station, platform, key = entity
    entity_ = entity_id(hass, world, station, platform, key)
    device_id = device(hass, entry, world.station(station).port_id)
    match kind:
        case "entity_id":
            found = entity_
        case "device_id":
            found = device_id
        case "area_id":
            found = ar.async_get(hass).async_get_or_create("Car park").id
            dr.async_get(hass).async_update_device(device_id, area_id=found)
        case _:
            found = lr.async_get(hass).async_create(f"Chargers {kind}").label_id
            if kind == BY_ENTITY_LABEL:
                er.async_get(hass).async_update_entity(entity_, labels={found})
            else:
                dr.async_get(hass).async_update_device(device_id, labels={found})
    return {kind if kind in TARGETS else "label_id": [found]}


async def automate(
    hass: HomeAssistant,
    trigger: dict[str, Any],
    conditions: list[dict[str, Any]] | None = None,
) -> list[Event]:
    """Set up an automation; return what it will have done."""
    fired = async_capture_events(hass, "fired")
    automation = {
        "alias": "Under test",
        "triggers": [trigger],
        "conditions": conditions or [],
        "actions": [
            {"event": "fired", "event_data": {"entity": "{{ trigger.entity_id | default }}"}}
        ],
    }
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.async_block_till_done()
    state = hass.states.get("automation.under_test")
    assert state
    assert state.state == "on", "the configuration is valid"
    return fired
