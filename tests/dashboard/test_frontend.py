"""The modules of the browser: served, loaded with each page, small."""

from http import HTTPStatus
from typing import Any

from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests import ROOT

FOLDER = ROOT / "custom_components" / "eevion" / "dashboard" / "www"


async def test_each_page_loads_the_module(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    socket_enabled: None,
    hass_storage: dict[str, Any],
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    done = ["analytics", "core_config", "integration", "user"]
    hass_storage["onboarding"] = {"version": 4, "key": "onboarding", "data": {"done": done}}
    assert await async_setup_component(hass, "frontend", {})
    assert await async_setup_component(hass, "eevion", {})
    client = await hass_client_no_auth()
    (url,) = hass.data[DATA_EXTRA_MODULE_URL].urls
    assert url.startswith("/eevion_static/eevion.js?")
    assert url in await (await client.get("/")).text()

    for wanted in (url, url.replace("eevion.js", "sessions-card.js"), url.partition("?")[0]):
        answer = await client.get(wanted)
        assert answer.status == HTTPStatus.OK, wanted
        assert answer.content_type == "text/javascript"
        assert "max-age" in answer.headers["Cache-Control"]


async def test_a_home_without_a_frontend(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    assert await async_setup_component(hass, "eevion", {})
    assert DATA_EXTRA_MODULE_URL not in hass.data


def test_the_modules_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert sizes.keys() == {"eevion.js", "sessions-card.js"}
    assert sum(sizes.values()) <= 15_000
