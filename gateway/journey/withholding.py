"""What is public of a category is kept from the public after all, by who says so, and shown again.

A category that becomes sensitive holds for what is published from then on. What everybody could read already stays
readable until somebody withdraws it here: each post by itself, as one that is put into a sensitive category.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from gateway.journey import broadcasting, finding, moderation, organisation
from gateway.runtime import Runtime
from gateway.schema import State
from store import changes, events, history
from store.broadcasts import Told
from store.database import Transaction

WITHHELD, SHOWN_AGAIN = "withheld", "shown_again"
# As many posts as are looked for and changed at a time; others write in between.
CHUNK = 100
# More than a city withdraws at once.
MOST = 100_000


async def withhold(runtime: Runtime, category: str, decision_id: str, *, actor: str) -> int:
    """Withdraw what is public of a sensitive category and of those below it; gives how many posts.

    Whoever heard of one is told, and so is its author. What breaks off leaves the rest public, to be withdrawn again.
    """
    number, cursor = 0, None
    change = partial(_withhold, runtime, decision_id, actor)
    while True:
        found, cursor = await finding.filed(runtime, limit=CHUNK, cursor=cursor, category=category)
        number += await _each(runtime, change, [post.id for post in found])
        if cursor is None:
            return number


async def show_again(runtime: Runtime, decision_id: str, *, actor: str) -> int:
    """Publish again what a decision withdrew, but for what something else was done to since; gives how many posts."""
    async with runtime.database.reading() as connection:
        decided = await history.of_decision(connection, decision_id, MOST)
    change = partial(_show, runtime, decision_id, actor)
    chunks = (decided[start : start + CHUNK] for start in range(0, len(decided), CHUNK))
    return sum([await _each(runtime, change, post_ids) for post_ids in chunks])


async def _each(
    runtime: Runtime, change: Callable[[Transaction, str], Awaitable[bool]], post_ids: Sequence[str]
) -> int:
    """Change some posts, each by itself, in as few commits as the writer makes of them."""

    async def one(post_id: str) -> bool:
        return await runtime.database.write(lambda transaction: change(transaction, post_id))

    return sum(await asyncio.gather(*(one(post_id) for post_id in post_ids)))


async def _withhold(runtime: Runtime, decision_id: str, actor: str, transaction: Transaction, post_id: str) -> bool:
    post = await changes.load(transaction.connection, post_id, hold=True)
    public = post.state is State.PUBLISHED and not post.private
    if not public or not organisation.is_sensitive(runtime.settings, post.category):
        return False
    entry = history.entry(post.id, actor, WITHHELD, reason=post.category, decision_id=decision_id)
    await history.add(transaction, entry)
    await changes.apply(transaction, post.id)
    await changes.keep_private(transaction, post.thread_id, True)
    await moderation.hide(runtime, transaction, post, actor=actor)
    return True


async def _show(runtime: Runtime, decision_id: str, actor: str, transaction: Transaction, post_id: str) -> bool:
    post = await changes.load(transaction.connection, post_id, hold=True)
    last = await history.last(transaction.connection, post.id)
    untouched = last is not None and last.action == WITHHELD and last.decision == decision_id
    if not untouched or post.state is not State.PUBLISHED or post.asked_private:
        return False
    await history.add(transaction, history.entry(post.id, actor, SHOWN_AGAIN, reason=post.category))
    await changes.apply(transaction, post.id)
    await changes.keep_private(transaction, post.thread_id, False)
    shown = replace(post, private=False)
    await moderation.announce(runtime, transaction, shown, events.Happening.POST)
    await broadcasting.start(runtime, transaction, shown, Told.PUBLISHED)
    return True
