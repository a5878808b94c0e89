"""The account that a site belongs to, if the keys of several accounts see it."""

from collections.abc import Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from ..const import DOMAIN
from ..translation import escaped
from .settings import AccountData, AccountOptions


@callback
def async_owner(hass: HomeAssistant, site_id: str) -> ConfigEntry | None:
    """Return the account that a site belongs to, or None.

    It is the account with the oldest device of the site. Without a device, it is the first
    account that sees the site and does not exclude it.
    """
    registry = dr.async_get(hass)
    entries = hass.config_entries.async_entries(DOMAIN)
    devices = [
        registry.async_get_device_by_identifier((DOMAIN, site_id), entry.entry_id)
        for entry in entries
    ]
    since = [
        (device.created_at, index) for index, device in enumerate(devices) if device is not None
    ]
    if since:
        return entries[min(since)[1]]
    return next(
        (
            entry
            for entry in entries
            if site_id in AccountData.of(entry).known_sites
            and site_id not in AccountOptions.of(entry).excluded_sites
        ),
        None,
    )


@callback
def async_is_elsewhere(hass: HomeAssistant, entry_id: str, port_id: str) -> bool:
    """Return whether only other accounts have a device of a station."""
    registry = dr.async_get(hass)
    with_device = {
        entry.entry_id
        for entry in hass.config_entries.async_entries(DOMAIN)
        if registry.async_get_device_by_identifier((DOMAIN, port_id), entry.entry_id)
    }
    return bool(with_device) and entry_id not in with_device


@callback
def async_report_shared(
    hass: HomeAssistant, entry: ConfigEntry, owners: Mapping[str, ConfigEntry]
) -> None:
    """Create the repair issue of an account whose sites belong to others, or delete it."""
    if not owners:
        async_forget_shared(hass, entry)
        return
    titles = {owner.title for owner in owners.values()}
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="shared_sites",
        translation_placeholders={
            "title": entry.title,
            "account": escaped(entry.title),
            "count": str(len(owners)),
            "owners": escaped(", ".join(sorted(titles))),
        },
    )


@callback
def async_forget_shared(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the repair issue of an account."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


def _issue_id(entry: ConfigEntry) -> str:
    return f"shared_sites_{entry.entry_id}"
