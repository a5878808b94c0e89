"""The config flow and the options flow."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
import json
import logging
import re
from typing import Any
from unittest.mock import patch

from aiohttp import ClientSession
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, start_reauth_flow
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.eevion.api import EevionClient
from simulator import Cloud, Settings, World
from tests import FIXTURES
from tests.conftest import API_KEY, Pass

PUBLIC_URL = "https://app.hypercharge.com/api/eevion"
SITES = json.loads((FIXTURES / "list_sites_and_their_stations.json").read_text("utf-8"))
TWO_SITES = Settings(keys=(API_KEY, "another-key"), sites=2, stations=2, seed=7)
INACTIVE_ONES = Settings(keys=(API_KEY,), sites=1, stations=9, seed=7)

pytestmark = pytest.mark.usefixtures("enable_custom_integrations")


@pytest.fixture(autouse=True)
def key_stays_secret(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    formatter = logging.Formatter()
    records = caplog.get_records("setup") + caplog.get_records("call")
    logged = [formatter.format(record) for record in records]
    assert not [text for text in logged if API_KEY in text]


def form(url: str, key: str = API_KEY, environment: str = "production") -> dict[str, Any]:
    return {"api_key": key, "environment": environment, "advanced": {"url": url}}


async def start(hass: HomeAssistant) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init("eevion", context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {}
    return result


async def enter(
    hass: HomeAssistant, result: ConfigFlowResult, entered: dict[str, Any]
) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(result["flow_id"], entered)
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


def suggested(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what the form begins with."""
    schema = result["data_schema"]
    assert schema
    return _suggested(schema.schema)


def _suggested(fields: Mapping[Any, Any]) -> dict[str, Any]:
    values = {
        str(field): field.description["suggested_value"]
        for field in fields
        if field.description and "suggested_value" in field.description
    }
    sections = {str(f): _suggested(v.schema.schema) for f, v in fields.items() if is_section(v)}
    return values | {name: inner for name, inner in sections.items() if inner}


def is_section(value: Any) -> bool:
    return isinstance(value, section)


async def test_new_account(hass: HomeAssistant, cloud_url: str, world: World) -> None:
    result = await start(hass)
    assert result["step_id"] == "user"
    result = await enter(hass, result, form(f" {cloud_url}/ ", key=f"  {API_KEY}\n"))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == world.sites[0].name
    assert result["data"] == {
        "api_key": API_KEY,
        "environment": "production",
        "url": cloud_url,
        "known_sites": [world.sites[0].site_id],
    }
    entry = result["result"]
    assert entry.unique_id == f"production_{world.sites[0].site_id}"
    assert entry.state is ConfigEntryState.LOADED


async def test_staging(hass: HomeAssistant, cloud: Cloud, cloud_url: str) -> None:
    result = await enter(hass, await start(hass), form(cloud_url, environment="staging"))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["environment"] == "staging"
    assert result["title"] == cloud.world(environment="staging").sites[0].name
    assert all(request.query["environment"] == "staging" for request in cloud.requests)


async def test_same_account_in_both_environments(hass: HomeAssistant, cloud_url: str) -> None:
    for environment in ("production", "staging"):
        result = await enter(hass, await start(hass), form(cloud_url, environment=environment))
        assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_form_over_http(
    hass: HomeAssistant, cloud_url: str, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "config", {})
    assert await async_setup_component(hass, "webhook", {})
    assert await async_setup_component(hass, "websocket_api", {})
    client = await hass_client()
    path = "/api/config/config_entries/flow"
    response = await client.post(path, json={"handler": "eevion"})
    assert response.status == HTTPStatus.OK
    shown = await response.json()
    fields = {field["name"]: field for field in shown["data_schema"]}
    assert list(fields) == ["api_key", "environment", "advanced"]
    assert "password" in str(fields["api_key"]["selector"])
    assert fields["environment"]["default"] == "production"
    assert fields["advanced"]["expanded"] is False
    assert fields["advanced"]["schema"][0]["default"] == PUBLIC_URL

    path = f"{path}/{shown['flow_id']}"
    response = await client.post(path, json=form(cloud_url, key="a-wrong-key"))
    text = await response.text()
    assert json.loads(text)["errors"] == {"base": "invalid_auth"}
    response = await client.post(path, json=form(cloud_url))
    assert (await response.json())["type"] == "create_entry"


