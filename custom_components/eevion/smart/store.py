"""What smart charging remembers of its stations, in Home Assistant's storage."""

from collections.abc import Mapping
import math
from time import monotonic
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..storage.stored_file import StoredFile
from ..storage.values import StoredDataError, fields, readable
from .memory import SmartStationMemory

_WRITE_DELAY_S = 1
# Energies that are counted are written with what else changes, or so often.
_COUNTER_INTERVAL_S = 300


class SmartStore:
    """The storage of one account's smart charging."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Name the file after the entry."""
        self._file = StoredFile(hass, "smart_charging", _read, entry=entry)
        self.stations: dict[str, SmartStationMemory] = {}
        """By port id."""
        self._counted_at = -math.inf

    async def async_load(self) -> None:
        """Read; a station that cannot be read begins anew, in the mode `manual`."""
        loaded = await self._file.async_load()
        self.stations = loaded.content or {}
        if loaded.lost:
            await self._file.async_save(self._dump())

    def _dump(self) -> Mapping[str, Any]:
        return {"stations": {port: memory.to_json() for port, memory in self.stations.items()}}

    @callback
    def async_write_soon(self, *, is_counter: bool = False) -> None:
        """Write within a second; where only counters went on, not more often than need be."""
        now = monotonic()
        if is_counter and now - self._counted_at < _COUNTER_INTERVAL_S:
            return
        self._counted_at = now
        self._file.async_delay_save(self._dump, _WRITE_DELAY_S)

    async def async_close(self) -> None:
        """Write what is left."""
        if self.stations:
            await self._file.async_save(self._dump())

    async def async_remove(self) -> None:
        """Delete the file, with the account."""
        await self._file.async_remove()


def _read(stored: Any, lost: list[StoredDataError]) -> dict[str, SmartStationMemory]:
    return readable(fields(stored).get("stations"), SmartStationMemory.from_json, lost)
