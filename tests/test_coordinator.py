"""What one poll costs, how often there is one, and what follows when the account changes."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
import logging
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import (
    Event,
    EventStateChangedData,
    EventStateReportedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.eevion.api import Sessions
from simulator import Cloud, Settings, World
from tests.conftest import API_KEY, Pass
from tests.helpers import Station, settle

PLATFORMS = {"binary_sensor", "number", "sensor", "switch"}
"""Some of those that every station has."""


pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=2, stations=4, seed=7)


@pytest.fixture
def names(world: World) -> list[str]:
    return [station.name for station in world.stations]


def poll_requests(cloud: Cloud) -> list[str]:
    """Return the paths of all requests but those of slow data, which have cadences of their own."""
    return [
        request.path.rpartition("/")[2]
        for request in cloud.requests
        if not request.path.endswith(("/exceptions", "/management-history", "/report"))
        and "updatedOnOrAfter" not in str(request.body)
    ]


def polls(cloud: Cloud, path: str = "/session") -> list[float]:
    """When there was a poll, by its request for the sessions."""
    return [
        request.time
        for request in cloud.requests
        if request.path.endswith(path) and "updatedOnOrAfter" not in str(request.body)
    ]


def device(hass: HomeAssistant, entry: ConfigEntry, identifier: str) -> dr.DeviceEntry | None:
    return dr.async_get(hass).async_get_device_by_identifier(("eevion", identifier), entry.entry_id)


def unique_ids(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, str]:
    """Return unique ids by entity id."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entity.entity_id: entity.unique_id for entity in entities}


def platforms(hass: HomeAssistant, entry: ConfigEntry, identifier: str) -> Counter[str]:
    """How many entities of a device have a state that is not unavailable, by platform."""
    found: Counter[str] = Counter()
    for entity_id, unique_id in unique_ids(hass, entry).items():
        state = hass.states.get(entity_id)
        if unique_id.startswith(identifier) and state and state.state != STATE_UNAVAILABLE:
            found[entity_id.split(".")[0]] += 1
    return found


@pytest.fixture
def patient(hass: HomeAssistant, loaded: ConfigEntry, freezer: FrozenDateTimeFactory) -> Pass:
    """Let seconds pass one by one; what waits for the budget goes on waiting."""
    rate_limit = loaded.runtime_data.rate_limit

    async def wait(seconds: float) -> None:
        for _ in range(round(seconds)):
            freezer.tick(1)
            async_fire_time_changed(hass)
            await settle(rate_limit)

    return wait


async def test_a_new_station(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, names: list[str], wait: Pass
) -> None:
    port_id = world.add_station("New")
    await wait(31)
    found = device(hass, loaded, port_id)
    site = device(hass, loaded, world.sites[0].site_id)
    assert found
    assert site
    assert found.name == "Station New"
    assert found.via_device_id == site.id
    station = platforms(hass, loaded, port_id)
    assert station.keys() >= PLATFORMS
    assert station == platforms(hass, loaded, world.station(names[0]).port_id)


