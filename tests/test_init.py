"""An account is set up, fails, recovers, is unloaded and removed."""

from typing import Any

from aiohttp.test_utils import TestServer, unused_port
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from simulator import Cloud, World, create_app
from tests.conftest import API_KEY, Pass


def state_ids(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entity.entity_id for entity in entities if hass.states.get(entity.entity_id)}


def are_unavailable(hass: HomeAssistant, entity_ids: set[str]) -> bool:
    return all(
        (state := hass.states.get(entity_id)) and state.state == STATE_UNAVAILABLE
        for entity_id in entity_ids
    )


async def test_unload_and_set_up_again(hass: HomeAssistant, loaded: ConfigEntry) -> None:
    before = state_ids(hass, loaded)
    assert before
    assert not are_unavailable(hass, before)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    assert loaded.state is ConfigEntryState.NOT_LOADED
    assert are_unavailable(hass, before)
    assert await hass.config_entries.async_setup(loaded.entry_id)
    assert loaded.state is ConfigEntryState.LOADED
    assert state_ids(hass, loaded) == before
    assert not are_unavailable(hass, before)


async def test_reload(hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud) -> None:
    before = state_ids(hass, loaded)
    cloud.requests.clear()
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert loaded.state is ConfigEntryState.LOADED
    assert state_ids(hass, loaded) == before
    polls = [request for request in cloud.requests if request.path.endswith("/site")]
    assert len(polls) == 1


async def test_no_request_after_unloading(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, wait: Pass
) -> None:
    assert await hass.config_entries.async_unload(loaded.entry_id)
    count = len(cloud.requests)
    await wait(120)
    assert len(cloud.requests) == count


FAULTS = {
    "forbidden": {"kind": "forbidden"},
    "server error": {"kind": "error", "status": 500},
    "html": {"kind": "html"},
    "rate limit": {"kind": "rate_limited", "seconds": 60},
    "truncated": {"kind": "truncated"},
    "dropped": {"kind": "drop"},
    "dropped answer": {"kind": "drop_answer"},
    "sites alone": {"kind": "error", "path": "/site"},
    "sessions alone": {"kind": "truncated", "path": "/session"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_passing_faults(
    hass: HomeAssistant, cloud: Cloud, entry: MockConfigEntry, wait: Pass, fault: dict[str, Any]
) -> None:
    cloud.faults.set(**fault)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert not hass.config_entries.flow.async_progress()
    await wait(70)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    cloud.faults.clear()
    await wait(130)
    assert entry.state is ConfigEntryState.LOADED


async def test_no_network(
    hass: HomeAssistant,
    cloud: Cloud,
    socket_enabled: None,
    enable_custom_integrations: None,
    wait: Pass,
) -> None:
    port = unused_port()
    entry = MockConfigEntry(
        domain="eevion",
        data={
            "api_key": API_KEY,
            "environment": "production",
            "url": f"http://127.0.0.1:{port}/api/eevion",
            "known_sites": [],
        },
    )
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    server = TestServer(create_app(cloud), host="127.0.0.1", port=port)
    await server.start_server(access_log=None)
    await wait(10)
    assert entry.state is ConfigEntryState.LOADED
    await server.close()


async def test_no_stations(
    hass: HomeAssistant, world: World, entry: MockConfigEntry, wait: Pass
) -> None:
    site = world.sites.pop()
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "no_stations"
    world.sites.append(site)
    await wait(10)
    assert entry.state is ConfigEntryState.LOADED


async def test_wrong_key(
    hass: HomeAssistant, cloud: Cloud, world: World, entry: MockConfigEntry
) -> None:
    data = {"known_sites": [world.sites[0].site_id]}
    hass.config_entries.async_update_entry(entry, data={**entry.data, **data})
    cloud.faults.set("unauthorized")
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress_by_handler("eevion")
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["context"]["entry_id"] == entry.entry_id

    cloud.faults.clear()
    await hass.config_entries.flow.async_configure(flow["flow_id"], {"api_key": API_KEY})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED


async def test_what_the_entry_stores(
    hass: HomeAssistant, loaded: ConfigEntry, world: World
) -> None:
    assert loaded.data["known_sites"] == [world.sites[0].site_id]


async def test_remove_the_account(hass: HomeAssistant, loaded: ConfigEntry) -> None:
    devices, entities = dr.async_get(hass), er.async_get(hass)
    assert len(dr.async_entries_for_config_entry(devices, loaded.entry_id)) == 3
    assert er.async_entries_for_config_entry(entities, loaded.entry_id)
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not dr.async_entries_for_config_entry(devices, loaded.entry_id)
    assert not er.async_entries_for_config_entry(entities, loaded.entry_id)
    assert not hass.states.async_all()


async def test_remove_a_device(
    hass: HomeAssistant, loaded: ConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(hass, "config", {})
    client = await hass_ws_client(hass)
    devices = dr.async_get(hass)
    present = dr.async_entries_for_config_entry(devices, loaded.entry_id)
    stale = devices.async_get_or_create(
        config_entry_id=loaded.entry_id, identifiers={("eevion", "gone-long-ago")}
    )
    for device in present:
        response = await client.remove_device(device.id)
        assert not response["success"]
        assert devices.async_get(device.id)
    response = await client.remove_device(stale.id)
    assert response["success"]
    assert devices.async_get(stale.id) is None


async def test_remove_a_device_of_an_unloaded_account(
    hass: HomeAssistant, loaded: ConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    """Home Assistant calls the hook also while the account cannot be loaded."""
    assert await async_setup_component(hass, "config", {})
    client = await hass_ws_client(hass)
    device = dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id)[-1]
    assert await hass.config_entries.async_unload(loaded.entry_id)
    response = await client.remove_device(device.id)
    assert "unknown_error" not in str(response)
