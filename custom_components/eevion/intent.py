"""Intents for the built-in assistant; the sentences for them are in custom_sentences/."""

from collections.abc import Callable, Coroutine
from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, intent
import probatio as vol

from .assist.assistant import Assistant, SpokenAnswer

_STATION = {vol.Optional("station"): cv.string}
_LIMIT = {
    **_STATION,
    vol.Optional("amps"): vol.Coerce(float),
    vol.Optional("kilowatts"): vol.Coerce(float),
}

type _Ask = Callable[[Assistant, dict[str, Any]], Coroutine[Any, Any, SpokenAnswer]]


class EevionIntent(intent.IntentHandler):
    """Something that is asked of stations."""

    def __init__(
        self, intent_type: str, description: str, ask: _Ask, slots: dict[Any, Any] = _STATION
    ) -> None:
        """Keep what it is, and how it is answered."""
        self.intent_type = intent_type
        self.description = description
        self._ask = ask
        self._slots = slots

    @property
    @override
    def slot_schema(self) -> dict[Any, Any]:
        """What it takes."""
        return self._slots

    @override
    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        """Do what is asked, and say in words what came of it or why not."""
        slots = self.async_validate_slots(intent_obj.slots)
        values = {name: slot["value"] for name, slot in slots.items()}
        voice = await Assistant.async_create(
            intent_obj.hass,
            language=intent_obj.language,
            assistant=intent_obj.assistant,
            context=intent_obj.context,
            device_id=intent_obj.device_id,
            area_id=values.get("preferred_area_id"),
        )
        answer = await voice.async_answer(self._ask(voice, values))
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


def _limit(voice: Assistant, slots: dict[str, Any]) -> Coroutine[Any, Any, SpokenAnswer]:
    kilowatts = slots.get("kilowatts")
    watts = None if kilowatts is None else kilowatts * 1000
    return voice.async_limit(slots.get("station"), amps=slots.get("amps"), watts=watts)


INTENTS = (
    EevionIntent(
        "EevionStartCharging",
        "Starts charging at a station",
        lambda voice, slots: voice.async_start(slots.get("station")),
    ),
    EevionIntent(
        "EevionStopCharging",
        "Stops charging at a station",
        lambda voice, slots: voice.async_stop(slots.get("station")),
    ),
    EevionIntent("EevionSetLimit", "Limits a charging station", _limit, _LIMIT),
    EevionIntent(
        "EevionLastSession",
        "Tells what the last charge took and cost",
        lambda voice, slots: voice.async_last_session(slots.get("station")),
    ),
    EevionIntent(
        "EevionStations",
        "Tells what charging stations do",
        lambda voice, slots: voice.async_stations(slots.get("station")),
    ),
    EevionIntent(
        "EevionProblems",
        "Tells what is wrong with charging stations",
        lambda voice, slots: voice.async_problems(slots.get("station")),
    ),
)


async def async_setup_intents(hass: HomeAssistant) -> None:
    """Register the intents."""
    for handler in INTENTS:
        intent.async_register(hass, handler)
