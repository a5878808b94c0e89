"""The sessions card in a browser."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.browser.conftest import DESK, PHONE, Browser, Open, show
from tests.calls import ask, device
from tests.handmade import HandMadeCloud
from tests.past import TORONTO, past, two_sites

CARD = "eevion-sessions"
HOSTILE = '<img src=x onerror="window.hacked = true"><b>bold</b>'
LONG = "Averyveryverylongnamewithoutanyspacethatgoesonandonandonandonforever"


@pytest.fixture
def hand() -> HandMadeCloud:
    cloud = two_sites()
    cloud.past = [
        past("1", "2026-11-01T19:00:00.000Z", startWith="iOS", endReason="EVDisconnected"),
        past(
            "2",
            "2026-11-02T03:30:00.000Z",
            portId="B",
            stationId="B",
            location=TORONTO,
            currency="USD",
            cost=1234.5,
            vehicle="Toyota bZ4X 2023",
        ),
        past("3", "2026-10-31T19:00:00.000Z", portId="C", stationId="C", vehicle=HOSTILE),
        past("4", "2026-10-05T19:00:00.000Z", vehicle='=HYPERLINK("x")'),
        past("5", "2026-10-04T19:00:00.000Z", vehicle=LONG, endReason="EVDisconnected"),
    ]
    return cloud


type Watch = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def watch(hass: HomeAssistant, account: MockConfigEntry, browse: Open) -> Watch:
    """Open a browser with the card, once it has all sessions of this month."""

    async def watch(*settings: Any, config: dict[str, Any] | None = None, **more: Any) -> Browser:
        path = await show(hass, {"type": "custom:eevion-sessions-card", **(config or {})})
        browser = await browse(*settings, **more)
        await browser.open(path)
        await loaded(browser)
        return browser

    return watch


async def loaded(browser: Browser) -> None:
    await browser.page.locator(f"{CARD} #csv:enabled").wait_for()


async def go(browser: Browser, button: str) -> None:
    await browser.page.locator(f"{CARD} #{button}").click()
    await loaded(browser)


async def rows(browser: Browser) -> list[list[str]]:
    """Return the cells of the table."""
    found = await browser.page.locator(f"{CARD} tbody tr").all()
    return [await row.locator("td").all_inner_texts() for row in found]


async def text(browser: Browser, selector: str) -> str:
    found: str = await browser.page.locator(f"{CARD} {selector}").inner_text()
    return found


async def downloaded(browser: Browser) -> tuple[str, str]:
    """Return the name and the content of the file."""
    async with browser.page.expect_download() as waiting:
        await browser.page.locator(f"{CARD} #csv").click()
    download = await waiting.value
    return download.suggested_filename, content(await download.path())


def content(path: str) -> str:
    return Path(path).read_bytes().decode()


async def test_months(watch: Watch, hand: HandMadeCloud) -> None:
    browser = await watch()
    assert await text(browser, ".month") == "November 2026"
    assert await rows(browser) == [
        # The time at the site: the browser is in Berlin, Home Assistant in California.
        [
            "Nov 1, 10:30 PM",
            "B",
            "Office",
            "1:00",
            "5.000",
            "$1,234.50",
            "",
            "Toyota bZ4X 2023",
            "",
        ],
        [
            "Nov 1, 11:00 AM",
            "A",
            "Home",
            "1:00",
            "5.000",
            "CA$1.50",
            "iOS app",
            "",
            "Vehicle unplugged",
        ],
    ]
    assert await browser.page.locator(f"{CARD} #next").is_disabled()
    await go(browser, "previous")
    assert await text(browser, ".month") == "October 2026"
    assert [row[0] for row in await rows(browser)] == [
        "Oct 31, 12:00 PM",
        "Oct 5, 12:00 PM",
        "Oct 4, 12:00 PM",
    ]
    sums = await browser.page.locator(f"{CARD} .sum").all_inner_texts()
    assert [one.split() for one in sums] == [
        ["Sessions", "3", "Energy", "(kWh)", "15.000", "Cost", "CA$4.50"]
    ]
    hand.past = []
    await go(browser, "previous")
    assert await text(browser, ".note") == "No sessions in this month."
    await go(browser, "next")
    assert await text(browser, ".month") == "October 2026"
    assert browser.problems == []


async def test_sums_of_two_currencies(watch: Watch) -> None:
    browser = await watch()
    sums = await browser.page.locator(f"{CARD} .sum").all_inner_texts()
    assert [one.split()[-1] for one in sums] == ["CA$1.50", "$1,234.50"]


async def test_filter(
    hass: HomeAssistant, watch: Watch, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    dr.async_get(hass).async_update_device(device(hass, account, "C"), name_by_user=HOSTILE)
    browser = await watch()
    await go(browser, "previous")
    filters = browser.page.locator(f"{CARD} #filter")
    options = await filters.locator("option").all_inner_texts()
    assert [option.strip() for option in options] == [
        "All stations",
        "Home",
        HOSTILE,
        "A",
        "Office",
        "B",
    ]
    await filters.select_option(device(hass, account, "C"))
    await loaded(browser)
    assert [row[1] for row in await rows(browser)] == [HOSTILE]
    assert hand.lists[-1]["stations"] == ["C"]
    # The choice stays in other months.
    await go(browser, "next")
    assert await rows(browser) == []
    await filters.select_option(device(hass, account, "site"))
    await loaded(browser)
    assert [row[1] for row in await rows(browser)] == ["A"]
    assert browser.problems == []


async def test_the_stations_of_the_card(
    hass: HomeAssistant, watch: Watch, account: MockConfigEntry
) -> None:
    """Those of one station need no filter; of one site, no column of the site is shown."""
    stations = [device(hass, account, "A")]
    browser = await watch(config={"stations": stations})
    assert [row[1] for row in await rows(browser)] == ["A"]
    assert await browser.page.locator(f"{CARD} #filter").is_hidden()
    assert await browser.page.locator(f"{CARD} th.site").is_hidden()


async def test_names_are_text(watch: Watch) -> None:
    browser = await watch()
    await go(browser, "previous")
    vehicles = [row[7] for row in await rows(browser)]
    assert vehicles == [HOSTILE, '=HYPERLINK("x")', LONG]
    assert await browser.page.locator(f"{CARD} img").count() == 0
    assert await browser.page.evaluate("window.hacked") is None


async def test_the_file(hass: HomeAssistant, watch: Watch, tmp_path: Path) -> None:
    """It is the one that the action writes."""
    hass.config.media_dirs = {"local": str(tmp_path)}
    browser = await watch()
    await go(browser, "previous")
    name, text = await downloaded(browser)
    assert name == "eevion_2026-10.csv"
    exported = (await ask(hass, "export_sessions", period="last_month"))["path"]
    assert text == content(exported)
    assert "'=HYPERLINK" in text


async def test_the_cloud_fails(watch: Watch, hand: HandMadeCloud) -> None:
    browser = await watch()
    hand.past_fault = 500, {}
    await browser.page.locator(f"{CARD} #previous").click()
    failure = browser.page.locator(f"{CARD} .error")
    await failure.wait_for()
    assert "could not be understood" in await failure.inner_text()
    assert await rows(browser) == []
    assert await browser.page.locator(f"{CARD} #csv").is_disabled()
    await browser.picture("sessions-failure")
    hand.past_fault = None
    await go(browser, "retry")
    assert await text(browser, ".month") == "October 2026"
    assert len(await rows(browser)) == 3
    assert browser.problems == []


async def test_the_account_is_not_connected(
    hass: HomeAssistant, watch: Watch, account: MockConfigEntry
) -> None:
    browser = await watch()
    assert await hass.config_entries.async_unload(account.entry_id)
    await browser.page.locator(f"{CARD} #previous").click()
    await browser.page.locator(f"{CARD} .error").wait_for()
    assert "No account is connected." in await text(browser, ".error")


async def test_5000_sessions(watch: Watch, hand: HandMadeCloud) -> None:
    """The table grows as somebody scrolls; sums and file are of all of them at once."""
    start = datetime.fromisoformat("2026-10-01T07:00:00+00:00")
    hand.past += [
        past(f"many {number}", (start + timedelta(minutes=8 * number)).isoformat())
        for number in range(5000)
    ]
    browser = await watch()
    await go(browser, "previous")
    assert (await text(browser, ".sum")).split()[1] == "5,003"
    table = browser.page.locator(f"{CARD} tbody tr")
    assert await table.count() == 100
    await table.last.scroll_into_view_if_needed()
    await table.nth(150).wait_for()
    await table.last.scroll_into_view_if_needed()
    await table.nth(250).wait_for()
    starts = [row[0] for row in await rows(browser)]
    assert starts[0] == "Oct 31, 12:00 PM"
    assert len(set(starts)) == len(starts)
    _, text_ = await downloaded(browser)
    assert len(text_.splitlines()) == 1 + 5003 + 1
    assert browser.problems == []


async def test_a_lost_connection(watch: Watch, hand: HandMadeCloud) -> None:
    """The sessions come once more, and are not there twice."""
    browser = await watch()
    before, requests = await rows(browser), len(hand.lists)
    hand.gate = asyncio.Event()
    await browser.page.evaluate(
        "document.querySelector('home-assistant').hass.connection.reconnect(true)"
    )
    await browser.page.locator(f"{CARD} #csv:disabled").wait_for()
    hand.gate.set()
    await loaded(browser)
    assert len(hand.lists) > requests
    assert await rows(browser) == before


async def test_the_card_leaves_the_page(
    hass: HomeAssistant, watch: Watch, hand: HandMadeCloud
) -> None:
    """Its requests end with it."""
    browser = await watch()
    start = datetime.fromisoformat("2026-10-01T07:00:00+00:00")
    hand.past += [past(str(number), start.isoformat()) for number in range(10, 3000)]
    hand.gate = asyncio.Event()
    requests = len(hand.lists)
    await browser.page.locator(f"{CARD} #previous").click()
    await hand.is_waiting.wait()
    await browser.page.evaluate("history.pushState(null, '', '/profile')")
    await browser.page.evaluate("window.dispatchEvent(new CustomEvent('location-changed'))")
    await browser.page.locator(CARD).wait_for(state="detached")
    # Whatever the page sends next is answered after what it sent before.
    await browser.page.evaluate(
        "document.querySelector('home-assistant').hass.callWS({type: 'get_config'})"
    )
    hand.gate.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(hand.lists) == requests + 1


async def test_offered_for_entities(
    hass: HomeAssistant, watch: Watch, account: MockConfigEntry
) -> None:
    """The picker of cards offers it for each entity of a station, and has a form for it."""
    hass.states.async_set("light.kitchen", "on")
    browser = await watch()
    offered = await browser.page.evaluate(
        """(ids) => {
          const [card] = window.customCards.filter(({ type }) => type === "eevion-sessions-card");
          const { hass } = document.querySelector("home-assistant");
          return ids.map((id) => card.getEntitySuggestion(hass, id));
        }""",
        ["sensor.station_a_session_energy", "switch.station_a_charging", "light.kitchen"],
    )
    suggestion = {
        "config": {
            "type": "custom:eevion-sessions-card",
            "stations": [device(hass, account, "A")],
        }
    }
    assert offered == [suggestion, suggestion, None]
    await browser.open("/cards-only/cards?edit=1")
    await browser.page.locator("hui-card-edit-mode .control").dispatch_event("click")
    form = browser.page.locator("hui-dialog-edit-card ha-selector-device")
    await form.get_by_text("Devices").first.wait_for()
    await browser.page.locator(f"hui-dialog-edit-card {CARD} tbody tr").first.wait_for()
    await browser.picture("sessions-form")
    assert browser.problems == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_looks(
    watch: Watch, hand: HandMadeCloud, size: tuple[int, int], language: str, dark: bool
) -> None:
    """Nothing is wider than the page, and numbers and dates are those of the language."""
    browser = await watch(size, language, dark=dark)
    await go(browser, "previous")
    widths = "[document.documentElement.scrollWidth, innerWidth]"
    width, most = await browser.page.evaluate(widths)
    assert width <= most
    card = await browser.page.locator(f"{CARD} ha-card").bounding_box()
    table = await browser.page.locator(f"{CARD} table").bounding_box()
    assert table["x"] + table["width"] <= card["x"] + card["width"]
    month, cost = {"en": ("October 2026", "CA$4.50"), "fr": ("octobre 2026", "4,50\xa0$CA")}[
        language
    ]
    assert await text(browser, ".month") == month
    assert await text(browser, ".sum div:last-child b") == cost
    header = browser.page.locator(f"{CARD} thead")
    assert await header.is_visible() is (size == DESK)
    name = "phone" if size == PHONE else "desk"
    await browser.picture(f"sessions-{name}-{language}-{'dark' if dark else 'light'}")
    assert browser.problems == []
