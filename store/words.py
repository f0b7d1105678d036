"""How often the filter found each word, by the day of the city."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import add_up
from store.tables_moderation import word_hits

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Hits:
    """Of how many posts a word was found in; `alike` are those that only sounded or looked like it."""

    hits: int = 0
    alike: int = 0


@dataclass(frozen=True, slots=True)
class WordHits:
    """One word of a list: the posts of the last 7 and 30 days, today among them."""

    list: str
    word: str
    week: int
    month: int
    alike: int


async def add(transaction: Transaction, day: date, found: Mapping[tuple[str, str], Hits]) -> None:
    """Add what was found on a day, by list and word."""
    rows = [
        {"day": day.isoformat(), "list": name, "word": word, "hits": count.hits, "alike": count.alike}
        # In one order, lest two processes wait for each other's rows.
        for (name, word), count in sorted(found.items())
    ]
    if rows:
        statement = add_up(transaction.connection, word_hits, ["day", "list", "word"], ["hits", "alike"])
        await transaction.connection.execute(statement, rows)


async def most(connection: AsyncConnection, today: date, limit: int) -> Sequence[WordHits]:
    """The words found most often in the last 30 days."""
    month, week = (today - MONTH + timedelta(days=1)).isoformat(), (today - WEEK + timedelta(days=1)).isoformat()
    hits = func.sum(word_hits.c.hits)
    wanted = (
        select(
            word_hits.c.list,
            word_hits.c.word,
            func.sum(case((word_hits.c.day >= week, word_hits.c.hits), else_=0)).label("week"),
            hits.label("month"),
            func.sum(word_hits.c.alike).label("alike"),
        )
        .where(word_hits.c.day >= month)
        .group_by(word_hits.c.list, word_hits.c.word)
        .order_by(hits.desc(), word_hits.c.list, word_hits.c.word)
        .limit(limit)
    )
    return [WordHits(*row) for row in await connection.execute(wanted)]


async def forget(transaction: Transaction, before: date) -> None:
    """Delete what was counted before a day."""
    await transaction.connection.execute(delete(word_hits).where(word_hits.c.day < before.isoformat()))
