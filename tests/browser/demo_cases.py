"""Cases of the city that are late, and people whose cases they are: what a day alone does not bring."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update

from gateway import clock
from gateway.schema_cases import OPEN_PROGRESS, Progress
from store import tables_cases
from store.database import Transaction
from tests.browser.demo_calls import beside

# An officer and the head of a department.
STAFF = (
    {"name": "赵敏", "role": "officer", "department": "roads", "head": True},
    {"name": "周凯", "role": "officer", "department": "roads"},
)
GIVEN = "文化路小学门口的人行道砖松动，孩子上学容易绊倒。"
LATE = 3


async def let_be_late(data: Path) -> None:
    """Set back the clocks of some cases, and of those that are being passed on."""
    cases, long_ago = tables_cases.cases, clock.now() - timedelta(days=12)
    values = {"begun_at": long_ago, "due_at": long_ago + timedelta(days=9), "remind_at": long_ago}

    async def work(transaction: Transaction) -> None:
        open_ones = select(cases.c.thread_id).where(cases.c.progress.in_(OPEN_PROGRESS), cases.c.stopped_at.is_(None))
        ids = (await transaction.connection.execute(open_ones.order_by(cases.c.thread_id).limit(LATE))).scalars().all()
        late = update(cases).where(cases.c.thread_id.in_(ids))
        await transaction.connection.execute(late.values(**values))
        accepting = update(cases).where(cases.c.thread_id.in_(ids[:1]), cases.c.acknowledged_at.is_(None))
        await transaction.connection.execute(accepting.values(acknowledge_by=long_ago + timedelta(hours=2)))
        passed_on = update(cases).where(cases.c.progress == Progress.PASSED_ON)
        await transaction.connection.execute(passed_on.values(handed_at=long_ago, remind_at=long_ago))

    async with beside(data) as (database, _):
        await database.write(work)
