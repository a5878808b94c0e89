"""What can go wrong between this program and the Eevion cloud."""


class EevionError(Exception):
    """Base of every error this client raises."""


class EevionConnectionError(EevionError):
    """The cloud could not be reached, or the connection broke or timed out.

    After a command it is not known whether the cloud took it.
    """


class EevionAuthenticationError(EevionError):
    """The cloud does not accept the API key (HTTP 401)."""


class EevionRateLimitError(EevionError):
    """The key's requests are used up (HTTP 429, or the local budget said so)."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        """Note after how many seconds another try makes sense."""
        super().__init__(message)
        self.retry_after = retry_after


class EevionResponseError(EevionError):
    """The cloud answered with something else than documented: 403, 5xx, HTML, broken JSON."""


class EevionRefusedError(EevionError):
    """The cloud understood the request and refused it (HTTP 4xx with a JSON error).

    `code` is `details.code` of the answer where there is one, as 707 for a start
    without a car; `message` is the cloud's own text in whatever language it chose.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        """Note the cloud's text and code."""
        super().__init__(message)
        self.message = message
        self.code = code


class EevionNotFoundError(EevionRefusedError):
    """The session, station or site is unknown to the cloud or not the key's.

    Only the documented refusal counts (`invalidRequest`, "… is not allowed"). It is weak
    evidence all the same: any later list that names the thing outweighs it.
    """
