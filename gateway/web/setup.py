"""The one-time link by which the first administrator is made."""

import secrets

from store.vault import Vault


class Setup:
    """Good until there is an administrator, at every process with the same master key: the token is kept nowhere."""

    def __init__(self, vault: Vault) -> None:
        self._token = vault.lookup("setup")

    def link(self, public_url: str) -> str:
        """The address to open."""
        return f"{public_url}/setup/{self._token}"

    def fits(self, token: str) -> bool:
        """Whether this is the token of the link."""
        return secrets.compare_digest(token.encode(), self._token.encode())
