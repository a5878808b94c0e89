"""The websocket command of the dashboard's views."""

from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import patch

from homeassistant.auth.models import User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.components.recorder.models import StatisticMeanType, StatisticMetaData
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    async_import_statistics,
)
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
from sqlalchemy.exc import OperationalError

from custom_components.eevion.dashboard.model import natural
from custom_components.eevion.translation import Texts
from simulator import Cloud, Settings, World
from tests.calls import device
from tests.conftest import API_KEY, Pass
from tests.dashboard.lovelace import entity_ids, seen, walk
from tests.handmade import HandMadeCloud, site
from tests.helpers import Station
from tests.smart.home import PRICE, Home

type Json = dict[str, Any]
type Ask = Callable[..., Awaitable[Json]]

# Cards of Home Assistant's that show a text as it is, and ours.
CARDS = {
    "custom:eevion-sessions-card",
    "empty-state",
    "entities",
    "entity-filter",
    "glance",
    "heading",
    "history-graph",
    "horizontal-stack",
    "map",
    "statistics-graph",
    "tile",
    "vertical-stack",
}
PLAIN = {"heading", "name", "title", "device_id", "stations"}


def many(stations: int, sites: int = 1) -> Settings:
    return Settings(keys=(API_KEY,), sites=sites, stations=stations, seed=7)


