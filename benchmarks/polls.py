"""What polls cost, beside the floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from homeassistant.core import State

from custom_components.eevion.const import INTERVAL_ACTIVE

from .costs import Cost, Work, cost
from .house import REQUESTS, House
from .scenes import Scene
from .server import Server

_FULL_S = 30
_STEP_S = INTERVAL_ACTIVE.total_seconds()
_STEPS = int(60 / _STEP_S)
_MINUTES = 3


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Polls when the integration's timer would fire, in a minute."""

    polls: int
    requests: int
    cpu: float
    """In s, of all."""
    floor: float
    """Of as many polls of the account."""
    same: float
    """Of the same requests alone."""


@dataclass(frozen=True, kw_only=True)
class Polls:
    """Of one scene: medians, CPU times in s."""

    states: float
    """That change in a full poll."""
    full: float
    full_floor: float
    full_requests: float
    timed: Timed
    """The minute whose ratio is the median."""
    polls_a_minute: float
    stall: float
    """The longest of all polls."""


@dataclass(frozen=True, kw_only=True)
class _Poll:
    ours: Cost
    floor: Cost
    same: Cost
    requests: list[str]
    states: int


def gaps(polls: int) -> tuple[float, ...]:
    """Return the seconds between frames: one to get used to the scene, full polls, minutes."""
    return (_FULL_S,) * (polls + 1) + (_STEP_S,) * _STEPS * _MINUTES


async def measure_polls(house: House, server: Server, scene: Scene, polls: int) -> Polls:
    """Poll one frame after the other, each time beside the least that it could cost."""
    house.clock.now = scene.start
    full: list[_Poll] = []
    for frame in range(polls + 1):
        house.clock.now += _FULL_S
        full.append(await _measure(house, house.full_poll, server, scene, frame))
    del full[0]
    timed: list[list[_Poll]] = []
    due = house.clock.now + house.interval
    for minute in range(_MINUTES):
        timed.append([])
        for step in range(_STEPS):
            house.clock.now += _STEP_S
            if house.clock.now < due:
                continue
            frame = polls + 1 + minute * _STEPS + step
            timed[-1].append(await _measure(house, house.timed_poll, server, scene, frame))
            due = house.clock.now + house.interval
    minutes = sorted((_timed(found) for found in timed), key=lambda timed: timed.cpu / timed.floor)
    return Polls(
        states=median(poll.states for poll in full),
        full=median(poll.ours.cpu for poll in full),
        full_floor=median(poll.floor.cpu for poll in full),
        full_requests=median(len(poll.requests) for poll in full),
        timed=minutes[_MINUTES // 2],
        polls_a_minute=sum(minute.polls for minute in minutes) / _MINUTES,
        stall=max(poll.ours.stall for poll in sum(timed, full)),
    )


def _timed(polls: Sequence[_Poll]) -> Timed:
    return Timed(
        polls=len(polls),
        requests=sum(len(poll.requests) for poll in polls),
        cpu=sum(poll.ours.cpu for poll in polls),
        floor=sum(poll.floor.cpu for poll in polls),
        same=sum(poll.same.cpu for poll in polls),
    )


async def _measure(house: House, poll: Work, server: Server, scene: Scene, frame: int) -> _Poll:
    await server.turn(scene, frame)
    house.changes.clear()
    ours = await cost(poll)
    house.stop_timer()
    changes = list[State](house.changes)
    requests = await server.turn(scene, frame)
    same = [name for name in REQUESTS if name in requests]
    return _Poll(
        ours=ours,
        floor=await cost(lambda: house.floor_poll(REQUESTS, changes)),
        same=await cost(lambda: house.floor_poll(same, changes, "same")),
        requests=requests,
        states=len(changes),
    )
