"""The line that a post came on, and the one question it may be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.changes import Reach
from store.citizens import of_person
from store.database import Transaction
from store.dialect import upsert
from store.tables_citizens import addresses, citizens, questions
from store.tables_posts import posts
from store.tables_together import reporters


@dataclass(frozen=True, slots=True)
class Line:
    """The line a post came on, whose person may be spoken to there."""

    reach: Reach
    person: str


async def line_of(connection: AsyncConnection, post_id: str) -> Line | None:
    """The line of a post's author; None for a withheld one, and for one that wants to hear nothing."""
    person = func.coalesce(citizens.c.merged_into, citizens.c.id)
    wanted = (
        select(addresses.c.id, addresses.c.scheme, addresses.c.language, addresses.c.chosen, person.label("person"))
        .join(posts, posts.c.citizen_id == addresses.c.citizen_id)
        .join(citizens, citizens.c.id == posts.c.citizen_id)
        .where(posts.c.id == post_id, addresses.c.stopped_at.is_(None))
        .order_by(addresses.c.created_at)
        .limit(1)
    )
    row = (await connection.execute(wanted)).first()
    return Line(Reach(row.id, row.scheme, row.language if row.chosen else None), row.person) if row else None


async def reports(connection: AsyncConnection, person: str, thread_ids: Sequence[str]) -> bool:
    """Whether a person said, or reported too, one of some threads."""
    mine = of_person(person)
    own = select(posts.c.id).where(posts.c.id.in_(thread_ids), posts.c.citizen_id.in_(mine))
    too = select(reporters.c.thread_id).where(reporters.c.thread_id.in_(thread_ids), reporters.c.citizen_id.in_(mine))
    return (await connection.execute(own.union(too).limit(1))).first() is not None


async def ask(
    transaction: Transaction,
    address_id: str,
    kind: str,
    options: Sequence[str],
    post_id: str,
    at: datetime,
    minutes: int,
) -> bool:
    """Put a question to a line for so many minutes; false when another one is open there."""
    connection = transaction.connection
    is_open = select(questions.c.address_id).where(questions.c.address_id == address_id, questions.c.expires_at > at)
    if (await connection.execute(is_open)).first():
        return False
    columns = ["kind", "post_id", "options", "expires_at"]
    row = {"address_id": address_id, "kind": kind, "post_id": post_id, "options": list(options)}
    until = at + timedelta(minutes=minutes)
    await connection.execute(upsert(connection, questions, ["address_id"], columns), {**row, "expires_at": until})
    return True
