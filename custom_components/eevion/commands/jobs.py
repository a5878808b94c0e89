"""Managed commands: given as jobs, followed to their end."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
import re
from typing import Any

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from ..account.notifications import async_notify
from ..api import Commands, EevionError, Job, Lane, Message, parse
from ..const import DOMAIN, EVENT_JOB, LOGGER, signal
from ..coordinator import EevionCoordinator
from ..errors import command_error, failed, invalid, stations_error, valid_text
from ..polling.timer import EntryTimer
from ..stations.memory import OpenJob, StationMemory
from ..stations.settings import NO_SETTINGS, StationSettings
from ..webhook import Webhook
from .limits import CommandBatcher, Failures, async_send_apart

_ASK_INTERVAL_S = 10
# A job starts within 10 s and takes about 7 s for each station; many may be queued.
_PATIENCE_S = 600
_PATIENCE_PER_STATION_S = 20
_CLOCKS_DIFFER = timedelta(minutes=10)
_HISTORY = timedelta(days=365)
# While the history cannot be read, the pauses between two tries grow up to so much.
_LONGEST_ASK_INTERVAL_S = 60
_LEARN_AGAIN_S, _LONGEST_LEARN_AGAIN_S = 60, 3600
# A message names so many reasons, and so many stations for each.
_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How a job ended, station by station."""

    job_id: str
    succeeded: tuple[str, ...]
    """Port ids."""
    refused: Mapping[str, str]
    """Reasons by port id."""
    original_values: Mapping[str, Mapping[str, Any]]
    """What it changed, by port id, where the cloud tells it."""


