"""Messages, jobs and tickets by actions."""

import asyncio
from datetime import datetime, timedelta
import json
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import Script
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.eevion.api import Job
from simulator import Cloud, Settings, World
from tests import ROOT
from tests.calls import act, ask, device, pass_until, sent
from tests.conftest import API_KEY, START, Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=3, seed=7)


async def refusal(hass: HomeAssistant, action: str, **data: Any) -> str | None:
    """Return the translation key of the error that an action raises before any request."""
    with pytest.raises(ServiceValidationError) as error:
        await act(hass, action, **data)
    return error.value.translation_key


def managed(cloud: Cloud) -> dict[str, Any]:
    """Return the one request that manages."""
    (body,) = sent(cloud, "/station/manage")
    return body


def in_ms(**ahead: float) -> int:
    return round((datetime.fromisoformat(START) + timedelta(**ahead)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("expiry", "expires_ms"),
    [
        ({}, 0),
        ({"expires": "2026-11-02T10:00:00+00:00"}, in_ms(hours=2)),
        # Home Assistant's time, which is that of Los Angeles in tests.
        ({"expires": "2026-11-02 10:00:00"}, in_ms(hours=10)),
        ({"expires": {"hours": 3}}, in_ms(hours=3)),
        ({"expires_in": {"minutes": 90}}, in_ms(hours=1.5)),
        ({"expires_in": "02:00:00"}, in_ms(hours=2)),
    ],
)
async def test_message(
    hass: HomeAssistant, names: list[str], cloud: Cloud, expiry: dict[str, Any], expires_ms: int
) -> None:
    text = "Closed until noon.\nUse another station."
    await act(hass, "set_message", stations=names, message=text, **expiry)
    assert managed(cloud) == {
        "commands": {"setMessage": {"setMessage": text, "expirationDate": expires_ms}},
        "stationIds": names,
    }


async def test_a_message_goes(
    hass: HomeAssistant, names: list[str], world: World, wait: Pass
) -> None:
    def texts() -> list[str]:
        world.advance()
        return [station.message.text if station.message else "" for station in world.stations]

    await act(hass, "set_message", stations=names, message="Soon", expires_in="01:00:00")
    await wait(40)
    assert texts() == ["Soon"] * 3
    await wait(3600)
    assert texts() == [""] * 3
    await act(hass, "set_message", stations=names, message="Stays")
    await wait(40)
    await act(hass, "set_message", stations=names[:1], message="")
    await wait(40)
    assert texts() == ["", "Stays", "Stays"]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"message": "x" * 1001}, "message_too_long"),
        ({"message": "x", "expires": "2026-11-02T08:00:00+00:00"}, "expired_already"),
        ({"message": "x", "expires": "2020-01-01 00:00:00"}, "expired_already"),
        ({"message": "x", "expires": "2027-01-01 00:00", "expires_in": "1:00"}, "expires_twice"),
    ],
)
async def test_messages_that_cannot_be(
    hass: HomeAssistant, names: list[str], cloud: Cloud, data: dict[str, Any], key: str
) -> None:
    assert await refusal(hass, "set_message", stations=names, **data) == key
    assert not sent(cloud, "/station/manage")


EVERYTHING = {
    "communication_id": "5ce3f50ab0640bdbbb628299",
    "is_private": True,
    "is_visible": False,
    "model_id": "619e80f066f5f97bcd3ece1a",
    "order_number": 12,
    "priority_status": "out_of_service",
    "reset": "hard",
    "charging_profile_id": "123",
    "charging_profile_purpose": "charge_point_max_profile",
    "charging_profile_amps": 10,
    "message": "test\n12345",
    "message_expires": "2027-01-01T00:00:00+00:00",
}


async def test_every_command(
    hass: HomeAssistant,
    names: list[str],
    world: World,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
) -> None:
    tariff = world.tariffs[2].tariff_id
    answer = await pass_until(
        hass,
        freezer,
        ask(hass, "manage_stations", stations=names[:2], tariff=tariff, wait=True, **EVERYTHING),
    )
    assert managed(cloud)["commands"] == {
        "communicationId": {"communicationId": "5ce3f50ab0640bdbbb628299"},
        "isPrivate": {"isPrivate": "yes"},
        "isVisible": {"isVisible": "no"},
        "modelId": {"modelId": "619e80f066f5f97bcd3ece1a"},
        "orderNb": {"orderNb": "12"},
        "priorityStatus": {"priorityStatus": "outOfService"},
        "reset": {"type": "hard"},
        "setChargingProfile": {
            "chargingProfileId": "123",
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingRateUnit": "amps",
            "maximumRate": 10,
        },
        "setMessage": {
            "setMessage": "test\n12345",
            "expirationDate": round(datetime.fromisoformat("2027-01-01T00:00Z").timestamp()) * 1000,
        },
        "tariffId": {"tariffId": tariff},
    }
    assert managed(cloud)["stationIds"] == names[:2]
    assert answer["is_finished"] is True
    assert answer["job_id"] == str(world.jobs.entries[0].number)
    assert answer["stations"] == {name: {"succeeded": True, "reason": None} for name in names[:2]}
    assert json.dumps(answer)


