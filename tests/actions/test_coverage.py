"""Whatever the cloud can do, a person can do from Home Assistant."""

import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from simulator import Cloud, World
from simulator.world.commands import COMMANDS
from tests.calls import act, ask, device, pass_until, sent
from tests.conftest import START, Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")

ENDPOINTS = {
    "list sites": r"GET /site",
    "get a site": r"GET /site/[^/]+",
    "get a station": r"GET /station/(?!exceptions|management-history)[^/]+",
    "energy management": r"POST /station/energy-management",
    "exceptions": r"GET /station/exceptions",
    "manage stations": r"POST /station/manage",
    "management history": r"GET /station/management-history",
    "list sessions": r"POST /session list",
    "start a session": r"POST /session start",
    "get a session": r"GET /session/[^/]+",
    "stop a session": r"PATCH /session/[^/]+/stop",
    "report": r"POST /session/report",
    "create a ticket": r"POST /ticket",
}


def requests(cloud: Cloud) -> list[str]:
    """Return the requests that succeeded; a start and a list of sessions differ in their bodies."""
    found = []
    for request in cloud.requests:
        path = request.path.removeprefix("/api/eevion")
        if path == "/session":
            is_start = isinstance(request.body, dict) and "stationId" in request.body
            path += " start" if is_start else " list"
        if request.status == 200:
            found.append(f"{request.method} {path}")
    return found


def reached(cloud: Cloud) -> set[str]:
    return {
        name
        for name, pattern in ENDPOINTS.items()
        if any(re.fullmatch(pattern, request) for request in requests(cloud))
    }


async def test_every_endpoint(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    cloud: Cloud,
    wait: Pass,
    hass_client: ClientSessionGenerator,
) -> None:
    """Each one is reached by something that a person does or sees."""
    cloud.settings.list_holds_ended = False
    name = world.stations[0].name
    station = Station(hass, world, name)
    cloud.requests.clear()
    by: dict[str, set[str]] = {}
    known: set[str] = set()

    def record(what: str) -> None:
        nonlocal known
        by[what] = reached(cloud) - known
        known |= by[what]

    await wait(31)
    record("the states of entities")
    world.plug_in(name)
    await station.turn("on")
    record("switch charging: on")
    await wait(31)
    await station.turn("off")
    record("switch charging: off")
    world.unplug(name)
    world.plug_in(name, card=True)
    await wait(31)
    world.unplug(name)
    await wait(31)
    record("the last values of a session that is listed no more")
    await station.limit(10)
    record("number charging_limit")
    await act(hass, "set_message", stations=name, message="Hello")
    record("set_message")
    await wait(11)
    record("the states of a job")
    await ask(hass, "get_report", start=START)
    record("get_report")
    await ask(hass, "get_exceptions")
    record("get_exceptions")
    await ask(hass, "create_ticket", stations=name, message="Hello")
    record("create_ticket")
    for what, id_ in (("station", station.port_id), ("site", world.sites[0].site_id)):
        found = dr.async_get(hass).async_get(device(hass, loaded, id_))
        assert await get_diagnostics_for_device(hass, hass_client, loaded, found)
        record(f"diagnostics of a {what}")

    assert by["switch charging: on"] == {"start a session"}
    assert by["switch charging: off"] == {"stop a session"}
    assert by["number charging_limit"] == {"energy management"}
    assert by["set_message"] == {"manage stations"}
    assert by["create_ticket"] == {"create a ticket"}
    assert by["diagnostics of a station"] == {"get a station"}
    assert by["diagnostics of a site"] == {"get a site"}
    assert known == set(ENDPOINTS)
    assert len(ENDPOINTS) == 13


@pytest.mark.parametrize(
    ("action", "data", "endpoint"),
    [
        ("start_session", {}, "start a session"),
        ("set_charging_limit", {"amps": 10}, "energy management"),
        ("set_message", {"message": "Hello"}, "manage stations"),
        ("manage_stations", {"is_private": True}, "manage stations"),
        ("get_sessions", {}, "list sessions"),
        ("get_station", {}, "get a station"),
        ("get_site", {}, "get a site"),
        ("get_report", {"start": "2026-11-01 00:00:00"}, "report"),
        ("get_exceptions", {}, "exceptions"),
        ("get_management_history", {}, "management history"),
        ("create_ticket", {"message": "Hello"}, "create a ticket"),
    ],
)
async def test_every_action(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    cloud: Cloud,
    action: str,
    data: dict[str, Any],
    endpoint: str,
) -> None:
    name = world.stations[0].name
    world.plug_in(name)
    cloud.requests.clear()
    does_answer = action.startswith(("get_", "manage_", "create_"))
    await (ask if does_answer else act)(hass, action, stations=name, **data)
    assert endpoint in reached(cloud)


async def test_every_command(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each of the ten alone, and the station does what it says."""
    assert len(COMMANDS) == 10
    name = world.stations[0].name
    for data in (
        {"communication_id": "1"},
        {"is_private": True},
        {"is_visible": False},
        {"model_id": "2"},
        {"order_number": 3},
        {"priority_status": "out_of_service"},
        {"priority_status": "in_service"},
        {"charging_profile_id": "1", "charging_profile_amps": 10},
        {"message": "Hello"},
        {"tariff": world.tariffs[1].tariff_id},
        {"reset": "soft"},
    ):
        doing = ask(hass, "manage_stations", stations=name, wait=True, **data)
        answer = await pass_until(hass, freezer, doing)
        assert answer["stations"][name]["succeeded"] is True, data
    given = [set(body["commands"]) for body in sent(cloud, "/station/manage")]
    assert all(len(commands) == 1 for commands in given)
    assert set().union(*given) == set(COMMANDS)
    station = world.station(name)
    assert station.communication_id == "1"
    assert station.model_id == "2"
    assert station.order == 3
    assert (station.restriction, station.visible) == ("private", False)
    assert station.message
    assert station.message.text == "Hello"
    assert station.tariff == world.tariffs[1]
    assert station.limit_w == 10 * station.model.volts


async def test_diagnostics_of_a_device(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    cloud: Cloud,
    hass_client: ClientSessionGenerator,
) -> None:
    """What the cloud says now stands beside what is known; nothing of people is in it."""
    station, site = world.stations[0], world.sites[0]
    devices = dr.async_get(hass)
    of_station = devices.async_get(device(hass, loaded, station.port_id))
    of_site = devices.async_get(device(hass, loaded, site.site_id))
    world.set_lifecycle(station.name, "removed")
    diagnostics = await get_diagnostics_for_device(hass, hass_client, loaded, of_station)
    assert diagnostics["stations"][0]["port"]["status"] == "available"
    assert diagnostics["now"][0]["port"]["status"] == "removed"
    assert site.name not in str(diagnostics)
    diagnostics = await get_diagnostics_for_device(hass, hass_client, loaded, of_site)
    assert diagnostics["now"][0]["continue_if_battery_full"] is True
    assert site.name not in str(diagnostics)
    cloud.faults.set("error")
    diagnostics = await get_diagnostics_for_device(hass, hass_client, loaded, of_station)
    assert diagnostics["now"] == [{"error": "EevionResponseError"}]
    await hass.config_entries.async_unload(loaded.entry_id)
    assert await get_diagnostics_for_device(hass, hass_client, loaded, of_station) == {}
