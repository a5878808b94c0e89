"""Automations that begin with the integration's own triggers."""

from collections.abc import Awaitable, Callable

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.trigger import TRIGGERS
from simulator import Cloud, Settings, World
from tests.automations import BY_ENTITY_LABEL, TARGETS, automate, target
from tests.calls import device
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

# The third tariff has an idle fee and ten minutes of grace.
IDLE_FEE, OTHER = "Idle", "2133"

type Happen = Callable[[World, Pass], Awaitable[None]]


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=1, seed=7)


@pytest.fixture(autouse=True)
def world(world: World) -> World:
    world.add_station(IDLE_FEE, tariff=3)
    return world


async def nothing(world: World, wait: Pass) -> None:
    pass


async def charge(world: World, wait: Pass) -> None:
    world.plug_in(IDLE_FEE, card=True)
    await wait(31)
    await wait(5)


async def leave(world: World, wait: Pass) -> None:
    world.unplug(IDLE_FEE)
    await wait(31)


async def fill_up(world: World, wait: Pass) -> None:
    world.plug_in(IDLE_FEE, percent=99.9, card=True)
    for _ in range(4):
        await wait(31)


async def stay(world: World, wait: Pass) -> None:
    for _ in range(21):
        await wait(31)


async def limit(world: World, wait: Pass) -> None:
    world.demand_response(IDLE_FEE, 3000, lasts_s=300)
    await wait(31)


async def limit_over(world: World, wait: Pass) -> None:
    await wait(300)
    await wait(31)


async def charge_limited(world: World, wait: Pass) -> None:
    await charge(world, wait)
    await limit(world, wait)


async def fault(world: World, wait: Pass) -> None:
    world.fault(IDLE_FEE)
    await wait(301)


async def recover(world: World, wait: Pass) -> None:
    world.clear_fault(IDLE_FEE)
    await wait(301)


async def charge_for_two_minutes(world: World, wait: Pass) -> None:
    world.set_session_limit(IDLE_FEE, 120)
    await charge(world, wait)


async def last(world: World, wait: Pass) -> None:
    for _ in range(4):
        await wait(31)


# What was before, what makes it fire, what does not, and the entity it looks at.
CASES: dict[str, tuple[Happen, Happen, Happen, tuple[str, str]]] = {
    "session_started": (nothing, charge, leave, ("event", "session")),
    "session_completed": (charge, leave, charge, ("event", "session")),
    "session_limit_reached": (charge_for_two_minutes, last, leave, ("event", "session")),
    "plugged_in": (nothing, charge, leave, ("binary_sensor", "plugged_in")),
    "unplugged": (charge, leave, charge, ("binary_sensor", "plugged_in")),
    "idle_fee_running": (fill_up, stay, leave, ("binary_sensor", "idle")),
    "exception_started": (nothing, fault, recover, ("event", "exception")),
    "exception_ended": (fault, recover, fault, ("event", "exception")),
    "demand_response_started": (charge, limit, limit_over, ("binary_sensor", "demand_response")),
    "demand_response_ended": (
        charge_limited,
        limit_over,
        leave,
        ("binary_sensor", "demand_response"),
    ),
}


def test_all_are_tried() -> None:
    assert set(CASES) == set(TRIGGERS)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("name", CASES)
async def test_each_fires_once(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    wait: Pass,
    name: str,
    kind: str,
) -> None:
    before, cause, after, entity = CASES[name]
    where = target(hass, loaded, world, kind, (IDLE_FEE, *entity))
    await before(world, wait)
    fired = await automate(hass, {"trigger": f"eevion.{name}", "target": where})
    await wait(31)
    assert not fired, "what was before is no trigger"
    await cause(world, wait)
    assert len(fired) == 1
    assert fired[0].data["entity"] == Station(hass, world, IDLE_FEE).id(*entity)
    await after(world, wait)
    assert len(fired) == 1


