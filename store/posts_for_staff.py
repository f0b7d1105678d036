"""Posts as staff read them: whole, in whatever state, with their files. Nothing here opens what is sealed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.schema import Kind, MediaState, Place, State, TranscriptState
from gateway.schema_cases import Progress
from store.posts import MOST
from store.tables_cases import cases
from store.tables_media import media
from store.tables_posts import posts
from store.tables_staff import accounts

_thread, _same = posts.alias("thread"), posts.alias("same")
_waiting = posts.c.state.in_([State.PENDING, State.HELD])


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


async def waiting(connection: AsyncConnection) -> int:
    """How many decisions wait: posts that say the same are one."""
    wanted = select(func.count()).where(_waiting, posts.c.group_id.is_(None))
    return (await connection.execute(wanted)).scalar_one()


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


async def counts(connection: AsyncConnection) -> dict[State, int]:
    """How many posts stand in each state."""
    rows = await connection.execute(select(posts.c.state, func.count()).group_by(posts.c.state))
    return {State(state): number for state, number in rows}


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
