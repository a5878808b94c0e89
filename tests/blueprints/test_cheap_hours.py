"""The blueprint for cheap hours, in nights that begin at midnight."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from simulator import Cloud, World
from tests.blueprints.conftest import Automate, limits
from tests.calls import sent, starts
from tests.conftest import Pass
from tests.helpers import Station

PRICE = "sensor.price"
SCHEDULE = "schedule.cheap"
POWER_W = 7200
HOURS = (30, 28, 9, 8, 25, 7, 27)
"""Prices from midnight to seven."""


def midnight() -> datetime:
    return dt_util.start_of_local_day()


def rows(begin: str, price: str, prices: tuple[float, ...] = HOURS, **extra: Any) -> list[Any]:
    def written(hour: int) -> datetime | str:
        moment = midnight() + timedelta(hours=hour)
        return moment if extra.get("is_datetime") else moment.isoformat()

    return [
        {begin: written(hour), price: value}
        | ({extra["end"]: written(hour + 1)} if "end" in extra else {})
        for hour, value in enumerate(prices)
    ]


class Night:
    """A car at a station, and what it charges in each hour."""

    def __init__(self, world: World, name: str, wait: Pass) -> None:
        self._world = world
        self._name = name
        self._wait = wait

    @property
    def energy_wh(self) -> int:
        self._world.advance()
        ledger = self._world.ledger(self._name)
        return sum(s.curve.energy_wh(self._world.timeline.now_ms) for s in ledger)

    async def pass_hours(self, hours: float) -> list[int]:
        """Return the watt-hours of each hour, in percent of what is possible."""
        found = []
        for _ in range(int(hours)):
            before = self.energy_wh
            for _ in range(60):
                await self._wait(60)
            found.append(round((self.energy_wh - before) * 100 / POWER_W))
        return found


@pytest.fixture
def night(world: World, station: Station, wait: Pass) -> Night:
    return Night(world, station.name, wait)


@pytest.fixture
def inputs(station: Station, devices: dict[str, str]) -> dict[str, Any]:
    return {"station": devices[station.name], "energy": 3 * 7.2, "power": 7.2}


@pytest.fixture
async def car(world: World, station: Station, wait: Pass) -> None:
    world.plug_in(station.name, max_w=POWER_W, percent=10, card=True)
    await wait(31)


FORECASTS = {
    "Nord Pool": lambda: {
        "raw_today": rows("start", "value", end="end", is_datetime=True),
        "raw_tomorrow": [],
        "today": list(HOURS),
    },
    "Tibber": lambda: {"today": rows("startsAt", "total"), "tomorrow": None},
    "EnergyZero": lambda: {"prices": rows("from", "price", end="till")},
    "ENTSO-e": lambda: {"prices_today": rows("time", "price"), "prices": rows("time", "price")},
    "Octopus": lambda: {"rates": rows("start", "value_inc_vat", end="end")},
}


@pytest.mark.parametrize("kind", FORECASTS)
@pytest.mark.usefixtures("car")
async def test_the_cheapest_hours(
    hass: HomeAssistant, automate: Automate, inputs: dict[str, Any], night: Night, kind: str
) -> None:
    hass.states.async_set(PRICE, "30", {"unit_of_measurement": "¢/kWh"} | FORECASTS[kind]())
    await automate(("cheap_hours", inputs | {"price": PRICE}))
    charged = await night.pass_hours(7)
    assert [hour for hour, percent in enumerate(charged) if percent > 50] == [2, 3, 5]
    assert 21_600 <= night.energy_wh <= 21_600 + 250


@pytest.mark.usefixtures("car")
async def test_few_commands(
    hass: HomeAssistant, automate: Automate, inputs: dict[str, Any], night: Night, cloud: Cloud
) -> None:
    hass.states.async_set(PRICE, "30", FORECASTS["Nord Pool"]())
    await automate(("cheap_hours", inputs | {"price": PRICE, "amps": 40}))
    await night.pass_hours(8)
    assert [value for limit in limits(cloud) for value in limit.values()] == [0, 40, 0, 40, 0]


@pytest.mark.usefixtures("car")
async def test_a_price_alone(
    hass: HomeAssistant, automate: Automate, inputs: dict[str, Any], night: Night
) -> None:
    hass.states.async_set(PRICE, "0.30")
    await automate(("cheap_hours", inputs | {"price": PRICE, "price_limit": 0.12}))
    assert await night.pass_hours(1) < [5]
    hass.states.async_set(PRICE, "0.12")
    assert await night.pass_hours(1) > [95]
    hass.states.async_set(PRICE, "-0.01")
    assert await night.pass_hours(1) == [100]
    hass.states.async_set(PRICE, "0.121")
    assert await night.pass_hours(1) < [5]


@pytest.mark.usefixtures("car")
async def test_a_schedule(
    hass: HomeAssistant, automate: Automate, inputs: dict[str, Any], night: Night
) -> None:
    hass.states.async_set(SCHEDULE, "off")
    await automate(("cheap_hours", inputs | {"schedule": SCHEDULE}))
    assert await night.pass_hours(1) < [5]
    hass.states.async_set(SCHEDULE, "on")
    assert await night.pass_hours(1) > [95]
    hass.states.async_set(SCHEDULE, "off")
    assert await night.pass_hours(1) < [5]


@pytest.mark.parametrize("state", ["unavailable", "unknown", "dear", None])
@pytest.mark.usefixtures("car")
async def test_in_time_at_whatever_price(
    hass: HomeAssistant, automate: Automate, inputs: dict[str, Any], night: Night, state: str | None
) -> None:
    if state:
        hass.states.async_set(PRICE, state)
    await automate(("cheap_hours", inputs | {"price": PRICE}))
    charged = await night.pass_hours(7)
    assert charged[:3] < [5, 1, 1]
    assert charged[4:6] == [100, 100]
    assert night.energy_wh >= 21_600


@pytest.mark.usefixtures("car")
async def test_hours_without_a_price_yet(
    hass: HomeAssistant, automate: Automate, inputs: dict[str, Any], night: Night
) -> None:
    """Dear hours wait for those to come, cheap ones are taken."""
    known = rows("start", "value", (30, 5, 28))
    hass.states.async_set(PRICE, "30", {"prices": known})
    await automate(("cheap_hours", inputs | {"price": PRICE}))
    charged = await night.pass_hours(3)
    assert charged[0] < 5
    assert charged[1] > 95
    assert charged[2] < 5


@pytest.mark.usefixtures("car")
async def test_ends_the_session(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    station: Station,
    world: World,
    cloud: Cloud,
) -> None:
    hass.states.async_set(SCHEDULE, "on")
    more = {"schedule": SCHEDULE, "energy": 7.2, "at_end": "stop"}
    await automate(("cheap_hours", inputs | more))
    await night.pass_hours(3)
    assert world.ledger(station.name)[0].end_reason == "Remote"
    assert len(world.ledger(station.name)) == 1
    assert 7200 <= night.energy_wh <= 7450
    assert not starts(cloud)


async def test_starts_a_session(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    world: World,
    station: Station,
    cloud: Cloud,
) -> None:
    """Without a car it tries twice an hour."""
    hass.states.async_set(SCHEDULE, "on")
    await automate(("cheap_hours", inputs | {"schedule": SCHEDULE}))
    await night.pass_hours(1)
    assert len(starts(cloud)) == 2
    world.plug_in(station.name, max_w=POWER_W, percent=10)
    await night.pass_hours(1)
    assert station["switch.charging"] == "on"
    assert len(starts(cloud)) == 3


@pytest.mark.usefixtures("car")
async def test_leaves_the_day_alone(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    cloud: Cloud,
    station: Station,
) -> None:
    hass.states.async_set(SCHEDULE, "off")
    more = {"schedule": SCHEDULE, "begin_at": "02:00:00"}
    await automate(("cheap_hours", inputs | more))
    assert await night.pass_hours(1) == [100]
    assert not sent(cloud, "/energy-management")


@pytest.mark.usefixtures("car")
async def test_a_limit_set_by_hand_stays(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    cloud: Cloud,
    station: Station,
) -> None:
    hass.states.async_set(SCHEDULE, "on")
    await station.limit(10)
    await automate(("cheap_hours", inputs | {"schedule": SCHEDULE}))
    assert await night.pass_hours(1) == [33]


@pytest.mark.usefixtures("car")
async def test_the_next_car_can_charge(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    station: Station,
    world: World,
) -> None:
    """The pause ends with the session."""
    hass.states.async_set(SCHEDULE, "off")
    await automate(("cheap_hours", inputs | {"schedule": SCHEDULE}))
    assert await night.pass_hours(1) < [5]
    assert station["number.charging_limit"] == "0"
    world.unplug(station.name)
    await night.pass_hours(1)
    assert station["number.charging_limit"] == "80"


@pytest.mark.usefixtures("car")
async def test_raised_by_hand(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    station: Station,
    world: World,
) -> None:
    """Who wants to charge now may; the next session waits for cheap hours again."""
    hass.states.async_set(SCHEDULE, "off")
    await automate(("cheap_hours", inputs | {"schedule": SCHEDULE, "ready_by": "12:00:00"}))
    assert await night.pass_hours(1) < [5]
    await station.limit(30)
    assert await night.pass_hours(2) == [100, 100]
    world.unplug(station.name)
    await night.pass_hours(1)
    world.plug_in(station.name, max_w=POWER_W, percent=10, card=True)
    assert await night.pass_hours(1) < [5]


@pytest.mark.parametrize("is_cheap", ["on", "off"])
async def test_beside_solar_surplus(
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    station: Station,
    world: World,
    cloud: Cloud,
    wait: Pass,
    is_cheap: str,
) -> None:
    """Both act by day: what one wants and the other one does not is no reason for a fight."""
    meter = "sensor.meter"
    hass.states.async_set(SCHEDULE, is_cheap)
    hass.states.async_set(meter, "0", {"unit_of_measurement": "W"})
    solar = {"station": inputs["station"], "grid_power": meter}
    await automate(("cheap_hours", inputs | {"schedule": SCHEDULE}), ("solar_surplus", solar))
    world.plug_in(station.name, max_w=POWER_W, percent=10, card=True)
    for minute in range(180):
        sun_w = 3000 if minute // 30 % 2 else 0
        for _ in range(6):
            now = world.timeline.now_ms
            session = world.station(station.name).session
            car_w = session.curve.watts(now) if session else 0
            hass.states.async_set(meter, str(car_w - sun_w), {"unit_of_measurement": "W"})
            await wait(10)
    assert 3 < len(limits(cloud)) <= 24


@pytest.mark.parametrize("oddity", ["odd_units", "helpers"])
@pytest.mark.usefixtures("car")
async def test_units_and_helpers(
    request: pytest.FixtureRequest,
    hass: HomeAssistant,
    automate: Automate,
    inputs: dict[str, Any],
    night: Night,
    oddity: str,
) -> None:
    """What people choose and add in Home Assistant changes nothing."""
    request.getfixturevalue(oddity)
    hass.states.async_set(PRICE, "30", {"unit_of_measurement": "¢/kWh"} | FORECASTS["Tibber"]())
    await automate(("cheap_hours", inputs | {"price": PRICE}))
    charged = await night.pass_hours(7)
    assert [hour for hour, percent in enumerate(charged) if percent > 50] == [2, 3, 5]
    assert 21_600 <= night.energy_wh <= 21_600 + 250
