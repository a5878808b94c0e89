"""The names in the responses of actions: templates of people rely on each of them."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import World
from tests.calls import ask
from tests.conftest import START, Pass

STATION = "2133"

EVENT = "state type power_limit_kw started_at ends_at"
LIMIT = "type value unit used left is_reached"
TAX = "description amount"
TARIFF = "id name type price unit price_increment payment_cycle_unit occupancy_fee idle_fee"
SESSION = (
    "session_id station port_id site site_id time_zone status is_active connector_status"
    " connector_status_at last_heartbeat created_at started_at ended_at updated_at duration_s"
    " energy_kwh cost cost_before_taxes currency tax_included taxes tariff idle_fee is_idle"
    " is_in_grace_period grace_period_elapsed_s demand_response limits start_percentage"
    " end_percentage started_with end_reason vehicle"
)
EXCEPTION = "exception_id station site site_id type description started_at ended_at is_open"
PORT = (
    "station port_id status model level power_kw volts amps connectors is_shared_power restriction"
    " price price_unit currency tariff_id time_slots added_at updated_at"
)
SITE = (
    "site site_id address street street_number city region postal_code country latitude longitude"
    " continue_if_battery_full"
)
FIGURES = (
    "sessions canceled_sessions unique_customers energy_kwh duration_s average_duration_s cost"
    " average_cost energy_cost currency maximum_current_a maximum_power_w maximum_limit_a"
    " minimum_limit_a most_common_start_with"
)
JOB = (
    "job_id type status status_message description created_at updated_at stations completed errors"
    " commands original_values"
)


def assert_names(found: dict[str, Any], names: str) -> None:
    assert set(found) == set(names.split())


@pytest.fixture
async def used(loaded: ConfigEntry, world: World, wait: Pass) -> None:
    """A station with a session that has a limit and a demand response event, and a fault."""
    world.set_session_limit(STATION, 7200)
    world.plug_in(STATION, card=True)
    world.demand_response(STATION, 3000)
    world.fault("2134")
    await wait(600)


@pytest.mark.usefixtures("used")
async def test_sessions(hass: HomeAssistant) -> None:
    answer = await ask(hass, "get_sessions")
    assert_names(answer, "sessions is_complete")
    (session,) = answer["sessions"]
    assert_names(session, SESSION)
    for key, names in (("taxes", TAX), ("limits", LIMIT), ("demand_response", EVENT)):
        assert_names(session[key][0], names)
    assert_names(session["tariff"], TARIFF)
    assert_names(await ask(hass, "get_session", session_id=session["session_id"]), SESSION)
    started = await ask(hass, "start_session", stations=STATION)
    assert_names(started, "session_id sessions")
    assert_names(started["sessions"][0], SESSION)


@pytest.mark.usefixtures("used")
async def test_stations_and_sites(hass: HomeAssistant) -> None:
    station = await ask(hass, "get_station", stations=STATION)
    assert_names(station, f"{PORT} {SITE} session exceptions")
    assert_names(station["session"], SESSION)
    site = await ask(hass, "get_site", stations=STATION)
    assert_names(site, f"{SITE} added_at updated_at stations is_complete")
    assert_names(site["stations"][0], PORT)
    found = await ask(hass, "get_exceptions")
    assert_names(found, "exceptions is_complete")
    assert_names(found["exceptions"][0], EXCEPTION)


@pytest.mark.usefixtures("used")
async def test_reports(hass: HomeAssistant, world: World, wait: Pass) -> None:
    world.unplug(STATION)
    await wait(60)
    report = await ask(hass, "get_report", start=START)
    assert_names(report, "start end group_by currency rows total average is_complete")
    assert_names(report["rows"][0], f"station site site_id region {FIGURES}")
    assert_names(report["total"], FIGURES)
    assert_names(report["average"], FIGURES)


async def test_jobs(hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass) -> None:
    world.fail_jobs("2134")
    answer = await ask(
        hass, "manage_stations", stations=[STATION, "2134"], is_visible=False, message="Closed"
    )
    assert_names(answer, "job_id is_finished stations original_values")
    assert_names(answer["stations"][STATION], "succeeded reason")
    await wait(60)
    history = await ask(hass, "get_management_history")
    assert_names(history, "jobs is_complete")
    assert_names(history["jobs"][0], JOB)
    assert_names(
        await ask(hass, "create_ticket", stations=STATION, message="Broken"), "stations message"
    )
