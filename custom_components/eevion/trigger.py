"""Triggers for the automation editor."""

from collections.abc import Mapping
from typing import ClassVar, override

from homeassistant.components.binary_sensor.const import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.event.const import DOMAIN as EVENT_DOMAIN, EventEntityStateAttribute
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    EntityTargetStateTriggerBase,
    EntityTriggerBase,
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
)

from .helpers import with_key


class _StationTrigger(EntityTriggerBase):
    """A trigger on the entities with one key, such as `plugged_in`."""

    _key: ClassVar[str]

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return the entities with the key."""
        return with_key(self._hass, super().entity_filter(entities), self._key)


class _EventTrigger(_StationTrigger, StatelessEntityTriggerBase):
    """A trigger on one type of an event entity's events."""

    _domain_specs: Mapping[str, DomainSpec] = {EVENT_DOMAIN: DomainSpec()}
    _event_type: ClassVar[str]

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        """Return whether the last event is of this type."""
        return state.attributes.get(EventEntityStateAttribute.EVENT_TYPE) == self._event_type


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


def _on_event(key: str, event_type: str) -> type[Trigger]:
    class EventTrigger(_EventTrigger):
        _key = key
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
    "exception_ended": _on_event("exception", "ended"),
    "exception_started": _on_event("exception", "started"),
    "idle_fee_running": _IdleFeeTrigger,
    "plugged_in": _on_state("plugged_in", STATE_ON),
    "session_completed": _on_event("session", "completed"),
    "session_limit_reached": _on_event("session", "limit_reached"),
    "session_started": _on_event("session", "started"),
    "unplugged": _on_state("plugged_in", STATE_OFF),
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
