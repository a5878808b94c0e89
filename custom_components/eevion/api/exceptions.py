"""The exceptions of the client."""


class EevionError(Exception):
    """Base of all exceptions that the client raises."""


class EevionConnectionError(EevionError):
    """The cloud could not be reached, or the connection broke or timed out.

    A command may have been executed all the same.
    """


class EevionAuthenticationError(EevionError):
    """The cloud does not accept the API key (HTTP 401)."""


class EevionRateLimitError(EevionError):
    """No request is left for the key (HTTP 429, or the local budget is used up)."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        """Set the seconds after which a request can be sent again."""
        super().__init__(message)
        self.retry_after = retry_after


class EevionResponseError(EevionError):
    """The answer is not a documented one: HTTP 403 or 5xx, HTML, invalid JSON."""


class EevionRefusedError(EevionError):
    """The cloud refused the request (HTTP 4xx with a JSON error).

    `code` is `details.code` of the answer, as 707 for a start without a car, or None;
    `message` is the cloud's text, in the language of the cloud's choice. It may name people and
    places, so the text of the exception, which goes to logs, is without it.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        """Set the cloud's text and code."""
        super().__init__("The cloud refused the request" + (f" ({code})" if code else ""))
        self.message = message
        self.code = code


class EevionNotFoundError(EevionRefusedError):
    """The session, station or site does not exist, or the key may not see it.

    Raised for the documented refusal only (`invalidRequest`, "… is not allowed"). It is weak
    evidence all the same: a later list that contains the object outweighs it.
    """
