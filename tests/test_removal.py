"""Nothing of an account stays after its removal, and reloads accumulate nothing."""

import asyncio
import os
from pathlib import Path
from threading import Event
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.api import Lane
from simulator import Cloud, World
from tests.conftest import Pass
from tests.helpers import Station
from tests.smart.home import GRID, Home


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Write to a real folder."""
    (Path(hass_tmp_config_dir) / ".storage").mkdir()
    return hass_tmp_config_dir


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Replace the storage in memory: Home Assistant writes real files."""
    return {}


def is_ours(what: object) -> bool:
    return "eevion" in repr(what)


def tasks() -> list[str]:
    return sorted(repr(t.get_coro()) for t in asyncio.all_tasks() if is_ours(t.get_coro()))


def timers(hass: HomeAssistant) -> list[str]:
    handles = hass.loop._scheduled  # type: ignore[attr-defined]
    return [repr(h) for h in handles if not h.cancelled() and is_ours((h._callback, h._args))]


def listeners(hass: HomeAssistant) -> dict[str, int]:
    """Return how many listeners there are for each event and each dispatcher signal."""
    signals = hass.data.get("dispatcher", {})
    return {
        **{str(event): count for event, count in hass.bus.async_listeners().items() if count},
        **{str(signal): len(targets) for signal, targets in signals.items() if targets},
    }


def traces(hass: HomeAssistant) -> dict[str, Any]:
    """Return everything of ours that Home Assistant holds."""
    return {
        "files": sorted(p.name for p in Path(hass.config.path(".storage")).glob("eevion*")),
        "issues": [key for key in ir.async_get(hass).issues if is_ours(key)],
        "notifications": dict(hass.data.get("persistent_notification", {})),
        "webhooks": [id_ for id_, hook in hass.data.get("webhook", {}).items() if is_ours(hook)],
        "devices": [d for d in dr.async_get(hass).devices if is_ours(d.identifiers)],
        "entities": [e for e in er.async_get(hass).entities.values() if e.platform == "eevion"],
        "states": [s.entity_id for s in hass.states.async_all() if "station" in s.entity_id],
        "flows": hass.config_entries.flow.async_progress_by_handler("eevion"),
        "signals": [
            key
            for key, targets in hass.data.get("dispatcher", {}).items()
            if is_ours(key) and targets
        ],
        # The used requests of a key stay in memory until a restart, as the key may be added again.
        "data": [key for key in map(str, hass.data) if is_ours(key) and key != "eevion_budgets"],
        "tasks": tasks(),
        "timers": timers(hass),
    }


NOTHING: dict[str, Any] = {
    name: {} if name == "notifications" else []
    for name in (
        "files",
        "issues",
        "notifications",
        "webhooks",
        "devices",
        "entities",
        "states",
        "flows",
        "signals",
        "data",
        "tasks",
        "timers",
    )
}


async def remove(hass: HomeAssistant, entry: ConfigEntry, wait: Pass) -> None:
    assert await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await wait(120)


async def test_nothing_stays(
    hass: HomeAssistant, entry: MockConfigEntry, cloud: Cloud, world: World, wait: Pass
) -> None:
    """A set-aside ledger with its message, a job that failed, and a session that goes on."""
    storage = Path(hass.config.path(".storage"))
    (storage / f"eevion.ledger.{entry.entry_id}").write_text('{"version": 1}', "utf-8")
    (storage / f"eevion.memory.{entry.entry_id}.unreadable.folder").mkdir()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    name = world.stations[0].name
    world.fail_jobs(name)
    world.plug_in(name, percent=20)
    station = Station(hass, world, name)
    await station.turn("on")
    await hass.services.async_call(
        "eevion",
        "manage_stations",
        {"stations": [name], "is_visible": False},
        blocking=True,
        return_response=True,
    )
    for _ in range(5):
        await wait(30)
    cloud.faults.set("unauthorized")
    for _ in range(5):
        await wait(30)
    before = traces(hass)
    for kind in ("files", "issues", "notifications", "webhooks", "devices", "entities", "states"):
        assert before[kind], kind
    await remove(hass, entry, wait)
    assert traces(hass) == NOTHING


async def test_nothing_stays_of_smart_charging(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    wait: Pass,
) -> None:
    """A connection with two stations, one of which is paused."""
    home = Home(hass, loaded, cloud, world, wait)
    home.meter(0)
    first, second = (station.name for station in world.stations)
    await home.add(first, second)
    world.plug_in(first, card=True)
    await home.choose(first, "smart")
    await home.choose(second, "off")
    await home.run(60, 0)
    assert f"eevion.smart_charging.{loaded.entry_id}" in traces(hass)["files"]
    hass.states.async_remove(GRID)
    await remove(hass, loaded, wait)
    assert traces(hass) == NOTHING


async def test_an_account_that_was_never_loaded(
    hass: HomeAssistant, entry: MockConfigEntry, cloud: Cloud, wait: Pass
) -> None:
    cloud.faults.set("html")
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await remove(hass, entry, wait)
    assert traces(hass) == NOTHING


async def test_a_stop_of_home_assistant_writes_nothing_of_a_removed_account(
    hass: HomeAssistant, loaded: ConfigEntry, wait: Pass
) -> None:
    await remove(hass, loaded, wait)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert traces(hass)["files"] == []


async def test_a_write_that_the_removal_overtakes(
    hass: HomeAssistant, loaded: ConfigEntry, wait: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of the budget is being written, and another write waits, at the removal."""
    begun, may_end = Event(), Event()
    replace = os.replace

    def replace_slowly(source: str, target: Any) -> None:
        if "eevion.budget" in str(target):
            begun.set()
            may_end.wait(60)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_slowly)
    for _ in range(20):
        async with loaded.runtime_data.rate_limit.slot(Lane.COMMAND):
            pass
    await hass.async_add_executor_job(begun.wait, 60)
    removal = hass.async_create_task(hass.config_entries.async_remove(loaded.entry_id))
    for _ in range(200):
        await hass.async_add_executor_job(lambda: None)
    may_end.set()
    assert await removal
    await hass.async_block_till_done(wait_background_tasks=True)
    await wait(120)
    assert traces(hass)["files"] == []


async def test_another_account_keeps_its_data(
    hass: HomeAssistant, loaded: ConfigEntry, entry_data: dict[str, Any], wait: Pass
) -> None:
    other = MockConfigEntry(
        domain="eevion", title="Shop", data=entry_data | {"api_key": "another-key"}
    )
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    for _ in range(5):
        await wait(30)
    await remove(hass, loaded, wait)
    files = traces(hass)["files"]
    assert "eevion.budget" in files
    assert f"eevion.ledger.{other.entry_id}" in files
    assert not [name for name in files if loaded.entry_id in name]


async def test_nothing_grows_with_reloads(
    hass: HomeAssistant, loaded: ConfigEntry, world: World, wait: Pass
) -> None:
    async def reload() -> tuple[list[str], int, dict[str, int]]:
        assert await hass.config_entries.async_reload(loaded.entry_id)
        await wait(40)
        return tasks(), len(timers(hass)), listeners(hass)

    for _ in range(3):
        before = await reload()
    for _ in range(50):
        after = await reload()
    assert after == before
    assert before[1], "there are timers"
