"""The life of broadcasts: started, held by whoever works on them, moved on, paused, stopped, asked about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from gateway.schema import Kind
from gateway.schema_outgoing import DeliveryState
from store.database import Transaction
from store.tables_broadcasts import broadcasts
from store.tables_citizens import citizens, subscriptions
from store.tables_deliveries import deliveries
from store.tables_posts import posts


class Told(StrEnum):
    """What a broadcast tells of its post."""

    PUBLISHED = "published"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"
    COMMENTED = "commented"


class BroadcastState(StrEnum):
    """How far a broadcast is; `asking` waits for a yes to its cost, the two in -ing are on their way to the next."""

    OPEN = "open"
    ASKING = "asking"
    EXPANDED = "expanded"
    PAUSED = "paused"
    RESUMING = "resuming"
    STOPPING = "stopping"
    STOPPED = "stopped"


# What may be done by hand, from which states, and where it leads.
BY_HAND = {
    "pause": ((BroadcastState.OPEN, BroadcastState.ASKING, BroadcastState.EXPANDED), BroadcastState.PAUSED),
    "resume": ((BroadcastState.PAUSED,), BroadcastState.RESUMING),
    "agree": ((BroadcastState.ASKING,), BroadcastState.OPEN),
    "stop": (
        (BroadcastState.OPEN, BroadcastState.ASKING, BroadcastState.EXPANDED, BroadcastState.PAUSED),
        BroadcastState.STOPPING,
    ),
}
LIVE = (
    BroadcastState.OPEN,
    BroadcastState.ASKING,
    BroadcastState.EXPANDED,
    BroadcastState.PAUSED,
    BroadcastState.RESUMING,
)
# What has not left yet, and what nobody knows the end of.
WAITING = (DeliveryState.DUE, DeliveryState.HELD)
UNSETTLED = (DeliveryState.SENDING, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One broadcast, with what expansion must know of its post."""

    id: str
    post_id: str
    told: Told
    state: BroadcastState
    topics: tuple[str, ...]
    stage: int
    cursor: str | None
    cost: int | None
    agreed: bool
    due_at: datetime
    reason: str | None
    author: str | None
    urgent: bool
    language: str


async def add(
    transaction: Transaction,
    post_id: str,
    told: Told,
    version: int,
    topics: Sequence[str],
    due_at: datetime,
    expires_at: datetime | None = None,
) -> str:
    """Start a broadcast; its expansion goes on after the commit. Gives its id."""
    row = {"id": clock.new_id(), "post_id": post_id, "event": told, "version": version, "topics": list(topics)}
    moments = {"created_at": clock.now(), "due_at": due_at, "expires_at": expires_at}
    await transaction.connection.execute(
        insert(broadcasts), {**row, **moments, "state": BroadcastState.OPEN, "cursor": None}
    )
    transaction.wake("broadcasts")
    return str(row["id"])


async def any_to_do(connection: AsyncConnection) -> bool:
    """Whether a broadcast is to be expanded, held, released or dropped."""
    return (await connection.execute(select(broadcasts.c.id).where(_to_do()).limit(1))).first() is not None


async def uncounted(connection: AsyncConnection) -> Broadcast | None:
    """The oldest open broadcast that is past its timelines and does not know yet how many it goes to."""
    open_one = broadcasts.c.state == BroadcastState.OPEN
    wanted = _known().where(open_one, broadcasts.c.cost.is_(None), broadcasts.c.stage > 0)
    row = (await connection.execute(wanted.order_by(broadcasts.c.created_at).limit(1))).first()
    return _read(row) if row else None


async def count(transaction: Transaction, broadcast_id: str, expected: int, cost: int) -> None:
    """Note how many followers a broadcast goes to, and how many segments that will be."""
    counted = update(broadcasts).where(broadcasts.c.id == broadcast_id)
    await transaction.connection.execute(counted.values(expected=expected, cost=cost))


