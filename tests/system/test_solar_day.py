"""A measured day with clouds: the blueprint beside the published pv rule of evcc."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
import logging

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from benchmarks.solar import DAWN_S, DAY, SETTINGS, STATION, Replay, commands, fullest_minute
from benchmarks.solar_plant import STEP_S, ImportResult, Plant, PublishedRule, replay_rule
from simulator import Cloud, Settings
from tests import FIXTURES
from tests.conftest import API_KEY

CSV = FIXTURES / "solar_2018-10-14.csv"


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), stations=2, sites=1, request_log_size=100_000)


@pytest.fixture
def cloud(settings: Settings, freezer: FrozenDateTimeFactory) -> Cloud:
    freezer.move_to(DAY + timedelta(seconds=DAWN_S))
    return Cloud(settings)


@pytest.fixture(autouse=True)
async def quick() -> AsyncIterator[None]:
    """Log lines and the stack of every callback would take most of the time."""
    asyncio.get_running_loop().set_debug(False)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
async def replay(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    loaded: MockConfigEntry,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
) -> AsyncIterator[Replay]:
    yield Replay(hass, loaded, cloud, freezer)
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


async def test_a_solar_day(replay: Replay, cloud: Cloud) -> None:
    plant = Plant(CSV)
    # At whatever second of half a minute evcc looks.
    rules = [replay_rule(plant, PublishedRule(phase_s=phase)) for phase in range(0, 30, STEP_S)]
    assert SETTINGS.stations == cloud.settings.stations
    assert cloud.world().station(STATION).model.volts == 240
    ours = await replay.run(plant)

    assert ours.charged_wh > 15_000
    for rule in rules:
        assert ours.solar_share >= rule.solar_share
        assert ours.demand_share >= rule.demand_share
        assert ours.imported_wh <= rule.imported_wh
        assert ours.starts <= rule.starts
        assert ours.changes <= rule.changes
    times = commands(cloud)
    assert len(times) == ours.changes
    assert fullest_minute(times) <= 2


def test_figures() -> None:
    """Two steps with 6 A: in the first one the sun gives half of it."""
    tally = ImportResult()
    tally.count(net_w=-720, car_w=1440, limit=6)
    tally.count(net_w=-2000, car_w=1440, limit=6)
    tally.count(net_w=300, car_w=0, limit=0)
    tally.count(net_w=300, car_w=1440, limit=6)
    assert tally.charged_wh == pytest.approx(12)
    assert tally.imported_wh == pytest.approx(2 + 4)
    assert tally.solar_share == pytest.approx(0.5)
    assert tally.demand_share == pytest.approx(6 / 20_000)
    assert (tally.starts, tally.changes) == (2, 3)


def test_the_published_rule() -> None:
    rule, limit = PublishedRule(), 0
    sun = [2400] * 300 + [0] * 400
    limits = []
    for second in range(0, len(sun), STEP_S):
        limit = rule.limit(second, limit * 240 - sun[second], limit)
        limits.append(limit)
    changes = {
        second * STEP_S: now
        for second, (before, now) in enumerate(zip([0, *limits], limits, strict=False))
        if now != before
    }
    assert changes == {60: 6, 90: 10, 300: 6, 480: 0}


def test_minutes() -> None:
    assert fullest_minute([]) == 0
    assert fullest_minute([0.0, 30.0, 60.0]) == 2
    assert fullest_minute([0.0, 29.0, 59.0]) == 3
