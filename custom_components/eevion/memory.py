"""What is remembered of jobs, settings and tariffs: the cloud tells of them only once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from .api import Job, Tariff, parse
from .const import DOMAIN, LOGGER
from .managed import OUT_OF_SERVICE, Settings

_VERSION = 1
_WRITE_DELAY_S = 1
# How the management history describes a job of a tariff.
_TARIFF_JOB = "Set fee:"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJob:
    """A job that has not ended yet."""

    job_id: str
    port_ids: tuple[str, ...]
    wanted: Settings
    created: float
    """Epoch seconds."""

    def to_json(self) -> dict[str, Any]:
        """Return what a storage holds."""
        return {
            "job_id": self.job_id,
            "port_ids": list(self.port_ids),
            "wanted": self.wanted.to_json(),
            "created": self.created,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read `to_json`."""
        return cls(
            job_id=stored["job_id"],
            port_ids=tuple(stored["port_ids"]),
            wanted=Settings(**stored["wanted"]),
            created=float(stored["created"]),
        )


@dataclass(slots=True)
class Remembered:
    """The content."""

    jobs: dict[str, OpenJob] = field(default_factory=dict)
    settings: dict[str, Settings] = field(default_factory=dict)
    """The last that were set, by port id."""
    in_service_words: dict[str, str] = field(default_factory=dict)
    """`priorityStatus` before a station was taken out of service, by port id."""
    tariffs: dict[str, str] = field(default_factory=dict)
    """Names by tariff id."""
    jobs_until: float = 0
    """Up to when the job history has been read, in epoch seconds."""

    def to_json(self) -> dict[str, Any]:
        """Return what a storage holds."""
        return {
            "jobs": [job.to_json() for job in self.jobs.values()],
            "settings": {port: settings.to_json() for port, settings in self.settings.items()},
            "in_service_words": self.in_service_words,
            "tariffs": self.tariffs,
            "jobs_until": self.jobs_until,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read `to_json`; raise LookupError, TypeError or ValueError for anything else."""
        jobs = [OpenJob.from_json(job) for job in stored["jobs"]]
        return cls(
            jobs={job.job_id: job for job in jobs},
            settings={port: Settings(**told) for port, told in stored["settings"].items()},
            in_service_words=dict(stored["in_service_words"]),
            tariffs=dict(stored["tariffs"]),
            jobs_until=float(stored["jobs_until"]),
        )


class Memory:
    """The storage of one account's memory."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Name the file after the entry."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.memory.{entry.entry_id}", private=True
        )
        self.content = Remembered()

    async def async_load(self) -> None:
        """Read; what cannot be read is forgotten, for the cloud will name it again."""
        try:
            if stored := await self._store.async_load():
                self.content = Remembered.from_json(stored)
        except (UnsupportedStorageVersionError, LookupError, TypeError, ValueError) as err:
            LOGGER.warning("What was remembered of jobs and tariffs cannot be read: %r", err)

    @callback
    def async_learn_tariffs(self, tariffs: Iterable[Tariff | None]) -> bool:
        """Remember the names that sessions tell; return whether one is new."""
        known = self.content.tariffs
        told = {t.tariff_id: t.name for t in tariffs if t and t.tariff_id and t.name}
        if told.items() <= known.items():
            return False
        known |= told
        self.async_write_soon()
        return True

    @callback
    def async_learn_jobs(self, jobs: Iterable[Job]) -> bool:
        """Remember what past jobs tell: names of tariffs, and words for "in service".

        Returns whether the name of a tariff is new.
        """
        count = len(self.content.tariffs)
        for job in jobs:
            tariff_id = parse.text(parse.mapping(job.commands.get("tariffId")).get("tariffId"))
            name = (job.description or "").removeprefix(_TARIFF_JOB).removesuffix(".").strip()
            if tariff_id and name and name != job.description:
                self.content.tariffs.setdefault(tariff_id, name)
            for port_id, values in job.original_values.items():
                word = parse.text(values.get("priorityStatus"))
                if word and word != OUT_OF_SERVICE:
                    self.content.in_service_words[port_id] = word
        self.async_write_soon()
        return len(self.content.tariffs) > count

    @callback
    def async_hand_over(self, old_id: str, new_id: str) -> None:
        """Let the settings of a port go on with the port in its place."""
        if settings := self.content.settings.pop(old_id, None):
            self.content.settings.setdefault(new_id, settings)
        if word := self.content.in_service_words.pop(old_id, None):
            self.content.in_service_words.setdefault(new_id, word)

    @callback
    def async_write_soon(self) -> None:
        """Write within a second."""
        self._store.async_delay_save(self.content.to_json, _WRITE_DELAY_S)

    async def async_close(self) -> None:
        """Write what is left."""
        await self._store.async_save(self.content.to_json())

    async def async_remove(self) -> None:
        """Delete the file, with the account."""
        await self._store.async_remove()
