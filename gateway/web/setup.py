"""The one-time link by which the first administrator is made."""

import secrets


class Setup:
    """Good until there is an administrator, in this process only: the token is never written down."""

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(24)

    def link(self, public_url: str) -> str:
        """The address to open."""
        return f"{public_url}/setup/{self._token}"

    def fits(self, token: str) -> bool:
        """Whether this is the token of the link."""
        return secrets.compare_digest(token.encode(), self._token.encode())
