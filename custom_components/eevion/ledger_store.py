"""The ledger in Home Assistant's storage; what cannot be read is kept aside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .ledger import Account

_VERSION = 1


class StoredLedger(TypedDict):
    """What the file holds."""

    cursor: float
    accounts: dict[str, dict[str, Any]]


class LedgerStore:
    """Reads and writes one account's ledgers."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Name the file after the entry."""
        self._hass = hass
        self._entry = entry
        self._store: Store[StoredLedger] = Store(
            hass,
            _VERSION,
            f"{DOMAIN}.ledger.{entry.entry_id}",
            atomic_writes=True,
            private=True,
            serialize_in_event_loop=False,
        )

    async def async_load(self) -> tuple[float, dict[str, Account]]:
        """Return cursor and accounts; empty ones where there is no readable file."""
        try:
            stored = await self._store.async_load()
            if stored is None:
                return 0, {}
            accounts = {
                port_id: Account.from_json(account)
                for port_id, account in stored["accounts"].items()
            }
            return float(stored["cursor"]), accounts
        except (
            UnsupportedStorageVersionError,
            AttributeError,
            LookupError,
            NotImplementedError,
            TypeError,
            ValueError,
        ) as err:
            LOGGER.warning("The ledger cannot be read and is rebuilt from the cloud: %r", err)
            await self._async_keep_aside()
            return 0, {}

    async def _async_keep_aside(self) -> None:
        aside = f"{self._store.path}.unreadable.{dt_util.utcnow():%Y%m%dT%H%M%S}"
        await self._hass.async_add_executor_job(_rename, self._store.path, aside)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            f"ledger_unreadable_{self._entry.entry_id}",
            is_fixable=False,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="ledger_unreadable",
            translation_placeholders={"title": self._entry.title, "file": aside},
        )

    async def async_save(self, cursor: float, accounts: Mapping[str, dict[str, Any]]) -> None:
        """Write; when this returns, it is on the disk."""
        await self._store.async_save({"cursor": cursor, "accounts": dict(accounts)})

    async def async_remove(self) -> None:
        """Delete the file, with the entry."""
        await self._store.async_remove()


def _rename(path: str, aside: str) -> None:
    Path(path).rename(aside)
