"""Stored data about jobs, settings and tariffs, which the cloud reports only once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import MAX_LENGTH_STATE_STATE
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..api import ChargingLimit, Job, LimitUnit, Tariff, parse
from ..storage import StoredFile
from ..storage.values import (
    StoredDataError,
    fields,
    items,
    limit,
    moment,
    moment_or_never,
    readable,
    text,
)
from .settings import IN_SERVICE, NO_SETTINGS, OUT_OF_SERVICE, StationSettings

_WRITE_DELAY_S = 1
_CLOCKS_DIFFER = timedelta(days=1)
# The newest names and words that are kept.
_MOST_REMEMBERED = 1000
# How the management history describes a job of a tariff.
_TARIFF_JOB = "Set fee:"


type Limit = tuple[LimitUnit, float]
"""A charging limit: its unit, and its value in that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJob:
    """A job that has not ended yet."""

    job_id: str
    port_ids: tuple[str, ...]
    wanted: StationSettings
    created: float
    """Epoch seconds."""

    def to_json(self) -> dict[str, Any]:
        """Return the content for storage."""
        return {
            "job_id": self.job_id,
            "port_ids": list(self.port_ids),
            "wanted": self.wanted.to_json(),
            "created": self.created,
        }

    @classmethod
    def from_json(cls, stored: Any, latest: float) -> Self:
        """Return the job of stored content.

        Raises StoredDataError for other content, and for a job created after `latest` (epoch
        seconds), which would never time out.
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
    """The content of the storage."""

    jobs: dict[str, OpenJob] = field(default_factory=dict)
    settings: dict[str, StationSettings] = field(default_factory=dict)
    """The settings that jobs set last, by port id."""
    in_service_words: dict[str, str] = field(default_factory=dict)
    """`priorityStatus` before a station was taken out of service, by port id."""
    tariffs: dict[str, str] = field(default_factory=dict)
    """Names by tariff id."""
    limits: dict[str, Limit] = field(default_factory=dict)
    """The limits that were set last, by port id."""
    jobs_until: float = 0
    """End of the time whose job history has been read, in epoch seconds."""
    open_exceptions: set[str] | None = None
    """Ids of the exceptions that were open in the last answer; None before the first one."""

    def to_json(self) -> dict[str, Any]:
        """Return the content for storage."""
        return {
            "jobs": [job.to_json() for job in self.jobs.values()],
            "settings": {port: settings.to_json() for port, settings in self.settings.items()},
            "in_service_words": self.in_service_words,
            "tariffs": self.tariffs,
            "limits": {
                port: {"unit": unit, "limit": value} for port, (unit, value) in self.limits.items()
            },
            "jobs_until": self.jobs_until,
            "open_exceptions": None if (ids := self.open_exceptions) is None else sorted(ids),
        }

    @classmethod
    def from_json(cls, stored: Any, lost: list[StoredDataError]) -> Self:
        """Return stored content without the parts that cannot be read.

        Their errors are appended to `lost`. Raises StoredDataError where it is no object.
        """
        stored = fields(stored)
        latest = (dt_util.utcnow() + _CLOCKS_DIFFER).timestamp()
        content = cls(
            settings=readable(stored.get("settings"), StationSettings.from_json, lost),
            in_service_words=readable(stored.get("in_service_words"), text, lost),
            tariffs=readable(stored.get("tariffs"), text, lost),
            # Older files lack it.
            limits=readable(stored.get("limits", {}), _limit, lost),
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
            # 0 reads the whole history again.
            until = moment_or_never(stored.get("jobs_until"))
            content.jobs_until = until if until <= latest else 0
        except StoredDataError as err:
            lost.append(err)
        try:
            # Older files lack it.
            if (stored_ids := stored.get("open_exceptions")) is not None:
                content.open_exceptions = {text(id_) for id_ in items(stored_ids)}
        except StoredDataError as err:
            lost.append(err)
        return content


class StationMemory:
    """The storage of one account's jobs, settings and tariffs."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Initialize the storage file of the entry."""
        self._file = StoredFile(hass, "memory", Remembered.from_json, entry=entry)
        self._content = Remembered()

    async def async_load(self) -> None:
        """Load the file. Parts that cannot be read are dropped: the cloud reports them again."""
        loaded = await self._file.async_load()
        self._content = loaded.content or self._content
        if loaded.lost:
            await self._file.async_save(self._content.to_json())

    @property
    def jobs(self) -> Mapping[str, OpenJob]:
        """The open jobs, by job id."""
        return self._content.jobs

    @property
    def settings(self) -> Mapping[str, StationSettings]:
        """The settings that jobs set last, by port id."""
        return self._content.settings

    @property
    def tariffs(self) -> Mapping[str, str]:
        """The names of tariffs, by tariff id."""
        return self._content.tariffs

    @property
    def limits(self) -> Mapping[str, Limit]:
        """The limits that were set last, by port id."""
        return self._content.limits

    @callback
    def async_remember_limits(self, limits: Mapping[str, ChargingLimit]) -> None:
        """Store limits that the cloud accepted, by port id; it does not report them."""
        before = dict(self._content.limits)
        self._content.limits |= {port: (one.unit, one.limit) for port, one in limits.items()}
        if self._content.limits != before:
            self._async_write_soon()

    @property
    def jobs_until(self) -> float:
        """End of the time whose job history has been read, in epoch seconds; 0 for none."""
        return self._content.jobs_until

    @property
    def open_exceptions(self) -> AbstractSet[str] | None:
        """Ids of the exceptions that were open in the last answer; None before the first one."""
        return self._content.open_exceptions

    @callback
    def async_set_open_exceptions(self, exception_ids: set[str]) -> None:
        """Store the ids of the exceptions that are open in the newest answer."""
        if exception_ids != self._content.open_exceptions:
            self._content.open_exceptions = exception_ids
            self._async_write_soon()

    def in_service_word(self, port_id: str) -> str:
        """Return the `priorityStatus` that puts a station into service."""
        return self._content.in_service_words.get(port_id, IN_SERVICE)

    @callback
    def async_add_job(self, job: OpenJob) -> None:
        """Add an open job."""
        self._content.jobs[job.job_id] = job
        self._async_write_soon()

    @callback
    def async_close_job(self, job: OpenJob, succeeded: Iterable[str], now: float) -> None:
        """Remove an open job, and keep its settings for the ports where it succeeded.

        `now` is in epoch seconds.
        """
        del self._content.jobs[job.job_id]
        settings = self._content.settings
        for port_id in succeeded:
            settings[port_id] = settings.get(port_id, NO_SETTINGS).merged_with(job.wanted)
            if job.wanted.tariff_id:
                settings[port_id] = replace(settings[port_id], tariff_since=now)
        self._async_write_soon()

    @callback
    def async_mark_jobs_read(self, until: float) -> None:
        """Mark the job history as read until a moment, in epoch seconds."""
        self._content.jobs_until = until
        self._async_write_soon()

    @callback
    def async_remember_tariffs(self, tariffs: Iterable[Tariff | None]) -> bool:
        """Remember the names of the tariffs of sessions; return whether one is new."""
        stored = self._content.tariffs
        names = {t.tariff_id: t.name for t in tariffs if t and t.tariff_id and t.name}
        if names.items() <= stored.items():
            return False
        _remember(stored, names)
        self._async_write_soon()
        return True

    @callback
    def async_remember_jobs(self, jobs: Iterable[Job]) -> bool:
        """Remember names of tariffs and words for "in service" that past jobs name.

        Returns whether the name of a tariff is new.
        """
        tariffs, words = self._content.tariffs, self._content.in_service_words
        count = len(tariffs)
        for job in jobs:
            tariff_id = parse.text(parse.mapping(job.commands.get("tariffId")).get("tariffId"))
            name = (job.description or "").removeprefix(_TARIFF_JOB).removesuffix(".").strip()
            if tariff_id and name and name != job.description:
                _remember(tariffs, {tariff_id: tariffs.get(tariff_id, name)})
            for port_id, values in job.original_values.items():
                word = values.get("priorityStatus")
                if isinstance(word, str) and word.casefold() != OUT_OF_SERVICE.casefold():
                    _remember(words, {port_id: word})
        self._async_write_soon()
        return len(tariffs) > count

    @callback
    def async_hand_over(self, old_id: str, new_id: str) -> None:
        """Move what is stored of a port to the port that replaces it, unless that has its own."""
        if settings := self._content.settings.pop(old_id, None):
            self._content.settings.setdefault(new_id, settings)
        if commanded := self._content.limits.pop(old_id, None):
            self._content.limits.setdefault(new_id, commanded)
        if (word := self._content.in_service_words.pop(old_id, None)) is not None:
            self._content.in_service_words.setdefault(new_id, word)

    @callback
    def _async_write_soon(self) -> None:
        self._file.async_delay_save(self._content.to_json, _WRITE_DELAY_S)

    async def async_close(self) -> None:
        """Write the file now."""
        await self._file.async_save(self._content.to_json())

    async def async_remove(self) -> None:
        """Delete the file, with the account."""
        await self._file.async_remove()


def _limit(stored: Any) -> Limit:
    """Return a stored limit; raise StoredDataError for other content."""
    stored = fields(stored, "unit", "limit")
    try:
        unit = LimitUnit(text(stored["unit"]))
    except ValueError as err:
        raise StoredDataError("a unit that does not exist") from err
    return unit, limit(stored["limit"])


def _remember(stored: dict[str, str], newer: Mapping[str, str]) -> None:
    """Store newer texts as the last ones, and drop the first beyond `_MOST_REMEMBERED`."""
    for key, value in newer.items():
        stored.pop(key, None)
        stored[key] = value
    for key in list(stored)[:-_MOST_REMEMBERED]:
        del stored[key]


def unique_names(tariffs: Mapping[str, str]) -> dict[str, str]:
    """Return a name for each tariff id that no other has, no longer than a state can be.

    Equal names get the end of the id as a suffix, else the whole id; a name that is not unique
    even then is left out.
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
