"""One session, one station, one site from the cloud, and the session that a start begins."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Cloud, Settings, World
from tests.calls import act, ask, device
from tests.conftest import API_KEY, Pass
from tests.handmade import HandMadeCloud, session, site

FIRST, SECOND, ALONE = "2133", "2225_A", "2134"


@pytest.fixture
def settings() -> Settings:
    """Two sites; the second one has one station."""
    return Settings(keys=(API_KEY,), sites=2, stations=3, seed=7)


async def test_a_start_answers_its_session(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    world.plug_in(FIRST)
    answer = await ask(hass, "start_session", stations=FIRST)
    (real,) = world.ledger(FIRST)
    assert answer["session_id"] == real.session_id
    (found,) = answer["sessions"]
    assert found["session_id"] == real.session_id
    assert found["station"] == FIRST
    assert found["site"] == world.sites[0].name
    again = await ask(hass, "start_session", stations=FIRST)
    assert again["session_id"] == real.session_id, "the active one; no second is started"
    assert len(world.ledger(FIRST)) == 1


async def test_a_start_of_several(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    for name in (FIRST, ALONE):
        world.plug_in(name)
    answer = await ask(hass, "start_session", stations=[FIRST, ALONE])
    assert answer["session_id"] is None
    assert {found["station"]: found["session_id"] for found in answer["sessions"]} == {
        name: world.ledger(name)[0].session_id for name in (FIRST, ALONE)
    }
    with pytest.raises(ServiceValidationError, match="No vehicle"):
        await ask(hass, "start_session", stations=[FIRST, SECOND])


async def test_a_start_needs_no_answer(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    world.plug_in(FIRST)
    await act(hass, "start_session", stations=FIRST)
    assert len(world.ledger(FIRST)) == 1


async def test_a_session(
    hass: HomeAssistant, loaded: MockConfigEntry, cloud: Cloud, world: World, wait: Pass
) -> None:
    cloud.settings.list_holds_ended = False
    world.plug_in(FIRST, card=True)
    await wait(600)
    (listed,) = (await ask(hass, "get_sessions"))["sessions"]
    found = await ask(hass, "get_session", session_id=f" {listed['session_id']} ")
    assert found.keys() == listed.keys()
    assert found["energy_kwh"] == listed["energy_kwh"] > 0
    assert (found["station"], found["site"]) == (FIRST, world.sites[0].name)
    world.unplug(FIRST)
    await wait(60)
    assert not (await ask(hass, "get_sessions"))["sessions"]
    ended = await ask(hass, "get_session", session_id=listed["session_id"], stations=FIRST)
    assert ended["status"] == "complete"
    assert ended["end_reason"] == "ev_disconnected"
    assert json.dumps(ended)


@pytest.mark.parametrize("unknown", ["668efa48c6e5be053c54c244", "../site", "..", "a/b?c=d#e", "é"])
async def test_a_session_that_is_unknown(
    hass: HomeAssistant, loaded: MockConfigEntry, unknown: str
) -> None:
    with pytest.raises((ServiceValidationError, HomeAssistantError)) as raised:
        await ask(hass, "get_session", session_id=unknown)
    assert raised.value.translation_key in {"unknown_session", "question_refused", "bad_response"}


async def test_a_session_of_another_station(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    world.plug_in(FIRST)
    session_id = (await ask(hass, "start_session", stations=FIRST))["session_id"]
    with pytest.raises(ServiceValidationError, match="no session"):
        await ask(hass, "get_session", session_id=session_id, stations=ALONE)


async def test_a_session_of_a_site_that_is_left_out(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    world.plug_in(ALONE)
    session_id = (await ask(hass, "start_session", stations=ALONE))["session_id"]
    hass.config_entries.async_update_entry(
        loaded,
        options={"excluded_sites": [world.sites[1].site_id], "inactive_stations": False},
    )
    assert await hass.config_entries.async_reload(loaded.entry_id)
    with pytest.raises(ServiceValidationError, match="no session"):
        await ask(hass, "get_session", session_id=session_id)


async def test_a_station(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    world.plug_in(FIRST, card=True)
    world.fault(FIRST)
    await wait(301)
    found = await ask(hass, "get_station", stations=FIRST)
    real = world.station(FIRST)
    assert (found["station"], found["port_id"]) == (FIRST, real.port_id)
    assert (found["site"], found["site_id"]) == (real.site.name, real.site.site_id)
    assert found["model"] == real.model.name
    assert found["power_kw"] == real.model.volts * real.model.amps / 1000
    assert found["level"] == 2
    assert found["connectors"] == [5]
    assert found["restriction"] == real.restriction
    assert found["currency"] == "CAD"
    assert found["latitude"] == real.site.address.lat
    assert found["session"]["session_id"] == world.ledger(FIRST)[0].session_id
    assert found["exceptions"][0]["is_open"] is True
    assert "continue_if_battery_full" in found
    assert "ports" not in found
    assert json.dumps(found)
    by_device = await ask(hass, "get_station", device_id=device(hass, loaded, real.port_id))
    assert by_device["port_id"] == real.port_id


async def test_one_station_at_a_time(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    for target in ({}, {"stations": [FIRST, ALONE]}):
        with pytest.raises(ServiceValidationError, match="Choose one station"):
            await ask(hass, "get_station", **target)
    alone = await ask(hass, "get_station", device_id=device(hass, loaded, world.sites[1].site_id))
    assert alone["station"] == ALONE


async def test_a_site(hass: HomeAssistant, loaded: MockConfigEntry, world: World) -> None:
    real = world.sites[0]
    expected = {station.port_id for station in real.stations}
    entity_id = er.async_get(hass).async_get_entity_id(
        "sensor", "eevion", f"{real.site_id}_available_stations"
    )
    for target in (
        {"site": real.site_id},
        {"site": real.name},
        {"site": device(hass, loaded, real.site_id)},
        {"device_id": device(hass, loaded, real.site_id)},
        {"entity_id": entity_id},
        {"stations": FIRST},
    ):
        found = await ask(hass, "get_site", **target)
        assert (found["site"], found["site_id"]) == (real.name, real.site_id)
        assert (found["latitude"], found["longitude"]) == (real.address.lat, real.address.long)
        assert (found["street"], found["city"]) == (real.address.street.strip(), real.address.city)
        assert found["continue_if_battery_full"] == real.address.continue_if_battery_full
        assert found["updated_at"]
        assert {station["port_id"] for station in found["stations"]} == expected
        assert found["is_complete"] is True
    assert found["stations"][0].keys() >= {"status", "power_kw", "restriction", "price"}


async def test_a_site_with_a_station_that_has_no_device(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    world.set_lifecycle(FIRST, "coming soon")
    for _ in range(4):
        await wait(31)
    found = await ask(hass, "get_site", site=world.sites[0].site_id)
    assert {one["station"]: one["status"] for one in found["stations"]} == {
        FIRST: "coming_soon",
        SECOND: "available",
    }


async def test_one_site_at_a_time(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    for target in ({}, {"stations": [FIRST, ALONE]}):
        with pytest.raises(ServiceValidationError, match="Choose one site"):
            await ask(hass, "get_site", **target)
    with pytest.raises(ServiceValidationError, match="no site Nowhere"):
        await ask(hass, "get_site", site="Nowhere")


@pytest.mark.parametrize("action", ["get_session", "get_station", "get_site"])
async def test_the_cloud_fails(
    hass: HomeAssistant, loaded: MockConfigEntry, cloud: Cloud, action: str
) -> None:
    cloud.faults.set("error")
    data = {"session_id": "S"} if action == "get_session" else {}
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, action, stations=FIRST, **data)
    assert raised.value.translation_domain == "eevion"


@pytest.fixture
def hand() -> HandMadeCloud:
    hand = HandMadeCloud()
    hand.sites = 200, [site("P1", status="available")]
    return hand


async def test_what_is_gone_meanwhile(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    gone = 400, {"result": "error", "error": "invalidRequest", "message": "It is not allowed"}
    hand.others = {"/station/P1": gone, "/site/site": gone}
    with pytest.raises(ServiceValidationError, match="no station P1"):
        await ask(hass, "get_station")
    with pytest.raises(ServiceValidationError, match="no site Home"):
        await ask(hass, "get_site")


async def test_an_answer_about_another_station_of_the_name(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    port = site("P2", status="available")["ports"][0] | {"displayName": "P1"}
    hand.others["/station/P1"] = 200, port | {"location": site("P1")}
    with pytest.raises(ServiceValidationError, match="Several stations of this account"):
        await ask(hass, "get_station")


@pytest.mark.parametrize(
    "odd",
    [None, True, -1, 10**400, "x" * 100_000, [[]], {"x": {}}, float("nan"), "\ud800", 0],
    ids=lambda value: repr(value)[:9],
)
async def test_odd_answers(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, odd: Any
) -> None:
    """Each field but the ids is anything; the answer is still one that can be sent."""
    whole = site("P1")
    port = whole["ports"][0]
    fields = "connectors level tariffTimeSlots kW volts model dateAdded restriction amps status"
    fields += " chargingCost chargingCostUnit chargingCostId isSharedPower updatedAt currency"
    place = "name lat long street streetNum city state country zip dateAdded updatedAt"
    place += " continue_if_battery_full"
    port |= dict.fromkeys(fields.split(), odd)
    whole |= dict.fromkeys(place.split(), odd)
    hand.others = {"/station/P1": (200, port | {"location": whole}), "/site/site": (200, whole)}
    one = session("S", "P1")
    kept = {"sessionId", "portId", "stationId"}
    hand.lookups["S"] = 200, {key: value if key in kept else odd for key, value in one.items()}
    for action, data in (
        ("get_station", {}),
        ("get_site", {}),
        ("get_session", {"session_id": "S"}),
    ):
        answer = await ask(hass, action, **data)
        text = json.dumps(answer, allow_nan=False)
        assert len(text) < 12_000
        text.encode()
