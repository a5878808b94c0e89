"""What a person is told when a poll or a command fails."""

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
    """The cloud answered with no site at all."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The cloud answered with no sites")


@contextmanager
def command_errors(name: str) -> Iterator[None]:
    """Turn the client's errors into ones that say in words what to do; `name` is the station's."""
    try:
        yield
    except EevionError as err:
        raise command_error(name, err) from err


def command_error(name: str, err: EevionError) -> HomeAssistantError:
    """Return the error that says in words what to do; `name` is that of one station or more."""
    match err:
        case EevionAuthenticationError():
            # The account tries the key again before it asks for another one.
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
    """Return one error for all stations, by name, that did not take a command.

    `translate` is given the names of the stations that failed alike, and why.
    """
    alike: dict[tuple[type[Exception], str], list[str]] = {}
    causes: dict[tuple[type[Exception], str], EevionError | HomeAssistantError] = {}
    for name, cause in failures.items():
        key = (type(cause), str(cause))
        causes.setdefault(key, cause)
        alike.setdefault(key, []).append(name)
    return combined(
        [
            translate(", ".join(alike[key]), cause) if isinstance(cause, EevionError) else cause
            for key, cause in causes.items()
        ]
    )


def combined(errors: Sequence[HomeAssistantError]) -> HomeAssistantError:
    """Return one error that says all that went wrong in one call."""
    if len(errors) == 1:
        return errors[0]
    texts = "; ".join(str(error) for error in errors)
    is_mistake = all(isinstance(error, ServiceValidationError) for error in errors)
    if is_mistake:
        return invalid("several_failed", errors=texts)
    return failed("several_failed", errors=texts)


@contextmanager
def read_errors() -> Iterator[None]:
    """Do the same for questions that a person asks the cloud."""
    with command_errors("-"):
        try:
            yield
        except EevionConnectionError as err:
            raise failed("cannot_connect", error=str(err)) from err
        except EevionRefusedError as err:
            raise failed("question_refused", message=err.message) from err


def poll_error(err: EevionError) -> UpdateFailed:
    """Return the error that says why nothing could be fetched for long."""
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
    """Return the error for something that the cloud or a station did not do."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=_bounded(placeholders),
    )


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error for something that a person asked for and that cannot be."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=_bounded(placeholders),
    )


def valid_text(text: str, *, longest: int = MAX_MESSAGE) -> str:
    """Return a text that a person entered, which no request can hold in every case.

    Raises ServiceValidationError where it is too long or no valid Unicode, as a half emoji.
    """
    if len(text) > longest:
        raise invalid("message_too_long", length=str(len(text)), longest=str(longest))
    try:
        text.encode()
    except UnicodeEncodeError as err:
        raise invalid("text_unusable", text=text) from err
    return text


def _bounded(placeholders: Mapping[str, str]) -> dict[str, str]:
    """Return texts, of the cloud or of people, each on one line of limited length."""
    return {key: parse.prose(value) or "-" for key, value in placeholders.items()}
