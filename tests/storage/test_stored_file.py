"""Stored files that are invalid in any way: renamed, reported once, written anew."""

# ruff: noqa: ASYNC240 -- small files of one's own

from collections.abc import Callable, Iterator
from copy import deepcopy
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.accounting import store as ledger_store
from custom_components.eevion.history import store as history_store
from custom_components.eevion.polling import budget
from custom_components.eevion.smart import store as smart_store
from custom_components.eevion.stations.memory import Remembered
from custom_components.eevion.storage.values import StoredDataError
from simulator import Settings, World
from tests.conftest import API_KEY, START, Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("own_files")

T = 1_793_600_000.5
"""A time in October 2026."""
SUMS = [5_000, {"CAD": 300, "": 1}]
ENTRY = [12_000, 3_000, "CAD", T, T, T + 60, T + 61, False, [12_000, 3_000, T, T + 60]]
ACCOUNT = {
    "sessions": {"s1": ENTRY, "s2": [*ENTRY[:8], True], "s3": [0, 0, *[None] * 5, True, False]},
    "folded": SUMS,
    "missed": SUMS,
    "shown": SUMS,
    "counted_until": T,
    "missed_until": T,
    "is_begun": True,
    "currency": "CAD",
    "site_id": "site",
    "cost_currency": None,
    "has_posted": True,
    "uncosted": [1_793_599_200],
    "before_site": SUMS,
}
SETTING = {"is_in_service": True, "tariff_id": "t1", "tariff_since": T}
GOOD: dict[str, dict[str, Any]] = {
    "ledger": {"cursor": T, "accounts": {"port": ACCOUNT}},
    "memory": {
        "jobs": [{"job_id": "j", "port_ids": ["port"], "wanted": SETTING, "created": T}],
        "settings": {"port": SETTING},
        "in_service_words": {"port": "inService"},
        "tariffs": {"t1": "Night", "t2": "Day"},
        "limits": {"port": {"unit": "A", "limit": 10.0}},
        "jobs_until": T,
        "open_exceptions": ["8404122"],
    },
    "history": {
        "plan": {
            "first": "2026-01-01",
            "last": "2026-10-30",
            "reached": "2026-04-01",
            "port_ids": ["port"],
            "is_once": False,
        },
        "is_done_once": False,
    },
    "smart_charging": {
        "stations": {
            "port": {
                "mode": "smart",
                "is_always_on": True,
                "target_wh": 12_000.0,
                "ready_by": "06:30:00",
                "price_limit": 0.2,
                "session_id": "s1",
                "sent_a": 12.0,
                "before_a": None,
                "held_a": 16,
                "is_starting": False,
                "is_start_known": True,
                "is_overridden": False,
                "is_end_known": False,
                "is_ended_by_hand": False,
                "retry_at": T,
                "charged_ws": 5_000.0,
                "sun_ws": 4_000.0,
            }
        }
    },
    "budget": {"is_clean": True, "used": {"a" * 64: [T, T + 1]}},
}
READ: dict[str, Callable[[Any, list[StoredDataError]], Any]] = {
    "ledger": ledger_store._read,
    "memory": Remembered.from_json,
    "history": history_store._read,
    "smart_charging": smart_store._read,
    "budget": budget._read,
}
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    10**12,
    10**18,
    1e300,
    -1e300,
    "",
    "text",
    "a\nb",
    "x" * 300,
    [],
    [[1]],
    {},
    {"key": {}},
    [None, "1", {}],
]


def alterations(value: Any) -> Iterator[Any]:
    """Yield copies of a value in which one item is changed, missing or added."""
    yield from VALUES
    yield [value]
    yield {"it": value}
    if isinstance(value, dict):
        yield value | {"more": 1}
        for key in value:
            yield {name: item for name, item in value.items() if name != key}
            yield {(f"{name}\n" if name == key else name): item for name, item in value.items()}
            for altered in alterations(value[key]):
                yield value | {key: altered}
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
            yield value[:index] + value[index:][:1] + value[index:]
            for altered in alterations(value[index]):
                yield [*value[:index], altered, *value[index + 1 :]]


