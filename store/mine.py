"""What a person may see of himself: all his posts in whatever state, what was said to him, what came from him."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import Kind, MediaState, Place, State
from gateway.schema_cases import Progress
from gateway.schema_outgoing import Audience, DeliveryState
from store.citizens import of_person
from store.cursors import cursor_at, position_of
from store.tables_cases import cases
from store.tables_citizens import keys
from store.tables_deliveries import deliveries
from store.tables_media import media
from store.tables_posts import incoming, posts
from store.vault import SealingKey, Vault

_thread, _main = posts.alias("thread"), posts.alias("main")


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that came with a post."""

    id: str
    url: str
    type: str
    state: MediaState


@dataclass(frozen=True, slots=True)
class OwnPost:
    """A post as its author sees it, or one under it. `text` is masked; what he wrote is sealed elsewhere.

    One that was joined to another thread names it: `joined` its ticket, `root` its id; else `root` is the post's own
    thread.
    """

    id: str
    thread_id: str
    ticket: str
    kind: Kind
    state: State
    text: str
    channel: str
    department: str | None
    category: str | None
    place: Place
    private: bool
    own_voice: bool
    progress: Progress
    language: str
    created_at: datetime
    published_at: datetime | None
    own: bool = True
    first: bool = True
    media: tuple[OwnFile, ...] = ()
    joined: str | None = None
    root: str = ""

    @property
    def public(self) -> bool:
        """Whether everybody may read it."""
        return self.state is State.PUBLISHED and not self.private


@dataclass(frozen=True, slots=True)
class Message:
    """One message that was for a line; `key` opens what of it is sealed, None when there is none or it is gone."""

    id: int
    address_id: str
    post_id: str | None
    ticket: str | None
    audience: Audience
    channel: str
    phrase: str
    values: dict[str, Any]
    sealed: bytes | None
    key: SealingKey | None
    language: str
    state: DeliveryState
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message that came from a line, with what is kept of it beside the text, while it is kept."""

    address_id: str
    post_id: str | None
    channel: str
    received_at: datetime
    kept: Mapping[str, Any]


async def written(
    connection: AsyncConnection, person: str, *, limit: int, cursor: str | None = None
) -> tuple[list[OwnPost], str | None]:
    """A person's threads, and his comments under threads of others, newest first; and the next page's cursor."""
    mine = of_person(person)
    others_thread = _thread.c.citizen_id.is_(None) | _thread.c.citizen_id.not_in(mine)
    wanted = _own().where(posts.c.citizen_id.in_(mine), or_(posts.c.parent_id.is_(None), others_thread))
    if cursor:
        moment, post_id = position_of(cursor)
        earlier = posts.c.created_at < moment
        wanted = wanted.where(or_(earlier, and_(posts.c.created_at == moment, posts.c.id < post_id)))
    wanted = wanted.order_by(posts.c.created_at.desc(), posts.c.id.desc()).limit(limit + 1)
    rows = (await connection.execute(wanted)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    page = await _dressed(connection, rows[:limit], person)
    return page, last and cursor_at(last.created_at, last.id)


async def replies(connection: AsyncConnection, person: str, threads: Sequence[str]) -> Mapping[str, list[OwnPost]]:
    """What stands under a person's own threads, by thread in order: answers, his own words, and what is public."""
    under: defaultdict[str, list[OwnPost]] = defaultdict(list)
    if threads:
        wanted = _own().where(
            posts.c.thread_id.in_(threads),
            posts.c.parent_id.is_not(None),
            or_(_told(), posts.c.citizen_id.in_(of_person(person))),
        )
        rows = (await connection.execute(wanted.order_by(posts.c.created_at, posts.c.id))).all()
        for post in await _dressed(connection, rows, person):
            under[post.thread_id].append(post)
    return under


async def newest_public(connection: AsyncConnection, person: str, limit: int) -> Sequence[str]:
    """The ids of a person's newest threads that everybody may read."""
    shown = (posts.c.state == State.PUBLISHED) & posts.c.private.is_(False) & posts.c.parent_id.is_(None)
    wanted = select(posts.c.id).where(posts.c.citizen_id.in_(of_person(person)), shown)
    return (await connection.execute(wanted.order_by(posts.c.created_at.desc()).limit(limit))).scalars().all()


async def was_answered(connection: AsyncConnection, person: str, post_id: str) -> bool:
    """Whether a post is a published answer to a person's own thread."""
    wanted = (
        select(posts.c.id)
        .join(_thread, _thread.c.id == posts.c.thread_id)
        .where(posts.c.id == post_id, posts.c.kind == Kind.ANSWER, posts.c.state == State.PUBLISHED)
        .where(_thread.c.citizen_id.in_(of_person(person)))
    )
    return (await connection.execute(wanted)).first() is not None