UNDOABLE = {
    "communication_id": "5ce3f50ab0640bdbbb628299",
    "is_private": True,
    "is_visible": False,
    "model_id": "619e80f066f5f97bcd3ece1a",
    "order_number": 12,
    "priority_status": "out_of_service",
    "message": "Hello",
}


async def test_undo(
    hass: HomeAssistant, names: list[str], world: World, freezer: FrozenDateTimeFactory
) -> None:
    """The original values of the response are fields of the action."""

    def settings() -> list[Any]:
        world.advance()
        return [
            (
                station.communication_id,
                station.restriction,
                station.visible,
                station.model_id,
                station.order,
                station.priority_status,
                station.message,
                station.tariff.tariff_id,
            )
            for station in sorted(world.stations, key=lambda station: names.index(station.name))
        ]

    station = world.stations[0]
    station.restriction = "public"
    station.communication_id, station.model_id = "a former one", "a former one"
    before = settings()
    other = next(t for t in world.tariffs if t != station.tariff)
    answer = await pass_until(
        hass,
        freezer,
        ask(
            hass,
            "manage_stations",
            stations=names[0],
            tariff=other.tariff_id,
            wait=True,
            **UNDOABLE,
        ),
    )
    changed = settings()
    assert all(new != old for new, old in zip(changed[0], before[0], strict=True))
    assert changed[1:] == before[1:]
    (originals,) = answer["original_values"].values()
    assert set(originals) == {*UNDOABLE, "tariff"}
    await pass_until(
        hass, freezer, act(hass, "manage_stations", stations=names[0], wait=True, **originals)
    )
    assert settings() == before


async def test_undo_as_documented(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    names: list[str],
    world: World,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
) -> None:
    text = (ROOT / "docs/actions.md").read_text("utf-8")
    (example,) = (
        b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "original_values" in b
    )
    actions = yaml.safe_load(example)["actions"]
    first, _delay, _repeat = actions
    first["target"]["device_id"] = device(hass, loaded, world.sites[0].site_id)
    first["data"]["tariff"] = world.tariffs[4].tariff_id
    sequence = cv.SCRIPT_SCHEMA(actions)
    for station in world.stations:
        station.restriction = "public"
    before = {s.name: (s.tariff, s.restriction) for s in world.stations}
    script = Script(hass, sequence, "Undo", "script")
    task = hass.async_create_task(script.async_run(context=Context()))
    for _ in range(3):
        await pass_until(hass, freezer, asyncio.sleep(40))
    assert {(s.tariff, s.restriction) for s in world.stations} == {(world.tariffs[4], "private")}
    freezer.tick(7200)
    for _ in range(5):
        await pass_until(hass, freezer, asyncio.sleep(40))
    assert task.done()
    assert {s.name: (s.tariff, s.restriction) for s in world.stations} == before
    assert len(sent(cloud, "/station/manage")) == 1 + len(names)


async def test_one_of_three_fails(
    hass: HomeAssistant,
    stations: list[Station],
    names: list[str],
    world: World,
    freezer: FrozenDateTimeFactory,
) -> None:
    world.fail_jobs(names[1], "The station did not answer")
    call = ask(hass, "manage_stations", stations=names, is_private=True, wait=True)
    answer = await pass_until(hass, freezer, call)
    results = answer["stations"]
    assert [results[name]["succeeded"] for name in names] == [True, False, True]
    assert "did not answer" in results[names[1]]["reason"]
    assert set(answer["original_values"]) == set(names)
    assert [station["switch.private"] for station in stations] == ["on", "off", "on"]

    call = act(hass, "manage_stations", stations=names, is_private=True, wait=True)
    with pytest.raises(HomeAssistantError, match=f"Station {names[1]} refused the change") as error:
        await pass_until(hass, freezer, call)
    assert error.value.translation_key == "job_refused"
    assert [station["switch.private"] for station in stations] == ["on", "off", "on"]


async def test_without_waiting(
    hass: HomeAssistant,
    stations: list[Station],
    names: list[str],
    world: World,
) -> None:
    answer = await ask(hass, "manage_stations", stations=names[0], is_private=True)
    assert answer == {
        "job_id": str(world.jobs.entries[0].number),
        "is_finished": False,
        "stations": {names[0]: {"succeeded": None, "reason": None}},
        "original_values": {},
    }
    assert stations[0]["switch.private"] == "on"


