"""Posts as the public reads them: masked and published. What is asked here names the columns it gives."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.schema import FIRST_KINDS, Kind, MediaState, Place, State
from gateway.schema_cases import Progress
from gateway.schema_public import PublicMark, PublicMedia, PublicPost
from store import marks, together
from store.cursors import cursor_at, position_of
from store.marks import Mark
from store.tables_cases import cases
from store.tables_citizens import citizens
from store.tables_media import media
from store.tables_posts import posts

MOST = 100
_public_columns = (
    posts.c.id,
    posts.c.thread_id,
    posts.c.ticket,
    posts.c.kind,
    posts.c.text,
    posts.c.channel,
    posts.c.state,
    posts.c.category,
    posts.c.department,
    posts.c.place,
    posts.c.lat,
    posts.c.lon,
    posts.c.private,
    posts.c.created_at,
    posts.c.published_at,
    posts.c.parent_id,
)
_thread = posts.alias("thread")

# Whoever spoke, on whichever of his lines: the name is the person's.
_speaker, _person = citizens.alias("speaker"), citizens.alias("person")
_open_kinds = posts.c.kind.in_(FIRST_KINDS)


async def published(
    connection: AsyncConnection,
    *,
    limit: int = 20,
    cursor: str | None = None,
    until: datetime | None = None,
) -> tuple[list[PublicPost], str | None]:
    """Published first posts, newest first, with their answers, and the cursor of the next page (None at the end).

    With `until`, none that was published later.
    """
    limit = max(1, min(limit, MOST))
    given: dict[str, Any] = {"until": until} if until is not None else {}
    if cursor:
        given["moment"], given["post_id"] = position_of(cursor)
    rows = (await connection.execute(_timeline(frozenset(given)), {**given, "most": limit + 1})).all()
    page = await _dressed(connection, rows[:limit])
    last = rows[limit - 1] if len(rows) > limit else None
    return page, last and cursor_at(last.published_at, last.id)


async def public_post(connection: AsyncConnection, ticket: str) -> PublicPost:
    """The first post of a thread, by any ticket in it. What is not public has no words. Raises `NotFound`."""
    rows = (await connection.execute(_OF_TICKET, {"ticket": ticket})).all()
    if not rows:
        raise NotFound(f"there is no ticket {ticket}")
    return (await _dressed(connection, rows))[0]


async def public_by_id(connection: AsyncConnection, post_ids: Sequence[str]) -> dict[str, PublicPost]:
    """Posts of any kind by id, as the public sees them."""
    rows = (await connection.execute(_BY_ID, {"ids": list(post_ids)})).all()
    return {post.id: post for post in await _dressed(connection, rows)}


async def ticket_of(connection: AsyncConnection, post_id: str) -> str | None:
    """The ticket of a post by its id; None for what has none."""
    return (await connection.execute(select(posts.c.ticket).where(posts.c.id == post_id))).scalar_one_or_none()


async def comments(
    connection: AsyncConnection, ticket: str, *, limit: int = MOST, cursor: str | None = None
) -> tuple[list[PublicPost], str | None]:
    """What was added to a thread and published, oldest first, and the next page's cursor. Raises `NotFound`."""
    thread_id = (await connection.execute(_ROOT, {"ticket": ticket})).scalar()
    if thread_id is None:
        raise NotFound(f"there is no ticket {ticket}")
    wanted = _public().where(_readable(), posts.c.thread_id == thread_id, posts.c.kind == Kind.COMMENT)
    wanted = wanted.where(_thread.c.state == State.PUBLISHED, _thread.c.private.is_(False))
    if cursor:
        moment, post_id = position_of(cursor)
        later = and_(posts.c.created_at == moment, posts.c.id > post_id)
        wanted = wanted.where(or_(posts.c.created_at > moment, later))
    limit = max(1, min(limit, MOST))
    rows = (await connection.execute(wanted.order_by(posts.c.created_at, posts.c.id).limit(limit + 1))).all()
    page = await _dressed(connection, rows[:limit])
    last = rows[limit - 1] if len(rows) > limit else None
    return page, last and cursor_at(last.created_at, last.id)


async def published_since(connection: AsyncConnection, moment: datetime) -> tuple[int, int]:
    """How many first posts, and how many answers, became readable for everybody from a moment on."""
    counted = select(func.count()).where(_readable(), posts.c.published_at >= moment)
    heard = (await connection.execute(counted.where(_open_kinds))).scalar_one()
    answers = (await connection.execute(counted.where(posts.c.kind == Kind.ANSWER))).scalar_one()
    return heard, answers


def _readable() -> ColumnElement[bool]:
    return and_(posts.c.state == State.PUBLISHED, posts.c.private.is_(False))


def _public() -> Select[Any]:
    return (
        select(*_public_columns, cases.c.progress, cases.c.department.label("case_department"))
        .add_columns(cases.c.due_at, cases.c.stopped_at)
        .add_columns(_thread.c.ticket.label("thread_ticket"), _person.c.display_name)
        .outerjoin(cases, cases.c.thread_id == posts.c.thread_id)
        .join(_thread, _thread.c.id == posts.c.thread_id)
        .outerjoin(_speaker, _speaker.c.id == posts.c.citizen_id)
        .outerjoin(_person, _person.c.id == func.coalesce(_speaker.c.merged_into, _speaker.c.id))
    )


