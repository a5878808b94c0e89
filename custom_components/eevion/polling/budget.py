"""One request budget for each API key, whoever uses it and however often it is reloaded."""

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
from ..storage.stored_file import StoredFile
from ..storage.values import StoredDataError, fields, flag, items, moment, readable

# A file that is not written in time, or cannot be read, may lack so many requests: after
# a crash they are presumed.
_UNWRITTEN = 8
# What a key may use in a minute is written ahead, for so many seconds, with so much room.
_AHEAD_S = 3600
_ROOM = 4
_PERIOD_S = 60
# Less is written where so many seconds have used much less.
_REVIEW_S = 300


@dataclass(slots=True)
class _Reservation:
    """What a key may use in any minute until a time: more has to be written first.

    Times are epoch seconds.
    """

    places: int = 0
    until: float = 0
    peak: int = 0
    """Places in use at once since `reviewed`."""
    reviewed: float = 0

    def dump(self) -> list[float]:
        """Return the places as if each were used at the last moment."""
        return [self.until] * self.places


type _Used = dict[str, list[float]]
"""When requests went out at the latest, in epoch seconds, by a hash of their API key."""


class Budgets:
    """The budgets of this Home Assistant; what was used of them outlives a restart."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare; `async_load` comes next."""
        self._hass = hass
        self._file = StoredFile(hass, "budget", _read)
        self._used_before: _Used = {}
        self._presumed = 0
        self._rate_limits: dict[str, RateLimit] = {}
        self._reservations: dict[str, _Reservation] = {}
        self._is_removed = False

    async def async_load(self) -> None:
        """Read what was used before the restart; what cannot be read presumes the worst."""
        loaded = await self._file.async_load()
        if loaded.content is None and not loaded.lost:
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
        return self._rate_limits[name]

    @callback
    def _async_used(self, name: str) -> None:
        """Write where what is written does not cover the use, or covers far more than that."""
        self._is_removed = False
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
        self._hass.async_create_task(self._file.async_save(self._async_dump()))

    async def async_final_write(self, _event: Event) -> None:
        """Write what was used, now that no more will be."""
        if not self._is_removed:
            await self._file.async_save(self._async_dump())

    async def async_remove(self) -> None:
        """Delete the file, with the last account; until a restart the use stays known."""
        self._is_removed = True
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
    """Return what was used, and whether Home Assistant was stopped since."""
    stored = fields(stored, "is_clean", "used")
    return readable(stored["used"], _moments, lost), flag(stored["is_clean"])


def _moments(value: Any) -> list[float]:
    return [moment(item) for item in items(value)]


@singleton(HassKey[Budgets](f"{DOMAIN}_budgets"), async_=True)
async def async_get_budgets(hass: HomeAssistant) -> Budgets:
    """Return the budgets, read from the storage the first time."""
    budgets = Budgets(hass)
    await budgets.async_load()
    hass.bus.async_listen(EVENT_HOMEASSISTANT_FINAL_WRITE, budgets.async_final_write)
    return budgets
