"""The ledgers in Home Assistant's storage; an unreadable file is set aside."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..storage import StoredFile
from ..storage.values import StoredDataError, fields, moment_or_never, text
from .ledger import StationLedger

# Times further in the future would hide all changes before them. The margin is wide, as the
# clock may have been far behind, and then a file is better read than rebuilt.
_CLOCKS_DIFFER = timedelta(days=3 * 366)

type _Content = tuple[float, dict[str, StationLedger]]


class LedgerStore:
    """Reads and writes one account's ledgers."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Initialize the storage file of the entry."""
        self._file = StoredFile(
            hass,
            "ledger",
            _read,
            entry=entry,
            atomic_writes=True,
            serialize_in_event_loop=False,
        )

    async def async_load(self) -> _Content:
        """Return the cursor and the ledgers by port id; empty ones without a readable file."""
        return (await self._file.async_load()).content or (0, {})

    async def async_save(
        self, cursor: float, ledgers: Mapping[str, dict[str, Any]]
    ) -> Exception | None:
        """Write the file; return None once it is on the disk, else the error."""
        return await self._file.async_save({"cursor": cursor, "accounts": dict(ledgers)})

    async def async_remove(self) -> None:
        """Delete the file, with the entry."""
        await self._file.async_remove()


def _read(stored: Any, _: list[StoredDataError]) -> _Content:
    """Return the stored content; raise StoredDataError for other content.

    A ledger that cannot be read is not left out, as the total of its site would fall.
    """
    stored = fields(stored, "cursor", "accounts")
    cursor = moment_or_never(stored["cursor"])
    ledgers = {
        text(port_id): StationLedger.from_json(ledger)
        for port_id, ledger in fields(stored["accounts"]).items()
    }
    latest = (dt_util.utcnow() + _CLOCKS_DIFFER).timestamp()
    for moment in (cursor, *(ledger.counted_until for ledger in ledgers.values())):
        if moment > latest:
            raise StoredDataError(f"{moment} is in the future")
    return cursor, ledgers
