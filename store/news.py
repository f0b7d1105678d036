"""What was published and answered between two moments, as the radio tells it: masked words, public by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import FIRST_KINDS, Kind, State
from store.tables_cases import cases
from store.tables_media import media
from store.tables_posts import posts

# What is looked at of a very long time.
MOST = 500
_thread = posts.alias("thread")
_NEWS_KINDS = (*FIRST_KINDS, Kind.ANSWER)


@dataclass(frozen=True, slots=True)
class Said:
    """One post as it reads now; `department` is who answered."""

    id: str
    version: int
    text: str
    language: str
    department: str | None


@dataclass(frozen=True, slots=True)
class Voice:
    """The only recording of a post, whose author and staff agreed that it may be heard."""

    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thread of the news: its first post, and the answers that are new. `earlier`: the post itself is not."""

    first: Said
    kind: Kind
    ticket: str
    category: str | None
    place: str | None
    answers: tuple[Said, ...]
    earlier: bool
    voice: Voice | None = None


@dataclass(frozen=True, slots=True)
class News:
    """The threads that are told, oldest news first, and how many posts and answers there were in all."""

    items: tuple[Item, ...]
    posts: int
    answers: int
    untold: int


async def between(connection: AsyncConnection, since: datetime, until: datetime, limit: int) -> News:
    """The news after one moment up to another: of so many threads, those with an answer before those without, and of
    each the newest. What is withdrawn or kept from the public by now is not among them."""
    rows = (await connection.execute(_window(since, until))).all()
    first = {row.id for row in rows if row.kind != Kind.ANSWER}
    answered = {row.thread_id for row in rows if row.kind == Kind.ANSWER}
    threads = list(dict.fromkeys(row.thread_id for row in rows))
    chosen = sorted(threads, key=lambda thread_id: thread_id not in answered)[:limit]
    told = [thread_id for thread_id in reversed(threads) if thread_id in chosen]
    answers = [row for row in reversed(rows) if row.kind == Kind.ANSWER]
    known = await _firsts(connection, told)
    voices = await _voices(connection, [thread_id for thread_id in told if known[thread_id].own_voice])
    items = [
        _item(known[thread_id], [row for row in answers if row.thread_id == thread_id], first, voices)
        for thread_id in told
    ]
    return News(tuple(items), len(first), len(answers), len(threads) - len(told))


def _window(since: datetime, until: datetime) -> Select[Any]:
    return (
        select(posts.c.id, posts.c.thread_id, posts.c.kind, posts.c.version, posts.c.text, posts.c.language)
        .add_columns(posts.c.department)
        .join(_thread, _thread.c.id == posts.c.thread_id)
        .where(posts.c.state == State.PUBLISHED, posts.c.private.is_(False), posts.c.kind.in_(_NEWS_KINDS))
        .where(_thread.c.state == State.PUBLISHED, _thread.c.private.is_(False))
        .where(posts.c.published_at > since, posts.c.published_at <= until)
        .order_by(posts.c.published_at.desc(), posts.c.id.desc())
        .limit(MOST)
    )


async def _firsts(connection: AsyncConnection, threads: Sequence[str]) -> dict[str, Row[Any]]:
    wanted = select(posts, cases.c.department.label("case_department")).outerjoin(
        cases, cases.c.thread_id == posts.c.thread_id
    )
    return {row.id: row for row in await connection.execute(wanted.where(posts.c.id.in_(threads)))}


async def _voices(connection: AsyncConnection, post_ids: Sequence[str]) -> dict[str, Voice]:
    """The recordings that may be heard, by post; of a post with several none, for its text is not one's alone."""
    if not post_ids:
        return {}
    columns = (media.c.id, media.c.post_id, media.c.sha256, media.c.on_air)
    wanted = select(*columns).where(media.c.post_id.in_(post_ids), media.c.type.like("audio/%"))
    found: dict[str, list[Any]] = {}
    for row in await connection.execute(wanted):
        found.setdefault(row.post_id, []).append(row)
    single = [rows[0] for rows in found.values() if len(rows) == 1]
    return {row.post_id: Voice(row.id, row.sha256) for row in single if row.on_air and row.sha256}


def _item(row: Row[Any], answers: Sequence[Row[Any]], first: set[str], voices: dict[str, Voice]) -> Item:
    return Item(
        first=_said(row),
        kind=Kind(row.kind),
        ticket=row.ticket,
        category=row.category,
        place=row.place,
        answers=tuple(_said(answer, row.case_department) for answer in answers),
        earlier=row.id not in first,
        voice=voices.get(row.id),
    )


def _said(row: Row[Any], department: str | None = None) -> Said:
    return Said(row.id, row.version, row.text, row.language, row.department or department)
