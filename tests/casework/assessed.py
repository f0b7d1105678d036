"""Cases made by hand, for months that are judged."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from gateway import clock
from gateway.runtime import Runtime
from store.accounts import Account, Role
from store.tables_cases import cases
from store.tables_marks import marks
from store.tables_posts import posts
from tests.store.test_counting import post, put

CHIEF = Account("c" * 32, "chief", Role.MODERATOR)
OFFICER = Account("0" * 32, "of", Role.OFFICER, "water")


def case(name: str, due: datetime, answered: datetime | None = None, **values: Any) -> dict[str, Any]:
    """A row of `cases` whose time was up at a moment, and the answer's moment when there was one."""
    usual: dict[str, Any] = {
        "thread_id": name,
        "department": "water",
        "progress": "answered" if answered else "assigned",
        "opened_at": due,
        "begun_at": due,
        "span": "normal",
        "acknowledge_by": None,
        "acknowledged_at": answered,
        "due_at": due,
        "stopped_at": answered,
        "handed_to": None,
        "handed_at": None,
        "answered_at": answered,
        "reopened": 0,
    }
    return usual | values


async def given(runtime: Runtime, *rows: dict[str, Any], said: Sequence[dict[str, Any]] = ()) -> None:
    """Put cases there with their posts, published unless a row says otherwise by `post`."""
    first, kept = [], []
    for row in rows:
        own = row.pop("post", {})
        ticket = f"{hash_of(row['thread_id']):08}"
        usual = {"state": "published", "published_at": row["opened_at"], "ticket": ticket}
        first.append(post(row["thread_id"], row["opened_at"], **usual | own))
        kept.append(row)
    await put(runtime.database, (posts, first), (cases, kept), (marks, list(said)))


def hash_of(name: str) -> int:
    """A number of eight digits that is always the same for a name."""
    return crc32(name.encode()) % 100_000_000


def mark(name: str, at: datetime, solved: bool | None, stars: int | None, **values: Any) -> dict[str, Any]:
    """What an author said of an answer."""
    usual = {
        "id": clock.new_id(),
        "thread_id": name,
        "round": 0,
        "citizen_id": clock.new_id(),
        "department": "water",
        "solved": solved,
        "mark": stars,
        "channel": "texting",
        "before": None,
        "at": at,
    }
    return usual | values
