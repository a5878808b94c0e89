"""Names and ids that were made to do harm: what they reach can be written and read again."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.json import json_bytes
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.conftest import Pass
from tests.handmade import HandMadeCloud, session, shown, site

HALF = "Shop \ud83d"
NASTY = "two\nlines \u202eturned\u2069 \u200band\0 " + "long " * 2000


@pytest.fixture
def hand(entity_registry_enabled_by_default: None) -> HandMadeCloud:
    """Return a cloud of a good station, and of one without a harmless text."""
    cloud = HandMadeCloud()
    good, bad = site("good"), site("bad \ud83d", "bad \udc00")
    bad |= {"id": "s \ud83d", "name": HALF}
    for port in bad["ports"]:
        port |= {"model": NASTY, "displayName": HALF, "chargingCostId": HALF}
    cloud.sites = (200, [good, bad])
    tariff = {"id": HALF, "name": NASTY}
    cloud.sessions = (
        200,
        [
            session("good", "good", tariff={"id": "T", "name": "Day"}),
            *(
                session(f"{port['portId']} session", port["portId"], stationId=HALF, tariff=tariff)
                | {"vehicle": NASTY, "location": {"id": bad["id"], "timeZone": HALF}}
                for port in bad["ports"]
            ),
        ],
    )
    return cloud


async def test_what_is_kept_can_be_written(
    hass: HomeAssistant, hass_storage: dict[str, Any], account: MockConfigEntry, wait: Pass
) -> None:
    for _ in range(3):
        await wait(31)
    devices, entities = dr.async_get(hass), er.async_get(hass)
    names = [device.name or "" for device in devices.devices]
    assert "Shop \ufffd" in names
    assert all(name.isprintable() and len(name) < 600 for name in names)
    unique_ids = {entity.unique_id for entity in entities.entities.values()}
    assert sum(id_.endswith("_charging_limit") for id_ in unique_ids) == 3, "each is one of its own"
    states = [state.as_dict() for state in hass.states.async_all()]
    kept = [devices._data_to_save(), entities._data_to_save(), states, dict(account.data)]
    kept += [content for name, content in hass_storage.items() if name.startswith("eevion")]
    assert len(kept) > 4
    for content in kept:
        json_bytes(content)
    assert shown(hass, "good", "sensor.session_energy") == "1.0"
