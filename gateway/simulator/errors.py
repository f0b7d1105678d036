"""Errors of the carrier's REST API, in the JSON that Twilio gives.

https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions
"""

from typing import Any

from gateway.errors import EverylineError


class ApiError(EverylineError):
    """The carrier refuses a call; `code` is from https://www.twilio.com/docs/api/errors."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status

    def describe(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def not_found(path: str) -> ApiError:
    """There is no such resource."""
    return ApiError(20404, f"The requested resource {path} was not found", status=404)
