"""Which photos of a post the public sees: staff may take a single one away and put it back, and that is in its history.

Recordings are never shown: a voice tells who spoke. One may be heard on the radio when its author agreed and staff
allow it; both can be taken back.
"""

from typing import Any

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


async def air(runtime: Runtime, media_id: str, allowed: bool, *, actor: str) -> None:
    """Let a recording be heard on the radio whose author agreed to it, or no more. Raises `NotFound`, `Conflict`."""

    async def work(transaction: Transaction) -> None:
        file = await media.find(transaction.connection, media_id)
        post = await changes.load(transaction.connection, file.post_id, hold=True)
        if file.state is not MediaState.STORED or not file.type.startswith("audio/"):
            raise Conflict("only recordings can be heard on the radio")
        if allowed and not post.own_voice:
            raise Conflict("its author did not agree to be heard on the radio")
        await media.change(transaction, media_id, on_air=allowed)
        await history.add(transaction, history.entry(post.id, actor, "voice_allowed" if allowed else "voice_forbidden"))
        await _say_anew(transaction, post.id)

    await runtime.database.write(work)


async def agree_voice(runtime: Runtime, post_id: str, *, actor: str) -> None:
    """Note that an author agrees to be heard on the radio, who was asked once his post was kept. Raises `NotFound`."""

    async def work(transaction: Transaction) -> None:
        post = await changes.load(transaction.connection, post_id, hold=True)
        if not post.own_voice:
            await history.add(transaction, history.entry(post.id, actor, "voice_agreed"))
            await _say_anew(transaction, post.id, own_voice=True)

    await runtime.database.write(work)


async def take_back_voice(runtime: Runtime, post_id: str, *, actor: str) -> None:
    """Note that an author does not agree any more to be heard on the radio. Raises `NotFound`."""

    async def work(transaction: Transaction) -> None:
        post = await changes.load(transaction.connection, post_id, hold=True)
        if post.own_voice:
            await history.add(transaction, history.entry(post.id, actor, "voice_taken_back"))
            await _say_anew(transaction, post.id, own_voice=False)

    await runtime.database.write(work)


async def _say_anew(transaction: Transaction, post_id: str, **values: Any) -> None:
    """Change a post so that bulletins with it are spoken anew: they name the version they said."""
    await changes.apply(transaction, post_id, **values)
    transaction.wake("bulletins")


async def announce(transaction: Transaction, post_id: str) -> None:
    """Have open pages draw a post anew whose photos changed, if the public sees it."""
    post = await changes.load(transaction.connection, post_id)
    if post.state is State.PUBLISHED and post.thread_state is State.PUBLISHED and not post.private:
        await events.add(transaction, events.Happening.UPDATE, post.thread_id)
