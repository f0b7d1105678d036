"""Cases whose deadlines are over, for the staff: what waits for whom the longest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from gateway.schema_cases import OPEN_PROGRESS, Progress
from store.cases import Case, read
from store.tables_cases import cases
from store.tables_posts import posts
from store.tables_staff import accounts


@dataclass(frozen=True, slots=True)
class LateCase:
    """A case with what is to be shown of its thread; `officer` is the name of who deals with it."""

    case: Case
    ticket: str
    text: str
    private: bool
    urgent: bool
    officer: str | None


async def not_taken_over(
    connection: AsyncConnection, before: datetime, own: Collection[str] | None, limit: int
) -> Sequence[LateCase]:
    """What was passed on by a moment and neither accepted nor refused since."""
    wanted = _wanted(own).where(cases.c.progress == Progress.PASSED_ON, cases.c.handed_at <= before)
    return await _read(connection, wanted.order_by(cases.c.handed_at).limit(limit))


async def not_accepted(
    connection: AsyncConnection, at: datetime, own: Collection[str] | None, limit: int
) -> Sequence[LateCase]:
    """What its department should have accepted by a moment."""
    wanted = _wanted(own).where(
        cases.c.acknowledged_at.is_(None),
        cases.c.acknowledge_by <= at,
        cases.c.department.is_not(None),
        cases.c.stopped_at.is_(None),
        cases.c.progress.in_(OPEN_PROGRESS),
    )
    return await _read(connection, wanted.order_by(cases.c.acknowledge_by).limit(limit))


async def not_answered(
    connection: AsyncConnection, at: datetime, own: Collection[str] | None, limit: int
) -> Sequence[LateCase]:
    """What should have been answered by a moment."""
    wanted = _wanted(own).where(cases.c.stopped_at.is_(None), cases.c.due_at <= at, cases.c.progress.in_(OPEN_PROGRESS))
    return await _read(connection, wanted.order_by(cases.c.due_at).limit(limit))


def _wanted(own: Collection[str] | None) -> Select[Any]:
    """Cases of published threads; of some departments alone when they are given, also those passed on to them."""
    wanted = (
        select(cases, posts.c.ticket, posts.c.text, posts.c.private, posts.c.urgent, accounts.c.name)
        .join(posts, posts.c.id == cases.c.thread_id)
        .outerjoin(accounts, accounts.c.id == cases.c.officer)
        .where(posts.c.state == State.PUBLISHED)
    )
    return wanted if own is None else wanted.where(or_(cases.c.department.in_(own), cases.c.handed_to.in_(own)))


async def _read(connection: AsyncConnection, wanted: Select[Any]) -> Sequence[LateCase]:
    rows = await connection.execute(wanted)
    return [LateCase(read(row), row.ticket, row.text, row.private, row.urgent, row.name) for row in rows]
