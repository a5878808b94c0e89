"""Entry data and options of other versions: values missing, null or of another type."""

import logging
from typing import Any
from unittest.mock import sentinel

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.eevion.account.settings import AccountData, AccountOptions, account_title
from custom_components.eevion.api import BASE_URL, Environment
from simulator import Settings, World
from tests.conftest import API_KEY

# Its text is the same in each process that collects the tests.
MISSING = sentinel.missing
WRONG = (MISSING, None, "", 5, True, [], {}, [None], ["x"], "\ud83d", 1e300)
HARMLESS = ("webhook_id", "cloudhook_url", "known_sites")
OPTIONS = ("excluded_sites", "inactive_stations", "import_history")


def with_value(values: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    rest = {k: v for k, v in values.items() if k != key}
    return rest if value is MISSING else rest | {key: value}


def without_tracebacks(caplog: pytest.LogCaptureFixture) -> bool:
    """Whether none was logged; Home Assistant writes those of a failed set-up at debug level."""
    return not [r for r in caplog.records if r.exc_info and r.levelno > logging.DEBUG]


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("value", WRONG, ids=repr)
async def test_data_that_the_account_can_do_without(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    caplog: pytest.LogCaptureFixture,
    value: Any,
) -> None:
    data = {**entry.data}
    for key in HARMLESS:
        data = with_value(data, key, value)
    hass.config_entries.async_update_entry(entry, data=data)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert without_tracebacks(caplog)
    assert isinstance(entry.data["webhook_id"], str)
    assert entry.data["webhook_id"]
    assert entry.data["known_sites"] == [world.sites[0].site_id]
    assert await hass.config_entries.async_remove(entry.entry_id)
    assert without_tracebacks(caplog)


@pytest.mark.parametrize("value", WRONG, ids=repr)
async def test_options(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    world: World,
    caplog: pytest.LogCaptureFixture,
    value: Any,
) -> None:
    options: dict[str, Any] = {}
    for key in OPTIONS:
        options = with_value(options, key, value)
    hass.config_entries.async_update_entry(entry, options=options)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    form = await hass.config_entries.options.async_init(entry.entry_id)
    sites = [site.site_id for site in world.sites]
    done = await hass.config_entries.options.async_configure(form["flow_id"], {"sites": sites})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert set(done["data"]) == set(OPTIONS)
    assert entry.state is ConfigEntryState.LOADED
    assert without_tracebacks(caplog)


UNREADABLE = [
    *(("api_key", value) for value in (MISSING, None, " ", 5, [API_KEY])),
    *(("environment", value) for value in ("", "moon", "Production", 5, ["production"], {})),
    *(("url", value) for value in ("", 5, [], "http://8.8.8.8/api", "https://", "http://[::1/")),
]


@pytest.mark.parametrize(("key", "value"), UNREADABLE, ids=repr)
async def test_data_that_a_person_has_to_enter_anew(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    cloud_url: str,
    caplog: pytest.LogCaptureFixture,
    key: str,
    value: Any,
) -> None:
    hass.config_entries.async_update_entry(entry, data=with_value({**entry.data}, key, value))
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "unreadable_account"
    assert without_tracebacks(caplog)
    (flow,) = hass.config_entries.flow.async_progress_by_handler("eevion")
    assert flow["context"]["source"] == SOURCE_REAUTH
    form = await hass.config_entries.flow.async_configure(flow["flow_id"])
    fields = [str(field) for field in form["data_schema"].schema]
    entered: dict[str, Any] = {"api_key": API_KEY}
    if key == "api_key":
        assert fields == ["api_key"]
    else:
        assert fields == ["api_key", "environment", "advanced"]
        entered |= {"environment": "production", "advanced": {"url": cloud_url}}
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], entered)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["reason"] == "reauth_successful"
    assert entry.state is ConfigEntryState.LOADED
    assert AccountData.of(entry).url == cloud_url
    assert without_tracebacks(caplog)


@pytest.mark.parametrize("value", [MISSING, None], ids=["missing", "null"])
async def test_no_environment_is_production(
    hass: HomeAssistant, entry: MockConfigEntry, value: Any
) -> None:
    data = with_value({**entry.data}, "environment", value)
    hass.config_entries.async_update_entry(entry, data=data)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("value", [MISSING, None], ids=["missing", "null"])
