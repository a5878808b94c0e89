"""The integration in the system health page."""

import json

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.eevion.api import BASE_URL
from simulator import Cloud, World
from tests.conftest import Pass
from tests.test_translations import FOLDER


async def test_the_page(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    wait: Pass,
) -> None:
    assert await async_setup_component(hass, "system_health", {})
    world.plug_in(world.stations[0].name, card=True)
    await wait(31)
    info = await get_system_health_info(hass, "eevion")
    requests = len(cloud.requests)
    assert await info.pop("can_reach_cloud") == "ok"
    assert len(cloud.requests) == requests + 1, "the address of the account, not the public one"
    used = loaded.runtime_data.rate_limit.used
    assert info == {
        "connected_accounts": 1,
        "stations": 2,
        "interval": "4 s",
        "requests_left": f"{60 - used} / 60",
        "push": "off",
    }
    english = json.loads((FOLDER / "translations/en.json").read_text(encoding="utf-8"))
    assert english["system_health"]["info"].keys() == {"can_reach_cloud", *info}


async def test_without_an_account(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, enable_custom_integrations: None
) -> None:
    aioclient_mock.get(BASE_URL, text="")
    assert await async_setup_component(hass, "system_health", {})
    assert await async_setup_component(hass, "eevion", {})
    info = await get_system_health_info(hass, "eevion")
    assert await info["can_reach_cloud"] == "ok"
    assert info["stations"] == 0


async def test_one_of_several_addresses_without_an_answer(
    hass: HomeAssistant, loaded: ConfigEntry
) -> None:
    """Of two accounts; a third one is disabled, and its address is of no interest."""
    assert await async_setup_component(hass, "system_health", {})
    for port, disabled_by in ((1, ConfigEntryDisabler.USER), (2, None)):
        MockConfigEntry(
            domain="eevion",
            data={**loaded.data, "url": f"http://127.0.0.1:{port}"},
            disabled_by=disabled_by,
        ).add_to_hass(hass)
        info = await get_system_health_info(hass, "eevion")
        reach = await info["can_reach_cloud"]
        assert reach == ("ok" if disabled_by else {"type": "failed", "error": "unreachable"})