def used_up(name: str, content: Any) -> None:
    """Use the content as the integration does: no number may overflow."""
    match name:
        case "ledger":
            cursor, ledgers = content
            assert 0 <= cursor < 4.2e9
            for account in ledgers.values():
                sums = account.raise_shown()
                assert 0 <= sums.energy < 10**17
                account.fold(T)
                json.dumps(account.to_json())
        case "memory":
            assert 0 <= content.jobs_until < 4.2e9
            json.dumps(content.to_json())
            assert all(isinstance(name, str) for name in content.tariffs.values())
            for job in content.jobs.values():
                hash(job.port_ids)
                assert job.created < 4.2e9
        case "history":
            plan, is_done_once = content
            assert plan is None or (plan.first or "") <= (plan.reached or plan.last) <= plan.last
            assert isinstance(is_done_once, bool)
        case "smart_charging":
            for memory in content.values():
                json.dumps(memory.to_json())
                assert memory.solar_share is None or memory.solar_share >= 0
                memory.begin("s2")
        case "budget":
            used, is_clean = content
            assert isinstance(is_clean, bool)
            assert all(isinstance(t, float) for times in used.values() for t in times)


@pytest.mark.parametrize("name", GOOD)
def test_every_single_alteration(name: str, freezer: FrozenDateTimeFactory) -> None:
    """A content is usable, or refused with StoredDataError."""
    freezer.move_to(START)
    read, good = READ[name], GOOD[name]
    lost: list[StoredDataError] = []
    used_up(name, read(deepcopy(good), lost))
    assert not lost
    count = refused = 0
    for altered in alterations(good):
        count += 1
        lost = []
        try:
            content = read(deepcopy(altered), lost)
        except StoredDataError:
            refused += 1
            continue
        refused += bool(lost)
        used_up(name, content)
    assert count > 100
    assert refused > count // 2


def test_one_bad_row_costs_no_other(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(START)
    good = GOOD["memory"]
    lost: list[StoredDataError] = []
    content = Remembered.from_json(
        good
        | {
            "jobs": [*good["jobs"], {"job_id": "bad"}, *[good["jobs"][0] | {"created": 4e9}]],
            "tariffs": {"t1": 1, "t2": "Day"},
            "settings": {"port": SETTING, "other": 5},
        },
        lost,
    )
    assert content.jobs.keys() == {"j"}
    assert content.tariffs == {"t2": "Day"}
    assert content.settings.keys() == {"port"}
    assert len(lost) == 4


# Through Home Assistant.


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=1, seed=7)


