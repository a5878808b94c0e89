"""Which addresses are in the house."""

from ipaddress import ip_address

from homeassistant.util.network import is_local


def is_local_host(host: str) -> bool:
    """Whether a URL's host is this machine or has a private address."""
    if host == "localhost":
        return True
    try:
        return is_local(ip_address(host))
    except ValueError:
        return False
