"""Past sessions, so that there is something to import."""

from random import Random
from typing import TYPE_CHECKING

from ..charging.station import LEVEL_2, Session
from .catalog import VEHICLES
from .drivers import AC_CAR_W, DC_CAR_W, PATIENCE_MS

if TYPE_CHECKING:
    from ..charging.station import Station
    from .core import WorldCore

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
START_WITH = ("Card", "iOS", "Android", "Eevion")
# What a day's driving needs, and what a stop on a journey does.
_SLOW_WH = (3_000, 22_000)
_FAST_WH = (10_000, 45_000)
_LONGEST_IDLE_MS = 3 * HOUR_MS


def seed_history(world: WorldCore, days: int, random: Random) -> None:
    """Give each working station one or two finished sessions a day, in the past."""
    sessions = []
    for station in world.stations:
        if station.online:
            sessions += _station_history(world, station, days, random)
    for session in sorted(sessions, key=lambda session: session.updated_ms):
        session.station.ledger.append(session)
        world.charging.sessions[session.session_id] = session
        world.charging.ended.append(session)


def _station_history(
    world: WorldCore, station: Station, days: int, random: Random
) -> list[Session]:
    now_ms = world.timeline.now_ms
    sessions = []
    for day in range(days, 0, -1):
        for half in range(random.choice((1, 2))):
            offset_ms = random.randrange(4 * HOUR_MS) + half * 12 * HOUR_MS
            start_ms = now_ms - day * DAY_MS + offset_ms
            sessions.append(_past_session(world, station, start_ms, random))
    return sessions


def _past_session(world: WorldCore, station: Station, start_ms: int, random: Random) -> Session:
    is_slow = station.model.level == LEVEL_2
    watts = min(station.model.max_w, AC_CAR_W if is_slow else DC_CAR_W)
    energy_wh = random.randrange(*(_SLOW_WH if is_slow else _FAST_WH))
    full_ms = energy_wh * HOUR_MS // watts
    most_idle_ms = PATIENCE_MS if station.is_for_short_stays else _LONGEST_IDLE_MS
    length_ms = full_ms + random.randrange(most_idle_ms)
    start_with = random.choice(START_WITH)
    session = Session(
        session_id=world.ids.document(),
        station=station,
        tariff=station.tariff,
        created_ms=start_ms - 3_000,
        start_with=start_with,
        customer_id="" if start_with == "Eevion" else world.ids.document(),
        auth_id=world.ids.authorization(),
        vehicle=random.choice(VEHICLES),
        start_ms=start_ms,
        end_ms=start_ms + length_ms,
        end_reason="EVDisconnected",
        updated_ms=start_ms + length_ms,
    )
    session.curve.set(start_ms, watts)
    session.curve.set(start_ms + full_ms, 0)
    return session
