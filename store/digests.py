"""Digests: what was published between two moments, counted for each follower on lines that cost money."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.schema import State
from gateway.schema_outgoing import Audience, Priority
from store import deliveries
from store.broadcasts import BroadcastState, Told
from store.database import Transaction
from store.dialect import insert_new
from store.participating import FOLLOWED
from store.tables_broadcasts import broadcasts, digests
from store.tables_citizens import addresses, subscriptions
from store.tables_posts import posts

OPEN, DONE = "open", "done"
# Stands between topics in one text; no topic holds it.
BETWEEN = "\n"


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest; its cursor is the scheme and the address it came to."""

    id: str
    since: datetime
    until: datetime
    cursor: str


@dataclass(slots=True)
class News:
    """What one topic brought: the ids of new posts and of answers."""

    posts: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Outlet:
    """How the followers on one scheme are told."""

    scheme: str
    channel: str
    kind: str


async def last_until(connection: AsyncConnection) -> datetime | None:
    """Up to when the newest digest reaches."""
    reached: datetime | None = (await connection.execute(select(func.max(digests.c.until)))).scalar()
    return reached


async def begin(transaction: Transaction, since: datetime, until: datetime) -> None:
    """Begin a digest; there is one for each moment, whoever begins it first."""
    row = {"id": clock.new_id(), "since": since, "until": until, "state": OPEN, "cursor": "", "created_at": clock.now()}
    await transaction.connection.execute(insert_new(transaction.connection, digests, ["until"]), row)


async def oldest_open(connection: AsyncConnection) -> Digest | None:
    """The digest that is still to be written to somebody."""
    wanted = select(digests).where(digests.c.state == OPEN).order_by(digests.c.until).limit(1)
    row = (await connection.execute(wanted)).first()
    return Digest(row.id, row.since, row.until, row.cursor or "") if row else None


async def news(connection: AsyncConnection, digest: Digest) -> dict[str, News]:
    """What was published for each topic; not what was taken back since."""
    thread = posts.alias("thread")
    public = (posts.c.state == State.PUBLISHED) & (thread.c.state == State.PUBLISHED) & ~thread.c.private
    wanted = (
        select(broadcasts.c.post_id, broadcasts.c.event, broadcasts.c.topics)
        .join(posts, posts.c.id == broadcasts.c.post_id)
        .join(thread, thread.c.id == posts.c.thread_id)
        .where(broadcasts.c.created_at > digest.since, broadcasts.c.created_at <= digest.until, public)
        .where(broadcasts.c.event.in_([Told.PUBLISHED, Told.ANSWERED]))
        .where(broadcasts.c.state.not_in([BroadcastState.STOPPING, BroadcastState.STOPPED]))
    )
    found: defaultdict[str, News] = defaultdict(News)
    for row in await connection.execute(wanted):
        if FOLLOWED in row.topics:
            continue  # told each day to those who asked for it, and no news to others
        for topic in row.topics:
            kept = found[topic].answers if row.event == Told.ANSWERED else found[topic].posts
            kept.add(row.post_id)
    return dict(found)


async def add_chunk(
    transaction: Transaction,
    digest: Digest,
    outlet: Outlet,
    found: Mapping[str, News],
    values: Mapping[str, Any],
    language: str,
    limit: int,
) -> bool:
    """Write to the next chunk of followers of a scheme and move the cursor; false when there are no more.

    Who gets each post at once, or follows only tickets, gets no digest, nor does anybody for whom there is nothing.
    """
    scheme, _, place = digest.cursor.partition(" ")
    rows = await _followers(transaction.connection, outlet.scheme, place if scheme == outlet.scheme else "", limit)
    at, counted = clock.now(), dict[str, tuple[int, int]]()
    new = []
    for row in rows:
        if row.topics not in counted:
            counted[row.topics] = _count(row.topics.split(BETWEEN), found)
        number, answers = counted[row.topics]
        if number or answers:
            new.append(
                deliveries.row(
                    channel=outlet.channel,
                    kind=outlet.kind,
                    audience=Audience.FOLLOWER,
                    priority=Priority.DIGEST,
                    phrase="digest",
                    values={**values, "posts": number, "answers": answers},
                    language=row.language or language,
                    at=at,
                    address_id=row.address_id,
                    broadcast_id=digest.id,
                )
            )
    await deliveries.add(transaction, new)
    if rows:
        moved = update(digests).where(digests.c.id == digest.id)
        values = {"cursor": f"{outlet.scheme} {rows[-1].address_id}", "added": digests.c.added + len(new)}
        await transaction.connection.execute(moved.values(**values))
    return bool(rows)


async def finish(transaction: Transaction, digest_id: str) -> None:
    """Note that everybody has it who should."""
    await transaction.connection.execute(update(digests).where(digests.c.id == digest_id).values(state=DONE))


async def _followers(connection: AsyncConnection, scheme: str, place: str, limit: int) -> Sequence[Any]:
    """The next addresses of a scheme with all they follow by digest, as one text that is the same for the same."""
    eager = subscriptions.alias("eager")
    everything = select(eager.c.id).where(
        eager.c.topic == "all", eager.c.address_id == subscriptions.c.address_id, eager.c.at_once
    )
    wanted = (
        select(
            subscriptions.c.address_id,
            addresses.c.language,
            func.aggregate_strings(subscriptions.c.topic, BETWEEN).label("topics"),
        )
        .join(addresses, addresses.c.id == subscriptions.c.address_id)
        .where(subscriptions.c.address_id > place, ~subscriptions.c.at_once, ~everything.exists())
        .where(subscriptions.c.topic.not_like("ticket:%"))
        .where(addresses.c.scheme == scheme, addresses.c.stopped_at.is_(None), addresses.c.citizen_id.is_not(None))
        .group_by(subscriptions.c.address_id, addresses.c.language)
        .order_by(subscriptions.c.address_id)
        .limit(limit)
    )
    return (await connection.execute(wanted)).all()


def _count(topics: Sequence[str], found: Mapping[str, News]) -> tuple[int, int]:
    """How many new posts and answers several topics brought together, each once."""
    brought = [found[topic] for topic in topics if topic in found]
    return len(set().union(*(one.posts for one in brought))), len(set().union(*(one.answers for one in brought)))
