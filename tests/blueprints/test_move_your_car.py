"""The blueprint that notifies people to move their car."""

import re
from typing import Any

from homeassistant.components.persistent_notification import (
    _async_get_or_create_notifications as notifications,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from simulator import Settings, World
from tests.blueprints.conftest import Automate
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

RUNS_OUT_WH = 200
"""So much fits into the batteries here."""


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=5, seed=7)


@pytest.fixture(autouse=True)
async def sidebar(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "persistent_notification", {})


@pytest.fixture
def costly(stations: list[Station], world: World) -> Station:
    """Return a station whose tariff has an idle fee after ten minutes."""
    names = [
        name for station in world.stations if (name := station.name) and station.tariff.idle_fee
    ]
    return next(station for station in stations if station.name == names[0])


def plug_in(world: World, station: Station) -> None:
    world.plug_in(station.name, battery_wh=RUNS_OUT_WH, percent=0, max_w=7200, card=True)


async def pass_minutes(wait: Pass, minutes: int) -> None:
    for _ in range(minutes * 2):
        await wait(30)


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
@pytest.mark.parametrize(
    ("knows_fee", "language", "ending"),
    [
        (True, "en", " minutes. The idle fee runs: 0.40 CAD per minute."),
        (False, "en", " minutes. The idle fee runs: 0.40 CAD per minute."),
        (True, "es", " minutos. El cargo por inactividad ya corre: 0,40 CAD por minuto."),
        (False, "fr", " minutes. Les frais d'inactivité courent : 0,40 CAD par minute."),
    ],
)
async def test_the_fee(
    hass: HomeAssistant,
    automate: Automate,
    devices: dict[str, str],
    costly: Station,
    world: World,
    wait: Pass,
    entity_registry: Any,
    knows_fee: bool,
    language: str,
    ending: str,
) -> None:
    """Whether or not the sensor for the present fee is enabled."""
    if not knows_fee:
        entity_registry.async_update_entity(
            costly.id("sensor", "idle_fee"), disabled_by=er.RegistryEntryDisabler.USER
        )
        await hass.async_block_till_done()
    calls = async_mock_service(hass, "notify", "send_message")
    inputs = {"stations": list(devices.values()), "notify": ["notify.phone"], "only_fee": True}
    inputs |= {"show": False, "language": language}
    await automate(("move_your_car", inputs))
    plug_in(world, costly)
    await pass_minutes(wait, 10)
    assert not calls
    await pass_minutes(wait, 5)
    assert len(calls) == 1
    assert calls[0].data["entity_id"] == ["notify.phone"]
    message = calls[0].data["message"]
    assert re.match(f"Station {costly.name} ?: ", message)
    assert message.endswith(ending)
    await pass_minutes(wait, 30)
    assert len(calls) == 2
    world.unplug(costly.name)
    await pass_minutes(wait, 60)
    assert len(calls) == 2


async def test_full(
    hass: HomeAssistant,
    automate: Automate,
    devices: dict[str, str],
    stations: list[Station],
    world: World,
    wait: Pass,
) -> None:
    """Two cars at once, at stations without an idle fee."""
    inputs = {"stations": list(devices.values()), "patience": 10, "remind": 20}
    await automate(("move_your_car", inputs))
    for station in stations[:2]:
        plug_in(world, station)
    await pass_minutes(wait, 11)
    assert not notifications(hass)
    await pass_minutes(wait, 3)
    found = notifications(hass)
    assert len(found) == 2
    for station in stations[:2]:
        notification = found[f"eevion_move_{devices[station.name]}"]
        assert notification["title"] == "Move your car"
        assert re.fullmatch(
            f"Station {station.name}: the car has taken no energy for 1[01] minutes."
            " No idle fee is known.",
            notification["message"],
        )
    await pass_minutes(wait, 20)
    assert all(re.search(" 3[01] minutes", n["message"]) for n in notifications(hass).values())


async def test_actions(
    hass: HomeAssistant,
    automate: Automate,
    devices: dict[str, str],
    costly: Station,
    world: World,
    wait: Pass,
) -> None:
    calls = async_mock_service(hass, "test", "tell")
    names = (
        "title",
        "message",
        "station",
        "device",
        "reason",
        "minutes",
        "fee",
        "unit",
        "currency",
    )
    action = {"action": "test.tell", "data": {name: f"{{{{ {name} }}}}" for name in names}}
    inputs = {"stations": [devices[costly.name]], "remind": 0, "show": False, "actions": [action]}
    await automate(("move_your_car", inputs))
    plug_in(world, costly)
    await pass_minutes(wait, 60)
    assert not notifications(hass)
    assert [call.data["reason"] for call in calls] == ["full", "fee"]
    first = dict(calls[0].data)
    assert first.pop("message").endswith("0.40 CAD per minute will run, or runs already.")
    assert first.pop("minutes") in (5, 6)
    assert first == {
        "title": "Move your car",
        "station": f"Station {costly.name}",
        "device": devices[costly.name],
        "reason": "full",
        "fee": 0.4,
        "unit": "minute",
        "currency": "CAD",
    }


async def test_a_pause_by_the_station_does_not_count(
    hass: HomeAssistant,
    automate: Automate,
    devices: dict[str, str],
    station: Station,
    world: World,
    wait: Pass,
) -> None:
    await automate(("move_your_car", {"stations": [devices[station.name]]}))
    world.plug_in(station.name, card=True)
    await wait(31)
    await station.limit(0)
    await pass_minutes(wait, 60)
    assert station["sensor.connector_status"] == "suspended_evse"
    assert not notifications(hass)


async def test_conditions(
    hass: HomeAssistant,
    automate: Automate,
    devices: dict[str, str],
    station: Station,
    world: World,
    wait: Pass,
) -> None:
    hass.states.async_set("input_boolean.tell", "off")
    condition = {"condition": "state", "entity_id": "input_boolean.tell", "state": "on"}
    inputs = {"stations": [devices[station.name]], "conditions": [condition], "remind": 10}
    await automate(("move_your_car", inputs))
    plug_in(world, station)
    await pass_minutes(wait, 20)
    assert not notifications(hass)
    hass.states.async_set("input_boolean.tell", "on")
    await pass_minutes(wait, 11)
    assert notifications(hass)


@pytest.mark.parametrize("state", ["away", "removed"])
async def test_a_station_that_is_not_there(
    hass: HomeAssistant,
    automate: Automate,
    devices: dict[str, str],
    station: Station,
    world: World,
    wait: Pass,
    state: str,
) -> None:
    await automate(("move_your_car", {"stations": [devices[station.name], "gone"]}))
    if state == "away":
        world.disconnect(station.name)
    else:
        world.remove_station(station.name, forget=True)
    await pass_minutes(wait, 10)
    assert not notifications(hass)
