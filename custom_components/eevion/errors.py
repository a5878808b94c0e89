"""Translated exceptions for failed polls, commands and actions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .api import (
    EevionAuthenticationError,
    EevionConnectionError,
    EevionError,
    EevionRateLimitError,
    EevionRefusedError,
    parse,
)
from .const import DOMAIN, ERROR_NOT_PLUGGED_IN, MAX_MESSAGE


class NoStationsError(EevionError):
    """The cloud answered without a site."""

    def __init__(self) -> None:
        """Set the text."""
        super().__init__("The cloud answered with no sites")


@contextmanager
def command_errors(name: str) -> Iterator[None]:
    """Raise the client's exceptions as translated ones; `name` is the station's."""
    try:
        yield
    except EevionError as err:
        raise command_error(name, err) from err


def command_error(name: str, err: EevionError) -> HomeAssistantError:
    """Return the translated exception for a failed command; `name` is of one station or more."""
    match err:
        case EevionAuthenticationError():
            # The key is checked once more before Home Assistant requests another one.
            return failed("invalid_auth")
        case EevionRateLimitError():
            return failed("rate_limited", seconds=f"{err.retry_after:.0f}")
        case EevionConnectionError():
            return failed("command_lost", station=name)
        case EevionRefusedError(code=code) if code == ERROR_NOT_PLUGGED_IN:
            return invalid("not_plugged_in", station=name)
        case EevionRefusedError():
            return failed("refused", station=name, message=err.message)
        case _:
            return failed("bad_response", error=str(err))


def stations_error(
    failures: Mapping[str, EevionError | HomeAssistantError],
    translate: Callable[[str, EevionError], HomeAssistantError],
) -> HomeAssistantError:
    """Return one exception for all stations whose command failed, by name.

    `translate` is called with the names of the stations that have the same cause, and the cause.
    """
    names: dict[tuple[type[Exception], str], list[str]] = {}
    causes: dict[tuple[type[Exception], str], EevionError | HomeAssistantError] = {}
    for name, cause in failures.items():
        key = (type(cause), reason_of(cause))
        causes.setdefault(key, cause)
        names.setdefault(key, []).append(name)
    return combined(
        [
            translate(", ".join(names[key]), cause) if isinstance(cause, EevionError) else cause
            for key, cause in causes.items()
        ]
    )


def combined(errors: Sequence[HomeAssistantError]) -> HomeAssistantError:
    """Return one exception for all failures of a call."""
    if len(errors) == 1:
        return errors[0]
    texts = "; ".join(str(error) for error in errors)
    is_mistake = all(isinstance(error, ServiceValidationError) for error in errors)
    if is_mistake:
        return invalid("several_failed", errors=texts)
    return failed("several_failed", errors=texts)


@contextmanager
def read_errors() -> Iterator[None]:
    """Raise the client's exceptions as translated ones, for actions that read the cloud."""
    with command_errors("-"):
        try:
            yield
        except EevionConnectionError as err:
            raise failed("cannot_connect", error=str(err)) from err
        except EevionRefusedError as err:
            raise failed("question_refused", message=err.message) from err


def reason_of(err: Exception) -> str:
    """Return the text of an exception for a person; a refusal has that of the cloud."""
    return err.message if isinstance(err, EevionRefusedError) else str(err)


def loggable(err: BaseException) -> BaseException:
    """Return the exception to log in place of one for a person, which has the cloud's text."""
    return err.__cause__ if isinstance(err.__cause__, EevionError) else err


def poll_error(err: EevionError) -> UpdateFailed:
    """Return the exception for polls that have failed for long."""
    if isinstance(err, EevionAuthenticationError):
        return UpdateFailed(translation_domain=DOMAIN, translation_key="invalid_auth")
    if isinstance(err, EevionRateLimitError):
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="rate_limited",
            translation_placeholders={"seconds": f"{err.retry_after:.0f}"},
            retry_after=err.retry_after,
        )
    if isinstance(err, NoStationsError):
        return UpdateFailed(translation_domain=DOMAIN, translation_key="no_stations")
    is_lost = isinstance(err, EevionConnectionError)
    return UpdateFailed(
        translation_domain=DOMAIN,
        translation_key="cannot_connect" if is_lost else "bad_response",
        translation_placeholders={"error": parse.prose(str(err)) or "-"},
    )


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Return the exception for a failure of the cloud or a station, by translation key."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=_bounded(placeholders),
    )


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the exception for an invalid input, by translation key."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=_bounded(placeholders),
    )


def valid_text(text: str, *, longest: int = MAX_MESSAGE) -> str:
    """Return a text that a person entered.

    Raises ServiceValidationError if it has more than `longest` characters, or is not valid
    Unicode, as half an emoji.
    """
    if len(text) > longest:
        raise invalid("message_too_long", length=str(len(text)), longest=str(longest))
    try:
        text.encode()
    except UnicodeEncodeError as err:
        raise invalid("text_unusable", text=text) from err
    return text


def _bounded(placeholders: Mapping[str, str]) -> dict[str, str]:
    """Return placeholders, each on one line of limited length."""
    return {key: parse.prose(value) or "-" for key, value in placeholders.items()}
