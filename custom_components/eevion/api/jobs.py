"""Jobs of `POST /station/manage`, in its answer, in the management history and the webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, override

from . import parse
from .enums import JobStatus
from .model import Model, inside, one_of, read_from, reported, required

_ENDED = (JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReceipt(Model):
    """The answer of `POST /station/manage`: the job starts within about 10 s."""

    job_id: str = field(metadata=required("jobId"))
    message: str | None = reported("message", parse.prose)


def _names(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else []
    return parse.identifiers([name.strip() for name in names])


def _errors(value: Any) -> tuple[str, ...]:
    """Read `errors`: an empty or other text, or a list of texts or objects."""
    found = (_error(item) for item in (value if isinstance(value, list) else [value]))
    return tuple(error for error in found if error)


def _error(value: Any) -> str | None:
    if not isinstance(value, dict):
        return parse.prose(value)
    for key in ("message", "errorDescription", "error", "description"):
        if error := parse.prose(value.get(key)):
            return error
    simple = ((key, parse.prose(item)) for key, item in value.items())
    return parse.prose(", ".join(f"{key}: {item}" for key, item in simple if item))


def _tree(value: Any) -> Mapping[str, Any]:
    tree: Mapping[str, Any] = parse.tree(parse.mapping(value))
    return tree


def _trees(value: Any) -> Mapping[str, Mapping[str, Any]]:
    return {key: parse.mapping(item) for key, item in _tree(value).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Model):
    """A job, also one that was created in Quantev; who created it is not read."""

    job_id: str = field(metadata=required("id"))
    type: str | None = reported("type", parse.text)
    """The names of the commands, as `tariffId` or `setMessage`."""
    status: JobStatus | None = reported("status", one_of(JobStatus))
    status_message: str | None = reported("status_message", parse.prose)
    created_at: datetime | None = reported("created_at", parse.timestamp)
    updated_at: datetime | None = reported("updated_at", parse.timestamp)
    port_ids: tuple[str, ...] = field(
        metadata=read_from("content", inside("portIds", parse.identifiers))
    )
    station_ids: tuple[str, ...]
    completed_ids: tuple[str, ...] = field(metadata=read_from("ids_completed", parse.identifiers))
    """Port ids in the history, station ids in the webhook."""
    errors: tuple[str, ...] = field(metadata=read_from("errors", _errors))
    description: str | None = reported("description", parse.prose)
    commands: Mapping[str, Any] = field(metadata=read_from("content", inside("commands", _tree)))
    """In the format of `Commands.to_json`."""
    original_values: Mapping[str, Mapping[str, Any]] = field(
        metadata=read_from("content", inside("originalValues", _trees))
    )
    """The values before the job, by port id."""

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended, with or without success.

        One of an unknown status has ended with errors, or with all of its stations.
        """
        if self.status is not None:
            return self.status in _ENDED
        stations = len(self.port_ids or self.station_ids)
        return bool(self.errors) or 0 < stations <= len(self.completed_ids)

    @property
    def is_failed(self) -> bool:
        """Whether the job has ended and a part of it failed."""
        is_good = self.status in (JobStatus.SUCCESS, None) and not self.errors
        return self.is_finished and not is_good

    @classmethod
    @override
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a job of the history or the webhook; raise EevionResponseError without `id`."""
        names = parse.identifiers(parse.mapping(data.get("content")).get("stationNames"))
        return cls._from_fields(data, station_ids=names or _names(data.get("stations")))
