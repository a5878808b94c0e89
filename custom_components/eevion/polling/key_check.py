"""Whether the cloud accepts the API key: a single refusal is not enough."""

from collections.abc import Callable
from http import HTTPStatus
from time import monotonic

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .timer import EntryTimer

# Seconds after a refusal (HTTP 401) until the key is tried again, before reauthentication.
_RETRY_S = 5
# Refusals within this time count as one: their requests were sent together.
_TOGETHER_S = 3


class KeyCheck:
    """Processes the HTTP status of every answer to an account.

    A key counts as refused where it is refused again some seconds later, and no request was
    accepted in between. A request that is accepted after that ends the reauthentication.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, poll: Callable[[], None]) -> None:
        """Initialize; `poll` is called to try the key again, and when it is accepted again."""
        self._hass = hass
        self._entry = entry
        self._poll = poll
        self._retry = EntryTimer(hass, entry, poll)
        self._refused_at: float | None = None
        self._is_reauth_begun = False

    @callback
    def async_apply_status(self, status: int) -> None:
        """Process the HTTP status of an answer; other errors decide nothing about the key."""
        if status == HTTPStatus.UNAUTHORIZED:
            if self._refused_at is None:
                self._refused_at = monotonic()
                self._retry.async_set(_RETRY_S)
        elif HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            self._refused_at = None
            self._retry.async_clear()
            if self._is_reauth_begun:
                self._is_reauth_begun = False
                self._async_end_reauth()

    @callback
    def async_is_refused(self) -> bool:
        """Return whether the key counts as refused; the caller then starts reauthentication."""
        if self._refused_at is None or monotonic() - self._refused_at < _TOGETHER_S:
            return False
        self._is_reauth_begun = True
        return True

    @callback
    def _async_end_reauth(self) -> None:
        for flow in list(self._entry.async_get_active_flows(self._hass, {SOURCE_REAUTH})):
            self._hass.config_entries.flow.async_abort(flow["flow_id"])
        self._poll()
