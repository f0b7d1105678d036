"""Changes of posts, inside the transaction that also writes history and broadcast."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import new_id
from gateway.errors import NotFound
from gateway.schema import Kind, Place, State
from store.citizens import of_person, person_of
from store.database import Transaction
from store.dialect import insert_new, upsert
from store.tables_cases import cases
from store.tables_citizens import addresses, subscriptions
from store.tables_media import media
from store.tables_posts import posts
from store.tables_search import unindexed


@dataclass(frozen=True, slots=True)
class Changing:
    """A post as a decision needs it; `author_id` is the citizen who said it, and for an answer that of its thread."""

    id: str
    thread_id: str
    ticket: str
    kind: Kind
    state: State
    thread_state: State
    text: str
    category: str | None
    place: Place
    place_from: str | None
    category_from: str | None
    department: str | None
    language: str
    thread_language: str
    private: bool
    asked_private: bool
    author_id: str | None
    channel: str
    version: int
    created_at: datetime
    published_at: datetime | None
    own_voice: bool
    group_id: str | None = None
    urgent: bool = False
    # The thread that its thread was joined to.
    joined: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that stands under a thread, and how many files came with it."""

    id: str
    state: State
    department: str | None
    text: str
    files: int


@dataclass(frozen=True, slots=True)
class Reach:
    """One line of a person as telling him something needs it; `language` is what he chose for it."""

    id: str
    scheme: str
    language: str | None


async def load(connection: AsyncConnection, reference: str, *, hold: bool = False) -> Changing:
    """A post by id, or the post of a ticket. Raises `NotFound`.

    With `hold` no other process changes it until the transaction ends: for whoever decides by what it is now.
    """
    column = posts.c.ticket if len(reference) == 8 else posts.c.id
    wanted = _changing().where(column == reference)
    row = (await connection.execute(wanted.with_for_update(of=posts) if hold else wanted)).first()
    if row is None:
        raise NotFound(f"there is no post {reference}")
    return _read(row)


async def own_ticket(connection: AsyncConnection, post_id: str) -> str | None:
    """The ticket a post itself has: of a word under a thread, if it came as a report."""
    found: str | None = (await connection.execute(select(posts.c.ticket).where(posts.c.id == post_id))).scalar()
    return found


async def load_many(connection: AsyncConnection, post_ids: Collection[str]) -> dict[str, Changing]:
    """Posts by id; what is not there is left out."""
    if not post_ids:
        return {}
    rows = await connection.execute(_changing().where(posts.c.id.in_(post_ids)))
    return {row.id: _read(row) for row in rows}


async def apply(transaction: Transaction, post_id: str, **values: Any) -> None:
    """Change a post and count its version up; staff pages hear of it."""
    changed = update(posts).where(posts.c.id == post_id)
    await transaction.connection.execute(changed.values(version=posts.c.version + 1, **values))
    transaction.wake("queue")
    if "text" in values or "place" in values:
        await leave_to_index(transaction, [post_id])


async def keep_private(transaction: Transaction, thread_id: str, private: bool) -> None:
    """Keep a whole thread from the public, or show it but for what somebody added in confidence."""
    of_thread = update(posts).where(posts.c.thread_id == thread_id)
    if not private:
        of_thread = of_thread.where(posts.c.asked_private.is_(False))
    await transaction.connection.execute(of_thread.values(private=private))
    transaction.wake("media")


async def leave_to_index(transaction: Transaction, post_ids: Sequence[str]) -> None:
    """Have staff's search take posts in as they are now."""
    # Updated where it stands there: the lock keeps whoever indexes from taking it with the words of before.
    again = upsert(transaction.connection, unindexed, ["post_id"], ["post_id"])
    await transaction.connection.execute(again, [{"post_id": post_id} for post_id in post_ids])
    transaction.wake("unindexed")