async def test_a_label_of_an_entity(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    entity = (IDLE_FEE, "binary_sensor", "plugged_in")
    where = target(hass, loaded, world, BY_ENTITY_LABEL, entity)
    fired = await automate(hass, {"trigger": "eevion.plugged_in", "target": where})
    await charge(world, wait)
    assert len(fired) == 1


async def test_another_station_is_none_of_its_business(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    where = target(hass, loaded, world, "device_id", (OTHER, "event", "session"))
    fired = await automate(hass, {"trigger": "eevion.session_started", "target": where})
    await charge(world, wait)
    assert not fired


@pytest.mark.parametrize(
    "entity", [("switch", "charging"), ("sensor", "status"), ("event", "session")]
)
async def test_an_entity_stands_for_its_station(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    wait: Pass,
    entity: tuple[str, str],
) -> None:
    """In triggers on events, whose own entities are disabled by default."""
    where = target(hass, loaded, world, "entity_id", (IDLE_FEE, *entity))
    fired = await automate(hass, {"trigger": "eevion.session_started", "target": where})
    await charge(world, wait)
    assert [event.data["entity"] for event in fired] == [
        Station(hass, world, IDLE_FEE).id("event", "session")
    ]


async def test_entities_of_no_station(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    """A site, another integration's entity, and one that does not exist."""
    site = er.async_get(hass).async_get_entity_id(
        "sensor", "eevion", f"{world.sites[0].site_id}_active_sessions"
    )
    er.async_get(hass).async_get_or_create("switch", "demo", "charging", suggested_object_id="a")
    fired = await automate(
        hass,
        {
            "trigger": "eevion.session_started",
            "target": {"entity_id": [site, "switch.a", "switch.none"]},
        },
    )
    await charge(world, wait)
    assert not fired


async def test_a_trigger_that_is_turned_off(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    where = target(hass, loaded, world, "device_id", (IDLE_FEE, "switch", "charging"))
    fired = await automate(hass, {"trigger": "eevion.session_started", "target": where})
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.under_test"}, blocking=True
    )
    await charge(world, wait)
    assert not fired


async def test_a_station_that_leaves_the_target(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    where = target(hass, loaded, world, "area_id", (IDLE_FEE, "switch", "charging"))
    fired = await automate(hass, {"trigger": "eevion.session_started", "target": where})
    device_id = device(hass, loaded, world.station(IDLE_FEE).port_id)
    dr.async_get(hass).async_update_device(device_id, area_id=None)
    await hass.async_block_till_done()
    await charge(world, wait)
    assert not fired


async def test_another_entity_is_not_looked_at(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    """Chosen by hand: the editor offers all binary sensors of stations."""
    where = target(hass, loaded, world, "entity_id", (IDLE_FEE, "binary_sensor", "charging"))
    fired = await automate(hass, {"trigger": "eevion.demand_response_started", "target": where})
    await charge(world, wait)
    assert not fired


async def test_a_station_that_comes_later(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    """In an area, as it is put there."""
    where = target(hass, loaded, world, "area_id", (OTHER, "event", "session"))
    fired = await automate(hass, {"trigger": "eevion.session_started", "target": where})
    target(hass, loaded, world, "area_id", (IDLE_FEE, "event", "session"))
    await charge(world, wait)
    assert len(fired) == 1


@pytest.mark.parametrize("name", ["session_started", "plugged_in"])
async def test_a_restart_is_no_trigger(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass, name: str
) -> None:
    where = target(hass, loaded, world, "device_id", (IDLE_FEE, *CASES[name][3]))
    await charge(world, wait)
    fired = await automate(hass, {"trigger": f"eevion.{name}", "target": where})
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await wait(31)
    assert not fired
    await leave(world, wait)
    await charge(world, wait)
    assert len(fired) == 1, "and the entity is looked at again"


@pytest.mark.parametrize("name", ["session_started", "plugged_in", "exception_started"])
async def test_the_cloud_that_comes_back_is_no_trigger(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud, wait: Pass, name: str
) -> None:
    where = target(hass, loaded, world, "device_id", (IDLE_FEE, *CASES[name][3]))
    await CASES[name][1](world, wait)
    fired = await automate(hass, {"trigger": f"eevion.{name}", "target": where})
    cloud.faults.set("error")
    for _ in range(10):
        await wait(31)
    station = Station(hass, world, IDLE_FEE)
    assert station["binary_sensor.plugged_in"] == "unavailable"
    cloud.faults.clear()
    for _ in range(4):
        await wait(31)
    assert station["binary_sensor.plugged_in"] != "unavailable"
    assert not fired


async def test_what_happened_while_the_cloud_was_away(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, cloud: Cloud, wait: Pass
) -> None:
    where = target(hass, loaded, world, "device_id", (IDLE_FEE, "event", "session"))
    await charge(world, wait)
    fired = await automate(hass, {"trigger": "eevion.session_completed", "target": where})
    cloud.faults.set("error")
    for _ in range(10):
        await wait(31)
    world.unplug(IDLE_FEE)
    cloud.faults.clear()
    for _ in range(4):
        await wait(31)
    assert len(fired) == 1


@pytest.mark.parametrize(
    ("behavior", "counts"), {"each": (1, 2), "first": (1, 1), "all": (0, 1)}.items()
)
async def test_of_several_stations(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    wait: Pass,
    behavior: str,
    counts: tuple[int, int],
) -> None:
    entity = ("binary_sensor", "plugged_in")
    target(hass, loaded, world, "area_id", (OTHER, *entity))
    where = target(hass, loaded, world, "area_id", (IDLE_FEE, *entity))
    fired = await automate(
        hass,
        {"trigger": "eevion.plugged_in", "target": where, "options": {"behavior": behavior}},
    )
    found = []
    for name in (OTHER, IDLE_FEE):
        world.plug_in(name, card=True)
        await wait(31)
        found.append(len(fired))
    assert tuple(found) == counts


async def test_for_a_while(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    where = target(hass, loaded, world, "device_id", (IDLE_FEE, "binary_sensor", "plugged_in"))
    fired = await automate(
        hass,
        {"trigger": "eevion.plugged_in", "target": where, "options": {"for": "00:02:00"}},
    )
    await charge(world, wait)
    assert not fired
    await wait(121)
    assert len(fired) == 1
