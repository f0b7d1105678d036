"""Everything about a person as one document for himself: lines, posts with his own words, what was said to him.

Left out is what is not his: who of the staff decided and what they noted for each other (a note that was told to him
with a decision is there), the word that a rule of the filter found, and other citizens' names. A code that was sent is
starred: it may still open something. Rows a crash or a broken key made unreadable are there without their words.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway import clock
from gateway.errors import VaultError
from gateway.journey import rendering
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_outgoing import Audience
from gateway.schema_public import moment
from store import campaigns, changes, citizens, deliveries, history, marks, mine, together
from store.changes import Changing
from store.history import Entry
from store.mine import Message, OwnPost

PIECE = 200
# Decisions whose note is told to the author; what staff note beside others is theirs.
TOLD = (Action.HOLD, Action.REJECT, Action.WITHDRAW)
# A carrier's or form's own bytes above this are files, which are linked, beside words that stand there already.
LONGEST_RAW = 20_000
ACTORS = ("author", "rule")
LEFT_OUT = "names of staff and their notes to each other, filter words, other citizens, codes"


@dataclass(frozen=True, slots=True)
class Opened:
    """What is sealed of some posts, in the clear for their author: his words, what was written down, what happened."""

    originals: Mapping[str, str]
    transcripts: Mapping[str, str]
    entries: Mapping[str, Sequence[Entry]]


async def gather(runtime: Runtime, person: str) -> dict[str, Any]:
    """The document, as JSON would have it; read in one consistent state."""
    async with runtime.database.reading() as connection:
        lines = await citizens.lines(connection, runtime.vault, person)
        ids = [line.id for line in lines]
        names = {line.id: line.urn for line in lines}
        messages = await mine.messages(connection, ids, runtime.vault)
        told = await _told(connection, messages)
        return {
            "made_at": moment(clock.now()),
            "made_by": runtime.settings.public_url,
            "left_out": LEFT_OUT,
            "name": await citizens.name_of(connection, person),
            "lines": [_line(line) for line in lines],
            "posts": await _posts(runtime, connection, person),
            "messages": [
                {"line": names[one.address_id], **_message(runtime, one, told.get(one.post_id or ""))}
                for one in messages
            ],
            "marks": [
                {"thread": one.thread_id, "mark": one.mark, "solved": one.solved, "at": moment(one.at)}
                for one in await marks.of_person(connection, person)
            ],
            "also_reported": [
                {"thread": ticket, "at": moment(at)} for ticket, at in await together.also_reported(connection, person)
            ],
            "phrases": [{**one, "at": moment(one["at"])} for one in await campaigns.taken_part(connection, person)],
            "follows": [
                {"line": names[one.address_id], "topic": one.topic, "since": moment(one.created_at)}
                for one in await citizens.follows(connection, person)
            ],
            "received": [
                {
                    "line": names[one.address_id],
                    "post": one.post_id,
                    "channel": one.channel,
                    "at": moment(one.received_at),
                    "kept": {name: value for name, value in one.kept.items() if len(value) <= LONGEST_RAW},
                }
                for one in await mine.arrivals(connection, ids, runtime.vault)
            ],
        }


async def _posts(runtime: Runtime, connection: Any, person: str) -> list[dict[str, Any]]:
    """All posts, newest first, read piece by piece."""
    cursor, found = None, []
    while True:
        written, cursor = await mine.written(connection, person, limit=PIECE, cursor=cursor)
        under = await mine.replies(connection, person, [post.thread_id for post in written if post.first])
        own = [post.id for post in (*written, *(one for posts in under.values() for one in posts)) if post.own]
        opened = Opened(
            await history.originals(connection, runtime.vault, own),
            await history.transcripts(connection, runtime.vault, own),
            await history.of_thread(connection, runtime.vault, own),
        )
        for post in written:
            below = [_reply(runtime, one, opened) for one in under.get(post.thread_id, ())] if post.first else []
            found.append({**_post(runtime, post, opened), "under_it": below})
        if cursor is None:
            return found


async def _told(connection: Any, messages: Sequence[Message]) -> Mapping[str, Changing]:
    """The posts that messages to their author speak of, read piece by piece."""
    to_author = [one.post_id for one in messages if one.audience is Audience.AUTHOR and one.post_id]
    ids = list(dict.fromkeys(to_author))
    found: dict[str, Changing] = {}
    for start in range(0, len(ids), PIECE):
        found |= await changes.load_many(connection, ids[start : start + PIECE])
    return found


def _line(line: citizens.Line) -> dict[str, Any]:
    moments = {"proved_at": line.proved_at, "stopped_at": line.stopped_at, "muted_at": line.muted_at}
    return {
        "address": line.urn,
        "language": line.language,
        "language_chosen": line.chosen,
        "since": moment(line.created_at),
        **{name: moment(at) if at else None for name, at in moments.items()},
    }


def _post(runtime: Runtime, post: OwnPost, opened: Opened) -> dict[str, Any]:
    return {
        "id": post.id,
        "ticket": post.ticket,
        "kind": post.kind,
        "state": post.state,
        "private": post.private,
        "own_voice": post.own_voice,
        "words": opened.originals.get(post.id),
        "shown_words": post.text,
        "channel": post.channel,
        "language": post.language,
        "category": post.category,
        "department": post.department,
        "progress": post.progress,
        "place": {"name": post.place.name, "lat": post.place.lat, "lon": post.place.lon},
        "created_at": moment(post.created_at),
        "published_at": moment(post.published_at) if post.published_at else None,
        "files": [
            {
                "url": runtime.settings.public_url + file.url,
                "type": file.type,
                "state": file.state,
                "transcript": opened.transcripts.get(file.id),
            }
            for file in post.media
        ],
        "history": [_entry(runtime, entry) for entry in opened.entries.get(post.id, ())],
    }


def _reply(runtime: Runtime, post: OwnPost, opened: Opened) -> dict[str, Any]:
    """What stands under a thread: his own whole, of others only what he can read."""
    if post.own:
        return _post(runtime, post, opened)
    at = moment(post.published_at or post.created_at)
    return {"kind": post.kind, "department": post.department, "shown_words": post.text, "at": at}


def _entry(runtime: Runtime, entry: Entry) -> dict[str, Any]:
    return {
        "at": moment(entry.at),
        "by": entry.actor if entry.actor in ACTORS else "staff",
        "action": entry.action,
        "from": entry.from_state,
        "to": entry.to_state,
        "reason": entry.reason if entry.reason in runtime.settings.reasons else None,
        "note": entry.note if entry.action in TOLD else None,
    }


def _message(runtime: Runtime, message: Message, post: Changing | None) -> dict[str, Any]:
    return {
        "at": moment(message.created_at),
        "channel": message.channel,
        "ticket": message.ticket,
        "what": message.phrase,
        "values": message.values,
        "text": _text(runtime, message, post),
        "state": message.state,
        "done_at": moment(message.done_at) if message.done_at else None,
    }


def _text(runtime: Runtime, message: Message, post: Changing | None) -> str | None:
    """A message to the author, worded as it was sent. What followers were told may be withdrawn: not once more."""
    channel = runtime.channels.get(message.channel)
    if message.audience is not Audience.AUTHOR or channel is None or (message.post_id and post is None):
        return None
    secrets: dict[str, Any] = {}
    if message.sealed is not None:
        try:
            place = deliveries.secrets_place(message.post_id, message.phrase)
            secrets = json.loads(runtime.vault.open(message.sealed, place, message.key))
        except VaultError:
            return None
    if "code" in secrets:
        secrets["code"] = "******"
    return rendering.render(runtime, channel, message.phrase, message.language, message.values, secrets, post)
