"""Which photos of a post the public sees: staff may take a single one away and put it back, and that is in its history.

Recordings are never shown: a voice tells who spoke.
"""

from gateway import clock
from gateway.errors import Conflict
from gateway.journey import filetypes
from gateway.runtime import Runtime
from gateway.schema import MediaState, State
from store import changes, events, history, media
from store.database import Transaction


async def show(runtime: Runtime, media_id: str, public: bool, *, actor: str) -> None:
    """Take a photo from the public or put it back. Raises `NotFound`, and `Conflict` for what is no stored photo."""

    async def work(transaction: Transaction) -> None:
        file = await media.find(transaction.connection, media_id)
        if file.state is not MediaState.STORED or not filetypes.is_photo(file.type):
            raise Conflict("only photos can be shown to the public")
        if file.public is public:
            return
        await media.change(transaction, media_id, public=public)
        await history.add(transaction, history.entry(file.post_id, actor, "photo_shown" if public else "photo_hidden"))
        await announce(transaction, file.post_id)

    await runtime.database.write(work)


async def try_again(runtime: Runtime, media_id: str, *, actor: str) -> None:
    """Bring a file once more that could not be used, when what was in its way is mended. Raises as `show`."""

    async def work(transaction: Transaction) -> None:
        file = await media.find(transaction.connection, media_id)
        if not await media.again(transaction, media_id, clock.now()):
            raise Conflict("this file did not fail")
        await history.add(transaction, history.entry(file.post_id, actor, "file_again"))

    await runtime.database.write(work)


async def announce(transaction: Transaction, post_id: str) -> None:
    """Have open pages draw a post anew whose photos changed, if the public sees it."""
    post = await changes.load(transaction.connection, post_id)
    if post.state is State.PUBLISHED and post.thread_state is State.PUBLISHED and not post.private:
        await events.add(transaction, events.Happening.UPDATE, post.thread_id)
