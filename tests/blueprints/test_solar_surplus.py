"""The blueprint that follows the sun, in a house with a meter."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Cloud, World
from tests.blueprints.conftest import Automate, limits
from tests.calls import starts
from tests.conftest import Pass
from tests.helpers import Station

GRID = "sensor.meter"
BATTERY = "sensor.battery"
LEVEL = "sensor.battery_level"
AMP = 240

type Shine = Callable[..., Awaitable[None]]


class House:
    """A house whose meter measures the surplus of the sun, less the power of the car."""

    def __init__(self, hass: HomeAssistant, world: World, name: str, wait: Pass) -> None:
        self._hass = hass
        self._world = world
        self._name = name
        self._wait = wait
        self.unit, self.factor = "W", 1.0

    @property
    def car_w(self) -> float:
        self._world.advance()
        session = self._world.station(self._name).session
        return session.curve.watts(self._world.timeline.now_ms) if session else 0

    def meter(self, surplus_w: float) -> None:
        attributes = {"unit_of_measurement": self.unit, "device_class": "power"}
        state = str((self.car_w - surplus_w) * self.factor)
        self._hass.states.async_set(GRID, state, attributes)

    async def shine(self, surplus_w: float, seconds: float = 60) -> None:
        """Let the sun leave over so much for so long."""
        for _ in range(int(seconds // 5)):
            self.meter(surplus_w)
            await self._wait(5)
        self.meter(surplus_w)


@pytest.fixture
def house(hass: HomeAssistant, world: World, station: Station, wait: Pass) -> House:
    house = House(hass, world, station.name, wait)
    house.meter(0)
    return house


@pytest.fixture
def inputs(station: Station, devices: dict[str, str]) -> dict[str, Any]:
    return {"station": devices[station.name], "grid_power": GRID}


@pytest.fixture
async def paused(house: House, world: World, station: Station) -> None:
    """Let a car wait for the sun."""
    world.plug_in(station.name, max_w=32 * AMP, card=True)
    await house.shine(0, 35)
    await station.limit(0)
    await house.shine(0, 30)


def amps(cloud: Cloud) -> list[float]:
    return [value for request in limits(cloud) for value in request.values()]


@pytest.mark.usefixtures("paused")
async def test_follows_the_sun(
    automate: Automate, inputs: dict[str, Any], house: House, cloud: Cloud, station: Station
) -> None:
    cloud.requests.clear()
    await automate(("solar_surplus", inputs))
    await house.shine(10 * AMP, 55)
    assert not amps(cloud)  # it may be no more than a gap between two clouds
    await house.shine(10 * AMP, 60)
    assert amps(cloud) == [10]
    await house.shine(15.5 * AMP, 60)
    await house.shine(7.9 * AMP, 60)
    assert amps(cloud) == [10, 15, 7]
    await house.shine(5 * AMP, 90)
    assert amps(cloud) == [10, 15, 7, 6]
    await house.shine(5 * AMP, 180)
    assert amps(cloud) == [10, 15, 7, 6, 0]
    assert station["sensor.connector_status"] == "suspended_evse"


@pytest.mark.usefixtures("paused")
async def test_a_station_that_reports_once_a_minute(
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    station: Station,
    world: World,
) -> None:
    """The power of the car is reported late."""
    world.station(station.name).meter_interval_ms = 60_000
    cloud.requests.clear()
    await automate(("solar_surplus", inputs))
    await house.shine(10 * AMP, 600)
    assert amps(cloud) == [10]
    await house.shine(16 * AMP, 300)
    assert amps(cloud) == [10, 16]
    await house.shine(8 * AMP, 300)
    assert amps(cloud) == [10, 16, 8]


@pytest.mark.usefixtures("paused")
async def test_a_cloud_does_not_pause(
    automate: Automate, inputs: dict[str, Any], house: House, cloud: Cloud
) -> None:
    await automate(("solar_surplus", inputs))
    await house.shine(10 * AMP, 90)
    cloud.requests.clear()
    await house.shine(0, 120)
    await house.shine(10 * AMP, 90)
    assert amps(cloud) == [6, 10]


@pytest.mark.usefixtures("paused")
async def test_a_gap_between_clouds_does_not_start(
    automate: Automate, inputs: dict[str, Any], house: House, cloud: Cloud
) -> None:
    cloud.requests.clear()
    await automate(("solar_surplus", inputs))
    for _ in range(5):
        await house.shine(10 * AMP, 45)
        await house.shine(0, 30)
    assert not amps(cloud)


@pytest.mark.usefixtures("paused")
async def test_jumps_are_followed_twice_a_minute_at_most(
    automate: Automate, inputs: dict[str, Any], house: House, cloud: Cloud
) -> None:
    await automate(("solar_surplus", inputs))
    await house.shine(10 * AMP, 90)
    cloud.requests.clear()
    for _ in range(30):
        await house.shine(25 * AMP, 5)
        await house.shine(-30 * AMP, 5)
        await house.shine(12 * AMP, 10)
    times = [r.time for r in cloud.requests if r.path.endswith("/energy-management")]
    assert len(times) > 4
    assert all(late - early >= 30 for early, late in pairwise(times))


@pytest.mark.parametrize(
    ("more", "unit", "factor"),
    [
        ({}, "kW", 0.001),
        ({"grid_sign": "export"}, "W", -1),
        ({"grid_sign": "export"}, "kW", -0.001),
    ],
)
@pytest.mark.usefixtures("paused")
async def test_other_meters(
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    more: dict[str, Any],
    unit: str,
    factor: float,
) -> None:
    house.unit, house.factor = unit, factor
    house.meter(0)
    cloud.requests.clear()
    await automate(("solar_surplus", inputs | more))
    await house.shine(10 * AMP, 120)
    await house.shine(14 * AMP, 60)
    assert amps(cloud) == [10, 14]


@pytest.mark.parametrize(
    ("state", "unit", "safe", "sent"),
    [
        ("unavailable", "W", 0, 0),
        ("unknown", "W", 8, 8),
        ("much", "W", 500, 80),
        ("nan", "W", 3, 0),
        ("3", "A", 0, 0),
        (None, "W", 0, 0),
    ],
)
@pytest.mark.usefixtures("paused")
async def test_a_sensor_is_gone(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    wait: Pass,
    state: str | None,
    unit: str,
    safe: int,
    sent: int,
) -> None:
    await automate(("solar_surplus", inputs | {"safe_limit": safe}))
    await house.shine(10 * AMP, 120)
    cloud.requests.clear()
    if state is None:
        hass.states.async_remove(GRID)
    else:
        hass.states.async_set(GRID, state, {"unit_of_measurement": unit})
    for _ in range(11):
        await wait(5)
    assert not amps(cloud)  # sensors come back
    for _ in range(30):
        await wait(5)
    assert amps(cloud) == [sent]
    await house.shine(10 * AMP, 120)
    assert amps(cloud)[-1] == 10


@pytest.mark.usefixtures("paused")
async def test_a_sensor_is_gone_for_a_moment(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    wait: Pass,
) -> None:
    await automate(("solar_surplus", inputs))
    await house.shine(10 * AMP, 120)
    cloud.requests.clear()
    hass.states.async_set(GRID, "unavailable")
    for _ in range(10):
        await wait(5)
    await house.shine(10 * AMP, 120)
    assert not amps(cloud)


@pytest.mark.parametrize(
    ("battery_w", "level", "expected"),
    [
        (1200, 90, [15]),  # the car may have what charges the battery
        (1200, 70, [10]),  # the battery first
        (1200, None, [10]),
        (-960, 90, [6]),  # what the battery delivers is no surplus
        (-1200, 90, []),
    ],
)
@pytest.mark.usefixtures("paused")
async def test_a_house_battery(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    battery_w: float,
    level: float | None,
    expected: list[float],
) -> None:
    power = {"unit_of_measurement": "kW", "device_class": "power"}
    hass.states.async_set(BATTERY, str(battery_w / -1000), power)
    battery = {"battery_power": BATTERY, "battery_sign": "discharge"}
    if level is not None:
        hass.states.async_set(LEVEL, str(level), {"unit_of_measurement": "%"})
        battery["battery_level"] = LEVEL
    cloud.requests.clear()
    await automate(("solar_surplus", inputs | battery))
    await house.shine(10 * AMP, 120)
    assert amps(cloud) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"grid_share": 20}, [12]),
        ({"grid_share": 100}, [80]),
        ({"reserve": 2 * AMP}, [8]),
        ({"highest": 7}, [7]),
        ({"start_margin": 5 * AMP}, []),
        ({"voltage": 208}, [11]),
    ],
)
@pytest.mark.usefixtures("paused")
async def test_choices(
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    more: dict[str, Any],
    expected: list[float],
) -> None:
    cloud.requests.clear()
    await automate(("solar_surplus", inputs | more))
    await house.shine(10 * AMP, 90)
    assert amps(cloud) == expected


async def test_a_car_that_draws_less_than_its_limit(
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    world: World,
    station: Station,
) -> None:
    """The limit stays where it is of no use to raise it, and falls when it has to."""
    world.plug_in(station.name, max_w=10 * AMP, card=True)
    await house.shine(20 * AMP, 35)
    await station.limit(16)
    await automate(("solar_surplus", inputs))
    await house.shine(20 * AMP, 180)
    cloud.requests.clear()
    await house.shine(25 * AMP, 180)
    assert not amps(cloud)
    await house.shine(8 * AMP, 90)
    assert amps(cloud)[-1] in (7, 8)  # the cloud counts whole watt-hours


async def test_starts_a_session(
    automate: Automate, inputs: dict[str, Any], house: House, world: World, station: Station
) -> None:
    world.plug_in(station.name, max_w=32 * AMP)
    await automate(("solar_surplus", inputs))
    await house.shine(12 * AMP, 55)
    assert station["switch.charging"] == "off"
    await house.shine(12 * AMP, 40)
    assert station["switch.charging"] == "on"
    assert house.car_w == 12 * AMP


async def test_no_car(
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    world: World,
    station: Station,
) -> None:
    """It tries twice an hour, and goes on at once when somebody starts a session."""
    await automate(("solar_surplus", inputs))
    await house.shine(12 * AMP, 3600)
    assert len(starts(cloud)) == 2
    assert amps(cloud) == [12]
    world.plug_in(station.name, max_w=32 * AMP, card=True)
    await house.shine(15 * AMP, 60)
    assert house.car_w == 15 * AMP


async def test_does_not_start_what_somebody_has_stopped(
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    world: World,
    station: Station,
) -> None:
    world.plug_in(station.name, max_w=32 * AMP, card=True)
    await automate(("solar_surplus", inputs))
    await house.shine(12 * AMP, 60)
    await station.turn("off")
    await house.shine(12 * AMP, 600)
    assert not starts(cloud)
    assert not world.station(station.name).session


async def test_starts_nothing_if_not_wanted(
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    world: World,
    station: Station,
) -> None:
    world.plug_in(station.name)
    await automate(("solar_surplus", inputs | {"start_sessions": False}))
    await house.shine(12 * AMP, 300)
    assert not starts(cloud)
    assert not amps(cloud)


@pytest.mark.usefixtures("paused")
async def test_only_under_conditions(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
) -> None:
    hass.states.async_set("input_boolean.solar", "off")
    hass.states.async_set("sun.sun", "above_horizon")
    condition = {"condition": "state", "entity_id": "input_boolean.solar", "state": "on"}
    cloud.requests.clear()
    await automate(("solar_surplus", inputs | {"conditions": [condition]}))
    await house.shine(12 * AMP, 120)
    assert not amps(cloud)
    hass.states.async_set("input_boolean.solar", "on")
    await house.shine(12 * AMP, 120)
    assert amps(cloud) == [12]
    hass.states.async_set("sun.sun", "below_horizon")
    await house.shine(0, 600)
    assert amps(cloud) == [12]


@pytest.mark.usefixtures("paused")
async def test_the_cloud_is_away(
    automate: Automate, inputs: dict[str, Any], house: House, cloud: Cloud
) -> None:
    await automate(("solar_surplus", inputs))
    await house.shine(12 * AMP, 90)
    cloud.requests.clear()
    cloud.faults.set("error", path="")
    await house.shine(9 * AMP, 120)
    cloud.faults.clear()
    await house.shine(9 * AMP, 120)
    assert amps(cloud)[-1] == 9
    assert len(amps(cloud)) <= 3


async def test_renamed_entities_and_another_account(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    station: Station,
    world: World,
    entry_data: dict[str, Any],
    entity_registry: Any,
) -> None:
    """A station of the same name in another account is left alone."""
    other = MockConfigEntry(
        domain="eevion", title="Other", data={**entry_data, "api_key": "another-key"}
    )
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    for platform, key in (
        ("number", "charging_limit"),
        ("sensor", "power"),
        ("sensor", "status"),
        ("binary_sensor", "charging"),
    ):
        entity_registry.async_update_entity(
            station.id(platform, key), new_entity_id=f"{platform}.a{key[::-1]}"
        )
    await hass.async_block_till_done()
    world.plug_in(station.name, max_w=32 * AMP, card=True)
    await automate(("solar_surplus", inputs))
    await house.shine(12 * AMP, 90)
    assert house.car_w == 12 * AMP
    assert {r.key for r in cloud.requests if r.path.endswith("/energy-management")} == {
        cloud.settings.keys[0]
    }


@pytest.mark.usefixtures("paused")
async def test_two_of_them_at_one_station(
    automate: Automate, inputs: dict[str, Any], house: House, cloud: Cloud
) -> None:
    """They want different limits, and do not send more because of that than one may."""
    cloud.requests.clear()
    await automate(
        ("solar_surplus", inputs), ("solar_surplus", inputs | {"reserve": 3 * AMP, "highest": 9})
    )
    await house.shine(20 * AMP, 600)
    times = [r.time for r in cloud.requests if r.path.endswith("/energy-management")]
    assert times
    for time in times:
        assert len([t for t in times if time <= t < time + 60]) <= 4


@pytest.mark.parametrize("oddity", ["odd_units", "helpers"])
@pytest.mark.usefixtures("paused")
async def test_units_and_helpers(
    request: pytest.FixtureRequest,
    automate: Automate,
    inputs: dict[str, Any],
    house: House,
    cloud: Cloud,
    oddity: str,
) -> None:
    """What people choose and add in Home Assistant changes nothing."""
    request.getfixturevalue(oddity)
    cloud.requests.clear()
    await automate(("solar_surplus", inputs))
    for sun_a, seconds in ((10, 120), (20, 300), (8, 300), (0, 300)):
        await house.shine((sun_a + 0.5) * AMP, seconds)
    assert amps(cloud) == [10, 20, 8, 6, 0]
