"""What one line's deliveries say: each worded for itself, and what many followers are told alike worded once."""

import json
from collections import OrderedDict

from channels.base import Channel
from gateway.journey import rendering
from gateway.runtime import Runtime
from store import deliveries
from store.changes import Changing
from store.deliveries import Claimed

# How many texts that go to many are kept.
KEPT = 64


class Wording:
    """Words deliveries for one channel."""

    def __init__(self, runtime: Runtime, channel: Channel) -> None:
        self._runtime = runtime
        self._channel = channel
        self._alike: OrderedDict[tuple[str, int, str, str], str] = OrderedDict()

    def of(self, claimed: Claimed, post: Changing | None) -> str:
        """The text of a delivery. Raises `VaultError` when the key of its sealed values was destroyed."""
        if post is None or claimed.broadcast_id is None or claimed.values or claimed.sealed:
            return self._render(claimed, post)
        said = (post.id, post.version, claimed.phrase, claimed.language)
        if (text := self._alike.get(said)) is None:
            text = self._alike[said] = self._render(claimed, post)
            if len(self._alike) > KEPT:
                self._alike.popitem(last=False)
        return text

    def _render(self, claimed: Claimed, post: Changing | None) -> str:
        secrets = deliveries.open_secrets(self._runtime.vault, claimed)
        return rendering.render(
            self._runtime,
            self._channel,
            claimed.phrase,
            claimed.language,
            claimed.values,
            json.loads(secrets) if secrets else {},
            post,
        )
