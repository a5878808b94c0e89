"""The files of the integration in Home Assistant's storage, each read and set aside alike."""

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
# What the storage raises for a file with another version, or that is none of its own.
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
    """What a file holds."""

    content: T | None = None
    """None where there is no file, or none that can be read."""
    lost: list[StoredDataError] = field(default_factory=list)
    """Why rows, or the whole, were not read."""


class StoredFile[T]:
    """One file: `eevion.<name>`, or `eevion.<name>.<entry id>`.

    One that cannot be read as a whole is renamed, so that nothing is lost for good, and a
    repair issue says so until a good one has been read.
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
        """Name the file; `read` raises StoredDataError, or notes the rows that it leaves out."""
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
        """Read the file; nothing is raised, whatever it holds.

        Home Assistant itself renames a file that is no JSON and says so; it is then as if
        there were none.
        """
        loaded = Loaded[T]()
        try:
            stored = await self._store.async_load()
            if stored is not None:
                loaded.content = self._read(stored, loaded.lost)
            elif await self._hass.async_add_executor_job(_exists, self._store.path):
                # Home Assistant takes an empty object for no file.
                loaded.lost.append(StoredDataError("the file is empty"))
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
            "%s was kept as %s and is made anew, as it cannot be read: %s",
            self._store.path,
            path,
            reason,
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
        """Write; when this returns None, it is on the disk, else why it is not."""
        try:
            await self._store.async_save(content)
        except OSError as err:
            return err
        return self._store.failure

    @callback
    def async_delay_save(self, dump: Callable[[], Mapping[str, Any]], delay: float) -> None:
        """Write after so many seconds, or when Home Assistant stops."""
        self._store.async_delay_save(dump, delay)

    async def async_remove(self) -> None:
        """Delete the file, those that were set aside, and what was said of them."""
        try:
            await self._store.async_remove()
            await self._hass.async_add_executor_job(_remove_kept, Path(self._store.path))
        except OSError as err:
            LOGGER.warning("%s cannot be deleted: %s", self._store.path, err)
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)


def _exists(path: str) -> bool:
    return Path(path).exists()


def _rename(path: str, aside: str) -> None:
    Path(path).rename(aside)


def _remove_kept(path: Path) -> None:
    for kept in path.parent.glob(f"{path.name}.unreadable.*"):
        if kept.is_dir():
            rmtree(kept)
        else:
            kept.unlink()
