"""Jobs of *manage stations*: receipts, the management history and the webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from . import parse
from .enums import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReceipt:
    """The answer of `POST /station/manage`: the job will start within some 10 s."""

    job_id: str
    message: str | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the answer; raise EevionResponseError without `jobId`."""
        return cls(
            job_id=parse.required(data, "jobId"),
            message=parse.prose(data.get("message")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job, also one made by hand in Quantev. Who made it is left at the door."""

    job_id: str
    type: str | None
    """The names of its commands, as `tariffId` or `setMessage`."""
    status: JobStatus | None
    status_message: str | None
    created_at: datetime | None
    updated_at: datetime | None
    port_ids: tuple[str, ...]
    station_ids: tuple[str, ...]
    completed_ids: tuple[str, ...]
    """Port ids in the history, station ids in the webhook."""
    errors: tuple[str, ...]
    description: str | None
    commands: Mapping[str, Any]
    """As `Commands.to_json` writes them."""
    original_values: Mapping[str, Mapping[str, Any]]
    """What the commands changed, by port id."""

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, well or badly."""
        return self.status in (JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.ERROR)

    @property
    def is_failed(self) -> bool:
        """Whether it has ended without having done all it should."""
        return self.is_finished and (self.status is not JobStatus.SUCCESS or bool(self.errors))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a job of the history or the webhook; raise EevionResponseError without `id`."""
        content = parse.mapping(data.get("content"))
        originals = parse.mapping(content.get("originalValues"))
        return cls(
            job_id=parse.required(data, "id"),
            type=parse.text(data.get("type")),
            status=parse.word(JobStatus, data.get("status")),
            status_message=parse.prose(data.get("status_message")),
            created_at=parse.timestamp(data.get("created_at")),
            updated_at=parse.timestamp(data.get("updated_at")),
            port_ids=parse.identifiers(content.get("portIds")),
            station_ids=parse.identifiers(content.get("stationNames"))
            or _names(data.get("stations")),
            completed_ids=parse.identifiers(data.get("ids_completed")),
            errors=_errors(data.get("errors")),
            description=parse.prose(data.get("description")),
            commands=parse.tree(parse.mapping(content.get("commands"))),
            original_values={
                port: parse.mapping(values) for port, values in parse.tree(originals).items()
            },
        )


def _names(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else []
    return parse.identifiers([name.strip() for name in names])


def _errors(value: Any) -> tuple[str, ...]:
    """Read what is "", a text, or a list of texts or objects."""
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
