"""Several stations at one connection: the breaker, the sun and refusals are shared."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random
from types import MappingProxyType

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from simulator import World
from simulator.world.limits import set_limit
from tests.conftest import Pass
from tests.smart.home import BATTERY, CHEAP, GRID, Home

V = 208


@pytest.fixture
def names(world: World) -> tuple[str, str]:
    first, second = world.stations
    return first.name, second.name


@pytest.fixture
async def shared(home: Home, names: tuple[str, str]) -> Home:
    """Two vehicles charge at a connection of 40 A."""
    home.meter(0)
    await home.add(*names, grid={"grid_power": GRID, "main_limit": 40})
    for name in names:
        home.world.plug_in(name, card=True, max_w=9000)
    await home.run(40, 0)
    return home


def volts(home: Home, names: tuple[str, str]) -> set[int]:
    return {home.world.station(name).model.volts for name in names}


async def test_two_stations_share_the_breaker_by_one_request(
    shared: Home, names: tuple[str, str]
) -> None:
    first, second = names
    count = len(shared.requests())
    for name in names:
        await shared.choose(name, "fast")
    await shared.run(120, 1000)
    room_w = 40 * V - 1000
    assert 0.8 * room_w < shared.drawn_w() <= room_w
    assert {shared.reason(first), shared.reason(second)} <= {"fast", "limited_by_connection"}
    count = len(shared.requests())
    await shared.run(20, 4000)
    assert len(shared.requests()) == count + 1, "one request for both"
    assert shared.drawn_w() <= 40 * V - 4000


async def test_never_above_the_limit_for_longer_than_a_step(
    shared: Home, names: tuple[str, str]
) -> None:
    """A house load that jumps at random."""
    random, over_s = Random(7), 0
    for name in names:
        await shared.choose(name, "fast")
    await shared.run(120, 1000)
    base_w = 1000
    for _ in range(360):
        if random.random() < 0.15:
            base_w = random.randrange(0, 40 * V)
        await shared.run(5, base_w, step_s=5)
        over_s = over_s + 5 if base_w + shared.drawn_w() > 40 * V else 0
        assert over_s <= 15


@pytest.mark.parametrize("every_s", [4, 6])
async def test_never_above_the_limit_while_a_limit_is_given_again_and_again(
    shared: Home, names: tuple[str, str], every_s: int
) -> None:
    """An automation may follow the sun by hand, and the house's load rises meanwhile."""
    first, second = names
    await shared.choose(second, "off")
    over_s = 0
    for number in range(120 // every_s):
        base_w = 25 * V if number * every_s >= 60 else 0
        await shared.station(first).limit(20 + number % 2 * 4)
        await shared.run(every_s, base_w, step_s=2)
        over_s = over_s + every_s if base_w + shared.drawn_w() > 40 * V else 0
        assert over_s <= 15


async def test_the_breaker_waits_for_no_pause_after_a_refusal_for_comfort(
    home: Home, names: tuple[str, str]
) -> None:
    """The cloud failed for a while, and works again when the house needs more."""
    name = names[0]
    home.meter(0)
    await home.add(name, grid={"grid_power": GRID, "main_limit": 40})
    home.world.plug_in(name, card=True)
    await home.choose(name, "smart")
    await home.run(160, -3000)
    assert home.reason(name) == "sun"
    home.cloud.faults.set("error", path="/station/energy-management")
    await home.run(400, -8000)
    home.cloud.faults.clear()
    base_w = 40 * V - 6 * V
    await home.run(20, base_w, step_s=5)
    assert base_w + home.drawn_w() <= 40 * V


@pytest.mark.parametrize("mode", ["manual", "fast"])
async def test_a_vehicle_that_arrives_while_the_house_draws_much_is_seen_at_once(
    home: Home, names: tuple[str, str], mode: str
) -> None:
    """The polls of a home where nothing charges are half a minute apart."""
    name = names[0]
    home.meter(0)
    await home.add(name, grid={"grid_power": GRID, "main_limit": 40})
    await home.choose(name, mode)
    await home.run(60, 30 * V)
    home.world.plug_in(name, card=True, max_w=9000)
    await home.run(20, 30 * V, step_s=5)
    assert 30 * V + home.drawn_w() <= 40 * V
    assert home.reason(name) == "limited_by_connection"


async def test_a_breaker_that_the_house_alone_exceeds_costs_few_requests(
    home: Home, names: tuple[str, str]
) -> None:
    home.meter(0)
    await home.add(names[0], grid={"grid_power": GRID, "main_limit": 40})
    await home.run(60, 45 * V)
    count = len(home.cloud.requests)
    await home.run(240, 45 * V, step_s=2)
    assert len(home.cloud.requests) <= count + 24


async def test_a_vehicle_that_takes_far_less_than_its_limit_is_lowered_in_two_steps(
    home: Home, names: tuple[str, str]
) -> None:
    """A vehicle of 9 kW at 80 A: what it draws is not known when its session begins."""
    name = names[0]
    home.world.station(name).model = replace(home.world.station(name).model, amps=80)
    home.meter(0)
    await home.add(name, grid={"grid_power": GRID, "main_limit": 40})
    await home.run(60, 2000)
    await home.station(name).limit(80)
    home.world.plug_in(name, card=True, max_w=9000)
    await home.run(20, 2000, step_s=5)
    assert home.station(name)["binary_sensor.charging"] == "on"
    await home.run(30, 2000, step_s=5)
    assert 2000 + home.drawn_w() <= 40 * V
    assert home.reason(name) == "limited_by_connection"
    assert home.limits(name)[-1] > 0


async def test_a_vehicle_that_takes_less_than_it_was_raised_to_is_lowered_in_two_steps(
    home: Home, names: tuple[str, str]
) -> None:
    """It took all that it was permitted before, which was nothing."""
    name = names[0]
    model = home.world.station(name).model
    home.world.station(name).model = replace(model, amps=80, volts=V)
    home.meter(0)
    await home.add(name, grid={"grid_power": GRID, "main_limit": 40})
    home.world.plug_in(name, card=True, max_w=9000)
    await home.run(60, 0)
    await home.choose(name, "off")
    await home.run(120, -40 * V)
    await home.choose(name, "fast")
    await home.run(10, -40 * V, step_s=5)
    assert home.limits(name)[-1] > 60
    base_w = 10 * V
    await home.run(25, base_w, step_s=5)
    assert base_w + home.drawn_w() <= 40 * V


async def test_a_pause_that_a_station_has_lost_is_sent_again(
    home: Home, names: tuple[str, str]
) -> None:
    """Somebody raises the limit outside of Home Assistant, which the cloud does not show."""
    name = names[0]
    await charge_behind_a_breaker(home, name)
    base_w = 36 * V
    await home.run(60, base_w)
    assert home.limits(name)[-1] == 0
    count = len(home.limits(name))
    station = home.world.station(name)
    assert not set_limit(home.world, station, "A", 40)
    await home.run(90, base_w)
    assert base_w + home.drawn_w() <= 40 * V
    assert home.limits(name)[count:] == [0]
    await home.run(120, base_w)
    assert home.limits(name)[count:] == [0]


async def charge_behind_a_breaker(home: Home, name: str) -> None:
    """Charge fast behind a breaker of 40 A, with a battery that has a sensor of its own."""
    home.meter(0)
    home.meter(0, entity=BATTERY)
    grid = {"grid_power": GRID, "main_limit": 40}
    await home.add(name, grid=grid, battery={"battery_power": BATTERY})
    home.world.plug_in(name, card=True, max_w=9000)
    await home.choose(name, "fast")
    await home.run(121, 0, step_s=11)


async def test_a_meter_that_reports_right_after_another_sensor_is_read_within_a_second(
    home: Home, names: tuple[str, str], wait: Pass
) -> None:
    """An inverter reports the battery first, and the grid a moment later."""
    await charge_behind_a_breaker(home, names[0])
    assert home.drawn_w() > 20 * V
    home.meter(1, entity=BATTERY)
    home.meter(30 * V + home.drawn_w())
    await wait(1)
    assert 30 * V + home.drawn_w() <= 40 * V


async def test_a_slow_meter_lowers_nobody_twice(
    home: Home, names: tuple[str, str], wait: Pass
) -> None:
    """Until it is heard again it shows what the vehicle drew before it was lowered."""
    await charge_behind_a_breaker(home, names[0])
    count = len(home.limits(names[0]))
    home.meter(25 * V + home.drawn_w())
    await wait(1)
    await wait(7)
    home.meter(1, entity=BATTERY)
    await wait(1)
    home.meter(25 * V + home.drawn_w())
    await home.run(22, 25 * V, step_s=11)
    assert home.limits(names[0])[count:] == [15]


async def test_a_limit_that_is_answered_late_is_not_taken_for_one_by_hand(
    home: Home, names: tuple[str, str], hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """The house's load rises on, so the next limit leaves before the cloud answers the first."""
    name = names[0]
    home.meter(0)
    await home.add(name, grid={"grid_power": GRID, "main_limit": 40})
    home.world.plug_in(name, card=True)
    await home.choose(name, "fast")
    await home.run(120, 0)
    home.cloud.faults.set("latency", path="/station/energy-management", seconds=12, count=1)
    for second in range(16):
        home.meter((20 if second < 2 else 30) * V + home.drawn_w())
        freezer.tick(timedelta(seconds=1))
        async_fire_time_changed(hass)
        for _ in range(200):
            await asyncio.sleep(0)
    await home.run(30, 30 * V)
    assert home.limits(name)[-2:] == [20, 10]
    assert home.station(name)["number.charging_limit"] == "10"
    await home.run(200, 0)
    assert home.limits(name)[-1] == 40
    assert home.reason(name) == "limited_by_connection"


@pytest.fixture
async def lowered(shared: Home, names: tuple[str, str]) -> str:
    """Return a station whose limit by hand is lowered for the connection."""
    first, second = names
    await shared.station(first).limit(30)
    await shared.choose(second, "off")
    await shared.run(60, 0)
    await shared.run(30, 20 * V)
    return first


async def test_manual_is_lowered_for_protection_and_gets_back(shared: Home, lowered: str) -> None:
    assert shared.limits(lowered)[-1] <= 20
    assert shared.reason(lowered) == "limited_by_connection"
    await shared.run(120, 0)
    assert shared.limits(lowered)[-1] == 30
    assert shared.reason(lowered) == "manual"


async def test_a_rise_is_not_urgent_while_the_house_is_above_the_breaker(
    shared: Home, lowered: str
) -> None:
    """A vehicle leaves that was paused for the breaker: its limit is given back, but later."""
    await shared.run(6, 45 * V, step_s=2)
    assert shared.limits(lowered)[-1] == 0
    count = len(shared.requests())
    shared.world.unplug(lowered)
    await shared.run(22, 45 * V, step_s=2)
    assert len(shared.requests()) == count
    await shared.run(20, 45 * V, step_s=2)
    assert len(shared.requests()) == count + 1
    assert shared.limits(lowered)[-1] == 30


async def test_a_lowered_station_is_not_raised_while_the_meter_is_missing(
    shared: Home, lowered: str
) -> None:
    """Nobody knows what the house draws: the limit by hand is given back when it is seen again."""
    count = len(shared.limits(lowered))
    shared.meter("unavailable")
    await shared.run(300)
    assert shared.reason(lowered) == "sensor_missing"
    assert len(shared.limits(lowered)) == count
    await shared.run(120, 0)
    assert shared.limits(lowered)[-1] == 30
    assert shared.reason(lowered) == "manual"


async def test_a_session_that_ends_while_it_is_lowered_gives_back_as_well(
    shared: Home, lowered: str
) -> None:
    assert shared.limits(lowered)[-1] < 30
    shared.world.unplug(lowered)
    await shared.run(120, 20 * V)
    assert shared.limits(lowered)[-1] == 30


async def test_a_main_limit_below_six_amps_pauses_all(home: Home, names: tuple[str, str]) -> None:
    home.meter(0)
    await home.add(*names, grid={"grid_power": GRID, "main_limit": 5})
    home.world.plug_in(names[0], card=True)
    await home.run(40, 0)
    await home.choose(names[0], "fast")
    assert home.limits(names[0])[-1] == 0
    assert home.reason(names[0]) == "limited_by_connection"


async def test_three_phases_and_a_voltage_of_its_own(home: Home, names: tuple[str, str]) -> None:
    home.meter(0)
    await home.add(
        names[0],
        grid={"grid_power": GRID, "main_limit": 20},
        electrical={"voltage": 230, "phases": 3, "max_current": 16},
    )
    home.world.plug_in(names[0], card=True)
    await home.run(40, 0)
    await home.choose(names[0], "fast")
    assert home.limits(names[0])[-1] == 16
    for _ in range(8):
        home.meter(home.drawn_w() + 230 * 3 * 9.5)
        await home.run(10)
    assert home.limits(names[0])[-1] == 10


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of stations that refuse every limit, as the cloud's rows say."""
    names: set[str] = set()

    def refuse(world, station, unit, limit):  # type: ignore[no-untyped-def]
        return "Not now" if station.name in names else set_limit(world, station, unit, limit)

    monkeypatch.setattr("simulator.http.endpoints.set_limit", refuse)
    return names


async def test_one_of_two_limits_is_refused(
    shared: Home, names: tuple[str, str], refusing: set[str]
) -> None:
    """The other's counts and is lowered in its place; the refused one is tried again."""
    first, second = names
    for name in names:
        await shared.choose(name, "fast")
    await shared.run(180, 0)
    refusing.add(first)
    stuck_w = shared.world.station(first).limit_w
    await shared.run(60, 5 * V)
    assert shared.world.station(first).limit_w == stuck_w
    assert shared.world.station(second).limit_w == 0
    assert 5 * V + shared.drawn_w() <= 40 * V
    before = len(shared.limits(first))
    refusing.clear()
    await shared.run(600, 10 * V)
    assert len(shared.limits(first)) > before
    assert shared.world.station(first).limit_w <= 30 * V
    assert 10 * V + shared.drawn_w() <= 40 * V


async def test_two_connections_that_claim_one_station(home: Home, names: tuple[str, str]) -> None:
    """A restored backup may hold what the form refuses: the first connection has the station."""

    home.meter(0)
    first = await home.add(names[0])
    home.hass.states.async_set(CHEAP, "on")
    data = {"stations": [home.device(name) for name in names], "cheap_times": CHEAP}
    home.hass.config_entries.async_add_subentry(
        home.entry,
        ConfigSubentry(
            data=MappingProxyType(data),
            subentry_type="smart_charging",
            title="Second",
            unique_id=None,
        ),
    )
    await home.hass.async_block_till_done(wait_background_tasks=True)
    for name in names:
        home.world.plug_in(name, card=True)
    await home.run(40, 0)
    for name in names:
        await home.choose(name, "smart")
    await home.run(240, 0)
    assert [home.reason(name) for name in names] == ["waiting_for_sun", "price"]
    for name in names:
        await home.choose(name, "off")
    assert [home.limits(name)[-1] for name in names] == [0, 0]
    await home.run(70, 0)
    assert home.hass.config_entries.async_remove_subentry(home.entry, first)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert home.station(names[0])["select.charging_mode"] == "off"
    assert er.async_get(home.hass).async_get(home.station(names[1]).id("select", "charging_mode"))
