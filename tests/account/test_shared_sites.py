"""Two accounts whose keys see the same site, which belongs to one at a time."""

from typing import Any

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Cloud, Settings, World
from tests.conftest import API_KEY, Pass

POLL = 35


@pytest.fixture
def settings() -> Settings:
    """Accounts with a site each, at first."""
    return Settings(keys=(API_KEY, "another-key", "a-third-key"), sites=1, stations=2, seed=7)


@pytest.fixture
def other_world(cloud: Cloud) -> World:
    return cloud.world("another-key")


@pytest.fixture
def other(hass: HomeAssistant, entry_data: dict[str, Any]) -> MockConfigEntry:
    data = entry_data | {"api_key": "another-key"}
    entry = MockConfigEntry(domain="eevion", title="Shop", data=data, unique_id="other")
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
def share(world: World, other_world: World) -> None:
    """Let the second key see the first one's site, too."""
    other_world.sites.append(world.sites[0])


async def set_up(hass: HomeAssistant, entry: ConfigEntry) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


def sites_of(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    """Return the ids of the sites that are devices of an account."""
    return {
        id_
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if device.entry_type
        for _, id_ in device.identifiers
    }


def shown(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    """Return the unique ids of an account's entities that have a usable state."""
    return {
        entity.unique_id
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if (state := hass.states.get(entity.entity_id)) and state.state != "unavailable"
    }


def issue(hass: HomeAssistant, entry: ConfigEntry) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue("eevion", f"shared_sites_{entry.entry_id}")


def no_errors(caplog: pytest.LogCaptureFixture) -> bool:
    return not [r for r in caplog.records if r.levelname in {"ERROR", "CRITICAL"}]


async def test_a_site_that_is_shared_later_stays_where_it_is(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    other: MockConfigEntry,
    world: World,
    other_world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await set_up(hass, other)
    of_first, of_other = shown(hass, loaded), shown(hass, other)
    assert of_first
    assert of_other
    other_world.sites.append(world.sites[0])
    for _ in range(3):
        await wait(POLL)
    assert (shown(hass, loaded), shown(hass, other)) == (of_first, of_other)
    assert sites_of(hass, other) == {other_world.sites[0].site_id}
    found = issue(hass, other)
    assert found
    assert found.translation_placeholders == {"title": "Shop", "count": "1", "owners": "Home"}
    assert issue(hass, loaded) is None

    for order in ((other, loaded), (loaded, other)):
        for entry in order:
            assert await hass.config_entries.async_unload(entry.entry_id)
        for entry in order:
            await set_up(hass, entry)
        await wait(POLL)
        await wait(POLL)
        assert (shown(hass, loaded), shown(hass, other)) == (of_first, of_other)

    other_world.sites.pop()
    await wait(POLL)
    assert issue(hass, other) is None
    assert (shown(hass, loaded), shown(hass, other)) == (of_first, of_other)
    assert no_errors(caplog)


@pytest.mark.usefixtures("share")
async def test_before_any_device_the_account_that_was_added_first_has_it(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: MockConfigEntry,
    world: World,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whichever is set up first."""
    site_id = world.sites[0].site_id
    hass.config_entries.async_update_entry(entry, data={**entry.data, "known_sites": [site_id]})
    await set_up(hass, other)
    assert site_id not in sites_of(hass, other)
    if entry.state is not ConfigEntryState.LOADED:
        await set_up(hass, entry)
    assert sites_of(hass, entry) == {site_id}
    assert no_errors(caplog)


@pytest.mark.usefixtures("share")
async def test_unloading_the_owner_changes_nothing_and_removing_it_hands_the_site_over(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    other: MockConfigEntry,
    world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await set_up(hass, other)
    of_first, site_id = shown(hass, loaded), world.sites[0].site_id
    ids = {e.entity_id for e in er.async_get(hass).entities.values() if e.unique_id in of_first}
    assert await hass.config_entries.async_unload(loaded.entry_id)
    await wait(POLL)
    assert site_id not in sites_of(hass, other)
    assert await hass.config_entries.async_remove(loaded.entry_id)
    await wait(POLL)
    await wait(POLL)
    assert site_id in sites_of(hass, other)
    assert of_first <= shown(hass, other)
    assert ids == {
        e.entity_id for e in er.async_get(hass).entities.values() if e.unique_id in of_first
    }
    assert issue(hass, other) is None
    assert no_errors(caplog)


@pytest.mark.usefixtures("share")
async def test_leaving_a_shared_site_out(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    other: MockConfigEntry,
    world: World,
    other_world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the other account it ends the message; in the owner it hands the site over."""
    world.sites.append(world.builder.site(1))
    await set_up(hass, other)
    own, shared = (site.site_id for site in other_world.sites)

    async def choose(entry: ConfigEntry, *sites: str) -> None:
        form = await hass.config_entries.options.async_init(entry.entry_id)
        await hass.config_entries.options.async_configure(form["flow_id"], {"sites": [*sites]})
        for _ in range(3):
            await wait(POLL)

    assert issue(hass, other)
    await choose(other, own)
    assert issue(hass, other) is None
    await choose(other, own, shared)
    assert issue(hass, other)
    await choose(loaded, world.sites[1].site_id)
    assert sites_of(hass, other) == {own, shared}
    assert issue(hass, other) is None
    assert issue(hass, loaded) is None, "it leaves the site out"
    await choose(loaded, *(site.site_id for site in world.sites))
    assert shared not in sites_of(hass, loaded)
    assert issue(hass, loaded)
    assert no_errors(caplog)


@pytest.mark.usefixtures("share")
async def test_an_account_that_has_nothing_of_its_own(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    other: MockConfigEntry,
    other_world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    del other_world.sites[0]
    await set_up(hass, other)
    await wait(POLL)
    assert other.state is ConfigEntryState.LOADED
    assert not shown(hass, other)
    assert issue(hass, other)
    form = await other.start_reauth_flow(hass)
    result = await hass.config_entries.flow.async_configure(
        form["flow_id"], {"api_key": "another-key"}
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["reason"] == "reauth_successful"
    assert await hass.config_entries.async_set_disabled_by(other.entry_id, ConfigEntryDisabler.USER)
    assert issue(hass, other) is None
    assert no_errors(caplog)


@pytest.mark.usefixtures("share")
async def test_devices_of_both_accounts_from_before(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: MockConfigEntry,
    world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An earlier version let both have them: the first one keeps them, the second goes."""
    site = world.sites[0]
    devices = dr.async_get(hass)
    for owner in (entry, other):
        for id_ in (site.site_id, *(station.port_id for station in site.stations)):
            devices.async_get_or_create(
                config_entry_id=owner.entry_id, identifiers={("eevion", id_)}
            )
    await set_up(hass, entry)
    if other.state is not ConfigEntryState.LOADED:
        await set_up(hass, other)
    for _ in range(3):
        await wait(POLL)
    assert sites_of(hass, entry) == {site.site_id}
    assert site.site_id not in sites_of(hass, other)
    ports = {station.port_id for station in site.stations}
    assert all(any(u.startswith(port) for u in shown(hass, entry)) for port in ports)
    assert no_errors(caplog)


async def test_a_station_that_moves_to_a_site_of_another_account(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    other: MockConfigEntry,
    world: World,
    other_world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await set_up(hass, other)
    station = world.sites[0].stations.pop()
    other_world.sites[0].stations.append(station)
    for _ in range(4):
        await wait(POLL)
    assert any(u.startswith(station.port_id) for u in shown(hass, other))
    assert not any(u.startswith(station.port_id) for u in shown(hass, loaded))
    assert no_errors(caplog)


async def add(hass: HomeAssistant, cloud_url: str, key: str) -> dict[str, Any]:
    form = await hass.config_entries.flow.async_init("eevion", context={"source": SOURCE_USER})
    entered = {"api_key": key, "environment": "production", "advanced": {"url": cloud_url}}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done(wait_background_tasks=True)
    return dict(result)


@pytest.mark.usefixtures("share")
async def test_a_key_that_sees_a_known_and_a_new_site(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    cloud_url: str,
    world: World,
    other_world: World,
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = await add(hass, cloud_url, "another-key")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    new = other_world.sites[0]
    assert result["title"] == new.name
    assert result["result"].unique_id == f"production_{new.site_id}"
    assert sites_of(hass, result["result"]) == {new.site_id}
    assert issue(hass, result["result"])
    assert sites_of(hass, loaded) == {world.sites[0].site_id}

    third = cloud.world("a-third-key")
    third.sites[:] = other_world.sites
    assert (await add(hass, cloud_url, "a-third-key"))["reason"] == "already_configured"
    assert no_errors(caplog)


async def test_the_same_key_with_a_site_that_is_left_out(
    hass: HomeAssistant, loaded: ConfigEntry, cloud_url: str, world: World, wait: Pass
) -> None:
    """It is in its own account that the site can be included."""
    world.sites.append(world.builder.site(1))
    options = {"excluded_sites": [world.sites[1].site_id]}
    hass.config_entries.async_update_entry(loaded, options=options)
    await wait(POLL)
    assert (await add(hass, cloud_url, API_KEY))["reason"] == "already_configured"


@pytest.mark.usefixtures("share")
async def test_a_shared_site_does_not_make_a_key_the_same_account(
    hass: HomeAssistant, loaded: ConfigEntry, other: MockConfigEntry
) -> None:
    await set_up(hass, other)
    form = await other.start_reauth_flow(hass)
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {"api_key": API_KEY})
    assert result["reason"] == "wrong_account"
