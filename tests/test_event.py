"""What happens at a station, as events; and the exceptions the cloud notes."""

from contextlib import AbstractContextManager
import copy
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State, callback
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from simulator import Cloud, World
from tests.conftest import Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def changes(hass: HomeAssistant) -> list[Event[EventStateChangedData]]:
    return async_capture_events(hass, "state_changed")


def event_types(
    changes: list[Event[EventStateChangedData]], station: Station, key: str
) -> list[str]:
    """Return the event types of an event entity, in their order."""
    entity_id = station.id("event", key)
    states = [c.data["new_state"] for c in changes if c.data["entity_id"] == entity_id]
    types = [
        (state.state, state.attributes["event_type"])
        for state in states
        if state and state.state not in ("unknown", "unavailable")
    ]
    return [kind for _, kind in dict.fromkeys(types)]


async def test_a_session(
    station: Station, world: World, changes: list[Event[EventStateChangedData]], wait: Pass
) -> None:
    world.plug_in(station.name, percent=99.5)
    await station.turn("on")
    for seconds in (6, 300, 6):
        await wait(seconds)
    world.unplug(station.name)
    await wait(6)
    assert event_types(changes, station, "session") == [
        "started",
        "charging",
        "suspended",
        "completed",
    ]
    attributes = station.state("event", "session").attributes
    assert attributes["energy_kwh"] == pytest.approx(0.3, abs=0.01)
    assert attributes["end_reason"] == "ev_disconnected"
    assert set(attributes) - {"event_type", "event_types", "friendly_name"} == {
        "session",
        "energy_kwh",
        "cost",
        "currency",
        "duration_s",
        "end_reason",
    }


async def test_what_was_before_is_no_event(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    changes: list[Event[EventStateChangedData]],
    wait: Pass,
) -> None:
    world.plug_in(station.name, card=True)
    await wait(31)
    changes.clear()
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await wait(31)
    assert [c for c in changes if c.data["entity_id"] == station.id("event", "session")]
    assert len(event_types(changes, station, "session")) <= 1, "at most the one that was restored"
    kinds = {
        s.attributes.get("event_type")
        for c in changes
        if c.data["entity_id"] == station.id("event", "session") and (s := c.data["new_state"])
    }
    assert "completed" not in kinds


async def test_two_sessions_between_two_polls(
    station: Station, world: World, changes: list[Event[EventStateChangedData]], wait: Pass
) -> None:
    world.plug_in(station.name, card=True)
    await wait(31)
    world.unplug(station.name)
    world.plug_in(station.name, card=True)
    await wait(31)
    assert event_types(changes, station, "session") == [
        "started",
        "charging",
        "completed",
        "started",
        "charging",
    ]


async def test_a_session_that_ended_while_the_cloud_was_away(
    station: Station,
    world: World,
    cloud: Cloud,
    changes: list[Event[EventStateChangedData]],
    wait: Pass,
) -> None:
    """Its event does not follow "unavailable" at once, which triggers ignore."""
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(5)
    cloud.faults.set("error")
    for _ in range(10):
        await wait(31)
    changes.clear()
    world.unplug(station.name)
    cloud.faults.clear()
    for _ in range(4):
        await wait(31)
    shown = [
        (old.state, new.attributes["event_type"])
        for change in changes
        if change.data["entity_id"] == station.id("event", "session")
        and (old := change.data["old_state"])
        and (new := change.data["new_state"])
    ]
    assert [kind for _, kind in shown] == ["charging", "completed"]
    assert [state == "unavailable" for state, _ in shown] == [True, False]


async def test_an_exception(
    station: Station, world: World, changes: list[Event[EventStateChangedData]], wait: Pass
) -> None:
    world.fault(station.name, "GroundFailure")
    await wait(301)
    assert event_types(changes, station, "exception") == ["started"]
    attributes = station.state("event", "exception").attributes
    assert (attributes["type"], attributes["description"]) == ("Faulted", "GroundFailure")
    assert station["binary_sensor.problem"] == "on"

    world.clear_fault(station.name)
    await wait(301)
    assert event_types(changes, station, "exception") == ["started", "ended"]
    assert station["binary_sensor.problem"] == "off"


async def test_a_short_exception_has_both_events(
    station: Station, world: World, changes: list[Event[EventStateChangedData]], wait: Pass
) -> None:
    world.fault(station.name)
    world.clear_fault(station.name)
    await wait(301)
    assert event_types(changes, station, "exception") == ["started", "ended"]


async def test_exceptions_show_that_a_station_is_not_connected(
    station: Station, world: World, wait: Pass
) -> None:
    world.disconnect(station.name)
    await wait(301)
    assert station["binary_sensor.connected"] == "off"
    world.connect(station.name)
    await wait(301)
    assert station["binary_sensor.connected"] == "on"


