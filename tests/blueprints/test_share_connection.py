"""The blueprint that shares a breaker among stations of 48, 80 and 80 A."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Cloud, World
from tests.blueprints.conftest import Automate, limits
from tests.calls import device
from tests.conftest import Pass
from tests.helpers import Station

LOAD = "sensor.house"
CAR_W = 100_000
"""Takes whatever it gets."""


class Breaker:
    """The breaker; checks every few seconds that its load is not too high."""

    def __init__(
        self, hass: HomeAssistant, world: World, stations: list[Station], wait: Pass
    ) -> None:
        self._hass = hass
        self._world = world
        self._stations = stations
        self._wait = wait
        self.house_a = 0.0
        self.tell: Callable[[], str] | None = None
        self.unit = "A"
        self.most_a = 0.0

    def amps(self) -> list[float]:
        """Return the current of each car."""
        self._world.advance()
        now = self._world.timeline.now_ms
        stations = [self._world.station(station.name) for station in self._stations]
        return [s.session.curve.watts(now) / s.model.volts if s.session else 0 for s in stations]

    async def wait(self, seconds: float) -> list[float]:
        """Let time pass; return the current of each car at the end."""
        for _ in range(int(seconds // 5)):
            if self.tell:
                self._hass.states.async_set(LOAD, self.tell(), {"unit_of_measurement": self.unit})
            await self._wait(5)
            self.most_a = max(self.most_a, sum(self.amps()) + self.house_a)
        return self.amps()

    def plug_in(self, *numbers: int, max_w: int = CAR_W, battery_wh: int = 10**6) -> None:
        for number in numbers:
            self._world.plug_in(
                self._stations[number].name, max_w=max_w, battery_wh=battery_wh, card=True
            )


@pytest.fixture
def breaker(hass: HomeAssistant, world: World, stations: list[Station], wait: Pass) -> Breaker:
    return Breaker(hass, world, stations, wait)


@pytest.fixture
def inputs(stations: list[Station], devices: dict[str, str]) -> dict[str, Any]:
    return {"stations": [devices[station.name] for station in stations], "breaker": 40}


async def test_cars_come_and_go(
    automate: Automate,
    inputs: dict[str, Any],
    breaker: Breaker,
    cloud: Cloud,
    stations: list[Station],
    world: World,
) -> None:
    await automate(("share_connection", inputs))
    await breaker.wait(30)
    names = [station.name for station in stations]
    assert limits(cloud) == [dict.fromkeys(names, 0)]
    breaker.plug_in(0)
    assert await breaker.wait(60) == [40, 0, 0]
    breaker.plug_in(1)
    assert await breaker.wait(60) == [20, 20, 0]
    breaker.plug_in(2)
    assert await breaker.wait(60) == [13, 13, 13]
    assert limits(cloud)[1:] == [
        {names[0]: 40},
        dict.fromkeys(names[:2], 20),
        dict.fromkeys(names, 13),
    ]
    world.unplug(names[0])
    assert await breaker.wait(90) == [0, 20, 20]
    assert limits(cloud)[4:] == [{names[0]: 0, names[1]: 20, names[2]: 20}]
    assert breaker.most_a == 40


@pytest.mark.parametrize(
    ("unit", "per_a", "with_stations"),
    [("A", 1, True), ("A", 1, False), ("W", 208, False), ("kW", 0.208, True)],
)
async def test_the_house_goes_first(
    automate: Automate,
    inputs: dict[str, Any],
    breaker: Breaker,
    unit: str,
    per_a: float,
    with_stations: bool,
) -> None:
    def tell() -> str:
        stations = sum(breaker.amps()) if with_stations else 0
        return str((breaker.house_a + stations) * per_a)

    breaker.tell, breaker.unit, breaker.house_a = tell, unit, 10
    more = {"house_load": LOAD, "house_has_stations": with_stations, "voltage": 208}
    await automate(("share_connection", inputs | more))
    await breaker.wait(30)
    breaker.plug_in(0, 2)
    assert await breaker.wait(90) == [15, 0, 15]
    assert breaker.most_a == 40
    breaker.house_a = 20
    assert await breaker.wait(10) == [10, 0, 10]
    breaker.most_a = 0
    assert await breaker.wait(300) == [10, 0, 10]
    breaker.house_a = 2
    assert await breaker.wait(90) == [19, 0, 19]
    assert breaker.most_a <= 40


async def test_stations_that_report_once_a_minute(
    automate: Automate,
    inputs: dict[str, Any],
    breaker: Breaker,
    cloud: Cloud,
    world: World,
) -> None:
    """What they take is known late; nothing is changed because of that."""
    for station in world.stations:
        station.meter_interval_ms = 60_000
    breaker.tell = lambda: str(breaker.house_a + sum(breaker.amps()))
    breaker.house_a = 10
    await automate(("share_connection", inputs | {"house_load": LOAD}))
    await breaker.wait(30)
    breaker.plug_in(0, 2)
    await breaker.wait(60)
    cloud.requests.clear()
    assert await breaker.wait(600) == [15, 0, 15]
    assert not limits(cloud)
    breaker.house_a = 4
    assert await breaker.wait(600) == [18, 0, 18]
    assert len(limits(cloud)) == 1


@pytest.mark.parametrize("state", ["unavailable", "unknown", "much"])
async def test_the_sensor_is_gone(
    automate: Automate, inputs: dict[str, Any], breaker: Breaker, state: str
) -> None:
    breaker.tell = lambda: str(breaker.house_a)
    more = {"house_load": LOAD, "house_has_stations": False, "safe_load": 25}
    await automate(("share_connection", inputs | more))
    await breaker.wait(30)
    breaker.plug_in(0)
    assert await breaker.wait(60) == [40, 0, 0]
    breaker.tell = lambda: state
    assert await breaker.wait(20) == [40, 0, 0]
    assert await breaker.wait(30) == [15, 0, 0]
    breaker.tell = lambda: "10"
    assert await breaker.wait(90) == [30, 0, 0]


async def test_not_enough_for_all(
    automate: Automate,
    inputs: dict[str, Any],
    breaker: Breaker,
    stations: list[Station],
    cloud: Cloud,
) -> None:
    """Everybody has a turn, and while it lasts at least 6 A."""
    await automate(("share_connection", inputs | {"breaker": 14}))
    await breaker.wait(30)
    breaker.plug_in(0, 1, 2)
    seen = set()
    for _ in range(3 * 60):
        amps = await breaker.wait(60)
        seen.add(tuple(amps))
        assert all(value == 0 or value >= 6 for value in amps)
    assert seen == {(7, 7, 0), (7, 0, 7), (0, 7, 7)}
    assert breaker.most_a == 14
    times = [r.time for r in cloud.requests if r.path.endswith("/energy-management")]
    assert all(late - early >= 10 for early, late in pairwise(times))  # one for each change
    energies = [float(station["sensor.session_energy"]) for station in stations]
    assert max(energies) - min(energies) < 1.5
    assert min(energies) > 2


async def test_nothing_is_left(
    automate: Automate, inputs: dict[str, Any], breaker: Breaker
) -> None:
    breaker.tell = lambda: str(breaker.house_a)
    breaker.house_a = 35
    await automate(("share_connection", inputs | {"house_load": LOAD, "house_has_stations": False}))
    await breaker.wait(30)
    breaker.plug_in(0, 1)
    assert await breaker.wait(90) == [0, 0, 0]
    breaker.house_a = 34
    assert sorted(await breaker.wait(90)) == [0, 0, 6]


async def test_a_car_below_its_share_leaves_the_rest_to_the_others(
    automate: Automate, inputs: dict[str, Any], breaker: Breaker
) -> None:
    await automate(("share_connection", inputs | {"breaker": 150}))
    await breaker.wait(30)
    breaker.plug_in(0, 1)
    assert await breaker.wait(90) == [48, 80, 0]


async def test_a_car_that_is_full(
    automate: Automate, inputs: dict[str, Any], breaker: Breaker
) -> None:
    await automate(("share_connection", inputs))
    await breaker.wait(30)
    breaker.plug_in(0, battery_wh=100)
    breaker.plug_in(1)
    await breaker.wait(60)
    assert await breaker.wait(480) == [0, 34, 0]
    assert await breaker.wait(600) == [0, 34, 0]


async def test_a_station_that_is_away_keeps_its_share(
    automate: Automate,
    inputs: dict[str, Any],
    breaker: Breaker,
    stations: list[Station],
    world: World,
) -> None:
    await automate(("share_connection", inputs))
    await breaker.wait(30)
    breaker.plug_in(0, 1)
    assert await breaker.wait(60) == [20, 20, 0]
    world.disconnect(stations[0].name)
    assert await breaker.wait(120) == [20, 20, 0]
    breaker.plug_in(2)
    assert await breaker.wait(60) == [20, 10, 10]
    assert breaker.most_a == 40


async def test_a_limit_for_those_who_come(
    automate: Automate, inputs: dict[str, Any], breaker: Breaker, cloud: Cloud
) -> None:
    await automate(("share_connection", inputs | {"idle_limit": 6}))
    await breaker.wait(30)
    assert set(limits(cloud)[0].values()) == {6}
    breaker.plug_in(0)
    assert await breaker.wait(90) == [34, 0, 0]
    breaker.plug_in(1)
    assert await breaker.wait(90) == [17, 17, 0]
    assert breaker.most_a == 40


async def test_stations_of_two_accounts(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    cloud: Cloud,
    entry_data: dict[str, Any],
    breaker: Breaker,
    world: World,
) -> None:
    """Each account has a request of its own."""
    other = MockConfigEntry(
        domain="eevion", title="Other", data={**entry_data, "api_key": "another-key"}
    )
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    far = cloud.world("another-key").stations[1]
    device_id = device(hass, other, far.port_id)
    await automate(("share_connection", inputs | {"stations": [inputs["stations"][0], device_id]}))
    await breaker.wait(30)
    breaker.plug_in(0)
    cloud.world("another-key").plug_in(far.name, max_w=CAR_W, card=True)
    assert (await breaker.wait(120))[0] == 20
    assert far.session.curve.watts(world.timeline.now_ms) == 20 * 240


async def test_the_cloud_is_away(
    automate: Automate, inputs: dict[str, Any], breaker: Breaker, cloud: Cloud
) -> None:
    await automate(("share_connection", inputs))
    await breaker.wait(30)
    breaker.plug_in(0)
    await breaker.wait(60)
    cloud.faults.set("error")
    breaker.plug_in(1)
    await breaker.wait(300)
    assert breaker.most_a == 40
    cloud.faults.clear()
    assert await breaker.wait(120) == [20, 20, 0]


@pytest.mark.parametrize("oddity", ["odd_units", "helpers"])
async def test_units_and_helpers(
    request: pytest.FixtureRequest,
    automate: Automate,
    inputs: dict[str, Any],
    breaker: Breaker,
    cloud: Cloud,
    oddity: str,
) -> None:
    """What people choose and add in Home Assistant changes nothing."""
    request.getfixturevalue(oddity)
    breaker.house_a = 25
    breaker.tell = lambda: str(25 + sum(breaker.amps()))
    await automate(("share_connection", inputs | {"house_load": LOAD, "house_has_stations": True}))
    await breaker.wait(30)
    breaker.plug_in(0)
    assert await breaker.wait(300) == [15, 0, 0]
    assert breaker.most_a == 40
    assert len(limits(cloud)) == 2
