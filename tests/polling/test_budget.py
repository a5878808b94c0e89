"""One budget for each key: shared, kept over reloads and restarts, written seldom."""

import asyncio
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any

from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.eevion.api import EevionRateLimitError, Lane, RateLimit
from custom_components.eevion.polling.budget import Budgets, async_get_budgets
from simulator import Cloud, create_app
from tests.conftest import API_KEY, START, Pass
from tests.helpers import settle

NAME = sha256(API_KEY.encode()).hexdigest()
STORAGE = "eevion.budget"
PRESUMED = 8
"""So many requests may be unwritten when the power goes."""

pytestmark = pytest.mark.usefixtures("hass_storage")


@pytest.fixture(autouse=True)
def frozen(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(START)


@pytest.fixture
async def rate_limit(hass: HomeAssistant) -> RateLimit:
    """The budget of a key; there is an account, but no poll."""
    MockConfigEntry(domain="eevion").add_to_hass(hass)
    return (await async_get_budgets(hass)).async_get(API_KEY)


async def use(rate_limit: RateLimit, count: int) -> None:
    for _ in range(count):
        async with rate_limit.slot(Lane.COMMAND):
            pass


def stored(hass_storage: dict[str, Any]) -> int:
    """How many requests of the key are written."""
    data = hass_storage.get(STORAGE, {"data": {"used": {}}})["data"]
    return len(data["used"].get(NAME, []))


async def stop(hass: HomeAssistant) -> None:
    """Come to the last writes, as at the end of Home Assistant."""
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    hass.set_state(CoreState.running)


async def reborn(hass: HomeAssistant, key: str = API_KEY) -> RateLimit:
    """Return the budget as Home Assistant finds it after its start."""
    budgets = Budgets(hass)
    await budgets.async_load()
    return budgets.async_get(key)


async def set_up(hass: HomeAssistant, data: dict[str, Any], **changed: Any) -> ConfigEntry:
    entry = MockConfigEntry(domain="eevion", data=data | changed)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def test_one_budget_for_each_key(
    hass: HomeAssistant, entry_data: dict[str, Any], enable_custom_integrations: None
) -> None:
    production = await set_up(hass, entry_data)
    staging = await set_up(hass, entry_data, environment="staging")
    other = await set_up(hass, entry_data, api_key="another-key")
    assert production.runtime_data.rate_limit is staging.runtime_data.rate_limit
    assert production.runtime_data.rate_limit is not other.runtime_data.rate_limit
    assert production.runtime_data.rate_limit.used > other.runtime_data.rate_limit.used >= 2


async def test_another_address_shares_the_budget(
    hass: HomeAssistant, entry_data: dict[str, Any], cloud: Cloud, enable_custom_integrations: None
) -> None:
    """A gateway passes on to the same cloud, which counts by the key."""
    gateway = TestServer(create_app(cloud), host="127.0.0.1")
    await gateway.start_server(access_log=None)
    one = await set_up(hass, entry_data)
    two = await set_up(hass, entry_data, url=str(gateway.make_url("/api/eevion")))
    assert one.runtime_data.rate_limit is two.runtime_data.rate_limit
    await gateway.close()


async def test_the_flow_uses_the_same_budget(
    hass: HomeAssistant, loaded: ConfigEntry, entry_data: dict[str, Any]
) -> None:
    used = loaded.runtime_data.rate_limit.used
    flow = await hass.config_entries.flow.async_init("eevion", context={"source": "user"})
    await hass.config_entries.flow.async_configure(
        flow["flow_id"],
        {
            "api_key": API_KEY,
            "environment": "staging",
            "advanced": {"url": entry_data["url"]},
        },
    )
    assert loaded.runtime_data.rate_limit.used > used


async def test_a_reload_keeps_what_was_used(
    hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, freezer: FrozenDateTimeFactory
) -> None:
    """Somebody who reloads again and again is made to wait; the cloud never refuses."""
    rate_limit = loaded.runtime_data.rate_limit
    for _ in range(40):
        reload = asyncio.create_task(hass.config_entries.async_reload(loaded.entry_id))
        for _ in range(40):
            await settle(rate_limit, turns=30)
            if reload.done():
                break
            freezer.tick(1)
            async_fire_time_changed(hass)
        assert await reload == (loaded.state is ConfigEntryState.LOADED)
    for _ in range(120):
        freezer.tick(1)
        async_fire_time_changed(hass)
        await settle(rate_limit, turns=30)
    assert loaded.state is ConfigEntryState.LOADED
    assert {request.status for request in cloud.requests} == {200}


async def test_nothing_is_written_before_there_is_an_account(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """A key that is only tried out leaves nothing behind; with an account, its use counts."""
    rate_limit = (await async_get_budgets(hass)).async_get(API_KEY)
    await use(rate_limit, 3)
    await stop(hass)
    assert STORAGE not in hass_storage
    MockConfigEntry(domain="eevion").add_to_hass(hass)
    await use(rate_limit, 1)
    await hass.async_block_till_done()
    assert stored(hass_storage) >= 4


async def test_no_key_is_written(
    hass: HomeAssistant, hass_storage: dict[str, Any], rate_limit: RateLimit
) -> None:
    await use(rate_limit, 1)
    await stop(hass)
    assert stored(hass_storage) == 1
    assert API_KEY not in str(hass_storage[STORAGE])


@pytest.mark.parametrize(
    ("interval", "requests", "hours", "most"),
    [(29, 2, 6, 12), (4, 1, 2, 8), (2, 1, 1, 9)],
    ids=["idle", "charging", "busy"],
)
async def test_writes_are_few(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    rate_limit: RateLimit,
    freezer: FrozenDateTimeFactory,
    interval: int,
    requests: int,
    hours: int,
    most: int,
) -> None:
    """And what is written covers what was used, if the power goes, at every moment."""
    hass.loop.set_debug(False)
    written: list[object] = []
    begun = time()
    others = {29: begun, 300: begun}
    while time() < begun + hours * 3600:
        await use(rate_limit, requests)
        for period, due in others.items():
            if time() >= due:
                others[period] = due + period
                await use(rate_limit, 1 if period == 29 else 4)
        await hass.async_block_till_done()
        used = hass_storage[STORAGE]["data"]["used"][NAME]
        assert len(used) >= rate_limit.used
        assert min(used) > time() + 59
        if not written or written[-1] is not hass_storage[STORAGE]:
            written.append(hass_storage[STORAGE])
        freezer.tick(interval)
    assert hours <= len(written) <= most


async def test_less_is_presumed_when_less_was_used_for_long(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    rate_limit: RateLimit,
    freezer: FrozenDateTimeFactory,
) -> None:
    await use(rate_limit, 50)
    for _ in range(50):
        freezer.tick(20)
        await use(rate_limit, 1)
        await hass.async_block_till_done()
    assert 3 <= stored(hass_storage) <= 8
    # Where the clock is set back, what is written has to end in the new time.
    freezer.tick(-86_400)
    await use(rate_limit, 1)
    await hass.async_block_till_done()
    assert max(hass_storage[STORAGE]["data"]["used"][NAME]) == time() + 3600


@pytest.mark.parametrize("gap", [0, 0.1, 1, 5])
async def test_never_more_unwritten_than_is_presumed(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    rate_limit: RateLimit,
    wait: Pass,
    gap: float,
) -> None:
    """The power may go at any moment."""
    for _ in range(40):
        await use(rate_limit, 1)
        await (wait(gap) if gap else asyncio.sleep(0))
        await hass.async_block_till_done()
        assert stored(hass_storage) >= rate_limit.used - PRESUMED


async def test_after_a_power_cut_the_unwritten_are_presumed(
    hass: HomeAssistant, hass_storage: dict[str, Any], rate_limit: RateLimit
) -> None:
    await use(rate_limit, 30)
    await hass.async_block_till_done()
    found = await reborn(hass)
    assert found.used == stored(hass_storage) + PRESUMED
    assert found.used >= 30


async def test_the_first_requests_of_a_key(hass: HomeAssistant, rate_limit: RateLimit) -> None:
    """Nothing about the key is in the storage yet."""
    await use(rate_limit, 3)
    await hass.async_block_till_done()
    assert (await reborn(hass)).used >= 3


async def test_a_second_power_cut_presumes_again(
    hass: HomeAssistant, hass_storage: dict[str, Any], rate_limit: RateLimit, wait: Pass
) -> None:
    await use(rate_limit, 3)
    await wait(20)
    presumed = stored(hass_storage) + PRESUMED
    assert presumed >= 3 + PRESUMED
    for _ in range(2):
        assert (await reborn(hass)).used == presumed


async def test_a_power_cut_long_ago(
    hass: HomeAssistant, rate_limit: RateLimit, freezer: FrozenDateTimeFactory
) -> None:
    await use(rate_limit, 30)
    await hass.async_block_till_done()
    freezer.tick(3600 + 61)
    assert (await reborn(hass)).used == PRESUMED


async def test_after_a_clean_stop_nothing_is_presumed(
    hass: HomeAssistant, rate_limit: RateLimit
) -> None:
    await use(rate_limit, 10)
    await stop(hass)
    assert (await reborn(hass)).used == 10


async def test_a_clean_stop_while_nothing_waits_to_be_written(
    hass: HomeAssistant, rate_limit: RateLimit, wait: Pass
) -> None:
    """Half of the time between two polls all is written already."""
    await use(rate_limit, 10)
    await wait(20)
    await stop(hass)
    assert (await reborn(hass)).used == 10


async def test_a_clean_stop_counts_once(hass: HomeAssistant, rate_limit: RateLimit) -> None:
    """A power cut soon after the next start finds no clean end."""
    await use(rate_limit, 10)
    await stop(hass)
    await reborn(hass)
    assert (await reborn(hass)).used == 10 + PRESUMED


async def test_other_keys_presume_nothing(
    hass: HomeAssistant, rate_limit: RateLimit, wait: Pass
) -> None:
    await use(rate_limit, 3)
    await wait(20)
    assert (await reborn(hass, "another-key")).used == 0


async def test_a_key_that_is_not_used_is_kept_for_later(
    hass: HomeAssistant, rate_limit: RateLimit, wait: Pass
) -> None:
    """The other entry comes up later, or not in this run at all."""
    await use(rate_limit, 20)
    await wait(20)
    await use(await reborn(hass, "another-key"), PRESUMED + 1)
    await hass.async_block_till_done()
    assert (await reborn(hass)).used >= 20


async def test_what_is_long_ago_is_forgotten(
    hass: HomeAssistant, rate_limit: RateLimit, freezer: FrozenDateTimeFactory
) -> None:
    await use(rate_limit, 40)
    await stop(hass)
    freezer.tick(61)
    assert (await reborn(hass)).used == 0


async def test_a_clock_that_was_put_back(
    hass: HomeAssistant, rate_limit: RateLimit, freezer: FrozenDateTimeFactory
) -> None:
    """What lies in the future counts as just now."""
    await use(rate_limit, 40)
    await stop(hass)
    freezer.tick(-86_400)
    found = await reborn(hass)
    assert found.used == 40
    freezer.tick(61)
    assert found.used == 0


async def test_a_full_budget_lets_nothing_through_after_a_restart(
    hass: HomeAssistant, rate_limit: RateLimit
) -> None:
    await use(rate_limit, 60)
    await hass.async_block_till_done()
    found = await reborn(hass)
    with pytest.raises(EevionRateLimitError):
        await use(found, 1)


def file(data: Any, version: int = 1) -> dict[str, Any]:
    return {"version": version, "minor_version": 1, "key": STORAGE, "data": data}


@pytest.mark.parametrize(
    "content",
    [
        file(None),
        file({}),
        file([]),
        file("text"),
        file({"is_clean": True}),
        file({"used": {}}),
        file({"is_clean": True, "used": None}),
        file({"is_clean": True, "used": []}),
        file({"is_clean": None, "used": {NAME: None}}),
        file({"is_clean": False, "used": {NAME: "soon"}}),
        file({"is_clean": False, "used": {NAME: [None, "x", [], {}, True, 1e300, -5, -1e300]}}),
        file({"is_clean": False, "used": {NAME: [1e9] * 10_000}}),
        file({"is_clean": True, "used": {}, "more": 1}),
        file({"written by": "a later version"}, version=2),
    ],
    ids=lambda content: str(content["data"])[:30],
)
async def test_whatever_the_storage_holds(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    entry: MockConfigEntry,
    content: dict[str, Any],
) -> None:
    hass_storage[STORAGE] = content
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED
    await stop(hass)
    assert (await reborn(hass)).used >= 2


@pytest.mark.usefixtures("own_files")
@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b'{"version": 1, "minor_version": 1, "key": "eevion.budget", "da',
        b'{"version": 2, "minor_version": 1, "key": "eevion.budget", "data": {}}',
        b'{"version": 1, "minor_version": 1, "key": "eevion.budget", "data": '
        b'{"is_clean": true, "used": {"%s": 1}}}' % NAME.encode(),
    ],
    ids=["empty", "cut off", "newer", "one key"],
)
async def test_a_damaged_file_is_no_unused_budget(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory, damaged: bytes
) -> None:
    """A power cut may damage it in the middle of a busy minute; the account is loaded at once."""
    path = Path(hass.config.path(".storage", STORAGE))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(damaged)  # noqa: ASYNC240
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED
    budgets = await async_get_budgets(hass)
    assert 24 < budgets.async_get(API_KEY).used <= 36
    freezer.tick(61)
    assert budgets.async_get(API_KEY).used == 0
    assert budgets.async_get("a-new-key").used == 0
