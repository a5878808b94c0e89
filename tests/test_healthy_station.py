"""A station at home: few entities, and no healthy one shows an unknown state."""

from collections.abc import Awaitable, Callable

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Settings, World
from tests.conftest import API_KEY, Pass
from tests.handmade import HandMadeCloud, session, shown as shown_at, site
from tests.helpers import Station

MOST_ENABLED = 18


@pytest.fixture(params=[True, False], ids=["ended ones are listed", "ended ones are not listed"])
def settings(request: pytest.FixtureRequest) -> Settings:
    return Settings(
        keys=(API_KEY,), sites=1, stations=1, seed=7, list_holds_ended=bool(request.param)
    )


def enabled(hass: HomeAssistant, station: Station) -> list[er.RegistryEntry]:
    """Return the entities of a station's device that are enabled."""
    registry = er.async_get(hass)
    switch = registry.async_get(station.id("switch", "charging"))
    assert switch
    assert switch.device_id
    return er.async_entries_for_device(registry, switch.device_id)


def shown(hass: HomeAssistant, loaded: ConfigEntry) -> list[State]:
    """Return the states of all entities, those of the site included."""
    registry = er.async_get(hass)
    states = [
        hass.states.get(entity.entity_id)
        for entity in er.async_entries_for_config_entry(registry, loaded.entry_id)
        if not entity.disabled_by
    ]
    return [state for state in states if state]


async def settle(wait: Pass) -> None:
    """Let the totals be fetched, and the power be derived from two answers."""
    for _ in range(8):
        await wait(4)


type Situation = Callable[[World, Station, Pass], Awaitable[None]]


async def installed(world: World, station: Station, wait: Pass) -> None:
    pass


async def plugged_in(world: World, station: Station, wait: Pass) -> None:
    world.plug_in(station.name)
    await wait(31)


async def authorizing(world: World, station: Station, wait: Pass) -> None:
    world.plug_in(station.name)
    await station.turn("on")
    assert station["switch.charging"] == "on"


async def charging(world: World, station: Station, wait: Pass) -> None:
    await authorizing(world, station, wait)
    for _ in range(4):
        await wait(30)
    assert station["binary_sensor.charging"] == "on"


async def full(world: World, station: Station, wait: Pass) -> None:
    world.plug_in(station.name, percent=99.9, card=True)
    for _ in range(5):
        await wait(120)
    assert station["binary_sensor.charging"] == "off"
    assert station["switch.charging"] == "on"


async def limited_by_utility(world: World, station: Station, wait: Pass) -> None:
    await charging(world, station, wait)
    world.demand_response(station.name, 3000, lasts_s=3600)
    await wait(31)
    assert station["binary_sensor.demand_response"] == "on"


async def paused_by_utility(world: World, station: Station, wait: Pass) -> None:
    await charging(world, station, wait)
    world.demand_response(station.name, 0)
    for _ in range(3):
        await wait(31)
    assert station["binary_sensor.charging"] == "off"


async def after_a_session(world: World, station: Station, wait: Pass) -> None:
    await charging(world, station, wait)
    world.unplug(station.name)
    for _ in range(20):
        await wait(31)
    assert station["switch.charging"] == "off"


@pytest.mark.parametrize(
    "situation",
    [
        installed,
        plugged_in,
        authorizing,
        charging,
        full,
        limited_by_utility,
        paused_by_utility,
        after_a_session,
    ],
    ids=lambda situation: situation.__name__,
)
async def test_few_entities_and_none_is_unknown(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    wait: Pass,
    situation: Situation,
) -> None:
    await situation(world, station, wait)
    await settle(wait)
    entities = enabled(hass, station)
    assert len(entities) <= MOST_ENABLED, [entity.entity_id for entity in entities]
    states = shown(hass, loaded)
    assert {state.entity_id for state in states} >= {entity.entity_id for entity in entities}
    missing = [s.entity_id for s in states if s.state in ("unknown", "unavailable")]
    assert not missing

    # So it is after a restart as well.
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await settle(wait)
    assert not [s.entity_id for s in shown(hass, loaded) if s.state in ("unknown", "unavailable")]


async def test_what_people_look_for_comes_first(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station
) -> None:
    """The page of an area lists the entities of a device as they were registered."""
    first = [entity.entity_id for entity in enabled(hass, station) if not entity.entity_category]
    assert first[:3] == [
        station.id("switch", "charging"),
        station.id("number", "charging_limit"),
        station.id("sensor", "status"),
    ]


@pytest.fixture
def hand() -> HandMadeCloud:
    """Return a cloud with a station in no country, where nothing has been charged."""
    cloud = HandMadeCloud()
    cloud.sites = (200, [site("A", status="available")])
    return cloud


async def test_without_a_currency_an_amount_is_no_statistic(
    hass: HomeAssistant, hand: HandMadeCloud, account: MockConfigEntry, wait: Pass
) -> None:
    """Its statistic would change its unit with the first session."""
    cost = hass.states.get("sensor.station_a_session_cost")
    assert cost
    assert cost.state == "0"
    assert not cost.attributes.keys() & {"unit_of_measurement", "state_class"}

    hand.sessions = (200, [session("at A", "A", cost=1.5)])
    await wait(31)
    cost = hass.states.get("sensor.station_a_session_cost")
    assert cost
    assert cost.state == "1.5"
    assert (cost.attributes["unit_of_measurement"], cost.attributes["state_class"]) == (
        "CAD",
        "total",
    )


@pytest.mark.parametrize(
    ("status", "connector", "vehicle"),
    [
        ("available", "available", "off"),
        ("in use", "occupied", "on"),
        ("unknown", "not_connected", "unknown"),
    ],
)
async def test_a_connector_without_a_session(
    hass: HomeAssistant,
    hand: HandMadeCloud,
    account: MockConfigEntry,
    wait: Pass,
    status: str,
    connector: str,
    vehicle: str,
) -> None:
    """The port alone says what it is."""
    hand.sites = (200, [site("A", status=status)])
    await wait(31)
    assert shown_at(hass, "A", "sensor.connector_status") == connector
    assert shown_at(hass, "A", "binary_sensor.plugged_in") == vehicle


@pytest.mark.parametrize(
    ("status", "connector"), [("authorizing", "preparing"), ("charging", "charging")]
)
async def test_a_connector_that_a_session_does_not_name(
    hass: HomeAssistant,
    hand: HandMadeCloud,
    account: MockConfigEntry,
    wait: Pass,
    status: str,
    connector: str,
) -> None:
    hand.sessions = (200, [session("at A", "A", status=status, stationStatus=None)])
    await wait(31)
    assert shown_at(hass, "A", "sensor.connector_status") == connector
