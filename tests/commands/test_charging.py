"""A person plugs in, starts, limits, watches and stops."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    mock_restore_cache_with_extra_data,
)

from simulator import Cloud, World
from tests.conftest import Pass
from tests.helpers import Station, load

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


def starts(cloud: Cloud) -> int:
    """How many starts were requested."""
    return sum(
        isinstance(request.body, dict) and "stationId" in request.body for request in cloud.requests
    )


def sent(cloud: Cloud, path: str) -> list[object]:
    return [request.body for request in cloud.requests if request.path.endswith(path)]


async def test_a_session(station: Station, world: World, wait: Pass) -> None:
    world.plug_in(station.name)
    await station.turn("on")
    assert station["switch.charging"] == "on"
    await wait(6)
    assert station["sensor.session_status"] == "charging"
    assert station["binary_sensor.plugged_in"] == "on"
    assert station["binary_sensor.charging"] == "on"
    assert station["sensor.status"] == "in_use"

    await wait(600)
    await wait(600)
    full = float(station["sensor.power"])
    energy = float(station["sensor.session_energy"])
    assert energy == pytest.approx(full * 1200 / 3600, rel=0.02)
    assert station.state("sensor", "session_energy").attributes["last_reset"]

    await station.limit(16)
    assert station["number.charging_limit"] == "16"
    await wait(60)
    await wait(60)
    volts = world.station(station.name).model.volts
    assert float(station["sensor.power"]) == pytest.approx(16 * volts / 1000, rel=0.02)

    await station.turn("off")
    assert station["switch.charging"] == "off"
    assert station["sensor.session_status"] == "complete"
    await wait(6)
    assert station["switch.charging"] == "off"
    assert station["sensor.end_reason"] == "remote"
    assert station["sensor.power"] == "0.0"
    assert station["number.charging_limit"] == "16"


async def test_start_without_a_car(station: Station, cloud: Cloud) -> None:
    with pytest.raises(ServiceValidationError, match="Plug the vehicle in first"):
        await station.turn("on")
    assert station["switch.charging"] == "off"
    assert starts(cloud) == 1


async def test_a_station_that_charges_is_not_started_again(
    station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    world.plug_in(station.name)
    await station.turn("on")
    await station.turn("on")
    await wait(60)
    await station.turn("on")
    assert starts(cloud) == 1


async def test_a_card_was_faster(
    station: Station, world: World, cloud: Cloud, freezer: FrozenDateTimeFactory
) -> None:
    """The last poll did not see it yet."""
    world.plug_in(station.name)
    freezer.tick(timedelta(seconds=20))
    world.swipe_card(station.name)
    await station.turn("on")
    assert starts(cloud) == 0
    assert station["switch.charging"] == "on"


async def test_a_start_where_the_status_is_an_old_one(
    station: Station, world: World, wait: Pass, freezer: FrozenDateTimeFactory
) -> None:
    world.plug_in(station.name)
    world.take_offline(station.name)
    await wait(31)
    assert station["sensor.status"] == "offline"
    world.take_online(station.name)
    freezer.tick(timedelta(seconds=25))
    await station.turn("on")
    assert station["switch.charging"] == "on"


async def test_a_stop_finds_the_session_of_the_moment(
    station: Station, world: World, wait: Pass, freezer: FrozenDateTimeFactory
) -> None:
    """The one that Home Assistant knows has ended, and another one has begun."""
    world.plug_in(station.name, card=True)
    await wait(31)
    world.unplug(station.name)
    freezer.tick(timedelta(seconds=20))
    world.plug_in(station.name, card=True)
    freezer.tick(timedelta(seconds=10))
    await station.turn("off")
    assert world.station(station.name).session is None
    assert station["switch.charging"] == "off"


async def test_a_card_session_is_stopped_at_once(
    station: Station, world: World, freezer: FrozenDateTimeFactory
) -> None:
    world.plug_in(station.name, card=True)
    freezer.tick(timedelta(seconds=20))
    await station.turn("off")
    assert station["switch.charging"] == "off"
    assert world.ledger(station.name)[-1].end_reason == "Remote"


@pytest.mark.parametrize(
    ("happen", "message"),
    [("take_offline", "out of service"), ("disconnect", "not connected to the network")],
)
async def test_start_where_nothing_can_charge(
    station: Station, world: World, cloud: Cloud, wait: Pass, happen: str, message: str
) -> None:
    world.plug_in(station.name)
    getattr(world, happen)(station.name)
    await wait(31)
    with pytest.raises(ServiceValidationError, match=message):
        await station.turn("on")
    assert starts(cloud) == 0


async def test_stop_with_nothing_to_stop(station: Station, cloud: Cloud, wait: Pass) -> None:
    await wait(31)
    count = len(cloud.requests)
    await station.turn("off")
    assert not any(request.method == "PATCH" for request in cloud.requests)
    assert len(cloud.requests) == count, "the list is a moment old"


@pytest.fixture
async def poll(loaded: ConfigEntry, freezer: FrozenDateTimeFactory) -> Pass:
    """Let time pass and poll, without waiting for commands that are under way."""

    async def poll(seconds: float) -> None:
        freezer.tick(timedelta(seconds=seconds))
        await loaded.runtime_data.coordinator.async_refresh()

    return poll


@pytest.fixture
def authorizing_s() -> float:
    return 40


@pytest.fixture
async def authorizing(
    station: Station, world: World, cloud: Cloud, poll: Pass, authorizing_s: float
) -> Station:
    cloud.settings.authorizing_s = authorizing_s
    world.plug_in(station.name)
    await station.turn("on")
    await poll(6)
    assert station["sensor.session_status"] == "authorizing"
    assert station["switch.charging"] == "on"
    return station


async def test_a_stop_waits_for_the_authorization(
    authorizing: Station, cloud: Cloud, poll: Pass
) -> None:
    stop = asyncio.create_task(authorizing.turn("off"))
    await poll(6)
    assert not stop.done()
    assert authorizing["switch.charging"] == "on"
    await poll(40)
    await stop
    assert authorizing["switch.charging"] == "off"
    assert [r.status for r in cloud.requests if r.method == "PATCH"] == [200]


async def test_a_start_cancels_a_stop_that_waits(
    authorizing: Station, cloud: Cloud, poll: Pass
) -> None:
    stop = asyncio.create_task(authorizing.turn("off"))
    await poll(6)
    await authorizing.turn("on")
    await stop
    await poll(40)
    assert authorizing["switch.charging"] == "on"
    assert starts(cloud) == 1


@pytest.mark.parametrize("authorizing_s", [10_000])
async def test_a_stop_gives_up(
    hass: HomeAssistant, authorizing: Station, poll: Pass, freezer: FrozenDateTimeFactory
) -> None:
    stop = asyncio.create_task(authorizing.turn("off"))
    await poll(0)
    freezer.tick(timedelta(seconds=331))
    async_fire_time_changed(hass)
    with pytest.raises(HomeAssistantError, match="still authorizing"):
        await stop
    assert authorizing["switch.charging"] == "on"


async def test_a_start_whose_answer_is_lost(
    station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    """The cloud took it: it is looked for, not started again."""
    world.plug_in(station.name)
    cloud.faults.fail_next("drop_answer", path="/session", method="POST")
    await station.turn("on")
    assert station["switch.charging"] == "on"
    await wait(6)
    assert station["sensor.session_status"] == "charging"
    assert starts(cloud) == 1


async def test_a_start_that_never_arrived(station: Station, world: World, cloud: Cloud) -> None:
    world.plug_in(station.name)
    cloud.faults.fail_next("drop", path="/session", method="POST")
    with pytest.raises(HomeAssistantError, match="connection to the cloud broke"):
        await station.turn("on")
    assert station["switch.charging"] == "off"
    assert starts(cloud) == 1


async def test_a_session_that_ended_meanwhile(station: Station, world: World, wait: Pass) -> None:
    world.plug_in(station.name)
    await station.turn("on")
    await wait(6)
    world.unplug(station.name)
    await station.turn("off")
    assert station["switch.charging"] == "off"
    assert station["sensor.end_reason"] == "ev_disconnected"


async def test_a_list_without_ended_sessions(
    station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    """The last values come from the session itself."""
    cloud.settings.list_holds_ended = False
    world.plug_in(station.name)
    await station.turn("on")
    await wait(6)
    await wait(3600)
    world.unplug(station.name)
    await wait(6)
    assert station["sensor.session_status"] == "complete"
    assert station["sensor.end_reason"] == "ev_disconnected"
    session = world.ledger(station.name)[-1]
    energy_wh = session.curve.energy_wh(session.end_ms)
    assert float(station["sensor.session_energy"]) * 1000 == pytest.approx(energy_wh)


@pytest.mark.parametrize("value", [1, 5, 5.9, 1000])
async def test_a_limit_out_of_range(station: Station, cloud: Cloud, value: float) -> None:
    with pytest.raises(ServiceValidationError):
        await station.limit(value)
    assert sent(cloud, "/energy-management") == []
    assert station["number.charging_limit"] == "48"


async def test_a_limit_of_zero_pauses(station: Station, world: World, wait: Pass) -> None:
    world.plug_in(station.name)
    await station.turn("on")
    await wait(6)
    await station.limit(0)
    await wait(6)
    assert station["sensor.connector_status"] == "suspended_evse"
    assert station["sensor.power"] == "0.0"
    assert station["switch.charging"] == "on"


async def test_a_limit_in_watts(
    hass: HomeAssistant,
    station: Station,
    loaded: ConfigEntry,
    cloud: Cloud,
) -> None:
    """One limit, shown in both units, and kept in the one that it was given in."""
    assert station["number.power_limit"] == "9984"
    await station.limit(5000, "power_limit")
    assert sent(cloud, "/energy-management") == [
        [
            {
                "stationId": station.name,
                "newChargingProfile": {"chargingRateUnit": "W", "limit": 5000},
            }
        ]
    ]
    assert station["number.charging_limit"] == "24"
    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert station["number.power_limit"] == "5000"
    await station.limit(16)
    assert station["number.power_limit"] == "3328"
    with pytest.raises(ServiceValidationError, match="from 1248 W to 9984 W"):
        await station.limit(1000, "power_limit")


async def test_a_limit_outlives_a_restart_and_a_session(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, world: World, wait: Pass
) -> None:
    await station.limit(10)
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert station["number.charging_limit"] == "10"
    world.plug_in(station.name)
    await station.turn("on")
    await wait(6)
    assert station["number.charging_limit"] == "10"


async def test_a_limit_outlives_a_power_cut(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, wait: Pass
) -> None:
    """Home Assistant has written its states some minutes before the limit was set."""
    await station.limit(10)
    await wait(2)
    number = station.id("number", "charging_limit")
    assert await hass.config_entries.async_unload(loaded.entry_id)
    older = (State(number, "16"), {"unit": "A", "limit": 16})
    mock_restore_cache_with_extra_data(hass, [older])
    await load(hass, loaded)
    assert station["number.charging_limit"] == "10"


async def test_a_refused_limit(station: Station, world: World, wait: Pass) -> None:
    world.disconnect(station.name)
    await wait(31)
    refusal = f"refused the limit for station {station.name}: The station is not connected"
    with pytest.raises(HomeAssistantError, match=refusal):
        await station.limit(12)
    assert station["number.charging_limit"] == "48"


@pytest.mark.parametrize(
    "stored",
    [
        {"limit": 10},
        {"unit": "A"},
        {"unit": "kW", "limit": 10},
        {"unit": "A", "limit": "ten"},
        {"unit": "A", "limit": None},
        {"unit": "A", "limit": -5},
        {"unit": ["A"], "limit": 10},
    ],
)
async def test_a_stored_limit_that_is_none(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, stored: dict[str, Any]
) -> None:
    """The entity shows the station's maximum, as before any limit."""
    highest = station["number.charging_limit"]
    entity_id = station.id("number", "charging_limit")
    assert await hass.config_entries.async_unload(loaded.entry_id)
    mock_restore_cache_with_extra_data(hass, [(State(entity_id, "10"), stored)])
    assert await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert station["number.charging_limit"] == highest