async def test_a_new_station_can_be_used_at_once(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    world.add_station("New")
    world.plug_in("New")
    await wait(31)
    station = Station(hass, world, "New")
    await station.turn("on")
    await wait(6)
    assert station["sensor.session_status"] == "charging"


async def test_a_new_site(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    site = world.builder.site(5)
    world.sites.append(site)
    port_id = world.add_station("New", site=2)
    await wait(31)
    found = device(hass, loaded, site.site_id)
    assert found
    assert found.name == site.name
    assert platforms(hass, loaded, site.site_id)["sensor"] >= 2
    station = device(hass, loaded, port_id)
    assert station
    assert station.via_device_id == found.id
    assert sorted(loaded.data["known_sites"]) == sorted(site.site_id for site in world.sites)


async def test_a_station_that_is_gone(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, names: list[str], wait: Pass
) -> None:
    """One odd answer costs nobody a device."""
    station = Station(hass, world, names[0])
    entity_id = station.id("sensor", "status")
    world.remove_station(names[0], forget=True)
    await wait(31)
    assert device(hass, loaded, station.port_id)
    assert hass.states.is_state(entity_id, STATE_UNAVAILABLE)
    await wait(31)
    assert device(hass, loaded, station.port_id) is None
    assert not any(id_.startswith(station.port_id) for id_ in unique_ids(hass, loaded).values())
    assert hass.states.get(entity_id) is None
    assert len(dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id)) == 5


async def test_a_station_that_was_absent_once(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    """Two absences count only one after the other."""
    site = world.sites[0]
    station = site.stations[0]
    before = device(hass, loaded, station.port_id)
    for _ in range(3):
        site.stations.remove(station)
        await wait(31)
        site.stations.insert(0, station)
        await wait(31)
    assert device(hass, loaded, station.port_id) == before
    assert platforms(hass, loaded, station.port_id).keys() >= PLATFORMS


async def test_a_station_that_comes_back(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    site = world.sites[0]
    station = site.stations.pop(0)
    before = platforms(hass, loaded, station.port_id)
    for _ in range(2):
        await wait(31)
    assert device(hass, loaded, station.port_id) is None
    site.stations.append(station)
    await wait(31)
    assert device(hass, loaded, station.port_id)
    assert platforms(hass, loaded, station.port_id) == before


async def test_a_station_that_was_removed_while_not_loaded(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, names: list[str], wait: Pass
) -> None:
    port_id = world.station(names[0]).port_id
    assert await hass.config_entries.async_unload(loaded.entry_id)
    world.remove_station(names[0], forget=True)
    assert await hass.config_entries.async_setup(loaded.entry_id)
    for _ in range(2):
        await wait(31)
    assert device(hass, loaded, port_id) is None


async def test_an_answer_that_cannot_be_read_whole_removes_nothing(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, names: list[str], wait: Pass
) -> None:
    gone, odd = (world.station(name) for name in names[:2])
    world.remove_station(gone.name, forget=True)
    odd.name = ""
    for _ in range(4):
        await wait(31)
    assert device(hass, loaded, gone.port_id)
    assert device(hass, loaded, odd.port_id)
    odd.name = names[1]
    for _ in range(2):
        await wait(31)
    assert device(hass, loaded, gone.port_id) is None
    assert device(hass, loaded, odd.port_id)


async def test_a_cloud_that_is_lost_removes_nothing(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass
) -> None:
    cloud.faults.set("error")
    for _ in range(6):
        await wait(31)
    assert len(dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id)) == 6
    sites, world.sites[:] = list(world.sites), []
    cloud.faults.clear()
    for _ in range(4):
        await wait(31)
    assert len(dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id)) == 6
    world.sites[:] = sites
    for _ in range(3):
        await wait(31)
    assert platforms(hass, loaded, world.stations[0].port_id).keys() >= PLATFORMS


async def test_a_site_that_is_gone(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    site = world.sites.pop(1)
    for _ in range(2):
        await wait(31)
    assert device(hass, loaded, site.site_id) is None
    for station in site.stations:
        assert device(hass, loaded, station.port_id) is None
    assert len(dr.async_entries_for_config_entry(dr.async_get(hass), loaded.entry_id)) == 3


async def test_new_names(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    """Entities stay the same ones; commands go to the new name."""
    site, port_id = world.sites[0], world.stations[0].port_id
    before = unique_ids(hass, loaded)
    world.rename_station(world.stations[0].name, "Front door")
    site.name = "Another name"
    await wait(31)
    station, place = (device(hass, loaded, one) for one in (port_id, site.site_id))
    assert station
    assert place
    assert station.name == "Station Front door"
    assert place.name == "Another name"
    assert unique_ids(hass, loaded) == before
    world.plug_in("Front door")
    await Station(hass, world, "Front door").turn("on")
    assert world.station("Front door").session


async def test_a_name_that_somebody_gave_stays(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    before = device(hass, loaded, world.stations[0].port_id)
    assert before
    dr.async_get(hass).async_update_device(before.id, name_by_user="Mine")
    world.rename_station(world.stations[0].name, "Front door")
    await wait(31)
    after = device(hass, loaded, world.stations[0].port_id)
    assert after
    assert (after.id, after.name_by_user) == (before.id, "Mine")


async def test_a_station_at_another_site(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    old, new = world.sites
    station = old.stations.pop(0)
    before = unique_ids(hass, loaded)
    new.stations.append(station)
    station.site = new
    await wait(31)
    moved, place = (device(hass, loaded, one) for one in (station.port_id, new.site_id))
    assert moved
    assert place
    assert moved.via_device_id == place.id
    assert unique_ids(hass, loaded) == before
    states = {unique_id: hass.states.get(entity_id) for entity_id, unique_id in before.items()}
    counts = [states[f"{site.site_id}_available_stations"] for site in (old, new)]
    assert [state and state.state for state in counts] == ["1", "3"]


@pytest.mark.parametrize("lifecycle", ["coming soon", "removed"])
async def test_a_station_that_is_not_in_place(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass, lifecycle: str
) -> None:
    port_id = world.add_station("New", lifecycle=lifecycle)  # type: ignore[arg-type]
    await wait(31)
    assert device(hass, loaded, port_id) is None
    world.set_lifecycle("New", "active")
    await wait(31)
    assert platforms(hass, loaded, port_id).keys() >= PLATFORMS
    world.set_lifecycle("New", lifecycle)  # type: ignore[arg-type]
    for _ in range(2):
        await wait(31)
    assert device(hass, loaded, port_id) is None


async def test_a_station_that_is_not_in_place_by_option(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
) -> None:
    port_id = world.add_station("New", lifecycle="coming soon")
    hass.config_entries.async_update_entry(loaded, options={"inactive_stations": True})
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert device(hass, loaded, port_id)
    assert Station(hass, world, "New")["sensor.status"] == "coming_soon"


async def test_an_excluded_site(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    """It goes; a site that is new after the choice is included."""
    excluded = world.sites[1]
    hass.config_entries.async_update_entry(
        loaded, options={"excluded_sites": [excluded.site_id], "inactive_stations": False}
    )
    await hass.config_entries.async_reload(loaded.entry_id)
    world.sites.append(world.builder.site(5))
    for _ in range(2):
        await wait(31)
    assert device(hass, loaded, excluded.site_id) is None
    assert device(hass, loaded, excluded.stations[0].port_id) is None
    assert device(hass, loaded, world.sites[2].site_id)
    assert excluded.site_id in loaded.data["known_sites"]


async def test_a_poll_costs_two_requests(
    loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass
) -> None:
    for number in range(40):
        world.add_station(f"New {number}", site=number % 2)
    await wait(31)
    for station in world.stations:
        world.plug_in(station.name, card=True)
    for _ in range(3):
        cloud.requests.clear()
        await wait(31)
        assert poll_requests(cloud) == ["site", "session"]


async def gaps(cloud: Cloud, wait: Pass, seconds: int, path: str = "/session") -> list[int]:
    """Return the seconds between polls, as the clock goes on second by second."""
    cloud.requests.clear()
    for _ in range(seconds):
        await wait(1)
    times = polls(cloud, path)
    return [round(later - earlier) for earlier, later in pairwise(times)]


@pytest.mark.parametrize("path", ["/session", "/site"])
async def test_the_pace_while_nothing_moves(
    loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass, path: str
) -> None:
    world.plug_in(world.stations[0].name)
    assert set(await gaps(cloud, wait, 150, path)) <= {29, 30}


async def test_the_pace_while_somebody_charges(
    loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass
) -> None:
    """Sites change seldom, and are requested seldom."""
    world.plug_in(world.stations[0].name, card=True)
    await wait(31)
    await wait(5)
    found = await gaps(cloud, wait, 130)
    assert set(found) <= {4, 5}
    assert set(await gaps(cloud, wait, 130, "/site")) <= {29, 30, 31, 32, 33}
    world.unplug(world.stations[0].name)
    await wait(6)
    await wait(31)
    assert set(await gaps(cloud, wait, 100)) <= {29, 30}


async def test_the_status_of_a_station_follows_its_session(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, names: list[str], wait: Pass
) -> None:
    """The sites are requested out of turn."""
    station = Station(hass, world, names[0])
    other = Station(hass, world, names[1])
    world.plug_in(names[1], card=True)
    await wait(31)
    await wait(5)
    for _ in range(10):
        await wait(2)
    assert other["sensor.status"] == "in_use"
    world.plug_in(names[0], card=True)
    for _ in range(10):
        await wait(1)
    assert station["sensor.status"] == "in_use"


async def test_a_station_that_flickers_keeps_its_session(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, names: list[str], wait: Pass
) -> None:
    """The list of sessions is the very same one all the time."""
    site, station = world.sites[0], Station(hass, world, names[0])
    world.plug_in(names[0], card=True)
    for _ in range(3):
        await wait(31)
    assert station["switch.charging"] == "on"
    client = loaded.runtime_data.coordinator.client
    listed = await client.list_sessions()
    with patch.object(client, "list_sessions", return_value=listed):
        await wait(31)
        gone = site.stations.pop(0)
        await wait(31)
        assert station["switch.charging"] == STATE_UNAVAILABLE
        site.stations.insert(0, gone)
        await wait(31)
        assert station["switch.charging"] == "on"


@pytest.mark.parametrize("holds_ended", [True, False])
async def test_the_status_of_a_station_follows_the_end_of_its_session(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    names: list[str],
    wait: Pass,
    holds_ended: bool,
) -> None:
    cloud.settings.list_holds_ended = holds_ended
    station = Station(hass, world, names[0])
    world.plug_in(names[0], card=True)
    for _ in range(12):
        await wait(5)
    assert station["sensor.status"] == "in_use"
    world.unplug(names[0])
    for _ in range(9):
        await wait(1)
    assert station["switch.charging"] == "off"
    assert station["sensor.status"] == "available"


async def test_sessions_that_no_list_holds_are_fetched_seldom(
    loaded: ConfigEntry, cloud: Cloud, world: World, names: list[str], patient: Pass
) -> None:
    """They stay active, as the answer about each of them reports."""
    for name in names:
        world.plug_in(name, card=True)
    await patient(31)
    client = loaded.runtime_data.coordinator.client
    empty = Sessions(sessions=(), is_complete=True)
    with patch.object(client, "list_sessions", return_value=empty):
        cloud.requests.clear()
        for _ in range(30):
            await patient(4)
    lookups = [r for r in cloud.requests if r.method == "GET" and "/session/" in r.path]
    assert len(names) <= len(lookups) <= 6 * len(names)


async def test_the_pace_after_a_command(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    names: list[str],
    wait: Pass,
) -> None:
    """Often until the cloud shows what came of it, and then as ever."""
    station = Station(hass, world, names[0])
    world.plug_in(names[0])
    await wait(61)  # the requests of the set-up are a minute ago
    await station.turn("on")
    found = await gaps(cloud, wait, 40)
    assert set(found[:2]) <= {2, 3}, "until it is authorized"
    assert set(found[2:]) <= {4, 5}
    cloud.requests.clear()
    await station.turn("off")
    found = await gaps(cloud, wait, 120)
    assert found[0] in range(4, 8), "the status of the port follows"
    assert set(found[1:]) <= {29, 30}


async def test_a_command_that_the_cloud_never_shows(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    names: list[str],
    wait: Pass,
) -> None:
    """Frequent polls end after a while."""
    cloud.settings.authorizing_s = 1000
    station = Station(hass, world, names[0])
    world.plug_in(names[0])
    await wait(61)  # the requests of the set-up are a minute ago
    await station.turn("on")
    found = await gaps(cloud, wait, 120)
    assert set(found[:4]) <= {2, 3}
    assert set(found[-6:]) <= {4, 5, 6, 7}


async def test_the_pace_of_a_cloud_that_fails_all_night(
    loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass
) -> None:
    """Slower and slower, not at the same seconds in all homes, and at once back to normal."""
    world.plug_in(world.stations[0].name, card=True)
    await wait(31)
    cloud.faults.set("error")
    found = await gaps(cloud, wait, 3600)
    assert set(found[:6]) <= {4, 5}
    assert set(found[-12:]) <= set(range(96, 146))
    assert len(set(found[-12:])) > 1
    cloud.faults.clear()
    for _ in range(3):
        await wait(60)
    assert set(await gaps(cloud, wait, 60)) <= {4, 5}


class Writes:
    """How often each entity's state was written, changed or not."""

    def __init__(self, hass: HomeAssistant, names: Mapping[str, str]) -> None:
        self._names = names
        self.by_name: Counter[str] = Counter()
        self.by_entity_id: Counter[str] = Counter()
        for event in ("state_changed", "state_reported"):
            hass.bus.async_listen(event, self._note, event_filter=callback(lambda _: True))

    @callback
    def _note(self, event: Event[EventStateChangedData] | Event[EventStateReportedData]) -> None:
        if event.data["new_state"]:
            self.by_name[self._names[event.data["entity_id"]]] += 1
            self.by_entity_id[event.data["entity_id"]] += 1


@pytest.fixture
async def writes(hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass) -> Writes:
    """Writes by the name of the station, or of the site by its id, when all has come to rest."""
    for _ in range(4):
        await wait(31)
    by_id = {station.port_id: station.name for station in world.stations}
    by_id |= {site.site_id: site.site_id for site in world.sites}
    by_entity_id = {
        entity_id: next(name for id_, name in by_id.items() if unique_id.startswith(id_))
        for entity_id, unique_id in unique_ids(hass, loaded).items()
    }
    return Writes(hass, by_entity_id)


async def test_only_what_changed_is_written(
    loaded: ConfigEntry, world: World, names: list[str], wait: Pass, writes: Writes
) -> None:
    for _ in range(4):
        await wait(31)
    assert not writes.by_name
    world.take_offline(names[1])
    await wait(31)
    site_id = world.station(names[1]).site.site_id
    assert writes.by_name.keys() == {names[1], site_id}
    writes.by_name.clear()
    await wait(31)
    assert not writes.by_name


async def test_only_the_figures_of_a_site_that_changed_are_written(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
    names: list[str],
    wait: Pass,
    writes: Writes,
) -> None:
    site_id = world.station(names[1]).site.site_id
    world.take_offline(names[1])
    await wait(31)
    written = {unique_ids(hass, loaded)[entity_id] for entity_id in writes.by_entity_id}
    assert {unique_id for unique_id in written if unique_id.startswith(site_id)} == {
        f"{site_id}_available_stations",
        f"{site_id}_problem_stations",
    }


async def test_only_the_station_that_charges_is_written(
    loaded: ConfigEntry, world: World, names: list[str], wait: Pass, writes: Writes
) -> None:
    """From its second minute: the name of its tariff is new for all stations."""
    world.plug_in(names[2], card=True)
    for _ in range(3):
        await wait(31)
    writes.by_name.clear()
    for _ in range(10):
        await wait(31)
    assert writes.by_name.keys() == {names[2], world.station(names[2]).site.site_id}


async def test_all_are_written_once_when_the_cloud_is_lost_and_back(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, wait: Pass, writes: Writes
) -> None:
    count = len(hass.states.async_all())
    cloud.faults.set("error")
    for _ in range(7):
        await wait(31)
    assert writes.by_name.total() == count
    cloud.faults.clear()
    for _ in range(4):
        await wait(31)
    assert writes.by_name.total() == 2 * count


@pytest.mark.parametrize("kind", ["rate_limited", "error", "drop", "html", "truncated"])
async def test_a_lost_cloud_is_logged_once_each_way(
    loaded: ConfigEntry, cloud: Cloud, patient: Pass, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.INFO)
    cloud.faults.set(kind)
    for _ in range(20):
        await patient(31)
    cloud.faults.clear()
    for _ in range(6):
        await patient(31)
    logged = [
        record.levelname
        for record in caplog.records
        if record.name.startswith("custom_components.eevion") and record.levelno >= logging.INFO
    ]
    assert logged == ["ERROR", "INFO"]
    assert loaded.state is ConfigEntryState.LOADED


async def test_a_refused_poll_keeps_the_data_for_a_while(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    names: list[str],
    patient: Pass,
) -> None:
    """Another program uses up the key: what is known is shown for up to three minutes."""
    station = Station(hass, world, names[0])
    begin = polls(cloud)[-1]
    cloud.faults.set("rate_limited", seconds=10)
    lost_at = None
    for seconds in range(1, 400):
        await patient(1)
        if station["sensor.status"] == STATE_UNAVAILABLE:
            lost_at = seconds
            break
    assert lost_at
    assert 175 <= lost_at <= 245
    refused = [request.time for request in cloud.requests if request.status == 429]
    assert len(refused) < 60
    assert refused[0] - begin <= 31
    cloud.faults.clear()
    for _ in range(70):
        await patient(1)
    assert station["sensor.status"] == "available"


async def test_a_wrong_key_stops_the_polls_of_an_account(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, wait: Pass
) -> None:
    cloud.faults.set("unauthorized")
    await wait(31)
    assert not hass.config_entries.flow.async_progress_by_handler("eevion")
    await wait(6)
    assert len(hass.config_entries.flow.async_progress_by_handler("eevion")) == 1


async def test_missing_sessions_are_fetched_few_at_a_time(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass, patient: Pass
) -> None:
    """Forty cars leave at once: the budget is not emptied to learn how it ended."""
    cloud.settings.list_holds_ended = False
    names = [f"New {number}" for number in range(40)]
    for name in names:
        world.add_station(name)
        world.plug_in(name, card=True)
    for _ in range(10):
        await wait(31)
    for name in names:
        world.unplug(name)
    cloud.requests.clear()

    def lookups() -> list[str]:
        return [r.path for r in cloud.requests if r.method == "GET" and "/session/" in r.path]

    most = 0
    for _ in range(60):
        before = len(lookups())
        await patient(5)
        most = max(most, len(lookups()) - before)
    assert most <= 12  # of two polls, and the end of one before
    assert 40 <= len(lookups()) <= 45
    assert {request.status for request in cloud.requests} == {200}
    assert [Station(hass, world, name)["sensor.end_reason"] for name in names] == [
        "ev_disconnected"
    ] * 40


async def test_a_poll_that_waits_ends_with_the_account(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A command requested it, and the budget is used up at the moment."""
    rate_limit = loaded.runtime_data.rate_limit
    coordinator = loaded.runtime_data.coordinator

    async def settle() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    rate_limit.backed_off(20)
    await coordinator.async_follow_command(world.stations[0].port_id, lambda _: False)
    freezer.tick(timedelta(seconds=2))
    async_fire_time_changed(hass)
    await settle()
    assert rate_limit._waiters
    cloud.requests.clear()
    assert await hass.config_entries.async_unload(loaded.entry_id)
    freezer.tick(timedelta(seconds=25))
    async_fire_time_changed(hass)
    await settle()
    assert not cloud.requests
