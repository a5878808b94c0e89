"""Visit every view of the dashboard: python -m tests.browser.tour FOLDER.

Leaves a picture of each visit in the folder, and visits.json with what was there to read and
what went wrong. A program of its own, as Home Assistant's test plugin leaves no room for a browser.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
import json
import os
from pathlib import Path
import shutil
import socket
import sys
from typing import Any

import aiohttp
from aiohttp import web
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Route, async_playwright

from scripts.demo.configuration import write_configuration
from scripts.demo.home_assistant import HomeAssistant, wait_until_served
from simulator import Cloud, Settings, create_app
from tests import ROOT
from tests.browser import browser

DASHBOARD = "eevion-test"
SITES = {1: 1, 4: 1, 60: 2}
"""The number of sites, by that of stations."""
TILES = "/api/map_tiles/"
PARTS = Path(__file__).with_name("parts.js").read_text("utf-8")


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a person looks at a page."""

    size: tuple[int, int]
    language: str
    is_dark: bool
    stations: tuple[int, ...] = (0, *SITES)
    """The numbers of stations at which the person looks."""


LOOKS = {
    "desktop-light-en": Look(size=(1400, 900), language="en", is_dark=False),
    "phone-dark-fr": Look(size=(400, 860), language="fr", is_dark=True),
    "desktop-dark-de": Look(size=(1400, 900), language="de", is_dark=True, stations=(4,)),
}


@dataclass(kw_only=True)
class Visit:
    """What was there at a visit of a page."""

    stations: int
    view: str
    look: str
    text: str = ""
    parts: list[str] = field(default_factory=list)
    """The names of the elements, without repetition."""
    height: int = 0
    """Of the view, in pixels."""
    problems: list[str] = field(default_factory=list)


class Tour:
    """A browser's visits."""

    def __init__(self, ha: HomeAssistant, folder: Path, tokens: Mapping[str, Any]) -> None:
        """Begin without a visit."""
        self.ha = ha
        self.folder = folder
        self.tokens = tokens
        self.visits: list[Visit] = []
        self._problems: list[str] = []

    def watch(self, page: Page) -> None:
        """Collect what goes wrong in the page; nothing comes from elsewhere."""

        async def route(route: Route) -> None:
            is_own = route.request.url.startswith((self.ha.url, "data:", "blob:"))
            await (route.continue_() if is_own else route.abort())

        async def log(message: ConsoleMessage) -> None:
            url = message.location["url"]
            # The tiles of the map come from the internet.
            if message.type == "error" and url.startswith(self.ha.url) and TILES not in url:
                problems = self._problems
                values = [await value.json_value() for value in message.args]
                problems.append(f"{message.text} {values} ({url})")

        page.on("pageerror", lambda error: self._problems.append(str(error)))
        page.on("console", log)
        self._routing = page.route("**/*", route)

    async def open(self, context: BrowserContext) -> Page:
        """Return a page that is signed in."""
        page = await context.new_page()
        self.watch(page)
        await self._routing
        return page

    async def visit(self, page: Page, path: str, visit: Visit) -> None:
        """Go to a page as a link does."""
        self._problems.clear()
        if page.url.startswith(self.ha.url):
            await page.evaluate(
                "path => { history.pushState(null, '', path);"
                " window.dispatchEvent(new CustomEvent('location-changed')); }",
                path,
            )
        else:
            await page.goto(f"{self.ha.url}{path}")
        card = CARDS[visit.view] if visit.stations else "hui-empty-state-card"
        await page.locator(card).first.wait_for(state="attached", timeout=60_000)
        await self.finish(page, visit)

    async def finish(self, page: Page, visit: Visit) -> None:
        """Wait until the page rests, and take a picture."""
        await self.settle(page, visit)
        name = f"{visit.stations:02}-{visit.view}-{visit.look}.png"
        await page.screenshot(path=self.folder / name, animations="disabled")
        visit.problems = [*visit.problems, *self._problems]
        self.visits.append(visit)

    async def settle(self, page: Page, visit: Visit) -> None:
        """Wait until nothing is loading and the page stays as it is."""
        before, same = None, 0
        for _ in range(150):
            found = await page.evaluate(PARTS)
            same = same + 1 if found == before and not found["busy"] else 0
            before = found
            visit.text, visit.parts = found["text"], found["parts"]
            visit.height = found["height"]
            if same == 3:
                return
            await page.wait_for_timeout(100)
        visit.problems.append(f"the page does not rest: {found['busy']}")


