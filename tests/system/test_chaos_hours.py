"""Half a day of faults and of kills with a recorder: energy and money of each hour come true.

Each kill starts with the files of one moment and the database of another, as they are on a
disk that lost its power, or in two backups.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
import copy
import logging
from random import Random
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import StatisticData, StatisticMetaData
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    get_metadata,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from simulator import Cloud, ControlError, Settings, World
from simulator.charging.station import Session
from tests.conftest import API_KEY
from tests.history.hourly import (
    HOUR_S,
    Hours,
    Rows,
    all_rows,
    delivered_kwh,
    earned,
    expected_kwh,
)

pytestmark = pytest.mark.usefixtures("recorder_mock")

HOURS = 8
STEPS = (31, 31, 61, 301)
REAL_SLEEP = time.sleep
KEPT = 6
"""So many states of the disk, taken at each step, a kill may start with."""

FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unauthorized", {"count": 1}),
    ("forbidden", {}),
    ("error", {"status": 502}),
    ("html", {"path": "/session"}),
    ("truncated", {}),
    ("drop_answer", {"count": 1}),
    ("stale", {"path": "/session"}),
    ("missing", {"path": "/session", "station": ""}),
    ("wrong_meter", {"path": "/session", "station": ""}),
    ("wrong_types", {"station": ""}),
)

type Files = dict[str, Any]


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=2, stations=4, seed=7, history_days=0)


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Log lines for nobody would take much of the time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


class HalfDay:
    """Home Assistant with a recorder, and all that happens to it."""

    def __init__(
        self,
        hass: HomeAssistant,
        storage: Files,
        entry: MockConfigEntry,
        cloud: Cloud,
        freezer: FrozenDateTimeFactory,
        seed: int,
    ) -> None:
        self.done: Counter[str] = Counter()
        self.random = Random(seed)
        self.world: World = cloud.world()
        self._hass = hass
        self._storage = storage
        self._entry = entry
        self._cloud = cloud
        self._freezer = freezer
        self._files: deque[Files] = deque(maxlen=KEPT)
        self._rows: deque[Rows] = deque(maxlen=KEPT)
        self._series: dict[str, StatisticMetaData] = {}

    async def start(self) -> None:
        setup = self._hass.config_entries.async_setup(self._entry.entry_id)
        task = asyncio.ensure_future(setup)
        await self._settle()
        while not task.done():
            await self._wait(1)

    async def _unload(self) -> None:
        """Unload the account; Home Assistant may just try once more to set it up."""
        while self._entry.state is ConfigEntryState.SETUP_IN_PROGRESS:
            await self._wait(1)
        await self._hass.config_entries.async_unload(self._entry.entry_id)

    async def _wait(self, seconds: float) -> None:
        self._freezer.tick(seconds)
        async_fire_time_changed(self._hass)
        await self._settle()

    async def _settle(self) -> None:
        """Let everything happen that waits for no clock, the recorder's work included."""
        calm = 0
        while calm < 20:
            await asyncio.sleep(0)
            data = getattr(self._entry, "runtime_data", None)
            lock = data and data.history and data.history._hourly.lock
            if lock and lock.locked():
                await self._hass.async_add_executor_job(REAL_SLEEP, 0.002)
                calm = 0
            else:
                calm = 0 if data and data.rate_limit._in_flight else calm + 1

    async def step(self) -> None:
        """Let something happen, and some time pass."""
        kinds = ["drive"] * 6 + ["fault"] * 3 + ["mend"] * 3 + ["nothing"] * 6 + ["reload", "kill"]
        kind = self.random.choice(kinds if self._rows else kinds[:-1])
        self.done[kind] += 1
        names = [station.name for station in self.world.stations]
        match kind:
            case "drive":
                self._drive(self.random.choice(names))
            case "fault":
                fault, options = self.random.choice(FAULTS)
                if "station" in options:
                    options = options | {"station": self.random.choice(names)}
                self._cloud.faults.set(fault, **options)
            case "mend":
                self._cloud.faults.clear()
            case "reload":
                await self._unload()
                await self.start()
            case "kill":
                await self._kill()
        await self._wait(self.random.choice(STEPS))
        self._files.append(self._disk())
        self._rows.append(await all_rows(self._hass))

    def _drive(self, name: str) -> None:
        try:
            if self.world.station(name).car:
                self.world.unplug(name)
            else:
                self.world.plug_in(name, percent=self.random.randrange(60), card=True)
        except ControlError:
            self.done["drive"] -= 1

    def _disk(self) -> Files:
        return {k: copy.deepcopy(v) for k, v in self._storage.items() if k.startswith("eevion.")}

    async def _kill(self) -> None:
        """Start again with files and a database of the last minutes, each of its own moment."""
        await self._unload()
        for key in self._disk():
            del self._storage[key]
        self._storage |= copy.deepcopy(self.random.choice(self._files))
        recorder = get_instance(self._hass)
        held = await recorder.async_add_executor_job(get_metadata, self._hass)
        self._series |= {statistic_id: series for statistic_id, (_, series) in held.items()}
        recorder.async_clear_statistics([id_ for id_ in held if id_.startswith("eevion:")])
        await async_wait_recording_done(self._hass)
        for statistic_id, hours in self.random.choice(self._rows).items():
            async_add_external_statistics(
                self._hass,
                self._series[statistic_id],
                [
                    StatisticData(start=dt_util.utc_from_timestamp(start), state=state, sum=total)
                    for start, state, total in hours
                ],
            )
        await async_wait_recording_done(self._hass)
        await self.start()

    def hours(self, name: str) -> Hours:
        return Hours(self._hass, self._entry, self.world, name)

    async def end(self) -> None:
        """Let everybody drive away, and the cloud work."""
        self._cloud.faults.clear()
        for station in self.world.stations:
            if station.car:
                self.world.unplug(station.name)
        for seconds in (61, 301, 301, HOUR_S, 301, 301, 5, 5):
            await self._wait(seconds)

    def delivered(self, name: str) -> list[Session]:
        return [s for s in self.world.ledger(name) if s.end_ms and s.curve.energy_wh(s.end_ms)]

    def shown(self, subject_id: str) -> tuple[int, int]:
        """Return the totals of a station or a site, in Wh and in cents."""
        found = []
        for key, parts in (("total_energy", 1000), ("total_cost", 100)):
            entity_id = er.async_get(self._hass).async_get_entity_id(
                "sensor", "eevion", f"{subject_id}_{key}"
            )
            state = self._hass.states.get(entity_id)
            found.append(round(float(state.state) * parts))
        return found[0], found[1]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [20])
