"""What stands behind a post for whoever decides it: its versions side by side, its author's record, what is like it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.journey import masking, similar
from gateway.runtime import Runtime
from gateway.web.differences import Piece, compare
from store import history, record
from store.posts import StaffPost


@dataclass(frozen=True, slots=True)
class Versions:
    """One post's words side by side: as they came, as they are masked, and as a person edited them, if one did; each
    but the first with its differences from the one before."""

    original: Sequence[Piece]
    masked: Sequence[Piece]
    edited: Sequence[Piece] | None


async def versions(runtime: Runtime, post: StaffPost) -> Versions | None:
    """A post's words side by side; None when there is only one version."""
    async with runtime.database.reading() as connection:
        original = (await history.originals(connection, runtime.vault, [post.id])).get(post.id, "")
        if not original:
            heard = await history.heard(connection, runtime.vault, [post.id])
            original = "\n".join(one.corrected or one.text for one in heard.values()).strip()
    masked = masking.mask_as_set(runtime.settings, original)
    if not original or original == masked == post.text:
        return None
    came, hidden = await asyncio.to_thread(compare, original, masked)
    edited = None if post.text == masked else (await asyncio.to_thread(compare, masked, post.text))[1]
    return Versions(came, hidden, edited)


async def behind(runtime: Runtime, post: StaffPost) -> dict[str, Any]:
    """What stands behind a post for whoever decides it: its versions, its author's record, what is like it."""
    async with runtime.database.reading() as connection:
        author = await record.of_author(connection, post.id)
    return {
        "post": post,
        "versions": await versions(runtime, post),
        "author": author,
        "similar": await similar.to(runtime, post.id, post.text, post.place.name, post.ticket),
    }