async def test_old_exceptions_are_no_events(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    changes: list[Event[EventStateChangedData]],
    wait: Pass,
) -> None:
    world.fault(station.name)
    await wait(301)
    changes.clear()
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await wait(31)
    assert station["binary_sensor.problem"] == "on"
    assert event_types(changes, station, "exception") in ([], ["started"])
    await wait(301)
    world.clear_fault(station.name)
    await wait(301)
    assert event_types(changes, station, "exception")[-1] == "ended"


async def test_exceptions_that_begin_and_end_while_the_account_is_not_loaded(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    changes: list[Event[EventStateChangedData]],
    wait: Pass,
) -> None:
    """Each has its event once after the next start; one that is over already has none."""

    async def restart() -> list[str]:
        changes.clear()
        assert await hass.config_entries.async_setup(loaded.entry_id)
        await wait(31)
        await wait(301)
        # The first state is the restored one.
        return event_types(changes, station, "exception")

    await wait(301)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    world.fault(station.name)
    assert await restart() == ["started"]
    assert await hass.config_entries.async_unload(loaded.entry_id)
    world.clear_fault(station.name)
    assert await restart() == ["started", "ended"]
    assert await hass.config_entries.async_unload(loaded.entry_id)
    world.fault(station.name)
    world.clear_fault(station.name)
    assert await restart() == ["ended"]


