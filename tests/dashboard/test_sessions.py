"""The websocket command of the sessions card."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from tests.calls import ask, device
from tests.handmade import HandMadeCloud
from tests.past import IN_DOLLARS, TORONTO, past, two_sites

type Json = dict[str, Any]


@pytest.fixture
def hand() -> HandMadeCloud:
    return two_sites()


class Card:
    """A card's connection to Home Assistant."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def subscribe(self, **data: Any) -> Json:
        """Ask for sessions, and return the first event."""
        await self.client.send_json_auto_id({"type": "eevion/sessions", "language": "en", **data})
        answer = await self.client.receive_json()
        assert answer["success"], answer
        return await self.event()

    async def event(self) -> Json:
        message = await self.client.receive_json()
        assert message["type"] == "event"
        event: Json = message["event"]
        return event

    async def pages(self) -> list[Json]:
        """Return the events up to the last."""
        events = [await self.event()]
        while not events[-1].keys() & {"is_last", "error"}:
            events.append(await self.event())
        return events

    async def rows(self, **data: Any) -> list[Json]:
        await self.subscribe(**data)
        return [row for page in await self.pages() for row in page["rows"]]


@pytest.fixture
async def card(
    hass: HomeAssistant, account: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> Card:
    assert await async_setup_component(hass, "websocket_api", {})
    return Card(await hass_ws_client(hass))


async def test_a_month(card: Card, hand: HandMadeCloud, hass: HomeAssistant) -> None:
    hand.past = [
        past("1", "2026-10-20T18:00:00.000Z", **IN_DOLLARS),
        past("2", "2026-11-01T08:00:00.000Z"),
    ]
    first = await card.subscribe(month="2026-10")
    assert (first["month"], first["previous"], first["next"]) == ("2026-10", "2026-09", "2026-11")
    assert first["texts"]["column_energy"] == "Energy (kWh)"
    page, last = await card.pages()
    assert page["rows"] == [
        {
            "id": "1",
            "start": "2026-10-20T14:00",
            "station": "B",
            "site": "Office",
            "duration_s": 3600,
            "energy_wh": 9330,
            "cost": 2.01,
            "currency": "USD",
            "started_with": "iOS app",
            "vehicle": "Toyota bZ4X 2023",
            "end_reason": "Vehicle unplugged",
            "csv": "2026-10-20 14:00,B,Office,1:00,9.330,2.01,USD,iOS app,"
            "Toyota bZ4X 2023,Vehicle unplugged\r\n",
        }
    ]
    sums = [
        {
            "currency": "USD",
            "sessions": 1,
            "duration_s": 3600,
            "energy_kwh": 9.33,
            "cost": 2.01,
        }
    ]
    assert page["sums"] == sums
    assert last == {
        "rows": [],
        "sums": sums,
        "csv": "Sum,,,1:00,9.330,2.01,USD,,,\r\n",
        "is_complete": True,
        "is_last": True,
    }


async def test_the_file_is_that_of_the_action(
    hass: HomeAssistant, card: Card, hand: HandMadeCloud, tmp_path: Path
) -> None:
    hass.config.media_dirs = {"local": str(tmp_path)}
    hand.past = [
        past("1", "2026-10-20T18:00:00.000Z", vehicle='=HYPERLINK("x")'),
        past("2", "2026-10-02T18:00:00.000Z", currency="USD", cost=1.005),
    ]
    exported = (await ask(hass, "export_sessions", period="last_month"))["path"]
    first = await card.subscribe(month="2026-10")
    pages = await card.pages()
    rows = sorted((row for page in pages for row in page["rows"]), key=lambda row: row["start"])
    text = "".join([first["csv"], *(row["csv"] for row in rows), pages[-1]["csv"]])
    assert text == content(exported)


def content(path: str) -> str:
    return Path(path).read_bytes().decode()


async def test_this_month(card: Card, hand: HandMadeCloud) -> None:
    hand.past = [past("2", "2026-11-01T08:00:00.000Z", status="charging", endTime="")]
    first = await card.subscribe()
    assert (first["month"], first["previous"], first["next"]) == ("2026-11", "2026-10", None)
    page, _ = await card.pages()
    assert [row["end_reason"] for row in page["rows"]] == ["Still active"]
    assert (await card.subscribe(month="2000-01"))["previous"] is None


@pytest.mark.parametrize(
    "data",
    [
        {"month": "2026-13"},
        {"month": "2026-12"},
        {"month": "1999-12"},
        {"month": "October"},
        {"month": "2026-10-01"},
        {"month": "\u0662\u0660\u0662\u0666-\u0661\u0660"},
        {"month": 2026},
        {"stations": "A"},
        {"language": "../../secrets"},
        {"language": "xx"},
    ],
)
async def test_what_is_no_question(card: Card, hand: HandMadeCloud, data: Json) -> None:
    hand.requests.clear()
    await card.client.send_json_auto_id({"type": "eevion/sessions", "language": "en", **data})
    answer = await card.client.receive_json()
    assert answer["error"]["code"] == "invalid_format"
    assert not hand.requests


async def test_a_page_is_a_request(card: Card, hand: HandMadeCloud) -> None:
    """5,000 sessions arrive in five parts, and the sums are those of all so far."""
    start = datetime.fromisoformat("2026-10-01T07:00:00+00:00")
    hand.past = [
        past(str(number), (start + timedelta(minutes=8 * number)).isoformat())
        for number in range(5000)
    ]
    await card.subscribe(month="2026-10")
    pages = await card.pages()
    assert [len(page["rows"]) for page in pages] == [1000] * 5 + [0, 0]
    assert [page["sums"][0]["sessions"] for page in pages][:5] == [1000, 2000, 3000, 4000, 5000]
    assert len({row["id"] for page in pages for row in page["rows"]}) == 5000
    assert [body["offset"] for body in hand.lists[-6:]] == list(range(0, 6000, 1000))


async def test_nobody_looks_any_more(hass: HomeAssistant, card: Card, hand: HandMadeCloud) -> None:
    """The requests end with the card."""
    hand.gate = asyncio.Event()
    hand.past = [past(str(number), "2026-10-02T07:00:00+00:00") for number in range(5000)]
    before = len(hand.lists)
    await card.subscribe(month="2026-10")
    await hand.is_waiting.wait()
    await card.client.send_json_auto_id({"type": "unsubscribe_events", "subscription": 1})
    assert (await card.client.receive_json())["success"]
    hand.gate.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(hand.lists) == before + 1


async def test_choices(hass: HomeAssistant, card: Card, account: MockConfigEntry) -> None:
    """Sites with their stations, by the names that people gave them."""
    ids = {name: device(hass, account, name) for name in ("site", "east", "A", "B", "C")}
    dr.async_get(hass).async_update_device(ids["A"], name_by_user="Zoe's <b>place</b>")
    assert (await card.subscribe())["stations"] == [
        {"id": ids["site"], "name": "Home"},
        {"id": ids["C"], "name": "C", "is_of_site": True},
        {"id": ids["A"], "name": "Zoe's <b>place</b>", "is_of_site": True},
        {"id": ids["east"], "name": "Office"},
        {"id": ids["B"], "name": "B", "is_of_site": True},
    ]
    await card.pages()
    # Of one site, the stations alone.
    chosen = (await card.subscribe(stations=[ids["site"]], only=ids["A"]))["stations"]
    assert [choice["name"] for choice in chosen] == ["C", "Zoe's <b>place</b>"]


async def test_chosen_stations(
    hass: HomeAssistant, card: Card, hand: HandMadeCloud, account: MockConfigEntry
) -> None:
    hand.past = [
        past("1", "2026-11-02T07:00:00.000Z"),
        past("2", "2026-11-02T07:00:00.000Z", portId="B", stationId="B", location=TORONTO),
        past("3", "2026-11-02T07:00:00.000Z", portId="C", stationId="C"),
        past("4", "2026-11-02T07:00:00.000Z", portId="old", stationId="old"),
    ]
    ids = {name: device(hass, account, name) for name in ("site", "east", "A", "B", "C")}
    switch = er.async_get(hass).async_get_entity_id("switch", "eevion", "A_charging")

    async def stations(**data: Any) -> str:
        return "".join(sorted(row["station"][0] for row in await card.rows(**data)))

    assert await stations() == "ABCo"
    assert await stations(stations=[ids["A"], ids["B"]]) == "AB"
    assert hand.lists[-1]["stations"] == ["A", "B"]
    assert await stations(stations=[switch, "sensor.gone", "a device that is gone"]) == "A"
    assert await stations(stations=[ids["site"]]) == "AC"
    assert await stations(only=ids["east"]) == "B"
    assert await stations(stations=[ids["site"]], only=ids["C"]) == "C"
    requests = len(hand.lists)
    # Nothing of what is chosen is there any more, or belongs to the card.
    assert await stations(stations=["gone"]) == ""
    assert await stations(stations=[ids["site"]], only=ids["B"]) == ""
    assert len(hand.lists) == requests


@pytest.fixture
def permit(hass: HomeAssistant, hass_admin_user: MockUser) -> Callable[[Json], None]:
    """Set what the user of the card may do with entities."""

    def permit(entities: Json) -> None:
        hass_admin_user.groups = []
        hass_admin_user.perm_lookup = PermissionLookup(er.async_get(hass), dr.async_get(hass))
        hass_admin_user.mock_policy({"entities": entities})

    return permit


async def test_a_user_who_may_read_one_station(
    hass: HomeAssistant,
    card: Card,
    hand: HandMadeCloud,
    account: MockConfigEntry,
    permit: Callable[[Json], None],
) -> None:
    hand.past = [
        past("1", "2026-11-02T07:00:00.000Z"),
        past("2", "2026-11-02T07:00:00.000Z", portId="C", stationId="C"),
        past("3", "2026-11-02T07:00:00.000Z", portId="old", stationId="A"),
    ]
    permit({"entity_ids": {"switch.station_a_charging": {"read": True}}})
    first = await card.subscribe()
    assert [choice["name"] for choice in first["stations"]] == ["A"]
    assert [row["id"] for page in await card.pages() for row in page["rows"]] == ["1"]
    assert await card.rows(only=device(hass, account, "C")) == []
    assert await card.rows(stations=[device(hass, account, "C")]) == []
    assert [row["id"] for row in await card.rows(stations=[device(hass, account, "site")])] == ["1"]
    permit({})
    first = await card.subscribe()
    assert first["stations"] == []
    (last,) = await card.pages()
    assert (last["rows"], last["is_complete"]) == ([], True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "could not be understood"),
        ("cs", "could not be understood"),
    ],
)
async def test_the_cloud_fails(card: Card, hand: HandMadeCloud, language: str, text: str) -> None:
    """The error is a text in the language of the browser; the next question is answered."""
    hand.past_fault = 500, {}
    await card.subscribe(language=language)
    (last,) = await card.pages()
    assert text in last["error"]
    hand.past_fault = None
    hand.past = [past("1", "2026-11-02T07:00:00.000Z")]
    assert len(await card.rows(language=language)) == 1


