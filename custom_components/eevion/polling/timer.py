"""A timer that is canceled when its config entry is unloaded."""

from collections.abc import Callable
from datetime import datetime

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later


class EntryTimer:
    """Calls an action once after each `async_set`, until the entry is unloaded."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, action: Callable[[], None]) -> None:
        """Initialize; `action` is not called before `async_set`."""
        self._hass = hass
        self._action = action
        self._cancel: CALLBACK_TYPE | None = None
        entry.async_on_unload(self.async_clear)

    @property
    def is_set(self) -> bool:
        """Whether a call is scheduled."""
        return self._cancel is not None

    @callback
    def async_set(self, delay: float) -> None:
        """Schedule the call after `delay` seconds, in place of one that is scheduled."""
        self.async_clear()
        self._cancel = async_call_later(self._hass, delay, self._async_call)

    @callback
    def async_clear(self) -> None:
        """Cancel the call."""
        if self._cancel:
            self._cancel()
            self._cancel = None

    @callback
    def _async_call(self, _now: datetime) -> None:
        self._cancel = None
        self._action()