def path_of(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> Path:
    own = "" if name == "budget" else f".{entry.entry_id}"
    return Path(hass.config.path(".storage", f"eevion.{name}{own}"))


def file(data: Any, **envelope: Any) -> bytes:
    return json.dumps(
        {"version": 1, "minor_version": 1, "key": "k", "data": data} | envelope
    ).encode()


def broken(name: str) -> dict[str, bytes | None]:
    """Return contents by their fault; None is a folder in the file's place."""
    good = GOOD[name]
    key = next(iter(good))
    return {
        "a folder": None,
        "an empty object": b"{}",
        "null": b"null",
        "a list": b"[1, 2]",
        "a text": b'"text"',
        "of another file": file({"entries": [{"api_key": "another-secret"}]}),
        "data of a list": file([]),
        "no data": json.dumps({"version": 1, "minor_version": 1}).encode(),
        "version 0": file(good, version=0),
        "version -1": file(good, version=-1),
        "version 1e9": file(good, version=10**9),
        "version text": file(good, version="text"),
        "version null": file(good, version=None),
        "version nested": file(good, version=[1]),
        "a key null": file(good | {key: None}),
        "a key nested": file(good | {key: {"a": {"b": 1}}}),
        "a key 1e300": file(good | {key: 1e300}),
    }


# What is wrong with the file as such is found by one loader: one of the four stands for all.
SAMPLES = [("memory", what) for what in broken("memory")] + [
    (name, what)
    for name in ("ledger", "budget")
    for what in ("a folder", "of another file", "version 0", "a key 1e300")
]


def issues(hass: HomeAssistant) -> list[str]:
    return [id_ for domain, id_ in ir.async_get(hass).issues if domain == "eevion"]


async def start_with(
    hass: HomeAssistant, entry: MockConfigEntry, path: Path, content: bytes | None, wait: Pass
) -> None:
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    for _ in range(4):
        await wait(31)


@pytest.mark.parametrize(("name", "what"), SAMPLES)
async def test_an_account_with_a_broken_file(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
    name: str,
    what: str,
) -> None:
    content = broken(name)[what]
    path = path_of(hass, entry, name)
    await start_with(hass, entry, path, content, wait)
    assert entry.state is ConfigEntryState.LOADED
    (aside,) = path.parent.glob(f"{path.name}.unreadable.*")
    assert aside.is_dir() if content is None else aside.read_bytes() == content
    ours = [r for r in caplog.records if r.name.startswith("custom_components.eevion")]
    assert len([r for r in ours if "cannot be read" in r.getMessage()]) == 1
    assert not [r for r in ours if r.exc_info or r.levelname == "ERROR"]
    assert "another-secret" not in caplog.text
    assert [issue for issue in issues(hass) if issue.startswith(f"{name}_unreadable")] == issues(
        hass
    )
    assert len(issues(hass)) == 1

    world.plug_in(world.stations[0].name)
    station = Station(hass, world, world.stations[0].name)
    await station.turn("on")
    await wait(60)
    assert station["switch.charging"] == "on"
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    hass.set_state(CoreState.running)
    written = json.loads(path.read_text())
    lost: list[StoredDataError] = []
    assert READ[name](written["data"], lost)
    assert not lost

    # A valid file deletes the issue; removing the account deletes all its files.
    if name != "budget":
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert issues(hass) == []
        await hass.config_entries.async_remove(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert not path.exists()
        assert content is None or not aside.exists()


@pytest.mark.parametrize("name", ["memory"])
@pytest.mark.parametrize("content", [b"", b'{"version": 1, "da', b"\xff\xfe", file({"a": "NaN"})])
async def test_what_home_assistant_reports_is_not_reported_twice(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wait: Pass,
    name: str,
    content: bytes,
) -> None:
    content = content.replace(b'"NaN"', b"NaN")
    path = path_of(hass, entry, name)
    await start_with(hass, entry, path, content, wait)
    assert entry.state is ConfigEntryState.LOADED
    (aside,) = path.parent.glob(f"{path.name}.corrupt.*")
    assert aside.read_bytes() == content
    assert issues(hass) == []
    assert len([i for _, i in ir.async_get(hass).issues if i.startswith("storage_corruption")]) == 1


@pytest.mark.parametrize("minor", [0, 10**9, "text", [1]])
async def test_another_minor_version_is_read(
    hass: HomeAssistant, entry: MockConfigEntry, wait: Pass, minor: Any
) -> None:
    path = path_of(hass, entry, "memory")
    await start_with(hass, entry, path, file(GOOD["memory"], minor_version=minor), wait)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.memory.tariffs == {"t1": "Night", "t2": "Day"}
    assert issues(hass) == []


FUTURE = 4.05e9
"""The year 2098."""


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("ledger", GOOD["ledger"] | {"cursor": FUTURE}),
        ("ledger", {"cursor": T, "accounts": {"p": ACCOUNT | {"counted_until": FUTURE}}}),
        ("history", {"plan": GOOD["history"]["plan"] | {"last": "2098-01-01"}}),
        ("history", {"plan": GOOD["history"]["plan"] | {"first": "2026-05-01"}}),
        ("history", {"plan": GOOD["history"]["plan"] | {"reached": "2026-11-01"}}),
    ],
)
def test_a_value_that_would_hide_all_later_ones(
    freezer: FrozenDateTimeFactory, name: str, stored: dict[str, Any]
) -> None:
    freezer.move_to(START)
    with pytest.raises(StoredDataError):
        READ[name](GOOD[name] | stored, [])


def test_a_clock_that_was_far_behind_costs_no_ledger(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to("2025-01-01T00:00:00+00:00")
    cursor, ledgers = READ["ledger"](GOOD["ledger"], [])
    assert cursor == T
    assert ledgers.keys() == {"port"}


async def test_a_file_that_cannot_be_deleted(
    hass: HomeAssistant, entry: MockConfigEntry, wait: Pass, caplog: pytest.LogCaptureFixture
) -> None:
    """The account is removed all the same, and the log names the file."""
    path = path_of(hass, entry, "history")
    path.parent.mkdir(exist_ok=True)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    path.mkdir()
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not hass.config_entries.async_entries("eevion")
    assert f"{path} cannot be deleted" in caplog.text
    assert not path_of(hass, entry, "ledger").exists()
