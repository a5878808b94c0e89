"""Random schedules: every watt-hour and every cent once, and no total that ever falls.

The coordinator, the client, the ledgers and their reconciliation are the real ones, in a real
core of Home Assistant whose time passes on command; `house.py` has the few stand-ins. The last
test is of the same kind, over HTTP, on a disk, and with all entities.
"""

from contextlib import suppress
import os
from pathlib import Path
from random import Random
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from hypothesis import given, seed as first_of, settings as profile, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.accounting.amounts import MONEY, WH
from simulator import Cloud, Settings, World
from simulator.charging.station import Station as SimulatedStation
from simulator.errors import ApiError, ControlError
from tests.conftest import API_KEY, Pass
from tests.helpers import Station
from tests.system.house import DAY, START, House, correct, exact, live

EXAMPLES = 600 if os.environ.get("SCHEDULES") == "all" else 150
"""Random schedules for each way to count, the same in each run."""


class Plan:
    """Carries out the steps of a schedule."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def take(self, kind: str, *values: Any) -> None:
        with suppress(ControlError, ApiError):
            await getattr(self, kind)(*values)

    def _station(self, index: int) -> SimulatedStation:
        stations = self.house.world.stations
        return stations[index % len(stations)]

    async def drive(self, index: int, percent: float, start_with: str) -> None:
        """Let a car leave, or come where there is none."""
        world, name = self.house.world, self._station(index).name
        if world.station(name).car:
            world.unplug(name)
            return
        world.plug_in(name, percent=percent)
        if start_with:
            world.swipe_card(name, start_with)

    async def station(self, index: int, action: str) -> None:
        """Do what needs no more than a name."""
        getattr(self.house.world, action)(self._station(index).name)

    async def start(self, index: int) -> None:
        port_id = self._station(index).port_id
        await self.house.do(lambda life: life.control.async_start(port_id))

    async def stop(self, index: int) -> None:
        port_id = self._station(index).port_id
        await self.house.do(lambda life: life.control.async_stop(port_id))

    async def add_station(self, index: int) -> None:
        if len(self.house.world.stations) < 4:
            self.house.world.add_station(f"New {index}", tariff=index % 6)

    async def correct(self, index: int, factor: float) -> None:
        self.house.correct(index, factor)

    async def repeat(self, index: int) -> None:
        """Deliver a list again, as old as may be: what is known stays."""
        life, lists = self.house.life, self.house.network.lists
        if life is None or life.coordinator is None or not lists:
            return
        ledgers = self.house.ledgers
        before = {port_id: ledger.total().energy for port_id, ledger in ledgers.items()}
        life.coordinator.async_apply_past(lists[-1 - index * 7 % len(lists)])
        for port_id, energy in before.items():
            assert ledgers[port_id].total().energy >= energy or port_id in self.house.reduced

    async def ha(self, action: str) -> None:
        await getattr(self.house, action)()

    async def clock(self, skew: float) -> None:
        """Set Home Assistant's clock wrong, or right again."""
        self.house.skew = skew
        self.house.is_all_listed = False

    async def outage(self, is_down: bool) -> None:
        self.house.network.is_down = is_down

    async def fail(self, requests: int) -> None:
        self.house.network.failing = requests

    async def wait(self, seconds: float) -> None:
        await self.house.wait(seconds)

    async def suspend(self, hours: float) -> None:
        await self.house.suspend(hours * 3600)

    async def poll(self, minutes: int) -> None:
        await self.house.poll(minutes * 60, every=minutes * 30)


STATION = st.integers(0, 2)
DRIVE = st.tuples(
    st.just("drive"),
    STATION,
    st.sampled_from([5.0, 60.0, 97.0]),
    st.sampled_from(["Card", "iOS", ""]),
)
POLL = st.tuples(st.just("poll"), st.sampled_from([1, 7, 45]))
STEPS = st.one_of(
    DRIVE,
    POLL,
    DRIVE,
    POLL,
    st.tuples(st.just("correct"), STATION, st.sampled_from([0.0, 0.6, 1.3])),
    st.tuples(st.just("ha"), st.sampled_from(["kill", "shut_down", "switch_on", "switch_on"])),
    st.tuples(st.just("suspend"), st.sampled_from([0.5, 2.5, 26.0])),
    st.tuples(st.just("outage"), st.booleans()),
    st.tuples(st.just("fail"), st.integers(1, 4)),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 6.0, 61.0, 301.0])),
    st.tuples(
        st.just("station"),
        STATION,
        st.sampled_from(["swipe_card", "disconnect", "connect", "stop_locally"]),
    ),
    st.tuples(st.sampled_from(["start", "stop", "repeat", "repeat"]), STATION),
    st.tuples(st.just("add_station"), STATION),
    st.tuples(
        st.just("clock"), st.sampled_from([0.0, 0.0, -7200.0, 7200.0, -400 * DAY, 400 * DAY])
    ),
)


