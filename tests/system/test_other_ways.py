"""Where the documentation is open, the account works either way."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import Cloud, Settings, World
from tests.calls import ask, device, pass_until
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

WAYS: dict[str, dict[str, Any]] = {
    "as in the examples": {},
    "other lists": {"list_holds_ended": False, "exceptions_are_400": True},
    "other words": {"words_in_capitals": True, "jobs_name_stations": True},
    "other answers": {"whole_answers": True, "no_end_time": 0, "report_names_sites": False},
    "other ids": {"location_ids_of_sites": False},
    "no end times": {"no_end_time": None, "report_counts_by": "start"},
}


pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7, **request.param)


@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS, indirect=True)
async def test_a_session_either_way(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    cloud: Cloud,
    world: World,
    loaded: ConfigEntry,
    wait: Pass,
) -> None:
    station = Station(hass, world, "2133")
    world.plug_in("2133", percent=10)
    await station.turn("on")
    await wait(600)
    for _ in range(3):
        await wait(30)
    assert station["switch.charging"] == station["binary_sensor.charging"] == "on"
    assert station["sensor.status"] == "in_use"

    world.fault("2134")
    await pass_until(
        hass,
        freezer,
        hass.services.async_call(
            "button", "press", {"entity_id": station.id("button", "reset")}, blocking=True
        ),
    )
    for _ in range(4):
        await wait(30)
    assert station["switch.charging"] == "off"
    (session,) = world.ledger("2133")
    assert session.end_ms is not None
    truth = session.curve.energy_wh(session.end_ms) / 1000
    assert float(station["sensor.total_energy"]) == pytest.approx(truth, abs=1e-6)

    await wait(300)
    exceptions = await ask(hass, "get_exceptions", config_entry_id=loaded.entry_id)
    assert [row["type"] for row in exceptions["exceptions"]] == ["Faulted"]
    assert Station(hass, world, "2134")["binary_sensor.problem"] == "on"
    jobs = await ask(hass, "get_management_history", config_entry_id=loaded.entry_id)
    assert [row["stations"] for row in jobs["jobs"]] == [["2133"]]
    begin = freezer.time_to_freeze - timedelta(days=1)
    report = await ask(hass, "get_report", config_entry_id=loaded.entry_id, start=begin.isoformat())
    (row,) = report["rows"]
    assert row["energy_kwh"] == pytest.approx(truth)


IDS: dict[str, dict[str, Any]] = {
    "of sites": {"history_days": 3},
    "of nothing": {"history_days": 3, "location_ids_of_sites": False},
}


@pytest.mark.parametrize("settings", IDS.values(), ids=IDS, indirect=True)
async def test_rows_belong_to_the_station_they_name(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    world: World,
    loaded: ConfigEntry,
    wait: Pass,
) -> None:
    """A `location_id` of the examples is not the id of the site that `location` names."""
    await wait(2)
    station = Station(hass, world, "2134")
    past, _ = station.true_totals()
    assert past > 0
    assert float(station["sensor.total_energy"]) == pytest.approx(past, abs=1e-6)

    world.exceptions.start(world.station("2134"), "Offline", "No heartbeats", world.advance())
    await wait(301)
    assert station["binary_sensor.problem"] == "on"
    event = station.state("event", "exception")
    assert (event.attributes["event_type"], event.attributes["type"]) == ("started", "Offline")
    meant = {"device_id": device(hass, loaded, station.port_id)}
    faults = await ask(hass, "get_exceptions", **meant)
    assert [row["type"] for row in faults["exceptions"]] == ["Offline"]
    site = {"device_id": device(hass, loaded, world.sites[0].site_id)}
    faults = await ask(hass, "get_exceptions", **site)
    assert [row["type"] for row in faults["exceptions"]] == ["Offline"]

    begin = freezer.time_to_freeze - timedelta(days=9)
    for target, names in ((meant, {"2134"}), (site, {"2133", "2134"})):
        report = await ask(hass, "get_report", **target, start=begin.isoformat())
        assert {row["station"] for row in report["rows"]} == names
        by_name = {row["station"]: row["energy_kwh"] for row in report["rows"]}
        assert by_name["2134"] == pytest.approx(past)


PAST = {"history_days": 500, "ended_in_list_s": 1e9}


@pytest.mark.parametrize("settings", [PAST], ids=["the whole past"], indirect=True)
async def test_a_list_that_holds_the_whole_past(
    hass: HomeAssistant, cloud: Cloud, world: World, loaded: ConfigEntry, wait: Pass
) -> None:
    """Its text says "active sessions", its example has one that is complete."""
    station = Station(hass, world, "2133")
    await wait(2)
    assert len(world.charging.ended) > 1000
    world.plug_in("2134", percent=1, card=True)
    assert station.totals() == pytest.approx(station.true_totals())
    world.plug_in("2133", percent=10, card=True)
    await wait(31)
    assert station["switch.charging"] == "on"

    cloud.requests.clear()
    for _ in range(10):
        await wait(6)
    lists = [r for r in cloud.requests if r.path.endswith("/session")]
    assert len(lists) <= 12, "a poll is one request"
    world.unplug("2133")
    await wait(6)
    assert station["switch.charging"] == "off"
    assert Station(hass, world, "2134")["switch.charging"] == "on"
    await wait(31)
    assert station.totals() == pytest.approx(station.true_totals())
    assert station["sensor.session_status"] == "complete"
