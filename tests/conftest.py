"""Home Assistant with the integration, before a simulated cloud over real HTTP."""

# First, before the plugin's folder of the same name can be found.
import custom_components.eevion  # noqa: F401, I001

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from datetime import timedelta
import gc
from itertools import count
import logging
from math import inf
import time
from typing import Any
from unittest.mock import PropertyMock, patch

from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import aiohttp_client, translation
from hypothesis import HealthCheck, settings as hypothesis_settings
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from simulator import Cloud, Settings, World, create_app
from tests.handmade import HandMadeCloud
from tests.helpers import Station

# An example that is slow on a busy machine is no failure.
hypothesis_settings.register_profile(
    "eevion", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("eevion")

_ENDED = count(1)
"""The tests that have ended."""

API_KEY = "a-key-that-must-not-leak"
START = "2026-11-02T08:00:00+00:00"


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Check the threads of calls, as the plugin's fixture of this name does, but keep no stacks.

    The stack of each task and callback costs more than half of the time of all tests.
    """
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.get_debug = lambda: False
    # A clock that a test moves is no slow callback.
    loop.slow_callback_duration = inf


@pytest.fixture(autouse=True, scope="session")
def freeze_what_is_imported() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def garbage_collection(freeze_what_is_imported: None) -> None:
    """Collect between modules, but freeze no more, as the plugin's fixture of this name does.

    Caches of Home Assistant hold its last instance, and what is frozen is never freed.
    """
    gc.collect()


@pytest.fixture(autouse=True)
def no_instance_outlives_its_test() -> Iterator[None]:
    """Forget the calls of the plugin's mocks, whose first argument is Home Assistant."""
    yield
    aiohttp_client._async_make_resolver.reset_mock()
    translation._async_get_component_strings.reset_mock()
    # By itself the collector waits until sixty instances are dead.
    if next(_ENDED) % 20 == 0:
        gc.collect()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Spell half characters out in what was logged: parallel workers cannot send them."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture(autouse=True)
def commands_leave_at_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Wait for no other commands, as the clock stands still; but where that is the question."""
    if "commands_wait" in request.fixturenames:
        yield
        return
    with patch("custom_components.eevion.commands.limits._BATCH_S", 0):
        yield


@pytest.fixture
def commands_wait() -> None:
    """Let commands wait for others, as they do for people."""


@pytest.fixture
def own_files() -> None:
    """Let Home Assistant write its files, in a folder of its own: a test looks at them."""


@pytest.fixture
def hass_config_dir(request: pytest.FixtureRequest) -> str:
    wanted = "hass_tmp_config_dir" if "own_files" in request.fixturenames else "hass_config_dir"
    return str(request.getfixturevalue(wanted))


@pytest.fixture
def hass_storage(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {} if "own_files" in request.fixturenames else request.getfixturevalue("hass_storage")


@pytest.fixture
def no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which an error was logged, by whomever."""
    yield
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    assert not [record for record in records if record.levelno >= logging.ERROR]


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY, "another-key"), sites=1, stations=2, seed=7)


@pytest.fixture
def cloud(settings: Settings, freezer: FrozenDateTimeFactory) -> Cloud:
    freezer.move_to(START)
    return Cloud(settings, now=time.time)


@pytest.fixture
def world(cloud: Cloud) -> World:
    return cloud.world()


@pytest.fixture
async def cloud_url(cloud: Cloud, socket_enabled: None) -> AsyncIterator[str]:
    server = TestServer(create_app(cloud), host="127.0.0.1")
    # The access log trips over a frozen clock.
    await server.start_server(access_log=None)
    # Home Assistant has no address at which the cloud could call, unless a test gives it one.
    with patch("homeassistant.components.http.async_get_source_ip", return_value="127.0.0.1"):
        yield str(server.make_url("/api/eevion"))
    await server.close()


@pytest.fixture
def entry_data(cloud_url: str) -> dict[str, Any]:
    return {
        "api_key": API_KEY,
        "environment": "production",
        "url": cloud_url,
        "known_sites": [],
    }


@pytest.fixture
def entry(
    hass: HomeAssistant, entry_data: dict[str, Any], enable_custom_integrations: None
) -> MockConfigEntry:
    entry = MockConfigEntry(domain="eevion", title="Home", data=entry_data, unique_id="test")
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def loaded(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigEntry:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


@pytest.fixture
def stations(hass: HomeAssistant, loaded: ConfigEntry, world: World) -> list[Station]:
    return [Station(hass, world, station.name) for station in world.stations]


@pytest.fixture
def station(stations: list[Station]) -> Station:
    return stations[0]


@pytest.fixture
async def account(
    hass: HomeAssistant,
    hand: HandMadeCloud,
    socket_enabled: None,
    enable_custom_integrations: None,
    freezer: FrozenDateTimeFactory,
) -> AsyncIterator[MockConfigEntry]:
    """Load the account of the cloud that a module makes by hand, as its fixture `hand`."""
    freezer.move_to(START)
    server = TestServer(hand.app(), host="127.0.0.1")
    await server.start_server(access_log=None)
    data = {
        "api_key": API_KEY,
        "environment": "production",
        "url": str(server.make_url("/")),
        "known_sites": [],
    }
    entry = MockConfigEntry(domain="eevion", title="Home", data=data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    yield entry
    await server.close()


type Pass = Callable[[float], Awaitable[None]]


@pytest.fixture
def wait(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Pass:
    """Let so many seconds pass, and all that is due come to its end."""

    async def wait(seconds: float) -> None:
        freezer.tick(timedelta(seconds=seconds))
        async_fire_time_changed(hass)
        await hass.async_block_till_done(wait_background_tasks=True)

    return wait


@pytest.fixture
def entity_registry_enabled_by_default() -> Iterator[None]:
    """Let all entities start enabled, those for experts included."""
    with patch(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default",
        new_callable=PropertyMock(return_value=True),
    ):
        yield
