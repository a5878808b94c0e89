"""As many plain entities: the cost of Home Assistant itself for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.button import ButtonEntity
from homeassistant.components.event import EventEntity
from homeassistant.components.notify import NotifyEntity
from homeassistant.components.number import NumberEntity
from homeassistant.components.select import SelectEntity
from homeassistant.components.sensor import SensorEntity
from homeassistant.components.switch import SwitchEntity
from homeassistant.config_entries import HANDLERS, ConfigEntry, ConfigFlow
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback, EntityPlatform
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockPlatform,
    mock_integration,
    mock_platform,
)

from .costs import Work

DOMAIN = "reference"

# The class of each platform, and what its entities hold beside their description.
_PLATFORMS: dict[str, tuple[type[Entity], tuple[str, ...]]] = {
    "binary_sensor": (BinarySensorEntity, ("is_on", "extra_state_attributes")),
    "button": (ButtonEntity, ()),
    "event": (EventEntity, ("event_types",)),
    "notify": (NotifyEntity, ()),
    "number": (NumberEntity, ("native_value", "native_max_value", "assumed_state")),
    "select": (SelectEntity, ("options", "current_option")),
    "sensor": (
        SensorEntity,
        ("native_value", "native_unit_of_measurement", "last_reset", "extra_state_attributes"),
    ),
    "switch": (SwitchEntity, ("is_on",)),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Devices, and the entities of each platform."""

    devices: tuple[dr.DeviceEntry, ...]
    entities: dict[str, list[_Row]]


@dataclass(frozen=True, kw_only=True)
class _Row:
    device_id: str
    name: str | None
    is_enabled: bool
    description: EntityDescription
    values: dict[str, Any]


@contextmanager
def entities_noted() -> Iterator[list[tuple[str, Entity]]]:
    """Note platform and entity of all that are added."""
    noted: list[tuple[str, Entity]] = []
    add = EntityPlatform.async_add_entities

    async def record(
        platform: EntityPlatform, new: list[Entity], *args: Any, **kwargs: Any
    ) -> None:
        noted.extend((platform.domain, entity) for entity in new)
        await add(platform, new, *args, **kwargs)

    with patch.object(EntityPlatform, "async_add_entities", record):
        yield noted


def plan(hass: HomeAssistant, entry_id: str, noted: list[tuple[str, Entity]]) -> Plan:
    """Describe the entities of an entry."""
    registry = er.async_get(hass)
    entities: dict[str, list[_Row]] = {}
    for domain, entity in noted:
        assert entity.unique_id
        assert entity.device_info
        entity_id = registry.async_get_entity_id(domain, "eevion", entity.unique_id)
        registered = registry.async_get(entity_id or "")
        assert registered
        [(_, device_id)] = entity.device_info["identifiers"]
        # What the description has is not kept twice.
        values = {
            f"_attr_{name}": value
            for name in _PLATFORMS[domain][1]
            if (value := getattr(entity, name)) is not None
            and value != getattr(entity.entity_description, name, None)
        }
        row = _Row(
            device_id=device_id,
            name=registered.original_name,
            is_enabled=registered.disabled_by is None,
            description=entity.entity_description,
            values=values,
        )
        entities.setdefault(domain, []).append(row)
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry_id)
    return Plan(devices=tuple(devices), entities=entities)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The bare integration; as of `House`."""

    load: Work
    stop: Work
    start: Work


def make_reference(hass: HomeAssistant, planned: Plan) -> Reference:
    """Return what sets it up."""

    async def setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        registry = dr.async_get(hass)
        ids: dict[str, str] = {}
        # Sites come before their stations.
        for device in sorted(planned.devices, key=lambda device: bool(device.via_device_id)):
            [(_, device_id)] = device.identifiers
            made = registry.async_get_or_create(
                config_entry_id=entry.entry_id,
                entry_type=device.entry_type,
                identifiers={(DOMAIN, device_id)},
                manufacturer=device.manufacturer,
                model=device.model,
                name=device.name,
                via_device_id=ids.get(device.via_device_id or ""),
            )
            ids[device.id] = made.id
        await hass.config_entries.async_forward_entry_setups(entry, planned.entities)
        return True

    async def unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        return await hass.config_entries.async_unload_platforms(entry, planned.entities)

    module = MockModule(DOMAIN, async_setup_entry=setup_entry, async_unload_entry=unload_entry)
    mock_integration(hass, module)
    mock_platform(hass, f"{DOMAIN}.config_flow")
    for domain, rows in planned.entities.items():
        mock_platform(hass, f"{DOMAIN}.{domain}", _platform(domain, rows))
    entry = MockConfigEntry(domain=DOMAIN, title="Reference")

    async def load() -> None:
        entry.add_to_hass(hass)
        await start()

    async def stop() -> None:
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()

    async def start() -> None:
        with patch.dict(HANDLERS, {DOMAIN: ConfigFlow}):
            assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()

    return Reference(load=load, stop=stop, start=start)


def _platform(domain: str, rows: list[_Row]) -> MockPlatform:
    base, _ = _PLATFORMS[domain]

    class Plain(base):  # type: ignore[misc,valid-type]
        _attr_has_entity_name = True
        _attr_should_poll = False

        def __init__(self, row: _Row) -> None:
            self.entity_description = row.description
            self._attr_unique_id = f"{row.device_id}_{row.description.key}"
            self._attr_name = row.name
            self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, row.device_id)})
            self._attr_entity_registry_enabled_default = row.is_enabled
            for name, value in row.values.items():
                setattr(self, name, value)

    async def setup_entry(
        _hass: HomeAssistant, _entry: ConfigEntry, add: AddConfigEntryEntitiesCallback
    ) -> None:
        add(Plain(row) for row in rows)

    return MockPlatform(async_setup_entry=setup_entry)
