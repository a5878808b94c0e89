"""Helpers for URLs, entities and users."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import UnknownUser
from homeassistant.helpers import entity_registry as er
from homeassistant.util.network import is_local
from yarl import URL

from .const import DOMAIN

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
