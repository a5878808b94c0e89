"""The cloud is away, answers nonsense, or reports unknown values."""

from collections.abc import AsyncIterator, Callable, Mapping
import copy
import json
import logging
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from simulator import Cloud, World
from tests import FIXTURES
from tests.conftest import API_KEY, START, Pass
from tests.helpers import Station

POLL = 35
# So many polls fail before what is known is older than three minutes.
KEPT = 4


pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


def states(hass: HomeAssistant) -> dict[str, str]:
    return {state.entity_id: state.state for state in hass.states.async_all()}


def registered(hass: HomeAssistant, entry: MockConfigEntry) -> tuple[set[str], set[str]]:
    """Return the ids of the devices and entities there are."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {device.id for device in devices}, {entity.entity_id for entity in entities}


def is_away(hass: HomeAssistant) -> bool:
    return set(states(hass).values()) == {STATE_UNAVAILABLE}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """Return the messages of the integration above DEBUG since the last call."""
    caplog.set_level(logging.INFO)

    def logged() -> list[tuple[str, str]]:
        records = [
            (record.levelname, record.getMessage())
            for record in caplog.records
            if record.name.startswith("custom_components.eevion") and record.levelno >= logging.INFO
        ]
        caplog.clear()
        return records

    return logged


type Logged = Callable[[], list[tuple[str, str]]]

FAULTS = {
    "dropped": {"kind": "drop"},
    "dropped answer": {"kind": "drop_answer"},
    "server error": {"kind": "error", "status": 500},
    "gateway": {"kind": "error", "status": 502},
    "forbidden": {"kind": "forbidden"},
    "html": {"kind": "html"},
    "truncated": {"kind": "truncated"},
    "sites alone": {"kind": "error", "path": "/site"},
    "sessions alone": {"kind": "truncated", "path": "/session"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_away_and_back(
    hass: HomeAssistant,
    cloud: Cloud,
    loaded: MockConfigEntry,
    wait: Pass,
    logged: Logged,
    fault: dict[str, Any],
) -> None:
    await wait(2)  # until the totals are written
    before, there = states(hass), registered(hass, loaded)
    logged()
    cloud.faults.set(**fault)
    for _ in range(KEPT):
        await wait(POLL)
        assert states(hass) == before
    assert logged() == []
    await wait(2 * POLL)
    for _ in range(3):
        await wait(POLL)
        assert is_away(hass)
    assert [level for level, _ in logged()] == ["ERROR"]
    assert registered(hass, loaded) == there
    assert not hass.config_entries.flow.async_progress()

    cloud.faults.clear()
    await wait(2 * POLL)
    for _ in range(3):
        await wait(POLL)
        assert states(hass) == before
    assert [level for level, _ in logged()] == ["INFO"]
    assert registered(hass, loaded) == there


async def test_no_answer_in_time(
    hass: HomeAssistant,
    cloud: Cloud,
    loaded: MockConfigEntry,
    wait: Pass,
    logged: Logged,
    freezer: FrozenDateTimeFactory,
) -> None:
    await wait(2)  # until the totals are written
    before = states(hass)
    logged()
    cloud.faults.set("latency", seconds=600, count=2)
    freezer.tick(POLL)
    async_fire_time_changed(hass)
    while cloud.faults.active:
        await _breathe(hass)
    freezer.tick(16)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not cloud.faults.active
    assert states(hass) == before
    await wait(POLL)
    assert states(hass) == before
    assert logged() == []


async def _breathe(hass: HomeAssistant) -> None:
    """Let the loop do its work without time passing."""
    future = hass.loop.create_future()
    hass.loop.call_soon(future.set_result, None)
    await future


async def test_other_programs_use_the_key(
    hass: HomeAssistant,
    cloud: Cloud,
    loaded: MockConfigEntry,
    wait: Pass,
    logged: Logged,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Data stay for three minutes while requests are refused, and then are too old."""

    async def poll(seconds: float) -> None:
        """Let time pass for polls alone: what is in the background waits for requests."""
        freezer.tick(seconds)
        await loaded.runtime_data.coordinator.async_refresh()

    await wait(2)  # until the totals are written
    before = states(hass)
    logged()
    cloud.faults.set("rate_limited", seconds=60)
    await poll(POLL)
    await poll(65)
    assert states(hass) == before
    assert logged() == []
    for _ in range(3):
        await poll(65)
    assert is_away(hass)
    assert [level for level, _ in logged()] == ["ERROR"]
    cloud.faults.clear()
    for _ in range(2):
        await poll(65)
    assert states(hass) == before
    assert [level for level, _ in logged()] == ["INFO"]


