"""Homes in which something is not as it should be, and vehicles that come and go."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from simulator.http import site_json
from tests.calls import starts
from tests.smart.home import GRID, Home

A = "2133"


async def test_helpers_on_the_device_of_a_station_are_no_matter(
    home: Home, hass: HomeAssistant
) -> None:
    """A utility meter or an integral on the same device is not the energy of the session."""
    registry = er.async_get(hass)
    for platform, state, unit, device_class in (
        ("utility_meter", "0.5", "kWh", "energy"),
        ("integration", "0.5", "kWh", "energy"),
        ("template", "65000", "mA", "current"),
    ):
        helper = registry.async_get_or_create(
            "sensor",
            platform,
            "session_energy",
            device_id=home.device(A),
            suggested_object_id=f"station_{A}_{platform}_session_energy",
        )
        hass.states.async_set(
            helper.entity_id, state, {"unit_of_measurement": unit, "device_class": device_class}
        )
    home.meter(0)
    await home.add(A)
    home.world.plug_in(A, card=True)
    await home.call("number", "set_value", A, "target_energy", value=2)
    await home.choose(A, "smart")
    await home.run(300, -15000, step_s=20)
    assert home.reason(A) == "sun"
    assert home.limits(A)[-1] == home.world.station(A).model.amps
    await home.run(1200, -15000, step_s=20)
    assert home.reason(A) == "target_reached"
    assert home.limits(A)[-1] == 0


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cloud names neither amps nor volts of any port."""
    right = site_json.port_json

    def port_json(*args: Any, **kwargs: Any) -> dict[str, Any]:
        port = right(*args, **kwargs)
        del port["amps"], port["volts"]
        return port

    monkeypatch.setattr(site_json, "port_json", port_json)


@pytest.mark.usefixtures("nameless")
async def test_ports_without_amps_or_volts(home: Home) -> None:
    """240 V are assumed, and the highest current that a person gave."""
    home.meter(0)
    await home.add(A, grid={"grid_power": GRID, "main_limit": 30}, electrical={"max_current": 20})
    home.world.plug_in(A, card=True)
    await home.choose(A, "smart")
    await home.run(160, -240 * 12.5)
    assert home.reason(A) == "sun"
    # The vehicle draws at 208 V: the meter says what is left.
    assert 12 <= home.limits(A)[-1] <= 14
    assert 2400 < home.drawn_w() <= 3000
    await home.choose(A, "fast")
    assert home.limits(A)[-1] == 20
    await home.run(60, 240 * 20)
    assert 240 * 20 + home.drawn_w() <= 240 * 30
    assert home.limits(A)[-1] < 20
    assert home.reason(A) == "limited_by_connection"


@pytest.mark.usefixtures("nameless")
async def test_a_port_without_amps_is_released_to_the_highest_limit(home: Home) -> None:
    home.meter(0)
    await home.add(A)
    await home.choose(A, "off")
    await home.choose(A, "manual")
    assert home.limits(A) == [0, 80]


async def test_a_meter_that_jumps_neither_starts_nor_stops(home: Home) -> None:
    """Single readings that are far off cost no start, and no pause."""
    home.meter(0)
    await home.add(A)
    home.world.plug_in(A, card=True)
    await home.choose(A, "smart")
    await home.run(120, 0)
    for index in range(30):
        await home.run(10, -60000 if index % 4 == 3 else 0)
    assert home.limits(A) == [0]
    await home.run(160, -4000)
    assert home.reason(A) == "sun"
    count = len(home.limits(A))
    for index in range(30):
        await home.run(10, 60000 if index % 4 == 3 else -4000)
    assert home.reason(A) == "sun"
    assert 0 not in home.limits(A)[count:]


async def test_the_next_sign_of_a_vehicle_is_worth_a_start(home: Home) -> None:
    """A start that was refused for want of a vehicle is tried when one comes."""
    home.meter(0)
    await home.add(A)
    await home.choose(A, "fast")
    await home.run(60, 0)
    assert len(starts(home.cloud)) == 1
    assert home.reason(A) == "waiting_for_vehicle"
    home.world.plug_in(A, card=True)
    await home.run(60, 0)
    assert home.reason(A) == "fast"
    home.world.unplug(A)
    await home.run(60, 0)
    home.world.plug_in(A)
    for _ in range(31):
        await home.run(60, 0, step_s=60)
    assert home.station(A)["binary_sensor.charging"] == "on"


async def test_a_session_ended_at_the_station_is_not_started_again(home: Home) -> None:
    home.meter(0)
    await home.add(A)
    home.world.plug_in(A, card=True)
    await home.run(40, 0)
    await home.choose(A, "fast")
    await home.run(60, 0)
    home.world.stop_locally(A)
    for _ in range(40):
        await home.run(60, 0, step_s=60)
    assert starts(home.cloud) == []
    assert home.reason(A) == "waiting_for_vehicle"
    home.world.unplug(A)
    home.world.plug_in(A)
    await home.run(10 * 3600, 0, step_s=600)
    assert starts(home.cloud) == [], "the cloud does not show whether it is the same vehicle"
    await home.run(3 * 3600, 0, step_s=600)
    assert len(starts(home.cloud)) == 1
    assert home.reason(A) == "fast"


async def test_the_next_vehicle_is_charged_after_a_session_that_was_ended_by_hand(
    home: Home,
) -> None:
    home.meter(0)
    await home.add(A)
    home.world.plug_in(A, card=True)
    await home.run(40, 0)
    await home.choose(A, "fast")
    await home.run(60, 0)
    await home.station(A).turn("off")
    await home.run(60, 0)
    home.world.unplug(A)
    await home.run(60, 0)
    assert home.reason(A) == "waiting_for_vehicle"
    home.world.plug_in(A)
    for _ in range(35):
        await home.run(60, 0, step_s=60)
    assert len(starts(home.cloud)) == 1
    assert home.reason(A) == "fast"