# What is entered or broken, and the error that the form shows.
BROKEN = {
    "unauthorized": ({"kind": "unauthorized"}, "invalid_auth"),
    "forbidden": ({"kind": "forbidden"}, "cannot_connect"),
    "dropped": ({"kind": "drop"}, "cannot_connect"),
    "html": ({"kind": "html"}, "cannot_connect"),
    "server error": ({"kind": "error", "status": 503}, "cannot_connect"),
    "truncated": ({"kind": "truncated"}, "cannot_connect"),
    "rate limit": ({"kind": "rate_limited", "seconds": 60}, "rate_limited"),
}


@pytest.mark.parametrize(("fault", "error"), BROKEN.values(), ids=BROKEN)
async def test_broken_cloud(
    hass: HomeAssistant,
    cloud: Cloud,
    cloud_url: str,
    freezer: FrozenDateTimeFactory,
    fault: dict[str, Any],
    error: str,
) -> None:
    cloud.faults.set(**fault)
    result = await enter(hass, await start(hass), form(cloud_url))
    assert result["errors"] == {"base": error}
    cloud.faults.clear()
    freezer.tick(70)
    result = await enter(hass, result, form(cloud_url))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("entered", "error"),
    [
        ({"key": "a-wrong-key"}, "invalid_auth"),
        ({"key": "not a key: ☹"}, "invalid_auth"),
        ({"url": "http://127.0.0.1:1/api/eevion"}, "cannot_connect"),
        ({"url": "ftp://127.0.0.1/api"}, "invalid_url"),
    ],
)
async def test_wrong_input(
    hass: HomeAssistant, cloud_url: str, entered: dict[str, str], error: str
) -> None:
    wrong = form(**({"url": cloud_url} | entered))
    result = await enter(hass, await start(hass), wrong)
    assert result["errors"] == {"base": error}
    assert suggested(result)["environment"] == "production"
    result = await enter(hass, result, form(cloud_url))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("what", ["sites", "stations"])
