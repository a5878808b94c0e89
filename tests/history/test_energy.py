"""Home Assistant's energy dashboard validates all statistics and sensors for it."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from simulator import World
from tests.conftest import Pass
from tests.helpers import Station
from tests.history.hourly import Hours

pytestmark = pytest.mark.usefixtures("recorder_mock")


@pytest.fixture
async def charged(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
    wait: Pass,
    freezer: FrozenDateTimeFactory,
) -> Station:
    """A station after a session, with statistics compiled."""
    assert await async_setup_component(hass, "energy", {})
    station = Station(hass, world, "2133")
    world.plug_in(station.name, card=True)
    for _ in range(4):
        await wait(900)
    world.unplug(station.name)
    for _ in range(3):
        await wait(31)
    await async_wait_recording_done(hass)
    start = freezer.time_to_freeze.replace(minute=0, second=0, microsecond=0)  # type: ignore[attr-defined]
    for minutes in range(-60, 10, 5):
        do_adhoc_statistics(hass, start=start.astimezone() + timedelta(minutes=minutes))
    await async_wait_recording_done(hass)
    return station


async def ask(client: Any, **message: Any) -> Any:
    await client.send_json_auto_id(message)
    answer = await client.receive_json()
    assert answer["success"], answer
    return answer["result"]


async def test_no_complaint(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
    charged: Station,
    hass_ws_client: WebSocketGenerator,
) -> None:
    series = Hours(hass, loaded, world, charged.name).ids
    power = charged.id("sensor", "power")
    grid = {
        "type": "grid",
        "stat_energy_to": None,
        "entity_energy_price": None,
        "number_energy_price": None,
        "stat_compensation": None,
        "entity_energy_price_export": None,
        "number_energy_price_export": None,
        "cost_adjustment_day": 0,
    }
    client = await hass_ws_client()
    await ask(
        client,
        type="energy/save_prefs",
        energy_sources=[
            grid
            | {
                "stat_energy_from": series.energy.statistic_id,
                "stat_cost": series.cost.statistic_id,
                "power_config": {"stat_rate": power},
            },
            grid
            | {
                "stat_energy_from": charged.id("sensor", "total_energy"),
                "stat_cost": charged.id("sensor", "total_cost"),
            },
            grid
            | {
                "stat_energy_from": charged.id("sensor", "session_energy"),
                "stat_cost": charged.id("sensor", "session_cost"),
            },
        ],
        device_consumption=[
            {"stat_consumption": series.energy.statistic_id, "stat_rate": power},
            {"stat_consumption": charged.id("sensor", "total_energy"), "stat_rate": power},
            {"stat_consumption": charged.id("sensor", "session_energy")},
        ],
    )
    assert await ask(client, type="energy/validate") == {
        "energy_sources": [[], [], []],
        "device_consumption": [[], [], []],
        "device_consumption_water": [],
    }
    # A rate is checked where a device has one, but only for being in the statistics.
    metadata = await ask(client, type="recorder/list_statistic_ids")
    known = {one["statistic_id"]: one for one in metadata}
    assert known[power]["unit_class"] == "power"
    assert known[series.energy.statistic_id]["source"] == "eevion"
    assert known[series.energy.statistic_id]["has_sum"] is True
    issues = await ask(client, type="recorder/validate_statistics")
    assert not {one for one in issues if "2133" in one or one.startswith("eevion:")}


async def test_the_day_adds_up(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
    charged: Station,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """The external statistics and the total sensor agree about a day."""
    series = Hours(hass, loaded, world, charged.name).ids
    client = await hass_ws_client()
    found = await ask(
        client,
        type="recorder/statistics_during_period",
        start_time="2026-11-02T00:00:00+00:00",
        statistic_ids=[series.energy.statistic_id],
        period="day",
        types=["change"],
    )
    (day,) = found[series.energy.statistic_id]
    assert day["change"] == pytest.approx(float(charged["sensor.session_energy"]), abs=1e-6)
    assert day["change"] == pytest.approx(float(charged["sensor.total_energy"]), abs=1e-6)
