"""A house whose stations have smart charging."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import Cloud, World
from tests.conftest import Pass

from .home import Home


@pytest.fixture
def home(hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass) -> Home:
    return Home(hass, loaded, cloud, world, wait)
