"""Automations made of the blueprints, before a simulated cloud."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
import logging
from typing import Any
from unittest.mock import PropertyMock, patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from simulator import Settings, World
from tests import ROOT
from tests.calls import device
from tests.conftest import API_KEY, Pass
from tests.helpers import Station, settle

FOLDER = ROOT / "blueprints" / "automation"

type Automate = Callable[..., Awaitable[None]]


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=3, seed=7)


@pytest.fixture(autouse=True)
async def quick() -> AsyncIterator[None]:
    """Log lines and the stack of every callback would take most of the time."""
    asyncio.get_running_loop().set_debug(False)
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def blueprints() -> Iterator[None]:
    """Let Home Assistant find the blueprints of this project."""
    with patch(
        "homeassistant.components.blueprint.models.DomainBlueprints.blueprint_folder",
        new_callable=PropertyMock(return_value=FOLDER),
    ):
        yield


@pytest.fixture
async def automate(hass: HomeAssistant) -> AsyncIterator[Automate]:
    """Make automations of blueprints, each given by its name and inputs."""

    async def automate(*automations: tuple[str, dict[str, Any]]) -> None:
        configs = [
            {
                "id": f"automation {number}",
                "alias": f"{name} {number}",
                "use_blueprint": {"path": f"eevion/{name}.yaml", "input": inputs},
            }
            for number, (name, inputs) in enumerate(automations)
        ]
        assert await async_setup_component(hass, "automation", {"automation": configs})
        await hass.async_block_till_done()
        assert [state.state for state in hass.states.async_all("automation")] == ["on"] * len(
            configs
        )

    yield automate
    if hass.services.has_service("automation", "turn_off"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": "all"}, blocking=True
        )


@pytest.fixture
def wait(hass: HomeAssistant, loaded: ConfigEntry, freezer: FrozenDateTimeFactory) -> Pass:
    """Let so many seconds pass, and all that is due begin."""

    async def wait(seconds: float) -> None:
        freezer.tick(seconds)
        for _ in range(2):  # limits wait for a moment, so that several leave together
            async_fire_time_changed(hass)
            # Automations that wait do not end.
            await settle(loaded.runtime_data.rate_limit, turns=30)

    return wait


@pytest.fixture(autouse=True)
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let a template that meets what it does not expect fail the test."""
    yield
    for record in caplog.get_records("call"):
        assert "Template variable" not in record.getMessage()
        assert "rendering" not in record.getMessage()


@pytest.fixture
def stations(hass: HomeAssistant, loaded: ConfigEntry, world: World) -> list[Station]:
    return [Station(hass, world, station.name) for station in world.stations]


@pytest.fixture
def station(stations: list[Station]) -> Station:
    """Return one with 240 V and 80 A."""
    return stations[1]


@pytest.fixture
def devices(hass: HomeAssistant, entry: Any, stations: list[Station]) -> dict[str, str]:
    """Return the devices of the stations, by their names."""
    return {station.name: device(hass, entry, station.port_id) for station in stations}