def sized(*sizes: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("settings", [many(size) for size in sizes], ids=map(str, sizes))


@pytest.fixture
async def ask(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Ask:
    """Return the answer of the command; without a path the list of views."""
    assert await async_setup_component(hass, "websocket_api", {})

    async def ask(path: str | None = None, language: str = "en") -> Json:
        # A connection of its own: tests move the clock, and browsers connect again, too.
        client = await hass_ws_client(hass)
        message = {"type": "eevion/dashboard", "language": language}
        await client.send_json_auto_id(message | ({"path": path} if path else {}))
        answer = await client.receive_json()
        await client.close()
        assert answer["success"], answer
        result: Json = answer["result"]
        return result

    return ask


@pytest.fixture
def present(loaded: ConfigEntry, stations: list[Station]) -> list[Station]:
    """The stations that are in place, in the order of the dashboard."""
    ids = loaded.runtime_data.coordinator.data.stations
    found = [station for station in stations if station.port_id in ids]
    return sorted(found, key=lambda station: natural(station.name))


async def page_of(ask: Ask, name: str) -> Json:
    """Return the page of a station by its name."""
    views = (await ask())["views"]
    (path,) = [view["path"] for view in views if view.get("subview") and view["title"] == name]
    return await ask(path)


def headings(view: Json) -> list[str]:
    """Return the texts of the headings that can be seen, from top to bottom."""
    return [part["heading"] for part in walk(view) if part.get("type") == "heading"]


def titled(view: Json, title: str) -> list[str]:
    """Return the names in a list that can be seen."""
    return [
        row["name"] for part in walk(view) if part.get("title") == title for row in part["entities"]
    ]


async def test_the_list_of_views(hass: HomeAssistant, loaded: ConfigEntry, ask: Ask) -> None:
    views = (await ask())["views"]
    assert [(view["title"], view.get("subview", False)) for view in views] == [
        ("Stations", False),
        ("Sessions", False),
        ("Energy", False),
        ("Map", False),
        ("2133", True),
        ("2134", True),
    ]
    for view in views:
        assert view["strategy"] == {"type": "custom:eevion", "path": view["path"]}
    assert (await ask("sessions"))["cards"] == [{"type": "custom:eevion-sessions-card"}]


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
@pytest.mark.parametrize(
    "settings", [many(1), many(4), many(6), many(14, 2)], ids=["1", "4", "6", "14"]
)
async def test_every_card_is_a_plain_one_of_entities_that_exist(
    hass: HomeAssistant, loaded: ConfigEntry, ask: Ask
) -> None:
    views = (await ask())["views"]
    for path in {view["path"] for view in views}:
        view = await ask(path)
        cards = view.get("cards", []) + [c for s in view.get("sections", ()) for c in s["cards"]]
        for part in walk(cards):
            if "type" in part and "entity" not in part and "entities" not in part:
                assert part["type"] in CARDS | {"conditional", "toggle", "entity"} | {
                    "trend-graph",
                    "numeric-input",
                    "select-options",
                }, part
        assert entity_ids(view) or path in ("sessions", "energy")
        for entity_id in entity_ids(view):
            assert hass.states.get(entity_id), entity_id


@sized(4)
async def test_a_block_for_each_of_few_stations(
    hass: HomeAssistant, present: list[Station], world: World, wait: Pass, ask: Ask
) -> None:
    view = await ask("stations")
    assert headings(seen(hass, view)) == ["Harbor View Garage", *(s.name for s in present)]
    for station in present:
        for key in ("sensor.status", "sensor.power", "switch.charging", "number.charging_limit"):
            assert station.id(*key.split(".")) in entity_ids(seen(hass, view))

    # A problem comes first, with its text, and without another question.
    world.fault(present[2].name)
    world.plug_in(present[3].name, card=True)
    await wait(40)
    now = seen(hass, view)
    names = [present[i].name for i in (2, 0, 1, 3)]
    assert headings(now) == ["Harbor View Garage", *names]
    assert present[2].id("binary_sensor", "problem") in entity_ids(now)
    assert present[0].id("binary_sensor", "problem") not in entity_ids(now)
    # During a session the connector says more.
    shown = entity_ids(now)
    assert present[3].id("sensor", "connector_status") in shown
    assert present[3].id("sensor", "status") not in shown
    assert {present[3].id("sensor", key) for key in ("session_energy", "session_cost")} <= shown
    assert present[0].id("sensor", "session_energy") not in shown


@sized(1)
@pytest.mark.usefixtures("recorder_mock")
class TestOneStation:
    async def test_the_first_view_has_its_history_and_its_sessions(
        self, hass: HomeAssistant, present: list[Station], ask: Ask
    ) -> None:
        await async_record_totals(hass)
        (station,) = present
        view = await ask("stations")
        page = await page_of(ask, station.name)
        assert lines(view) == lines(page) != {}
        for card in ("history-graph", "custom:eevion-sessions-card"):
            (shown,) = [part for part in walk(view) if part.get("type") == card]
            assert shown in walk(page)
        assert headings(seen(hass, view)) == [
            "Harbor View Garage",
            station.name,
            "Session",
            "Energy and cost",
            "Last sessions",
        ]
        # Each state once; what is seldom needed is on the page of the station.
        charging = station.id("switch", "charging")
        tiles = [p for p in walk(view) if p.get("type") == "tile" and p["entity"] == charging]
        assert len(tiles) == 2
        assert station.id("switch", "in_service") not in entity_ids(view)

    async def test_the_controls_are_there_without_the_database(
        self, hass: HomeAssistant, present: list[Station], ask: Ask
    ) -> None:
        (station,) = present
        await async_record_totals(hass)
        broken = OperationalError("select", {}, Exception("disk I/O error"))
        metadata = "custom_components.eevion.history.statistics.get_metadata"
        with patch(metadata, side_effect=broken):
            view = await ask("stations")
        assert lines(view) == {}
        assert station.id("switch", "charging") in entity_ids(seen(hass, view))


@sized(2)
async def test_a_history_for_one_station_only(
    hass: HomeAssistant, present: list[Station], ask: Ask
) -> None:
    assert headings(seen(hass, await ask("stations")))[1:] == [s.name for s in present]


@sized(6)
async def test_tiles_of_more_stations(
    hass: HomeAssistant, present: list[Station], ask: Ask
) -> None:
    view = await ask("stations")
    shown = entity_ids(seen(hass, view))
    for station in present:
        assert {station.id("sensor", "status"), station.id("switch", "charging")} <= shown
        assert station.id("number", "charging_limit") not in shown


@sized(20)
async def test_lists_of_many_stations_follow_the_states(
    hass: HomeAssistant, present: list[Station], world: World, wait: Pass, ask: Ask
) -> None:
    view = await ask("stations")
    present = [station for station in present if station["sensor.status"] == "available"]
    names = [station.name for station in present]
    before = seen(hass, view)
    assert titled(before, "Free") == names
    assert titled(before, "Charging") == []

    world.fault(names[0])
    world.disconnect(names[1])
    world.plug_in(names[2], card=True)
    await wait(40)
    hass.states.async_set(present[3].id("sensor", "status"), "in_use")
    hass.states.async_set(present[4].id("sensor", "status"), "unavailable")
    now = seen(hass, view)
    problems = titled(before, "Problems")
    assert set(titled(now, "Problems")) == {*problems, *names[:2]}
    assert titled(now, "Charging") == [names[2]]
    assert set(titled(now, "Others")) == {*titled(before, "Others"), *names[3:5]}
    assert titled(now, "Free") == names[5:]
    # A tap opens the page of the station.
    rows = [row for part in walk(now) if part.get("title") == "Free" for row in part["entities"]]
    paths = {view["path"] for view in (await ask())["views"]}
    assert {row["tap_action"]["navigation_path"] for row in rows} <= paths


@sized(70)
async def test_long_lists_are_divided(hass: HomeAssistant, loaded: ConfigEntry, ask: Ask) -> None:
    cards = [part for part in walk(await ask("stations")) if part.get("type") == "glance"]
    free = [card["title"] for card in cards if card["title"] != "Charging"]
    assert len(free) == 3
    assert all(title.startswith("Free: 2133") or " … " in title for title in free)


@sized(20)
@pytest.mark.parametrize(
    "gone",
    [
        {"switch_charging"},
        {"sensor_status"},
        {"binary_sensor_problem"},
        {"sensor_status", "binary_sensor_problem"},
        {"sensor_status", "switch_charging"},
        {"switch_charging", "sensor_power"},
        {"sensor_status", "switch_charging", "binary_sensor_problem"},
    ],
    ids=lambda gone: "+".join(sorted(gone)),
)
async def test_no_station_is_lost_where_entities_are_disabled(
    hass: HomeAssistant, present: list[Station], world: World, wait: Pass, ask: Ask, gone: set[str]
) -> None:
    """In whatever state a station is, it is in one list."""
    world.fault(present[0].name)
    world.plug_in(present[1].name, card=True)
    world.disconnect(present[2].name)
    await wait(40)
    registry = er.async_get(hass)
    for station in present:
        for name in gone:
            platform, _, key = name.replace("binary_sensor", "binary-sensor").partition("_")
            entity_id = station.id(platform.replace("-", "_"), key)
            registry.async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    view = await ask("stations")
    for part in walk(view):
        if (entity_id := part.get("entity")) and isinstance(entity_id, str):
            found = registry.async_get(entity_id)
            assert found
            assert not found.disabled_by
    rows = [
        row["name"]
        for part in walk(seen(hass, view))
        if part.get("type") in ("glance", "entities")
        for row in part["entities"]
    ]
    assert sorted(rows) == sorted(station.name for station in present)


async def test_the_page_of_a_station(hass: HomeAssistant, station: Station, ask: Ask) -> None:
    page = await page_of(ask, station.name)
    assert {
        station.id(*key.split("."))
        for key in (
            "sensor.status",
            "sensor.power",
            "switch.charging",
            "number.charging_limit",
            "binary_sensor.problem",
            "sensor.session_energy",
            "sensor.session_cost",
            "switch.in_service",
        )
    } <= entity_ids(page)
    # The sessions are those of this station.
    (card,) = [p for p in walk(page) if p.get("type") == "custom:eevion-sessions-card"]
    found = dr.async_get(hass).async_get(card["stations"][0])
    assert found
    assert found.identifiers == {("eevion", station.port_id)}
    assert "Smart charging" not in headings(page)
    # What has no value takes no room.
    hass.states.async_set(station.id("sensor", "session_cost"), "unknown")
    assert station.id("sensor", "session_cost") not in entity_ids(seen(hass, page))


async def test_the_page_of_a_station_with_smart_charging(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    wait: Pass,
    station: Station,
    ask: Ask,
) -> None:
    """A plan shows when and at what cost it charges, and nothing where there is none."""
    home = Home(hass, loaded, cloud, world, wait)
    assert "Smart charging" not in headings(await page_of(ask, station.name))
    home.price(0.4, prices_today=[])
    await home.add(station.name, price={"price": PRICE})
    await home.choose(station.name, "smart")

    page = await page_of(ask, station.name)
    before = seen(hass, page)
    plan = {station.id("sensor", key) for key in ("planned_start", "planned_cost")}
    assert headings(before)[:2] == ["Now", "Smart charging"]
    assert {
        station.id("select", "charging_mode"),
        station.id("number", "target_energy"),
        station.id("number", "price_limit"),
        station.id("time", "ready_by"),
        station.id("switch", "always_charge"),
        station.id("sensor", "smart_charging"),
        station.id("sensor", "session_solar_share"),
    } <= entity_ids(before)
    assert not plan & entity_ids(before)
    # A box beside the name leaves no room for either.
    price_limit = station.id("number", "price_limit")
    (row,) = [p for p in walk(before) if p.get("entity") == price_limit]
    assert row["type"] == "simple-entity"

    await home.call("number", "set_value", station.name, "target_energy", value=10)
    world.plug_in(station.name, card=True, percent=10)
    await home.run(60)
    assert station.id("sensor", "planned_start") in entity_ids(seen(hass, page))


async def test_a_page_that_is_gone(hass: HomeAssistant, loaded: ConfigEntry, ask: Ask) -> None:
    (card,) = (await ask("station-of-yesterday"))["cards"]
    assert card["title"] == "This station is not there any more"
    assert card["buttons"][0]["tap_action"]["navigation_path"] == "stations"


async def test_renamed_hidden_and_moved(
    hass: HomeAssistant, stations: list[Station], loaded: ConfigEntry, ask: Ask
) -> None:
    registry, devices = er.async_get(hass), dr.async_get(hass)
    first, second = stations
    registry.async_update_entity(
        first.id("switch", "charging"), new_entity_id="switch.my_car", name="My car"
    )
    registry.async_update_entity(first.id("sensor", "power"), hidden_by=er.RegistryEntryHider.USER)
    area = ar.async_get(hass).async_create("Garden")
    found = device(hass, loaded, first.port_id)
    devices.async_update_device(found, name_by_user="Left of the door", area_id=area.id)
    await hass.async_block_till_done()
    view = await ask("stations")
    assert "switch.my_car" in entity_ids(view)
    assert first.id("sensor", "power") not in entity_ids(view)
    assert second.id("sensor", "power") in entity_ids(view)
    assert {"Left of the door", second.name} <= set(headings(view))

    for entity in er.async_entries_for_device(registry, found):
        registry.async_update_entity(entity.entity_id, hidden_by=er.RegistryEntryHider.USER)
    titles = [view["title"] for view in (await ask())["views"]]
    assert "Left of the door" not in titles
    assert second.name in titles


def may_read(hass: HomeAssistant, user: User, *ids: str) -> None:
    """Let a user read some entities alone."""
    user.groups = []
    policy = {"entities": {"entity_ids": {entity_id: {"read": True} for entity_id in ids}}}
    user.mock_policy(policy)  # type: ignore[attr-defined]
    user.perm_lookup = PermissionLookup(er.async_get(hass), dr.async_get(hass))


async def test_a_user_who_may_see_one_station(
    hass: HomeAssistant, stations: list[Station], hass_admin_user: MockUser, ask: Ask
) -> None:
    first, second = stations
    everything = await page_of(ask, second.name)
    path = next(v["path"] for v in (await ask())["views"] if v["title"] == second.name)
    may_read(hass, hass_admin_user, first.id("switch", "charging"), first.id("sensor", "status"))
    assert [view["title"] for view in (await ask())["views"]][3:] == [first.name]
    view = await ask("stations")
    assert entity_ids(view) == {first.id("switch", "charging"), first.id("sensor", "status")}
    assert second.id("sensor", "power") in entity_ids(everything)
    assert (await ask(path))["cards"][0]["title"] == "This station is not there any more"
    assert second.name not in str(await ask("energy"))

    may_read(hass, hass_admin_user)
    (card,) = (await ask("stations"))["cards"]
    assert card["content"] == "An administrator of Home Assistant can change that."
    assert "buttons" not in card


async def test_without_an_account(
    hass: HomeAssistant, enable_custom_integrations: None, ask: Ask
) -> None:
    assert await async_setup_component(hass, "eevion", {})
    assert [view["path"] for view in (await ask())["views"]] == ["stations"]
    (card,) = (await ask("stations"))["cards"]
    assert card["title"] == "There is no Eevion account yet"
    assert card["buttons"][0]["tap_action"] == {
        "action": "navigate",
        "navigation_path": "/config/integrations/dashboard/add?domain=eevion",
    }
    for path in ("energy", "map", "sessions", "station-0"):
        assert await ask(path)


async def test_an_account_that_is_not_loaded(
    hass: HomeAssistant, loaded: ConfigEntry, entry_data: Json, ask: Ask
) -> None:
    other = MockConfigEntry(
        domain="eevion", title="Shop", data=entry_data, disabled_by=ConfigEntryDisabler.USER
    )
    other.add_to_hass(hass)
    view = await ask("stations")
    assert headings(view)[0] == "The account Shop is not loaded: see why"
    assert "2133" in headings(view)

    assert await hass.config_entries.async_unload(loaded.entry_id)
    (card,) = (await ask("stations"))["cards"]
    assert card["title"] == "The Eevion account is not loaded"
    assert card["buttons"][0]["tap_action"]["navigation_path"].endswith("/integration/eevion")
    assert len((await ask())["views"]) == 1
    assert "There are no statistics" in (await ask("energy"))["cards"][0]["title"]


async def test_all_stations_are_gone(
    hass: HomeAssistant, stations: list[Station], world: World, wait: Pass, ask: Ask
) -> None:
    for station in stations:
        world.remove_station(station.name)
    for _ in range(4):
        await wait(31)
    (card,) = (await ask("stations"))["cards"]
    assert card["title"] == "There are no stations to show"


async def test_the_cloud_fails(
    hass: HomeAssistant, station: Station, cloud: Cloud, wait: Pass, ask: Ask
) -> None:
    before = [await ask(), await ask("stations")]
    cloud.faults.set("error")
    for _ in range(5):
        await wait(60)
    assert station["sensor.status"] == "unavailable"
    assert [await ask(), await ask("stations")] == before


NASTY = "<img src=x onerror=alert(1)> \"'`|{{ states('a') }}{% raw %}[x](javascript:1)"


class TestHostileNames:
    @pytest.fixture
    def hand(self) -> HandMadeCloud:
        cloud = HandMadeCloud()
        rows = site("P1", "P2", status="available")
        for port in rows["ports"]:
            port["displayName"] = f"{port['portId']} {NASTY}"
        cloud.sites = 200, [{**rows, "name": f"S {NASTY}"}]
        return cloud

    @pytest.mark.usefixtures("account")
    async def test_names_stand_only_where_they_are_shown_as_they_are(self, ask: Ask) -> None:
        found = 0
        for path in (None, *(view["path"] for view in (await ask())["views"])):
            for part in walk(await ask(path)):
                for key, value in part.items():
                    if isinstance(value, str) and "<img" in value:
                        found += 1
                        assert key in PLAIN, (path, part)
        assert found


async def test_languages(hass: HomeAssistant, loaded: ConfigEntry, ask: Ask) -> None:
    for language in ("fr", "zh-Hans", "is"):
        texts = await Texts.async_load(hass, language)
        titles = [view["title"] for view in (await ask(None, language))["views"]]
        assert titles[0] == texts("dashboard_stations")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"language": 7},
        {"language": "../../secrets"},
        {"language": "en", "path": 3},
        {"language": "en", "path": "x" * 100},
        {"language": "en", "more": 1},
    ],
)
async def test_what_a_browser_may_not_send(
    hass: HomeAssistant, loaded: ConfigEntry, hass_ws_client: WebSocketGenerator, fields: Json
) -> None:
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "eevion/dashboard", **fields})
    answer = await client.receive_json()
    assert answer["error"]["code"] == "invalid_format"


