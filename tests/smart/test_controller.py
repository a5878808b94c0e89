"""Smart charging at work, against the simulated cloud."""

import asyncio
from datetime import timedelta
from itertools import pairwise

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest

from tests.calls import act, pass_until, starts
from tests.smart.home import GRID, Home

A, B = "2133", "2134"
V = 208


@pytest.fixture
async def sunny(home: Home) -> Home:
    """A station in `smart`, with a vehicle that came by card and charges with the sun."""
    home.meter(-3000)
    await home.add(A)
    home.world.plug_in(A, card=True)
    await home.run(40, step_s=20)
    await home.choose(A, "smart")
    await home.run(120, -3000, step_s=20)
    assert home.reason(A) == "sun"
    assert home.limits(A)[-1] == 14
    return home


async def test_nothing_happens_before_a_mode_is_chosen(home: Home) -> None:
    home.meter(0)
    await home.add(A)
    home.world.plug_in(A, card=True)
    await home.run(120, 0)
    assert home.reason(A) == "manual"
    assert home.requests() == []


async def test_the_sun(sunny: Home) -> None:
    """It follows the sun, pauses without it, and comes back."""
    await sunny.run(60, 0)
    assert sunny.limits(A)[-1] == 6
    await sunny.run(180, 0)
    assert sunny.limits(A)[-1] == 0
    assert sunny.reason(A) == "waiting_for_sun"
    await sunny.run(120, -2100)
    assert sunny.limits(A)[-1] == 10
    assert sunny.reason(A) == "sun"


async def test_comfort_sends_at_most_one_request_in_half_a_minute(sunny: Home) -> None:
    times = []
    for index in range(60):
        count = len(sunny.requests())
        await sunny.run(5, -2000 - 240 * (index % 9), step_s=5)
        if len(sunny.requests()) > count:
            times.append(5 * index)
    assert len(times) > 3
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 30


@pytest.mark.parametrize(
    ("domain", "action", "key", "chosen"),
    [
        ("number", "set_value", "target_energy", {"value": 50}),
        ("switch", "turn_on", "always_charge", {}),
        ("select", "select_option", "charging_mode", {"option": "smart"}),
    ],
)
async def test_what_is_chosen_again_and_again_is_no_reason_for_a_request(
    sunny: Home, domain: str, action: str, key: str, chosen: dict[str, object]
) -> None:
    """An automation chooses every five seconds what is chosen already."""
    await sunny.call(domain, action, A, key, **chosen)
    await sunny.run(40, -3000)
    count = len(sunny.requests())
    for index in range(24):
        await sunny.run(5, -2000 - 500 * (index % 5), step_s=5)
        await sunny.call(domain, action, A, key, **chosen)
    assert len(sunny.requests()) <= count + 4


async def test_a_mode_chosen_again_and_again_tries_no_start(home: Home) -> None:
    """A start was refused for want of a vehicle; an automation chooses the same mode anew."""
    home.meter(0)
    await home.add(A)
    await home.choose(A, "fast")
    for _ in range(20):
        await home.run(20, 0, step_s=20)
        await home.choose(A, "fast")
    assert len(starts(home.cloud)) == 1


async def test_nothing_is_sent_where_nothing_changed_by_an_amp(sunny: Home) -> None:
    count = len(sunny.requests())
    for watts in (-2900, -3050, -2950, -3000):
        await sunny.run(60, watts)
    assert len(sunny.requests()) == count


async def test_modes(sunny: Home) -> None:
    await sunny.choose(A, "fast")
    assert sunny.limits(A)[-1] == sunny.world.station(A).model.amps
    assert sunny.reason(A) == "fast"
    await sunny.choose(A, "off")
    assert sunny.limits(A)[-1] == 0
    assert sunny.reason(A) == "off"
    await sunny.choose(A, "smart")
    await sunny.call("switch", "turn_on", A, "always_charge")
    await sunny.run(240, 0)
    assert sunny.limits(A)[-1] == 6
    assert sunny.reason(A) == "always"