class Jobs:
    """The jobs of one account."""

    def __init__(
        self, coordinator: EevionCoordinator, memory: StationMemory, webhook: Webhook
    ) -> None:
        """Take up the jobs that were open before a restart."""
        self._coordinator = coordinator
        self._memory = memory
        self._webhook = webhook
        self._batcher = CommandBatcher[Commands](
            coordinator, "queue jobs", merge=_merged, send=self._async_send_batch
        )
        self._ends: dict[str, asyncio.Future[JobResult]] = {}
        self._alarm = EntryTimer(coordinator.hass, coordinator.config_entry, self.async_ask)
        self._ask_interval_s: float = _ASK_INTERVAL_S
        self._learn_alarm = EntryTimer(coordinator.hass, coordinator.config_entry, self.async_start)
        self._learn_again_s: float = _LEARN_AGAIN_S
        coordinator.config_entry.async_on_unload(self._async_cancel_waits)
        self._async_show()
        self._async_schedule()

    @callback
    def async_start(self) -> None:
        """Read the job history in the background."""
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_learn(), "read job history"
        )

    async def _async_learn(self) -> None:
        """Read the history once, back to the last time: it names tariffs and former values.

        Where the cloud does not answer it is read later.
        """
        now = dt_util.utcnow()
        since = _moment(self._memory.jobs_until, now) - _CLOCKS_DIFFER
        try:
            told = await self._coordinator.client.list_jobs(since=since)
        except EevionError as err:
            LOGGER.debug("The job history cannot be read: %s", err)
            self._learn_alarm.async_set(self._learn_again_s)
            self._learn_again_s = min(2 * self._learn_again_s, _LONGEST_LEARN_AGAIN_S)
            return
        self._memory.async_mark_jobs_read(now.timestamp())
        self._coordinator.async_learn_jobs(told)

    async def async_command(self, port_id: str, commands: Commands) -> None:
        """Give a station commands; those given at once for several leave as one request.

        Raises translated errors.
        """
        self._raise(await self._batcher.async_send({port_id: commands}))

    async def async_set_message(
        self, port_ids: Sequence[str], text: str, expires_at: datetime | None = None
    ) -> None:
        """Show a text on the screens of stations; a blank one removes it.

        Raises translated errors.
        """
        message = Message(text=valid_text(text), expires_at=expires_at)
        await self.async_submit(port_ids, Commands(message=message))

    async def _async_send_batch(self, take: Callable[[], Mapping[str, Commands]]) -> Failures:
        """Queue a job for each kind of commands; each has its own outcome."""
        alike: dict[Commands, dict[str, Commands]] = {}
        for port_id, commands in take().items():
            alike.setdefault(commands, {})[port_id] = commands
        outcomes = await asyncio.gather(
            *(async_send_apart(self._async_queue, group) for group in alike.values())
        )
        return {port_id: cause for failures in outcomes for port_id, cause in failures.items()}

    async def async_submit(self, port_ids: Sequence[str], commands: Commands) -> list[str]:
        """Queue a job for stations; return its id.

        Where the cloud refuses some of the stations, the others get jobs of their own. Raises
        translated errors, which name the stations that were refused.
        """
        job_ids: list[str] = []

        async def queue(part: Mapping[str, Commands]) -> Failures:
            return await self._async_queue(part, job_ids)

        self._raise(await async_send_apart(queue, dict.fromkeys(port_ids, commands)))
        return job_ids

    def _raise(self, failures: Failures) -> None:
        if failures:
            raise stations_error(
                {self._name(port_id): cause for port_id, cause in failures.items()}, command_error
            )

    async def _async_queue(
        self, alike: Mapping[str, Commands], job_ids: list[str] | None = None
    ) -> Failures:
        """Queue one job, whose commands are the same for each of its ports."""
        failures: dict[str, HomeAssistantError] = {}
        names: dict[str, str] = {}
        shared = self._coordinator.shared_names()
        for port_id in alike:
            if (station := self._coordinator.data.stations.get(port_id)) is None:
                failures[port_id] = invalid("unknown_station", station=port_id)
            elif (name := station.port.station_id) in shared:
                failures[port_id] = invalid("name_shared", station=name)
            else:
                names[port_id] = name
        if not names:
            return failures
        commands = next(iter(alike.values()))
        receipt = await self._coordinator.client.manage_stations(
            station_ids=list(names.values()), commands=commands, webhook=self._webhook.url
        )
        self._memory.async_add_job(
            OpenJob(
                job_id=receipt.job_id,
                port_ids=tuple(names),
                wanted=StationSettings.of_commands(commands),
                created=dt_util.utcnow().timestamp(),
            )
        )
        self._async_show()
        self._async_schedule()
        if job_ids is not None:
            job_ids.append(receipt.job_id)
        return failures

    async def async_wait(self, job_id: str) -> JobResult:
        """Wait for the end of a job."""
        end = self._ends.setdefault(job_id, asyncio.get_running_loop().create_future())
        return await asyncio.shield(end)

    @callback
    def _async_cancel_waits(self) -> None:
        for end in self._ends.values():
            end.cancel()
        self._ends.clear()

    @callback
    def async_ask(self) -> None:
        """Ask in the background how the open jobs are doing."""
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self.async_look(), "ask for jobs"
        )

    def is_open(self, job_id: str) -> bool:
        """Whether a job has not ended, as far as is known."""
        return job_id in self._memory.jobs

    @callback
    def _async_schedule(self) -> None:
        if self._memory.jobs and not self._alarm.is_set:
            self._alarm.async_set(self._ask_interval_s)

    async def async_look(self) -> None:
        """Ask the cloud how the open jobs are doing."""
        self._alarm.async_clear()
        jobs = self._memory.jobs
        if not jobs:
            return
        now = dt_util.utcnow()
        since = min(_moment(job.created, now) for job in jobs.values()) - _CLOCKS_DIFFER
        try:
            told = await self._coordinator.client.list_jobs(since=since, lane=Lane.CONFIRM)
        except EevionError as err:
            LOGGER.debug("Jobs cannot be asked for: %s", err)
            told = []
            self._ask_interval_s = min(2 * self._ask_interval_s, _LONGEST_ASK_INTERVAL_S)
        else:
            self._ask_interval_s = _ASK_INTERVAL_S
        self._coordinator.async_learn_jobs(told)
        by_id = {job.job_id: job for job in told}
        for job in list(jobs.values()):
            newest = by_id.get(job.job_id)
            if newest and newest.is_finished:
                self._async_settle(job, self._result(job, newest))
            elif _is_overdue(job):
                self._async_settle(job, _timed_out(job))
        self._async_schedule()

    def _result(self, job: OpenJob, told: Job) -> JobResult:
        """Read how it went for each station: the history names ports, the webhook stations."""
        completed = set(told.completed_ids)
        is_good = not told.is_failed and not completed
        succeeded = [
            port_id
            for port_id in job.port_ids
            if is_good or port_id in completed or self._name(port_id) in completed
        ]
        return JobResult(
            job_id=job.job_id,
            succeeded=tuple(succeeded),
            refused={
                port_id: self._reason(port_id, told)
                for port_id in job.port_ids
                if port_id not in succeeded
            },
            original_values=told.original_values,
        )

    def _reason(self, port_id: str, told: Job) -> str:
        """Return what the cloud says of a station, else what it says of the job."""
        ids = (self._name(port_id), port_id)
        errors = [part.strip() for error in told.errors for part in error.split(";")]
        own = [error for error in errors if any(_names(error, id_) for id_ in ids)]
        return parse.prose("; ".join(own or told.errors)) or told.status_message or "-"

    def _name(self, port_id: str) -> str:
        station = self._coordinator.data.stations.get(port_id)
        return station.port.station_id if station else port_id

    @callback
    def _async_settle(self, job: OpenJob, result: JobResult) -> None:
        """Keep what was done, take back what was not, and say both."""
        self._memory.async_close_job(job, result.succeeded, dt_util.utcnow().timestamp())
        for port_id in result.succeeded:
            self._async_fire(port_id, "finished", {"job": job.job_id})
        for port_id, reason in result.refused.items():
            self._async_fire(port_id, "failed", {"job": job.job_id, "reason": reason})
        self._async_notify(result)
        self._async_show(result.refused)
        if end := self._ends.pop(job.job_id, None):
            end.set_result(result)
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_show_truth(job), "poll after job"
        )

    async def _async_show_truth(self, job: OpenJob) -> None:
        """Let go of the wanted values only once the cloud tells the new ones."""
        await self._coordinator.async_refresh()
        self._async_show(job.port_ids)

    @callback
    def _async_fire(self, port_id: str, event: str, attributes: dict[str, Any]) -> None:
        name = signal(self._coordinator.config_entry, port_id, EVENT_JOB)
        async_dispatcher_send(self._coordinator.hass, name, event, attributes)

    @callback
    def _async_notify(self, result: JobResult) -> None:
        """Say in one message which stations did not take a job, and why."""
        if not result.refused:
            return
        alike: dict[str, list[str]] = {}
        for port_id, reason in result.refused.items():
            name = self._name(port_id)
            alike.setdefault(reason.removeprefix(f"{name}: "), []).append(name)
        lines = [f"- {_listed(names)}: {reason}" for reason, names in list(alike.items())[:_NAMED]]
        if len(alike) > _NAMED:
            lines.append("- …")
        entry = self._coordinator.config_entry
        async_notify(
            self._coordinator.hass,
            entry,
            f"{DOMAIN}_{entry.entry_id}_job_{result.job_id}",
            str(failed("job_failed", stations="\n" + "\n".join(lines) + "\n\n")),
            entry.title,
        )

    @callback
    def _async_show(self, settled: Iterable[str] = ()) -> None:
        """Show the wanted values of open jobs, and the last set ones."""
        wanted: dict[str, StationSettings] = dict.fromkeys(settled, NO_SETTINGS)
        for job in self._memory.jobs.values():
            for port_id in job.port_ids:
                wanted[port_id] = wanted.get(port_id, NO_SETTINGS).merged_with(job.wanted)
        self._coordinator.async_set_settings(wanted, self._memory.settings)


