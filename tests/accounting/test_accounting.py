"""The totals in Home Assistant: written before they are shown, and there after whatever."""

# ruff: noqa: ASYNC240 -- small files of one's own

from collections.abc import Awaitable, Callable
from errno import ENOSPC
import json
from pathlib import Path
from threading import Event
from typing import Any

from atomicwrites import AtomicWriter
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.accounting import StationLedger
from simulator import Cloud, Settings, World
from tests.conftest import API_KEY, Pass
from tests.helpers import Station, load, true_totals

pytestmark = pytest.mark.usefixtures("own_files")

MINUTE = 60
DAY = 86400


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=2, stations=2, seed=7, history_days=10)


@pytest.fixture
def ledger(hass: HomeAssistant, entry: MockConfigEntry) -> Path:
    """The file of the ledger."""
    return Path(hass.config.path(".storage", f"eevion.ledger.{entry.entry_id}"))


def stored(ledger: Path) -> dict:
    return json.loads(ledger.read_text())["data"]


def written(ledger: Path) -> tuple[int, int]:
    """Tell one write from the next, which is a new file in the place of the old one."""
    stat = ledger.stat()
    return stat.st_ino, stat.st_mtime_ns


type Charge = Callable[[Station, float], Awaitable[None]]


@pytest.fixture
def charge(world: World, wait: Pass) -> Charge:
    """Let a car come, charge for some minutes, and leave."""

    async def charge(station: Station, minutes: float) -> None:
        world.plug_in(station.name, card=True)
        await wait(31)
        for _ in range(2):
            await wait(minutes * 30)
        world.unplug(station.name)
        await wait(31)
        await wait(31)

    return charge


async def reload(hass: HomeAssistant, entry: ConfigEntry, wait: Pass) -> None:
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await wait(2)


# Totals.


async def test_totals_begin_at_the_lifetime_figure(stations: list[Station], wait: Pass) -> None:
    await wait(2)
    for station in stations:
        energy, _ = station.true_totals()
        assert energy > 10
        # A look at past sessions names the currency of the report's money.
        assert station.totals() == pytest.approx(station.true_totals())


async def test_totals_follow_the_sessions(stations: list[Station], charge: Charge) -> None:
    for station in stations:
        await charge(station, 60)
        assert station.totals() == pytest.approx(station.true_totals())


async def test_currencies_stand_beside_each_other(stations: list[Station], charge: Charge) -> None:
    await charge(stations[0], 10)
    unit = stations[0].state("sensor", "total_cost").attributes["unit_of_measurement"]
    assert unit == stations[0]._world.station(stations[0].name).site.address.currency


async def test_totals_rise_while_a_session_goes_on(
    station: Station, world: World, wait: Pass
) -> None:
    world.plug_in(station.name, card=True)
    await wait(31)
    before = 0.0
    for _ in range(5):
        await wait(10 * MINUTE)
        await wait(61)
        energy = float(station["sensor.total_energy"])
        assert before < energy <= station.true_totals()[0]
        before = energy


@pytest.mark.parametrize("is_charging", [False, True])
async def test_totals_outlive_a_reload(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    charge: Charge,
    wait: Pass,
    is_charging: bool,
) -> None:
    await charge(station, 60)
    if is_charging:
        world.plug_in(station.name, card=True)
        await wait(31)
        await wait(600)
        await wait(61)
    before = station.totals()
    await reload(hass, loaded, wait)
    assert before <= station.totals() <= station.true_totals()


async def test_what_happened_while_home_assistant_was_away(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    freezer: FrozenDateTimeFactory,
    charge: Charge,
    wait: Pass,
) -> None:
    """One session was left open, and two more came and went."""
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(600)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    freezer.tick(3600)
    world.unplug(station.name)
    for _ in range(2):
        freezer.tick(3600)
        world.plug_in(station.name, card=True)
        freezer.tick(3600)
        world.unplug(station.name)
    freezer.tick(3600)
    # Another car is there when Home Assistant comes back.
    world.plug_in(station.name, percent=97, card=True)
    freezer.tick(3 * 3600)
    await load(hass, loaded)
    await wait(2)
    account = loaded.runtime_data.coordinator.accounting.ledgers[station.port_id]
    assert len(account.sessions) == 4
    assert not account.missed.energy
    assert station.totals() == pytest.approx(station.true_totals())