async def test_manual_leaves_a_station_as_it_is_but_releases_a_pause(sunny: Home) -> None:
    await sunny.choose(A, "manual")
    await sunny.run(120, 0)
    assert sunny.limits(A)[-1] == 14
    await sunny.choose(A, "off")
    await sunny.choose(A, "manual")
    assert sunny.limits(A)[-1] == sunny.world.station(A).model.amps
    assert sunny.reason(A) == "manual"


async def test_manual_gives_back_what_a_person_had_set(home: Home) -> None:
    home.meter(0)
    await home.add(A)
    await home.station(A).limit(16)
    await home.choose(A, "off")
    assert home.limits(A) == [16, 0]
    await home.choose(A, "manual")
    assert home.limits(A) == [16, 0, 16]


async def test_a_limit_by_hand_counts_until_the_session_ends(sunny: Home) -> None:
    await sunny.station(A).limit(20)
    assert sunny.reason(A) == "overridden"
    await sunny.run(300, 0)
    assert sunny.limits(A)[-1] == 20
    sunny.world.unplug(A)
    await sunny.run(60, 0)
    assert sunny.reason(A) == "waiting_for_vehicle"
    sunny.world.plug_in(A, card=True)
    await sunny.run(300, 0)
    assert sunny.limits(A)[-1] == 0
    assert sunny.reason(A) == "waiting_for_sun"


@pytest.mark.parametrize("fault", ["rate_limited", "latency"])
async def test_a_limit_by_hand_on_its_way_is_not_replaced(
    sunny: Home, freezer: FrozenDateTimeFactory, fault: str
) -> None:
    """More sun comes while the limit of a person waits for the cloud."""
    await sunny.run(40, -3000)
    sunny.cloud.faults.set(fault, path="/station/energy-management", count=1, seconds=8)
    by_hand = asyncio.ensure_future(sunny.station(A).limit(20))
    for _ in range(20):
        await asyncio.sleep(0)
    sunny.meter(-6000)
    await pass_until(sunny.hass, freezer, asyncio.wait_for(by_hand, None))
    await sunny.run(60, -6000)
    assert sunny.reason(A) == "overridden"
    assert sunny.limits(A)[-1] == 20
    assert sunny.station(A)["number.charging_limit"] == "20"


async def test_a_limit_by_hand_that_is_refused_holds_nothing_up(
    sunny: Home, freezer: FrozenDateTimeFactory
) -> None:
    sunny.cloud.faults.set("error", path="/station/energy-management", count=1)
    with pytest.raises(HomeAssistantError):
        await sunny.station(A).limit(20)
    await sunny.run(60, -6000)
    assert sunny.reason(A) == "sun"
    assert sunny.limits(A)[-1] == 28


async def test_a_limit_by_hand_replaces_one_that_waits(
    sunny: Home, freezer: FrozenDateTimeFactory
) -> None:
    sunny.cloud.faults.set("rate_limited", path="/station/energy-management", count=1, seconds=8)
    mode = sunny.station(A).id("select", "charging_mode")
    chosen = {"entity_id": mode, "option": "fast"}
    await sunny.hass.services.async_call("select", "select_option", chosen, blocking=True)
    for _ in range(20):
        await asyncio.sleep(0)
    await pass_until(sunny.hass, freezer, sunny.station(A).limit(20))
    await sunny.run(60, -3000)
    assert sunny.reason(A) == "overridden"
    assert sunny.limits(A)[-1] == 20
    await sunny.choose(A, "off")
    await sunny.choose(A, "manual")
    assert sunny.limits(A)[-2:] == [0, 20]


async def test_the_very_limit_that_was_sent_is_by_hand_as_well(sunny: Home) -> None:
    await act(sunny.hass, "set_charging_limit", device_id=sunny.device(A), amps=14)
    await sunny.run(300, 0)
    assert sunny.limits(A)[-1] == 14
    assert sunny.reason(A) == "overridden"


async def test_a_mode_chosen_anew_ends_what_was_given_by_hand(sunny: Home) -> None:
    await sunny.station(A).limit(20)
    assert sunny.reason(A) == "overridden"
    await sunny.choose(A, "smart")
    assert sunny.reason(A) == "sun"
    await sunny.run(40, -3000)
    assert sunny.limits(A)[-1] == 14


