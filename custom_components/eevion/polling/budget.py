"""One request budget for each API key, shared by all entries and kept over reloads."""

import asyncio
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from time import time
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from ..api import RateLimit
from ..const import DOMAIN
from ..storage import StoredFile
from ..storage.values import StoredDataError, fields, flag, items, moment, readable

# Number of requests that a file may lack that was not written at a stop: they count as used.
_UNWRITTEN = 8
# As many count as used for a key whose use cannot be read: polls use no more in a minute, and
# what is left is enough for a start.
_UNKNOWN = 24
# The requests of a key in a minute are written ahead: for how many seconds, and with how
# many requests to spare.
_AHEAD_S = 3600
_ROOM = 4
_PERIOD_S = 60
# Fewer are written where the use of so many seconds was much lower.
_REVIEW_S = 300


@dataclass(slots=True)
class _Reservation:
    """The requests that a key may send in any minute until a time; more are written first.

    Times are in epoch seconds.
    """

    places: int = 0
    until: float = 0
    peak: int = 0
    """The most places in use since `reviewed`."""
    reviewed: float = 0

    def dump(self) -> list[float]:
        """Return the times of the requests, each as late as it may be."""
        return [self.until] * self.places


type _Used = dict[str, list[float]]
"""The latest times of requests, in epoch seconds, by a hash of their API key."""


class Budgets:
    """The request budgets by API key; their use is kept over a restart.

    Nothing is written while there is no account: the file goes with the last one.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize; call `async_load` next."""
        self._hass = hass
        self._file = StoredFile(hass, "budget", _read)
        self._used_before: _Used = {}
        self._presumed = 0
        self._unknown: list[float] = []
        """Times of requests of a key that is not in the file, in epoch seconds."""
        self._rate_limits: dict[str, RateLimit] = {}
        self._reservations: dict[str, _Reservation] = {}
        self._writing = asyncio.Lock()

    async def async_load(self) -> None:
        """Load the use before the restart; what cannot be read is presumed."""
        loaded = await self._file.async_load()
        if loaded.lost or loaded.is_corrupt:
            self._unknown = [time()] * _UNKNOWN
        elif loaded.content is None:
            return
        used, is_clean = loaded.content or ({}, False)
        is_clean = is_clean and not loaded.lost
        self._used_before = used
        self._presumed = 0 if is_clean else _UNWRITTEN
        await self._file.async_save({"is_clean": False, "used": used})

    @callback
    def async_get(self, api_key: str) -> RateLimit:
        """Return the budget of a key."""
        name = sha256(api_key.encode()).hexdigest()
        if name not in self._rate_limits:
            rate_limit = RateLimit()
            rate_limit.add_use_listener(partial(self._async_used, name))
            self._rate_limits[name] = rate_limit
            if (used := self._used_before.pop(name, None)) is not None:
                rate_limit.restore([*used, *[time()] * self._presumed])
            else:
                rate_limit.restore(self._unknown)
        return self._rate_limits[name]

    @callback
    def _async_used(self, name: str) -> None:
        """Write a reservation where the written one is too low, or much too high, for the use."""
        if not self._has_account:
            return
        limit, now = self._rate_limits[name], time()
        reservation = self._reservations.setdefault(name, _Reservation())
        used = limit.used
        reservation.peak = max(reservation.peak, used)
        places = reservation.places
        if used > places:
            places = min(used + _ROOM, limit.limit)
        elif not 0 <= now - reservation.reviewed < _REVIEW_S:
            if reservation.peak + 2 * _ROOM < places:
                places = reservation.peak + _ROOM
            reservation.peak, reservation.reviewed = used, now
        is_in_time = now + _PERIOD_S < reservation.until <= now + _AHEAD_S
        if places == reservation.places and is_in_time:
            return
        reservation.places, reservation.until = places, now + _AHEAD_S
        self._hass.async_create_task(self.async_write())

    @property
    def _has_account(self) -> bool:
        return self._hass.config_entries.async_has_entries(DOMAIN)

    async def async_write(self, _event: Event | None = None) -> None:
        """Write the use, also at the stop of Home Assistant."""
        async with self._writing:
            if self._has_account:
                await self._file.async_save(self._async_dump())

    async def async_remove(self) -> None:
        """Delete the file, with the last account; the use is kept in memory until a restart."""
        async with self._writing:
            self._reservations.clear()
            await self._file.async_remove()

    @callback
    def _async_dump(self) -> dict[str, Any]:
        is_clean = self._hass.state is CoreState.final_write
        used = {
            name: limit.dump() if is_clean else self._reservations.get(name, _Reservation()).dump()
            for name, limit in self._rate_limits.items()
        }
        return {
            "is_clean": is_clean,
            "used": self._used_before | {name: dump for name, dump in used.items() if dump},
        }


def _read(stored: Any, lost: list[StoredDataError]) -> tuple[_Used, bool]:
    """Return the use, and whether Home Assistant was stopped properly after it."""
    stored = fields(stored, "is_clean", "used")
    return readable(stored["used"], _moments, lost), flag(stored["is_clean"])


def _moments(value: Any) -> list[float]:
    return [moment(item) for item in items(value)]


@singleton(HassKey[Budgets](f"{DOMAIN}_budgets"), async_=True)
async def async_get_budgets(hass: HomeAssistant) -> Budgets:
    """Return the budgets; the first call loads them from the storage."""
    budgets = Budgets(hass)
    await budgets.async_load()
    hass.bus.async_listen(EVENT_HOMEASSISTANT_FINAL_WRITE, budgets.async_write)
    return budgets
