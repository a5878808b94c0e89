"""Start, stop and limit by actions."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from simulator import Cloud, Settings, World
from tests.calls import act, sent, starts
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=3, seed=7)


async def test_start_and_stop(
    hass: HomeAssistant,
    stations: list[Station],
    names: list[str],
    world: World,
    cloud: Cloud,
    wait: Pass,
) -> None:
    for name in names:
        world.plug_in(name)
    await act(hass, "start_session", stations=names)
    assert [station["switch.charging"] for station in stations] == ["on"] * 3
    assert [body["stationId"] for body in starts(cloud)] == names
    assert not any("continueIfBatteryFull" in body for body in starts(cloud))
    await wait(10)
    await act(hass, "stop_session", stations=names)
    assert [station["switch.charging"] for station in stations] == ["off"] * 3
    assert [world.ledger(name)[0].end_reason for name in names] == ["Remote"] * 3


@pytest.mark.parametrize("to_continue", [True, False])
async def test_start_with_the_behavior_at_a_full_battery(
    hass: HomeAssistant, names: list[str], world: World, cloud: Cloud, to_continue: bool
) -> None:
    world.plug_in(names[0])
    await act(hass, "start_session", stations=names[:1], continue_if_battery_full=to_continue)
    assert starts(cloud) == [{"stationId": names[0], "continueIfBatteryFull": to_continue}]


async def test_one_has_no_car(
    hass: HomeAssistant, stations: list[Station], names: list[str], world: World
) -> None:
    """The others are started all the same."""
    world.plug_in(names[0])
    world.plug_in(names[2])
    with pytest.raises(ServiceValidationError, match=f"at station {names[1]}") as error:
        await act(hass, "start_session", stations=names)
    assert error.value.translation_key == "not_plugged_in"
    assert [station["switch.charging"] for station in stations] == ["on", "off", "on"]


async def test_two_have_no_car(
    hass: HomeAssistant, stations: list[Station], names: list[str], world: World
) -> None:
    world.plug_in(names[0])
    with pytest.raises(ServiceValidationError) as error:
        await act(hass, "start_session", stations=names)
    assert error.value.translation_key == "several_failed"
    assert all(f"plugged in at station {name}." in str(error.value) for name in names[1:])
    assert stations[0]["switch.charging"] == "on"


async def test_old_data_is_renewed_once_for_all(
    hass: HomeAssistant, names: list[str], cloud: Cloud, freezer: FrozenDateTimeFactory
) -> None:
    freezer.tick(20)
    cloud.requests.clear()
    await act(hass, "stop_session", stations=names)
    assert [r.path.rpartition("/")[2] for r in cloud.requests] == ["session"]


@pytest.mark.parametrize(("field", "unit", "value"), [("amps", "A", 12), ("watts", "W", 4000)])
async def test_limits_in_one_request(
    hass: HomeAssistant,
    stations: list[Station],
    names: list[str],
    cloud: Cloud,
    field: str,
    unit: str,
    value: float,
) -> None:
    await act(hass, "set_charging_limit", stations=names[:2], **{field: value})
    profile = {"chargingRateUnit": unit, "limit": value}
    assert sent(cloud, "/energy-management") == [
        [{"stationId": name, "newChargingProfile": profile} for name in names[:2]]
    ]
    key = "number.charging_limit" if field == "amps" else "number.power_limit"
    assert [float(station[key]) for station in stations[:2]] == [value, value]
    assert (
        float(stations[2]["number.charging_limit"])
        == stations[2].state("number", "charging_limit").attributes["max"]
    )


async def test_zero_pauses(
    hass: HomeAssistant, stations: list[Station], names: list[str], world: World, wait: Pass
) -> None:
    world.plug_in(names[0], card=True)
    await wait(35)
    await act(hass, "set_charging_limit", stations=names[0], amps=0)
    await wait(6)
    assert stations[0]["sensor.connector_status"] == "suspended_evse"


async def test_one_of_three_refuses_its_limit(
    hass: HomeAssistant,
    stations: list[Station],
    names: list[str],
    world: World,
    cloud: Cloud,
    wait: Pass,
) -> None:
    before = stations[1]["number.charging_limit"]
    world.disconnect(names[1])
    await wait(31)
    with pytest.raises(
        HomeAssistantError, match=f"refused the limit for station {names[1]}:"
    ) as error:
        await act(hass, "set_charging_limit", stations=names, amps=12)
    assert error.value.translation_key == "limit_refused"
    assert len(sent(cloud, "/energy-management")) == 1
    limits = [float(station["number.charging_limit"]) for station in stations]
    assert limits == [12, float(before), 12]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({}, "amps_or_watts"),
        ({"amps": 10, "watts": 2000}, "amps_or_watts"),
        ({"amps": 0, "watts": 0}, "amps_or_watts"),
        ({"amps": 5}, "limit_out_of_range"),
        ({"amps": 200}, "limit_out_of_range"),
        ({"amps": -1}, "limit_out_of_range"),
        ({"amps": float("nan")}, "limit_out_of_range"),
        ({"watts": 100}, "limit_out_of_range"),
    ],
)
async def test_limits_that_cannot_be(
    hass: HomeAssistant, names: list[str], cloud: Cloud, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as error:
        await act(hass, "set_charging_limit", stations=names, **data)
    assert error.value.translation_key == key
    assert not sent(cloud, "/energy-management")


async def test_a_limit_that_one_of_them_cannot_have(
    hass: HomeAssistant, stations: list[Station], names: list[str], cloud: Cloud
) -> None:
    """None is limited then: a half-done request would be worse."""
    highest = [s.state("number", "charging_limit").attributes["max"] for s in stations]
    lowest = names[highest.index(min(highest))]
    with pytest.raises(ServiceValidationError, match=f"Station {lowest} cannot be limited"):
        await act(hass, "set_charging_limit", stations=names, amps=max(highest))
    assert not sent(cloud, "/energy-management")


async def test_no_connection(hass: HomeAssistant, names: list[str], cloud: Cloud) -> None:
    cloud.faults.fail_next("drop", path="/station/energy-management")
    with pytest.raises(HomeAssistantError, match="The command may have been executed") as error:
        await act(hass, "set_charging_limit", stations=names, amps=12)
    assert error.value.translation_key == "command_lost"