@pytest.mark.parametrize("how", ["switch", "action"])
async def test_a_start_by_hand_charges_with_what_there_was(home: Home, how: str) -> None:
    home.meter(0)
    await home.add(A)
    await home.choose(A, "off")
    assert home.limits(A) == [0]
    home.world.plug_in(A)
    if how == "switch":
        await home.station(A).turn("on")
    else:
        await act(home.hass, "start_session", device_id=home.device(A))
    await home.run(40, 0)
    assert home.reason(A) == "overridden"
    assert home.limits(A)[-1] == home.world.station(A).model.amps
    assert home.station(A)["binary_sensor.charging"] == "on"


async def test_starts_elsewhere(home: Home) -> None:
    """An app is a person's; a card is how a vehicle arrives."""
    home.meter(0)
    await home.add(A)
    await home.choose(A, "off")
    amps = home.world.station(A).model.amps
    for started_with, is_by_hand in (
        ("Card", False),
        ("iOS", True),
        ("Roaming", False),
        ("Android", True),
        ("Eevion", True),
    ):
        home.world.plug_in(A)
        home.world.swipe_card(A, started_with)
        await home.run(60, 0, step_s=20)
        assert home.reason(A) == ("overridden" if is_by_hand else "off"), started_with
        assert home.limits(A)[-1] == (amps if is_by_hand else 0), started_with
        home.world.unplug(A)
        await home.run(60, 0, step_s=20)
        assert home.limits(A)[-1] == 0


async def test_a_session_ended_by_hand_is_not_started_again(sunny: Home) -> None:
    await sunny.station(A).turn("off")
    await sunny.run(60, -6000)
    assert sunny.reason(A) == "waiting_for_vehicle"
    for _ in range(70):
        await sunny.run(60, -6000, step_s=60)
    assert starts(sunny.cloud) == []
    await sunny.choose(A, "smart")
    await sunny.run(120, -6000)
    assert len(starts(sunny.cloud)) == 1


async def test_a_stop_that_a_start_cancels_is_no_end_by_hand(
    home: Home, freezer: FrozenDateTimeFactory
) -> None:
    """The stop waits for the authorization; the session then goes on, and ends by itself."""
    home.meter(-6000)
    home.cloud.settings.authorizing_s = 120
    await home.add(A)
    await home.choose(A, "smart")
    home.world.plug_in(A, card=True)
    await home.run(40, -6000)
    assert home.station(A)["switch.charging"] == "on"
    assert home.station(A)["binary_sensor.charging"] == "off"
    stop = asyncio.create_task(home.station(A).turn("off"))
    await asyncio.sleep(0)
    start = home.station(A).turn("on")
    await pass_until(home.hass, freezer, asyncio.wait_for(start, None))
    await pass_until(home.hass, freezer, asyncio.wait_for(stop, None))
    await home.run(160, -6000)
    assert home.station(A)["binary_sensor.charging"] == "on"
    home.world.reset(A, "hard")
    for _ in range(36):
        await home.run(60, -6000, step_s=60)
    assert len(starts(home.cloud)) == 1


async def test_a_session_that_ended_by_itself_is_started_again(sunny: Home) -> None:
    sunny.world.reset(A, "hard")
    await sunny.run(60, -6000)
    for _ in range(35):
        await sunny.run(60, -6000, step_s=60)
    assert len(starts(sunny.cloud)) == 1
    assert sunny.reason(A) == "sun"


async def test_a_session_is_started_where_the_rule_wants_to_charge(home: Home) -> None:
    home.meter(0)
    await home.add(A)
    home.world.plug_in(A)
    await home.choose(A, "smart")
    await home.run(300, 0)
    assert starts(home.cloud) == []
    await home.run(120, -3000)
    assert len(starts(home.cloud)) == 1
    assert home.reason(A) == "sun", "a start of its own is nobody's hand"
    assert home.station(A)["binary_sensor.charging"] == "on"


