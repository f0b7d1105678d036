"""Broadcasts being expanded into deliveries: set-based, in chunks, with a cursor that survives a crash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, case, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.schema import PRIORITY_RANK, Audience, DeliveryState, Kind, Priority
from store.citizens import of_person
from store.database import Transaction
from store.deliveries import mailbox, outbox
from store.dialect import insert_new
from store.tables import addresses, broadcasts, citizens, deliveries, posts, subscriptions


class Told(StrEnum):
    """What a broadcast tells of its post."""

    PUBLISHED = "published"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"
    COMMENTED = "commented"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One broadcast, with what expansion must know of its post."""

    id: str
    post_id: str
    told: Told
    topics: tuple[str, ...]
    stage: int
    cursor: str | None
    author: str | None
    private: bool
    language: str


async def add(transaction: Transaction, post_id: str, told: Told, version: int, topics: Sequence[str]) -> str:
    """Start a broadcast; its expansion goes on after the commit. Gives its id."""
    row = {"id": clock.new_id(), "post_id": post_id, "event": told, "version": version, "topics": list(topics)}
    await transaction.connection.execute(
        insert(broadcasts), {**row, "state": "open", "created_at": clock.now(), "cursor": None}
    )
    transaction.wake("broadcasts")
    return str(row["id"])


async def any_open(connection: AsyncConnection) -> bool:
    """Whether there is a broadcast to expand."""
    wanted = select(broadcasts.c.id).where(broadcasts.c.state == "open").limit(1)
    return (await connection.execute(wanted)).first() is not None


async def hold_oldest_open(transaction: Transaction) -> Broadcast | None:
    """The next broadcast to expand that no other process holds, with the person who is its author.

    An answer's author is the thread's.
    """
    thread = posts.alias("thread")
    author = case((posts.c.kind == Kind.ANSWER, thread.c.citizen_id), else_=posts.c.citizen_id)
    wanted = (
        select(broadcasts, posts.c.private, posts.c.language)
        .add_columns(func.coalesce(citizens.c.merged_into, citizens.c.id).label("author"))
        .join(posts, posts.c.id == broadcasts.c.post_id)
        .join(thread, thread.c.id == posts.c.thread_id)
        .outerjoin(citizens, citizens.c.id == author)
        .where(broadcasts.c.state == "open")
        .order_by(broadcasts.c.created_at)
        .limit(1)
        .with_for_update(of=broadcasts, skip_locked=True)
    )
    row = (await transaction.connection.execute(wanted)).first()
    if row is None:
        return None
    return Broadcast(
        id=row.id,
        post_id=row.post_id,
        told=Told(row.event),
        topics=tuple(row.topics),
        stage=row.stage,
        cursor=row.cursor,
        author=row.author,
        private=row.private,
        language=row.language,
    )


async def places_followed(connection: AsyncConnection) -> list[str]:
    """Every place somebody follows, as topics."""
    table = subscriptions
    wanted = select(table.c.topic).where(table.c.topic >= "place:", table.c.topic < "place;").distinct()
    return list((await connection.execute(wanted)).scalars())


async def move(
    transaction: Transaction, broadcast_id: str, stage: int, cursor: str | None, done_at: datetime | None = None
) -> None:
    """Note how far an expansion came, in the transaction that added its rows."""
    moved = update(broadcasts).where(broadcasts.c.id == broadcast_id)
    state = "expanded" if done_at else "open"
    await transaction.connection.execute(moved.values(stage=stage, cursor=cursor, state=state, expanded_at=done_at))


async def add_followers(
    transaction: Transaction,
    broadcast: Broadcast,
    topic: str | None,
    channel: str,
    kind: str,
    scheme: str,
    phrase: str,
    limit: int,
) -> str | None:
    """Add the next chunk of a topic's followers as deliveries; gives the new cursor, None when there are no more.

    Without a topic, those who were told of the post before. Who said STOP is passed over, and so is the author, who
    is told in words of his own; one who follows several topics is told once.
    """
    connection = transaction.connection
    chunk = _followers(broadcast, scheme, topic) if topic else _correction_audience(broadcast, scheme)
    chunk = chunk.where(addresses.c.id > (broadcast.cursor or "")).order_by(addresses.c.id).limit(limit)
    last = (await connection.execute(select(func.max(chunk.subquery().c.address_id)))).scalar()
    if last is None:
        return None
    at = clock.now()
    fixed = {
        "broadcast_id": broadcast.id,
        "post_id": broadcast.post_id,
        "audience": Audience.FOLLOWER,
        "channel": channel,
        "kind": kind,
        "priority": PRIORITY_RANK[Priority.BROADCAST],
        "phrase": phrase,
        "state": DeliveryState.DUE,
        "despite_stop": False,
    }
    columns = [literal(value, deliveries.c[name].type).label(name) for name, value in fixed.items()]
    moments = [literal(at, deliveries.c[name].type).label(name) for name in ("due_at", "created_at")]
    nothing: list[Any] = [literal({}, deliveries.c["values"].type).label("values")]
    rows = chunk.subquery()
    chosen = select(rows.c.address_id, rows.c.language, *columns, *moments, *nothing)
    names = ["address_id", "language", *fixed, "due_at", "created_at", "values"]
    keys = ["broadcast_id", "channel", "address_id"]
    await connection.execute(insert_new(connection, deliveries, keys).from_select(names, chosen.where(literal(True))))
    transaction.wake(outbox(channel))
    if kind == "mailbox":
        readers = (await connection.execute(select(rows.c.address_id))).scalars()
        transaction.wake(*{mailbox(address_id) for address_id in readers})
    return str(last)


def _followers(broadcast: Broadcast, scheme: str, topic: str) -> Select[Any]:
    not_author = addresses.c.citizen_id.not_in(of_person(broadcast.author or ""))
    return (
        _reachable(broadcast, scheme)
        .join(subscriptions, subscriptions.c.address_id == addresses.c.id)
        .where(subscriptions.c.topic == topic, not_author)
    )


def _correction_audience(broadcast: Broadcast, scheme: str) -> Select[Any]:
    """Followers who were told of the post before: they must hear that it changed."""
    told = select(deliveries.c.address_id).where(
        deliveries.c.post_id == broadcast.post_id,
        deliveries.c.audience == Audience.FOLLOWER,
        deliveries.c.state != DeliveryState.DROPPED,
    )
    return _reachable(broadcast, scheme).where(addresses.c.id.in_(told))


def _reachable(broadcast: Broadcast, scheme: str) -> Select[Any]:
    language = func.coalesce(addresses.c.language, broadcast.language).label("language")
    return select(addresses.c.id.label("address_id"), language).where(
        addresses.c.scheme == scheme, addresses.c.stopped_at.is_(None), addresses.c.citizen_id.is_not(None)
    )
