"""The indexes of what search finds, newest first: the tokens of public threads for all, and of each post for staff.

A row of the public one is there exactly while its thread is public: whoever changes that, or words the public sees,
renews it in the same transaction (`journey.finding`). Staff's follows a moment later (`journey.indexing`). What tokens
are, `journey.tokens` says; here they are only kept and compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Table, TextClause, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import FIRST_KINDS, State
from gateway.schema_cases import Progress
from store.database import Transaction
from store.tables_cases import cases
from store.tables_posts import posts
from store.tables_search import search, staff_search, unindexed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# PostgreSQL numbers no more positions in one text.
MOST_TOKENS = 16_000
NUMBERS_AT_ONCE = 8
# PostgreSQL sorts all that its index finds before it gives the newest. What a page of results is full of among the
# newest threads is found by walking them; what is rarer, the index finds few enough of.
NEWEST = 3000
LAST = 2**62


@dataclass(frozen=True, slots=True)
class Findable:
    """A public thread: every text of it that the public reads, the first post's first, what it is filed under, and the
    place of the gazetteer where it is."""

    post_id: str
    published_at: datetime
    texts: tuple[str, ...]
    filed: tuple[tuple[str, str], ...]
    place_slug: str | None


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A post that staff's search is to take in: its masked texts, and when it came."""

    post_id: str
    created_at: datetime
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tokens that follow each other; with `begins`, the last may be only the beginning of one. One of those `instead`
    does as well."""

    tokens: tuple[str, ...]
    begins: bool = False
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One thread found, and its number, before which the next page begins."""

    number: int
    post_id: str


@dataclass(frozen=True, slots=True)
class Index:
    """One of the indexes: its table, and the questions to it."""

    table: Table
    sqlite: TextClause
    among_newest: TextClause
    among_all: TextClause
    sqlite_count: TextClause
    count: TextClause


async def findable(connection: AsyncConnection, post_id: str) -> Findable | None:
    """A thread as the public may find it; None when it is not public, or no thread."""
    columns = (posts.c.id, posts.c.kind, posts.c.ticket, posts.c.text, posts.c.published_at)
    filing = (posts.c.category, posts.c.place, posts.c.place_slug)
    department = func.coalesce(posts.c.department, cases.c.department).label("department")
    wanted = select(*columns, *filing, department, cases.c.progress).outerjoin(
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
        "ticket": first.ticket,
    }
    return Findable(
        post_id,
        first.published_at,
        tuple(said for said in texts if said),
        tuple((name, value) for name, value in filed.items() if value),
        first.place_slug,
    )


async def put(transaction: Transaction, index: Index, post_id: str, moment: datetime, tokens: Sequence[str]) -> None:
    """Have a thread found by these tokens, in their order, among others of its moment."""
    await put_all(transaction, index, [(post_id, moment, tokens)])


async def put_all(transaction: Transaction, index: Index, rows: Sequence[tuple[str, datetime, Sequence[str]]]) -> None:
    """The same for several threads or posts that are not in the index."""
    if not rows:
        return
    connection = transaction.connection
    numbers = await _free_numbers(connection, index.table, [number_at(moment) for _, moment, _ in rows])
    kept = [
        {"number": number, "post_id": post_id, "tokens": _written(connection, tokens[:MOST_TOKENS])}
        for number, (post_id, _, tokens) in zip(numbers, rows, strict=True)
    ]
    await connection.execute(insert(index.table), kept)


async def drop(transaction: Transaction, index: Index, post_ids: Sequence[str]) -> None:
    """Have threads or posts found no more."""
    await transaction.connection.execute(delete(index.table).where(index.table.c.post_id.in_(post_ids)))


async def take_unindexed(transaction: Transaction, limit: int) -> list[Unindexed]:
    """Some posts that staff's search does not know as they are, which are its to take in with this transaction."""
    connection = transaction.connection
    waiting = select(unindexed.c.post_id).order_by(unindexed.c.post_id).limit(limit).with_for_update(skip_locked=True)
    ids = list((await connection.execute(waiting)).scalars())
    if not ids:
        return []
    await connection.execute(delete(unindexed).where(unindexed.c.post_id.in_(ids)))
    wanted = select(posts.c.id, posts.c.created_at, posts.c.text, posts.c.place).where(posts.c.id.in_(ids))
    return [
        Unindexed(row.id, row.created_at, tuple(said for said in (row.text, row.place) if said))
        for row in await connection.execute(wanted)
    ]


async def find(
    connection: AsyncConnection,
    index: Index,
    wanted: Sequence[Wanted],
    limit: int,
    *,
    first: int = 0,
    before: int = LAST,
) -> list[Found]:
    """Rows that have all that is wanted, newest first, with numbers from `first` on and `before` another.

    `wanted` holds at least one token.
    """
    asked = {"wanted": _asked(connection, wanted), "first": first, "before": before, "limit": limit}
    if connection.dialect.name == "sqlite":
        return await _found(connection, index.sqlite, asked)
    found = await _found(connection, index.among_newest, {**asked, "newest": NEWEST})
    return found if len(found) == limit else await _found(connection, index.among_all, asked)


async def count(connection: AsyncConnection, index: Index, wanted: Sequence[Wanted]) -> int:
    """How many rows have all that is wanted, which holds at least one token."""
    question = index.sqlite_count if connection.dialect.name == "sqlite" else index.count
    return int((await connection.execute(question, {"wanted": _asked(connection, wanted)})).scalar_one())


def number_at(moment: datetime) -> int:
    """Where a moment stands among the numbers."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_at(number: int) -> datetime:
    """The moment of a number."""
    return EPOCH + timedelta(microseconds=number)


# The questions, as they are put to the public index.
_SQLITE = (
    "SELECT search.number, search.post_id FROM search_words JOIN search ON search.number = search_words.rowid "
    "WHERE search_words MATCH :wanted AND search_words.rowid >= :first AND search_words.rowid < :before "
    "ORDER BY search_words.rowid DESC LIMIT :limit"
)
_AMONG_NEWEST = (
    "SELECT number, post_id FROM (SELECT number, post_id, tokens FROM search "
    "WHERE number >= :first AND number < :before ORDER BY number DESC LIMIT :newest) AS newest "
    "WHERE tokens @@ CAST(CAST(:wanted AS text) AS tsquery) ORDER BY number DESC LIMIT :limit"
)
# Materialized, or the planner may walk all of the table by number for words that it thinks are frequent together.
_AMONG_ALL = (
    "WITH matching AS MATERIALIZED (SELECT number, post_id FROM search "
    "WHERE tokens @@ CAST(CAST(:wanted AS text) AS tsquery)) "
    "SELECT number, post_id FROM matching WHERE number >= :first AND number < :before "
    "ORDER BY number DESC LIMIT :limit"
)
_SQLITE_COUNT = "SELECT count(*) FROM search_words WHERE search_words MATCH :wanted"
_COUNT = "SELECT count(*) FROM search WHERE tokens @@ CAST(CAST(:wanted AS text) AS tsquery)"


def _index(table: Table) -> Index:
    questions = (_SQLITE, _AMONG_NEWEST, _AMONG_ALL, _SQLITE_COUNT, _COUNT)
    return Index(table, *(text(question.replace("search", table.name)) for question in questions))


PUBLIC, STAFF = _index(search), _index(staff_search)


async def _found(connection: AsyncConnection, statement: TextClause, asked: dict[str, object]) -> list[Found]:
    return [Found(row.number, row.post_id) for row in await connection.execute(statement, asked)]


async def _free_numbers(connection: AsyncConnection, table: Table, wanted: Sequence[int]) -> list[int]:
    """For each number the first from it on that no other row has: some are of the same microsecond."""
    free: list[int] = []
    near, looked = set(wanted), set[int]()
    taken: set[int] = set()
    for number in wanted:
        while True:
            if number not in looked:
                near |= set(range(number, number + NUMBERS_AT_ONCE))
                known = select(table.c.number).where(table.c.number.in_(near - looked))
                taken |= set((await connection.execute(known)).scalars())
                looked |= near
            if number not in taken:
                break
            number += 1
        taken.add(number)
        free.append(number)
    return free


def _written(connection: AsyncConnection, tokens: Sequence[str]) -> str:
    """Tokens as the column takes them: parted by spaces, or each with its position."""
    if connection.dialect.name == "sqlite":
        return " ".join(tokens)
    return " ".join(f"{_lexeme(token)}:{number}" for number, token in enumerate(tokens, 1))


def _asked(connection: AsyncConnection, wanted: Sequence[Wanted]) -> str:
    """What is wanted in the database's own language; tokens are quoted, so that nothing in them is a sign of it."""
    if connection.dialect.name == "sqlite":
        return " AND ".join(
            "("
            + " OR ".join(
                [_quoted(one.tokens) + (" *" if one.begins else ""), *(_quoted([each]) for each in one.instead)]
            )
            + ")"
            for one in wanted
        )
    phrases = [" <-> ".join(map(_lexeme, one.tokens)) + (":*" if one.begins else "") for one in wanted]
    others = [[f"({_lexeme(each)})" for each in one.instead] for one in wanted]
    either = [" | ".join([f"({phrase})", *more]) for phrase, more in zip(phrases, others, strict=True)]
    return " & ".join(f"({one})" for one in either)


def _quoted(tokens: Sequence[str]) -> str:
    return '"' + " ".join(tokens).replace('"', '""') + '"'


def _lexeme(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"
