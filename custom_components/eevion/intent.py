"""Intents for the built-in assistant; the sentences for them are in custom_sentences/."""

from collections.abc import Callable, Coroutine
from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, intent
import probatio as vol

from .assist import Assistant, SpokenAnswer
from .smart import Mode

_STATION = {vol.Optional("station"): cv.string}
_LIMIT = {
    **_STATION,
    vol.Optional("amps"): vol.Coerce(float),
    vol.Optional("kilowatts"): vol.Coerce(float),
}

_MODE: dict[Any, Any] = {**_STATION, vol.Required("mode"): vol.In([mode.value for mode in Mode])}

type _Request = Callable[[Assistant, dict[str, Any]], Coroutine[Any, Any, SpokenAnswer]]


class EevionIntent(intent.IntentHandler):
    """An intent that reads or controls stations."""

    def __init__(
        self,
        intent_type: str,
        description: str,
        request: _Request,
        slots: dict[Any, Any] = _STATION,
    ) -> None:
        """Initialize; `request` is the method of the assistant that answers."""
        self.intent_type = intent_type
        self.description = description
        self._request = request
        self._slots = slots

    @property
    @override
    def slot_schema(self) -> dict[Any, Any]:
        """The slots of its sentences."""
        return self._slots

    @override
    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        """Run the request; return its answer, or its error, as speech."""
        slots = self.async_validate_slots(intent_obj.slots)
        values = {name: slot["value"] for name, slot in slots.items()}
        assistant = await Assistant.async_create(
            intent_obj.hass,
            language=intent_obj.language,
            assistant=intent_obj.assistant,
            context=intent_obj.context,
            device_id=intent_obj.device_id,
            area_id=values.get("preferred_area_id"),
        )
        answer = await assistant.async_answer(self._request(assistant, values))
        response = intent_obj.create_response()
        if answer.is_refusal:
            code = intent.IntentResponseErrorCode.FAILED_TO_HANDLE
            response.async_set_error(code, answer.text)
        else:
            response.async_set_speech(answer.text)
            response.async_set_results(
                [
                    intent.IntentResponseTarget(
                        type=intent.IntentResponseTargetType.ENTITY,
                        name=station.name,
                        id=station.entity_id,
                    )
                    for station in answer.stations
                ]
            )
        return response


def _limit(assistant: Assistant, slots: dict[str, Any]) -> Coroutine[Any, Any, SpokenAnswer]:
    kilowatts = slots.get("kilowatts")
    watts = None if kilowatts is None else kilowatts * 1000
    return assistant.async_limit(slots.get("station"), amps=slots.get("amps"), watts=watts)


INTENTS = (
    EevionIntent(
        "EevionStartCharging",
        "Starts charging at a station",
        lambda assistant, slots: assistant.async_start(slots.get("station")),
    ),
    EevionIntent(
        "EevionStopCharging",
        "Stops charging at a station",
        lambda assistant, slots: assistant.async_stop(slots.get("station")),
    ),
    EevionIntent("EevionSetLimit", "Limits a charging station", _limit, _LIMIT),
    EevionIntent(
        "EevionSetMode",
        "Chooses how a station charges: smart, fast, off or manual",
        lambda assistant, slots: assistant.async_set_mode(slots.get("station"), slots["mode"]),
        _MODE,
    ),
    EevionIntent(
        "EevionLastSession",
        "Returns energy, duration and cost of the last session",
        lambda assistant, slots: assistant.async_last_session(slots.get("station")),
    ),
    EevionIntent(
        "EevionStations",
        "Returns the state of charging stations",
        lambda assistant, slots: assistant.async_stations(slots.get("station")),
    ),
    EevionIntent(
        "EevionProblems",
        "Returns the problems of charging stations",
        lambda assistant, slots: assistant.async_problems(slots.get("station")),
    ),
)


async def async_setup_intents(hass: HomeAssistant) -> None:
    """Register the intents."""
    for handler in INTENTS:
        intent.async_register(hass, handler)
