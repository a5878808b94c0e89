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

pytestmark = pytest.mark.usefixtures("no_errors_logged")

POLL = 35


class Account:
    """One account as Home Assistant has it, and what its key sees in the cloud."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, world: World) -> None:
        self._hass = hass
        self.entry = entry
        self.world = world

    @property
    def is_loaded(self) -> bool:
        return self.entry.state is ConfigEntryState.LOADED

    async def set_up(self) -> None:
        assert await self._hass.config_entries.async_setup(self.entry.entry_id)
        await self._hass.async_block_till_done(wait_background_tasks=True)

    async def unload(self) -> None:
        assert await self._hass.config_entries.async_unload(self.entry.entry_id)

    async def include(self, *sites: str) -> None:
        """Select these sites in the options, and leave out all others."""
        options = self._hass.config_entries.options
        form = await options.async_init(self.entry.entry_id)
        await options.async_configure(form["flow_id"], {"sites": [*sites]})

    async def enter_key(self, key: str) -> dict[str, Any]:
        """Enter a key after a failed authentication; return the result of the flow."""
        form = await self.entry.start_reauth_flow(self._hass)
        flow = self._hass.config_entries.flow
        return dict(await flow.async_configure(form["flow_id"], {"api_key": key}))

    def sites(self) -> set[str]:
        """Return the ids of the sites that are devices of the account."""
        registry = dr.async_get(self._hass)
        return {
            id_
            for device in dr.async_entries_for_config_entry(registry, self.entry.entry_id)
            if device.entry_type
            for _, id_ in device.identifiers
        }

    def shown(self) -> set[str]:
        """Return the unique ids of the entities that have a usable state."""
        registry = er.async_get(self._hass)
        return {
            entity.unique_id
            for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id)
            if (state := self._hass.states.get(entity.entity_id)) and state.state != "unavailable"
        }

    def issue(self) -> ir.IssueEntry | None:
        """Return the message about sites that another account has."""
        registry = ir.async_get(self._hass)
        return registry.async_get_issue("eevion", f"shared_sites_{self.entry.entry_id}")


@pytest.fixture
def settings() -> Settings:
    """Accounts with a site each, at first."""
    return Settings(keys=(API_KEY, "another-key", "a-third-key"), sites=1, stations=2, seed=7)


@pytest.fixture
def home(hass: HomeAssistant, loaded: ConfigEntry, world: World) -> Account:
    """Return the account that was added first, loaded before there is another."""
    return Account(hass, loaded, world)


@pytest.fixture
def shop(
    hass: HomeAssistant, entry: MockConfigEntry, entry_data: dict[str, Any], cloud: Cloud
) -> Account:
    """Return the account that was added second, not loaded."""
    data = entry_data | {"api_key": "another-key"}
    second = MockConfigEntry(domain="eevion", title="Shop", data=data, unique_id="other")
    second.add_to_hass(hass)
    return Account(hass, second, cloud.world("another-key"))


@pytest.fixture
def share(world: World, cloud: Cloud) -> None:
    """Let the second key see the first one's site, too."""
    cloud.world("another-key").sites.append(world.sites[0])


async def test_a_site_that_is_shared_later_stays_where_it_is(
    home: Account, shop: Account, wait: Pass
) -> None:
    await shop.set_up()
    of_home, of_shop = home.shown(), shop.shown()
    assert of_home
    assert of_shop
    shop.world.sites.append(home.world.sites[0])
    for _ in range(3):
        await wait(POLL)
    assert (home.shown(), shop.shown()) == (of_home, of_shop)
    assert shop.sites() == {shop.world.sites[0].site_id}
    found = shop.issue()
    assert found
    assert found.translation_placeholders == {
        "title": "Shop",
        "account": "Shop",
        "count": "1",
        "owners": "Home",
    }
    assert home.issue() is None

    for order in ((shop, home), (home, shop)):
        for account in order:
            await account.unload()
        for account in order:
            await account.set_up()
        await wait(POLL)
        await wait(POLL)
        assert (home.shown(), shop.shown()) == (of_home, of_shop)

    shop.world.sites.pop()
    await wait(POLL)
    assert shop.issue() is None
    assert (home.shown(), shop.shown()) == (of_home, of_shop)


@pytest.mark.usefixtures("share")
async def test_before_any_device_the_account_that_was_added_first_has_it(
    hass: HomeAssistant, entry: MockConfigEntry, world: World, shop: Account
) -> None:
    """Whichever is set up first."""
    home = Account(hass, entry, world)
    site_id = home.world.sites[0].site_id
    data = {**home.entry.data, "known_sites": [site_id]}
    hass.config_entries.async_update_entry(home.entry, data=data)
    await shop.set_up()
    assert site_id not in shop.sites()
    if not home.is_loaded:
        await home.set_up()
    assert home.sites() == {site_id}


@pytest.mark.usefixtures("share")
async def test_unloading_the_owner_changes_nothing_and_removing_it_hands_the_site_over(
    hass: HomeAssistant, home: Account, shop: Account, wait: Pass
) -> None:
    await shop.set_up()
    of_home, site_id = home.shown(), home.world.sites[0].site_id
    entities = er.async_get(hass).entities
    ids = {e.entity_id for e in entities.values() if e.unique_id in of_home}
    await home.unload()
    await wait(POLL)
    assert site_id not in shop.sites()
    assert await hass.config_entries.async_remove(home.entry.entry_id)
    await wait(POLL)
    await wait(POLL)
    assert site_id in shop.sites()
    assert of_home <= shop.shown()
    assert ids == {e.entity_id for e in entities.values() if e.unique_id in of_home}
    assert shop.issue() is None


