"""What a person is told when a poll or a command fails."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    HomeAssistantError,
    ServiceValidationError,
)
from homeassistant.helpers.update_coordinator import UpdateFailed

from .api import (
    EevionAuthenticationError,
    EevionConnectionError,
    EevionError,
    EevionRateLimitError,
    EevionRefusedError,
)
from .const import DOMAIN, ERROR_NOT_PLUGGED_IN


@contextmanager
def command_errors(hass: HomeAssistant, entry: ConfigEntry, name: str) -> Iterator[None]:
    """Turn the client's errors into ones that say in words what to do; `name` is the station's."""
    try:
        yield
    except EevionAuthenticationError as err:
        entry.async_start_reauth(hass)
        raise failed("invalid_auth") from err
    except EevionRateLimitError as err:
        raise failed("rate_limited", seconds=f"{err.retry_after:.0f}") from err
    except EevionConnectionError as err:
        raise failed("command_lost", station=name) from err
    except EevionRefusedError as err:
        if err.code == ERROR_NOT_PLUGGED_IN:
            raise invalid("not_plugged_in", station=name) from err
        raise failed("refused", station=name, message=err.message) from err
    except EevionError as err:
        raise failed("bad_response", error=str(err)) from err


@contextmanager
def read_errors(hass: HomeAssistant, entry: ConfigEntry) -> Iterator[None]:
    """Do the same for questions that a person asks the cloud."""
    with command_errors(hass, entry, "-"):
        try:
            yield
        except EevionConnectionError as err:
            raise failed("cannot_connect", error=str(err)) from err
        except EevionRefusedError as err:
            raise failed("question_refused", message=err.message) from err


def poll_error(err: EevionError) -> ConfigEntryAuthFailed | UpdateFailed:
    """Return the error that says why there is nothing new."""
    if isinstance(err, EevionAuthenticationError):
        return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="invalid_auth")
    if isinstance(err, EevionRateLimitError):
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="rate_limited",
            translation_placeholders={"seconds": f"{err.retry_after:.0f}"},
            retry_after=err.retry_after,
        )
    is_lost = isinstance(err, EevionConnectionError)
    return UpdateFailed(
        translation_domain=DOMAIN,
        translation_key="cannot_connect" if is_lost else "bad_response",
        translation_placeholders={"error": str(err)},
    )


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Return the error for something that the cloud or a station did not do."""
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error for something that a person asked for and that cannot be."""
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )
