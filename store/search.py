"""The index of what search finds: the tokens of public threads, newest first.

A row is there exactly while its thread is public: whoever changes that, or words the public sees, renews it in the same
transaction (`journey.finding`). What tokens are, `journey.tokens` says; here they are only kept and compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import TextClause, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import FIRST_KINDS, Progress, State
from store.database import Transaction
from store.tables import cases, posts, search

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# PostgreSQL numbers no more positions in one text.
MOST_TOKENS = 16_000
NUMBERS_AT_ONCE = 100
# PostgreSQL sorts all that its index finds before it gives the newest. What a page of results is full of among the
# newest threads is found by walking them; what is rarer, the index finds few enough of.
NEWEST = 3000
LAST = 2**62


@dataclass(frozen=True, slots=True)
class Findable:
    """A public thread: every text of it that the public reads, the first post's first, and what it is filed under."""

    post_id: str
    published_at: datetime
    texts: tuple[str, ...]
    filed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tokens that follow each other; with `begins`, the last may be only the beginning of one."""

    tokens: tuple[str, ...]
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One thread found, and its number, before which the next page begins."""

    number: int
    post_id: str


async def findable(connection: AsyncConnection, post_id: str) -> Findable | None:
    """A thread as the public may find it; None when it is not public, or no thread."""
    columns = (posts.c.id, posts.c.kind, posts.c.text, posts.c.category, posts.c.place, posts.c.published_at)
    wanted = select(*columns, cases.c.department, cases.c.progress).outerjoin(
        cases, cases.c.thread_id == posts.c.thread_id
    )
    wanted = wanted.where(
        posts.c.thread_id == post_id, posts.c.state == State.PUBLISHED, posts.c.private.is_(False)
    ).order_by(posts.c.created_at, posts.c.id)
    rows = (await connection.execute(wanted)).all()
    first = next((row for row in rows if row.id == post_id and row.kind in FIRST_KINDS), None)
    if first is None or first.published_at is None:
        return None
    texts = [first.text, first.place or "", *(row.text for row in rows if row.id != post_id)]
    filed = {
        "category": first.category,
        "place": first.place,
        "department": first.department,
        "kind": first.kind,
        "progress": first.progress or Progress.NEW,
    }
    return Findable(
        post_id,
        first.published_at,
        tuple(said for said in texts if said),
        tuple((name, value) for name, value in filed.items() if value),
    )


async def put(transaction: Transaction, post_id: str, published_at: datetime, tokens: Sequence[str]) -> None:
    """Have a thread found by these tokens, in their order."""
    connection = transaction.connection
    number = await _free_number(connection, number_at(published_at))
    kept = _written(connection, tokens[:MOST_TOKENS])
    await connection.execute(insert(search), {"number": number, "post_id": post_id, "tokens": kept})


async def drop(transaction: Transaction, post_id: str) -> None:
    """Have a thread found no more."""
    await transaction.connection.execute(delete(search).where(search.c.post_id == post_id))


async def find(
    connection: AsyncConnection, wanted: Sequence[Wanted], limit: int, *, first: int = 0, before: int = LAST
) -> list[Found]:
    """Threads that have all that is wanted, newest first, with numbers from `first` on and `before` another.

    `wanted` holds at least one token.
    """
    asked = {"wanted": _asked(connection, wanted), "first": first, "before": before, "limit": limit}
    if connection.dialect.name == "sqlite":
        return await _found(connection, _SQLITE, asked)
    found = await _found(connection, _AMONG_NEWEST, {**asked, "newest": NEWEST})
    return found if len(found) == limit else await _found(connection, _AMONG_ALL, asked)


def number_at(moment: datetime) -> int:
    """Where a moment stands among the numbers."""
    return (moment - EPOCH) // timedelta(microseconds=1)


_SQLITE = text(
    "SELECT search.number, search.post_id FROM search_words JOIN search ON search.number = search_words.rowid "
    "WHERE search_words MATCH :wanted AND search_words.rowid >= :first AND search_words.rowid < :before "
    "ORDER BY search_words.rowid DESC LIMIT :limit"
)
_AMONG_NEWEST = text(
    "SELECT number, post_id FROM (SELECT number, post_id, tokens FROM search "
    "WHERE number >= :first AND number < :before ORDER BY number DESC LIMIT :newest) AS newest "
    "WHERE tokens @@ CAST(CAST(:wanted AS text) AS tsquery) ORDER BY number DESC LIMIT :limit"
)
# Materialized, or the planner may walk all of the table by number for words that it thinks are frequent together.
_AMONG_ALL = text(
    "WITH matching AS MATERIALIZED (SELECT number, post_id FROM search "
    "WHERE tokens @@ CAST(CAST(:wanted AS text) AS tsquery)) "
    "SELECT number, post_id FROM matching WHERE number >= :first AND number < :before "
    "ORDER BY number DESC LIMIT :limit"
)


async def _found(connection: AsyncConnection, statement: TextClause, asked: dict[str, object]) -> list[Found]:
    return [Found(row.number, row.post_id) for row in await connection.execute(statement, asked)]


async def _free_number(connection: AsyncConnection, number: int) -> int:
    """The first number from this one on that no other thread has: some are published in the same microsecond."""
    while True:
        last = number + NUMBERS_AT_ONCE
        near = select(search.c.number).where(search.c.number >= number, search.c.number < last)
        taken = set((await connection.execute(near)).scalars())
        if len(taken) < NUMBERS_AT_ONCE:
            return next(free for free in range(number, last) if free not in taken)
        number = last


def _written(connection: AsyncConnection, tokens: Sequence[str]) -> str:
    """Tokens as the column takes them: parted by spaces, or each with its position."""
    if connection.dialect.name == "sqlite":
        return " ".join(tokens)
    return " ".join(f"{_lexeme(token)}:{number}" for number, token in enumerate(tokens, 1))


def _asked(connection: AsyncConnection, wanted: Sequence[Wanted]) -> str:
    """What is wanted in the database's own language; tokens are quoted, so that nothing in them is a sign of it."""
    if connection.dialect.name == "sqlite":
        return " AND ".join(
            '"' + " ".join(one.tokens).replace('"', '""') + '"' + (" *" if one.begins else "") for one in wanted
        )
    phrases = [" <-> ".join(map(_lexeme, one.tokens)) + (":*" if one.begins else "") for one in wanted]
    return " & ".join(f"({phrase})" for phrase in phrases)


def _lexeme(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"