@pytest.mark.usefixtures("share")
async def test_leaving_a_shared_site_out(home: Account, shop: Account, wait: Pass) -> None:
    """In the other account it ends the message; in the owner it hands the site over."""
    home.world.sites.append(home.world.builder.site(1))
    await shop.set_up()
    own, shared = (site.site_id for site in shop.world.sites)

    async def choose(account: Account, *sites: str) -> None:
        await account.include(*sites)
        for _ in range(3):
            await wait(POLL)

    assert shop.issue()
    await choose(shop, own)
    assert shop.issue() is None
    await choose(shop, own, shared)
    assert shop.issue()
    await choose(home, home.world.sites[1].site_id)
    assert shop.sites() == {own, shared}
    assert shop.issue() is None
    assert home.issue() is None, "it leaves the site out"
    await choose(home, *(site.site_id for site in home.world.sites))
    assert shared not in home.sites()
    assert home.issue()


@pytest.mark.usefixtures("share")
async def test_an_account_that_has_nothing_of_its_own(
    hass: HomeAssistant, home: Account, shop: Account, wait: Pass
) -> None:
    del shop.world.sites[0]
    await shop.set_up()
    await wait(POLL)
    assert shop.is_loaded
    assert not shop.shown()
    assert shop.issue()
    result = await shop.enter_key("another-key")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["reason"] == "reauth_successful"
    by_user = ConfigEntryDisabler.USER
    assert await hass.config_entries.async_set_disabled_by(shop.entry.entry_id, by_user)
    assert shop.issue() is None


@pytest.mark.usefixtures("share")
async def test_devices_of_both_accounts_from_before(
    hass: HomeAssistant, entry: MockConfigEntry, world: World, shop: Account, wait: Pass
) -> None:
    """An earlier version let both have them: the first one keeps them, the second goes."""
    home = Account(hass, entry, world)
    site = home.world.sites[0]
    devices = dr.async_get(hass)
    for owner in (home.entry, shop.entry):
        for id_ in (site.site_id, *(station.port_id for station in site.stations)):
            devices.async_get_or_create(
                config_entry_id=owner.entry_id, identifiers={("eevion", id_)}
            )
    await home.set_up()
    if not shop.is_loaded:
        await shop.set_up()
    for _ in range(3):
        await wait(POLL)
    assert home.sites() == {site.site_id}
    assert site.site_id not in shop.sites()
    ports = {station.port_id for station in site.stations}
    assert all(any(u.startswith(port) for u in home.shown()) for port in ports)


async def test_a_station_that_moves_to_a_site_of_another_account(
    home: Account, shop: Account, wait: Pass
) -> None:
    await shop.set_up()
    station = home.world.sites[0].stations.pop()
    shop.world.sites[0].stations.append(station)
    for _ in range(4):
        await wait(POLL)
    assert any(u.startswith(station.port_id) for u in shop.shown())
    assert not any(u.startswith(station.port_id) for u in home.shown())


@pytest.mark.usefixtures("share")
async def test_titles_that_the_cloud_named_are_no_markdown(
    hass: HomeAssistant, home: Account, shop: Account
) -> None:
    """The description of an issue is Markdown; its title is not."""
    hass.config_entries.async_update_entry(home.entry, title="[Home](https://evil.example)")
    hass.config_entries.async_update_entry(shop.entry, title="<img src=x>")
    await shop.set_up()
    found = shop.issue()
    assert found
    assert found.translation_placeholders == {
        "title": "<img src=x>",
        "account": r"\<img src=x\>",
        "count": "1",
        "owners": r"\[Home\](https\://evil.example)",
    }


async def add(hass: HomeAssistant, cloud_url: str, key: str) -> dict[str, Any]:
    form = await hass.config_entries.flow.async_init("eevion", context={"source": SOURCE_USER})
    entered = {"api_key": key, "environment": "production", "advanced": {"url": cloud_url}}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done(wait_background_tasks=True)
    return dict(result)


@pytest.mark.usefixtures("share")
async def test_a_key_that_sees_a_known_and_a_new_site(
    hass: HomeAssistant, home: Account, cloud: Cloud, cloud_url: str
) -> None:
    result = await add(hass, cloud_url, "another-key")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    added = Account(hass, result["result"], cloud.world("another-key"))
    new = added.world.sites[0]
    assert result["title"] == new.name
    assert added.entry.unique_id == f"production_{new.site_id}"
    assert added.sites() == {new.site_id}
    assert added.issue()
    assert home.sites() == {home.world.sites[0].site_id}

    third = cloud.world("a-third-key")
    third.sites[:] = added.world.sites
    assert (await add(hass, cloud_url, "a-third-key"))["reason"] == "already_configured"


async def test_the_same_key_with_a_site_that_is_left_out(
    hass: HomeAssistant, home: Account, cloud_url: str, wait: Pass
) -> None:
    """It is in its own account that the site can be included."""
    home.world.sites.append(home.world.builder.site(1))
    options = {"excluded_sites": [home.world.sites[1].site_id]}
    hass.config_entries.async_update_entry(home.entry, options=options)
    await wait(POLL)
    assert (await add(hass, cloud_url, API_KEY))["reason"] == "already_configured"


@pytest.mark.usefixtures("share")
async def test_a_shared_site_does_not_make_a_key_the_same_account(
    home: Account, shop: Account
) -> None:
    await shop.set_up()
    assert (await shop.enter_key(API_KEY))["reason"] == "wrong_account"
