"""Reports about the same thing: joined to one of them, whose work they become, and who reported it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.clock import new_id
from gateway.schema import Kind, State
from gateway.schema_cases import Progress
from store.citizens import of_person
from store.database import Transaction
from store.dialect import insert_new
from store.tables_cases import cases
from store.tables_citizens import citizens, subscriptions
from store.tables_posts import posts
from store.tables_together import reporters

# The reason why what was joined to another report is not shown by itself; told by a phrase of its own.
DUPLICATE = "duplicate"
_person = func.coalesce(citizens.c.merged_into, citizens.c.id)
_owner = citizens.alias("owner")
_owning = func.coalesce(_owner.c.merged_into, _owner.c.id)
# Made once: making it anew for each page takes longer than running it.
_NUMBERS = (
    select(reporters.c.thread_id, func.count(_person.distinct()).label("number"))
    .join(citizens, citizens.c.id == reporters.c.citizen_id)
    .join(posts, posts.c.id == reporters.c.thread_id)
    .outerjoin(_owner, _owner.c.id == posts.c.citizen_id)
    .where(reporters.c.thread_id.in_(bindparam("threads", expanding=True)))
    .where(_owning.is_(None) | (_person != _owning))
    .group_by(reporters.c.thread_id)
)


@dataclass(frozen=True, slots=True)
class Joined:
    """A report that was joined to another, as staff see it."""

    id: str
    ticket: str
    text: str
    channel: str
    state: State
    department: str | None
    private: bool
    created_at: datetime
    at: datetime


async def merge(transaction: Transaction, post_id: str, into: str, state: State, at: datetime) -> None:
    """Make a thread's case another thread's: one that has none yet gets it now, and its clock stands still.

    What was joined to it is joined to that one from now on, so that there is never a chain. `state` is how its post
    stood before.
    """
    connection = transaction.connection
    row: dict[str, Any] = {"thread_id": post_id, "progress": Progress.MERGED, "span": "normal"}
    row |= dict.fromkeys(("opened_at", "begun_at", "due_at"), at)
    await connection.execute(insert_new(connection, cases, ["thread_id"]), row)
    moment = literal(at, cases.c.stopped_at.type)
    stopped = func.coalesce(cases.c.stopped_at, moment)
    values = {"progress": Progress.MERGED, "merged_into": into, "merged_at": at, "merged_state": state}
    changed = update(cases).where(cases.c.thread_id == post_id)
    await connection.execute(changed.values(stopped_at=stopped, handed_to=None, handed_at=None, **values))
    await connection.execute(update(cases).where(cases.c.merged_into == post_id).values(merged_into=into))
    transaction.wake("queue")


async def part(transaction: Transaction, post_id: str, **values: Any) -> None:
    """Make a joined thread's case its own again, with the values of its clock; without any it has no case more."""
    mine = cases.c.thread_id == post_id
    if values:
        known = {**values, "merged_into": None, "merged_at": None, "merged_state": None, "remind_at": clock.now()}
        await transaction.connection.execute(update(cases).where(mine).values(**known))
    else:
        await transaction.connection.execute(delete(cases).where(mine))
    transaction.wake("queue")


async def count_in(
    transaction: Transaction, thread_id: str, post_id: str, citizen_id: str | None, at: datetime
) -> None:
    """Count somebody among the reporters of a thread, by his own report, or by the thread's id when he has none.

    Whoever is counted among those of that report is counted here from now on.
    """
    connection = transaction.connection
    if post_id != thread_id:
        theirs = select(
            literal(thread_id), reporters.c.citizen_id, reporters.c.post_id, literal(at, cases.c.merged_at.type)
        )
        names = ["thread_id", "citizen_id", "post_id", "created_at"]
        moved = insert_new(connection, reporters, names[:3]).from_select(
            names, theirs.where(reporters.c.thread_id == post_id)
        )
        await connection.execute(moved)
        await connection.execute(delete(reporters).where(reporters.c.thread_id == post_id))
    if citizen_id is not None:
        row = {"thread_id": thread_id, "citizen_id": citizen_id, "post_id": post_id, "created_at": at}
        await connection.execute(insert_new(connection, reporters, ["thread_id", "citizen_id", "post_id"]), row)