async def test_no_url_is_the_public_one(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    aioclient_mock: AiohttpClientMocker,
    value: Any,
) -> None:
    aioclient_mock.get(f"{BASE_URL}/site", status=401)
    aioclient_mock.post(f"{BASE_URL}/session", status=401)
    data = with_value({"api_key": API_KEY, "environment": "production"}, "url", value)
    entry = MockConfigEntry(domain="eevion", data=data)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert {str(call[1].origin()) for call in aioclient_mock.mock_calls} == {
        "https://app.hypercharge.com"
    }


async def test_unreadable_data_can_be_reconfigured(
    hass: HomeAssistant, entry: MockConfigEntry, cloud_url: str
) -> None:
    hass.config_entries.async_update_entry(entry, data={})
    form = await entry.start_reconfigure_flow(hass)
    assert form["type"] is FlowResultType.FORM
    entered = {
        "api_key": API_KEY,
        "environment": "production",
        "advanced": {"url": cloud_url},
    }
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["reason"] == "reconfigure_successful"
    assert entry.state is ConfigEntryState.LOADED


def test_readable_values_are_kept() -> None:
    entry = MockConfigEntry(
        data={
            "api_key": " key ",
            "environment": "staging",
            "url": "https://gateway.example/api/",
            "webhook_id": "w",
            "cloudhook_url": "https://hooks.example/1",
            "known_sites": ["s1", None, "s2"],
        },
        options={"excluded_sites": ["s3"], "inactive_stations": True, "import_history": True},
    )
    assert AccountData.of(entry) == AccountData(
        api_key="key",
        environment=Environment.STAGING,
        url="https://gateway.example/api",
        webhook_id="w",
        cloudhook_url="https://hooks.example/1",
        known_sites=frozenset({"s1", "s2"}),
    )
    assert AccountOptions.of(entry) == AccountOptions(
        excluded_sites=frozenset({"s3"}), with_inactive=True, import_history=True
    )


@pytest.mark.parametrize(
    ("names", "used", "title"),
    [
        (["Home"], [], "Home"),
        (["Home", "Shop"], [], "Home +1"),
        (["Home", "Shop", "Inn"], ["Home +1"], "Home +2"),
        (["Home"], ["Home"], "Home (2)"),
        (["Home", "Shop"], ["Home +1", "Home +1 (2)"], "Home +1 (3)"),
    ],
)
def test_titles(names: list[str], used: list[str], title: str) -> None:
    assert account_title(names, used) == title


@pytest.mark.parametrize(
    "settings", [Settings(keys=(API_KEY, "another-key"), sites=2, stations=2, seed=7)]
)
async def test_version_1_1(
    hass: HomeAssistant, entry: MockConfigEntry, entry_data: dict[str, Any], world: World
) -> None:
    """All accounts of several sites had one title; one that a person chose stays."""
    await set_up(hass, entry)
    assert (entry.version, entry.minor_version, entry.title) == (1, 2, "Home")
    data = {**entry.data}
    for title, expected in (("Eevion", f"{world.sites[0].name} +1"), ("Mine", "Mine")):
        assert await hass.config_entries.async_unload(entry.entry_id)
        hass.config_entries.async_update_entry(entry, title=title, minor_version=1)
        await set_up(hass, entry)
        assert (entry.version, entry.minor_version, entry.title) == (1, 2, expected)
        assert entry.state is ConfigEntryState.LOADED
        assert entry.data == data


async def test_version_1_1_without_devices(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    hass.config_entries.async_update_entry(entry, title="Eevion")
    await set_up(hass, entry)
    assert (entry.version, entry.minor_version, entry.title) == (1, 2, "Eevion")


@pytest.mark.parametrize(
    ("version", "minor_version", "state"),
    [
        (1, 2, ConfigEntryState.LOADED),
        (1, 3, ConfigEntryState.LOADED),
        (2, 1, ConfigEntryState.MIGRATION_ERROR),
    ],
)
async def test_present_and_newer_versions(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    version: int,
    minor_version: int,
    state: ConfigEntryState,
) -> None:
    hass.config_entries.async_update_entry(entry, version=version, minor_version=minor_version)
    await set_up(hass, entry)
    assert entry.state is state
    assert (entry.version, entry.minor_version) == (version, minor_version)


async def test_site_devices_name_the_title_as_people_call_them(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await set_up(hass, entry)
    registry = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        registry.async_update_device(device.id, name_by_user="My place")
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, title="Eevion", minor_version=1)
    await set_up(hass, entry)
    assert entry.title == "My place"
