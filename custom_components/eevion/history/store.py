"""The progress of an import, in Home Assistant's storage."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..storage import StoredFile
from ..storage.values import StoredDataError, fields, flag, items, optional, text

# Allows for a clock that was set back.
_LATER = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """An import in progress; dates are ISO 8601."""

    first: str | None
    """None until the first month with a report is determined."""
    last: str
    reached: str | None = None
    """The first day that is not imported yet."""
    port_ids: Sequence[str] | None = None
    """None for all stations."""
    is_once: bool = False
    """Whether it is the import of the options."""

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return a stored plan; raise StoredDataError for other content."""
        stored = fields(stored, "first", "last", "reached", "port_ids", "is_once")
        first, reached = optional(_day, stored["first"]), optional(_day, stored["reached"])
        last = _day(stored["last"])
        days = [day for day in (first, reached, last) if day]
        if days != sorted(days) or last > (dt_util.now() + _LATER).date().isoformat():
            raise StoredDataError("dates that do not follow each other")
        port_ids = optional(items, stored["port_ids"])
        return cls(
            first,
            last,
            reached,
            None if port_ids is None else [text(port_id) for port_id in port_ids],
            flag(stored["is_once"]),
        )


class HistoryStore:
    """Stores the progress of an import."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Initialize the storage file of the entry."""
        self._file = StoredFile(hass, "history", _read, entry=entry)
        self.plan: ImportPlan | None = None
        self.is_done_once = False

    async def async_load(self) -> None:
        """Load the file; without a readable one there is no import to resume."""
        loaded = await self._file.async_load()
        if loaded.content:
            self.plan, self.is_done_once = loaded.content
        if loaded.lost:
            await self._async_write(self.plan, self.is_done_once)

    async def async_save(self, plan: ImportPlan | None) -> None:
        """Write the progress; None ends the import."""
        is_done = plan is None and self.plan is not None and self.plan.is_once
        await self._async_write(plan, self.is_done_once or is_done)

    async def _async_write(self, plan: ImportPlan | None, is_done_once: bool) -> None:  # noqa: FBT001
        content = {"plan": asdict(plan) if plan else None, "is_done_once": is_done_once}
        await self._file.async_save(content)
        self.plan, self.is_done_once = plan, is_done_once

    async def async_remove(self) -> None:
        """Delete the file, with the entry."""
        await self._file.async_remove()


def _read(stored: Any, _: list[StoredDataError]) -> tuple[ImportPlan | None, bool]:
    stored = fields(stored, "plan", "is_done_once")
    return optional(ImportPlan.from_json, stored["plan"]), flag(stored["is_done_once"])


def _day(stored: Any) -> str:
    """Return a date in ISO 8601."""
    try:
        return date.fromisoformat(text(stored)).isoformat()
    except ValueError as err:
        raise StoredDataError(str(err)) from err
