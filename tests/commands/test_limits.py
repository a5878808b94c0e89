"""Limits that are given together leave together, and only the newest."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from simulator import Cloud, Settings, World
from simulator.charging.station import Station as SimulatedStation
from simulator.errors import ApiError
from simulator.world.limits import set_limit as simulated
from tests.calls import sent
from tests.conftest import API_KEY
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("commands_wait")


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=2, stations=14, seed=7)


@pytest.fixture
def stations(hass: HomeAssistant, loaded: ConfigEntry, world: World) -> list[Station]:
    present = [station for station in world.stations if station.lifecycle == "active"][:10]
    for station in present:
        world.connect(station.name)
    return [Station(hass, world, station.name) for station in present]


class Clock:
    """Real limits in frozen time."""

    def __init__(self, freezer: FrozenDateTimeFactory) -> None:
        self._freezer = freezer

    async def tick(self, seconds: float) -> None:
        self._freezer.tick(seconds)
        for _ in range(200):
            await asyncio.sleep(0)

    async def until_done(self, calls: Iterable[Awaitable[Any]]) -> list[Any]:
        """Let time pass until all calls have come to an end; return what they raised."""
        ends = asyncio.gather(*calls, return_exceptions=True)
        for _ in range(1000):
            if ends.done():
                break
            await self.tick(0.05)
        return await ends


@pytest.fixture
def clock(freezer: FrozenDateTimeFactory) -> Clock:
    return Clock(freezer)


def limits(cloud: Cloud) -> list[dict[str, float]]:
    """Return the limits of each request, by the name of the station."""
    return [
        {row["stationId"]: row["newChargingProfile"]["limit"] for row in body}
        for body in sent(cloud, "/energy-management")
    ]


async def test_ten_limits_are_one_request(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """They are given one after the other, within 10 ms, as by a scene."""
    calls = []
    for number, station in enumerate(stations):
        calls.append(asyncio.ensure_future(station.limit(6 + number)))
        await clock.tick(0.0009)
    assert await clock.until_done(calls) == [None] * 10
    assert limits(cloud) == [{s.name: 6 + number for number, s in enumerate(stations)}]
    assert [float(station["number.charging_limit"]) for station in stations] == list(range(6, 16))


async def test_one_limit_waits_for_10_ms_only(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    call = asyncio.ensure_future(stations[0].limit(8))
    await clock.tick(0)
    await clock.tick(0.009)
    assert not limits(cloud)
    for _ in range(5):
        await clock.tick(0.001)
    assert limits(cloud) == [{stations[0].name: 8}]
    assert await clock.until_done([call]) == [None]


async def test_a_request_refused_as_a_whole_costs_only_the_station_it_is_about(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """The cloud may refuse a request without a row for each station."""
    refused = stations[3]

    def set_limit(world: World, station: SimulatedStation, unit: str, limit: float) -> str:
        if station.name == refused.name:
            raise ApiError("That station is not allowed")
        return simulated(world, station, unit, limit)

    with patch("simulator.http.endpoints.set_limit", set_limit):
        outcomes = await clock.until_done(station.limit(9) for station in stations[:5])
    assert [type(outcome) for outcome in outcomes].count(HomeAssistantError) == 1
    assert str(outcomes[3]) == (
        f"The cloud refused the limit for station {refused.name}: That station is not allowed"
    )
    shown = [float(station["number.charging_limit"]) for station in stations[:5]]
    assert [limit == 9 for limit in shown] == [True, True, True, False, True]


async def test_a_refusal_of_all_is_narrowed_down_by_few_requests(
    hass: HomeAssistant, stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    def refuse(*_: object) -> str:
        raise ApiError("No limits today")

    names = [station.name for station in stations]
    call = hass.services.async_call(
        "eevion", "set_charging_limit", {"stations": names, "amps": 9}, blocking=True
    )
    with patch("simulator.http.endpoints.set_limit", refuse):
        [outcome] = await clock.until_done([call])
    assert str(outcome) == (
        f"The cloud refused the limit for station {', '.join(names)}: No limits today"
    )
    assert len(limits(cloud)) <= 25


async def test_the_narrowing_of_a_refusal_is_bounded(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """What was not tried alone fails with the reason of the whole."""

    def refuse(*_: object) -> str:
        raise ApiError("No limits today")

    with (
        patch("simulator.http.endpoints.set_limit", refuse),
        patch("custom_components.eevion.commands.limits._MAX_REQUESTS", 4),
    ):
        outcomes = await clock.until_done(station.limit(9) for station in stations)
    assert all("No limits today" in str(outcome) for outcome in outcomes)
    assert len(limits(cloud)) == 5


async def test_a_part_that_is_lost_costs_only_its_stations(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """The first half of a refused request breaks; the second one is sent all the same."""
    is_first = True

    def set_limit(world: World, station: SimulatedStation, unit: str, limit: float) -> str:
        nonlocal is_first
        if is_first:
            is_first = False
            cloud.faults.fail_next("error", path="/station/energy-management")
            raise ApiError("Too much at once")
        return simulated(world, station, unit, limit)

    with patch("simulator.http.endpoints.set_limit", set_limit):
        outcomes = await clock.until_done(station.limit(9) for station in stations[:4])
    assert [type(outcome) for outcome in outcomes[:2]] == [HomeAssistantError] * 2
    assert outcomes[2:] == [None, None]


async def test_a_key_that_is_refused_ends_the_narrowing(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    def refuse(*_: object) -> str:
        cloud.faults.set("unauthorized", path="/station/energy-management")
        raise ApiError("Too much at once")

    with patch("simulator.http.endpoints.set_limit", refuse):
        outcomes = await clock.until_done(station.limit(9) for station in stations[:4])
    assert ["API key" in str(outcome) for outcome in outcomes] == [True] * 4
    assert len(limits(cloud)) == 2


async def test_the_newest_limit_wins(stations: list[Station], cloud: Cloud, clock: Clock) -> None:
    one, other = stations[:2]
    calls = [one.limit(value) for value in (8, 16, 10)] + [other.limit(12)]
    assert await clock.until_done(calls) == [None] * 4
    assert limits(cloud) == [{one.name: 10, other.name: 12}]
    assert float(one["number.charging_limit"]) == 10


async def test_a_limit_that_waits_for_the_budget_is_replaced(
    loaded: ConfigEntry, stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    loaded.runtime_data.rate_limit.backed_off(10)
    calls = []
    for value in (8, 16, 10):
        calls.append(asyncio.ensure_future(stations[0].limit(value)))
        await clock.tick(3)
    assert not limits(cloud)
    assert await clock.until_done(calls) == [None] * 3
    assert limits(cloud) == [{stations[0].name: 10}]


async def test_a_request_after_a_refusal_has_the_newer_limits(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """429 means that the cloud did nothing."""
    cloud.faults.fail_next("rate_limited", path="/station/energy-management")
    one, other = stations[:2]
    calls = [asyncio.ensure_future(one.limit(8))]
    while not limits(cloud):
        await clock.tick(0.05)
    calls += [asyncio.ensure_future(other.limit(12)), asyncio.ensure_future(one.limit(10))]
    assert await clock.until_done(calls) == [None] * 3
    assert limits(cloud) == [{one.name: 8}, {one.name: 10, other.name: 12}]
    assert [r.status for r in cloud.requests if r.path.endswith("-management")] == [429, 200]


async def test_limits_of_one_station_do_not_overtake_each_other(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """What is given while a request is under way waits for its end."""
    calls = [asyncio.ensure_future(stations[0].limit(8))]
    while not limits(cloud):
        await clock.tick(0.02)
    calls.append(asyncio.ensure_future(stations[0].limit(10)))
    assert await clock.until_done(calls) == [None, None]
    assert limits(cloud) == [{stations[0].name: 8}, {stations[0].name: 10}]
    assert float(stations[0]["number.charging_limit"]) == 10


async def test_only_the_refused_station_fails(
    stations: list[Station], cloud: Cloud, world: World, clock: Clock
) -> None:
    world.disconnect(stations[1].name)
    errors = await clock.until_done(station.limit(9) for station in stations[:3])
    assert [errors[0], errors[2]] == [None, None]
    assert isinstance(errors[1], HomeAssistantError)
    assert stations[1].name in str(errors[1])
    assert len(limits(cloud)) == 1
    assert float(stations[0]["number.charging_limit"]) == 9


async def test_a_lost_request_fails_for_all(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    cloud.faults.fail_next("drop_answer", path="/station/energy-management")
    errors = await clock.until_done(station.limit(9) for station in stations[:3])
    assert [type(error) for error in errors] == [HomeAssistantError] * 3
    assert len(limits(cloud)) <= 1
    assert await clock.until_done([stations[0].limit(10)]) == [None]


async def test_a_waiting_command_fails_when_the_account_is_unloaded(
    hass: HomeAssistant, loaded: ConfigEntry, stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    loaded.runtime_data.rate_limit.backed_off(20)
    call = asyncio.ensure_future(stations[0].limit(8))
    await clock.tick(1)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    [error] = await clock.until_done([call])
    assert isinstance(error, HomeAssistantError)
    assert not limits(cloud)


async def test_a_lost_request_costs_only_its_own_limits(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """What is given while it is under way is sent after it."""
    cloud.faults.fail_next("drop_answer", path="/station/energy-management")
    one, other = stations[:2]
    calls = [asyncio.ensure_future(one.limit(8))]
    while not limits(cloud):
        await clock.tick(0.02)
    calls.append(asyncio.ensure_future(other.limit(6)))
    lost, done = await clock.until_done(calls)
    assert isinstance(lost, HomeAssistantError)
    assert done is None
    assert limits(cloud) == [{one.name: 8}, {other.name: 6}]


async def test_a_limit_whose_caller_has_gone_is_sent_and_shown(
    stations: list[Station], cloud: Cloud, clock: Clock
) -> None:
    """An automation that is restarted does so."""
    call = asyncio.ensure_future(stations[0].limit(8))
    await clock.tick(0.01)
    call.cancel()
    for _ in range(10):
        await clock.tick(0.05)
    assert limits(cloud) == [{stations[0].name: 8}]
    assert float(stations[0]["number.charging_limit"]) == 8
