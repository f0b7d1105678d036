"""What waits to be sent: claimed class by class, each thread in order, and held until a lease ends.

A claim is a change of its own, committed before any carrier is called. What said STOP is dropped there and then; what
must wait for an earlier message of its thread is put off a moment.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, TextClause, and_, bindparam, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema_outgoing import PRIORITY_RANK, DeliveryState, Priority
from store.database import Transaction
from store.deliveries import Claimed, held
from store.dialect import among, insert_all
from store.tables_broadcasts import broadcasts
from store.tables_citizens import addresses, keys
from store.tables_deliveries import UNDERWAY, attempts, deliveries
from store.tables_posts import posts

RANKS = tuple(PRIORITY_RANK.values())
FIRST_BULK = PRIORITY_RANK[Priority.BROADCAST]
# For how long what must wait for an earlier message is put off; it is also released by that message's end.
TURN = timedelta(seconds=1)
# For how long an outcome that nobody knows keeps later messages of its thread back.
UNKNOWN_BLOCKS = timedelta(minutes=10)
IN_TURN = "waits for an earlier message"

# How many of each class to take, by rank, of how many wait there.
Choose = Callable[[Mapping[int, int]], Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Taking:
    """What a claim brought: what may be sent now, and how many were set aside for STOP or for their turn."""

    claimed: Sequence[Claimed] = ()
    aside: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was due."""
        return not self.claimed and not self.aside


@dataclass(frozen=True, slots=True)
class NextDue:
    """When the next delivery is due to be sent, and when the next unknown is to be settled."""

    send: datetime | None
    settle: datetime | None


async def next_due(connection: AsyncConnection, channel: str, ranks: Collection[int] = RANKS) -> NextDue:
    """When a channel has something to do next, of these classes and of what is unknown. One seek for each class."""
    wanted = [_earliest(channel, DeliveryState.DUE, rank) for rank in ranks]
    wanted += [_earliest(channel, DeliveryState.UNKNOWN, rank) for rank in RANKS]
    row = (await connection.execute(select(*wanted))).one()
    return NextDue(_first(row[: len(ranks)]), _first(row[len(ranks) :]))


async def claim(
    transaction: Transaction,
    channel: str,
    at: datetime,
    until: datetime,
    limit: int,
    ranks: Collection[int] = RANKS,
    choose: Choose | None = None,
) -> Taking:
    """Take due deliveries of a channel; from the commit on they are `sending` and nobody else's.

    Without `choose` the most urgent classes of `ranks` go first, as far as `limit` reaches.
    """
    connection = transaction.connection
    waiting = {rank: await _waiting(connection, channel, rank, at, limit) for rank in sorted(ranks)}
    numbers = {rank: len(ids) for rank, ids in waiting.items()}
    taken = choose(numbers) if choose else numbers
    ids = [one for rank, found in waiting.items() for one in found[: taken.get(rank, 0)]][:limit]
    if not ids:
        return Taking()
    blocked = await _blocked(connection, ids, at)
    rows = (await connection.execute(_claimable().where(among(connection, deliveries.c.id, ids)))).all()
    stopped = {one.id for one in rows if one.stopped_at and not one.despite_stop}
    await _put_off(connection, {one: due for one, due in blocked.items() if one not in stopped}, at)
    await _drop(connection, stopped, at)
    going = [one for one in rows if one.id not in blocked and one.id not in stopped]
    await _begin(connection, going, at, until)
    going.sort(key=lambda one: (one.priority, one.due_at, one.id))
    return Taking([_taken(one, at, until) for one in going], len(ids) - len(going))


async def claim_unknown(
    transaction: Transaction, channel: str, at: datetime, until: datetime, limit: int
) -> list[Claimed]:
    """Take deliveries of a channel whose end nobody knows, to settle them; nobody else gets them before `until`."""
    connection = transaction.connection
    ids: list[int] = []
    for rank in RANKS:
        if len(ids) < limit:
            ids += await _waiting(connection, channel, rank, at, limit - len(ids), DeliveryState.UNKNOWN)
    if not ids:
        return []
    await connection.execute(update(deliveries).where(among(connection, deliveries.c.id, ids)).values(due_at=until))
    rows = (await connection.execute(_claimable().where(among(connection, deliveries.c.id, ids)))).all()
    begun = select(attempts.c.delivery_id, func.max(attempts.c.started_at).label("at"))
    begun = begun.where(among(connection, attempts.c.delivery_id, ids)).group_by(attempts.c.delivery_id)
    started = {one.delivery_id: one.at for one in await connection.execute(begun)}
    return [held(one, started[one.id]) for one in rows]


async def abandon(transaction: Transaction, at: datetime) -> int:
    """Leases that ended in `sending`: nobody knows whether the carrier has the message. Gives how many."""
    lost = update(deliveries).where(deliveries.c.state == DeliveryState.SENDING, deliveries.c.lease_until < at)
    done = await transaction.connection.execute(
        lost.values(state=DeliveryState.UNKNOWN, reason="lease ended", lease_until=None, due_at=at)
    )
    return done.rowcount


def _earliest(channel: str, state: DeliveryState, rank: int) -> Any:
    of_class = (deliveries.c.channel == channel) & (deliveries.c.state == state) & (deliveries.c.priority == rank)
    return select(func.min(deliveries.c.due_at)).where(of_class).scalar_subquery()


