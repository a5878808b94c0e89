"""How far the import of the past has come, in Home Assistant's storage."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from .const import DOMAIN, LOGGER

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """An import that is not done; dates as in ISO 8601."""

    first: str | None
    """None until the first month with a report has been found."""
    last: str
    reached: str | None = None
    """The day from which on it is still to be done."""
    port_ids: Sequence[str] | None = None
    """None for all stations."""
    is_once: bool = False
    """Whether it is the one after the installation."""


class _Stored(TypedDict):
    plan: dict[str, Any] | None
    is_done_once: bool


class HistoryStore:
    """Remembers how far an import has come."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Name the file after the entry."""
        self._store: Store[_Stored] = Store(
            hass, _VERSION, f"{DOMAIN}.history.{entry.entry_id}", private=True
        )
        self.plan: Plan | None = None
        self.is_done_once = False

    async def async_load(self) -> None:
        """Read the file; where it cannot be read, there is nothing to go on with."""
        try:
            if stored := await self._store.async_load():
                self.plan = Plan(**stored["plan"]) if stored["plan"] else None
                self.is_done_once = bool(stored["is_done_once"])
        except (UnsupportedStorageVersionError, AttributeError, LookupError, TypeError) as err:
            LOGGER.warning("How far the import of the history has come cannot be read: %r", err)

    async def async_save(self, plan: Plan | None) -> None:
        """Write how far it has come."""
        is_done = plan is None and self.plan is not None and self.plan.is_once
        stored = _Stored(
            plan=asdict(plan) if plan else None, is_done_once=self.is_done_once or is_done
        )
        await self._store.async_save(stored)
        self.plan, self.is_done_once = plan, stored["is_done_once"]

    async def async_remove(self) -> None:
        """Delete the file, with the entry."""
        await self._store.async_remove()