def tokens(url: str, token: str) -> dict[str, Any]:
    """Return what the frontend keeps of a person who is signed in."""
    return {
        "access_token": token,
        "clientId": f"{url}/",
        "expires": 4_000_000_000_000,
        "expires_in": 86_400,
        "hassUrl": url,
        "refresh_token": "",
        "token_type": "Bearer",
    }


@asynccontextmanager
async def simulator(stations: int) -> AsyncIterator[str]:
    """Serve a cloud of some stations; yield its address."""
    settings = Settings(keys=("demo",), stations=stations, sites=SITES[stations], seed=3)
    cloud = Cloud(settings)
    world = cloud.world()
    names = [station.name for station in world.stations]
    if stations > 1:
        world.fault(names[1])
        world.plug_in(names[0], percent=20, card=True)
    for name in names[5:25]:
        world.plug_in(name, percent=20, card=True)
    runner = web.AppRunner(create_app(cloud))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/eevion"
    finally:
        await runner.cleanup()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def home_assistant(folder: Path) -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant with a user; yield the user's connection."""
    port = free_port()
    write_configuration(folder, port)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts" / "stand_ins")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with (folder / "console.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "homeassistant", "--config", str(folder), "--skip-pip"),
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(600):
            ha = HomeAssistant(session, f"http://127.0.0.1:{port}")
            await wait_until_served(session, f"{ha.url}/manifest.json")
            await ha.sign_up()
            await ha.wait_until_running()
            yield ha
    finally:
        process.terminate()
        await process.wait()


async def go(folder: Path) -> list[Visit]:
    """Visit all views, with no, one, some and many stations."""
    async with AsyncExitStack() as stack:
        ha = await stack.enter_async_context(home_assistant(folder / "home"))
        token = await ha.call("auth/long_lived_access_token", client_name="tour", lifespan=1)
        tour = Tour(ha, folder, {"access_token": token})
        await ha.call("lovelace/dashboards/create", url_path=DASHBOARD, title="Eevion")
        config = {"strategy": {"type": "custom:eevion"}}
        await ha.call("lovelace/config/save", url_path=DASHBOARD, config=config)
        playwright = await stack.enter_async_context(async_playwright())
        chromium = await playwright.chromium.launch(
            executable_path=browser(), args=["--no-sandbox", "--disable-gpu"]
        )
        stack.push_async_callback(chromium.close)
        pages: dict[str, Page] = {}
        for name, look in LOOKS.items():
            width, height = look.size
            context = await chromium.new_context(
                color_scheme="dark" if look.is_dark else "light",
                locale=look.language,
                service_workers="block",
                timezone_id="America/Toronto",
                viewport={"width": width, "height": height},
            )
            stored = {
                "hassTokens": json.dumps(tokens(ha.url, token)),
                "selectedLanguage": json.dumps(look.language),
            }
            await context.add_init_script(
                f"for (const [k, v] of Object.entries({json.dumps(stored)}))"
                " localStorage.setItem(k, v);"
            )
            pages[name] = await tour.open(context)
        for stations in SITES:
            async with simulator(stations) as url:
                await ha.add_entry(
                    "eevion",
                    {"api_key": "demo", "environment": "production", "advanced": {"url": url}},
                )
                await until_charging(ha, stations)
                await record(ha)
                await visit_views(tour, pages, stations)
                if stations == max(SITES):
                    await visit_picker(tour, pages["phone-dark-fr"], "phone-dark-fr")
                    await visit_picker(tour, pages["desktop-light-en"], "desktop-light-en")
                    await tap(tour, pages["desktop-light-en"])
                (entry,) = await ha.entries("eevion")
                await ha.delete_entry(entry["entry_id"])
            await visit_gone(tour, pages["desktop-light-en"], stations)
        for look, page in of_those_who_look(pages, 0):
            # What is shown is asked for once, so the page is opened anew.
            await page.goto("about:blank")
            visit = Visit(stations=0, view="stations", look=look)
            await tour.visit(page, f"/{DASHBOARD}/stations", visit)
        return tour.visits


