"""The data and options of a config entry, typed and with defaults, and their migration."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..api import BASE_URL, Environment
from ..const import (
    CONF_CLOUDHOOK_URL,
    CONF_ENVIRONMENT,
    CONF_EXCLUDED_SITES,
    CONF_IMPORT_HISTORY,
    CONF_INACTIVE_STATIONS,
    CONF_KNOWN_SITES,
    DOMAIN,
)
from ..helpers import checked_base_url

VERSION: Final = 1
MINOR_VERSION: Final = 2
_FORMER_TITLE = "Eevion"
"""The title of every account of several sites up to version 1.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountData:
    """The data of a config entry; None for a missing or invalid value without a default."""

    api_key: str | None
    environment: Environment | None
    url: str | None
    webhook_id: str | None
    cloudhook_url: str | None
    known_sites: frozenset[str]
    """The ids of the sites in the last answer for the key."""

    @classmethod
    def of(cls, entry: ConfigEntry) -> Self:
        """Return the data of an entry; no stored value raises an exception."""
        data = entry.data
        return cls(
            api_key=_text(data, CONF_API_KEY),
            environment=_environment(data),
            url=_url(data),
            webhook_id=_text(data, CONF_WEBHOOK_ID),
            cloudhook_url=_text(data, CONF_CLOUDHOOK_URL),
            known_sites=_texts(data, CONF_KNOWN_SITES),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """The options of a config entry."""

    excluded_sites: frozenset[str]
    with_inactive: bool
    """Whether planned and decommissioned stations have a device."""
    import_history: bool

    @classmethod
    def of(cls, entry: ConfigEntry) -> Self:
        """Return the options of an entry; no stored value raises an exception."""
        options = entry.options
        return cls(
            excluded_sites=_texts(options, CONF_EXCLUDED_SITES),
            with_inactive=options.get(CONF_INACTIVE_STATIONS) is True,
            import_history=options.get(CONF_IMPORT_HISTORY) is True,
        )


def account_title(site_names: Sequence[str], used: Collection[str]) -> str:
    """Return a title that is not in `used`: the first site's name and the number of others."""
    more = len(site_names) - 1
    plain = title = f"{site_names[0]} +{more}" if more else site_names[0]
    count = 1
    while title in used:
        count += 1
        title = f"{plain} ({count})"
    return title


@callback
def async_migrate(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Migrate an entry to the present version.

    Version 1.1 had one title for all accounts of several sites. An entry of a newer minor
    version is not changed.
    """
    if entry.minor_version >= MINOR_VERSION:
        return
    title = entry.title
    others = [other.title for other in hass.config_entries.async_entries(DOMAIN)]
    others.remove(title)
    names = [
        device.name_by_user or device.name or entry.title
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if device.entry_type is dr.DeviceEntryType.SERVICE
    ]
    if title == _FORMER_TITLE and names:
        title = account_title(names, others)
    hass.config_entries.async_update_entry(entry, title=title, minor_version=MINOR_VERSION)


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _texts(values: Mapping[str, Any], key: str) -> frozenset[str]:
    value = values.get(key)
    return frozenset(v for v in value if isinstance(v, str)) if isinstance(value, list) else _EMPTY


def _environment(values: Mapping[str, Any]) -> Environment | None:
    """Return the environment: production by default, None if the value is invalid."""
    value = values.get(CONF_ENVIRONMENT)
    if value is None:
        return Environment.PRODUCTION
    return next((word for word in Environment if word.value == value), None)


def _url(values: Mapping[str, Any]) -> str | None:
    """Return the base URL: the public one by default, None if the value is invalid."""
    value = values.get(CONF_URL)
    if value is None:
        return BASE_URL
    try:
        return checked_base_url(value) if isinstance(value, str) else None
    except ValueError:
        return None


_EMPTY: Final[frozenset[str]] = frozenset()
