"""What citizens asked for and no service told: a bounded list, the words asked for most kept longest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import insert_new
from store.tables_services import unanswered_words as table

# A list nobody reads to its end helps nobody, and whoever asks for nonsense must not fill the disk.
MOST = 500


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Words, folded and masked, in what language, how often they were asked for, and when last."""

    word: str
    language: str
    asked: int
    last_asked_at: datetime


async def count(transaction: Transaction, asked: Mapping[str, tuple[str, int]], at: datetime) -> None:
    """Add words that nothing was found for, each with its language and how often; what is over `MOST` is forgotten."""
    connection = transaction.connection
    # In one order, lest two processes wait for each other's rows.
    words = sorted(asked)
    made = insert_new(connection, table, ["word"])
    row = {"asked": 0, "first_asked_at": at, "last_asked_at": at}
    await connection.execute(made, [{"word": word, "language": asked[word][0], **row} for word in words])
    for word in words:
        more = update(table).where(table.c.word == word)
        await connection.execute(more.values(asked=table.c.asked + asked[word][1], last_asked_at=at))
    # Of those asked for as often, the newest stay: a new word must have its chance.
    over = select(table.c.word).order_by(table.c.asked.desc(), table.c.last_asked_at.desc(), table.c.word).offset(MOST)
    gone = list((await connection.execute(over.limit(MOST))).scalars())
    if gone:
        await connection.execute(delete(table).where(table.c.word.in_(gone)))


async def most(connection: AsyncConnection, limit: int, *, dismissed: bool = False) -> Sequence[Unanswered]:
    """The words asked for most; those somebody dismissed are another list."""
    wanted = select(table.c.word, table.c.language, table.c.asked, table.c.last_asked_at).where(
        table.c.dismissed_at.is_not(None) if dismissed else table.c.dismissed_at.is_(None)
    )
    ordered = wanted.order_by(table.c.asked.desc(), table.c.last_asked_at.desc(), table.c.word)
    return [Unanswered(*row) for row in await connection.execute(ordered.limit(limit))]


async def set_dismissed(transaction: Transaction, word: str, at: datetime | None) -> bool:
    """Show a word no more, or (without a moment) again; whether there is such a word."""
    changed = update(table).where(table.c.word == word).values(dismissed_at=at)
    return (await transaction.connection.execute(changed)).rowcount > 0


async def drop(transaction: Transaction, words: Sequence[str]) -> None:
    """Forget words: there is an answer now."""
    if words:
        await transaction.connection.execute(delete(table).where(table.c.word.in_(words)))


async def forget(transaction: Transaction, before: datetime) -> int:
    """Forget what nobody asked for since a moment; gives how many words."""
    return (await transaction.connection.execute(delete(table).where(table.c.last_asked_at < before))).rowcount
