"""Two stations of one name at two sites: each has its own figures."""

from datetime import UTC, datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import Cloud, Settings, World
from simulator.charging.station import Station
from tests.calls import ask, device
from tests.conftest import API_KEY, Pass

NAME = "Left"


pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=2, stations=4, seed=7, history_days=10)


@pytest.fixture
def cloud(cloud: Cloud) -> Cloud:
    """Let a station of each site have the same name, which the simulator itself refuses."""
    world = cloud.world()
    for site in world.sites:
        site.stations[0].name = NAME
    # Commands by name reach the first.
    world._by_name[NAME] = world.sites[0].stations[0]
    return cloud


@pytest.fixture
def twins(world: World) -> list[Station]:
    return [site.stations[0] for site in world.sites]


def delivered(station: Station) -> float:
    """Return the kWh of a station's ended sessions by the simulator's own books."""
    ended = [s for s in station.ledger if s.end_ms]
    return sum(s.curve.energy_wh(s.end_ms) for s in ended) / 1000


def state(hass: HomeAssistant, station: Station, platform: str, key: str) -> str:
    entity_id = er.async_get(hass).async_get_entity_id(
        platform, "eevion", f"{station.port_id}_{key}"
    )
    return hass.states.get(entity_id).state


async def test_each_begins_at_its_own_lifetime_figure(
    hass: HomeAssistant, loaded: ConfigEntry, twins: list[Station], wait: Pass
) -> None:
    await wait(2)
    energies = [delivered(station) for station in twins]
    assert energies[0] != energies[1]
    assert [float(state(hass, s, "sensor", "total_energy")) for s in twins] == energies


async def test_each_is_compared_with_its_own_figure(
    hass: HomeAssistant, loaded: ConfigEntry, twins: list[Station], wait: Pass
) -> None:
    await wait(2)
    for _ in range(2):
        await wait(86400 * 1.1)
        await wait(31)
    ledgers = loaded.runtime_data.coordinator.accounting.ledgers
    assert [ledgers[station.port_id].missed.energy for station in twins] == [0, 0]
    energies = [delivered(station) for station in twins]
    assert [float(state(hass, s, "sensor", "total_energy")) for s in twins] == energies


async def test_actions_return_data_of_the_selected_station(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, twins: list[Station]
) -> None:
    now_ms = world.timeline.now_ms
    for station in twins:
        world.exceptions.start(station, "Faulted", station.port_id, now_ms)
    since = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=9)
    for station in twins:
        meant = {"device_id": device(hass, loaded, station.port_id)}
        found = await ask(hass, "get_sessions", **meant, updated_since=since)
        assert found["sessions"]
        assert {s["port_id"] for s in found["sessions"]} == {station.port_id}
        report = await ask(hass, "get_report", **meant, start=since)
        assert [row["site_id"] for row in report["rows"]] == [station.site.site_id]
        assert report["total"] is report["average"] is None
        faults = await ask(hass, "get_exceptions", **meant)
        assert [e["description"] for e in faults["exceptions"]] == [station.port_id]


async def test_a_command_by_a_shared_name_is_not_sent(
    hass: HomeAssistant, loaded: ConfigEntry, twins: list[Station], cloud: Cloud, world: World
) -> None:
    """The name is ambiguous for the cloud; the other stations get their command."""
    other = next(s for s in world.stations if s not in twins and s.lifecycle == "active")
    cloud.requests.clear()
    entities = er.async_get(hass)

    def entity(station: Station, platform: str, key: str) -> str | None:
        return entities.async_get_entity_id(platform, "eevion", f"{station.port_id}_{key}")

    for domain, service, key, data in (
        ("switch", "turn_on", "charging", {}),
        ("number", "set_value", "charging_limit", {"value": 10}),
        ("switch", "turn_off", "in_service", {}),
        ("button", "press", "reset", {}),
        ("notify", "send_message", "message", {"message": "Hello"}),
    ):
        with pytest.raises(ServiceValidationError) as error:
            await hass.services.async_call(
                domain, service, data | {"entity_id": entity(twins[1], domain, key)}, blocking=True
            )
        assert error.value.translation_key == "name_shared"
    commands = [r for r in cloud.requests if r.path.endswith(("-management", "/manage"))]
    assert not commands
    assert not any("stationId" in (r.body or {}) for r in cloud.requests)

    for action, data, path in (
        ("set_charging_limit", {"amps": 10}, "/energy-management"),
        ("set_message", {"message": "Hello"}, "/manage"),
        ("manage_stations", {"is_private": True}, "/manage"),
    ):
        entity_ids = [entity(s, "switch", "charging") for s in (*twins, other)]
        with pytest.raises(ServiceValidationError, match="called Left"):
            await hass.services.async_call(
                "eevion", action, data | {"entity_id": entity_ids}, blocking=True
            )
        [*_, request] = [r for r in cloud.requests if r.path.endswith(path)]
        body = request.body
        names = body["stationIds"] if "stationIds" in body else [row["stationId"] for row in body]
        assert names == [other.name]


async def test_a_stop_goes_by_the_session(
    hass: HomeAssistant, loaded: ConfigEntry, twins: list[Station], wait: Pass, world: World
) -> None:
    first, second = twins
    for twin in twins:
        world._by_name[NAME] = twin
        world.plug_in(NAME, card=True)
    await wait(31)
    await hass.services.async_call(
        "switch",
        "turn_off",
        {
            "entity_id": er.async_get(hass).async_get_entity_id(
                "switch", "eevion", f"{second.port_id}_charging"
            )
        },
        blocking=True,
    )
    assert first.session is not None
    assert second.session is None
    with pytest.raises(ServiceValidationError, match="Choose the device"):
        await hass.services.async_call(
            "eevion", "stop_session", {"stations": [NAME]}, blocking=True
        )
    assert first.session is not None


async def test_each_has_its_own_exceptions(
    hass: HomeAssistant, loaded: ConfigEntry, twins: list[Station], wait: Pass, world: World
) -> None:
    world._by_name[NAME] = twins[1]
    world.exceptions.start(twins[1], "Offline", "No heartbeats", world.advance())
    await wait(301)
    assert [state(hass, twin, "binary_sensor", "problem") for twin in twins] == ["off", "on"]
    assert state(hass, twins[0], "event", "exception") == "unknown"
    world.exceptions.end(twins[1], "Offline", world.advance())
    await wait(301)
    assert [state(hass, twin, "binary_sensor", "problem") for twin in twins] == ["off", "off"]


async def test_a_ticket_names_the_site_of_the_station(
    hass: HomeAssistant, loaded: ConfigEntry, twins: list[Station], world: World
) -> None:
    entity_id = er.async_get(hass).async_get_entity_id(
        "switch", "eevion", f"{twins[1].port_id}_charging"
    )
    await hass.services.async_call(
        "eevion", "create_ticket", {"entity_id": entity_id, "message": "It hums"}, blocking=True
    )
    (ticket,) = world.tickets
    assert ticket == {"stationNames": [NAME], "message": f"It hums\n\n{NAME}: {twins[1].port_id}"}
