"""Posts as they are read: by the public, masked and published; by staff, whole.

Public questions name the columns they give; nothing here opens what is sealed but `original` (staff).
"""

import base64
import binascii
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import BadInput, NotFound
from gateway.schema import (
    FIRST_KINDS,
    Kind,
    MediaState,
    Place,
    Progress,
    PublicMark,
    PublicMedia,
    PublicPost,
    State,
    TranscriptState,
)
from store import marks, together
from store.marks import Mark
from store.tables import accounts, cases, citizens, media, posts

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
_same = posts.alias("same")
_waiting = posts.c.state.in_([State.PENDING, State.HELD])
_open_kinds = posts.c.kind.in_(FIRST_KINDS)


@dataclass(frozen=True, slots=True)
class StaffMedia:
    """A citizen's file as staff see it, with the state of its fetching and its writing down.

    `public` says whether it is shown with its post once that is published, `on_air` whether on the radio.
    """

    id: str
    url: str
    type: str
    public: bool
    on_air: bool
    preview: str | None
    width: int | None
    height: int | None
    state: MediaState
    transcript_state: TranscriptState
    model: str | None
    confidence: float | None
    seconds: float | None
    error: str | None
    # How loud it is from one end to the other, of 100.
    peaks: tuple[int, ...] = ()
    # What is spoken in it, when that is known, and when the city's rule deleted it.
    language: str | None = None
    forgotten_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StaffPost:
    """A post as staff see it in the queue: masked text, what the filter said, and its files."""

    id: str
    ticket: str
    kind: Kind
    state: State
    text: str
    channel: str
    language: str
    department: str | None
    category: str | None
    place: Place
    place_from: str | None
    category_from: str | None
    private: bool
    own_voice: bool
    ruling: str
    rules: tuple[str, ...]
    version: int
    progress: Progress
    rule: str | None
    due_at: datetime | None
    handed_to: str | None
    # Who of the department deals with it, by name.
    officer: str | None
    created_at: datetime
    published_at: datetime | None
    urgent: bool = False
    # How many others say the same and wait with it, and which post they wait with.
    alike: int = 0
    group: str | None = None
    parent: str | None = None
    thread_text: str = ""
    media: tuple[StaffMedia, ...] = ()


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


async def waiting(connection: AsyncConnection) -> int:
    """How many decisions wait: posts that say the same are one."""
    wanted = select(func.count()).where(_waiting, posts.c.group_id.is_(None))
    return (await connection.execute(wanted)).scalar_one()


async def ticket_of(connection: AsyncConnection, post_id: str) -> str | None:
    """The ticket of a post by its id; None for what has none."""
    return (await connection.execute(select(posts.c.ticket).where(posts.c.id == post_id))).scalar_one_or_none()


async def thread(connection: AsyncConnection, reference: str) -> list[StaffPost]:
    """A whole thread in order, named by its ticket or by any of its posts' ids. Raises `NotFound`."""
    column = posts.c.ticket if len(reference) == 8 else posts.c.id
    named = select(posts.c.thread_id).where(column == reference).scalar_subquery()
    wanted = staff_posts().where(posts.c.thread_id == named)
    wanted = wanted.order_by(posts.c.parent_id.is_not(None), posts.c.created_at, posts.c.id)
    found = await staffed(connection, (await connection.execute(wanted)).all())
    if not found:
        raise NotFound(f"there is no post {reference}")
    return found


async def staff_by_id(connection: AsyncConnection, post_ids: Sequence[str]) -> dict[str, StaffPost]:
    """Posts of any kind by id, as staff see them."""
    rows = (await connection.execute(staff_posts().where(posts.c.id.in_(post_ids)))).all()
    return {post.id: post for post in await staffed(connection, rows)}


async def alike(connection: AsyncConnection, first_id: str, limit: int = MOST) -> list[StaffPost]:
    """A group of posts that say the same, oldest first, with the first of them; nothing when there is only that."""
    wanted = staff_posts().where(or_(posts.c.group_id == first_id, posts.c.id == first_id)).order_by(posts.c.created_at)
    found = await staffed(connection, (await connection.execute(wanted.limit(limit))).all())
    return found if len(found) > 1 else []


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


