"""Faults of the cloud that pass, and those that last: what is shown, logged and sent meanwhile."""

from collections.abc import Callable
import logging
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.api import EevionRateLimitError
from simulator import Cloud, World
from tests.conftest import Pass
from tests.helpers import Station

POLL_S = 31
ONE_BAD_ANSWER: dict[str, dict[str, Any]] = {
    "gateway": {"kind": "error", "status": 502},
    "server error": {"kind": "error", "status": 500},
    "forbidden": {"kind": "forbidden"},
    "html": {"kind": "html"},
    "truncated": {"kind": "truncated"},
    "unauthorized": {"kind": "unauthorized"},
    "dropped": {"kind": "drop"},
}


@pytest.fixture
def lost(hass: HomeAssistant) -> list[str]:
    """Return the entities that become unavailable, as they do."""
    found: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if (state := event.data["new_state"]) and state.state == STATE_UNAVAILABLE:
            found.append(state.entity_id)

    hass.bus.async_listen("state_changed", note)
    return found


type Logged = Callable[[], list[str]]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Logged:
    """Return the levels of the records of the integration above DEBUG."""
    caplog.set_level(logging.INFO)
    return lambda: [
        record.levelname
        for record in caplog.records
        if record.name.startswith("custom_components.eevion") and record.levelno >= logging.INFO
    ]


def flows(hass: HomeAssistant) -> int:
    return len(hass.config_entries.flow.async_progress_by_handler("eevion"))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("path", ["/site", "/session"])
@pytest.mark.parametrize("fault", ONE_BAD_ANSWER.values(), ids=ONE_BAD_ANSWER)
async def test_a_bad_answer_or_two(
    hass: HomeAssistant,
    cloud: Cloud,
    station: Station,
    wait: Pass,
    lost: list[str],
    logged: Logged,
    fault: dict[str, Any],
    path: str,
    count: int,
) -> None:
    """Nothing becomes unavailable, nothing is logged, and the next poll comes soon."""
    cloud.faults.set(**fault, path=path, count=count)
    await wait(POLL_S)
    cloud.requests.clear()
    for _ in range(2):
        await wait(6)
    assert not cloud.faults.active
    if (fault["kind"], count) != ("drop", 1):  # which is sent again at once
        paths = [request.path.rpartition("/")[2] for request in cloud.requests]
        assert paths[-2:] == ["site", "session"]
    assert not flows(hass)
    assert not lost
    assert not logged()


async def test_a_poll_whose_pause_is_over_at_once(
    loaded: ConfigEntry, cloud: Cloud, station: Station, wait: Pass, lost: list[str]
) -> None:
    """Polls go on, though there is nothing to wait for."""
    refused = EevionRateLimitError("No request is left", retry_after=0)
    client = loaded.runtime_data.coordinator.client
    with patch.object(client, "list_sessions", side_effect=refused) as listed:
        await wait(POLL_S)
    assert listed.called
    cloud.requests.clear()
    await wait(5)
    assert [r for r in cloud.requests if r.path.endswith("/session")]
    assert not lost


async def test_each_tenth_answer_is_bad(
    hass: HomeAssistant,
    cloud: Cloud,
    world: World,
    station: Station,
    wait: Pass,
    lost: list[str],
    logged: Logged,
) -> None:
    """For twenty minutes in which a car charges."""
    world.plug_in(station.name, card=True)
    await wait(POLL_S)
    for number in range(240):
        if number % 5 == 0:
            cloud.faults.fail_next("error", path=("/session", "/site")[number % 2])
        await wait(5)
    assert station["binary_sensor.charging"] == "on"
    assert not lost
    assert not logged()


async def test_data_are_kept_for_three_minutes(
    hass: HomeAssistant,
    cloud: Cloud,
    station: Station,
    wait: Pass,
    logged: Logged,
    loaded: ConfigEntry,
) -> None:
    await loaded.runtime_data.coordinator.async_refresh()
    cloud.faults.set("error")
    seconds = 0
    while station["sensor.status"] != STATE_UNAVAILABLE:
        assert seconds < 250
        await wait(1)
        seconds += 1
    assert 175 <= seconds <= 215
    assert logged() == ["ERROR"]
    cloud.faults.clear()
    for _ in range(6):
        await wait(60)
    assert station["sensor.status"] == "available"
    assert logged() == ["ERROR", "INFO"]


async def test_sessions_go_on_while_the_sites_fail(
    hass: HomeAssistant, cloud: Cloud, world: World, station: Station, wait: Pass
) -> None:
    cloud.faults.set("error", path="/site")
    world.plug_in(station.name, card=True)
    await wait(POLL_S)
    await wait(6)
    assert station["binary_sensor.charging"] == "on"
    assert station["sensor.status"] == "available"


