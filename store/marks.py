"""Marks: whether a report was solved in its author's eyes, and how content he is, once for each round of answers."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from store.citizens import of_person
from store.database import Transaction
from store.dialect import upsert
from store.tables_marks import marks

# From this mark down somebody is not content, and from that one up he is.
BAD, GOOD = 2, 4
CHANGED = ("solved", "mark", "channel", "before", "at")


@dataclass(frozen=True, slots=True)
class Mark:
    """What one author says of the answers of one round; `mark` is 1 (bad) to 5 (good).

    `before` is how the case stood when this reopened it (`cases` columns, moments in ISO 8601), else None.
    """

    thread_id: str
    round: int
    citizen_id: str | None
    department: str | None
    solved: bool | None
    mark: int | None
    channel: str
    at: datetime
    before: Mapping[str, Any] | None = None

    @property
    def bad(self) -> bool:
        """Whether its author is not content: what reopens a case."""
        return self.solved is False or (self.mark is not None and self.mark <= BAD)


async def keep(transaction: Transaction, mark: Mark) -> None:
    """Keep a mark; a later one of the same author in the same round takes its place."""
    kept = upsert(transaction.connection, marks, ["thread_id", "round", "citizen_id"], CHANGED)
    await transaction.connection.execute(kept, {"id": clock.new_id(), **asdict(mark)})
    transaction.wake("queue")


async def of_threads(connection: AsyncConnection, thread_ids: Collection[str]) -> Mapping[str, Sequence[Mark]]:
    """All marks of some threads, by thread, in the order they were given."""
    found: defaultdict[str, list[Mark]] = defaultdict(list)
    if thread_ids:
        wanted = select(marks).where(marks.c.thread_id.in_(thread_ids)).order_by(marks.c.round, marks.c.at)
        for row in await connection.execute(wanted):
            found[row.thread_id].append(_read(row))
    return found


async def newest_of(connection: AsyncConnection, thread_id: str, person: str) -> Mark | None:
    """The newest mark of a person (see `citizens.person_of`) in a thread, or None."""
    own = marks.c.citizen_id.in_(of_person(person))
    wanted = select(marks).where(marks.c.thread_id == thread_id, own).order_by(marks.c.round.desc()).limit(1)
    row = (await connection.execute(wanted)).first()
    return _read(row) if row else None


def is_bad() -> ColumnElement[bool]:
    """The same as `Mark.bad`, for a question."""
    return or_(marks.c.solved.is_(False), marks.c.mark <= BAD)


def _read(row: Row[Any]) -> Mark:
    return Mark(
        thread_id=row.thread_id,
        round=row.round,
        citizen_id=row.citizen_id,
        department=row.department,
        solved=row.solved,
        mark=row.mark,
        channel=row.channel,
        at=row.at,
        before=row.before,
    )