async def test_a_power_cut_lets_no_total_fall(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    world: World,
    ledger: Path,
    charge: Charge,
    wait: Pass,
) -> None:
    """Only what was on the disk at the cut is there afterwards."""
    await charge(station, 60)
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(600)
    await wait(61)
    await wait(45)
    before, on_disk = station.totals(), ledger.read_bytes()
    assert stored(ledger)["accounts"][station.port_id]["shown"][0] == round(before[0] * 1e6)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    ledger.write_bytes(on_disk)
    await load(hass, loaded)
    await wait(2)
    assert before <= station.totals() <= station.true_totals()


async def test_totals_that_have_begun_need_no_report(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    cloud: Cloud,
    charge: Charge,
    wait: Pass,
) -> None:
    await charge(station, 60)
    before = station.totals()
    fault = cloud.faults.set("error", path="/session/report")
    await reload(hass, loaded, wait)
    assert station.totals() == before
    cloud.faults.active.remove(fault)
    await wait(61)
    await wait(2)
    assert station.totals() == before


async def test_the_sessions_of_sites_that_are_not_wanted_do_not_count(
    hass: HomeAssistant, entry: MockConfigEntry, world: World, ledger: Path, wait: Pass
) -> None:
    wanted, other = world.stations
    hass.config_entries.async_update_entry(entry, options={"excluded_sites": [other.site.site_id]})
    await load(hass, entry)
    for each in (wanted, other):
        world.plug_in(each.name, card=True)
    await wait(31)
    await wait(600)
    for each in (wanted, other):
        world.unplug(each.name)
    await wait(31)
    await wait(31)
    assert stored(ledger)["accounts"].keys() == {wanted.port_id}
    station = Station(hass, world, wanted.name)
    assert station.totals() == pytest.approx(true_totals(world, wanted.name))


async def test_a_station_that_is_gone_keeps_its_ledger(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    stations: list[Station],
    world: World,
    ledger: Path,
    charge: Charge,
    wait: Pass,
) -> None:
    gone, left = stations
    for station in stations:
        await charge(station, 30)
    before = stored(ledger)["accounts"][gone.port_id]
    total = gone.totals()
    world.set_lifecycle(gone.name, "removed")
    await wait(31)
    await charge(left, 30)
    await reload(hass, loaded, wait)
    assert stored(ledger)["accounts"][gone.port_id] == before
    world.set_lifecycle(gone.name, "active")
    await wait(31)
    await wait(31)
    assert gone.totals() == total


# Writing.


async def test_how_often_it_is_written(
    station: Station, world: World, ledger: Path, wait: Pass
) -> None:
    """Each minute while energy flows, and not at all while nothing does."""
    await wait(31)
    writes, seen = [], written(ledger)
    world.plug_in(station.name, card=True)
    for second in range(0, 600, 5):
        await wait(5)
        if written(ledger) != seen:
            seen = written(ledger)
            writes.append(second)
    assert 8 <= len(writes) <= 11
    world.unplug(station.name)
    await wait(31)
    await wait(5)
    seen = written(ledger)
    for _ in range(20):
        await wait(31)
    assert written(ledger) == seen


async def test_the_end_of_a_session_is_written_at_once(
    station: Station, world: World, ledger: Path, charge: Charge, wait: Pass
) -> None:
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(600)
    world.unplug(station.name)
    await wait(6)
    await wait(2)
    assert station.totals() == pytest.approx(station.true_totals())
    sessions = stored(ledger)["accounts"][station.port_id]["sessions"]
    (session,) = world.ledger(station.name)[-1:]
    assert sessions[session.session_id][0] == session.curve.energy_wh(session.end_ms) * 1000