async def test_a_command_leaves_during_a_passing_fault(
    hass: HomeAssistant, cloud: Cloud, world: World, station: Station, wait: Pass
) -> None:
    """Home Assistant silently drops commands to unavailable entities."""
    world.plug_in(station.name)
    cloud.faults.set("error", path="/site")
    cloud.faults.set("html", path="/session", method="GET")
    for _ in range(3):
        await wait(POLL_S)
    await station.turn("on")
    await station.limit(10)
    assert station["switch.charging"] == "on"
    assert station["number.charging_limit"] == "10"
    cloud.faults.clear()
    await wait(6)
    await wait(6)
    cloud.faults.set("error", path="/site")
    await wait(6)
    await station.turn("off")
    assert world.ledger(station.name)[-1].end_ms


async def test_the_status_follows_the_switch_at_once(
    hass: HomeAssistant, cloud: Cloud, world: World, station: Station, wait: Pass
) -> None:
    """Status and switch change together, whether or not the list holds what has ended."""
    pairs: list[tuple[str, str]] = []

    @callback
    def note(_: Event[EventStateChangedData]) -> None:
        pair = station["switch.charging"], station["sensor.status"]
        if not pairs or pairs[-1] != pair:
            pairs.append(pair)

    for holds_ended in (True, False):
        cloud.settings.list_holds_ended = holds_ended
        await wait(POLL_S)
        world.plug_in(station.name, card=True)
        world.advance()
        for _ in range(8):
            await wait(5)
        assert (station["switch.charging"], station["sensor.status"]) == ("on", "in_use")
        world.unplug(station.name)
        before = len(cloud.requests)
        await wait(5)
        seen = (station["switch.charging"], station["sensor.status"])
        assert seen == ("off", "available"), holds_ended
        polls = [r for r in list(cloud.requests)[before:] if r.path.endswith("/site")]
        assert len(polls) <= 2


async def test_one_refusal_of_the_key(
    hass: HomeAssistant,
    cloud: Cloud,
    station: Station,
    loaded: ConfigEntry,
    wait: Pass,
    lost: list[str],
    logged: Logged,
) -> None:
    """All requests of one poll are refused: it is tried again some seconds later."""
    cloud.faults.set("unauthorized")
    await wait(POLL_S)
    cloud.faults.clear()
    requests = len(cloud.requests)
    await wait(5)
    assert len(cloud.requests) > requests
    await wait(POLL_S)
    assert not flows(hass)
    assert not lost
    assert not logged()


async def test_a_key_that_is_refused_for_a_while(
    hass: HomeAssistant, cloud: Cloud, station: Station, wait: Pass, logged: Logged
) -> None:
    """Any request that is accepted ends the reauthentication."""
    cloud.faults.set("unauthorized")
    await wait(POLL_S)
    await wait(5)
    assert flows(hass) == 1
    assert station["sensor.status"] == STATE_UNAVAILABLE
    cloud.faults.clear()
    await wait(301)
    assert not flows(hass)
    assert station["sensor.status"] == "available"
    requests = len(cloud.requests)
    await wait(POLL_S)
    assert len(cloud.requests) > requests
    assert logged() == ["ERROR", "INFO"]


async def test_a_command_that_is_refused_once_with_its_key(
    hass: HomeAssistant, cloud: Cloud, world: World, station: Station, wait: Pass
) -> None:
    world.plug_in(station.name)
    cloud.faults.set("unauthorized", path="/session", method="PATCH", count=1)
    await station.turn("on")
    await wait(6)
    with pytest.raises(HomeAssistantError):
        await station.turn("off")
    await wait(6)
    assert not flows(hass)
    await station.turn("off")
    assert station["switch.charging"] == "off"


async def test_a_key_that_is_refused_once_at_set_up(
    hass: HomeAssistant, cloud: Cloud, entry: MockConfigEntry
) -> None:
    cloud.faults.set("unauthorized", count=2)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED
    assert not flows(hass)


async def test_a_key_that_is_wrong_at_set_up(
    hass: HomeAssistant, cloud: Cloud, entry: MockConfigEntry
) -> None:
    cloud.faults.set("unauthorized")
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert flows(hass) == 1


@pytest.mark.parametrize("path", ["/site", "/session"])
async def test_refusals_of_part_of_the_requests_at_set_up(
    hass: HomeAssistant, cloud: Cloud, entry: MockConfigEntry, path: str
) -> None:
    """The key was accepted: another one would not help."""
    cloud.faults.set("unauthorized", path=path)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert not flows(hass)


async def test_refusals_of_part_of_the_requests_are_a_fault_like_others(
    hass: HomeAssistant, cloud: Cloud, station: Station, wait: Pass
) -> None:
    """While other requests are accepted, no reauthentication begins."""
    cloud.faults.set("unauthorized", path="/site")
    for _ in range(8):
        await wait(POLL_S)
    assert not flows(hass)
    assert station["sensor.status"] == STATE_UNAVAILABLE