async def test_without_a_vehicle_a_start_is_tried_every_half_hour(home: Home) -> None:
    home.meter(0)
    await home.add(A)
    await home.choose(A, "fast")
    assert len(starts(home.cloud)) == 1
    assert home.reason(A) == "waiting_for_vehicle"
    for _ in range(29):
        await home.run(60, 0, step_s=60)
    assert len(starts(home.cloud)) == 1
    for _ in range(2):
        await home.run(60, 0, step_s=60)
    assert len(starts(home.cloud)) == 2


async def test_a_start_is_tried_again_where_the_clock_is_set_back(
    home: Home, freezer: FrozenDateTimeFactory
) -> None:
    """Not only after the hours by which it was set back."""
    home.meter(0)
    await home.add(A)
    await home.choose(A, "fast")
    await home.run(120, 0, step_s=60)
    assert len(starts(home.cloud)) == 1
    freezer.tick(timedelta(hours=-30))
    for watts in range(3):
        await home.run(20, watts, step_s=20)
    assert len(starts(home.cloud)) == 2
    for _ in range(29):
        await home.run(60, 0, step_s=60)
    assert len(starts(home.cloud)) == 2


async def test_demand_response_is_respected_and_shown(sunny: Home) -> None:
    await sunny.choose(A, "fast")
    sunny.world.demand_response(A, 10 * V, lasts_s=600)
    await sunny.run(60, 0)
    assert sunny.limits(A)[-1] == 10
    assert sunny.reason(A) == "limited_by_demand_response"
    await sunny.run(660, 0)
    assert sunny.reason(A) == "fast"


async def test_a_frozen_sensor(sunny: Home) -> None:
    await sunny.run(50)
    assert sunny.reason(A) == "sun"
    await sunny.run(40)
    assert sunny.reason(A) == "sensor_missing"
    assert sunny.limits(A)[-1] == 0
    await sunny.run(120, -3000)
    assert sunny.reason(A) == "sun"


async def test_a_sensor_without_a_usable_value(sunny: Home) -> None:
    """What counts as a value is in the tests of the inputs."""
    for state, unit in (("unavailable", "W"), ("-3000", "mA")):
        sunny.meter(state, unit)
        await sunny.run(80, step_s=20)
        assert sunny.reason(A) == "sensor_missing"
        assert sunny.limits(A)[-1] == 0
        await sunny.run(120, -3000, step_s=20)
        assert sunny.reason(A) == "sun"


async def test_a_sensor_in_kilowatts(sunny: Home) -> None:
    for _ in range(12):
        sunny.meter(-4.2 + sunny.drawn_w() / 1000, "kW")
        await sunny.run(10)
    assert sunny.limits(A)[-1] == 20


async def test_a_restart_waits_for_its_sensors(sunny: Home) -> None:
    count = len(sunny.requests())
    sunny.hass.states.async_remove(GRID)
    assert await sunny.hass.config_entries.async_reload(sunny.entry.entry_id)
    await sunny.run(40)
    assert sunny.reason(A) == "unavailable"
    assert len(sunny.requests()) == count
    await sunny.run(20, -3000)
    assert sunny.reason(A) == "sun"
    assert sunny.limits(A)[-1] == 14


async def test_choices_and_what_was_done_by_hand_survive_a_restart(sunny: Home) -> None:
    await sunny.station(A).limit(20)
    await sunny.call("number", "set_value", A, "target_energy", value=12.5)
    await sunny.call("time", "set_value", A, "ready_by", time="06:30:00")
    await sunny.call("switch", "turn_on", A, "always_charge")
    assert await sunny.hass.config_entries.async_reload(sunny.entry.entry_id)
    await sunny.run(40, 0)
    station = sunny.station(A)
    assert station["select.charging_mode"] == "smart"
    assert station["number.target_energy"] == "12.5"
    assert station["time.ready_by"] == "06:30:00"
    assert station["switch.always_charge"] == "on"
    assert sunny.reason(A) == "overridden"


@pytest.fixture
async def late(home: Home) -> Home:
    """A station whose target was due four minutes ago, and is not reached."""
    home.meter(0)
    await home.add(A)
    home.world.plug_in(A, card=True)
    await home.call("number", "set_value", A, "target_energy", value=80)
    await due_in(home, minutes=6)
    await home.choose(A, "smart")
    await home.run(600, 0, step_s=20)
    assert home.reason(A) == "plan"
    return home


