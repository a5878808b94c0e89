"""A timer of one account, for what is done again and again at no fixed pace."""

from collections.abc import Callable
from datetime import datetime

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later


class EntryTimer:
    """Calls once after each setting; ends with the entry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, action: Callable[[], None]) -> None:
        """Prepare; nothing is called before it is set."""
        self._hass = hass
        self._action = action
        self._cancel: CALLBACK_TYPE | None = None
        entry.async_on_unload(self.async_clear)

    @property
    def is_set(self) -> bool:
        """Whether a call is to come."""
        return self._cancel is not None

    @callback
    def async_set(self, delay: float) -> None:
        """Call after so many seconds, and not when it would have been before."""
        self.async_clear()
        self._cancel = async_call_later(self._hass, delay, self._async_ring)

    @callback
    def async_clear(self) -> None:
        """Do not call."""
        if self._cancel:
            self._cancel()
            self._cancel = None

    @callback
    def _async_ring(self, _now: datetime) -> None:
        self._cancel = None
        self._action()
