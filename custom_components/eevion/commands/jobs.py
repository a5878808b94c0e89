"""Management jobs: queued at the cloud, and polled until they end."""

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

from ..account import async_notify
from ..api import Commands, EevionError, Job, Lane, Message, parse
from ..const import DOMAIN, EVENT_JOB, LOGGER, signal
from ..coordinator import EevionCoordinator
from ..errors import command_error, failed, invalid, stations_error, valid_text
from ..polling import EntryTimer
from ..stations import NO_SETTINGS, OpenJob, StationMemory, StationSettings
from ..translation import Texts, escaped
from ..webhook import Webhook
from .limits import CommandBatcher, Failures, async_send_apart

_CHECK_INTERVAL_S = 10
# A job starts within 10 s and takes about 7 s for each station; many may be queued.
_TIMEOUT_S = 600
_TIMEOUT_PER_STATION_S = 20
_CLOCKS_DIFFER = timedelta(minutes=10)
_HISTORY = timedelta(days=365)
# While the history cannot be read, the interval doubles up to this.
_LONGEST_CHECK_INTERVAL_S = 60
_RETRY_HISTORY_S, _LONGEST_RETRY_HISTORY_S = 60, 3600
# The notification lists so many reasons, and so many stations for each.
_MOST_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How a job ended, station by station."""

    job_id: str
    succeeded: tuple[str, ...]
    """Port ids."""
    refused: Mapping[str, str]
    """Reasons by port id."""
    original_values: Mapping[str, Mapping[str, Any]]
    """The replaced values by port id (`originalValues` of the history)."""


class Jobs:
    """The jobs of one account."""

    def __init__(
        self, coordinator: EevionCoordinator, memory: StationMemory, webhook: Webhook
    ) -> None:
        """Initialize with the jobs that were open before a restart."""
        self._coordinator = coordinator
        self._memory = memory
        self._webhook = webhook
        self._batcher = CommandBatcher[Commands](
            coordinator, "queue jobs", merge=_merged, send=self._async_send_batch
        )
        self._ends: dict[str, asyncio.Future[JobResult]] = {}
        self._check_timer = EntryTimer(
            coordinator.hass, coordinator.config_entry, self.async_start_check
        )
        self._check_interval_s: float = _CHECK_INTERVAL_S
        self._history_timer = EntryTimer(
            coordinator.hass, coordinator.config_entry, self.async_start
        )
        self._retry_history_s: float = _RETRY_HISTORY_S
        coordinator.config_entry.async_on_unload(self._async_cancel_waits)
        self._async_show()
        self._async_schedule()

    @callback
    def async_start(self) -> None:
        """Read the job history in the background."""
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_read_history(), "read job history"
        )

    async def _async_read_history(self) -> None:
        """Read the history since the last time: it holds names of tariffs and replaced values.

        After a failure it is read again later.
        """
        now = dt_util.utcnow()
        since = _moment(self._memory.jobs_until, now) - _CLOCKS_DIFFER
        try:
            jobs = await self._coordinator.client.list_jobs(since=since)
        except EevionError as err:
            LOGGER.debug("The job history cannot be read: %s", err)
            self._history_timer.async_set(self._retry_history_s)
            self._retry_history_s = min(2 * self._retry_history_s, _LONGEST_RETRY_HISTORY_S)
            return
        self._memory.async_mark_jobs_read(now.timestamp())
        self._coordinator.async_remember_jobs(jobs.models)

    async def async_command(self, port_id: str, commands: Commands) -> None:
        """Send commands to a station; equal commands to several stations share a request.

        Raises a translated HomeAssistantError.
        """
        self._raise(await self._batcher.async_send({port_id: commands}))

    async def async_set_message(
        self, port_ids: Sequence[str], text: str, expires_at: datetime | None = None
    ) -> None:
        """Show a text on the screens of stations; a blank text removes it.

        Raises a translated HomeAssistantError.
        """
        message = Message(text=valid_text(text), expires_at=expires_at)
        await self.async_submit(port_ids, Commands(message=message))

    async def _async_send_batch(self, collect: Callable[[], Mapping[str, Commands]]) -> Failures:
        """Queue one job for all stations with the same commands; return the failures."""
        alike: dict[Commands, dict[str, Commands]] = {}
        for port_id, commands in collect().items():
            alike.setdefault(commands, {})[port_id] = commands
        outcomes = await asyncio.gather(
            *(async_send_apart(self._async_queue, group) for group in alike.values())
        )
        return {port_id: cause for failures in outcomes for port_id, cause in failures.items()}

    async def async_submit(self, port_ids: Sequence[str], commands: Commands) -> list[str]:
        """Queue a job for stations (`POST /station/manage`); return the ids of its jobs.

        If the cloud refuses some of the stations, the others get jobs of their own. Raises a
        translated HomeAssistantError that names the stations that were refused.
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
        """Queue one job; the commands are the same for all of its ports."""
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
        """Wait for the end of a job; return its result."""
        end = self._ends.setdefault(job_id, asyncio.get_running_loop().create_future())
        return await asyncio.shield(end)

    @callback
    def _async_cancel_waits(self) -> None:
        for end in self._ends.values():
            end.cancel()
        self._ends.clear()

    @callback
    def async_start_check(self) -> None:
        """Check the open jobs in the background."""
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self.async_check(), "check jobs"
        )

    def is_open(self, job_id: str) -> bool:
        """Return whether a job has not ended."""
        return job_id in self._memory.jobs

    @callback
    def _async_schedule(self) -> None:
        if self._memory.jobs and not self._check_timer.is_set:
            self._check_timer.async_set(self._check_interval_s)

    async def async_check(self) -> None:
        """Fetch the open jobs (`GET /station/management-history`) and close those that ended."""
        self._check_timer.async_clear()
        jobs = self._memory.jobs
        if not jobs:
            return
        now = dt_util.utcnow()
        since = min(_moment(job.created, now) for job in jobs.values()) - _CLOCKS_DIFFER
        try:
            rows = await self._coordinator.client.list_jobs(since=since, lane=Lane.CONFIRM)
        except EevionError as err:
            LOGGER.debug("The open jobs cannot be fetched: %s", err)
            listed: Sequence[Job] = ()
            self._check_interval_s = min(2 * self._check_interval_s, _LONGEST_CHECK_INTERVAL_S)
        else:
            listed = rows.models
            self._check_interval_s = _CHECK_INTERVAL_S
        self._coordinator.async_remember_jobs(listed)
        by_id = {job.job_id: job for job in listed}
        for job in list(jobs.values()):
            newest = by_id.get(job.job_id)
            if newest and newest.is_finished:
                self._async_close(job, self._result(job, newest))
            elif _is_overdue(job):
                self._async_close(job, self._timed_out(job, newest))
        self._async_schedule()

    def _result(self, job: OpenJob, ended: Job) -> JobResult:
        """Return the result by station: the history has port ids, the webhook display names."""
        succeeded = self._completed(job, ended)
        if not (succeeded or ended.is_failed):
            succeeded = list(job.port_ids)
        return JobResult(
            job_id=job.job_id,
            succeeded=tuple(succeeded),
            refused={
                port_id: self._reason(port_id, ended)
                for port_id in job.port_ids
                if port_id not in succeeded
            },
            original_values=ended.original_values,
        )

    def _timed_out(self, job: OpenJob, newest: Job | None) -> JobResult:
        """Return the result of an overdue job: the stations that it has completed so far."""
        succeeded = self._completed(job, newest) if newest else []
        reason = str(failed("job_timed_out"))
        return JobResult(
            job_id=job.job_id,
            succeeded=tuple(succeeded),
            refused={port_id: reason for port_id in job.port_ids if port_id not in succeeded},
            original_values=newest.original_values if newest else {},
        )

    def _completed(self, job: OpenJob, newest: Job) -> list[str]:
        """Return the port ids of the stations that a job has completed."""
        completed = set(newest.completed_ids)
        return [id_ for id_ in job.port_ids if not completed.isdisjoint((id_, self._name(id_)))]

    def _reason(self, port_id: str, ended: Job) -> str:
        """Return the error of a station, else the error or the status of the whole job."""
        ids = (self._name(port_id), port_id)
        errors = [part.strip() for error in ended.errors for part in error.split(";")]
        own = [error for error in errors if any(_names(error, id_) for id_ in ids)]
        return parse.prose("; ".join(own or ended.errors)) or ended.status_message or "-"

    def _name(self, port_id: str) -> str:
        return self._coordinator.data.station_name(port_id)

    @callback
    def _async_close(self, job: OpenJob, result: JobResult) -> None:
        """Store the values that were set, show the old ones elsewhere, and fire the events."""
        self._memory.async_close_job(job, result.succeeded, dt_util.utcnow().timestamp())
        for port_id in result.succeeded:
            self._async_fire(port_id, "finished", {"job": job.job_id})
        for port_id, reason in result.refused.items():
            self._async_fire(port_id, "failed", {"job": job.job_id, "reason": reason})
        if result.refused:
            self._coordinator.config_entry.async_create_background_task(
                self._coordinator.hass, self._async_notify(result), "notify of job"
            )
        self._async_show(result.refused)
        if end := self._ends.pop(job.job_id, None):
            end.set_result(result)
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._async_show_polled(job), "poll after job"
        )

    async def _async_show_polled(self, job: OpenJob) -> None:
        """Show the wanted values until a poll has fetched the new ones."""
        await self._coordinator.async_refresh()
        self._async_show(job.port_ids)

    @callback
    def _async_fire(self, port_id: str, event: str, attributes: dict[str, Any]) -> None:
        name = signal(self._coordinator.config_entry, port_id, EVENT_JOB)
        async_dispatcher_send(self._coordinator.hass, name, event, attributes)

    async def _async_notify(self, result: JobResult) -> None:
        """Create one notification with the stations that refused the job, and the reasons."""
        hass, entry = self._coordinator.hass, self._coordinator.config_entry
        alike: dict[str, list[str]] = {}
        for port_id, reason in result.refused.items():
            name = self._name(port_id)
            alike.setdefault(reason.removeprefix(f"{name}: "), []).append(name)
        lines = [
            f"- {escaped(f'{_listed(names)}: {reason}')}"
            for reason, names in list(alike.items())[:_MOST_LISTED]
        ]
        if len(alike) > _MOST_LISTED:
            lines.append("- …")
        texts = await Texts.async_load(hass)
        async_notify(
            hass,
            entry,
            f"{DOMAIN}_{entry.entry_id}_job_{result.job_id}",
            texts("job_failed", stations="\n\n" + "\n".join(lines) + "\n\n"),
            entry.title,
        )

    @callback
    def _async_show(self, closed: Iterable[str] = ()) -> None:
        """Show the wanted values of open jobs, and the values that were set last."""
        wanted: dict[str, StationSettings] = dict.fromkeys(closed, NO_SETTINGS)
        for job in self._memory.jobs.values():
            for port_id in job.port_ids:
                wanted[port_id] = wanted.get(port_id, NO_SETTINGS).merged_with(job.wanted)
        self._coordinator.async_set_settings(wanted, self._memory.settings)


def _merged(earlier: Commands, later: Commands) -> Commands:
    changed = {
        f.name: value for f in fields(later) if (value := getattr(later, f.name)) is not None
    }
    return replace(earlier, **changed)


def _moment(epoch_s: float, now: datetime) -> datetime:
    """Return a stored time, limited to the past year that the history covers."""
    return datetime.fromtimestamp(
        min(max((now - _HISTORY).timestamp(), epoch_s), now.timestamp()), UTC
    )


def _is_overdue(job: OpenJob) -> bool:
    """Return whether a job has exceeded its time; one from the future was stored wrongly."""
    age = dt_util.utcnow().timestamp() - job.created
    timeout_s = _TIMEOUT_S + _TIMEOUT_PER_STATION_S * len(job.port_ids)
    return not -_CLOCKS_DIFFER.total_seconds() <= age <= timeout_s


def _names(error: str, id_: str) -> bool:
    """Return whether an error has the id as a word: names may be parts of each other."""
    return re.search(rf"(?<!\w){re.escape(id_)}(?!\w)", error) is not None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(sorted(names)[:_MOST_LISTED]) + (f" … (+{more})" if more > 0 else "")
