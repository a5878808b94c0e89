"""One request budget for each API key, whoever uses it and however often it is reloaded."""

from functools import partial
from hashlib import sha256
from time import time
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from .api import RateLimit
from .const import DOMAIN
from .storage import StoredFile
from .stored_values import StoredDataError, fields, flag, items, moment, readable

# What went out after the last write is unknown after a crash: no more than so many
# requests go out between two writes, and so many are then presumed.
_UNWRITTEN = 8
_WRITE_DELAY = 15


type _Used = dict[str, list[float]]
"""When requests went out, in epoch seconds, by a hash of their API key."""


class Budgets:
    """The budgets of this Home Assistant; what was used of them outlives a restart."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare; `async_load` comes next."""
        self._hass = hass
        self._file = StoredFile(hass, "budget", _read)
        self._used_before: _Used = {}
        self._presumed = 0
        self._rate_limits: dict[str, RateLimit] = {}
        self._unwritten = 0
        self._written: set[str] = set()

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
            rate_limit = RateLimit(on_use=partial(self._async_used, name))
            self._rate_limits[name] = rate_limit
            if (used := self._used_before.pop(name, None)) is not None:
                self._written.add(name)
                rate_limit.restore([*used, *[time()] * self._presumed])
        return self._rate_limits[name]

    @callback
    def _async_used(self, name: str) -> None:
        self._unwritten += 1
        if self._unwritten < _UNWRITTEN and name in self._written:
            self._file.async_delay_save(self._async_dump, _WRITE_DELAY)
            return
        # At once: a delay would be prolonged by those before.
        self._written.add(name)
        self._hass.async_create_task(self._file.async_save(self._async_dump()))

    async def async_final_write(self, _event: Event) -> None:
        """Note that Home Assistant was stopped, and did not break down."""
        if not self._unwritten:  # else the storage does it by itself
            await self._file.async_save(self._async_dump())

    @callback
    def _async_dump(self) -> dict[str, Any]:
        self._unwritten = 0
        used = {name: limit.dump() for name, limit in self._rate_limits.items()}
        return {
            "is_clean": self._hass.state is CoreState.final_write,
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
