"""Every error raised on purpose, and its fate: what the asker is told, and with which HTTP status.

The message of an instance is for people and safe to show; anything secret stays out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class EverylineError(Exception):
    """The root of all deliberate errors."""

    status = 500
    title = "Internal error"


class BadInput(EverylineError):
    """Something in the request cannot be used; `field` names it when one is to blame."""

    status = 422
    title = "Unusable input"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class TooLarge(EverylineError):
    """The request is larger than what is taken; the message tells how large it may be."""

    status = 413
    title = "Too large"


class NotFound(EverylineError):
    """There is nothing here, or nothing this asker may know of."""

    status = 404
    title = "Not found"


class NotAllowed(EverylineError):
    """The asker is known and may not do this."""

    status = 403
    title = "Not allowed"


class NotLoggedIn(EverylineError):
    """The asker must say who they are first."""

    status = 401
    title = "Not logged in"


class Conflict(EverylineError):
    """The thing changed meanwhile, or its state does not allow the change asked for."""

    status = 409
    title = "Conflict"


class TooMany(EverylineError):
    """Too often, or too much waiting; the asker may come back after `retry_after` seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(TooMany):
    """The intake queue is full; nothing was kept and the sender should repeat."""

    status = 503
    title = "Busy"


class VaultError(EverylineError):
    """Something sealed cannot be opened: the wrong master key, a destroyed key, or damage."""

    title = "Cannot be unsealed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in the settings: where it stands and what to do about it."""

    where: str
    key: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.remedy}"


class SettingsError(EverylineError):
    """The settings cannot be used; all faults are told together."""

    title = "Settings"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class StoreInUse(EverylineError):
    """Another gateway serves the same database file."""


class SchemaMismatch(EverylineError):
    """The database is older or newer than this code."""


class WrongKey(EverylineError):
    """The database is sealed with another master key than this process has."""


class BadArchive(EverylineError):
    """A backup cannot be used: it is damaged, not whole, or of another kind."""


class StoreUnreachable(EverylineError):
    """The database cannot be opened; the message is the driver's."""