async def test_nothing_there(hass: HomeAssistant, cloud_url: str, world: World, what: str) -> None:
    emptied = world.sites if what == "sites" else world.sites[0].stations
    kept = emptied.copy()
    emptied.clear()
    result = await enter(hass, await start(hass), form(cloud_url))
    assert result["errors"] == {"base": "no_stations"}
    emptied.extend(kept)
    result = await enter(hass, result, form(cloud_url))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_unexpected_error(
    hass: HomeAssistant, cloud_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(EevionClient, "list_sites", side_effect=RuntimeError("surprise")):
        result = await enter(hass, await start(hass), form(cloud_url))
    assert result["errors"] == {"base": "unknown"}
    assert "Unexpected error" in caplog.text
    assert "surprise" in caplog.text
    assert API_KEY not in caplog.text
    result = await enter(hass, result, form(cloud_url))
    assert result["type"] is FlowResultType.CREATE_ENTRY


def is_advanced_open(result: ConfigFlowResult) -> bool:
    """Return whether the form shows its advanced settings."""
    schema = result["data_schema"]
    assert schema
    return not schema.schema["advanced"].options["collapsed"]


async def test_a_wrong_key_is_not_shown_again(hass: HomeAssistant, cloud_url: str) -> None:
    result = await enter(hass, await start(hass), form(cloud_url, key="a-wrong-key"))
    assert result["errors"] == {"base": "invalid_auth"}
    assert "api_key" not in suggested(result)
    assert suggested(result)["environment"] == "production"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://example.com/api/eevion", "invalid_url"),
        ("http://127.0.0.1:1/api/eevion", "cannot_connect"),
    ],
)
async def test_a_wrong_address_leaves_the_rest_as_it_is(
    hass: HomeAssistant, cloud_url: str, url: str, error: str
) -> None:
    """The key need not be pasted again, and the address is in view."""
    result = await start(hass)
    assert not is_advanced_open(result)
    result = await enter(hass, result, form(url))
    assert result["errors"] == {"base": error}
    assert suggested(result) == {
        "api_key": API_KEY,
        "environment": "production",
        "advanced": {"url": url},
    }
    assert is_advanced_open(result)
    result = await enter(hass, result, form(cloud_url))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_public_address_stays_out_of_view(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker
) -> None:
    aioclient_mock.get(f"{PUBLIC_URL}/site", status=HTTPStatus.BAD_GATEWAY)
    result = await enter(hass, await start(hass), {"api_key": API_KEY})
    assert result["errors"] == {"base": "cannot_connect"}
    assert suggested(result)["api_key"] == API_KEY
    assert not is_advanced_open(result)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "garbage",
        "app.hypercharge.com/api/eevion",
        "//app.hypercharge.com/api/eevion",
        "ftp://127.0.0.1/api/eevion",
        "file:///etc/passwd",
        "https://",
        "https:///api/eevion",
        "http://app.hypercharge.com/api/eevion",
        "http://8.8.8.8/api/eevion",
        "http://[2001:4860:4860::8888]/api/eevion",
        "http://localhost.example.com/api/eevion",
        "http://192.168.1.2.example.com/api/eevion",
        "http://0x7f000001/api/eevion",
        "https://user:pass@app.hypercharge.com/api/eevion",
        "https://user@app.hypercharge.com/api/eevion",
        "https://:pass@app.hypercharge.com/api/eevion",
        "https://app.hypercharge.com/api/eevion?environment=staging",
        "https://app.hypercharge.com/api/eevion#top",
        "https://app.hypercharge.com:99999/api/eevion",
        "https://app.hypercharge.com:0/api/eevion",
        "https://app.hypercharge.com:port/api/eevion",
        "http://[::1/api/eevion",
    ],
)
async def test_url_refused(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, url: str
) -> None:
    result = await enter(hass, await start(hass), form(url))
    assert result["errors"] == {"base": "invalid_url"}
    assert not aioclient_mock.mock_calls


def answer_at(mock: AiohttpClientMocker, url: str) -> None:
    """Be a cloud at an address that a test cannot reach; nothing has happened there."""
    mock.get(f"{url}/site", json=SITES)
    mock.get(re.compile(f"{re.escape(url)}/station/.*"), json=[])
    mock.post(re.compile(f"{re.escape(url)}/session.*"), json=[])


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (PUBLIC_URL, PUBLIC_URL),
        ("https://gateway.example.com", "https://gateway.example.com"),
        ("https://gateway.example.com:8443/eevion/", "https://gateway.example.com:8443/eevion"),
        ("https://8.8.8.8/eevion", "https://8.8.8.8/eevion"),
        ("HTTPS://Gateway.example.com/a", "https://gateway.example.com/a"),
        ("http://127.0.0.1:9555/api/eevion", "http://127.0.0.1:9555/api/eevion"),
        ("http://192.168.1.2/api", "http://192.168.1.2/api"),
        ("http://10.0.0.3:8080/api", "http://10.0.0.3:8080/api"),
        ("http://172.16.0.1/api", "http://172.16.0.1/api"),
        ("http://[::1]:9555/api", "http://[::1]:9555/api"),
        ("http://[fd00::1]/api", "http://[fd00::1]/api"),
        ("http://localhost:9555/api", "http://localhost:9555/api"),
    ],
)
async def test_url_accepted(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, url: str, kept: str
) -> None:
    answer_at(aioclient_mock, kept)
    result = await enter(hass, await start(hass), form(url))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["url"] == kept


async def test_public_url_is_the_default(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker
) -> None:
    answer_at(aioclient_mock, PUBLIC_URL)
    result = await enter(hass, await start(hass), {"api_key": API_KEY})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["url"] == PUBLIC_URL
    assert result["data"]["environment"] == "production"