async def record(ha: HomeAssistant) -> None:
    """Give the recorder some days of each total."""
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    totals = [entity_id for entity_id in await ha.states() if entity_id.endswith("_total_energy")]
    for number, entity_id in enumerate(totals):
        await ha.call(
            "recorder/import_statistics",
            metadata={
                "statistic_id": entity_id,
                "source": "recorder",
                "name": None,
                "unit_class": "energy",
                "unit_of_measurement": "kWh",
                "has_mean": False,
                "mean_type": 0,
                "has_sum": True,
            },
            stats=[
                {
                    "start": (today - timedelta(days=days)).isoformat(),
                    "sum": sum(9 + 4 * ((number + day) % 5) for day in range(days, 21)),
                }
                for days in range(20, 0, -1)
            ],
        )
    # The recorder writes them in the order of the calls.
    start = (today - timedelta(days=30)).isoformat()
    for _ in range(600):
        if await ha.call(
            "recorder/statistics_during_period",
            start_time=start,
            statistic_ids=totals[-1:],
            period="day",
        ):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the recorder does not write the statistics")


async def until_charging(ha: HomeAssistant, stations: int) -> None:
    """Wait until the states show what happens at the stations."""
    for _ in range(300):
        states = await ha.states()
        on = [e for e, s in states.items() if e.endswith("_charging") and s == "on"]
        if (stations == 1 and states) or any(e.startswith("switch.") for e in on):
            return
        await asyncio.sleep(0.2)
    raise TimeoutError("no station charges")


CARDS = {
    "stations": "hui-heading-card",
    "sessions": "eevion-sessions",
    "energy": "hui-statistics-graph-card",
    "map": "ha-map",
    "station": "hui-history-graph-card",
}
"""An element of each view that comes last."""


def of_those_who_look(pages: Mapping[str, Page], stations: int) -> list[tuple[str, Page]]:
    """Return the pages of the looks at a number of stations, with the names of the looks."""
    return [(look, page) for look, page in pages.items() if stations in LOOKS[look].stations]


async def visit_views(tour: Tour, pages: Mapping[str, Page], stations: int) -> None:
    """Visit the views, and the page of the first station."""
    answer = await tour.ha.call("eevion/dashboard", language="en")
    views = [view["path"] for view in answer["views"] if not view.get("subview")]
    station = next(view["path"] for view in answer["views"] if view.get("subview"))
    for look, page in of_those_who_look(pages, stations):
        await page.goto("about:blank")
        for view, path in ({name: name for name in views} | {"station": station}).items():
            visit = Visit(stations=stations, view=view, look=look)
            await tour.visit(page, f"/{DASHBOARD}/{path}", visit)


async def visit_gone(tour: Tour, page: Page, stations: int) -> None:
    """See what becomes of a page that shows a station while it goes."""
    visit = Visit(stations=stations, view="gone", look="desktop-light-en")
    await page.locator("hui-empty-state-card").wait_for()
    await tour.finish(page, visit)


async def visit_picker(tour: Tour, page: Page, look: str) -> None:
    """Look for the dashboard where a person adds one."""
    visit = Visit(stations=60, view="picker", look=look)
    await page.goto(f"{tour.ha.url}/config/lovelace/dashboards")
    await page.locator("ha-button[slot=fab]").first.click()
    await page.get_by_text("Eevion", exact=True).last.wait_for()
    await tour.finish(page, visit)


async def tap(tour: Tour, page: Page) -> None:
    """Tap a station in the list, after an update of the integration."""
    visit = Visit(stations=60, view="tapped", look="desktop-light-en")
    await page.goto(f"{tour.ha.url}/{DASHBOARD}/stations")
    await tour.settle(page, visit)
    # An update of the integration while the page is open brings another version of the module.
    await page.evaluate("import('/eevion_static/eevion.js?older')")
    await page.locator("hui-glance-card .entity").first.click()
    await tour.finish(page, visit)
    visit.text = f"{page.url}\n{visit.text}"


def main() -> None:
    """Go on the tour of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    visits = asyncio.run(go(folder))
    (folder / "visits.json").write_text(json.dumps([asdict(visit) for visit in visits], indent=1))


if __name__ == "__main__":
    main()
