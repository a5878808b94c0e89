"""The files of the integration in Home Assistant's storage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ..const import DOMAIN, LOGGER
from .checked_store import CheckedStore as Store
from .values import StoredDataError

_VERSION = 1
# Raised for a file of another version, or with content that no version writes.
_UNREADABLE = (
    AttributeError,
    HomeAssistantError,
    LookupError,
    NotImplementedError,
    OSError,
    StoredDataError,
    TypeError,
)


@dataclass(slots=True)
class Loaded[T]:
    """The content of a file."""

    content: T | None = None
    """None if there is no file, or it cannot be read."""
    lost: list[StoredDataError] = field(default_factory=list)
    """The reasons why rows, or the whole file, were not read."""
    is_corrupt: bool = False
    """Whether Home Assistant itself has set the file aside."""


class StoredFile[T]:
    """One file: `eevion.<name>`, or `eevion.<name>.<entry id>`.

    A file that is invalid, even in part, is renamed. A repair issue names it until a valid one
    has been read.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        name: str,
        read: Callable[[Any, list[StoredDataError]], T],
        *,
        entry: ConfigEntry | None = None,
        atomic_writes: bool = False,
        serialize_in_event_loop: bool = True,
    ) -> None:
        """Set the file's name; `read` raises StoredDataError, or adds one for each row left out."""
        of_entry = [entry.entry_id] if entry else []
        self._hass = hass
        self._name = name
        self._read = read
        self._title = entry.title if entry else ""
        self._issue_id = "_".join((f"{name}_unreadable", *of_entry))
        self._store: Store[Mapping[str, Any]] = Store(
            hass,
            _VERSION,
            ".".join((DOMAIN, name, *of_entry)),
            private=True,
            atomic_writes=atomic_writes,
            serialize_in_event_loop=serialize_in_event_loop,
        )

    async def async_load(self) -> Loaded[T]:
        """Return the content of the file; no content raises an exception.

        Home Assistant itself renames a file that is not JSON and creates an issue.
        """
        loaded = Loaded[T]()
        exists = await self._hass.async_add_executor_job(_exists, self._store.path)
        try:
            stored = await self._store.async_load()
            if stored is not None:
                loaded.content = self._read(stored, loaded.lost)
            elif await self._hass.async_add_executor_job(_exists, self._store.path):
                # Home Assistant loads an empty object as None, like a missing file.
                loaded.lost.append(StoredDataError("the file is empty"))
            else:
                loaded.is_corrupt = exists
        except _UNREADABLE as err:
            loaded.lost.append(StoredDataError(f"{type(err).__name__}: {err}"))
        if loaded.lost:
            await self._async_set_aside(loaded.lost[0])
        elif loaded.content is not None:
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        return loaded

    async def _async_set_aside(self, reason: StoredDataError) -> None:
        path = f"{self._store.path}.unreadable.{dt_util.utcnow():%Y%m%dT%H%M%S}"
        try:
            await self._hass.async_add_executor_job(_rename, self._store.path, path)
        except OSError as err:
            LOGGER.debug("%s cannot be renamed: %s", self._store.path, err)
            path = self._store.path
        LOGGER.warning(
            "%s cannot be read: %s. It was renamed to %s, and a new file is written",
            self._store.path,
            reason,
            path,
        )
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=f"{self._name}_unreadable",
            translation_placeholders={"title": self._title, "file": path},
        )

    async def async_save(self, content: Mapping[str, Any]) -> Exception | None:
        """Write the file; return None once it is on the disk, else the failure."""
        try:
            await self._store.async_save(content)
        except OSError as err:
            return err
        return self._store.failure

    @callback
    def async_delay_save(self, dump: Callable[[], Mapping[str, Any]], delay: float) -> None:
        """Write the result of `dump` after `delay` seconds, or when Home Assistant stops."""
        self._store.async_delay_save(dump, delay)

    async def async_remove(self) -> None:
        """Delete the file, the files that were renamed, and the repair issue."""
        try:
            await self._store.async_remove()
            await self._hass.async_add_executor_job(_remove_renamed, Path(self._store.path))
        except OSError as err:
            LOGGER.warning("%s cannot be deleted: %s", self._store.path, err)
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)


def _exists(path: str) -> bool:
    return Path(path).exists()


def _rename(path: str, aside: str) -> None:
    Path(path).rename(aside)


def _remove_renamed(path: Path) -> None:
    for renamed in path.parent.glob(f"{path.name}.unreadable.*"):
        if renamed.is_dir():
            rmtree(renamed)
        else:
            renamed.unlink()