async def test_key_is_refused_for_a_while(
    hass: HomeAssistant,
    cloud: Cloud,
    world: World,
    loaded: MockConfigEntry,
    wait: Pass,
    logged: Logged,
) -> None:
    station = Station(hass, world, "2133")
    await station.limit(16)
    await wait(POLL)
    await wait(2)  # until the totals are written
    before, there = states(hass), registered(hass, loaded)
    assert station["number.charging_limit"] == "16"
    logged()

    cloud.faults.set("unauthorized")
    await wait(POLL)
    await wait(POLL)
    assert is_away(hass)
    (flow,) = hass.config_entries.flow.async_progress_by_handler("eevion")
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert registered(hass, loaded) == there
    assert [level for level, _ in logged()] == ["ERROR"]

    cloud.faults.clear()
    await hass.config_entries.flow.async_configure(flow["flow_id"], {"api_key": API_KEY})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert loaded.state is ConfigEntryState.LOADED
    await wait(2)
    assert registered(hass, loaded) == there
    assert states(hass) == before
    assert station["number.charging_limit"] == "16"
    await wait(POLL)
    assert states(hass) == before


async def test_wrong_types_of_one_station(
    hass: HomeAssistant,
    cloud: Cloud,
    world: World,
    loaded: MockConfigEntry,
    wait: Pass,
    logged: Logged,
) -> None:
    for name in ("2133", "2134"):
        world.plug_in(name, card=True)
    for _ in range(2):
        await wait(POLL)
    station, other = (Station(hass, world, name) for name in ("2133", "2134"))
    there = registered(hass, loaded)
    assert station["sensor.status"] == other["sensor.status"] == "in_use"
    energy = float(other["sensor.session_energy"])
    logged()

    cloud.faults.set("wrong_types", station="2133")
    for _ in range(3):
        await wait(POLL)
    for name in (
        "sensor.status",
        "sensor.connector_status",
        "sensor.session_status",
        "sensor.session_energy",
        "sensor.session_cost",
        "sensor.session_start",
        "sensor.power",
        "binary_sensor.connected",
        "binary_sensor.plugged_in",
    ):
        assert station[name] == STATE_UNKNOWN, name
    assert float(station["sensor.session_duration"]) == 0
    assert station["sensor.tariff"] == "none"
    assert other["sensor.status"] == "in_use"
    assert other["binary_sensor.charging"] == "on"
    assert float(other["sensor.session_energy"]) > energy
    assert registered(hass, loaded) == there
    assert logged() == []

    cloud.faults.clear()
    await wait(POLL)
    assert station["sensor.status"] == "in_use"
    assert float(station["sensor.session_energy"]) > energy


class HandMade:
    """A cloud that answers two lists, whatever a test makes of them."""

    def __init__(self) -> None:
        folder = FIXTURES
        read = {
            name: json.loads((folder / f"{name}.json").read_text("utf-8"))
            for name in ("list_sites_and_their_stations", "list_sessions")
        }
        self.sites: Any = read["list_sites_and_their_stations"]
        self.sessions: Any = read["list_sessions"]
        # The documentation's sessions are of other stations than its sites.
        self.port = self.sites[0]["ports"][0]
        self.port["status"] = "in use"
        self.session = self.sessions[0]
        self.session |= {"portId": self.port["portId"], "stationId": self.port["displayName"]}
        self.untouched = copy.deepcopy(self.sites[0]["ports"][9])

    async def get_sites(self, _: web.Request) -> web.Response:
        return web.json_response(self.sites)

    async def get_sessions(self, _: web.Request) -> web.Response:
        return web.json_response(self.sessions)


@pytest.fixture
def hand_made() -> HandMade:
    return HandMade()