@given(
    steps=st.lists(STEPS, min_size=40, max_size=80),
    installed_after=st.integers(0, 8),
    latency=st.sampled_from([0.0, 0.4, 12.0]),
    disk_s=st.sampled_from([0.0, 0.2, 5.0]),
    holds_ended=st.booleans(),
    lists_past=st.sampled_from([True, True, False]),
    meter_interval_s=st.sampled_from([0.0, 60.0, 900.0]),
    history_days=st.sampled_from([0, 2]),
    seed=st.integers(1, 5),
)
@pytest.mark.parametrize("counts_by", ["start", "end"])
@first_of(7)  # without it, each edit of the test brings other schedules
@profile(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
def test_schedules(
    counts_by: Any,
    steps: list[tuple[Any, ...]],
    installed_after: int,
    latency: float,
    disk_s: float,
    holds_ended: bool,
    lists_past: bool,
    meter_interval_s: float,
    history_days: int,
    seed: int,
) -> None:
    settings = Settings(
        keys=(API_KEY,),
        sites=1,
        stations=2,
        seed=seed,
        history_days=history_days,
        list_holds_ended=holds_ended,
        meter_interval_s=meter_interval_s,
        report_counts_by=counts_by,
    )

    async def carry_out(house: House) -> None:
        house.network.lists_past = house.is_all_listed = lists_past
        plan = Plan(house)
        for index, (kind, *values) in enumerate(steps):
            if index == installed_after:
                await house.switch_on()
            await plan.take(kind, *values)
            # People take a moment between two things that they do.
            await house.wait(5)
        await house.finish()
        house.check()

    live(carry_out, settings, latency=latency, disk_s=disk_s)


@pytest.mark.parametrize("skew", [-400 * DAY, -2 * DAY, 2 * DAY, 400 * DAY])
def test_a_clock_that_is_wrong_for_a_while(skew: float) -> None:
    """Sessions afterwards count as such, and at once: not only when the report is read."""

    async def charge(house: House) -> None:
        name = house.world.stations[0].name
        house.world.plug_in(name, card=True)
        await house.poll(1800)
        house.world.unplug(name)
        await house.poll(600)

    async def carry_out(house: House) -> None:
        await house.switch_on()
        await charge(house)
        house.skew = skew
        await charge(house)
        await house.shut_down()
        await house.switch_on()
        await charge(house)
        house.skew = 0
        await charge(house)
        await house.kill()
        await house.wait(3 * 3600)
        await house.switch_on()
        await charge(house)
        house.check()
        # What is found beyond the sessions afterwards is found within days.
        await house.suspend(1.1 * DAY)
        await house.poll(600)
        correct(house.world, house.world.charging.ended[0], 1.3)
        await house.suspend(2.2 * DAY)
        await house.poll(600)
        house.is_all_listed = False
        house.check()
        # Nor is the whole past requested repeatedly.
        assert min(house.network.asked_since) > START - 32 * DAY

    settings = Settings(keys=(API_KEY,), sites=1, stations=1, history_days=2)
    live(carry_out, settings, latency=0, disk_s=0)


# The same in a real Home Assistant, over HTTP.


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7, history_days=2)


class Home:
    """A person's Home Assistant."""

    def __init__(
        self, hass: HomeAssistant, entry: MockConfigEntry, cloud: Cloud, wait: Pass
    ) -> None:
        self.hass = hass
        self.entry = entry
        self.cloud = cloud
        self.world = cloud.world()
        self.wait = wait
        self.stations = [Station(hass, self.world, s.name) for s in self.world.stations]
        self.ledger = Path(hass.config.path(".storage", f"eevion.ledger.{entry.entry_id}"))
        self.shown = dict.fromkeys((s.name for s in self.stations), 0.0)

    async def restart(self, down_s: float, *, is_cut: bool) -> None:
        """Stop or lose power, and come back after a while."""
        on_disk = self.ledger.read_bytes()
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        if is_cut:
            self.ledger.write_bytes(on_disk)
        await self.wait(down_s)
        # Where the cloud cannot be reached just then, Home Assistant tries again by itself.
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def live(self, random: Random) -> None:
        """Let something happen, and time pass."""
        name = random.choice(self.stations).name
        with suppress(ControlError):
            match random.choice(("come", "come", "go", "line", "line", "off", "fault", "correct")):
                case "come":
                    self.world.plug_in(name, percent=random.choice([5, 60, 97]), card=True)
                case "go":
                    self.world.unplug(name)
                case "line":
                    is_connected = self.world.station(name).connected
                    (self.world.disconnect if is_connected else self.world.connect)(name)
                case "off":
                    await self.restart(random.choice([1, 9000]), is_cut=random.random() < 0.6)
                case "fault":
                    self.cloud.faults.set(random.choice(["error", "drop", "html"]), count=5)
                case "correct":
                    ended = [s for s in self.world.ledger(name) if s in self.world.charging.ended]
                    correct(self.world, ended[-1], 1.2)
        for _ in range(random.choice([1, 3])):
            await self.wait(random.choice([6, 31, 301]))
            self.look()

    def look(self) -> None:
        """See that no total falls."""
        for station in self.stations:
            with suppress(ValueError):  # it is not known for a while
                energy = float(station["sensor.total_energy"])
                assert energy >= self.shown[station.name]
                self.shown[station.name] = energy


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("own_files")
async def test_a_long_schedule_in_home_assistant(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    loaded: ConfigEntry,
    world: World,
    cloud: Cloud,
    wait: Pass,
    seed: int,
) -> None:
    random = Random(f"schedule {seed}")
    cloud.settings.list_holds_ended = bool(seed % 2)
    cloud.settings.report_counts_by = random.choice(["start", "end"])
    home = Home(hass, entry, cloud, wait)
    # A session of each station contains the currency of the report's money.
    for station in home.stations:
        world.plug_in(station.name, card=True)
    await wait(31)
    for _ in range(50):
        await home.live(random)
    cloud.faults.clear()
    for station in home.stations:
        world.connect(station.name)
        world.unplug(station.name)
    await wait(31)
    for _ in range(2):
        await wait(1.1 * DAY)
        for _ in range(4):
            await wait(301)
            home.look()
    for station in home.stations:
        energy, cost = exact(world.ledger(station.name), world.advance())
        assert round(float(station["sensor.total_energy"]) * 1000 * WH) == energy
        assert round(float(station["sensor.total_cost"]) * MONEY) == cost
