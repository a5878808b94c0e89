"""Diagnostics of an entry and of a device."""

import json
import logging

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from simulator import Cloud, World
from simulator.errors import ApiError
from simulator.http import session_endpoints
from tests.calls import ask
from tests.conftest import API_KEY, Pass
from tests.smart.home import GRID, Home


async def test_nothing_of_people(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
    cloud_url: str,
    wait: Pass,
    hass_client: ClientSessionGenerator,
    snapshot: SnapshotAssertion,
) -> None:
    name = world.stations[0].name
    world.plug_in(name, percent=20, vehicle="Toyota bZ4X 2023", card=True)
    world.demand_response(name, 3000)
    await wait(35)
    await wait(35)
    content = await get_diagnostics_for_config_entry(hass, hass_client, loaded)

    session, address = world.ledger(name)[0], world.sites[0].address
    text = json.dumps(content)
    personal = [
        API_KEY,
        loaded.data["webhook_id"],
        cloud_url,
        "127.0.0.1",
        "Toyota",
        world.sites[0].name,
        loaded.title,
        session.customer_id,
        session.auth_id,
        address.street.strip(),
        address.city,
        address.zip,
        str(address.lat),
    ]
    assert not [word for word in personal if word and word in text]

    assert [station["port"]["port_id"] for station in content["stations"]] == [
        station.port_id for station in world.stations
    ]
    assert content["stations"][0]["session"]["session_id"] == session.session_id
    assert content == snapshot


async def test_smart_charging(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    world: World,
    wait: Pass,
    hass_client: ClientSessionGenerator,
) -> None:
    """What was read, decided and sent, and why; without the names of sensors and stations."""
    home = Home(hass, loaded, cloud, world, wait)
    home.meter(-2000)
    name = world.stations[0].name
    await home.add(name)
    await home.choose(name, "off")
    found = await get_diagnostics_for_config_entry(hass, hass_client, loaded)
    (connection,) = found["smart_charging"]
    port_id = world.stations[0].port_id
    assert connection["readings"]["grid_w"] == -2000
    assert connection["stations"][port_id]["decision"]["reason"] == "off"
    (sent,) = connection["sent"]
    assert sent["limits"] == {port_id: {"limit_a": 0, "reason": "off", "failure": None}}
    assert connection["settings"]["sensors"]["grid_power"] is True
    text = json.dumps(found)
    assert GRID not in text
    assert f"Station {name}" not in text


async def test_no_personal_text_of_any_endpoint(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
    cloud: Cloud,
    wait: Pass,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither diagnostics nor our log, repair issues and notifications hold one."""
    caplog.set_level(logging.DEBUG)
    name = world.stations[0].name
    world.sites[0].name = "Personal-site"
    world.plug_in(name, vehicle="Personal-vehicle", card=True)
    world.fault(name)
    world.fail_jobs(name, "The station at Personal-site did not answer")
    await wait(35)
    await hass.services.async_call(
        "eevion", "manage_stations", {"stations": [name], "message": "Hello"}, blocking=True
    )
    for _ in range(12):
        await wait(31)
    cloud.faults.set("error")
    await wait(35)
    content = json.dumps(await get_diagnostics_for_config_entry(hass, hass_client, loaded))
    station = next(s for s in loaded.runtime_data.coordinator.data.stations.values())
    assert station.exceptions[0].site_name == "Personal-site"
    session = world.ledger(name)[0]
    secrets = [API_KEY, loaded.data["webhook_id"], session.customer_id, "Personal-"]
    assert not [secret for secret in secrets if secret and secret in content]
    ours = "".join(
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.eevion")
    )
    assert ours
    assert not [secret for secret in secrets if secret and secret in ours]
    assert not [issue for issue in ir.async_get(hass).issues.values() if "Personal-" in str(issue)]


async def test_what_the_cloud_says_is_not_logged(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    world: World,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refusal may name people and places: the person who asked reads it, and no log."""
    caplog.set_level(logging.DEBUG)

    def refuse(_: object) -> None:
        raise ApiError("Personal-site and jane@example.org")

    monkeypatch.setattr(session_endpoints, "_site_and_station_filter", refuse)
    for _ in range(5):
        await wait(61)
    with pytest.raises(HomeAssistantError, match="The cloud refused to answer: Personal-site"):
        await ask(hass, "get_sessions", stations=[world.stations[0].name])
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("custom_components.eevion")]
    assert any("The cloud refused the request" in message for message in ours)
    assert not [message for message in ours if "Personal-" in message or "jane" in message]


async def test_while_the_cloud_is_away(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    cloud: Cloud,
    wait: Pass,
    hass_client: ClientSessionGenerator,
) -> None:
    cloud.faults.set("error")
    # One failed poll does not part the account from the cloud; three minutes of them do.
    for seconds, is_connected in ((35, True), (60, True), (120, False)):
        await wait(seconds)
        content = await get_diagnostics_for_config_entry(hass, hass_client, loaded)
        assert content["is_connected"] is is_connected
        assert content["last_success"] == "2026-11-02T08:00:00+00:00"
        assert len(content["stations"]) == 2
