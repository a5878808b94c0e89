"""One request budget for each API key, whoever uses it and however often it is reloaded."""

from hashlib import sha256
from time import time
from typing import TypedDict

from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .api import RateLimit
from .const import DOMAIN

_STORAGE_VERSION = 1

# What went out after the last write is unknown after a crash: no more than so many
# requests go out between two writes, and so many are then presumed.
_UNWRITTEN = 8
_WRITE_DELAY = 15


class _Stored(TypedDict):
    is_clean: bool
    used: dict[str, list[float]]


class Budgets:
    """The budgets of this Home Assistant; what was used of them outlives a restart."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare; `async_load` comes next."""
        self._hass = hass
        self._store: Store[_Stored] = Store(
            hass, _STORAGE_VERSION, f"{DOMAIN}.budget", private=True
        )
        self._used_before: dict[str, list[float]] = {}
        self._presumed = 0
        self._rate_limits: dict[str, RateLimit] = {}
        self._unwritten = 0

    async def async_load(self) -> None:
        """Read what was used before the restart."""
        if stored := await self._store.async_load():
            self._used_before = stored["used"]
            self._presumed = 0 if stored["is_clean"] else _UNWRITTEN
            await self._store.async_save({**stored, "is_clean": False})

    @callback
    def async_get(self, api_key: str) -> RateLimit:
        """Return the budget of a key."""
        name = sha256(api_key.encode()).hexdigest()
        if name not in self._rate_limits:
            self._rate_limits[name] = rate_limit = RateLimit(on_use=self._async_used)
            if (used := self._used_before.pop(name, None)) is not None:
                rate_limit.restore([*used, *[time()] * self._presumed])
        return self._rate_limits[name]

    @callback
    def _async_used(self) -> None:
        self._unwritten += 1
        delay = _WRITE_DELAY if self._unwritten < _UNWRITTEN else 0
        self._store.async_delay_save(self._async_dump, delay)

    @callback
    def _async_dump(self) -> _Stored:
        self._unwritten = 0
        used = {name: limit.dump() for name, limit in self._rate_limits.items()}
        return {
            "is_clean": self._hass.state is CoreState.final_write,
            "used": self._used_before | {name: dump for name, dump in used.items() if dump},
        }


@singleton(HassKey[Budgets](f"{DOMAIN}_budgets"), async_=True)
async def async_get_budgets(hass: HomeAssistant) -> Budgets:
    """Return the budgets, read from the storage the first time."""
    budgets = Budgets(hass)
    await budgets.async_load()
    return budgets