async def test_passing_faults_of_the_log(
    station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    world.fault(station.name)
    cloud.faults.set("error", path="/station/exceptions")
    await wait(301)
    assert station["binary_sensor.problem"] == "on", "by the station's status"
    cloud.faults.clear()
    await wait(301)
    assert station.state("event", "exception").attributes["event_type"] == "started"


def exceptions_of(cloud: Cloud, rows: list[dict[str, Any]]) -> AbstractContextManager[object]:
    """Let the cloud return these exceptions to every request."""
    return patch(
        "simulator.world.exceptions_log.ExceptionsLog.since", lambda *_: [Row(r) for r in rows]
    )


class Row:
    """An exception as the cloud words it."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row

    def as_json(self) -> dict[str, Any]:
        return self._row


@pytest.mark.parametrize(
    "begin",
    [
        {},
        {"timestamp": None},
        {"timestamp": "yesterday"},
        {"timestamp": 0},
        {"timestamp": -62135596800000},
        {"timestamp": "0001-01-01T00:00:00Z"},
        {"timestamp": "9999-12-31T23:59:59Z"},
        {"timestamp": "2025-01-01T00:00:00Z"},
        {"timestamp": 1e300},
    ],
)
async def test_an_exception_of_no_likely_begin_fires_once(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    cloud: Cloud,
    changes: list[Event[EventStateChangedData]],
    wait: Pass,
    begin: dict[str, Any],
) -> None:
    row = {"id": 1, "station_id": station.name, "type": "Offline", "end_timestamp": None} | begin
    rows = [row]
    with exceptions_of(cloud, rows):
        for _ in range(3):
            await wait(301)
        assert event_types(changes, station, "exception") == ["started"]
        assert station["binary_sensor.problem"] == "on"

        rows.clear()  # an answer that lacks it, and one that names it again
        await wait(301)
        rows.append(row)
        await wait(301)
        assert event_types(changes, station, "exception") == ["started"]
        assert station["binary_sensor.problem"] == "on"

        assert await hass.config_entries.async_reload(loaded.entry_id)
        await wait(31)
        await wait(301)
        assert station["binary_sensor.problem"] == "on"
        changes.clear()
        rows[0] = row | {"end_timestamp": 1_762_000_000_000}
        for _ in range(3):
            await wait(301)
        rows[0] = row  # an old answer
        await wait(301)
    assert event_types(changes, station, "exception") == ["ended"]
    assert station["binary_sensor.problem"] == "off"


async def test_a_begin_to_come_hides_no_other_exception(
    station: Station,
    world: World,
    cloud: Cloud,
    changes: list[Event[EventStateChangedData]],
    wait: Pass,
) -> None:
    row = {
        "id": 1,
        "station_id": station.name,
        "type": "Offline",
        "timestamp": "2027-11-01T00:00:00Z",
        "end_timestamp": "2027-11-01T01:00:00Z",
    }
    with exceptions_of(cloud, [row]):
        await wait(301)
    world.fault(station.name)
    await wait(301)
    assert event_types(changes, station, "exception") == ["started", "ended", "started"]


# What ended while nobody looked.


def completed(changes: list[Event[EventStateChangedData]], station: Station) -> list[State]:
    entity_id = station.id("event", "session")
    states = [c.data["new_state"] for c in changes if c.data["entity_id"] == entity_id]
    found = [s for s in states if s and s.attributes.get("event_type") == "completed"]
    return list({s.attributes["session"]: s for s in found if s.state != "unavailable"}.values())


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("sessions", [1, 3])
async def test_sessions_that_ended_while_the_account_was_unloaded(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    cloud: Cloud,
    changes: list[Event[EventStateChangedData]],
    freezer: FrozenDateTimeFactory,
    wait: Pass,
    is_listed: bool,
    sessions: int,
) -> None:
    cloud.settings.list_holds_ended = is_listed
    await wait(301)
    world.plug_in(station.name, card=True)
    await wait(600)
    await wait(61)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    freezer.tick(600)
    world.unplug(station.name)
    for _ in range(sessions - 1):
        freezer.tick(600)
        world.plug_in(station.name, card=True)
        freezer.tick(600)
        world.unplug(station.name)
    freezer.tick(60)
    changes.clear()
    assert await hass.config_entries.async_setup(loaded.entry_id)
    for _ in range(3):
        await wait(31)
    found = completed(changes, station)
    ended = world.ledger(station.name)
    assert [s.attributes["session"] for s in found] == [s.session_id for s in ended]
    for state, session in zip(found, ended, strict=True):
        energy_kwh = session.curve.energy_wh(session.end_ms) / 1000
        assert state.attributes["energy_kwh"] == pytest.approx(energy_kwh)
        assert state.attributes["end_reason"] == "ev_disconnected"
    kinds = {s.attributes["event_type"] for s in found}
    assert kinds == {"completed"}

    # Once, however often Home Assistant starts again.
    fired = station.state("event", "session").state
    for _ in range(2):
        assert await hass.config_entries.async_reload(loaded.entry_id)
        await wait(301)
        await wait(301)
    assert station.state("event", "session").state == fired


async def test_a_kill_before_the_event_of_a_session_that_ended_meanwhile(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    loaded: ConfigEntry,
    station: Station,
    world: World,
    changes: list[Event[EventStateChangedData]],
    freezer: FrozenDateTimeFactory,
    wait: Pass,
) -> None:
    """Home Assistant dies in its first minute: the next start has the event, and one only."""
    await wait(301)
    world.plug_in(station.name, card=True)
    await wait(600)
    await wait(61)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    freezer.tick(600)
    world.unplug(station.name)
    freezer.tick(60)
    on_disk: list[dict[str, Any]] = []
    entity_id = station.id("event", "session")

    @callback
    def keep_disk(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] == entity_id and state and state.state != "unavailable":
            on_disk.append(copy.deepcopy(hass_storage))

    stop = hass.bus.async_listen("state_changed", keep_disk)
    total = sum(s.curve.energy_wh(s.end_ms) for s in world.ledger(station.name)) / 1000
    times = []
    for _ in range(3):
        changes.clear()
        assert await hass.config_entries.async_setup(loaded.entry_id)
        for _ in range(3):
            await wait(31)
        times.append(station.state("event", "session").state)
        assert len(completed(changes, station)) == 1
        assert float(station["sensor.total_energy"]) == pytest.approx(total)
        assert await hass.config_entries.async_unload(loaded.entry_id)
        if len(times) == 1:
            hass_storage.clear()
            hass_storage.update(on_disk[-1])
    stop()
    assert times[0] != times[1] == times[2]


async def test_a_session_that_goes_on_over_a_restart_completes_once(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    changes: list[Event[EventStateChangedData]],
    wait: Pass,
) -> None:
    world.plug_in(station.name, card=True)
    await wait(600)
    await wait(61)
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await wait(31)
    assert not completed(changes, station)
    world.unplug(station.name)
    for _ in range(4):
        await wait(31)
    entity_id = station.id("event", "session")
    times = {
        c.data["new_state"].state
        for c in changes
        if c.data["entity_id"] == entity_id
        and c.data["new_state"]
        and c.data["new_state"].attributes.get("event_type") == "completed"
    }
    assert len(times) == 1


async def test_what_ended_before_the_installation_is_no_event(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    changes: list[Event[EventStateChangedData]],
    freezer: FrozenDateTimeFactory,
    wait: Pass,
) -> None:
    station = Station(hass, world, world.stations[0].name)
    world.plug_in(station.name, card=True)
    freezer.tick(600)
    world.unplug(station.name)
    freezer.tick(60)
    assert await hass.config_entries.async_setup(entry.entry_id)
    for _ in range(3):
        await wait(31)
    assert not completed(changes, station)