async def test_the_last_write_is_when_home_assistant_stops(
    hass: HomeAssistant, station: Station, world: World, ledger: Path, wait: Pass
) -> None:
    world.plug_in(station.name, card=True)
    await wait(31)
    await wait(61)
    await wait(5)
    await wait(5)
    open_id = world.ledger(station.name)[-1].session_id
    before = stored(ledger)["accounts"][station.port_id]["sessions"][open_id][0]
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert stored(ledger)["accounts"][station.port_id]["sessions"][open_id][0] > before


async def test_nothing_is_written_after_the_end(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, ledger: Path, wait: Pass
) -> None:
    """An answer that was on its way may come in after the last write."""
    coordinator = loaded.runtime_data.coordinator
    sessions = await coordinator.client.list_sessions(updated_on_or_after=coordinator.last_success)
    accounting = coordinator.accounting
    assert await hass.config_entries.async_unload(loaded.entry_id)
    before = written(ledger)
    accounting.async_apply(sessions.sessions)
    accounting.async_mark_changed(station.port_id)
    await wait(120)
    assert written(ledger) == before


async def test_the_file_goes_with_the_account(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, ledger: Path, wait: Pass
) -> None:
    await wait(2)
    assert ledger.exists()
    assert await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await wait(120)
    assert not ledger.exists()


async def test_nothing_of_who_charged_is_written(
    station: Station, world: World, ledger: Path, charge: Charge
) -> None:
    await charge(station, 10)
    session = world.ledger(station.name)[-1]
    assert session.customer_id
    assert session.customer_id not in ledger.read_text()
    assert API_KEY not in ledger.read_text()


# A disk that is full.