def _first(moments: Sequence[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment), default=None)


async def _waiting(
    connection: AsyncConnection,
    channel: str,
    rank: int,
    at: datetime,
    limit: int,
    state: DeliveryState = DeliveryState.DUE,
) -> list[int]:
    """What is due of one class, the longest waiting first, that nobody else is just taking."""
    wanted = (
        select(deliveries.c.id)
        .where(
            deliveries.c.channel == channel,
            deliveries.c.state == state,
            deliveries.c.priority == rank,
            deliveries.c.due_at <= at,
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if state is DeliveryState.DUE:  # what is unknown is settled also when no more of its broadcast may leave
        wanted = wanted.where(deliveries.c.broadcast_id.is_(None) | deliveries.c.broadcast_id.not_in(_halted()))
    return list((await connection.execute(wanted)).scalars())


def _halted() -> Select[Any]:
    """Broadcasts of which nothing may leave, though what is due of them was not put aside yet."""
    return select(broadcasts.c.id).where(broadcasts.c.state.in_(["paused", "stopping"]))


def _claimable() -> Select[Any]:
    return (
        select(deliveries, keys.c.wrapped, addresses.c.stopped_at)
        .outerjoin(keys, keys.c.id == deliveries.c.key_id)
        .outerjoin(addresses, addresses.c.id == deliveries.c.address_id)
    )


async def _blocked(connection: AsyncConnection, ids: Sequence[int], at: datetime) -> dict[int, datetime]:
    """Which of these must wait for an earlier message of their thread to the same address, and when that is due."""
    wanted = before(at).where(among(connection, deliveries.c.id, ids)).group_by(deliveries.c.id)
    return {one.id: one.due_at for one in await connection.execute(wanted)}


def before(at: datetime) -> Select[Any]:
    """Deliveries by id that have an earlier one of their thread at their address before them, and when that is due.

    Bulk keeps nothing back but bulk, emergencies wait for nothing, and an unknown blocks for a bounded time.
    """
    earlier, post, its_post = deliveries.alias("earlier"), posts.alias("its_own"), posts.alias("earlier_post")
    tried = and_(attempts.c.delivery_id == earlier.c.id, attempts.c.number == earlier.c.tries)
    fresh = or_(earlier.c.state != DeliveryState.UNKNOWN, attempts.c.started_at > at - UNKNOWN_BLOCKS)
    as_urgent = or_(earlier.c.priority < FIRST_BULK, deliveries.c.priority >= FIRST_BULK)
    return (
        select(deliveries.c.id, func.max(earlier.c.due_at).label("due_at"))
        .join(post, post.c.id == deliveries.c.post_id)
        .join(earlier, and_(earlier.c.address_id == deliveries.c.address_id, earlier.c.id < deliveries.c.id))
        .join(its_post, and_(its_post.c.id == earlier.c.post_id, its_post.c.thread_id == post.c.thread_id))
        .outerjoin(attempts, tried)
        .where(*underway("earlier"), earlier.c.channel == deliveries.c.channel, fresh, as_urgent)
        .where(deliveries.c.priority > PRIORITY_RANK[Priority.EMERGENCY])
    )


def underway(table: str = "deliveries") -> list[TextClause]:
    """The condition of the index of what is underway, part by part, as a statement must name it to use the index."""
    named = UNDERWAY
    for column in ("state", "tries", "priority"):
        named = named.replace(column, f"{table}.{column}")
    return [text(part) for part in named.split(" AND ")]


async def _put_off(connection: AsyncConnection, until: Mapping[int, datetime], at: datetime) -> None:
    if until:
        waiting = update(deliveries).where(deliveries.c.id == bindparam("its"))
        waiting = waiting.values(due_at=bindparam("again", type_=deliveries.c.due_at.type), reason=IN_TURN)
        rows = [{"its": one, "again": max(due, at + TURN)} for one, due in until.items()]
        await connection.execute(waiting, rows)


async def _drop(connection: AsyncConnection, ids: Collection[int], at: datetime) -> None:
    if ids:
        dropped = update(deliveries).where(among(connection, deliveries.c.id, ids))
        await connection.execute(dropped.values(state=DeliveryState.DROPPED, reason="stopped", done_at=at))


async def _begin(connection: AsyncConnection, rows: Sequence[Row[Any]], at: datetime, until: datetime) -> None:
    """From now on these are being sent: on disk before anybody is called."""
    if not rows:
        return
    begun = update(deliveries).where(among(connection, deliveries.c.id, [one.id for one in rows]))
    values = {"state": DeliveryState.SENDING, "reason": None, "lease_until": until, "carrier_id": None}
    await connection.execute(begun.values(**values, tries=deliveries.c.tries + 1))
    tried = [
        {
            "delivery_id": one.id,
            "channel": one.channel,
            "number": one.tries + 1,
            "started_at": at,
            "outcome": DeliveryState.SENDING,
        }
        for one in rows
    ]
    await insert_all(connection, attempts, tried)


def _taken(one: Row[Any], at: datetime, until: datetime) -> Claimed:
    return held(one, at, number=one.tries + 1, until=until)
