"""What staff tell each other about a post: sealed like its author's words, never public, only ever added to.

They stand beside the history and not in it: what a post's author may read of the history, and what undoes the last
decision, need not know of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from store import history
from store.database import Transaction
from store.tables_history import notes, words
from store.vault import Vault


@dataclass(frozen=True, slots=True)
class Note:
    """One note: about which post, when, by whom. `text` is None once its author's key was destroyed."""

    post_id: str
    at: datetime
    actor: str
    text: str | None


async def add(transaction: Transaction, vault: Vault, post_id: str, actor: str, text: str) -> None:
    """Put a note to a post."""
    key = await history.key_of_post(transaction.connection, vault, post_id)
    said = history.sealed_words(vault, key, post_id, history.What.NOTE, text)
    row = {"post_id": post_id, "at": clock.now(), "actor": actor, "words_id": said["id"]}
    await transaction.connection.execute(words.insert(), said)
    await transaction.connection.execute(notes.insert(), row)
    transaction.wake("queue")


async def of_posts(connection: AsyncConnection, vault: Vault, post_ids: Sequence[str]) -> list[Note]:
    """The notes to some posts, oldest first; for staff."""
    wanted = select(notes).where(notes.c.post_id.in_(post_ids)).order_by(notes.c.id)
    rows = (await connection.execute(wanted)).all()
    texts = await history.opened(connection, vault, [row.words_id for row in rows])
    return [Note(row.post_id, row.at, row.actor, texts.get(row.words_id)) for row in rows]