async def wrote(connection: AsyncConnection, person: str, post_id: str) -> bool:
    """Whether a post is a person's."""
    wanted = select(posts.c.id).where(posts.c.id == post_id, posts.c.citizen_id.in_(of_person(person)))
    return (await connection.execute(wanted)).first() is not None


async def messages(connection: AsyncConnection, address_ids: Sequence[str], vault: Vault) -> list[Message]:
    """Everything that was to be said to some lines, oldest first."""
    wanted = (
        select(deliveries, keys.c.wrapped, _thread.c.ticket)
        .outerjoin(keys, keys.c.id == deliveries.c.key_id)
        .outerjoin(posts, posts.c.id == deliveries.c.post_id)
        .outerjoin(_thread, _thread.c.id == posts.c.thread_id)
        .where(deliveries.c.address_id.in_(address_ids))
        .order_by(deliveries.c.id)
    )
    return [
        Message(
            id=row.id,
            address_id=row.address_id,
            post_id=row.post_id,
            ticket=row.ticket,
            audience=Audience(row.audience),
            channel=row.channel,
            phrase=row.phrase,
            values=dict(row.values),
            sealed=row.sealed,
            key=vault.unwrap(row.key_id, row.wrapped) if row.wrapped else None,
            language=row.language,
            state=DeliveryState(row.state),
            created_at=row.created_at,
            done_at=row.done_at,
        )
        for row in await connection.execute(wanted)
    ]


async def arrivals(connection: AsyncConnection, address_ids: Sequence[str], vault: Vault) -> list[Arrival]:
    """Everything that came from some lines, oldest first."""
    wanted = (
        select(incoming, keys.c.wrapped)
        .join(keys, keys.c.id == incoming.c.key_id)
        .where(incoming.c.address_id.in_(address_ids))
        .order_by(incoming.c.address_id, incoming.c.taken_at)
    )
    return [
        Arrival(row.address_id, row.post_id, row.channel, row.received_at, _payload(vault, row))
        for row in await connection.execute(wanted)
    ]


def _payload(vault: Vault, row: Row[Any]) -> Mapping[str, Any]:
    if not row.sealed or not row.wrapped:
        return {}
    key = vault.unwrap(row.key_id, row.wrapped)
    kept: Mapping[str, Any] = json.loads(vault.open(row.sealed, f"incoming.sealed:{row.id}", key))
    return kept


def _told() -> ColumnElement[bool]:
    """What the author of a thread may read under it: what everybody may, and answers meant for him alone."""
    return (posts.c.state == State.PUBLISHED) & (posts.c.private.is_(False) | (posts.c.kind == Kind.ANSWER))


def _own() -> Select[Any]:
    return (
        select(posts, cases.c.progress, cases.c.department.label("case_department"))
        .add_columns(_thread.c.ticket.label("thread_ticket"), cases.c.merged_into, _main.c.ticket.label("main_ticket"))
        .join(_thread, _thread.c.id == posts.c.thread_id)
        .outerjoin(cases, cases.c.thread_id == posts.c.thread_id)
        .outerjoin(_main, _main.c.id == cases.c.merged_into)
    )


async def _dressed(connection: AsyncConnection, rows: Sequence[Row[Any]], person: str) -> list[OwnPost]:
    """Rows as posts, his own and answers with all their files."""
    mine = {row.id for row in await connection.execute(of_person(person))}
    own = [row.id for row in rows if row.citizen_id in mine or row.kind == Kind.ANSWER]
    files: defaultdict[str, list[OwnFile]] = defaultdict(list)
    if own:
        columns = (media.c.id, media.c.post_id, media.c.type, media.c.state)
        for row in await connection.execute(select(*columns).where(media.c.post_id.in_(own)).order_by(media.c.id)):
            files[row.post_id].append(OwnFile(row.id, f"/media/{row.id}", row.type, MediaState(row.state)))
    return [_post(row, row.citizen_id in mine, tuple(files[row.id])) for row in rows]


def _post(row: Row[Any], own: bool, files: tuple[OwnFile, ...]) -> OwnPost:
    return OwnPost(
        id=row.id,
        thread_id=row.thread_id,
        ticket=row.thread_ticket,
        kind=Kind(row.kind),
        state=State(row.state),
        text=row.text,
        channel=row.channel,
        department=row.department or row.case_department,
        category=row.category,
        place=Place(row.place, row.lat, row.lon),
        private=row.private,
        own_voice=row.own_voice,
        progress=Progress(row.progress or Progress.NEW),
        language=row.language,
        created_at=row.created_at,
        published_at=row.published_at,
        own=own,
        first=row.parent_id is None,
        media=files,
        joined=row.main_ticket,
        root=row.merged_into or row.thread_id,
    )