async def test_what_cannot_be_read_is_said(card: Card, hand: HandMadeCloud) -> None:
    hand.past = [past("1", "2026-11-02T07:00:00.000Z"), {"energy": 1}]
    await card.subscribe()
    assert (await card.pages())[-1]["is_complete"] is False


async def test_an_empty_list_is_compared_with_the_report(card: Card, hand: HandMadeCloud) -> None:
    """Lists may hold active sessions alone; where they hold others, nothing is compared."""
    hand.others["/session/report"] = 200, [{"station_id": "A", "count": 5}]
    hand.past = [past("1", "2026-11-02T07:00:00.000Z", status="charging", endTime="")]
    await card.subscribe()
    assert (await card.pages())[-1]["is_complete"] is False
    hand.past = [past("1", "2026-11-02T07:00:00.000Z")]
    before = hand.sent("POST", "/session/report")
    await card.subscribe()
    assert (await card.pages())[-1]["is_complete"] is True
    assert hand.sent("POST", "/session/report") == before


async def test_no_account_is_connected(
    hass: HomeAssistant, card: Card, account: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_unload(account.entry_id)
    assert (await card.subscribe())["stations"] == []
    (last,) = await card.pages()
    assert last["error"].startswith("No account is connected.")


async def test_all_accounts(
    hass: HomeAssistant, card: Card, hand: HandMadeCloud, account: MockConfigEntry
) -> None:
    data = {key: value for key, value in account.data.items() if key != "webhook_id"}
    other = MockConfigEntry(domain="eevion", title="Other", data=data, unique_id="other")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    hand.past = [past("1", "2026-11-02T07:00:00.000Z")]
    before = len(hand.lists)
    assert await card.rows()
    assert len(hand.lists) == before + 2
