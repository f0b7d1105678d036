"""Half a year of the demo city: reports whose time was up, how they were answered and marked, services and their uses.

Written into the store beside the gateway, whose clock then judges the departments by it, month after month.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from gateway import clock
from gateway.journey import tickets
from store import tables_cases, tables_marks, tables_posts, tables_services
from store.database import Transaction
from tests.browser.demo_calls import beside

MONTHS = 8
# The city's, as it is shipped.
ZONE = ZoneInfo("Asia/Shanghai")
# A run of the demo is like the last one.
SEED = 7


@dataclass(frozen=True, slots=True)
class Habit:
    """How a department works: reports a month, shares of 1 answered, in time, solved; mean stars; what is reported."""

    reports: int
    answered: float
    in_time: float
    solved: float
    stars: float
    texts: Sequence[str]


HABITS: Mapping[str, Habit] = {
    "water": Habit(34, 0.98, 0.93, 0.88, 4.3, ("幸福路12号门前水管漏水。", "A drain on Mill Lane is blocked.")),
    "roads": Habit(61, 0.94, 0.74, 0.71, 3.6, ("和平街路灯坏了三盏。", "A pothole at 40 Station Road.")),
    "heating": Habit(23, 0.9, 0.66, 0.62, 3.1, ("室温只有16度，家里有老人。", "The radiators of block 7 are cold.")),
    "environment": Habit(47, 0.97, 0.86, 0.8, 4.0, ("垃圾桶满了没人清运。", "Rubbish was dumped behind the market.")),
    "transport": Habit(18, 0.99, 0.95, 0.84, 4.4, ("公交站牌看不清了。", "Bus 27 came half an hour late again.")),
    "police": Habit(3, 1, 0.67, 1, 5, ("学校门口乱停车。",)),
}  # fmt: skip
SERVICES = (
    ("water", "water-bill-months", "水费怎么交", "How to pay the water bill", 64),
    ("water", "water-outage-months", "停水通知", "Where the water is off", 38),
    ("heating", "heating-start-months", "供暖什么时候开始", "When the heating begins", 131),
    ("transport", "bus-changes-months", "公交线路调整", "Changes of bus lines", 57),
    ("transport", "bus-card-months", "公交卡办理", "How to get a bus card", 12),
    ("police", "id-card-months", "身份证补办", "How to replace an identity card", 88),
)


async def fill(data: Path) -> None:
    """Write the months that are over, and the one that runs."""
    chance, at = random.Random(SEED), clock.now()
    rows = list(_reports(chance, at))

    async def work(transaction: Transaction) -> None:
        known = set((await transaction.connection.execute(select(tables_posts.posts.c.ticket))).scalars())
        free = (ticket for ticket in tickets.draw(2 * len(rows)) if ticket not in known)
        for row in rows:
            row[0]["ticket"] = next(free)
        for table, part in ((tables_posts.posts, 0), (tables_cases.cases, 1)):
            await transaction.connection.execute(insert(table), [row[part] for row in rows])
        marks = [row[2] for row in rows if row[2]]
        await transaction.connection.execute(insert(tables_marks.marks), marks)
        await transaction.connection.execute(insert(tables_services.services), [_service(*one, at) for one in SERVICES])
        await transaction.connection.execute(insert(tables_services.service_uses), list(_uses(chance, at)))

    async with beside(data) as (database, _):
        await database.write(work)


def _reports(chance: random.Random, at: datetime) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    for back in range(MONTHS):
        first = (at.replace(day=1, hour=4, minute=0, second=0, microsecond=0) - timedelta(days=30 * back)).replace(
            day=1
        )
        for department, habit in HABITS.items():
            for _ in range(max(1, round(habit.reports * chance.uniform(0.8, 1.2)))):
                due = first + timedelta(days=chance.randrange(28), minutes=chance.randrange(480))
                if due < at:
                    yield _report(chance, department, habit, due, min(1.0, 1.06 - 0.025 * back))


def _report(
    chance: random.Random, department: str, habit: Habit, due: datetime, better: float
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A post, its case, and what its author said of the answer (nothing: empty)."""
    name, opened = clock.new_id(), due - timedelta(days=9)
    in_time = chance.random() < habit.in_time * better
    answered = in_time or chance.random() < habit.answered * better
    wait = timedelta(hours=chance.randrange(4, 150))
    moment = (due - wait if in_time else due + wait / 3) if answered else None
    text = chance.choice(habit.texts)
    post: dict[str, Any] = {
        "id": name,
        "thread_id": name,
        "kind": "report",
        "state": "published",
        "text": text,
        "channel": "web_form",
        "language": "en" if text.isascii() else "zh",
        "private": chance.random() < 0.04,
        "ruling": "pass",
        "rules": [],
        "created_at": opened,
        "published_at": opened,
    }
    case: dict[str, Any] = {
        "thread_id": name,
        "department": department,
        "progress": "closed" if moment else "in_progress",
        "span": "normal",
        "opened_at": opened,
        "begun_at": opened,
        "acknowledged_at": opened + timedelta(hours=1),
        "due_at": due,
        "stopped_at": moment,
        "answered_at": moment,
        "reopened": 0,
    }
    return post, case, _mark(chance, name, department, habit, moment) if moment else {}


def _mark(chance: random.Random, name: str, department: str, habit: Habit, answered: datetime) -> dict[str, Any]:
    if chance.random() > 0.4:
        return {}
    return {
        "id": clock.new_id(),
        "thread_id": name,
        "round": 0,
        "department": department,
        "solved": chance.random() < habit.solved,
        "mark": min(5, max(1, round(chance.gauss(habit.stars, 0.8)))),
        "channel": "web_form",
        "at": answered + timedelta(hours=3),
    }


def _service(department: str, slug: str, chinese: str, english: str, _uses: int, at: datetime) -> dict[str, Any]:
    since = at - timedelta(days=31 * MONTHS)
    said = {"zh": chinese, "en": english}
    return {
        "id": slug,
        "slug": slug,
        "department": department,
        "kind": "guide",
        "state": "published",
        "content": {language: {"title": title, "text": title, "words": []} for language, title in said.items()},
        "rules": [],
        "published_at": since,
        "changed_at": since,
        "changed_by": "anna",
        "created_at": since,
    }


def _uses(chance: random.Random, at: datetime) -> Iterator[dict[str, Any]]:
    for back in range(MONTHS):
        day = f"{(at.replace(day=1) - timedelta(days=30 * back)).astimezone(UTC):%Y-%m}-01"
        for _, slug, _, _, uses in SERVICES:
            number = round(uses * chance.uniform(0.7, 1.2))
            yield {"service_id": slug, "day": day, "channel": "web_form", "uses": number}