def _merged(earlier: Commands, later: Commands) -> Commands:
    told = {f.name: value for f in fields(later) if (value := getattr(later, f.name)) is not None}
    return replace(earlier, **told)


def _moment(epoch_s: float, now: datetime) -> datetime:
    """Return a stored time, which may be any, as one within the history that is asked for."""
    return datetime.fromtimestamp(
        min(max((now - _HISTORY).timestamp(), epoch_s), now.timestamp()), UTC
    )


def _is_overdue(job: OpenJob) -> bool:
    """Whether a job should have ended; one that is yet to begin was stored wrongly."""
    age = dt_util.utcnow().timestamp() - job.created
    patience = _PATIENCE_S + _PATIENCE_PER_STATION_S * len(job.port_ids)
    return not -_CLOCKS_DIFFER.total_seconds() <= age <= patience


def _names(error: str, id_: str) -> bool:
    """Whether an error is about a station: its name may be part of another one's."""
    return re.search(rf"(?<!\w){re.escape(id_)}(?!\w)", error) is not None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(sorted(names)[:_NAMED]) + (f" … (+{more})" if more > 0 else "")


def _timed_out(job: OpenJob) -> JobResult:
    reason = str(failed("job_timed_out"))
    return JobResult(
        job_id=job.job_id,
        succeeded=(),
        refused=dict.fromkeys(job.port_ids, reason),
        original_values={},
    )
