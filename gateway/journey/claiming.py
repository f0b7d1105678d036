"""Moderators see who looks at what: an open post is its first opener's for a while, and longer while it stays open.

A claim locks nothing. It is shown to the others, and whoever decides what somebody else holds is asked first.
"""

from collections.abc import Sequence
from datetime import timedelta

from gateway import clock
from gateway.errors import Conflict
from gateway.runtime import Runtime
from store import changes, claims
from store.database import Transaction


class Held(Conflict):
    """Somebody else has this post open."""

    title = "Held by somebody else"

    def __init__(self, holder: str) -> None:
        super().__init__("somebody else is deciding this just now")
        self.holder = holder


async def open_post(runtime: Runtime, post_id: str, account: str) -> Sequence[str]:
    """Note that somebody has a post open, now or still; gives who all have, the holder first. Raises `NotFound`."""
    at = clock.now()
    until = at + timedelta(seconds=runtime.settings.moderation.claim_seconds)

    async def work(transaction: Transaction) -> Sequence[str]:
        await changes.load(transaction.connection, post_id)
        await claims.open_post(transaction, post_id, account, at, until)
        return (await claims.at_work(transaction.connection, [post_id], at))[post_id]

    return await runtime.database.write(work)


async def leave(runtime: Runtime, post_id: str, account: str) -> None:
    """Note that somebody closed a post."""
    await runtime.database.write(lambda transaction: claims.leave(transaction, post_id, account))


async def spare(transaction: Transaction, post_id: str, account: str) -> None:
    """Raise `Held` when somebody else holds a post."""
    at_work = (await claims.at_work(transaction.connection, [post_id], clock.now())).get(post_id, [account])
    if at_work[0] != account:
        raise Held(at_work[0])
