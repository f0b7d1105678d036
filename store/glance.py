"""What waits right now, for whoever looks at the whole: for a decision, and for an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from gateway.schema_cases import OPEN_PROGRESS
from store.tables_cases import cases
from store.tables_posts import posts


@dataclass(frozen=True, slots=True)
class Waiting:
    """Posts to be decided (those that say the same are one): how many, with emergency words, put aside; the oldest."""

    number: int = 0
    urgent: int = 0
    held: int = 0
    oldest: datetime | None = None


async def waiting(connection: AsyncConnection) -> Waiting:
    """What waits for a decision."""
    wanted = select(posts.c.state, posts.c.urgent, func.count().label("number"), func.min(posts.c.created_at))
    wanted = wanted.where(posts.c.state.in_([State.PENDING, State.HELD]), posts.c.group_id.is_(None))
    rows = (await connection.execute(wanted.group_by(posts.c.state, posts.c.urgent))).all()
    return Waiting(
        number=sum(row.number for row in rows),
        urgent=sum(row.number for row in rows if row.urgent),
        held=sum(row.number for row in rows if row.state == State.HELD),
        oldest=min((row[3] for row in rows), default=None),
    )


async def unanswered(connection: AsyncConnection, departments: Sequence[str]) -> int:
    """How many threads some departments were given and have not answered."""
    wanted = select(func.count()).where(cases.c.department.in_(departments), cases.c.progress.in_(OPEN_PROGRESS))
    return (await connection.execute(wanted)).scalar_one()
