"""The requests of intents and LLM tools, each with an answer as text."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from ..api import LimitUnit, SessionStatus
from ..const import LOGGER
from ..errors import failed, invalid, loggable
from ..helpers import async_user
from ..smart import Mode, Reason
from .phrases import MODES, REASONS, Phrases
from .station_names import NamedStation, async_exposed, cut, matching, only

# A stop may wait for minutes until the cloud has authorized the session; an answer may not.
_ANSWER_TIMEOUT_S = 5
# An answer counts more stations than this instead of describing each.
_MOST_DESCRIBED = 8
# The placeholders of errors that hold a text of the cloud.
_OF_THE_CLOUD = ("error", "message")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """The text of an answer, and the stations that it is about."""

    text: str
    stations: tuple[NamedStation, ...] = ()
    is_refusal: bool = False


class Assistant:
    """Answers one request; its methods raise a translated HomeAssistantError."""

    def __init__(
        self,
        hass: HomeAssistant,
        texts: Phrases,
        assistant: str | None,
        context: Context | None,
        area_id: str | None,
    ) -> None:
        """Initialize; a station of the area is preferred if several have the name."""
        self._hass = hass
        self._texts = texts
        self._assistant = assistant
        self._context = context
        self._area_id = area_id
        self._station: NamedStation | None = None

    @classmethod
    async def async_create(
        cls,
        hass: HomeAssistant,
        *,
        language: str | None,
        assistant: str | None,
        context: Context | None,
        device_id: str | None,
        area_id: str | None = None,
    ) -> Self:
        """Return an assistant that answers in a language; English if there is no translation."""
        if area_id is None and device_id and (device := dr.async_get(hass).async_get(device_id)):
            area_id = dr.async_get_effective_area_id(hass, device)
        texts = await Phrases.async_load(hass, language)
        return cls(hass, texts, assistant, context, area_id)

    async def async_answer(self, answer: Coroutine[Any, Any, SpokenAnswer]) -> SpokenAnswer:
        """Return the answer of a method below, or its error as a refusal."""
        try:
            return await answer
        except Unauthorized:
            return SpokenAnswer(self._texts.error(invalid("voice_none")), is_refusal=True)
        except HomeAssistantError as err:
            shown = {"station": self._station.short_name} if self._station else {}
            # What the cloud says may be long, and written for a language model.
            for key, text in (err.translation_placeholders or {}).items():
                if key in _OF_THE_CLOUD:
                    shown[key] = cut(text)
            return SpokenAnswer(self._texts.error(err, **shown), is_refusal=True)

    async def async_start(self, name: str | None) -> SpokenAnswer:
        """Start a session; return the state that followed."""
        station = await self._async_one(name, is_preferred=_waits)
        was_active = station.state.active_session is not None
        await station.data.control.async_start(station.port_id)
        session = station.state.active_session
        if was_active or session is None:
            return self._answer("voice_no_need_to_start", station, state=self._doing(station))
        if session.status is SessionStatus.AUTHORIZING:
            return self._answer("voice_start_authorizing", station)
        key = "voice_started" if station.state.is_charging else "voice_start_waiting"
        return self._answer(key, station)

    async def async_stop(self, name: str | None) -> SpokenAnswer:
        """End a session; return its energy, duration and cost."""
        station = await self._async_one(name, is_preferred=_has_session)
        before = station.state.active_session
        stopping = self._hass.async_create_background_task(
            station.data.control.async_stop(station.port_id), f"stop {station.name}"
        )
        done, _ = await asyncio.wait({stopping}, timeout=_ANSWER_TIMEOUT_S)
        if not done:
            stopping.add_done_callback(_log_failure)
            return self._answer("voice_stop_waits", station)
        stopping.result()
        state = station.state
        if state.active_session:
            return SpokenAnswer(self._doing(station), (station,))
        if before is None:
            return self._answer("voice_nothing_to_stop", station)
        figures = self._texts.figures(state.session or before)
        key = "voice_stopped" if figures else "voice_stopped_only"
        return self._answer(key, station, figures=figures)

    async def async_limit(
        self, name: str | None, *, amps: float | None = None, watts: float | None = None
    ) -> SpokenAnswer:
        """Set the limit of a station in amps or watts."""
        station = await self._async_one(name)
        value, unit = (watts, LimitUnit.WATT) if amps is None else (amps, LimitUnit.AMPERE)
        if value is None:
            raise invalid("amps_or_watts")
        await station.data.control.async_set_limits({station.port_id: value}, unit)
        key = "voice_limited" if value else "voice_limited_to_nothing"
        return self._answer(key, station, limit=self._texts.current_or_power(value, unit))

    async def async_set_mode(self, name: str | None, mode: str) -> SpokenAnswer:
        """Choose how a station charges, and say so."""
        station = await self._async_one(name)
        if station.smart is None:
            raise invalid("no_smart_charging", station=station.short_name)
        station.data.smart.async_choose(station.port_id, mode=Mode(mode))
        return self._answer(MODES[Mode(mode)], station)

    async def async_last_session(self, name: str | None) -> SpokenAnswer:
        """Return energy, duration and cost of the last session of a station, or of all."""
        found = await self._async_stations_named(name, POLICY_READ)
        used = [station for station in found if station.state.session]
        if name is None and not used:
            return SpokenAnswer(self._texts("voice_no_sessions"))
        station = max(used, key=_begun) if name is None else self._only(used or found)
        session = station.state.session
        if session is None:
            return self._answer("voice_no_session", station)
        key = "voice_present_session" if session.is_active else "voice_last_session"
        figures = self._texts.figures(session) or self._texts("voice_no_figures")
        return self._answer(key, station, figures=figures)

    async def async_stations(self, name: str | None) -> SpokenAnswer:
        """Return the state of stations; of many, the counts."""
        found = await self._async_stations_named(name, POLICY_READ)
        if len(found) > _MOST_DESCRIBED:
            text = self._texts(
                "voice_counts",
                stations=str(len(found)),
                charging=str(sum(s.state.is_charging for s in found)),
                wrong=str(sum(s.state.is_problem for s in found)),
            )
        else:
            text = " ".join(self._doing(station) for station in found)
        return SpokenAnswer(text, tuple(found))

    async def async_problems(self, name: str | None) -> SpokenAnswer:
        """Return the problems of stations."""
        found = await self._async_stations_named(name, POLICY_READ)
        wrong = [station for station in found if station.state.is_problem]
        if not wrong:
            key = "voice_no_problem" if len(found) == 1 else "voice_no_problems"
            return self._answer(key, found[0])
        problems = [
            self._texts(
                "voice_problem",
                station=station.name,
                problems=self._texts.problems(station.state),
            )
            for station in wrong[:_MOST_DESCRIBED]
        ]
        if more := len(wrong) - len(problems):
            problems.append(self._texts("voice_more_problems", stations=str(more)))
        return SpokenAnswer(" ".join(problems), tuple(wrong))

    async def _async_stations_named(self, name: str | None, policy: str) -> list[NamedStation]:
        """Return the stations of a name that the user may read or control.

        Raises HomeAssistantError if there is none, or if their account has no current data.
        """
        user = await async_user(self._hass, self._context, policy)
        found = matching(
            [
                station
                for station in async_exposed(self._hass, self._assistant)
                if user is None or user.permissions.check_entity(station.entity_id, policy)
            ],
            name,
        )
        if len(found) == 1:
            self._station = found[0]
        for station in found if policy == POLICY_READ else ():
            coordinator = station.data.coordinator
            if not coordinator.last_update_success and (err := coordinator.last_exception):
                raise (
                    err
                    if isinstance(err, HomeAssistantError)
                    else failed("bad_response", error=type(err).__name__)
                )
        return found

    async def _async_one(
        self, name: str | None, *, is_preferred: Callable[[NamedStation], bool] | None = None
    ) -> NamedStation:
        found = await self._async_stations_named(name, POLICY_CONTROL)
        return self._only(found, is_preferred)

    @callback
    def _only(
        self,
        found: list[NamedStation],
        is_preferred: Callable[[NamedStation], bool] | None = None,
    ) -> NamedStation:
        self._station = only(
            found,
            *filter(None, [is_preferred]),
            lambda station: self._area_id is not None and station.area_id == self._area_id,
        )
        return self._station

    def _doing(self, station: NamedStation) -> str:
        """Return the state of a station, the reason, and when its plan ends."""
        smart, is_plugged_in = station.smart, station.state.is_plugged_in
        doing = [self._texts.doing(station.name, station.state)]
        reason = smart.reason if smart else None
        if reason is Reason.WAITING_FOR_VEHICLE and is_plugged_in:
            # It waits for a session: the vehicle is there.
            reason = None
        if key := REASONS.get(reason) if reason else None:
            doing.append(self._texts(key))
        if smart and smart.planned_end and is_plugged_in:
            time = dt_util.as_local(smart.planned_end).strftime("%H:%M")
            doing.append(self._texts("voice_planned", time=time))
        return " ".join(doing)

    def _answer(self, key: str, station: NamedStation, **placeholders: str) -> SpokenAnswer:
        return SpokenAnswer(self._texts(key, station=station.name, **placeholders), (station,))


def _has_session(station: NamedStation) -> bool:
    return station.state.active_session is not None


def _waits(station: NamedStation) -> bool:
    """Return whether a vehicle waits for a session."""
    return station.state.is_plugged_in is True and not _has_session(station)


def _begun(station: NamedStation) -> datetime:
    session = station.state.session
    return (session and session.begun_at) or _LONG_AGO


def _log_failure(stopping: asyncio.Task[None]) -> None:
    if not stopping.cancelled() and (err := stopping.exception()):
        LOGGER.warning("A stop by voice failed in the end: %s", loggable(err))