async def due_in(home: Home, *, minutes: float) -> None:
    due = dt_util.now() + timedelta(minutes=minutes)
    await home.call("time", "set_value", A, "ready_by", time=f"{due:%H:%M:00}")


async def test_a_target_that_is_late_is_pursued_after_a_restart(late: Home) -> None:
    amps = late.world.station(A).model.amps
    assert await late.hass.config_entries.async_reload(late.entry.entry_id)
    await late.run(120, 0, step_s=20)
    assert late.reason(A) == "plan"
    assert [limit for limit in late.limits(A) if limit < amps] == []


async def test_another_due_time_ends_the_haste_of_a_target_that_is_late(late: Home) -> None:
    """A person sees that the vehicle is not needed before tomorrow."""
    await due_in(late, minutes=-30)
    await late.run(240, 0, step_s=20)
    assert late.reason(A) == "waiting_for_plan"
    assert late.limits(A)[-1] == 0


async def test_a_cloud_that_fails(sunny: Home, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried again with pauses, and said once."""
    sunny.cloud.faults.set("error", path="/station/energy-management")
    await sunny.run(600, -6000, step_s=15)
    tried = sunny.limits(A)[1:]
    assert 3 <= len(tried) <= 6
    assert caplog.text.count("cannot limit") == 1
    sunny.cloud.faults.clear()
    await sunny.run(660, -6000, step_s=20)
    assert sunny.limits(A)[-1] == 28
    assert sunny.station(A)["number.charging_limit"] == "28"
    assert caplog.text.count("can limit its stations again") == 1


@pytest.mark.parametrize("hours", [-30, 30])
async def test_a_clock_that_jumps(sunny: Home, freezer: FrozenDateTimeFactory, hours: int) -> None:
    freezer.tick(timedelta(hours=hours))
    await sunny.run(120, -4200)
    assert sunny.limits(A)[-1] == 20


async def test_a_station_that_goes_offline_in_the_middle(sunny: Home) -> None:
    sunny.world.disconnect(A)
    await sunny.run(600, 0, step_s=30)
    sunny.world.connect(A)
    await sunny.run(600, -4200, step_s=30)
    assert sunny.limits(A)[-1] == 20


async def test_a_station_that_leaves_and_comes_back(sunny: Home, hass: HomeAssistant) -> None:
    station = sunny.world.station(A)
    mode = sunny.station(A).id("select", "charging_mode")
    sunny.world.remove_station(A)
    await sunny.run(120, 0)
    assert hass.states.get(mode) is None
    assert await hass.config_entries.async_reload(sunny.entry.entry_id)
    await sunny.run(60, 0)
    station.lifecycle = "active"
    await sunny.run(120, 0)
    state = hass.states.get(mode)
    assert state
    assert state.state == "smart"


async def test_a_station_that_is_renamed(sunny: Home) -> None:
    sunny.world.rename_station(A, "Left")
    await sunny.run(120, -4200)
    assert sunny.limits("Left")[-1] == 20


async def test_a_limit_shown_in_milliamps_is_no_matter(sunny: Home, hass: HomeAssistant) -> None:
    from homeassistant.helpers import entity_registry as er  # noqa: PLC0415

    er.async_get(hass).async_update_entity_options(
        sunny.station(A).id("number", "charging_limit"), "number", {"unit_of_measurement": "mA"}
    )
    await sunny.run(60, -4200)
    assert sunny.limits(A)[-1] == 20


async def test_solar_share(sunny: Home) -> None:
    await sunny.run(600, -3000, step_s=30)
    assert float(sunny.station(A)["sensor.session_solar_share"]) == pytest.approx(100, abs=15)
    await sunny.choose(A, "fast")
    await sunny.run(600, 1000, step_s=30)
    assert 5 < float(sunny.station(A)["sensor.session_solar_share"]) < 60


async def test_it_ends_cleanly(sunny: Home, hass: HomeAssistant) -> None:
    assert await hass.config_entries.async_unload(sunny.entry.entry_id)
    count = len(sunny.requests())
    await sunny.run(120, 0)
    assert len(sunny.requests()) == count
