"""What tests of the hourly statistics have in common."""

import asyncio
from collections.abc import Callable
import logging
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from simulator import World
from simulator.charging.power import PowerCurve
from simulator.charging.station import Session

# The plugin lets each statement be logged, and there are very many.
logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)

HOUR_S = 3600

type Rows = dict[str, list[tuple[int, float, float]]]


async def all_rows(hass: HomeAssistant) -> Rows:
    """Return start, state and sum of all our hours, by statistic."""
    found = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        hass,
        dt_util.utc_from_timestamp(0),
        None,
        None,
        "hour",
        None,
        {"state", "sum"},
    )
    return {
        statistic_id: [(int(row["start"]), row["state"], row["sum"]) for row in rows]
        for statistic_id, rows in found.items()
        if statistic_id.startswith("eevion:")
    }


class Hours:
    """The hours of one station, as the recorder has them."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, world: World, name: str) -> None:
        self._hass = hass
        port_id = world.station(name).port_id
        self.ids = entry.runtime_data.history._hourly.series(port_id)

    async def _read(self, kind: str) -> list[tuple[int, float, float]]:
        series = getattr(self.ids, kind)
        return (await all_rows(self._hass)).get(series.statistic_id, []) if series else []

    async def read(self, kind: str = "energy") -> dict[int, float]:
        """Return what each hour holds; its sum must be that of all before."""
        rows = await self._read(kind)
        total = 0.0
        for _, state, summed in rows:
            total += state
            assert abs(summed - total) < 1e-6, kind
        return {start: state for start, state, _ in rows if state}

    async def total(self, kind: str = "energy") -> float:
        """Return the sum of all hours."""
        rows = await self._read(kind)
        return rows[-1][2] if rows else 0


def delivered_kwh(*sessions: Session) -> float:
    """Return the simulator's own truth."""
    return sum(s.curve.energy_wh(s.end_ms) for s in sessions if s.end_ms) / 1000


def earned(*sessions: Session) -> float:
    return float(sum(s.snapshot(s.end_ms).bill.cost for s in sessions if s.end_ms))


async def pass_while(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: ConfigEntry,
    goes_on: Callable[[], bool],
) -> None:
    """Let time pass for something that waits for the cloud's budget."""
    while goes_on():
        # The recorder needs real time, which must not count.
        history = getattr(entry, "runtime_data", None) and entry.runtime_data.history
        if history is None or not history._hourly.lock.locked():
            freezer.tick(1)
            async_fire_time_changed(hass)
            await _block_till_done(hass)
        await hass.async_add_executor_job(time.sleep, 0.005)


async def _block_till_done(hass: HomeAssistant) -> None:
    """Do as Home Assistant's own, but for an action of an administrator, which goes on."""
    await asyncio.sleep(0)
    while tasks := [t for t in hass._tasks if not t.get_name().startswith("admin service")]:
        await asyncio.wait(tasks)


async def import_history(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: ConfigEntry, **data: Any
) -> dict[str, Any]:
    """Call the action, and let it do its work; `from_` is `from`."""
    data = {key.rstrip("_"): value for key, value in data.items()}
    action = asyncio.ensure_future(
        hass.services.async_call(
            "eevion", "import_history", data, blocking=True, return_response=True
        )
    )
    await pass_while(hass, freezer, entry, lambda: not action.done())
    answer = await action
    assert answer is not None
    return dict(answer)


def expected_kwh(*sessions: Session) -> dict[int, float]:
    """Spread sessions evenly over their hours, reckoned in another way."""
    hours: dict[int, float] = {}
    for session in sessions:
        assert session.start_ms is not None
        assert session.end_ms is not None
        start, end = session.start_ms / 1000, session.end_ms / 1000
        kwh = delivered_kwh(session)
        first = int(start // HOUR_S) * HOUR_S
        for hour in range(first, int(end) + 1, HOUR_S):
            seconds = min(end, hour + HOUR_S) - max(start, hour)
            hours[hour] = hours.get(hour, 0) + kwh * seconds / (end - start)
    return {hour: kwh for hour, kwh in hours.items() if kwh > 1e-6}


def add_past_session(
    world: World, name: str, *, ago_s: float, lasts_s: float, watts: int = 7_000
) -> Session:
    """Let the cloud learn only now of a session that is over."""
    now_ms = world.advance()
    station = world.station(name)
    start_ms = round(now_ms - ago_s * 1000)
    end_ms = round(start_ms + lasts_s * 1000)
    session = Session(
        session_id=world.ids.document(),
        station=station,
        tariff=station.tariff,
        created_ms=start_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        end_reason="EVDisconnected",
        updated_ms=now_ms,
    )
    session.curve.set(start_ms, watts)
    session.curve.set(end_ms, 0)
    station.ledger.append(session)
    world.charging.sessions[session.session_id] = session
    world.charging.ended.append(session)
    return session


def correct(world: World, session: Session, watts: int) -> None:
    """Let the cloud think again of what a session delivered."""
    assert session.start_ms is not None
    assert session.end_ms is not None
    session.curve = PowerCurve()
    session.curve.set(session.start_ms, watts)
    session.curve.set(session.end_ms, 0)
    session.updated_ms = world.advance()
    world.charging.ended.remove(session)
    world.charging.ended.append(session)