async def hold_next(transaction: Transaction) -> Broadcast | None:
    """The oldest broadcast there is something to do for and no other process holds, with the person who is its author.

    An answer's author is the thread's.
    """
    row = (await transaction.connection.execute(_next())).first()
    return _read(row) if row else None


async def earlier(connection: AsyncConnection, broadcast: Broadcast) -> list[str]:
    """The broadcasts of the same post before one, oldest first: whoever heard one of them hears of a change."""
    wanted = select(broadcasts.c.id).where(broadcasts.c.post_id == broadcast.post_id, broadcasts.c.id < broadcast.id)
    return list((await connection.execute(wanted.order_by(broadcasts.c.id))).scalars())


async def places_followed(connection: AsyncConnection) -> list[str]:
    """Every place somebody follows, as topics."""
    table = subscriptions
    wanted = select(table.c.topic).where(table.c.topic >= "place:", table.c.topic < "place;").distinct()
    return list((await connection.execute(wanted)).scalars())


async def move(transaction: Transaction, broadcast_id: str, stage: int, cursor: str | None, added: int = 0) -> None:
    """Note how far an expansion came, in the transaction that added its rows."""
    moved = update(broadcasts).where(broadcasts.c.id == broadcast_id)
    values = {"stage": stage, "cursor": cursor, "added": broadcasts.c.added + added}
    await transaction.connection.execute(moved.values(**values))


async def turn(transaction: Transaction, broadcast_id: str, state: BroadcastState) -> None:
    """Bring a held broadcast into another state; staff pages hear of it."""
    moments = {"expanded_at": clock.now()} if state is BroadcastState.EXPANDED else {}
    turned = update(broadcasts).where(broadcasts.c.id == broadcast_id)
    await transaction.connection.execute(turned.values(state=state, **moments))
    transaction.wake("queue", "broadcasts")


async def by_hand(transaction: Transaction, broadcast_id: str, action: str, actor: str) -> None:
    """Do what a person asks. Raises `NotFound`, and `Conflict` when its state does not allow it."""
    connection = transaction.connection
    wanted = select(broadcasts.c.state).where(broadcasts.c.id == broadcast_id).with_for_update()
    state = (await connection.execute(wanted)).scalar()
    if state is None:
        raise NotFound("there is no such broadcast")
    before, after = BY_HAND[action]
    if state not in before:
        raise Conflict("this change is not possible any more")
    values: dict[str, Any] = {"state": after}
    if action == "agree":
        values["agreed_by"] = actor
    if action == "stop":
        values["reason"] = "by hand"
    await connection.execute(update(broadcasts).where(broadcasts.c.id == broadcast_id).values(**values))
    transaction.wake("queue", "broadcasts")


async def stop(
    transaction: Transaction, post_id: str, reason: str, told: Collection[Told], before: str | None = None
) -> None:
    """Stop what still goes out of a post: no more is added, and what has not left is dropped for this reason.

    With `before` only what was started before that broadcast.
    """
    going = and_(broadcasts.c.post_id == post_id, broadcasts.c.event.in_(told), _unfinished())
    if before:
        going = and_(going, broadcasts.c.id < before)
    await transaction.connection.execute(
        update(broadcasts).where(going).values(state=BroadcastState.STOPPING, reason=reason)
    )
    transaction.wake("broadcasts")


async def stop_under(transaction: Transaction, thread_id: str, reason: str, told: Collection[Told]) -> None:
    """Stop what still goes out of the answers and words under a thread, which is to be read by nobody any more."""
    under = select(posts.c.id).where(posts.c.thread_id == thread_id, posts.c.parent_id.is_not(None))
    going = and_(broadcasts.c.post_id.in_(under), broadcasts.c.event.in_(told), _unfinished())
    await transaction.connection.execute(
        update(broadcasts).where(going).values(state=BroadcastState.STOPPING, reason=reason)
    )
    transaction.wake("broadcasts")


async def expire(transaction: Transaction, at: datetime) -> int:
    """Stop the broadcasts whose time is over while something of them has not left; gives how many."""
    over = and_(broadcasts.c.expires_at <= at, broadcasts.c.reason.is_(None), _unfinished())
    done = await transaction.connection.execute(
        update(broadcasts).where(over).values(state=BroadcastState.STOPPING, reason="expired")
    )
    transaction.wake("broadcasts")
    return done.rowcount