class TestMap:
    @pytest.fixture
    def hand(self) -> HandMadeCloud:
        cloud = HandMadeCloud()
        here = {**site("A", status="available"), "lat": 49.3, "long": -123.1}
        nowhere = {**site("B", status="available"), "id": "nowhere", "name": "Nowhere"}
        cloud.sites = 200, [here, nowhere]
        return cloud

    @pytest.mark.usefixtures("account")
    async def test_sites_with_coordinates(self, hass: HomeAssistant, ask: Ask) -> None:
        assert "map" in [view["path"] for view in (await ask())["views"]]
        (card,) = (await ask("map"))["cards"]
        (marker,) = card["entities"]
        state = hass.states.get(marker["entity"])
        assert state
        assert (state.state, state.attributes["latitude"]) == ("1", 49.3)


def lines(view: Json) -> dict[str, list[str]]:
    """Return the names of the lines of each plot, by its title."""
    return {
        part["title"]: [entity["name"] for entity in part["entities"]]
        for part in walk(view)
        if part.get("type") == "statistics-graph"
    }


def plotted(view: Json) -> set[str]:
    """Return the ids of the statistics of all plots."""
    plots = [part for part in walk(view) if part.get("type") == "statistics-graph"]
    return entity_ids(plots)


async def async_record(
    hass: HomeAssistant,
    statistic_id: str,
    unit: str,
    unit_class: str | None = None,
    *,
    hours: int = 1,
) -> None:
    """Let the recorder have an hour of a statistic, or none yet."""
    is_external = ":" in statistic_id
    metadata: StatisticMetaData = {
        "statistic_id": statistic_id,
        "source": "eevion" if is_external else "recorder",
        "name": statistic_id,
        "unit_class": unit_class,
        "unit_of_measurement": unit,
        "has_sum": True,
        "mean_type": StatisticMeanType.NONE,
    }
    write = async_add_external_statistics if is_external else async_import_statistics
    start = dt_util.utcnow().replace(minute=0, second=0, microsecond=0)
    write(hass, metadata, [{"start": start, "sum": 1.0}] * hours)


