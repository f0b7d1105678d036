"""Internal notes: what staff tell each other about a thread. Neither its author nor the public ever reads them."""

from gateway.errors import BadInput
from gateway.journey import folding
from gateway.runtime import Runtime
from store import audit, changes, notes
from store.database import Transaction

LONGEST = 4000


async def add(runtime: Runtime, reference: str, text: str, *, actor: str) -> str:
    """Put a note to a post, by id, or to the first of a ticket; gives the post's id. Raises `BadInput`, `NotFound`."""
    if len(text) > LONGEST:
        raise BadInput("this is too long", "text")
    cleaned = folding.clean(text, LONGEST)
    if not cleaned:
        raise BadInput("write a note", "text")

    async def work(transaction: Transaction) -> str:
        post = await changes.load(transaction.connection, reference)
        await notes.add(transaction, runtime.vault, post.id, actor, cleaned)
        await audit.note(transaction, actor, "note added", post.id)
        return post.id

    return await runtime.database.write(work)