async def test_half_a_day_of_kills(
    hass: HomeAssistant,
    hass_storage: Files,
    entry: MockConfigEntry,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
    seed: int,
) -> None:
    day = HalfDay(hass, hass_storage, entry, cloud, freezer, seed)
    until_ms = day.world.timeline.now_ms + HOURS * HOUR_S * 1000
    await day.start()
    while day.world.advance() < until_ms:
        await day.step()
    await day.end()

    assert min(day.done[kind] for kind in ("drive", "fault", "mend", "reload", "kill")) > 3
    for site in day.world.sites:
        of_site = [0, 0]
        for station in site.stations:
            sessions = day.delivered(station.name)
            energy, cost = delivered_kwh(*sessions), earned(*sessions)
            assert energy > 1, "it was a busy day"
            assert day.shown(station.port_id) == (round(energy * 1000), round(cost * 100))
            hours = day.hours(station.name)
            assert await hours.read() == pytest.approx(expected_kwh(*sessions), abs=1e-5)
            assert round(await hours.total() * 1000) == round(energy * 1000)
            assert round(await hours.total("cost"), 4) == round(cost, 2)
            of_site[0] += round(energy * 1000)
            of_site[1] += round(cost * 100)
        assert day.shown(site.site_id) == tuple(of_site)