async def any_expired(connection: AsyncConnection, at: datetime) -> bool:
    """Whether the time of a broadcast is over that is not finished."""
    over = and_(broadcasts.c.expires_at <= at, broadcasts.c.reason.is_(None), _unfinished())
    return (await connection.execute(select(broadcasts.c.id).where(over).limit(1))).first() is not None


async def sweep(
    transaction: Transaction,
    broadcast_id: str,
    before: Collection[DeliveryState],
    after: DeliveryState,
    reason: str | None,
    limit: int,
) -> int:
    """Move the next chunk of what has not left of a broadcast into another state; gives how many were left."""
    chunk = select(deliveries.c.id).where(deliveries.c.broadcast_id == broadcast_id, deliveries.c.state.in_(before))
    moved = update(deliveries).where(deliveries.c.id.in_(chunk.limit(limit)))
    done_at = clock.now() if after is DeliveryState.DROPPED else None
    done = await transaction.connection.execute(moved.values(state=after, reason=reason, done_at=done_at))
    return done.rowcount


def _has(states: Collection[DeliveryState]) -> ColumnElement[bool]:
    of_it = select(deliveries.c.id).where(deliveries.c.broadcast_id == broadcasts.c.id, deliveries.c.state.in_(states))
    return exists(of_it.correlate(broadcasts))


def _to_do() -> ColumnElement[bool]:
    """Expand what is open, hold what is paused, release what is resumed, drop what is stopped.

    What is stopped stays so until nothing of it is being sent: a try that failed would make it due again.
    """
    busy = (BroadcastState.OPEN, BroadcastState.RESUMING, BroadcastState.PAUSED, BroadcastState.STOPPING)
    return and_(
        broadcasts.c.state.in_(busy),
        or_(
            broadcasts.c.state.in_([BroadcastState.OPEN, BroadcastState.RESUMING]),
            and_(broadcasts.c.state == BroadcastState.PAUSED, _has([DeliveryState.DUE])),
            and_(broadcasts.c.state == BroadcastState.STOPPING, or_(_has(WAITING), ~_has(UNSETTLED))),
        ),
    )


def _unfinished() -> ColumnElement[bool]:
    """Still to expand, or with something that has not left or may come back."""
    standing = [state for state in LIVE if state is not BroadcastState.EXPANDED]
    done = and_(broadcasts.c.state == BroadcastState.EXPANDED, _has((*WAITING, *UNSETTLED)))
    return or_(broadcasts.c.state.in_(standing), done)


@cache
def _next() -> Select[Any]:
    """Kept, as it is asked for before each piece of an expansion."""
    wanted = _known().where(_to_do()).order_by(broadcasts.c.created_at).limit(1)
    return wanted.with_for_update(of=broadcasts, skip_locked=True)


def _known() -> Select[Any]:
    thread = posts.alias("thread")
    author = case((posts.c.kind == Kind.ANSWER, thread.c.citizen_id), else_=posts.c.citizen_id)
    return (
        select(broadcasts, posts.c.urgent, posts.c.language)
        .add_columns(func.coalesce(citizens.c.merged_into, citizens.c.id).label("author"))
        .join(posts, posts.c.id == broadcasts.c.post_id)
        .join(thread, thread.c.id == posts.c.thread_id)
        .outerjoin(citizens, citizens.c.id == author)
    )


def _read(row: Any) -> Broadcast:
    return Broadcast(
        id=row.id,
        post_id=row.post_id,
        told=Told(row.event),
        state=BroadcastState(row.state),
        topics=tuple(row.topics),
        stage=row.stage,
        cursor=row.cursor,
        cost=row.cost,
        agreed=row.agreed_by is not None,
        due_at=row.due_at,
        reason=row.reason,
        author=row.author,
        urgent=row.urgent,
        language=row.language,
    )