async def counts(connection: AsyncConnection) -> dict[State, int]:
    """How many posts stand in each state."""
    rows = await connection.execute(select(posts.c.state, func.count()).group_by(posts.c.state))
    return {State(state): number for state, number in rows}


def cursor_at(moment: datetime, post_id: str) -> str:
    """Where a page of posts ended, for whoever asks for the next."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{post_id}".encode()).decode().rstrip("=")


def position_of(cursor: str) -> tuple[datetime, str]:
    """What `cursor_at` was given. Raises `BadInput`."""
    try:
        moment, post_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
        return datetime.fromisoformat(moment).astimezone(UTC), post_id
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BadInput("this cursor was not given by us", "cursor") from error


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


def staff_posts() -> Select[Any]:
    """What `staffed` makes posts of."""
    alike = select(func.count()).where(_same.c.group_id == posts.c.id, _same.c.state.in_([State.PENDING, State.HELD]))
    return (
        select(posts, cases.c.progress, cases.c.rule, cases.c.department.label("case_department"))
        .add_columns(_thread.c.ticket.label("thread_ticket"), _thread.c.text.label("thread_text"))
        .add_columns(cases.c.due_at, cases.c.stopped_at, cases.c.handed_to, accounts.c.name.label("officer_name"))
        .add_columns(alike.scalar_subquery().label("alike"))
        .outerjoin(cases, cases.c.thread_id == posts.c.thread_id)
        .outerjoin(accounts, accounts.c.id == cases.c.officer)
        .join(_thread, _thread.c.id == posts.c.thread_id)
    )


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


async def staffed(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[StaffPost]:
    """Rows of `staff_posts` as posts, with their files."""
    files: defaultdict[str, list[StaffMedia]] = defaultdict(list)
    wanted = select(media).where(media.c.post_id.in_([row.id for row in rows])).order_by(media.c.id)
    for row in await connection.execute(wanted):
        files[row.post_id].append(_staff_media(row))
    return [_staff_post(row, tuple(files[row.id])) for row in rows]


def _staff_media(row: Row[Any]) -> StaffMedia:
    return StaffMedia(
        id=row.id,
        url=f"/media/{row.id}",
        type=row.type,
        public=row.public,
        on_air=row.on_air,
        preview=f"/media/{row.id}/preview" if row.preview else None,
        width=row.width,
        height=row.height,
        state=MediaState(row.state),
        transcript_state=TranscriptState(row.transcript_state),
        model=row.model,
        confidence=row.confidence,
        seconds=row.seconds,
        error=row.error,
        peaks=tuple(row.peaks or ()),
        language=row.language,
        forgotten_at=row.forgotten_at,
    )


def _staff_post(row: Row[Any], files: tuple[StaffMedia, ...]) -> StaffPost:
    return StaffPost(
        id=row.id,
        ticket=row.thread_ticket,
        kind=Kind(row.kind),
        state=State(row.state),
        text=row.text,
        channel=row.channel,
        language=row.language,
        department=row.department or row.case_department,
        category=row.category,
        place=Place(row.place, row.lat, row.lon, row.place_slug),
        place_from=row.place_from,
        category_from=row.category_from,
        private=row.private,
        own_voice=row.own_voice,
        ruling=row.ruling,
        rules=tuple(row.rules),
        version=row.version,
        progress=Progress(row.progress or Progress.NEW),
        rule=row.rule,
        due_at=row.due_at if row.stopped_at is None else None,
        handed_to=row.handed_to,
        officer=row.officer_name,
        created_at=row.created_at,
        published_at=row.published_at,
        urgent=row.urgent,
        alike=row.alike,
        group=row.group_id,
        parent=row.parent_id,
        thread_text=row.thread_text if row.parent_id else "",
        media=files,
    )