@pytest.mark.parametrize("key", [API_KEY, "a-second-key"])
async def test_account_is_there_already(
    hass: HomeAssistant, cloud: Cloud, cloud_url: str, key: str
) -> None:
    cloud.accounts["a-second-key"] = cloud.account()
    await enter(hass, await start(hass), form(cloud_url))
    result = await enter(hass, await start(hass), form(cloud_url, key=key))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_added_twice_at_once(hass: HomeAssistant, cloud: Cloud, cloud_url: str) -> None:
    first, second = await start(hass), await start(hass)
    await enter(hass, first, form(cloud_url))
    result = await enter(hass, second, form(cloud_url))
    assert result["reason"] == "already_configured"
    assert len(hass.config_entries.async_entries("eevion")) == 1


@pytest.mark.parametrize("settings", [TWO_SITES])
async def test_identified_by_any_site(hass: HomeAssistant, cloud_url: str, world: World) -> None:
    """An account is the same one also when its first site has gone meanwhile."""
    await enter(hass, await start(hass), form(cloud_url))
    del world.sites[0]
    result = await enter(hass, await start(hass), form(cloud_url))
    assert result["reason"] == "already_configured"


@pytest.mark.parametrize("settings", [TWO_SITES])
async def test_accounts_have_different_titles(
    hass: HomeAssistant, cloud: Cloud, cloud_url: str
) -> None:
    """In the list, and in the dialog for a new key."""
    worlds = [cloud.world(), cloud.world("another-key")]
    for world in worlds:
        for site in world.sites:
            site.name = "Depot"
    titles, shown = [], []
    for key in (API_KEY, "another-key"):
        result = await enter(hass, await start(hass), form(cloud_url, key=key))
        titles.append(result["title"])
        reauth = await start_reauth_flow(hass, result["result"])
        shown.append(reauth["description_placeholders"]["account"])
        hass.config_entries.flow.async_abort(reauth["flow_id"])
    assert titles == shown == ["Depot +1", "Depot +1 (2)"]


async def test_another_account(hass: HomeAssistant, cloud_url: str) -> None:
    await enter(hass, await start(hass), form(cloud_url))
    result = await enter(hass, await start(hass), form(cloud_url, key="another-key"))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(hass.config_entries.async_loaded_entries("eevion")) == 2


