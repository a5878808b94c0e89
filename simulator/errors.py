"""Refusals."""

from http import HTTPStatus

NOT_ALLOWED = "That station is not allowed"


class ControlError(ValueError):
    """A control action is impossible."""


class ApiError(Exception):
    """The cloud refuses a request."""

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        error: str = "invalidRequest",
    ) -> None:
        """Refuse with a message, in the form of the documentation."""
        super().__init__(message)
        self.status = int(status)
        self.payload: dict[str, object] = {
            "result": "error",
            "error": error,
            "message": message,
        }


class StartRefusedError(ApiError):
    """``POST /session`` does not start a session."""

    def __init__(self, code: int, description: str, port_id: str) -> None:
        """Refuse with a code; only 707 is documented."""
        super().__init__("Could not start the session")
        self.payload = {
            "error": "invalidRequest",
            "message": "Could not start the session",
            "details": {
                "code": code,
                "errorDescription": description,
                "portId": port_id,
            },
        }
