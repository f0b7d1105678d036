"""Reports that may be about the same thing: found by their marks (see `journey.sketch`), and what is like what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import CITIZEN_KINDS, Place, State
from store.database import Transaction
from store.dialect import insert_all
from store.tables_cases import cases
from store.tables_posts import posts
from store.tables_together import likenesses, sketches

# Of each mark so many of the newest are looked at, and of all that are found those with most marks in common: a look-up
# costs the same however much was reported.
NEWEST = 40
MOST = 60
_main = posts.alias("main")


@dataclass(frozen=True, slots=True)
class Report:
    """A report that may be about the same thing as another; of one that was joined, the one it was joined to.

    `words` are the report's own, by which it was found.
    """

    id: str
    ticket: str
    text: str
    words: str
    state: State
    private: bool
    category: str | None
    place: Place
    channel: str
    citizen_id: str | None
    created_at: datetime

    @property
    def public(self) -> bool:
        """Whether everybody may read it."""
        return self.state is State.PUBLISHED and not self.private


async def keep(transaction: Transaction, marks: Mapping[str, tuple[datetime, Sequence[int]]]) -> None:
    """Have reports, by id with when they came, found by these marks and no others."""
    connection = transaction.connection
    await connection.execute(delete(sketches).where(sketches.c.post_id.in_(list(marks))))
    rows = [
        {"mark": mark, "created_at": at, "post_id": post_id}
        for post_id, (at, of_it) in marks.items()
        for mark in dict.fromkeys(of_it)
    ]
    if rows:
        await insert_all(connection, sketches, rows, ("mark", "created_at", "post_id"))


async def found_by(connection: AsyncConnection, marks: Sequence[int], since: datetime) -> list[Report]:
    """The reports that share most of some marks, and came since a moment."""
    if not marks:
        return []
    asked: dict[str, Any] = {f"mark_{number}": mark for number, mark in enumerate(marks)}
    rows = await connection.execute(_sharing(len(marks)), {**asked, "since": since})
    shared = Counter(row.post_id for row in rows)
    return await reports(connection, [post_id for post_id, _ in shared.most_common(MOST)])


async def reports(connection: AsyncConnection, post_ids: Sequence[str]) -> list[Report]:
    """First posts of citizens by id; what was joined to another one as that one."""
    wanted = (
        select(posts, _main.c.id.label("main_id"), _main.c.ticket.label("main_ticket"))
        .add_columns(_main.c.text.label("main_text"), _main.c.state.label("main_state"))
        .add_columns(_main.c.private.label("main_private"))
        .outerjoin(cases, cases.c.thread_id == posts.c.id)
        .outerjoin(_main, _main.c.id == cases.c.merged_into)
        .where(posts.c.id.in_(post_ids), posts.c.parent_id.is_(None), posts.c.kind.in_(CITIZEN_KINDS))
    )
    return [_report(row) for row in await connection.execute(wanted)]


async def note(
    transaction: Transaction, post_ids: Sequence[str], likest: Mapping[str, tuple[str, float]], at: datetime
) -> None:
    """Keep which other report each of some is most like, and how much; those that are like none have none."""
    connection = transaction.connection
    await connection.execute(delete(likenesses).where(likenesses.c.post_id.in_(post_ids)))
    rows = [
        {"post_id": post_id, "other_id": other, "share": share, "created_at": at}
        for post_id, (other, share) in likest.items()
    ]
    if rows:
        await connection.execute(insert(likenesses), rows)
        transaction.wake("queue")


async def noted(connection: AsyncConnection, post_ids: Sequence[str]) -> dict[str, Report]:
    """Of some posts the other report that each is most like, while it can be joined to it."""
    if not post_ids:
        return {}
    wanted = select(likenesses.c.post_id, likenesses.c.other_id).where(likenesses.c.post_id.in_(post_ids))
    pairs = {row.post_id: row.other_id for row in await connection.execute(wanted)}
    # By the id it was noted by: what was joined since stands there as what it was joined to.
    known = await _by_own_id(connection, list(pairs.values()))
    return {
        post_id: known[other_id]
        for post_id, other_id in pairs.items()
        if other_id in known and known[other_id].public and known[other_id].id != post_id
    }


async def forget(transaction: Transaction, before: datetime) -> int:
    """Forget by what reports from before a moment were found; gives how many marks."""
    await transaction.connection.execute(delete(likenesses).where(likenesses.c.created_at < before))
    return (await transaction.connection.execute(delete(sketches).where(sketches.c.created_at < before))).rowcount


@lru_cache(maxsize=32)
def _sharing(number: int) -> Select[Any]:
    """For each of so many marks its newest posts."""
    since = bindparam("since", type_=sketches.c.created_at.type)
    newest = [
        select(sketches.c.post_id)
        .where(sketches.c.mark == bindparam(f"mark_{at}", type_=sketches.c.mark.type), sketches.c.created_at > since)
        .order_by(sketches.c.created_at.desc())
        .limit(NEWEST)
        .subquery()
        for at in range(number)
    ]
    return select(union_all(*(select(one.c.post_id) for one in newest)).subquery().c.post_id)


async def _by_own_id(connection: AsyncConnection, post_ids: Sequence[str]) -> dict[str, Report]:
    rows = await connection.execute(
        select(cases.c.thread_id, cases.c.merged_into).where(
            cases.c.thread_id.in_(post_ids), cases.c.merged_into.is_not(None)
        )
    )
    joined = {row.thread_id: row.merged_into for row in rows}
    found = {one.id: one for one in await reports(connection, [joined.get(one, one) for one in post_ids])}
    return {one: found[joined.get(one, one)] for one in post_ids if joined.get(one, one) in found}


def _report(row: Any) -> Report:
    joined = row.main_id is not None
    return Report(
        id=row.main_id if joined else row.id,
        ticket=row.main_ticket if joined else row.ticket,
        text=row.main_text if joined else row.text,
        words=row.text,
        state=State(row.main_state if joined else row.state),
        private=row.main_private if joined else row.private,
        category=row.category,
        place=Place(row.place, row.lat, row.lon),
        channel=row.channel,
        citizen_id=row.citizen_id,
        created_at=row.created_at,
    )
