"""Words the letters of a mailbox: what the citizen said as he typed it, what we said in his language and as it is now.

A correction is so seen in what was told before it, and what was withdrawn is gone from there too.
"""

import json
from collections.abc import Sequence
from typing import Any

import structlog

from channels.handed import Letter, LetterFile
from gateway.errors import VaultError
from gateway.journey import rendering
from gateway.runtime import Runtime
from gateway.schema import State
from gateway.schema_incoming import Outcome
from store import changes, deliveries, history, mailbox
from store.changes import Changing
from store.incoming import payload_place
from store.mailbox import Kept, Spoken

# What shows a post's own words, and what is said instead once the post is gone.
QUOTES = ("answered", "answered_joined", "follower_published", "follower_corrected", "follower_answered")
GONE = "follower_withdrawn"

log = structlog.get_logger()


async def worded(
    runtime: Runtime, connection: Any, channel: str, spoken: Sequence[Spoken], told: Sequence[Kept]
) -> list[Letter]:
    """Both sides of a conversation in their order. What cannot be opened any more is left out."""
    posts = await changes.load_many(connection, {one.post_id for one in told if one.post_id})
    said_in = [one.post_id for one in spoken if one.post_id and _is_post(one)]
    typed = {one.id: _as_typed(runtime, one) for one in spoken if one.channel == channel}
    elsewhere = [one.post_id for one in spoken if one.post_id in said_in and typed.get(one.id) is None]
    words = await history.originals(connection, runtime.vault, elsewhere) if elsewhere else {}
    files = await mailbox.files(connection, said_in)
    own = [
        _own(one, typed.get(one.id) or words.get(one.post_id or "", ""), files.get(one.post_id or "", ()))
        for one in spoken
    ]
    ours = [_ours(runtime, one, posts.get(one.post_id or "")) for one in told]
    return sorted((letter for letter in (*own, *ours) if letter), key=lambda letter: letter.number)


def _own(one: Spoken, text: str, files: Sequence[tuple[str, str]]) -> Letter | None:
    if not text and not files:
        return None
    return Letter(
        number=one.position.number,
        own=True,
        at=one.at,
        text=text,
        channel=one.channel,
        external_id=one.external_id,
        ticket=one.answer.get("ticket") if _is_post(one) else None,
        files=tuple(LetterFile(media_id, kind) for media_id, kind in files),
    )


def _as_typed(runtime: Runtime, one: Spoken) -> str | None:
    """The payload of a medium that conversed is what was typed; None once it is forgotten."""
    if not one.sealed or not one.wrapped:
        return None
    key = runtime.vault.unwrap(one.key_id, one.wrapped)
    payload = json.loads(runtime.vault.open(one.sealed, payload_place(one.id), key))
    return str(payload.get("raw", ""))


def _ours(runtime: Runtime, kept: Kept, post: Changing | None) -> Letter | None:
    one = kept.delivery
    gone = post is not None and post.state is not State.PUBLISHED and one.phrase in QUOTES
    channel = runtime.channels.get(one.channel)
    if channel is None:
        return None
    try:
        sealed = deliveries.open_secrets(runtime.vault, one)
        secrets = json.loads(sealed) if sealed else {}
        phrase = GONE if gone else one.phrase
        text = rendering.render(runtime, channel, phrase, one.language, one.values, secrets, post)
    except (VaultError, KeyError) as error:
        # Its key was destroyed, or the city took its phrase away: the rest of the mailbox stays readable.
        log.warning(
            "a message cannot be worded", action="mailbox.unworded", delivery=one.id, error=type(error).__name__
        )
        return None
    return Letter(
        number=kept.position.number,
        own=False,
        at=one.created_at,
        text=text,
        channel=one.channel,
        language=one.language,
        ticket=one.values.get("ticket") or (post.ticket if post else None),
        asks=bool(one.values.get("asks")) and not gone,
    )


def _is_post(one: Spoken) -> bool:
    return one.answer.get("outcome") in (Outcome.POST, Outcome.FOLLOW_UP)
