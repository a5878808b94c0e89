"""Triggers for the automation editor."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, override

from homeassistant.components.binary_sensor.const import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.event.const import EventEntityStateAttribute
from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.target import TargetEntityChangeTracker, TargetSelection
from homeassistant.helpers.trigger import (
    ENTITY_STATE_TRIGGER_SCHEMA,
    EntityTargetStateTriggerBase,
    EntityTriggerBase,
    NotTriggeredReasonReporter,
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from .const import EVENT_EXCEPTION, EVENT_SESSION
from .helpers import event_signals, with_key


class _StationTrigger(EntityTriggerBase):
    """A trigger on the entities with one key, such as `plugged_in`."""

    _key: ClassVar[str]

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return the entities with the key."""
        return with_key(self._hass, super().entity_filter(entities), self._key)


class _EventTrigger(Trigger):
    """A trigger on one type of the events of stations, whose event entities may be disabled."""

    _kind: ClassVar[str]
    _event_type: ClassVar[str]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the valid configuration: a target, and no options."""
        valid: ConfigType = ENTITY_STATE_TRIGGER_SCHEMA(config)
        return valid

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize with the target."""
        super().__init__(hass, config)
        self._target = TargetSelection(config.target or {})

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Run the action at each event of the type, until the returned function is called."""

        @callback
        def async_fire(entity_id: str, event_type: str, attributes: Mapping[str, Any]) -> None:
            if event_type != self._event_type:
                return
            to_state = State(
                entity_id,
                dt_util.utcnow().isoformat(timespec="milliseconds"),
                {EventEntityStateAttribute.EVENT_TYPE: event_type, **attributes},
            )
            run_action(
                {
                    ATTR_ENTITY_ID: entity_id,
                    "from_state": self._hass.states.get(entity_id),
                    "to_state": to_state,
                },
                f"event of {entity_id}",
            )

        events = _TargetedEvents(self._hass, self._target, self._kind, async_fire)
        return await events.async_setup()


class _TargetedEvents(TargetEntityChangeTracker):
    """Follows the events of the stations that a target holds, be it by one of their entities."""

    def __init__(
        self,
        hass: HomeAssistant,
        target: TargetSelection,
        kind: str,
        fire: Callable[[str, str, Mapping[str, Any]], None],
    ) -> None:
        """Initialize; `fire` gets the id of the event entity, the type and the attributes."""
        super().__init__(hass, target, set, primary_entities_only=False)
        self._kind = kind
        self._fire = fire
        self._disconnects: dict[str, CALLBACK_TYPE] = {}
        """By the id of the event entity."""

    @override
    @callback
    def _handle_entities_update(self, tracked_entities: set[str]) -> None:
        """Connect to the stations of the entities, and disconnect from all others."""
        signals = event_signals(self._hass, tracked_entities, self._kind)
        for entity_id in self._disconnects.keys() - signals.keys():
            self._disconnects.pop(entity_id)()
        for entity_id in signals.keys() - self._disconnects.keys():
            self._disconnects[entity_id] = async_dispatcher_connect(
                self._hass, signals[entity_id], partial(self._fire, entity_id)
            )

    @override
    @callback
    def _unsubscribe(self) -> None:
        super()._unsubscribe()
        for disconnect in self._disconnects.values():
            disconnect()


class _BinaryTrigger(_StationTrigger, EntityTargetStateTriggerBase):
    """A trigger on a binary sensor that turns on or off."""

    _domain_specs: Mapping[str, DomainSpec] = {BINARY_SENSOR_DOMAIN: DomainSpec()}


class _IdleFeeTrigger(_StationTrigger):
    """A trigger for the end of the grace period of an idle vehicle."""

    _domain_specs: Mapping[str, DomainSpec] = {BINARY_SENSOR_DOMAIN: DomainSpec()}
    _key = "idle"

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        """Return whether the idle fee is charged."""
        return _is_fee_running(state)

    @override
    def is_valid_transition(self, from_state: State, to_state: State) -> bool:
        """Return whether it was not charged before."""
        return not _is_fee_running(from_state)


def _is_fee_running(state: State) -> bool:
    return state.state == STATE_ON and not state.attributes.get("grace_period")


def _on_event(kind: str, event_type: str) -> type[Trigger]:
    class EventTrigger(_EventTrigger):
        _kind = kind
        _event_type = event_type

    return EventTrigger


def _on_state(key: str, state: str) -> type[Trigger]:
    states = {state}

    class BinaryTrigger(_BinaryTrigger):
        _key = key
        _to_states = states

    return BinaryTrigger


TRIGGERS: dict[str, type[Trigger]] = {
    "demand_response_ended": _on_state("demand_response", STATE_OFF),
    "demand_response_started": _on_state("demand_response", STATE_ON),
    "exception_ended": _on_event(EVENT_EXCEPTION, "ended"),
    "exception_started": _on_event(EVENT_EXCEPTION, "started"),
    "idle_fee_running": _IdleFeeTrigger,
    "plugged_in": _on_state("plugged_in", STATE_ON),
    "session_completed": _on_event(EVENT_SESSION, "completed"),
    "session_limit_reached": _on_event(EVENT_SESSION, "limit_reached"),
    "session_started": _on_event(EVENT_SESSION, "started"),
    "unplugged": _on_state("plugged_in", STATE_OFF),
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
