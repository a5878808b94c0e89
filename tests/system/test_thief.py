"""A day with 50 stations on a key of which another program uses half, at random."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from simulator import Cloud, Settings, World
from simulator.http.cloud import RequestRecord
from tests.conftest import API_KEY
from tests.helpers import Station, settle
from tests.system.test_chaos_day import LIMIT, PERIOD, fullest_window

STATIONS, COMMANDS, STOLEN = 50, 500, 30
DAY_S = 86_400
BUSY_HOURS = range(16, 19)
"""When people come home; somebody charges all that time."""

pytestmark = pytest.mark.usefixtures("commands_wait", "quick")


@pytest.fixture
def settings() -> Settings:
    return Settings(
        keys=(API_KEY,), sites=2, stations=STATIONS + 10, seed=7, request_log_size=100_000
    )


@dataclass(kw_only=True)
class Command:
    """One command: when it was given, and what the cloud is to get for it."""

    given: float
    request: tuple[str, str]
    """Path and name of the station (or of its session)."""
    done: asyncio.Task[None]


class Thief:
    """Another program: at most half of the budget in any minute, at random moments."""

    def __init__(self, cloud: Cloud, random: Random) -> None:
        self._rate_limit = cloud.account().rate_limit
        self._random = random
        self._taken: deque[float] = deque()
        self.count = 0

    def steal(self, seconds: float) -> None:
        """Use the requests of so many seconds, now and then all of them at once."""
        now = time.time()
        while self._taken and self._taken[0] <= now - PERIOD:
            self._taken.popleft()
        wanted = STOLEN if self._random.random() < seconds / 600 else round(seconds * 0.7)
        for _ in range(min(wanted, STOLEN - len(self._taken))):
            assert self._rate_limit.consume()
            self._taken.append(now)
            self.count += 1


class Day:
    """What happens, by the clock."""

    def __init__(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: Cloud, entry: ConfigEntry
    ) -> None:
        self.cloud = cloud
        self.commands: list[Command] = []
        self._hass = hass
        self._freezer = freezer
        self._rate_limit = entry.runtime_data.rate_limit
        self._random = Random(20)
        self._thief = Thief(cloud, self._random)
        self._world: World = cloud.world()
        self._begun = time.time()
        present = [s for s in self._world.stations if s.lifecycle == "active" and s.connected]
        self._stations = [Station(hass, self._world, s.name) for s in present[:STATIONS]]
        self._values: dict[str, int] = {}

    @property
    def seconds(self) -> float:
        return time.time() - self._begun

    @property
    def stolen(self) -> int:
        return self._thief.count

    async def pass_time(self, seconds: float) -> None:
        self._freezer.tick(seconds)
        self._thief.steal(seconds)
        async_fire_time_changed(self._hass)
        await settle(self._rate_limit)

    def command(self) -> None:
        """Start, stop or limit a station, as fits."""
        station = self._random.choice(self._stations)
        truth = self._world.station(station.name)
        kind = self._random.choice(("limit", "limit", "session"))
        path, name = "/energy-management", station.name
        if kind == "limit":
            # Each station's limits differ from one to the next.
            self._values[name] = 6 + (self._values.get(name, 0) + 1) % 10
            doing = station.limit(self._values[name])
        elif station["switch.charging"] == "on" and truth.session:
            path, name = "/stop", truth.session.session_id
            doing = station.turn("off")
        elif truth.session is None:
            if truth.car is None:
                self._world.plug_in(name, percent=self._random.randrange(60))
            path = "/session"
            doing = station.turn("on")
        else:
            return self.command()  # its session is new to Home Assistant
        task = asyncio.ensure_future(doing)
        self.commands.append(Command(given=time.time(), request=(path, name), done=task))
        return None

    def end_sessions(self) -> None:
        """Let people drive away."""
        for station in self._world.stations:
            if station.car:
                self._world.unplug(station.name)


def commanded(request: RequestRecord) -> list[tuple[str, str]]:
    """Return the commands in a request."""
    body: Any = request.body
    if request.path.endswith("/energy-management"):
        return [("/energy-management", row["stationId"]) for row in body]
    if request.path.endswith("/stop"):
        return [("/stop", request.path.split("/")[-2])]
    if isinstance(body, dict) and "stationId" in body:
        return [("/session", body["stationId"])]
    return []


async def test_commands_leave_at_once_though_others_use_the_key(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: Cloud, loaded: ConfigEntry
) -> None:
    day = Day(hass, freezer, cloud, loaded)
    random = Random(21)
    busy = sorted(
        random.uniform(BUSY_HOURS.start, BUSY_HOURS.stop) * 3600 for _ in range(COMMANDS - 60)
    )
    quiet = [random.uniform(0, BUSY_HOURS.start) * 3600 for _ in range(60)]
    due = deque(sorted(busy + quiet))
    is_pending = False
    while day.seconds < DAY_S:
        is_busy = int(day.seconds // 3600) in BUSY_HOURS
        if not is_busy and day.seconds % 3600 > 1800 and not is_pending:
            day.end_sessions()
        while due and due[0] <= day.seconds:
            due.popleft()
            day.command()
        is_pending = any(not command.done.done() for command in day.commands[-5:])
        step = 0.25 if is_pending else 2 if is_busy else 10
        if due:
            step = min(step, max(0.05, due[0] - day.seconds))
        await day.pass_time(step)

    requests = list(cloud.requests)
    assert len(requests) < 100_000
    assert len(day.commands) == COMMANDS
    assert day.stolen > 20_000
    # Half of the budget is enough, so that hardly ever one comes when the other half is gone.
    assert fullest_window([request.time for request in requests]) <= LIMIT - STOLEN + 3
    assert Counter(request.status for request in requests)[HTTPStatus.TOO_MANY_REQUESTS] <= 3
    assert [c.done.exception() for c in day.commands if c.done.exception()] == []
    # Each once, and nothing that was not commanded.
    taken = [request for request in requests if request.status == HTTPStatus.OK]
    sent = [(request.time, one) for request in taken for one in commanded(request)]
    assert Counter(one for _, one in sent) == Counter(c.request for c in day.commands)
    delays = []
    for command in day.commands:
        index = next(
            i
            for i, (moment, one) in enumerate(sent)
            if one == command.request and moment >= command.given
        )
        moment, _ = sent.pop(index)
        delays.append(moment - command.given)
    assert sum(delay <= 1 for delay in delays) >= 0.95 * COMMANDS
