"""The persistent notifications of an account, which are dismissed with it."""

from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN

# Home Assistant keeps notifications in memory only, so their ids are not stored.
_IDS: HassKey[dict[str, set[str]]] = HassKey(f"{DOMAIN}_notices")


@callback
def async_notify(
    hass: HomeAssistant, entry: ConfigEntry, notification_id: str, message: str, title: str
) -> None:
    """Create a notification, which stays until it is dismissed or the account is removed."""
    hass.data.setdefault(_IDS, {}).setdefault(entry.entry_id, set()).add(notification_id)
    persistent_notification.async_create(hass, message, title, notification_id)


@callback
def async_dismiss(hass: HomeAssistant, entry: ConfigEntry, notification_id: str) -> None:
    """Dismiss a notification of an account, if there is one."""
    hass.data.get(_IDS, {}).get(entry.entry_id, set()).discard(notification_id)
    persistent_notification.async_dismiss(hass, notification_id)


@callback
def async_dismiss_all(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Dismiss all notifications of an account."""
    by_entry = hass.data.get(_IDS, {})
    for notification_id in by_entry.pop(entry.entry_id, ()):
        persistent_notification.async_dismiss(hass, notification_id)
    if not by_entry:
        hass.data.pop(_IDS, None)
