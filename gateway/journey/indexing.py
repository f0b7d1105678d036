"""What staff's search finds: the masked words of all that was said, in any state, taken into its index a moment later.

What came as it was written is sealed, and cannot be found. An index of words costs more than the row they stand in;
so nobody who speaks to the city waits for it, and while many speak it waits for them.
"""

import asyncio

from gateway.journey import likening, rounds, tokens
from gateway.runtime import Runtime
from store import search
from store.database import Transaction

AT_ONCE = 40
# Seconds to leave to others before the next some, when they wait for the store.
GIVE_WAY = 0.25


async def run(runtime: Runtime) -> None:
    """Index whatever is new or was changed, until cancelled."""
    await rounds.keep_doing(
        runtime, "unindexed", some, action="search.index", stumbled="staff's search could not take in what is new"
    )


async def some(runtime: Runtime) -> bool:
    """Take some in; whether there were any."""
    if runtime.database.waiting:
        await asyncio.sleep(GIVE_WAY)

    async def work(transaction: Transaction) -> tuple[int, list[str]]:
        taken = await search.take_unindexed(transaction, AT_ONCE)
        ids = [post.post_id for post in taken]
        if not taken:
            return 0, []
        await search.drop(transaction, search.STAFF, ids)
        rows = [(post.post_id, post.created_at, tokens.of_texts(post.texts)) for post in taken if post.texts]
        await search.put_all(transaction, search.STAFF, rows)
        return len(taken), await likening.mark(transaction, ids)

    number, undecided = await runtime.database.write_patiently(work)
    if undecided:
        await likening.compare(runtime, undecided)
    return number > 0
