"""Marks: whether a report was solved in its author's eyes, and how content he is, once for each round of answers."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from store.citizens import of_person as citizens_of
from store.database import Transaction
from store.tables_citizens import citizens
from store.tables_marks import marks

# From this mark down somebody is not content, and from that one up he is.
BAD, GOOD = 2, 4


# Each with the person it stands for by now. Made once: it is asked for every page of posts.
_OF_THREADS = (
    select(marks, func.coalesce(citizens.c.merged_into, marks.c.citizen_id).label("person"))
    .outerjoin(citizens, citizens.c.id == marks.c.citizen_id)
    .where(marks.c.thread_id.in_(bindparam("threads", expanding=True)))
    .order_by(marks.c.round, marks.c.at)
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one author says of the answers of one round; `mark` is 1 (bad) to 5 (good), `citizen_id` the person's.

    `before` is how the case stood when this reopened it (`cases` columns, moments in ISO 8601), else None. By an
    `escalated` one the supervisors were told that somebody is not content with the answers of its round.
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
    escalated: bool = False

    @property
    def bad(self) -> bool:
        """Whether its author is not content: what reopens a case."""
        return self.solved is False or (self.mark is not None and self.mark <= BAD)


async def keep(transaction: Transaction, mark: Mark) -> None:
    """Keep a mark; a later one of the same person in the same round takes its place, whatever line either came on."""
    of_round = delete(marks).where(marks.c.thread_id == mark.thread_id, marks.c.round == mark.round)
    if mark.citizen_id:
        own = or_(marks.c.citizen_id == mark.citizen_id, marks.c.citizen_id.in_(citizens_of(mark.citizen_id)))
        await transaction.connection.execute(of_round.where(own))
    await transaction.connection.execute(marks.insert(), {"id": clock.new_id(), **asdict(mark)})
    transaction.wake("queue")


async def of_threads(connection: AsyncConnection, thread_ids: Collection[str]) -> Mapping[str, Sequence[Mark]]:
    """All marks of some threads, by thread, in the order they were given."""
    found: defaultdict[str, list[Mark]] = defaultdict(list)
    if thread_ids:
        for row in await connection.execute(_OF_THREADS, {"threads": list(thread_ids)}):
            found[row.thread_id].append(_read(row))
    return found


def is_awaited(known: Sequence[Mark], of_round: int, person: str) -> bool:
    """Whether a person has not judged a round yet, by all marks of its thread."""
    return not any(mark.round == of_round and mark.citizen_id == person for mark in known)


async def of_person(connection: AsyncConnection, person: str) -> Sequence[Mark]:
    """All marks that a person gave, oldest first."""
    wanted = select(marks, marks.c.citizen_id.label("person")).where(marks.c.citizen_id.in_(citizens_of(person)))
    return [_read(row) for row in await connection.execute(wanted.order_by(marks.c.at))]


def judged(thread_id: ColumnElement[str], *, bad: bool) -> ColumnElement[bool]:
    """Whether a thread was judged so in the newest round that was judged; one who is not content makes it bad."""
    of_thread, later = marks.c.thread_id == thread_id, marks.alias("later")
    newest = select(func.max(later.c.round)).where(later.c.thread_id == thread_id).scalar_subquery()
    of_newest = select(marks.c.id).where(of_thread, marks.c.round == newest)
    if bad:
        return of_newest.where(is_bad()).exists()
    return and_(of_newest.where(is_good()).exists(), ~of_newest.where(is_bad()).exists())


def is_good() -> ColumnElement[bool]:
    """Whether a mark says that somebody is content, for a question."""
    return or_(marks.c.solved.is_(True), marks.c.mark >= GOOD)


def is_bad() -> ColumnElement[bool]:
    """The same as `Mark.bad`, for a question."""
    return or_(marks.c.solved.is_(False), marks.c.mark <= BAD)


def _read(row: Row[Any]) -> Mark:
    return Mark(
        thread_id=row.thread_id,
        round=row.round,
        citizen_id=row.person,
        department=row.department,
        solved=row.solved,
        mark=row.mark,
        channel=row.channel,
        at=row.at,
        before=row.before,
        escalated=row.escalated,
    )