async def last_answer(connection: AsyncConnection, thread_id: str, since: datetime) -> Said | None:
    """The last answer to a thread since a moment that was not taken back."""
    files = select(func.count()).where(media.c.post_id == posts.c.id).scalar_subquery()
    stands = posts.c.state.in_([State.PENDING, State.HELD, State.PUBLISHED])
    wanted = (
        select(posts.c.id, posts.c.state, posts.c.department, posts.c.text, files)
        .where(posts.c.thread_id == thread_id, posts.c.created_at >= since, stands, posts.c.kind == Kind.ANSWER)
        .order_by(posts.c.created_at.desc(), posts.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(wanted)).first()
    return Said(row[0], State(row[1]), row[2], row[3], row[4]) if row else None


async def insert(transaction: Transaction, row: dict[str, Any]) -> None:
    """Add a post that staff wrote."""
    await transaction.connection.execute(posts.insert(), row)
    transaction.wake("queue")
    await leave_to_index(transaction, [row["id"]])


async def follow(transaction: Transaction, citizen_id: str, topic: str, at: datetime) -> None:
    """Have every line of a person that is not muted follow a topic."""
    reached = await reaches(transaction.connection, citizen_id)
    rows = [{"id": new_id(), "address_id": reach.id, "topic": topic, "created_at": at} for reach in reached]
    if rows:
        statement = insert_new(transaction.connection, subscriptions, ["topic", "address_id"])
        await transaction.connection.execute(statement, rows)


async def unfollow(transaction: Transaction, citizen_id: str, topic: str, at: datetime) -> None:
    """Take back what `follow` added at a moment."""
    reached = [reach.id for reach in await reaches(transaction.connection, citizen_id)]
    added = delete(subscriptions).where(subscriptions.c.topic == topic, subscriptions.c.created_at == at)
    await transaction.connection.execute(added.where(subscriptions.c.address_id.in_(reached)))


async def reaches(connection: AsyncConnection, citizen_id: str) -> list[Reach]:
    """Every line of the person a citizen is, but those he muted; the line the citizen spoke on hears in any case."""
    person = await person_of(connection, citizen_id)
    wanted = select(addresses.c.id, addresses.c.scheme, addresses.c.language, addresses.c.chosen).where(
        addresses.c.citizen_id.in_(of_person(person)),
        addresses.c.muted_at.is_(None) | (addresses.c.citizen_id == citizen_id),
    )
    rows = await connection.execute(wanted)
    return [Reach(row.id, row.scheme, row.language if row.chosen else None) for row in rows]


def _changing() -> Select[Any]:
    thread = posts.alias("thread")
    return (
        select(
            posts,
            thread.c.ticket.label("thread_ticket"),
            # Not the thread's where a post has none of its own: its author may have had himself erased.
            case((posts.c.kind == Kind.ANSWER, thread.c.citizen_id), else_=posts.c.citizen_id).label("author_id"),
            thread.c.state.label("thread_state"),
            thread.c.language.label("thread_language"),
            cases.c.department.label("case_department"),
            cases.c.merged_into,
        )
        .join(thread, thread.c.id == posts.c.thread_id)
        .outerjoin(cases, cases.c.thread_id == posts.c.thread_id)
    )


def _read(row: Row[Any]) -> Changing:
    return Changing(
        id=row.id,
        thread_id=row.thread_id,
        ticket=row.thread_ticket,
        kind=Kind(row.kind),
        state=State(row.state),
        thread_state=State(row.thread_state),
        text=row.text,
        category=row.category,
        place=Place(row.place, row.lat, row.lon, row.place_slug),
        place_from=row.place_from,
        category_from=row.category_from,
        department=row.department or row.case_department,
        language=row.language,
        thread_language=row.thread_language,
        private=row.private,
        asked_private=row.asked_private,
        author_id=row.author_id,
        channel=row.channel,
        version=row.version,
        created_at=row.created_at,
        published_at=row.published_at,
        own_voice=row.own_voice,
        group_id=row.group_id,
        urgent=row.urgent,
        joined=row.merged_into,
    )
