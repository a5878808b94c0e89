"""Two stations of one name at two sites: each has its own figures."""

from datetime import UTC, datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import Cloud, Settings, World
from simulator.station import Station
from tests.actions import ask, device
from tests.conftest import API_KEY, Pass

NAME = "Left"


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
    accounts = loaded.runtime_data.coordinator.accounting.accounts
    assert [accounts[station.port_id].missed.energy for station in twins] == [0, 0]
    energies = [delivered(station) for station in twins]
    assert [float(state(hass, s, "sensor", "total_energy")) for s in twins] == energies


async def test_actions_answer_for_the_station_that_is_meant(
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
