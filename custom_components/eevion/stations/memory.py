"""What is remembered of jobs, settings and tariffs: the cloud tells of them only once."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import MAX_LENGTH_STATE_STATE
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..api import Job, Tariff, parse
from ..storage.stored_file import StoredFile
from ..storage.values import (
    StoredDataError,
    fields,
    items,
    moment,
    moment_or_never,
    readable,
    text,
)
from .settings import OUT_OF_SERVICE, StationSettings

_WRITE_DELAY_S = 1
_CLOCKS_DIFFER = timedelta(days=1)
# So many names and words are kept, the newest.
_MOST_REMEMBERED = 1000
# How the management history describes a job of a tariff.
_TARIFF_JOB = "Set fee:"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJob:
    """A job that has not ended yet."""

    job_id: str
    port_ids: tuple[str, ...]
    wanted: StationSettings
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
    def from_json(cls, stored: Any, latest: float) -> Self:
        """Read `to_json`; raise StoredDataError for anything else.

        A job that was given after `latest`, in epoch seconds, would never be given up.
        """
        stored = fields(stored, "job_id", "port_ids", "wanted", "created")
        created = moment(stored["created"])
        if created > latest:
            raise StoredDataError("a job of the future")
        return cls(
            job_id=text(stored["job_id"]),
            port_ids=tuple(text(port_id) for port_id in items(stored["port_ids"])),
            wanted=StationSettings.from_json(stored["wanted"]),
            created=created,
        )


@dataclass(slots=True)
class Remembered:
    """The content."""

    jobs: dict[str, OpenJob] = field(default_factory=dict)
    settings: dict[str, StationSettings] = field(default_factory=dict)
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
    def from_json(cls, stored: Any, lost: list[StoredDataError]) -> Self:
        """Read `to_json`; what cannot be read is left out, and why is added to `lost`.

        Raises StoredDataError where it is no object.
        """
        stored = fields(stored)
        latest = (dt_util.utcnow() + _CLOCKS_DIFFER).timestamp()
        content = cls(
            settings=readable(stored.get("settings"), StationSettings.from_json, lost),
            in_service_words=readable(stored.get("in_service_words"), text, lost),
            tariffs=readable(stored.get("tariffs"), text, lost),
        )
        try:
            for row in items(stored.get("jobs")):
                try:
                    job = OpenJob.from_json(row, latest)
                except StoredDataError as err:
                    lost.append(err)
                else:
                    content.jobs[job.job_id] = job
        except StoredDataError as err:
            lost.append(err)
        try:
            # The history is read again where its end is not known.
            until = moment_or_never(stored.get("jobs_until"))
            content.jobs_until = until if until <= latest else 0
        except StoredDataError as err:
            lost.append(err)
        return content


class StationMemory:
    """The storage of one account's memory."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Name the file after the entry."""
        self._file = StoredFile(hass, "memory", Remembered.from_json, entry=entry)
        self.content = Remembered()

    async def async_load(self) -> None:
        """Read; what cannot be read is forgotten, for the cloud will name it again."""
        loaded = await self._file.async_load()
        self.content = loaded.content or self.content
        if loaded.lost:
            await self._file.async_save(self.content.to_json())

    @callback
    def async_learn_tariffs(self, tariffs: Iterable[Tariff | None]) -> bool:
        """Remember the names that sessions tell; return whether one is new."""
        known = self.content.tariffs
        told = {t.tariff_id: t.name for t in tariffs if t and t.tariff_id and t.name}
        if told.items() <= known.items():
            return False
        _remember(known, told)
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
                _remember(
                    self.content.tariffs, {tariff_id: self.content.tariffs.get(tariff_id, name)}
                )
            for port_id, values in job.original_values.items():
                word = parse.text(values.get("priorityStatus"))
                if word and word != OUT_OF_SERVICE:
                    _remember(self.content.in_service_words, {port_id: word})
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
        self._file.async_delay_save(self.content.to_json, _WRITE_DELAY_S)

    async def async_close(self) -> None:
        """Write what is left."""
        await self._file.async_save(self.content.to_json())

    async def async_remove(self) -> None:
        """Delete the file, with the account."""
        await self._file.async_remove()


def _remember(known: dict[str, str], newer: Mapping[str, str]) -> None:
    """Keep newer texts, and forget the oldest of too many."""
    for key, value in newer.items():
        known.pop(key, None)
        known[key] = value
    for key in list(known)[:-_MOST_REMEMBERED]:
        del known[key]


def unique_names(tariffs: Mapping[str, str]) -> dict[str, str]:
    """Return names by id, told apart where two tariffs have the same, as long as states can be.

    A name that cannot be told apart from another even by its whole id is left out.
    """
    unique: dict[str, str] = {}
    for suffix_of in (_no_suffix, _end_of, _whole):
        names = {
            tariff_id: _with_suffix(name, suffix_of(tariff_id))
            for tariff_id, name in tariffs.items()
            if tariff_id not in unique
        }
        often = Counter([*names.values(), *unique.values()])
        unique |= {tariff_id: name for tariff_id, name in names.items() if often[name] == 1}
    return {tariff_id: unique[tariff_id] for tariff_id in tariffs if tariff_id in unique}


def _no_suffix(_: str) -> str:
    return ""


def _end_of(tariff_id: str) -> str:
    return f" ({tariff_id[-4:]})"


def _whole(tariff_id: str) -> str:
    return f" ({tariff_id[:128]})"


def _with_suffix(name: str, suffix: str) -> str:
    return name[: MAX_LENGTH_STATE_STATE - len(suffix)] + suffix
