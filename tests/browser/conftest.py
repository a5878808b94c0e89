"""The real frontend in a real browser, before the Home Assistant of the tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
import json
import logging
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer
from homeassistant.components import onboarding
from homeassistant.components.lovelace.const import LOVELACE_DATA
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from tests import ROOT
from tests.browser import browser

PICTURES = ROOT / ".pictures"
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
_URL = "cards-only"
PHONE, DESK = (390, 844), (1280, 900)


@dataclass
class Browser:
    """A page of a browser that is logged in."""

    page: Any
    base: str
    problems: list[str] = field(default_factory=list)
    """Errors of scripts, and requests that failed or went elsewhere."""

    async def open(self, path: str) -> None:
        """Go to a page of the frontend."""
        await self.page.goto(self.base + path, wait_until="load")

    async def picture(self, name: str) -> Path:
        """Keep a picture of what is to be seen."""
        path = PICTURES / f"{name}.png"
        await self.page.screenshot(path=path, animations="disabled")
        return path


async def show(hass: HomeAssistant, *cards: dict[str, Any]) -> str:
    """Make a dashboard of cards in one wide section, and return its path."""
    section = {"type": "grid", "column_span": 3, "cards": list(cards)}
    view = {"title": "Cards", "path": "cards", "type": "sections", "sections": [section]}
    await (
        hass.data[LOVELACE_DATA]
        .dashboards[_URL]
        .async_save({"views": [{**view, "max_columns": 3}]})
    )
    return f"/{_URL}/cards"


type Open = Callable[..., Coroutine[Any, Any, Browser]]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser; skip the tests where it, or what drives it, is not installed."""
    pytest.importorskip("playwright")
    if found := browser():
        return found
    pytest.skip("there is no Chromium")


@pytest.fixture(autouse=True)
async def quick() -> AsyncIterator[None]:
    """Keep no log below warnings: the recorder logs each of its many statements."""
    asyncio.get_running_loop().set_debug(False)
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
async def pages(
    chromium: str,
    quick: None,
    recorder_mock: object,
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
) -> None:
    """Set up the frontend, before the integration as in a house, of a person who has begun."""
    hass_storage[onboarding.STORAGE_KEY] = {
        "version": onboarding.STORAGE_VERSION,
        "data": {"done": list(onboarding.STEPS)},
    }
    dashboard = {"id": "cards", "url_path": _URL, "title": "Cards", "mode": "storage"}
    hass_storage["lovelace_dashboards"] = {
        "version": 1,
        "data": {"items": [{**dashboard, "require_admin": False, "show_in_sidebar": True}]},
    }
    for domain in ("brands", "frontend", "labs", "persistent_notification"):
        assert await async_setup_component(hass, domain, {})


@pytest.fixture
async def address(hass: HomeAssistant, socket_enabled: None) -> AsyncIterator[str]:
    """Serve the pages and yield their address."""
    server = TestServer(hass.http.app, host="127.0.0.1")
    await server.start_server(access_log=None)
    yield str(server.make_url("")).rstrip("/")
    await server.close()


@pytest.fixture
async def browse(chromium: str, address: str, hass_access_token: str) -> AsyncIterator[Open]:
    """Open a browser with settings of its own: size, language, darkness."""
    tokens = {
        "access_token": hass_access_token,
        "token_type": "Bearer",
        "expires_in": 1800,
        "expires": 9_999_999_999_999,
        "refresh_token": "",
        "clientId": f"{address}/",
        "hassUrl": address,
    }
    from playwright.async_api import async_playwright  # noqa: PLC0415

    async with async_playwright() as driver:
        program = await driver.chromium.launch(executable_path=chromium, args=_ARGUMENTS)

        async def browse(
            size: tuple[int, int] = DESK, language: str = "en", *, dark: bool = False
        ) -> Browser:
            context = await program.new_context(
                color_scheme="dark" if dark else "light",
                locale=language,
                service_workers="block",
                timezone_id="Europe/Berlin",
                viewport={"width": size[0], "height": size[1]},
            )
            stored = {"hassTokens": json.dumps(tokens), "selectedLanguage": json.dumps(language)}
            await context.add_init_script(
                f"for (const [k, v] of Object.entries({json.dumps(stored)}))"
                " localStorage.setItem(k, v);"
            )
            browser = Browser(await context.new_page(), address)
            browser.page.set_default_timeout(30_000)
            _watch(browser)
            return browser

        yield browse
        await program.close()


def _watch(browser: Browser) -> None:
    page, problems = browser.page, browser.problems

    def console(message: Any) -> None:
        # A failed request has its address in `response`.
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(f"console: {message.text}")

    def request(request: Any) -> None:
        if not request.url.startswith((browser.base, "data:", "blob:")):
            problems.append(f"elsewhere: {request.url}")

    def response(response: Any) -> None:
        if response.status >= 400:
            problems.append(f"{response.status}: {response.url}")

    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("console", console)
    page.on("request", request)
    page.on("response", response)
