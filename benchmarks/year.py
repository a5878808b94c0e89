"""What a year leaves in memory and on the disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
import gc
from pathlib import Path
import tracemalloc
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.accounting import Accounting, Sums
from custom_components.eevion.api import Session, Site
from custom_components.eevion.history.due import unposted_sessions
from custom_components.eevion.stations import Assembly, StationMemory

from .house import Clock, home

# What is kept for a time, or up to a number, is full by then.
SETTLED_DAYS = 130
# Of days; a house writes each minute, which adds nothing.
_WRITTEN_EVERY = 3
_DAY_S = 86_400
_HOUR_S = 3600


@dataclass(frozen=True, kw_only=True)
class Year:
    """Bytes of so many stations with a session a day."""

    count: int
    days: int
    settled: int
    """Memory after `SETTLED_DAYS`."""
    memory: int
    """At the end."""
    stored: int
    """Of the files at the end."""


async def measure_year(folder: Path, *, count: int, days: int) -> Year:
    """Apply the answers of a year to what an account keeps of them, and write its files."""
    clock = Clock()
    async with home(folder) as hass:
        with patch("homeassistant.util.dt.utcnow", clock.utcnow):
            account = _Account(hass, clock, count)
            await account.begin()
            tracemalloc.start()
            settled = 0
            for day in range(days):
                await account.pass_day(day)
                if day + 1 == min(SETTLED_DAYS, days):
                    settled = _memory()
            memory = _memory()
            tracemalloc.stop()
            await account.close()
    stored = sum(path.stat().st_size for path in (folder / ".storage").glob("eevion*"))
    return Year(count=count, days=days, settled=settled, memory=memory, stored=stored)


class _Account:
    """What an account keeps of answers, without requests and entities."""

    def __init__(self, hass: HomeAssistant, clock: Clock, count: int) -> None:
        entry = MockConfigEntry(domain="eevion")
        entry.add_to_hass(hass)
        self._clock = clock
        self._ports = [f"port-{number:04}" for number in range(count)]
        self._assembly = Assembly(clock.utcnow)
        self._accounting = Accounting(hass, entry)
        self._memory = StationMemory(hass, entry)

    async def begin(self) -> None:
        await self._accounting.async_load()
        await self._memory.async_load()
        site = Site.from_json({"id": "site", "ports": [_port(port_id) for port_id in self._ports]})
        now = self._clock.utcnow()
        changed = self._assembly.apply_sites([site], with_inactive=False, now=now)
        self._accounting.async_follow(self._assembly.snapshot.stations, changed)
        for ledger in self._accounting.ledgers.values():
            ledger.begin(Sums(), now.timestamp())
        self._accounting.async_mark_recovered()

    async def pass_day(self, day: int) -> None:
        """Charge for an hour at each station; on some days write statistics and files."""
        begin = self._clock.now
        for elapsed in (_HOUR_S // 2, _DAY_S):
            self._clock.now = begin + elapsed
            self._apply(
                Session.from_json(_session(port_id, day, begin, min(elapsed, _HOUR_S)))
                for port_id in self._ports
            )
        if day % _WRITTEN_EVERY:
            return
        now = self._clock.now
        for ledger in self._accounting.ledgers.values():
            marks = unposted_sessions(ledger, now)
            ledger.mark_posted(marks, ())
            # The electricity cost of a day is there two days later.
            ledger.mark_costed([hour for hour in ledger.uncosted if hour < now - 2 * _DAY_S])
        await self._accounting.async_write()

    def _apply(self, answer: Iterable[Session]) -> None:
        sessions = tuple(answer)
        self._assembly.apply_sessions(
            sessions,
            sequence=self._assembly.book.mark(),
            is_complete=True,
            now=self._clock.utcnow(),
        )
        self._accounting.async_apply(sessions)
        self._accounting.async_mark_synced(sessions)
        self._memory.async_remember_tariffs(session.tariff for session in sessions)

    async def close(self) -> None:
        await self._accounting.async_close()
        await self._memory.async_close()


def _memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _port(port_id: str) -> dict[str, Any]:
    return {
        "portId": port_id,
        "displayName": port_id.removeprefix("port-"),
        "status": "in-use",
        "volts": 208,
        "amps": 32,
    }


def _session(port_id: str, day: int, begin: float, elapsed: int) -> dict[str, Any]:
    is_over = elapsed == _HOUR_S
    return {
        "sessionId": f"{port_id}-{day:024}",
        "portId": port_id,
        "stationId": port_id.removeprefix("port-"),
        "status": "complete" if is_over else "charging",
        "createdAt": _time(begin),
        "startTime": _time(begin),
        "endTime": _time(begin + elapsed) if is_over else "",
        "updatedAt": _time(begin + elapsed),
        "energy": elapsed * 2,
        "cost": elapsed / 1000,
        "currency": "CAD",
        "tariff": {"id": f"tariff-{day % 7}", "name": f"Tariff {day % 7}"},
    }


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