async def test_a_job_that_never_ends(
    hass: HomeAssistant, names: list[str], cloud: Cloud, freezer: FrozenDateTimeFactory
) -> None:
    cloud.settings.job_start_s = 10_000
    call = ask(hass, "manage_stations", stations=names[:1], is_private=True, wait=True)
    answer = await pass_until(hass, freezer, call)
    assert answer["stations"][names[0]]["succeeded"] is False
    assert "in time" in answer["stations"][names[0]]["reason"]


async def test_the_account_goes_while_somebody_waits(
    hass: HomeAssistant, loaded: ConfigEntry, names: list[str]
) -> None:
    call = hass.async_create_task(
        ask(hass, "manage_stations", stations=names[:1], is_private=True, wait=True)
    )
    for _ in range(1000):
        await asyncio.sleep(0)
    assert loaded.runtime_data.memory.jobs
    assert await hass.config_entries.async_unload(loaded.entry_id)
    with pytest.raises(HomeAssistantError, match="The cloud continues the job"):
        await call


async def test_a_tariff_by_its_name(
    hass: HomeAssistant, names: list[str], world: World, cloud: Cloud, wait: Pass
) -> None:
    world.plug_in(names[0], card=True)
    await wait(35)
    tariff = world.station(names[0]).tariff
    await act(hass, "manage_stations", stations=names[1], tariff=tariff.name)
    assert managed(cloud)["commands"] == {"tariffId": {"tariffId": tariff.tariff_id}}
    with pytest.raises(ServiceValidationError) as error:
        await act(hass, "manage_stations", stations=names[1], tariff="Gold")
    assert error.value.translation_key == "unknown_tariff"
    assert "Gold" in str(error.value)
    assert tariff.name in str(error.value)
    assert managed(cloud)


async def test_a_tariff_that_the_cloud_does_not_know(
    hass: HomeAssistant, names: list[str], freezer: FrozenDateTimeFactory
) -> None:
    call = act(hass, "manage_stations", stations=names[0], tariff="0" * 24, wait=True)
    with pytest.raises(HomeAssistantError, match="There is no such fee"):
        await pass_until(hass, freezer, call)


async def test_words_for_service(
    hass: HomeAssistant, loaded: ConfigEntry, names: list[str], cloud: Cloud
) -> None:
    """The word from before is known; another one is passed on."""
    port_id = next(iter(loaded.runtime_data.coordinator.data.stations))
    values = {port_id: {"priorityStatus": "normal"}}
    job = Job.from_json({"id": "x", "content": {"originalValues": values}})
    loaded.runtime_data.coordinator.async_remember_jobs([job])
    for word in ("in_service", "someOtherWord"):
        await act(hass, "manage_stations", stations=names[0], priority_status=word)
    await act(hass, "manage_stations", stations=names, priority_status="in_service")
    assert [b["commands"]["priorityStatus"] for b in sent(cloud, "/station/manage")] == [
        {"priorityStatus": "normal"},
        {"priorityStatus": "someOtherWord"},
        {"priorityStatus": "inService"},
    ]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({}, "no_command"),
        ({"wait": True}, "no_command"),
        ({"message": "x" * 1001}, "message_too_long"),
        ({"message": "x", "message_expires": "2020-01-01 00:00:00"}, "expired_already"),
        ({"message_expires": "2027-01-01 00:00:00"}, "message_missing"),
        ({"charging_profile_id": "1"}, "charging_profile_incomplete"),
        ({"charging_profile_amps": 10}, "charging_profile_incomplete"),
        ({"charging_profile_purpose": "tx_profile"}, "charging_profile_incomplete"),
        ({"charging_profile_id": "1", "charging_profile_amps": 3}, "limit_out_of_range"),
        ({"tariff": "Gold"}, "unknown_tariff"),
    ],
)
async def test_jobs_that_cannot_be(
    hass: HomeAssistant, names: list[str], cloud: Cloud, data: dict[str, Any], key: str
) -> None:
    assert await refusal(hass, "manage_stations", stations=names, **data) == key
    assert not sent(cloud, "/station/manage")


async def test_a_ticket(hass: HomeAssistant, names: list[str], world: World, cloud: Cloud) -> None:
    answer = await ask(hass, "create_ticket", stations=names[:2], message=" Broken cable \n")
    assert answer == {"stations": names[:2], "message": "Broken cable"}
    assert world.tickets == [{"stationNames": names[:2], "message": "Broken cable"}]
    with pytest.raises(ServiceValidationError) as invalid:
        await act(hass, "create_ticket", stations=names[:2], message=" ")
    assert invalid.value.translation_key == "ticket_without_message"
    with pytest.raises(ServiceValidationError) as invalid:
        await act(hass, "create_ticket", message="Broken cable")
    assert invalid.value.translation_key == "no_target"
    cloud.faults.fail_next("drop_answer", path="/ticket")
    with pytest.raises(HomeAssistantError, match="The command may have been executed"):
        await act(hass, "create_ticket", stations=names[:2], message="Once")
    assert [ticket["message"] for ticket in world.tickets] == ["Broken cable", "Once"]
