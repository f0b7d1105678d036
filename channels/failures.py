"""How a sending can fail. A channel classifies what its carrier said; `journey.delivery` alone decides what follows."""


class Failure(Exception):
    """The root. `code` is the carrier's own code, `detail` its words; neither may hold an address or a secret."""

    def __init__(self, detail: str = "", code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class Throttled(Failure):
    """The carrier asks for patience: nothing was taken, and the whole line should slow down."""

    def __init__(self, detail: str = "", code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail, code)
        self.retry_after = retry_after


class RetryLater(Failure):
    """Surely not taken, and likely to pass: a refused connection, a 5xx answer."""


class Unknown(Failure):
    """The request may have reached the carrier and no answer came. Never simply repeated: see `Channel.settle`."""


class Refused(Failure):
    """The carrier will not take this message, now or later."""


class RecipientGone(Refused):
    """The address no longer exists or cannot be reached by this medium."""


class OptedOut(Refused):
    """The carrier holds the recipient's STOP."""


class WindowClosed(Refused):
    """The medium only allows replies for a time after the citizen spoke, and that time is over."""


class Misconfigured(Failure):
    """Our own settings or credentials are wrong: nothing on this line can leave until a person acts."""
