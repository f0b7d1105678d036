"""Says something of a post to its author, on every line he has not muted."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from channels.base import Channel
from gateway import clock
from gateway.runtime import Runtime
from gateway.schema_outgoing import Audience, Priority, Say
from store import changes, deliveries, history
from store.changes import Changing, Reach
from store.database import Transaction
from store.vault import SealingKey


def settled_at(runtime: Runtime) -> datetime:
    """When what is decided now cannot be undone any more."""
    return clock.now() + timedelta(seconds=runtime.settings.broadcast.undo_seconds)


async def tell_author(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    say: Say,
    priority: Priority,
    *,
    waits: bool = False,
    asks: bool = False,
) -> None:
    """Say something to a thread's author where he spoke and on every other line he has not muted.

    A line that said STOP shows as undeliverable. What `waits` can still be undone, and leaves when it cannot any more.
    With `asks` the same message asks what he thinks of the answer, where he can write back.
    """
    if post.author_id is not None:
        reaches = await changes.reaches(transaction.connection, post.author_id)
        await tell_lines(runtime, transaction, post, reaches, say, priority, waits=waits, asks=asks)


async def tell_lines(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    reaches: Sequence[Reach],
    say: Say,
    priority: Priority,
    *,
    waits: bool = False,
    asks: bool = False,
) -> None:
    """Say something of a post on some lines of its author."""
    key = await history.key_of_post(transaction.connection, runtime.vault, post.thread_id) if say.secrets else None
    place = deliveries.secrets_place(post.id, say.phrase)
    sealed = runtime.vault.seal(json.dumps(say.secrets).encode(), place, key) if say.secrets else None
    rows = []
    for reach in reaches:
        if outlet := runtime.outlet(reach.scheme, post.channel):
            due_at = settled_at(runtime) if waits and not outlet.capabilities.recalls else clock.now()
            asked = replace(say, values={**say.values, "asks": True}) if asks and outlet.capabilities.receives else say
            rows.append(_to_author(outlet, reach, post, asked, priority, due_at, key, sealed))
    await deliveries.add(transaction, rows)


def _to_author(
    outlet: Channel,
    reach: Reach,
    post: Changing,
    say: Say,
    priority: Priority,
    due_at: datetime,
    key: SealingKey | None,
    sealed: bytes | None,
) -> dict[str, object]:
    return deliveries.row(
        channel=outlet.name,
        kind=outlet.capabilities.delivery,
        audience=Audience.AUTHOR,
        priority=priority,
        phrase=say.phrase,
        values=say.values,
        language=reach.language or post.thread_language,
        at=clock.now(),
        due_at=due_at,
        address_id=reach.id,
        post_id=post.id,
        key=key,
        sealed=sealed,
    )
