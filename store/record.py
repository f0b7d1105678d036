"""What is known of the author of a post: how much he said and what became of it, never who he is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from store.citizens import of_person, person_of
from store.tables_citizens import addresses
from store.tables_history import history
from store.tables_posts import posts

# A rejection for these says nothing against its author.
HARMLESS = ("duplicate", "repeat:own", "phrase:day", "undone")


@dataclass(frozen=True, slots=True)
class Record:
    """A person's posts on all his lines: how many in each state, how many of the rejected are against him, since when
    he is known, and whether the line that this one came on is proved."""

    states: Mapping[State, int]
    against: int
    since: datetime
    proved: bool

    @property
    def number(self) -> int:
        """How many posts it is."""
        return sum(self.states.values())


async def of_author(connection: AsyncConnection, post_id: str) -> Record | None:
    """The record of a post's author; None for what staff wrote and for whoever had himself erased."""
    citizen = (await connection.execute(select(posts.c.citizen_id).where(posts.c.id == post_id))).scalar()
    return await of_citizen(connection, citizen) if citizen else None


async def of_citizen(connection: AsyncConnection, citizen_id: str) -> Record | None:
    """The record of the person a citizen is."""
    own = posts.c.citizen_id.in_(of_person(await person_of(connection, citizen_id)))
    counted = select(posts.c.state, func.count().label("number"), func.min(posts.c.created_at).label("first"))
    rows = (await connection.execute(counted.where(own).group_by(posts.c.state))).all()
    if not rows:
        return None
    harmless = exists().where(history.c.post_id == posts.c.id, history.c.reason.in_(HARMLESS))
    rejected = select(func.count()).select_from(posts).where(own, posts.c.state == State.REJECTED, ~harmless)
    proved = exists().where(addresses.c.citizen_id == citizen_id, addresses.c.proved_at.is_not(None))
    return Record(
        states={State(row.state): row.number for row in rows},
        against=(await connection.execute(rejected)).scalar_one(),
        since=min(row.first for row in rows),
        proved=bool((await connection.execute(select(proved))).scalar()),
    )
