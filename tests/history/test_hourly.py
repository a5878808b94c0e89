"""Each session lands in its own hours, once, however late it comes."""

from collections.abc import Callable
import copy
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.eevion.history.statistics import StatisticsStore
from simulator import Cloud, World
from tests.conftest import Pass
from tests.history.hourly import (
    HOUR_S,
    Hours,
    add_past_session,
    all_rows,
    correct,
    delivered_kwh,
    earned,
    expected_kwh,
)

pytestmark = pytest.mark.usefixtures("recorder_mock")

STATION = "2133"


@pytest.fixture
def hours(hass: HomeAssistant, loaded: ConfigEntry, world: World) -> Hours:
    return Hours(hass, loaded, world, STATION)


@pytest.fixture
def settle(wait: Pass) -> Callable[[], Any]:
    """Let what is over be noticed, written down and posted."""

    async def settle() -> None:
        for seconds in (301, 5, 5, 5):
            await wait(seconds)

    return settle


async def charge(world: World, wait: Pass, seconds: float) -> None:
    world.plug_in(STATION, card=True)
    await wait(10)
    await wait(seconds)
    world.unplug(STATION)
    await wait(31)
    await wait(5)


async def test_a_session(
    hass: HomeAssistant, hours: Hours, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    await charge(world, wait, 2.5 * HOUR_S)
    (session,) = world.ledger(STATION)
    assert await hours.read() == pytest.approx(expected_kwh(session), abs=1e-5)
    assert len(await hours.read()) == 3
    assert await hours.total() == pytest.approx(delivered_kwh(session), abs=1e-9)
    hours = Hours(hass, loaded, world, STATION)
    assert await hours.total("cost") == pytest.approx(earned(session), abs=1e-9)
    assert set(await hours.read("cost")) == set(await hours.read())
    metadata = hours.ids.energy.metadata
    assert metadata["name"] == f"Station {STATION} energy"
    assert metadata["unit_of_measurement"] == "kWh"
    assert hours.ids.cost.metadata["unit_of_measurement"] == "CAD"


async def test_two_sessions_in_one_hour(hours: Hours, world: World, wait: Pass) -> None:
    await charge(world, wait, 600)
    await charge(world, wait, 900)
    first, second = world.ledger(STATION)
    assert await hours.read() == pytest.approx(expected_kwh(first, second), abs=1e-5)
    assert len(await hours.read()) == 1


async def test_a_late_session(hours: Hours, world: World, wait: Pass, settle: Any) -> None:
    await wait(2 * HOUR_S)
    await charge(world, wait, HOUR_S)
    late = add_past_session(world, STATION, ago_s=3 * HOUR_S, lasts_s=5000)
    await settle()
    sessions = world.ledger(STATION)
    assert len(sessions) == 2
    assert await hours.read() == pytest.approx(expected_kwh(*sessions), abs=1e-5)
    assert min(await hours.read()) * 1000 <= (late.start_ms or 0)


@pytest.mark.parametrize("watts", [3_000, 9_000])
async def test_a_correction(
    hours: Hours, world: World, wait: Pass, settle: Any, watts: int
) -> None:
    await wait(4 * HOUR_S)
    session = add_past_session(world, STATION, ago_s=3 * HOUR_S, lasts_s=5000)
    other = add_past_session(world, STATION, ago_s=1.5 * HOUR_S, lasts_s=3000)
    await settle()
    before = await hours.total()
    await wait(HOUR_S)
    correct(world, session, watts)
    await settle()
    assert await hours.total() != before
    assert await hours.read() == pytest.approx(expected_kwh(session, other), abs=1e-5)


class _KilledError(HomeAssistantError):
    """Home Assistant is no more."""


@pytest.mark.parametrize("is_written", [True, False])
async def test_a_kill(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    hours: Hours,
    loaded: ConfigEntry,
    world: World,
    wait: Pass,
    is_written: bool,
) -> None:
    """Between the ledger's file and the recorder, nothing is lost or counted twice."""
    await charge(world, wait, 1800)
    on_disk: list[dict[str, Any]] = []
    write = StatisticsStore.async_write

    async def killed(store: StatisticsStore, series: Any) -> int:
        if is_written:
            await write(store, series)
        on_disk.append(copy.deepcopy(hass_storage))
        raise _KilledError

    with patch.object(StatisticsStore, "async_write", killed):
        await charge(world, wait, 1800)
        assert on_disk
        await hass.config_entries.async_unload(loaded.entry_id)
    hass_storage.clear()
    hass_storage.update(on_disk[0])
    await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    for _ in range(3):
        await wait(5)
    sessions = world.ledger(STATION)
    assert len(sessions) == 2
    assert await hours.read() == pytest.approx(expected_kwh(*sessions), abs=1e-5)


async def test_a_ledger_that_is_lost(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    hours: Hours,
    loaded: ConfigEntry,
    world: World,
    wait: Pass,
    settle: Any,
) -> None:
    """What was in the statistics before is not added again."""
    await charge(world, wait, 1800)
    before = await all_rows(hass)
    await hass.config_entries.async_unload(loaded.entry_id)
    del hass_storage[f"eevion.ledger.{loaded.entry_id}"]
    await hass.config_entries.async_setup(loaded.entry_id)
    await settle()
    assert await all_rows(hass) == before
    await charge(world, wait, 1800)
    assert await hours.read() == pytest.approx(expected_kwh(*world.ledger(STATION)), abs=1e-5)


async def test_the_recorder_does_not_write(
    hours: Hours, world: World, wait: Pass, settle: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with patch("custom_components.eevion.history.statistics.async_add_external_statistics"):
        await charge(world, wait, 1800)
    assert "The recorder did not write the statistics" in caplog.text
    assert await hours.read() == {}
    await wait(HOUR_S)
    await settle()
    assert await hours.read() == pytest.approx(expected_kwh(*world.ledger(STATION)), abs=1e-5)


async def test_electricity(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    wait: Pass,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The day's cost comes when the day is over, in the hours of its energy."""
    await charge(world, wait, 2 * HOUR_S)
    hours = Hours(hass, loaded, world, STATION)
    assert await hours.read("electricity") == {}
    for _ in range(60):
        await wait(1801)
    assert set(await hours.read("electricity")) == set(await hours.read())
    (session,) = world.ledger(STATION)
    cents = round(delivered_kwh(session) * cloud.settings.energy_price_cents_per_kwh)
    assert await hours.total("electricity") == pytest.approx(cents / 100)
    reports = [r for r in cloud.requests if r.path.endswith("report")]
    before = len(reports)
    freezer.tick(timedelta(hours=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len([r for r in cloud.requests if r.path.endswith("report")]) == before


async def test_electricity_after_a_bad_day(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass
) -> None:
    """Neither a cloud that fails nor a recorder that refuses loses a day's cost."""
    await charge(world, wait, 2 * HOUR_S)
    hours = Hours(hass, loaded, world, STATION)
    cloud.faults.set("error", path="/session/report")
    for _ in range(50):
        await wait(1801)
    assert await hours.read("electricity") == {}
    cloud.faults.clear()
    with patch.object(StatisticsStore, "async_write", side_effect=HomeAssistantError("full")):
        for _ in range(3):
            await wait(1801)
    assert await hours.read("electricity") == {}
    for _ in range(5):
        await wait(1801)
    assert set(await hours.read("electricity")) == set(await hours.read())


async def test_a_day_without_a_report_holds_up_no_other_day(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    wait: Pass,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The reports of days are requested in their order; here the first one fails each time."""
    cloud.faults.set("error", path="/session/report")
    await charge(world, wait, HOUR_S)
    hours = Hours(hass, loaded, world, STATION)
    first = set(await hours.read())
    for _ in range(50):
        await wait(1801)
    await charge(world, wait, HOUR_S)
    second = set(await hours.read()) - first
    for _ in range(50):
        await wait(1801)
    assert await hours.read("electricity") == {}
    cloud.faults.clear()
    consume, failed_at = cloud.faults.consume, set[float]()

    def consume_all_but_the_first_report(method: str, path: str) -> list[Any]:
        if path == "/session/report" and freezer().timestamp() not in failed_at:
            failed_at.add(freezer().timestamp())
            cloud.faults.fail_next("error", path=path)
        return consume(method, path)

    cloud.faults.consume = consume_all_but_the_first_report  # type: ignore[method-assign]
    for _ in range(5):
        await wait(1801)
    assert set(await hours.read("electricity")) == second
    cloud.faults.consume = consume  # type: ignore[method-assign]
    for _ in range(2):
        await wait(1801)
    assert set(await hours.read("electricity")) == first | second
