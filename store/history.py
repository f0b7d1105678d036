"""What happened to a post, and the sealed words beside it. Both are only ever added to."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.schema import State
from store import audit, transcribing
from store.database import Transaction
from store.tables_citizens import keys
from store.tables_history import history, words
from store.tables_media import media
from store.transcribing import Written
from store.vault import SealingKey, Vault

# Who acts beside staff: the post's own author, rules, and the clock.
NOT_STAFF = ("author", "rule", "clock")
# What is told of a thread when another report is joined to it or leaves it: nothing was done to its own post.
ASIDE = ("case_merge", "case_separate")
_of_itself = history.c.action.not_in(ASIDE) | history.c.to_state.is_not(None)


class What(StrEnum):
    """What sealed words are."""

    ORIGINAL = "original"
    NOTE = "note"
    EDIT = "edit"
    TRANSCRIPT = "transcript"
    CORRECTED = "corrected"
    TIMING = "timing"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a post: who, when, what, why. `note` is in the clear only here.

    Changes that bear the same `decision` were one.
    """

    at: datetime
    actor: str
    action: str
    from_state: State | None
    to_state: State | None
    reason: str | None
    note: str | None
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """One word of a recording: from when to when in seconds, and how sure it is, of 1."""

    word: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Version:
    """What a model once made of a recording."""

    written: Written
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recording says: as the model wrote it down, as a person corrected it, and word by word.

    `versions` is all that models made of it, newest first, when it was written down more than once.
    """

    text: str
    corrected: str | None
    words: Sequence[Spoken]
    versions: Sequence[Version] = ()


def words_place(words_id: str) -> str:
    """Where sealed words belong, for the vault."""
    return f"words.sealed:{words_id}"


def sealed_words(vault: Vault, key: SealingKey | None, post_id: str, what: What, text: str) -> dict[str, object]:
    """A row of `words`, sealed with the author's key (or the gateway's own, for what staff wrote)."""
    words_id = clock.new_id()
    return {
        "id": words_id,
        "post_id": post_id,
        "what": what,
        "key_id": key.id if key else None,
        "sealed": vault.seal(text.encode(), words_place(words_id), key),
        "created_at": clock.now(),
    }


def entry(
    post_id: str,
    actor: str,
    action: str,
    *,
    from_state: State | None = None,
    to_state: State | None = None,
    reason: str | None = None,
    words_id: object = None,
    decision_id: str | None = None,
    at: datetime | None = None,
) -> dict[str, object]:
    """A row of `history`."""
    return {
        "post_id": post_id,
        "at": at or clock.now(),
        "actor": actor,
        "action": action,
        "from_state": from_state,
        "to_state": to_state,
        "reason": reason,
        "words_id": words_id,
        "decision_id": decision_id,
    }


async def add(transaction: Transaction, row: dict[str, object], said: dict[str, object] | None = None) -> None:
    """Append one entry, with the words it names. What staff did stands in the audit too."""
    if said:
        await transaction.connection.execute(words.insert(), said)
    await transaction.connection.execute(history.insert(), row)
    if row["actor"] not in NOT_STAFF:
        await audit.note(transaction, str(row["actor"]), f"post {row['action']}"[:32], str(row["post_id"]))


async def of_thread(connection: AsyncConnection, vault: Vault, post_ids: Sequence[str]) -> Mapping[str, list[Entry]]:
    """The history of posts, oldest first, by post."""
    wanted = select(history).where(history.c.post_id.in_(post_ids)).order_by(history.c.id)
    rows = (await connection.execute(wanted)).all()
    notes = await opened(connection, vault, [row.words_id for row in rows if row.words_id])
    entries: defaultdict[str, list[Entry]] = defaultdict(list)
    for row in rows:
        entries[row.post_id].append(_entry(row, notes.get(row.words_id)))
    return entries


def newest(entries: Sequence[Entry]) -> Entry | None:
    """The last of some entries that was done to the post itself."""
    return next((one for one in reversed(entries) if one.action not in ASIDE or one.to_state is not None), None)


async def last(connection: AsyncConnection, post_id: str) -> Entry | None:
    """What was done to a post itself last; without the note."""
    wanted = select(history).where(history.c.post_id == post_id, _of_itself).order_by(history.c.id.desc()).limit(1)
    row = (await connection.execute(wanted)).first()
    return _entry(row, None) if row else None


async def keep(transaction: Transaction, said: dict[str, object]) -> None:
    """Keep sealed words that no entry names."""
    await transaction.connection.execute(words.insert(), said)


async def lasts(connection: AsyncConnection, post_ids: Sequence[str]) -> Mapping[str, Entry]:
    """What was done to posts themselves last, by post; without the notes."""
    wanted = select(func.max(history.c.id)).where(history.c.post_id.in_(post_ids), _of_itself)
    rows = await connection.execute(select(history).where(history.c.id.in_(wanted.group_by(history.c.post_id))))
    return {row.post_id: _entry(row, None) for row in rows}


async def of_decision(connection: AsyncConnection, decision_id: str, limit: int) -> list[str]:
    """The posts that were decided at once, in the order they were."""
    wanted = select(history.c.post_id).where(history.c.decision_id == decision_id).order_by(history.c.id).limit(limit)
    return list(dict.fromkeys((await connection.execute(wanted)).scalars()))


async def originals(connection: AsyncConnection, vault: Vault, post_ids: Sequence[str]) -> Mapping[str, str]:
    """The words of posts as they came, by post; for those who decide, and for their author himself."""
    wanted = select(words.c.id, words.c.post_id).where(words.c.post_id.in_(post_ids), words.c.what == What.ORIGINAL)
    ids = {row.id: row.post_id for row in await connection.execute(wanted)}
    return {ids[words_id]: text for words_id, text in (await opened(connection, vault, list(ids))).items()}


async def transcripts(connection: AsyncConnection, vault: Vault, post_ids: Sequence[str]) -> Mapping[str, str]:
    """What was said in recordings, as written down, by media id; for staff."""
    wanted = select(media.c.id, media.c.transcript_id).where(
        media.c.post_id.in_(post_ids), media.c.transcript_id.is_not(None)
    )
    ids = {row.transcript_id: row.id for row in await connection.execute(wanted)}
    return {ids[words_id]: text for words_id, text in (await opened(connection, vault, list(ids))).items()}


async def heard(connection: AsyncConnection, vault: Vault, post_ids: Sequence[str]) -> Mapping[str, Heard]:
    """What recordings of posts say, by media id; for those who decide."""
    columns = (media.c.id, media.c.transcript_id, media.c.corrected_id, media.c.timing_id)
    wanted = select(*columns).where(media.c.post_id.in_(post_ids), media.c.type.like("audio/%"))
    rows = (await connection.execute(wanted)).all()
    again = await transcribing.repeated(connection, [row.id for row in rows])
    named = {words_id for row in rows for words_id in row[1:] if words_id}
    named |= {one.words_id for written in again.values() for one in written}
    known = await opened(connection, vault, list(named))
    return {
        row.id: Heard(
            known.get(row.transcript_id, ""),
            known.get(row.corrected_id),
            tuple(Spoken(*word) for word in json.loads(known.get(row.timing_id, "[]"))),
            tuple(Version(one, known.get(one.words_id, "")) for one in again.get(row.id, ())),
        )
        for row in rows
    }


async def key_of_post(connection: AsyncConnection, vault: Vault, post_id: str) -> SealingKey | None:
    """The key that seals what belongs to a post: that of its original words.

    None for what staff wrote, and for what an erased author did: what is still said of it is the gateway's own.
    """
    original = (words.c.post_id == post_id) & (words.c.what == What.ORIGINAL)
    wanted = select(keys.c.id, keys.c.wrapped).join(words, words.c.key_id == keys.c.id).where(original).limit(1)
    row = (await connection.execute(wanted)).first()
    return vault.unwrap(row.id, row.wrapped) if row and row.wrapped else None


def _entry(row: Any, note: str | None) -> Entry:
    return Entry(
        at=row.at,
        actor=row.actor,
        action=row.action,
        from_state=State(row.from_state) if row.from_state else None,
        to_state=State(row.to_state) if row.to_state else None,
        reason=row.reason,
        note=note,
        decision=row.decision_id,
    )


async def opened(connection: AsyncConnection, vault: Vault, ids: Sequence[str]) -> dict[str, str]:
    """Words in the clear by id; those whose key was destroyed are gone."""
    if not ids:
        return {}
    wanted = select(words, keys.c.wrapped).outerjoin(keys, keys.c.id == words.c.key_id).where(words.c.id.in_(ids))
    opened = {}
    for row in await connection.execute(wanted):
        if row.key_id is None or row.wrapped:
            key = vault.unwrap(row.key_id, row.wrapped) if row.key_id else None
            opened[row.id] = vault.open(row.sealed, words_place(row.id), key).decode()
    return opened