# A statement that is made anew for each page takes longer to make than to run: these are made once.
_named, _its_case = posts.alias("named"), cases.alias("its_case")

# The thread of a ticket: the one that its own was joined to, if it was.
_ROOT = (
    select(func.coalesce(_its_case.c.merged_into, _named.c.thread_id))
    .outerjoin(_its_case, _its_case.c.thread_id == _named.c.thread_id)
    .where(_named.c.ticket == bindparam("ticket"))
)
_OF_TICKET = _public().where(posts.c.id == _ROOT.scalar_subquery())
_BY_ID = _public().where(posts.c.id.in_(bindparam("ids", expanding=True)))

# Asked for by thread alone: SQLite would think that few posts are published, and read them all.
_REPLIES = (
    _public()
    .where(posts.c.thread_id.in_(bindparam("threads", expanding=True)), posts.c.parent_id.is_not(None))
    .order_by(posts.c.created_at, posts.c.id)
)
_FILES = (
    select(media.c.id, media.c.post_id, media.c.type, media.c.confidence, media.c.preview)
    .add_columns(media.c.width, media.c.height)
    .where(
        media.c.post_id.in_(bindparam("ids", expanding=True)),
        media.c.public.is_(True),
        media.c.state == MediaState.STORED,
    )
    .order_by(media.c.id)
)


@lru_cache
def _timeline(given: frozenset[str]) -> Select[Any]:
    """The newest published first posts: until a moment, behind a place, as they are given."""
    moment = bindparam("moment", type_=posts.c.published_at.type)
    post_id = bindparam("post_id", type_=posts.c.id.type)
    conditions = {
        "until": posts.c.published_at <= bindparam("until"),
        "moment": or_(posts.c.published_at < moment, and_(posts.c.published_at == moment, posts.c.id < post_id)),
    }
    wanted = _public().where(_readable(), _open_kinds, *(conditions[name] for name in conditions if name in given))
    return wanted.order_by(posts.c.published_at.desc(), posts.c.id.desc()).limit(bindparam("most", type_=Integer))


async def _dressed(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[PublicPost]:
    """Rows as public posts with their published answers, comments counted, and public files."""
    visible = [row for row in rows if _is_public(row)]
    threads = [row.thread_id for row in visible if row.parent_id is None]
    replies = await _replies(connection, threads) if threads else []
    reporters = await together.numbers(connection, threads)
    comments: defaultdict[str, int] = defaultdict(int)
    answers: defaultdict[str, list[PublicPost]] = defaultdict(list)
    files = await _public_media(connection, [row.id for row in [*visible, *replies]])
    for reply in replies:
        if reply.kind == Kind.ANSWER:
            answers[reply.thread_id].append(_post(reply, files, {}, {}, {}))
        else:
            comments[reply.thread_id] += 1
    judged = await marks.of_threads(connection, list(answers)) if answers else {}
    return [_post(row, files, comments, answers, judged, reporters.get(row.id, 1)) for row in rows]


async def _replies(connection: AsyncConnection, threads: Sequence[str]) -> Sequence[Row[Any]]:
    rows = (await connection.execute(_REPLIES, {"threads": list(threads)})).all()
    return [row for row in rows if _is_public(row)]


async def _public_media(connection: AsyncConnection, ids: Sequence[str]) -> Mapping[str, list[PublicMedia]]:
    files: defaultdict[str, list[PublicMedia]] = defaultdict(list)
    if ids:
        for row in await connection.execute(_FILES, {"ids": list(ids)}):
            url = f"/media/{row.id}"
            preview = f"{url}/preview" if row.preview else None
            file = PublicMedia(url, row.type, None, row.confidence, preview, row.width, row.height)
            files[row.post_id].append(file)
    return files


def _is_public(row: Row[Any]) -> bool:
    return row.state == State.PUBLISHED and not row.private


def _post(
    row: Row[Any],
    files: Mapping[str, list[PublicMedia]],
    comments: Mapping[str, int],
    answers: Mapping[str, list[PublicPost]],
    judged: Mapping[str, Sequence[Mark]],
    reporters: int = 1,
) -> PublicPost:
    shown = _is_public(row)
    first = shown and row.parent_id is None
    return PublicPost(
        id=row.id,
        ticket=row.thread_ticket,
        kind=Kind(row.kind),
        text=row.text if shown else "",
        channel=row.channel,
        state=State(row.state),
        progress=Progress(row.progress or Progress.NEW),
        category=row.category if shown else None,
        department=(row.department or row.case_department) if shown else None,
        place=Place(row.place, row.lat, row.lon) if shown else Place(),
        media=tuple(files.get(row.id, ())),
        created_at=row.created_at,
        published_at=row.published_at,
        parent=row.parent_id,
        comments=comments.get(row.thread_id, 0) if shown else 0,
        answers=tuple(answers.get(row.thread_id, ())) if first else (),
        author=row.display_name if shown else None,
        due_at=row.due_at if row.parent_id is None and row.stopped_at is None else None,
        marks=tuple(PublicMark(one.mark, one.solved, one.at) for one in judged.get(row.thread_id, ()) if first),
        reporters=reporters,
    )
