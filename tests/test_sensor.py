"""What sensors tell beyond the newest answer."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import Cloud, Settings, World
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

LAST_SESSION = (
    "session_energy",
    "session_cost",
    "session_duration",
    "session_start",
    "session_status",
    "end_reason",
    "tariff",
)


pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings() -> Settings:
    return Settings(
        keys=(API_KEY,), sites=1, stations=2, seed=7, list_holds_ended=False, history_days=20
    )


async def restart(hass: HomeAssistant, loaded: ConfigEntry) -> None:
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_the_last_session_outlives_a_restart(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    """Also where the cloud lists it no more; until the next one begins."""
    station = Station(hass, world, world.stations[0].name)
    world.plug_in(station.name)
    await station.turn("on")
    await wait(6)
    await wait(3600)
    world.unplug(station.name)
    await wait(6)
    before = [station.state("sensor", key) for key in LAST_SESSION]
    assert before[0].state not in ("unknown", "0")

    await wait(9 * 86400)
    await restart(hass, loaded)
    for state in before:
        after = hass.states.get(state.entity_id)
        assert after
        assert (after.state, after.attributes) == (state.state, state.attributes)

    world.plug_in(station.name)
    await station.turn("on")
    assert station["sensor.session_status"] == "authorizing"
    assert station["sensor.end_reason"] == "none"


async def test_site_totals(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    await wait(2)
    await wait(2)
    site = world.sites[0].site_id
    total = er.async_get(hass).async_get_entity_id("sensor", "eevion", f"{site}_total_energy")
    assert total
    stations = [Station(hass, world, station.name) for station in world.stations]

    def of_stations() -> float:
        return sum(float(station["sensor.total_energy"]) for station in stations)

    def of_site() -> float:
        state = hass.states.get(total)
        assert state
        return float(state.state)

    assert of_site() == pytest.approx(of_stations())
    before = of_site()
    assert before > 0

    # A station that joins brings its past, which is not the site's present.
    name = "new"
    world.add_station(name)
    world.plug_in(name, card=True)
    await wait(3600)
    world.unplug(name)
    for _ in range(3):
        await wait(301)
    delivered = float(Station(hass, world, name)["sensor.total_energy"])
    assert delivered > 1
    assert of_site() - before <= delivered + 1e-6

    world.remove_station(stations[0].name)
    for _ in range(4):
        await wait(31)
    assert of_site() >= before


async def test_attributes_of_a_session(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    """Tariff with fees, taxes, session limits, grace period, and demand response in a row."""
    station = Station(hass, world, world.stations[0].name)
    world.set_session_limit(station.name, 7200)
    world.demand_response(station.name, 3000, lasts_s=3600)
    world.demand_response(station.name, 4000, kind="loadSharing")
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(60)
    assert station["binary_sensor.demand_response"] == "on"
    assert station["sensor.demand_response_limit"] == "3.0"
    events = station.state("binary_sensor", "demand_response").attributes["events"]
    assert [(event["state"], event["power_limit_kw"]) for event in events] == [
        ("active", 3),
        ("queued", 4),
    ]
    limits = station.state("sensor", "session_duration").attributes["limits"]
    assert limits == [{"type": "sessionTime", "value": 7200}]
    assert station.state("sensor", "session_cost").attributes["taxes"]
    assert station.state("binary_sensor", "idle").attributes["grace_period"] is False
    assert station.state("sensor", "tariff").attributes["occupancy_fee"]["unit"] == "hour"


async def test_the_duration_is_written_once_a_minute(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, cloud: Cloud, wait: Pass
) -> None:
    """While a car charges, in full minutes, and not at all while none does."""
    cloud.settings.meter_interval_s = 60
    station = Station(hass, world, world.stations[0].name)
    entity_id = station.id("sensor", "session_duration")
    written: list[str] = []

    @callback
    def record(event: Event[EventStateChangedData]) -> None:
        if event.data["entity_id"] == entity_id and (state := event.data["new_state"]):
            written.append(state.state)

    hass.bus.async_listen("state_changed", record)
    world.plug_in(station.name, card=True)
    await wait(31)
    for _ in range(180):
        await wait(5)
    assert 14 <= len(written) <= 17
    assert written[-1] in ("15.0", "16.0")
    world.unplug(station.name)
    for _ in range(3):
        await wait(5)
    written.clear()
    ended = float(station["sensor.session_duration"])
    session = world.ledger(station.name)[-1]
    assert session.end_ms
    assert session.start_ms
    assert ended == (session.end_ms - session.start_ms) // 60_000
    for _ in range(20):
        await wait(31)
    assert not written