@pytest.fixture
def disk_full(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Let the disk take no ledger, or take it again."""
    write = AtomicWriter.commit
    is_full = False

    def commit(writer: AtomicWriter, file: Any) -> None:
        if is_full and "eevion.ledger" in writer._path:
            raise OSError(ENOSPC, "No space left on device")
        write(writer, file)

    def set_full(value: bool) -> None:
        nonlocal is_full
        is_full = value

    monkeypatch.setattr(AtomicWriter, "commit", commit)
    return set_full


async def test_a_total_is_shown_only_when_it_is_written(
    station: Station,
    ledger: Path,
    charge: Charge,
    wait: Pass,
    disk_full: Callable[[bool], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await charge(station, 30)
    before = station.totals()
    disk_full(True)
    await charge(station, 30)
    await charge(station, 30)
    assert station.totals() == before
    assert stored(ledger)["accounts"][station.port_id]["shown"][0] == round(before[0] * 1e6)
    ours = [r for r in caplog.records if r.name == "custom_components.eevion"]
    assert len([r for r in ours if "cannot be written" in r.getMessage()]) == 1
    disk_full(False)
    await wait(3601)
    await wait(1)
    assert station.totals() == pytest.approx(station.true_totals())
    assert stored(ledger)["accounts"][station.port_id]["shown"][0] == round(
        station.true_totals()[0] * 1e6
    )
    assert caplog.text.count("are written to the disk again") == 1


async def test_a_full_disk_keeps_no_account_from_unloading(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    charge: Charge,
    wait: Pass,
    disk_full: Callable[[bool], None],
) -> None:
    await charge(station, 30)
    disk_full(True)
    await charge(station, 30)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    disk_full(False)
    await load(hass, loaded)
    await wait(2)
    assert station.totals() == pytest.approx(station.true_totals())


@pytest.mark.parametrize("is_full", [True, False], ids=["full", "not full"])
async def test_a_ledger_that_moves_to_another_port_during_a_write(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    ledger: Path,
    charge: Charge,
    disk_full: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
    is_full: bool,
) -> None:
    """As at the unload after a charger was replaced."""
    await charge(station, 30)
    begun, may_end = Event(), Event()
    commit = AtomicWriter.commit

    def commit_slowly(writer: AtomicWriter, file: Any) -> None:
        begun.set()
        may_end.wait(60)
        commit(writer, file)

    accounting = loaded.runtime_data.coordinator.accounting
    energy = accounting.ledgers[station.port_id].total().energy
    accounting.async_mark_changed(station.port_id)
    with monkeypatch.context() as patch:
        patch.setattr(AtomicWriter, "commit", commit_slowly)
        disk_full(is_full)
        write = hass.async_create_task(accounting.async_write())
        await hass.async_add_executor_job(begun.wait, 60)
        move = hass.async_create_task(accounting.async_hand_over(station.port_id, "new"))
        may_end.set()
        assert await write is not is_full
        await move
    disk_full(False)
    assert await accounting.async_write()
    ports = stored(ledger)["accounts"]
    assert station.port_id not in ports
    assert StationLedger.from_json(ports["new"]).total().energy == energy
    assert await hass.config_entries.async_unload(loaded.entry_id)


# A file that cannot be read.

GOOD = {"version": 1, "minor_version": 1, "key": "k"}
UNREADABLE = {
    "newer": json.dumps(GOOD | {"version": 2, "data": {"cursor": 0, "accounts": {}}}),
    "older": json.dumps(GOOD | {"version": 0, "data": {}}),
    "no accounts": json.dumps(GOOD | {"data": {"cursor": 0}}),
    "no cursor": json.dumps(GOOD | {"data": {"accounts": {}}}),
    "a list": json.dumps(GOOD | {"data": []}),
    "a list of accounts": json.dumps(GOOD | {"data": {"cursor": 0, "accounts": []}}),
    "a bad account": json.dumps(GOOD | {"data": {"cursor": 0, "accounts": {"port": {}}}}),
    "a bad cursor": json.dumps(GOOD | {"data": {"cursor": "soon", "accounts": {}}}),
    "no storage": json.dumps({"something": "else"}),
    "nothing of ours": json.dumps([1, 2]),
    "null": "null",
}


async def rebuild(
    hass: HomeAssistant, loaded: ConfigEntry, ledger: Path, text: bytes, wait: Pass
) -> None:
    """Start with another file than the one that was written."""
    assert await hass.config_entries.async_unload(loaded.entry_id)
    ledger.write_bytes(text)
    await load(hass, loaded)
    await wait(2)


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_file_that_cannot_be_read(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    stations: list[Station],
    ledger: Path,
    charge: Charge,
    wait: Pass,
    text: str,
) -> None:
    """It is set aside, logged, and rebuilt from the cloud."""
    for station in stations:
        await charge(station, 30)
    await rebuild(hass, loaded, ledger, text.encode(), wait)
    assert loaded.state is ConfigEntryState.LOADED
    (aside,) = ledger.parent.glob(f"{ledger.name}.unreadable.*")
    assert aside.read_text() == text
    issue = ir.async_get(hass).async_get_issue("eevion", f"ledger_unreadable_{loaded.entry_id}")
    assert issue
    assert issue.translation_placeholders == {"title": "Home", "file": str(aside)}
    for station in stations:
        assert station.totals() == pytest.approx(station.true_totals())
    assert json.loads(ledger.read_text())["version"] == 1


@pytest.mark.parametrize("text", [b"", b'{"version": 1, "da', b"\0" * 500, b"\xff\xfe"])
async def test_a_corrupt_file(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    station: Station,
    ledger: Path,
    charge: Charge,
    wait: Pass,
    text: bytes,
) -> None:
    """Home Assistant itself sets it aside, with a repair issue."""
    await charge(station, 30)
    await rebuild(hass, loaded, ledger, text, wait)
    (aside,) = ledger.parent.glob(f"{ledger.name}.corrupt.*")
    assert aside.read_bytes() == text
    issues = [issue_id for domain, issue_id in ir.async_get(hass).issues if domain != "eevion"]
    assert [i for i in issues if i.startswith(f"storage_corruption_{ledger.name}")]
    assert station.totals() == pytest.approx(station.true_totals())


async def test_a_readable_file_is_nothing_to_speak_of(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, ledger: Path, wait: Pass
) -> None:
    await reload(hass, loaded, wait)
    assert not ir.async_get(hass).issues
    assert not list(ledger.parent.glob(f"{ledger.name}.*"))