@pytest.fixture
async def by_hand(
    hass: HomeAssistant,
    hand_made: HandMade,
    socket_enabled: None,
    enable_custom_integrations: None,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[MockConfigEntry]:
    """Load the account of the hand-made cloud."""
    freezer.move_to(START)
    caplog.set_level(logging.DEBUG)
    app = web.Application()
    app.router.add_get("/site", hand_made.get_sites)
    app.router.add_post("/session", hand_made.get_sessions)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(access_log=None)
    entry = MockConfigEntry(
        domain="eevion",
        data={
            "api_key": API_KEY,
            "environment": "production",
            "url": str(server.make_url("/")),
            "known_sites": [],
        },
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    yield entry
    await server.close()


def shown(hass: HomeAssistant, port: Mapping[str, Any], name: str) -> str:
    platform, key = name.split(".")
    unique_id = f"{port['portId']}_{key}"
    entity_id = er.async_get(hass).async_get_entity_id(platform, "eevion", unique_id)
    assert entity_id, unique_id
    state = hass.states.get(entity_id)
    assert state, entity_id
    return state.state


async def test_documented_answers(
    hass: HomeAssistant, hand_made: HandMade, by_hand: MockConfigEntry
) -> None:
    expected = {
        "sensor.status": "in_use",
        "sensor.session_status": "charging",
        "sensor.connector_status": "charging",
        "sensor.session_energy": "1.08",
        "sensor.session_start": "2024-07-12T17:23:02+00:00",
        "sensor.tariff": "Time - 2",
        "sensor.demand_response_limit": "2.0",
        "binary_sensor.charging": "on",
        "switch.charging": "on",
    }
    assert {name: shown(hass, hand_made.port, name) for name in expected} == expected


# What becomes of a port or its session, and what an entity shows then.
NEW_WORDS = [
    ("port", {"status": "upside down"}, "sensor.status", STATE_UNKNOWN),
    # It follows from the session, as where there is no word.
    ("session", {"stationStatus": "Levitating"}, "sensor.connector_status", "charging"),
    ("session", {"status": "hesitating"}, "sensor.session_status", STATE_UNKNOWN),
    # The session is still active.
    ("session", {"endReason": "Boredom"}, "sensor.end_reason", "none"),
]


@pytest.mark.parametrize(("what", "change", "name", "expected"), NEW_WORDS)
async def test_unknown_words(
    hass: HomeAssistant,
    hand_made: HandMade,
    by_hand: MockConfigEntry,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
    what: str,
    change: dict[str, str],
    name: str,
    expected: str,
) -> None:
    there = registered(hass, by_hand)
    getattr(hand_made, what).update(change)
    for _ in range(3):
        await wait(POLL)
    assert shown(hass, hand_made.port, name) == expected
    (word,) = change.values()
    logged_records = [record for record in caplog.records if word in record.getMessage()]
    assert [record.levelname for record in logged_records if record.name.startswith("custom_")] == [
        "DEBUG"
    ]
    assert shown(hass, hand_made.untouched, "sensor.status") == "available"
    assert registered(hass, by_hand) == there


def removed(row: dict[str, Any], *keep: str) -> None:
    for key in set(row) - set(keep):
        del row[key]


def nulled(row: dict[str, Any], *keep: str) -> None:
    row.update(dict.fromkeys(set(row) - set(keep)))


def emptied(row: dict[str, Any], *keep: str) -> None:
    row.update(dict.fromkeys(set(row) - set(keep), ""))


def nested(row: dict[str, Any], *keep: str) -> None:
    row.update({key: {"is": [row[key]]} for key in set(row) - set(keep)})


def negative(row: dict[str, Any], *keep: str) -> None:
    # A cost may be negative.
    row.update(dict.fromkeys(set(row) - {*keep, "cost"}, -(10**30)) | {"cost": None})


BARE = dict.fromkeys(
    (
        "sensor.status",
        "sensor.connector_status",
        "sensor.session_status",
        "sensor.session_energy",
        "sensor.session_cost",
        "sensor.session_start",
        "sensor.demand_response_limit",
        "binary_sensor.connected",
    ),
    STATE_UNKNOWN,
) | {"sensor.session_duration": "0.0", "sensor.end_reason": "none", "sensor.tariff": "none"}


@pytest.mark.parametrize("spoil", [removed, nulled, emptied, nested, negative])
async def test_answers_with_missing_fields(
    hass: HomeAssistant,
    hand_made: HandMade,
    by_hand: MockConfigEntry,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[..., None],
) -> None:
    there = registered(hass, by_hand)
    site = {key: value for key, value in hand_made.sites[0].items() if key in ("id", "ports")}
    spoil(hand_made.sites[0], "id", "ports")
    assert site.items() <= hand_made.sites[0].items()
    spoil(hand_made.port, "portId", "displayName")
    spoil(hand_made.session, "sessionId", "portId")
    for _ in range(3):
        await wait(POLL)
    assert {name: shown(hass, hand_made.port, name) for name in BARE} == BARE
    assert shown(hass, hand_made.untouched, "sensor.status") == "available"
    assert registered(hass, by_hand) == there
    assert not [
        record
        for record in caplog.records
        if record.name.startswith("custom_components.eevion") and record.levelno > logging.DEBUG
    ]


async def test_answers_with_more_fields(
    hass: HomeAssistant, hand_made: HandMade, by_hand: MockConfigEntry, wait: Pass
) -> None:
    before, there = states(hass), registered(hass, by_hand)
    for row in (*hand_made.sites, hand_made.port, *hand_made.sessions):
        row |= {"new": {"deep": [1, None, {"er": "x" * 5000}]}, "": "", "is_active": "maybe"}
    hand_made.sessions.append({**hand_made.session, "sessionId": "of nobody", "portId": "nobody's"})
    for _ in range(2):
        await wait(POLL)
    after = states(hass)
    moving = [entity_id for entity_id in after if "duration" in entity_id]
    for entity_id in moving:
        before[entity_id] = after[entity_id]
    assert after == before
    assert registered(hass, by_hand) == there


async def test_a_row_that_is_no_station_removes_none(
    hass: HomeAssistant, hand_made: HandMade, by_hand: MockConfigEntry, wait: Pass
) -> None:
    """Where a row cannot be read, absence proves nothing."""
    there = registered(hass, by_hand)
    ports = hand_made.sites[0]["ports"]
    ports[0] = {"displayName": "without an id"}
    ports[1] = "no object"
    del ports[2]
    hand_made.sites.append(None)
    for _ in range(4):
        await wait(POLL)
    assert registered(hass, by_hand) == there
    assert shown(hass, hand_made.port, "sensor.status") == STATE_UNAVAILABLE
    assert shown(hass, hand_made.untouched, "sensor.status") == "available"


@pytest.mark.parametrize("sites", [[], {}, None, "x", 3, [None], [{}], {"result": "error"}])
async def test_no_sites_at_all(
    hass: HomeAssistant, hand_made: HandMade, by_hand: MockConfigEntry, wait: Pass, sites: Any
) -> None:
    before, there = states(hass), registered(hass, by_hand)
    hand_made.sites, sites = sites, hand_made.sites
    for _ in range(KEPT):
        await wait(POLL)
        assert not is_away(hass)
    for _ in range(3):
        await wait(POLL)
    assert is_away(hass)
    assert registered(hass, by_hand) == there
    hand_made.sites = sites
    await wait(POLL)
    assert set(states(hass)) == set(before)
    assert not is_away(hass)
    assert registered(hass, by_hand) == there


async def test_a_station_that_is_left_out_once_finds_its_session_again(
    hass: HomeAssistant, cloud: Cloud, world: World, loaded: MockConfigEntry, wait: Pass
) -> None:
    world.plug_in("2133", card=True)
    await wait(600)
    world.unplug("2133")
    for seconds in (POLL, POLL, 330, POLL):
        await wait(seconds)
    before = {id_: state for id_, state in states(hass).items() if "2133" in id_}
    assert Station(hass, world, "2133")["sensor.session_status"] == "complete"
    cloud.faults.set("missing", path="/site", count=1, station="2133")
    await wait(POLL)
    assert Station(hass, world, "2133")["sensor.session_status"] == STATE_UNAVAILABLE
    await wait(POLL)
    assert {id_: state for id_, state in states(hass).items() if "2133" in id_} == before
