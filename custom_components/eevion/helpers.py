"""Helpers for URLs, devices, entities and users."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from homeassistant.auth.models import User
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import UnknownUser
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util.network import is_local
from yarl import URL

from .const import DOMAIN, signal

MAIN_PLATFORM: Final = Platform.SWITCH
MAIN_KEY: Final = "charging"

# Last labels of names that no public DNS resolves: RFC 6761, 6762, 7686, 8375, 9476, and those
# that routers and companies use (ICANN reserves "internal" for them).
_PRIVATE_DOMAINS = frozenset(
    {
        "alt",
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "mail",
        "onion",
        "private",
        "test",
    }
)


def checked_base_url(text: str) -> str:
    """Return a base URL that the API key may be sent to: https, or http to a local host.

    Raises ValueError for any other text.
    """
    url = URL(text.strip())
    if (
        url.scheme not in ("http", "https")
        or not url.host
        or not url.port
        or url.raw_user is not None
        or url.raw_password is not None
        or url.query_string
        or url.fragment
        or (url.scheme == "http" and not is_local_host(url.host))
    ):
        raise ValueError("not a usable base URL")
    return str(url).rstrip("/")


def is_local_host(host: str) -> bool:
    """Return whether a URL's host is this machine or a private address."""
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and is_local(address)


def is_public_host(host: str) -> bool:
    """Return whether a URL's host is a public address, or a name that can be public."""
    address = _address(host)
    if address is not None:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        address = mapped or address
        return address.is_global and not address.is_multicast
    try:
        name = host.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return False
    labels = name.split(".")
    return (
        len(labels) > 1
        and all(labels)
        # A name that ends with a number is an address in an old notation.
        and not labels[-1][0].isdigit()
        and labels[-1] not in _PRIVATE_DOMAINS
    )


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.removesuffix("."))
    except ValueError:
        return None


@callback
def main_entity(hass: HomeAssistant, port_id: str) -> str | None:
    """Return the entity that represents a station: its switch, whose permissions count."""
    unique_id = f"{port_id}_{MAIN_KEY}"
    return er.async_get(hass).async_get_entity_id(MAIN_PLATFORM, DOMAIN, unique_id)


@callback
def own_device(hass: HomeAssistant, device_id: str) -> dr.DeviceEntry | None:
    """Return a device by its id if it is one of the integration."""
    device = dr.async_get(hass).async_get(
        device_id, include_child_devices=False, include_composite_devices=False
    )
    if device is None:
        return None
    entry = hass.config_entries.async_get_entry(device.config_entry_id)
    return device if entry and entry.domain == DOMAIN else None


@callback
def own_devices(hass: HomeAssistant, device_id: str) -> list[dr.DeviceEntry]:
    """Return the devices of the integration with an id, which may be that of a composite one."""
    split = dr.async_get(hass).async_get_devices_for_composite_device_id(device_id)
    ids = [device.id for device in split] or [device_id]
    return [device for id_ in ids if (device := own_device(hass, id_))]


@callback
def with_key(hass: HomeAssistant, entity_ids: set[str], key: str) -> set[str]:
    """Return the entities of the integration with the translation key `key`."""
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entity_ids
        if (entry := registry.async_get(entity_id))
        and entry.platform == DOMAIN
        and entry.translation_key == key
    }


@callback
def event_signals(hass: HomeAssistant, entity_ids: set[str], kind: str) -> dict[str, str]:
    """Return the signals of a kind for the stations of entities, by the ids of event entities.

    The event entities need not be enabled.
    """
    registry = er.async_get(hass)
    found: dict[str, str] = {}
    for entity_id in entity_ids:
        entity = registry.async_get(entity_id)
        if entity is None or entity.platform != DOMAIN or entity.config_entry_id is None:
            continue
        port_id = entity.unique_id.removesuffix(f"_{entity.translation_key}")
        event_id = registry.async_get_entity_id(Platform.EVENT, DOMAIN, f"{port_id}_{kind}")
        if event_id and (entry := hass.config_entries.async_get_entry(entity.config_entry_id)):
            found[event_id] = signal(entry, port_id, kind)
    return found


async def async_user(hass: HomeAssistant, context: Context | None, policy: str) -> User | None:
    """Return the user of a context; None for Home Assistant itself, which has all permissions.

    Raises UnknownUser for a user that does not exist or is not active.
    """
    if context is None or context.user_id is None:
        return None
    user = await hass.auth.async_get_user(context.user_id)
    if user is None or not user.is_active:
        raise UnknownUser(context=context, permission=policy, user_id=context.user_id)
    return user