async def count_out(transaction: Transaction, post_id: str, author_id: str | None) -> None:
    """Take a report's author from the reporters of the thread it was joined to; who said "me too" to that report goes
    back to it."""
    connection, of_it = transaction.connection, reporters.c.post_id == post_id
    if author_id:
        await connection.execute(delete(reporters).where(of_it, reporters.c.citizen_id == author_id))
    await connection.execute(update(reporters).where(of_it).values(thread_id=post_id))


async def follow_instead(transaction: Transaction, topic: str, instead: str, at: datetime) -> None:
    """Have whoever follows a topic follow another one as well."""
    connection = transaction.connection
    wanted = select(subscriptions.c.address_id, subscriptions.c.at_once).where(subscriptions.c.topic == topic)
    rows = [
        {"id": new_id(), "address_id": row.address_id, "topic": instead, "at_once": row.at_once, "created_at": at}
        for row in await connection.execute(wanted)
    ]
    if rows:
        await connection.execute(insert_new(connection, subscriptions, ["topic", "address_id"]), rows)


async def is_reported(connection: AsyncConnection, thread_id: str) -> bool:
    """Whether anybody but its author reported what a thread tells."""
    wanted = select(reporters.c.post_id).where(reporters.c.thread_id == thread_id).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def reported(connection: AsyncConnection, thread_id: str, person: str) -> bool:
    """Whether a person (see `citizens.person_of`) is among those who reported what a thread tells."""
    wanted = select(reporters.c.post_id).join(citizens, citizens.c.id == reporters.c.citizen_id)
    wanted = wanted.where(reporters.c.thread_id == thread_id, _person == person).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def also_reported(connection: AsyncConnection, person: str) -> list[tuple[str, datetime]]:
    """The tickets of the threads of which a person said "me too", and when; his own reports that were joined are his
    posts."""
    wanted = (
        select(posts.c.ticket, reporters.c.created_at)
        .join(posts, posts.c.id == reporters.c.thread_id)
        .where(reporters.c.citizen_id.in_(of_person(person)), reporters.c.post_id == reporters.c.thread_id)
        .order_by(reporters.c.created_at)
    )
    return [(row.ticket, row.created_at) for row in await connection.execute(wanted)]


async def numbers(connection: AsyncConnection, thread_ids: Sequence[str]) -> dict[str, int]:
    """How many people reported what threads tell, each person once and the author among them; one alone is left out."""
    if not thread_ids:
        return {}
    rows = await connection.execute(_NUMBERS, {"threads": list(thread_ids)})
    return {row.thread_id: row.number + 1 for row in rows}


async def joined_to(connection: AsyncConnection, thread_id: str, limit: int = 100) -> list[Joined]:
    """The reports that were joined to a thread, oldest first."""
    wanted = _joined().where(cases.c.merged_into == thread_id).order_by(cases.c.merged_at, posts.c.id).limit(limit)
    return [_read(row) for row in await connection.execute(wanted)]


async def ids_joined_to(connection: AsyncConnection, thread_id: str) -> list[str]:
    """The ids of all of them."""
    wanted = select(cases.c.thread_id).where(cases.c.merged_into == thread_id).order_by(cases.c.merged_at)
    return list((await connection.execute(wanted)).scalars())


async def last_answer(connection: AsyncConnection, thread_id: str) -> tuple[str, str | None] | None:
    """The words of the newest answer of a thread that everybody may read, and whose they are."""
    wanted = select(posts.c.text, posts.c.department).where(
        posts.c.thread_id == thread_id,
        posts.c.kind == Kind.ANSWER,
        posts.c.state == State.PUBLISHED,
        posts.c.private.is_(False),
    )
    row = (await connection.execute(wanted.order_by(posts.c.created_at.desc()).limit(1))).first()
    return (row.text, row.department) if row else None


def _joined() -> Select[Any]:
    columns = (posts.c.id, posts.c.ticket, posts.c.text, posts.c.channel, posts.c.state, posts.c.private)
    return select(*columns, posts.c.created_at, cases.c.department, cases.c.merged_at).join(
        posts, posts.c.id == cases.c.thread_id
    )


def _read(row: Any) -> Joined:
    return Joined(
        id=row.id,
        ticket=row.ticket,
        text=row.text,
        channel=row.channel,
        state=State(row.state),
        department=row.department,
        private=row.private,
        created_at=row.created_at,
        at=row.merged_at,
    )
