"""Files and a database of any mixture of ages: each session is in its hours once."""

from collections.abc import Awaitable, Callable, Iterable
import copy
import os
from typing import Any

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import StatisticData
from homeassistant.components.recorder.statistics import async_add_external_statistics
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from simulator import Cloud, Settings, World
from simulator.charging.station import Session
from simulator.http import session_endpoints
from tests.conftest import API_KEY, Pass
from tests.history.hourly import (
    Hours,
    Rows,
    add_past_session,
    all_rows,
    correct,
    delivered_kwh,
    earned,
    expected_kwh,
)

pytestmark = pytest.mark.usefixtures("recorder_mock")

STATION = "2133"
# All cases take minutes.
IS_WHOLE = os.environ.get("HISTORY_AGES") == "all"

type Files = dict[str, Any]


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7)


class House:
    """A Home Assistant whose files and whose database are of different ages."""

    def __init__(
        self,
        hass: HomeAssistant,
        storage: Files,
        entry: MockConfigEntry,
        cloud: Cloud,
        wait: Pass,
    ) -> None:
        self.hass = hass
        self.storage = storage
        self.entry = entry
        self.world: World = cloud.world()
        self.wait = wait

    async def start(self) -> None:
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def stop(self) -> None:
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)

    async def settle(self) -> None:
        for seconds in (301, 5, 5, 5):
            await self.wait(seconds)

    async def charge(self, seconds: float) -> Session:
        self.world.plug_in(STATION, card=True)
        await self.wait(10)
        await self.wait(seconds)
        self.world.unplug(STATION)
        await self.wait(31)
        await self.wait(5)
        return self.world.ledger(STATION)[-1]

    def files(self) -> Files:
        return {k: copy.deepcopy(v) for k, v in self.storage.items() if k.startswith("eevion.")}

    async def database(self) -> Rows:
        return await all_rows(self.hass)

    async def restore(self, files: Files, rows: Rows) -> None:
        """Stop, put files and a database in the place of what is there, and start."""
        hours = self.hours()
        series = {s.statistic_id: s for s in hours.ids if s}
        await self.stop()
        for key in self.files():
            del self.storage[key]
        self.storage.update(copy.deepcopy(files))
        get_instance(self.hass).async_clear_statistics(list(await self.database()))
        await async_wait_recording_done(self.hass)
        for statistic_id, found in rows.items():
            if statistic_id in series:
                self.write(series[statistic_id], found)
        await async_wait_recording_done(self.hass)
        await self.start()
        await self.settle()

    def write(self, series: Any, rows: list[tuple[int, float, float]]) -> None:
        async_add_external_statistics(
            self.hass,
            series.metadata,
            [
                StatisticData(start=dt_util.utc_from_timestamp(start), state=state, sum=total)
                for start, state, total in rows
            ],
        )

    def hours(self) -> Hours:
        return Hours(self.hass, self.entry, self.world, STATION)

    async def check(self, *sessions: Session) -> None:
        """See that the hours hold these sessions, to the watt-hour and to the cent."""
        sessions = sessions or tuple(self.world.ledger(STATION))
        hours = self.hours()
        assert await hours.read() == pytest.approx(expected_kwh(*sessions), abs=1e-5)
        assert round(await hours.total() * 1e6) == round(delivered_kwh(*sessions) * 1e6)
        assert round(await hours.total("cost"), 4) == round(earned(*sessions), 2)
        assert set(await hours.read("cost")) == set(await hours.read())


@pytest.fixture
def house(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    entry: MockConfigEntry,
    cloud: Cloud,
    wait: Pass,
) -> House:
    return House(hass, hass_storage, entry, cloud, wait)


@pytest.fixture
def lists_active_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the cloud list active sessions only, whatever the request."""

    def active(world: World, _updated_ms: int | None) -> list[Session]:
        return list(world.charging.active.values())

    def apply() -> None:
        monkeypatch.setattr(session_endpoints, "_known_sessions", active)

    return apply


async def a_session(house: House) -> None:
    await house.charge(1300)


async def a_late_session(house: House) -> None:
    add_past_session(house.world, STATION, ago_s=600, lasts_s=500)


async def a_correction_up(house: House) -> None:
    correct(house.world, house.world.ledger(STATION)[-1], 9_000)


async def a_correction_down(house: House) -> None:
    correct(house.world, house.world.ledger(STATION)[-1], 2_000)


async def a_session_corrected_down(house: House) -> None:
    await a_session(house)
    await house.settle()
    await a_correction_down(house)


async def a_deletion(house: House) -> None:
    """A person deletes the statistics, and the last session is corrected downwards."""
    get_instance(house.hass).async_clear_statistics(list(await house.database()))
    await async_wait_recording_done(house.hass)
    await a_correction_down(house)


EVENTS = [
    a_session,
    a_late_session,
    a_correction_up,
    a_correction_down,
    a_session_corrected_down,
    a_deletion,
]


MIXTURES = [
    ("older", "newer"),
    ("newer", "older"),
    ("older", "older"),
    ("newer", "empty"),
    ("none", "newer"),
    ("none", "older"),
]


def cases() -> Iterable[Any]:
    """Return each event with two mixtures and each mixture with two events, or all of them."""
    for column, (files, database) in enumerate(MIXTURES):
        for row, event in enumerate(EVENTS):
            for shift, begins_at_s in enumerate((0, 1500)):
                if IS_WHOLE or (column - row - 3 * shift) % len(MIXTURES) == 0:
                    name = f"{event.__name__}-{files}-{database}-{begins_at_s}"
                    yield pytest.param(event, files, database, begins_at_s, id=name)


@pytest.mark.parametrize(("event", "files", "database", "begins_at_s"), cases())
async def test_ages(
    house: House,
    event: Callable[[House], Awaitable[None]],
    files: str,
    database: str,
    begins_at_s: float,
) -> None:
    """Each mixture of ages, before and after something happened."""
    if begins_at_s:
        await house.wait(begins_at_s)
    await house.start()
    await house.settle()
    await house.charge(1800)
    await house.charge(700)
    await house.settle()
    await house.check()
    old_files, old_rows = house.files(), await house.database()
    await event(house)
    await house.settle()
    await house.check()
    await house.restore(
        {"older": old_files, "newer": house.files(), "none": {}}[files],
        {"older": old_rows, "newer": await house.database(), "empty": {}}[database],
    )
    await house.check()
    await house.charge(900)
    await house.settle()
    await house.check()
    await a_correction_down(house)
    await house.settle()
    await house.check()


async def test_a_ledger_of_before_where_the_cloud_lists_no_past(
    house: House, lists_active_only: Callable[[], None]
) -> None:
    """What only the recorder knows stays, also beside sessions that come and are corrected."""
    lists_active_only()
    await house.start()
    await house.settle()
    await house.charge(900)
    old_files = house.files()
    await house.charge(900)
    await house.settle()
    await house.check()
    await house.restore(old_files, await house.database())
    await house.check()
    await house.charge(900)
    await house.settle()
    await house.check()
