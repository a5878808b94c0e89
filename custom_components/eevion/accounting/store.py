"""The ledger in Home Assistant's storage; what cannot be read is kept aside."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..storage.stored_file import StoredFile
from ..storage.values import StoredDataError, fields, moment_or_never, text
from .ledger import StationLedger

# Later moments would hide all that comes before them. A clock may have been far behind for
# a while; a file is better read then than rebuilt.
_CLOCKS_DIFFER = timedelta(days=3 * 366)

type _Content = tuple[float, dict[str, StationLedger]]


class LedgerStore:
    """Reads and writes one account's ledgers."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Name the file after the entry."""
        self._file = StoredFile(
            hass,
            "ledger",
            _read,
            entry=entry,
            atomic_writes=True,
            serialize_in_event_loop=False,
        )

    async def async_load(self) -> _Content:
        """Return cursor and accounts; empty ones where there is no readable file."""
        return (await self._file.async_load()).content or (0, {})

    async def async_save(
        self, cursor: float, ledgers: Mapping[str, dict[str, Any]]
    ) -> Exception | None:
        """Write; when this returns None, it is on the disk, else why it is not."""
        return await self._file.async_save({"cursor": cursor, "accounts": dict(ledgers)})

    async def async_remove(self) -> None:
        """Delete the file, with the entry."""
        await self._file.async_remove()


def _read(stored: Any, _: list[StoredDataError]) -> _Content:
    """Return what is stored; raise StoredDataError for anything else.

    No ledger is left out for an error in it alone: its site's total would fall.
    """
    stored = fields(stored, "cursor", "accounts")
    cursor = moment_or_never(stored["cursor"])
    ledgers = {
        text(port_id): StationLedger.from_json(ledger)
        for port_id, ledger in fields(stored["accounts"]).items()
    }
    latest = (dt_util.utcnow() + _CLOCKS_DIFFER).timestamp()
    for moment in (cursor, *(a.counted_until for a in ledgers.values())):
        if moment > latest:
            raise StoredDataError(f"{moment} is in the future")
    return cursor, ledgers
