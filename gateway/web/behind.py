"""What stands behind a post for whoever decides it: its versions side by side, its author's record, what is like it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.journey import masking, similar
from gateway.journey.commands import UNDECIDED
from gateway.runtime import Runtime
from gateway.schema import CITIZEN_KINDS, State
from gateway.schema_cases import OPEN_PROGRESS
from gateway.web.differences import Piece, compare
from store import history, record
from store.posts_for_staff import StaffPost


@dataclass(frozen=True, slots=True)
class Versions:
    """One post's words side by side: as they came, as they are masked, and as a person edited them, if one did; each
    but the first with its differences from the one before."""

    original: Sequence[Piece]
    masked: Sequence[Piece]
    edited: Sequence[Piece] | None


def joinable(post: StaffPost) -> bool:
    """Whether a post may be joined to a public report: nobody decided it, or its answer is still owed."""
    owed = post.state is State.PUBLISHED and post.progress in OPEN_PROGRESS
    return post.kind in CITIZEN_KINDS and post.parent is None and (owed or post.state in UNDECIDED)


async def versions(runtime: Runtime, found: Sequence[StaffPost]) -> Mapping[str, Versions]:
    """The words of posts side by side, by post; those of which there is only one version are left out."""
    async with runtime.database.reading() as connection:
        originals = await history.originals(connection, runtime.vault, [post.id for post in found])
        wordless = [post.id for post in found if not originals.get(post.id)]
        heard = await history.heard(connection, runtime.vault, wordless)
    compared = {}
    for post in found:
        said = (heard[file.id] for file in post.media if file.id in heard)
        original = originals.get(post.id) or "\n".join(one.corrected or one.text for one in said).strip()
        if two := await _compared(runtime, post, original):
            compared[post.id] = two
    return compared


async def _compared(runtime: Runtime, post: StaffPost, original: str) -> Versions | None:
    masked = masking.mask_as_set(runtime.settings, original)
    if not original or original == masked == post.text:
        return None
    came, hidden = await asyncio.to_thread(compare, original, masked)
    edited = None if post.text == masked else (await asyncio.to_thread(compare, masked, post.text))[1]
    return Versions(came, hidden, edited)


async def behind(runtime: Runtime, post: StaffPost) -> dict[str, Any]:
    """What stands behind a post for whoever decides it: its author's record, and what is like it."""
    async with runtime.database.reading() as connection:
        author = await record.of_author(connection, post.id)
    return {
        "post": post,
        "author": author,
        "joinable": joinable(post),
        "similar": await similar.to(runtime, similar.said(post)),
    }