async def async_record_totals(hass: HomeAssistant) -> None:
    """Let the recorder have the total energy of all stations and sites."""
    for entity_id in hass.states.async_entity_ids("sensor"):
        if entity_id.endswith("_total_energy"):
            await async_record(hass, entity_id, "kWh", "energy")
    await async_wait_recording_done(hass)


class TestEnergy:
    @pytest.mark.usefixtures("recorder_mock", "loaded")
    async def test_the_hourly_statistics_of_a_station(
        self, hass: HomeAssistant, world: World, wait: Pass, ask: Ask
    ) -> None:
        assert "There are no statistics" in (await ask("energy"))["cards"][0]["title"]
        world.plug_in("2133", card=True)
        await wait(900)
        world.unplug("2133")
        for _ in range(3):
            await wait(31)
        await async_wait_recording_done(hass)
        view = await ask("energy")
        assert lines(view) == {"Energy by day": ["2133"], "Cost by day": ["2133"]}
        assert all(entity_id.startswith("eevion:") for entity_id in plotted(view))
        page = await page_of(ask, "2133")
        assert lines(page) == lines(view)
        assert any(part.get("type") == "history-graph" for part in walk(page))
        assert lines(await page_of(ask, "2134")) == {}

    @sized(70)
    @pytest.mark.usefixtures("recorder_mock", "loaded")
    async def test_sites_where_there_are_many_stations(self, hass: HomeAssistant, ask: Ask) -> None:
        await async_record_totals(hass)
        assert lines(await ask("energy")) == {"Energy by day: sites": ["Harbor View Garage"]}

    @sized(20)
    @pytest.mark.usefixtures("recorder_mock", "loaded")
    async def test_plots_of_some_stations_each(self, hass: HomeAssistant, ask: Ask) -> None:
        """The totals count where there are no hourly statistics yet."""
        await async_record_totals(hass)
        found = lines(await ask("energy"))
        assert [len(names) for names in found.values()] == [12, 6]
        assert all(title.startswith("Energy by day: ") for title in found)
        assert all(entity_id.startswith("sensor.") for entity_id in plotted(await ask("energy")))

    @pytest.mark.usefixtures("recorder_mock", "loaded")
    async def test_a_total_without_an_hour_yet(
        self, hass: HomeAssistant, stations: list[Station], ask: Ask
    ) -> None:
        """The recorder registers the statistic of an entity before its first hour is over."""
        filled, empty = (station.id("sensor", "total_energy") for station in stations)
        await async_record(hass, filled, "kWh", "energy")
        await async_record(hass, empty, "kWh", "energy", hours=0)
        await async_wait_recording_done(hass)
        assert plotted(await ask("energy")) == {filled}

    @pytest.mark.usefixtures("recorder_mock")
    async def test_electricity_and_two_currencies(
        self, hass: HomeAssistant, stations: list[Station], loaded: ConfigEntry, ask: Ask
    ) -> None:
        history = loaded.runtime_data.history
        ledgers = loaded.runtime_data.coordinator.accounting.ledgers
        for station, currency in zip(stations, ("CAD", "USD"), strict=True):
            ledgers[station.port_id].cost_currency = currency
            for kind in ("cost", "energy_cost"):
                statistic_id = history.statistic_ids(station.port_id)[kind]
                await async_record(hass, statistic_id, currency)
        await async_wait_recording_done(hass)
        assert lines(await ask("energy")) == {
            "Cost by day (CAD)": [stations[0].name],
            "Cost by day (USD)": [stations[1].name],
            "Your electricity cost by day (CAD)": [stations[0].name],
            "Your electricity cost by day (USD)": [stations[1].name],
        }