async def test_a_title_that_the_cloud_named_is_no_markdown(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(loaded, title="*Home* www.evil.example")
    form = await loaded.start_reauth_flow(hass)
    placeholders = form["description_placeholders"]
    assert placeholders["account"] == "*Home* www.evil.example"
    assert placeholders["named_account"] == r"\*Home\* www\.evil.example"


async def test_new_key(
    hass: HomeAssistant, cloud: Cloud, loaded: MockConfigEntry, wait: Pass
) -> None:
    cloud.accounts["a-second-key"] = cloud.accounts.pop(API_KEY)
    await wait(35)
    await wait(6)  # it is refused once more
    (flow,) = hass.config_entries.flow.async_progress_by_handler("eevion")
    assert flow["context"]["source"] == SOURCE_REAUTH

    result = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert result["step_id"] == "reauth_confirm"
    assert suggested(result) == {}
    assert [str(field) for field in result["data_schema"].schema] == ["api_key"]

    result = await enter(hass, result, {"api_key": "a-wrong-key"})
    assert result["errors"] == {"base": "invalid_auth"}
    result = await enter(hass, result, {"api_key": "another-key"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_account"

    result = await loaded.start_reauth_flow(hass)
    before = dict(loaded.data)
    result = await enter(hass, result, {"api_key": "a-wrong-key"})
    assert result["errors"] == {"base": "invalid_auth"}
    result = await enter(hass, result, {"api_key": "a-second-key "})
    assert result["reason"] == "reauth_successful"
    assert loaded.data == before | {"api_key": "a-second-key"}
    assert loaded.unique_id == "test"
    assert loaded.state is ConfigEntryState.LOADED


async def test_new_key_of_an_account_whose_sites_have_changed(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World
) -> None:
    """One site in common is enough."""
    world.sites.append(world.builder.site(1))
    result = await enter(hass, await loaded.start_reauth_flow(hass), {"api_key": API_KEY})
    assert result["reason"] == "reauth_successful"
    assert loaded.data["known_sites"] == sorted(site.site_id for site in world.sites)


async def test_reconfigure(
    hass: HomeAssistant, cloud: Cloud, cloud_url: str, loaded: MockConfigEntry
) -> None:
    result = await loaded.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    assert "api_key" not in suggested(result)
    assert suggested(result)["environment"] == "production"
    assert suggested(result)["advanced"] == {"url": cloud_url}
    assert is_advanced_open(result)

    result = await enter(hass, result, form("http://example.com"))
    assert result["errors"] == {"base": "invalid_url"}
    cloud.accounts["a-second-key"] = cloud.accounts.pop(API_KEY)
    result = await enter(hass, result, form(f"{cloud_url}/", key="a-second-key"))
    assert result["reason"] == "reconfigure_successful"
    assert loaded.data["api_key"] == "a-second-key"
    assert loaded.data["url"] == cloud_url
    assert loaded.unique_id == "test"
    assert loaded.state is ConfigEntryState.LOADED


async def test_reconfigure_is_for_the_same_account(
    hass: HomeAssistant, cloud_url: str, loaded: MockConfigEntry
) -> None:
    before = dict(loaded.data)
    result = await loaded.start_reconfigure_flow(hass)
    result = await enter(hass, result, form(cloud_url, key="another-key"))
    assert result["reason"] == "wrong_account"
    assert loaded.data == before


async def test_reconfigure_to_staging(
    hass: HomeAssistant, cloud: Cloud, cloud_url: str, loaded: MockConfigEntry
) -> None:
    staging = cloud.world(environment="staging")
    result = await loaded.start_reconfigure_flow(hass)
    result = await enter(hass, result, form(cloud_url, environment="staging"))
    assert result["reason"] == "reconfigure_successful"
    assert loaded.data["environment"] == "staging"
    assert loaded.data["known_sites"] == [staging.sites[0].site_id]
    assert loaded.unique_id == f"staging_{staging.sites[0].site_id}"
    assert loaded.state is ConfigEntryState.LOADED

    result = await loaded.start_reconfigure_flow(hass)
    assert suggested(result)["environment"] == "staging"


async def test_reconfigure_to_what_another_entry_has(
    hass: HomeAssistant, cloud_url: str, loaded: MockConfigEntry
) -> None:
    await enter(hass, await start(hass), form(cloud_url, environment="staging"))
    result = await loaded.start_reconfigure_flow(hass)
    result = await enter(hass, result, form(cloud_url, environment="staging"))
    assert result["reason"] == "wrong_account"
    assert loaded.data["environment"] == "production"


def devices(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    found = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return {id_ for device in found for _, id_ in device.identifiers}


def entities(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    """Return the ids of the sites and stations that have entities."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {
        owner
        for entity in found
        for owner in devices(hass, entry)
        if entity.unique_id.startswith(owner)
    } | {entity.unique_id for entity in found if not entity.device_id}


type Choose = Callable[..., Awaitable[ConfigFlowResult]]


@pytest.fixture
def choose(hass: HomeAssistant, loaded: MockConfigEntry, wait: Pass) -> Choose:
    """Choose sites in the options, and let what follows happen."""

    async def choose(sites: list[str], *, inactive: bool = False) -> ConfigFlowResult:
        result = await hass.config_entries.options.async_init(loaded.entry_id)
        assert result["step_id"] == "init"
        result = await hass.config_entries.options.async_configure(
            result["flow_id"], {"sites": sites, "inactive_stations": inactive}
        )
        await wait(35)
        await wait(35)
        return result

    return choose


@pytest.mark.parametrize("settings", [TWO_SITES])
async def test_leave_a_site_out(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, choose: Choose, wait: Pass
) -> None:
    first, second = world.sites
    of_first = {first.site_id, first.stations[0].port_id}
    of_second = {second.site_id, second.stations[0].port_id}
    assert devices(hass, loaded) == entities(hass, loaded) == of_first | of_second

    result = await hass.config_entries.options.async_init(loaded.entry_id)
    assert suggested(result) == {
        "sites": [first.site_id, second.site_id],
        "inactive_stations": False,
        "import_history": False,
    }
    result = await choose([first.site_id])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert devices(hass, loaded) == entities(hass, loaded) == of_first

    result = await hass.config_entries.options.async_init(loaded.entry_id)
    assert suggested(result)["sites"] == [first.site_id]

    third = world.builder.site(2)
    world.sites.append(third)
    port_id = world.add_station("New", site=2)
    await wait(35)
    of_third = {third.site_id, port_id}
    assert devices(hass, loaded) == entities(hass, loaded) == of_first | of_third

    await choose([site.site_id for site in world.sites])
    everything = of_first | of_second | of_third
    assert devices(hass, loaded) == entities(hass, loaded) == everything


@pytest.mark.parametrize("settings", [TWO_SITES])
async def test_a_site_that_is_missing_while_options_are_saved_stays_left_out(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, choose: Choose, wait: Pass
) -> None:
    first, second = world.sites
    await choose([first.site_id])
    world.sites.remove(second)
    await wait(35)
    await choose([first.site_id], inactive=True)
    world.sites.append(second)
    await wait(35)
    assert loaded.options["excluded_sites"] == [second.site_id]
    assert second.site_id not in devices(hass, loaded)
    assert not entities(hass, loaded) & {station.port_id for station in second.stations}


async def test_a_site_that_comes_while_the_form_is_open_is_included(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    form = await hass.config_entries.options.async_init(loaded.entry_id)
    world.sites.append(world.builder.site(1))
    await wait(35)
    chosen = {"sites": [world.sites[0].site_id]}
    done = await hass.config_entries.options.async_configure(form["flow_id"], chosen)
    assert done["data"]["excluded_sites"] == []
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("settings", [TWO_SITES])
async def test_one_site_at_least(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, choose: Choose
) -> None:
    result = await choose([], inactive=True)
    assert result["errors"] == {"sites": "no_sites"}
    assert suggested(result) == {
        "sites": [],
        "inactive_stations": True,
        "import_history": False,
    }
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {"sites": [world.sites[0].site_id], "inactive_stations": True}
    )
    assert result["data"] == {
        "excluded_sites": [world.sites[1].site_id],
        "inactive_stations": True,
        "import_history": False,
    }
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("settings", [INACTIVE_ONES])
async def test_inactive_stations(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, choose: Choose
) -> None:
    inactive = {port.port_id for port in world.stations if port.lifecycle != "active"}
    assert len(inactive) == 2
    assert not inactive & devices(hass, loaded)
    await choose([world.sites[0].site_id], inactive=True)
    assert inactive < devices(hass, loaded)
    assert inactive < entities(hass, loaded)
    await choose([world.sites[0].site_id], inactive=False)
    assert not inactive & (devices(hass, loaded) | entities(hass, loaded))


async def test_options_over_http(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "config", {})
    assert await async_setup_component(hass, "webhook", {})
    assert await async_setup_component(hass, "websocket_api", {})
    client: ClientSession = await hass_client()
    response = await client.post(
        "/api/config/config_entries/options/flow", json={"handler": loaded.entry_id}
    )
    assert response.status == HTTPStatus.OK
    shown = await response.json()
    assert [field["name"] for field in shown["data_schema"]] == [
        "sites",
        "inactive_stations",
        "import_history",
    ]


async def test_options_need_the_account(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_loaded"


async def test_the_section_has_no_default(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """One would make the browser leave out the defaults of the fields within."""
    assert await async_setup_component(hass, "config", {})
    assert await async_setup_component(hass, "webhook", {})
    assert await async_setup_component(hass, "websocket_api", {})
    client: ClientSession = await hass_client()
    response = await client.post("/api/config/config_entries/flow", json={"handler": "eevion"})
    shown = await response.json()
    (section,) = (field for field in shown["data_schema"] if field["name"] == "advanced")
    assert "default" not in section
    assert section["schema"][0]["default"] == PUBLIC_URL
