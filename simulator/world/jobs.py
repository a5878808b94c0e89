"""Management jobs: queued, run station by station, kept."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..json_values import JsonObject
from .commands import COMMANDS, CommandError, describe

if TYPE_CHECKING:
    from ..charging.station import Station
    from .network import Network

FIRST_ID = 1234
USER = "operator@example.com"
USER_ID = "00000000-0000-4000-8000-000000000001"


@dataclass(slots=True, kw_only=True)
class Job:
    """One job; times are epoch milliseconds, simulated."""

    number: int
    commands: dict[str, JsonObject]
    stations: list[Station]
    names: list[str]
    """Display names when the job was made."""
    webhook: str
    description: str
    created_ms: int
    updated_ms: int
    status: str = "Queued"
    original: dict[str, JsonObject] = field(default_factory=dict)
    completed: list[Station] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def _status_message(self) -> str:
        return f"{len(self.completed)} of {len(self.stations)} stations done"

    @property
    def _type(self) -> str:
        return ", ".join(self.commands)

    def history_json(self) -> JsonObject:
        """Return the row of ``GET /station/management-history``."""
        content = {
            "commands": self.commands,
            "locationIds": list({s.site.site_id: None for s in self.stations}),
            "originalValues": self.original,
            "portIds": [s.port_id for s in self.stations],
            "stationNames": self.names,
            "webhookOnJobFinished": self.webhook,
        }
        return {
            "content": content,
            "created_at": self.created_ms,
            "id": self.number,
            "ids_completed": [s.port_id for s in self.completed],
            "status_message": self._status_message,
            "status": self.status,
            "type": self._type,
            "updated_at": self.updated_ms,
            "user_id": USER_ID,
            "errors": "; ".join(self.errors),
            "description": self.description,
            "user": USER,
            "stations": ", ".join(self.names),
        }

    def webhook_json(self) -> JsonObject:
        """Return the body of its webhook."""
        return {
            "created_at": self.created_ms,
            "id": self.number,
            "ids_completed": [s.name for s in self.completed],
            "status_message": self._status_message,
            "status": self.status.lower(),
            "type": self._type,
            "updated_at": self.updated_ms,
            "errors": self.errors,
            "description": self.description,
        }


class Jobs:
    """All jobs of a world, oldest first."""

    def __init__(self, world: Network) -> None:
        """Run jobs on a world's stations."""
        self._world = world
        self.entries: list[Job] = []
        self.failures: dict[str, str] = {}
        """By display name: what every command to a station fails with."""

    def queue(self, commands: dict[str, JsonObject], stations: list[Station], webhook: str) -> Job:
        """Queue a job."""
        now_ms = self._world.timeline.now_ms
        job = Job(
            number=FIRST_ID + len(self.entries),
            commands=commands,
            stations=stations,
            names=[station.name for station in stations],
            webhook=webhook,
            description=describe(self._world, commands),
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        self.entries.append(job)
        self._world.timeline.after(self._world.settings.job_start_s, lambda: self._begin(job))
        return job

    def since(self, since_ms: int) -> list[Job]:
        """Return the jobs made at or after a moment, newest first."""
        return [job for job in reversed(self.entries) if job.created_ms >= since_ms]

    def _begin(self, job: Job) -> None:
        job.status = "Running"
        job.updated_ms = self._world.timeline.now_ms
        for station in job.stations:
            values = {
                name: original(station)
                for name in job.commands
                if (original := COMMANDS[name].original)
            }
            job.original[station.port_id] = values
        self._plan_next(job, 0)

    def _plan_next(self, job: Job, index: int) -> None:
        self._world.timeline.after(
            self._world.settings.job_station_s, lambda: self._run(job, index)
        )

    def _run(self, job: Job, index: int) -> None:
        station = job.stations[index]
        try:
            self._apply(job, station)
        except CommandError as error:
            job.errors.append(f"{station.name}: {error}")
        else:
            job.completed.append(station)
        job.updated_ms = self._world.timeline.now_ms
        if index + 1 < len(job.stations):
            self._plan_next(job, index + 1)
        else:
            self._finish(job)

    def _apply(self, job: Job, station: Station) -> None:
        if failure := self.failures.get(station.name):
            raise CommandError(failure)
        for name, content in job.commands.items():
            COMMANDS[name].apply(self._world, station, content)
        station.updated_ms = self._world.timeline.now_ms

    def _finish(self, job: Job) -> None:
        job.status = "Error" if job.errors else "Success"
        self._world.post("job", job.webhook, job.webhook_json())
