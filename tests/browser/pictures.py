"""Take the pictures of the documentation anew: python -m tests.browser.pictures.

They show the demonstration of `scripts/develop` in a folder of its own, while vehicles charge.
"""

import asyncio
from dataclasses import dataclass
import json
import shutil
import sys

from playwright.async_api import Browser, Page, async_playwright

from scripts.demo.__main__ import add_history, demonstration, parse_arguments, unless_ended
from scripts.demo.dashboard import URL_PATH
from scripts.demo.home_assistant import HomeAssistant
from tests import ROOT

from . import browser
from .tour import PARTS, free_port, tokens

FOLDER = ROOT / "docs" / "images"
HOME = ROOT / ".pictures" / "demonstration"
DESK, PHONE, DIALOG, EDITOR = (1280, 860), (400, 860), (900, 720), (1200, 1000)
STATION = "switch.station_{}_charging"
# The simulator's stations: the first one has smart charging.
SMART, PLAIN = "2133", "2134"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a page."""

    name: str
    path: str
    """Of the page; `{smart}` and `{plain}` stand for the devices of two stations."""
    size: tuple[int, int] = DESK
    is_dark: bool = False
    taps: tuple[str, ...] = ()
    """The texts that are tapped first, one after the other."""
    down_to: str | None = None
    """A text that is scrolled to."""


PICTURES = (
    Picture("dashboard", f"/{URL_PATH}/stations"),
    Picture("dashboard_phone", f"/{URL_PATH}/stations", PHONE, is_dark=True),
    Picture("sessions", f"/{URL_PATH}/sessions"),
    Picture("energy", f"/{URL_PATH}/energy"),
    Picture("device", "/config/devices/device/{plain}"),
    Picture("smart_charging", "/config/devices/device/{smart}"),
    Picture("config_flow", "/config/integrations/dashboard/add?domain=eevion", DIALOG),
    *(
        Picture(
            f"automation_{kind}s",
            "/config/automation/edit/new",
            EDITOR,
            taps=(f"Add {kind}", "Devices", f"Station {SMART}"),
            down_to=last,
        )
        for kind, last in (
            ("trigger", "Vehicle unplugged"),
            ("condition", "Vehicle is plugged in"),
        )
    ),
)


async def settle(page: Page) -> None:
    """Wait until nothing loads, and the page stays as it is for a second."""
    before, same = None, 0
    for _ in range(300):
        found = await page.evaluate(PARTS)
        same = same + 1 if found == before and not found["busy"] else 0
        before = found
        if same == 10:
            return
        await page.wait_for_timeout(100)
    raise TimeoutError(page.url)


async def take(program: Browser, ha: HomeAssistant) -> None:
    """Take all pictures."""
    devices = {
        entity["entity_id"]: entity["device_id"]
        for entity in await ha.call("config/entity_registry/list")
    }
    paths = {"smart": devices[STATION.format(SMART)], "plain": devices[STATION.format(PLAIN)]}
    token = await ha.call("auth/long_lived_access_token", client_name="pictures", lifespan=1)
    stored = {"hassTokens": json.dumps(tokens(ha.url, token)), "selectedLanguage": '"en"'}
    for picture in PICTURES:
        width, height = picture.size
        context = await program.new_context(
            color_scheme="dark" if picture.is_dark else "light",
            locale="en",
            service_workers="block",
            viewport={"width": width, "height": height},
        )
        await context.add_init_script(
            f"for (const [k, v] of Object.entries({json.dumps(stored)}))"
            " localStorage.setItem(k, v);"
        )
        page = await context.new_page()
        await page.goto(ha.url + picture.path.format(**paths))
        await settle(page)
        for text in picture.taps:
            await page.get_by_text(text, exact=True).last.click()
            await settle(page)
        if picture.down_to:
            await page.get_by_text(picture.down_to).last.scroll_into_view_if_needed()
            await settle(page)
        await page.screenshot(path=FOLDER / f"{picture.name}.png", animations="disabled")
        await context.close()
        sys.stderr.write(f"{picture.name}\n")


async def main() -> None:
    """Run the demonstration, and take its pictures."""
    shutil.rmtree(HOME, ignore_errors=True)
    ports = ("--port", str(free_port()), "--simulator-port", str(free_port()))
    async with demonstration(parse_arguments(ports), HOME) as demo, async_playwright() as driver:
        await unless_ended(add_history(demo.ha, HOME), *demo.ends)
        program = await driver.chromium.launch(
            executable_path=browser(), args=["--no-sandbox", "--disable-gpu"]
        )
        await take(program, demo.ha)
        await program.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
