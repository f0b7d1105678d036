"""Other systems that are told of publications, each with its place in the stream, its filters and its health."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Update, and_, bindparam, delete, func, literal_column, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.schema_outgoing import DeliveryState
from store.database import Transaction
from store.deliveries import outbox
from store.dialect import Given, update_all
from store.events import About
from store.outcomes import Recorded
from store.tables_citizens import addresses, keys
from store.tables_deliveries import deliveries
from store.tables_stream import events, subscribers

# The topic that wakes whoever feeds subscribers.
TOPIC = "subscribers"
OPEN = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.UNKNOWN)
# Until when what waits for a paused subscriber is put off; resuming makes it due.
ASIDE = timedelta(days=3650)
# How delivery calls the answer "never again" (`outcomes.FATES`).
GONE_REASON = "recipient gone"
# As a literal, so that the index of these rows alone is used.
_OWN_KIND = deliveries.c.kind == literal_column("'subscribers'")


class Standing(StrEnum):
    """Whether a subscriber is told: yes; not for now; it said it is gone; everything failed for days."""

    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"
    FAILING = "failing"


# Why what waits for one that is told nothing is put off, by its standing.
_ASIDE_REASON: Mapping[Standing, str] = {one: f"subscriber {one}" for one in Standing if one is not Standing.ACTIVE}
ASIDE_REASONS = frozenset(_ASIDE_REASON.values())


@dataclass(frozen=True, slots=True)
class Filters:
    """What a subscriber wants to hear of; all that is given must fit."""

    about: tuple[About, ...] = tuple(About)
    category: str | None = None
    department: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscriber, without its address. `waiting` are its open deliveries, `behind` events not looked at for it."""

    id: str
    channel: str
    name: str
    host: str
    filters: Filters
    standing: Standing
    cursor: int
    replay_cursor: int
    replay_until: int
    failures: int
    failing_since: datetime | None
    last_failure: str | None
    last_failure_at: datetime | None
    last_success_at: datetime | None
    rotated_at: datetime | None
    created_at: datetime
    waiting: int = 0
    behind: int = 0
    next_try: datetime | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Roll:
    """How many subscribers there are; of them, whose last try failed, who are paused, and who are called no more."""

    total: int = 0
    troubled: int = 0
    paused: int = 0
    stopped: int = 0


async def add(
    transaction: Transaction, address_id: str, channel: str, name: str, host: str, filters: Filters, at: datetime
) -> None:
    """Enter a subscriber, to be told of what happens from now on."""
    newest = (await transaction.connection.execute(select(func.max(events.c.number)))).scalar() or 0
    row = {
        "address_id": address_id,
        "channel": channel,
        "name": name,
        "host": host,
        "events": list(filters.about),
        "category": filters.category,
        "department": filters.department,
        "place": filters.place,
        "state": Standing.ACTIVE,
        "cursor": newest,
        "created_at": at,
    }
    await transaction.connection.execute(subscribers.insert(), row)


async def count(connection: AsyncConnection) -> int:
    """How many there are."""
    return (await connection.execute(select(func.count()).select_from(subscribers))).scalar_one()


async def roll(connection: AsyncConnection) -> Roll:
    """How many stand how."""
    troubled = subscribers.c.failures > 0
    wanted = select(subscribers.c.state, troubled.label("troubled"), func.count().label("number"))
    found: Counter[str] = Counter()
    for row in await connection.execute(wanted.group_by(subscribers.c.state, troubled)):
        found["total"] += row.number
        match Standing(row.state):
            case Standing.ACTIVE:
                found["troubled"] += row.number if row.troubled else 0
            case Standing.PAUSED:
                found["paused"] += row.number
            case Standing.GONE | Standing.FAILING:
                found["stopped"] += row.number
    return Roll(**found)


async def everyone(connection: AsyncConnection) -> list[Subscriber]:
    """All subscribers, oldest first, with what waits for each."""
    newest = (await connection.execute(select(func.max(events.c.number)))).scalar() or 0
    found = await connection.execute(select(subscribers).order_by(subscribers.c.created_at))
    rows = found.all()
    waiting = await _waiting(connection, {row.channel for row in rows})
    return [_read(row, newest, waiting.get(row.address_id)) for row in rows]


async def hungry(connection: AsyncConnection, window: int, newest: int) -> list[str]:
    """Those for whom there are events to look at, up to a number, and fewer than `window` deliveries under way."""
    again = and_(subscribers.c.replay_cursor < subscribers.c.replay_until, subscribers.c.replay_cursor < newest)
    wanted = select(subscribers.c.address_id, subscribers.c.channel)
    wanted = wanted.where(subscribers.c.state == Standing.ACTIVE, (subscribers.c.cursor < newest) | again)
    rows = (await connection.execute(wanted)).all()
    waiting = await _waiting(connection, {row.channel for row in rows}) if rows else {}
    return [row.address_id for row in rows if row.address_id not in waiting or waiting[row.address_id].number < window]


async def hold(transaction: Transaction, address_id: str) -> Subscriber:
    """One subscriber, which nobody else changes until the transaction ends. Raises `NotFound`."""
    wanted = select(subscribers).where(subscribers.c.address_id == address_id).with_for_update()
    row = (await transaction.connection.execute(wanted)).first()
    if row is None:
        raise NotFound("there is no such subscriber")
    return _read(row, row.cursor, None)


async def hold_active(transaction: Transaction, address_ids: Collection[str]) -> list[Subscriber]:
    """Those of some subscribers that are told and that no other process holds just now."""
    wanted = select(subscribers).where(
        subscribers.c.address_id.in_(address_ids), subscribers.c.state == Standing.ACTIVE
    )
    rows = (await transaction.connection.execute(wanted.with_for_update(skip_locked=True))).all()
    waiting = await _waiting(transaction.connection, {row.channel for row in rows})
    return [_read(row, row.cursor, waiting.get(row.address_id)) for row in rows]


async def told(
    connection: AsyncConnection, address_ids: Collection[str], post_ids: Collection[str]
) -> set[tuple[str, str]]:
    """Which of some subscribers were told of which of some posts, or are about to be."""
    wanted = select(deliveries.c.address_id, deliveries.c.post_id).where(
        _OWN_KIND,
        deliveries.c.address_id.in_(address_ids),
        deliveries.c.post_id.in_(post_ids),
        deliveries.c.state != DeliveryState.DROPPED,
    )
    return {(row.address_id, row.post_id) for row in await connection.execute(wanted)}


async def move(transaction: Transaction, cursors: Sequence[tuple[str, int, int]]) -> None:
    """Note how far events were taken (id, `cursor`, `replay_cursor`), in the transaction that queued them."""
    moved = update(subscribers).where(subscribers.c.address_id == bindparam("whose"))
    moved = moved.values(cursor=bindparam("new"), replay_cursor=bindparam("again"))
    rows = [{"whose": whose, "new": new, "again": again} for whose, new, again in cursors]
    if rows:
        await transaction.connection.execute(moved, rows)


async def change(transaction: Transaction, address_id: str, **values: Any) -> None:
    """Change one. Raises `NotFound`."""
    changed = update(subscribers).where(subscribers.c.address_id == address_id).values(**values)
    if (await transaction.connection.execute(changed)).rowcount != 1:
        raise NotFound("there is no such subscriber")
    transaction.wake(TOPIC)


async def set_aside(transaction: Transaction, address_id: str, at: datetime) -> None:
    """Put off what waits for one that is told nothing for now."""
    await _keep_aside(transaction.connection, [address_id], at)


async def take_up(transaction: Transaction, channel: str, address_id: str, at: datetime) -> None:
    """Make what waits for one due now."""
    await transaction.connection.execute(_due(address_id).values(due_at=at, reason=None))
    transaction.wake(outbox(channel), TOPIC)


async def remove(transaction: Transaction, address_id: str, at: datetime) -> None:
    """Forget one: what waits is dropped, and the key of its URL and secrets destroyed."""
    connection = transaction.connection
    if (await connection.execute(delete(subscribers).where(subscribers.c.address_id == address_id))).rowcount != 1:
        raise NotFound("there is no such subscriber")
    gone = {"state": DeliveryState.DROPPED, "reason": "unsubscribed", "done_at": at}
    await connection.execute(_due(address_id).values(**gone))
    own = select(addresses.c.key_id).where(addresses.c.id == address_id).scalar_subquery()
    await connection.execute(update(keys).where(keys.c.id == own).values(wrapped=b""))


async def note(transaction: Transaction, outcomes: Sequence[Recorded], give_up_before: datetime) -> list[str]:
    """Keep the health of those whose attempts ended; gives those that are told no more from now on.

    One that says it is gone stops at once, one that has failed since before `give_up_before` with its next failure.
    """
    seen: defaultdict[str, _Seen] = defaultdict(_Seen)
    for outcome in outcomes:
        if outcome.address_id:
            seen[outcome.address_id].add(outcome)
    # Always in the same order, so that two processes do not wait for each other.
    ordered = sorted(seen.items())
    connection = transaction.connection
    if well := [one.success(whose) for whose, one in ordered if one.last_success_at]:
        await update_all(connection, _succeeded, well)
    if failed := [one.failure(whose) for whose, one in ordered if one.last_failure]:
        await update_all(connection, _failed, failed)
    stopped = await _stop(connection, seen, give_up_before)
    if seen:
        await _keep_aside(connection, list(seen), max(one.at for one in outcomes))
    transaction.wake(TOPIC)
    return stopped


@dataclass(slots=True)
class _Seen:
    """What several outcomes together say of one subscriber; failures are those after the last success."""

    failures: int = 0
    failing_since: datetime | None = None
    last_failure: Recorded | None = None
    last_success_at: datetime | None = None
    gone: bool = False

    def add(self, outcome: Recorded) -> None:
        if outcome.state is DeliveryState.DELIVERED:
            self.failures, self.failing_since, self.last_failure = 0, None, None
            self.last_success_at = outcome.at
        # What has no words of the other side is no attempt: it was dropped, or is to be sent again.
        elif outcome.detail is not None:
            self.failures += 1
            self.failing_since = self.failing_since or outcome.at
            self.last_failure = outcome
            self.gone = self.gone or outcome.reason == GONE_REASON

    def success(self, whose: str) -> dict[str, Any]:
        return {"whose": whose, "well_at": self.last_success_at}

    def failure(self, whose: str) -> dict[str, Any]:
        last = self.last_failure
        words = {"words": last.detail, "failed_at": last.at} if last else {}
        return {"whose": whose, "more": self.failures, "since": self.failing_since, **words}


def _succeeded(given: Given) -> Update:
    own = subscribers.c
    return (
        update(subscribers)
        .where(own.address_id == given("whose", own.address_id.type))
        .values(failures=0, failing_since=None, last_success_at=given("well_at", own.last_success_at.type))
    )


def _failed(given: Given) -> Update:
    own = subscribers.c
    return (
        update(subscribers)
        .where(own.address_id == given("whose", own.address_id.type))
        .values(
            failures=own.failures + given("more", own.failures.type),
            failing_since=func.coalesce(own.failing_since, given("since", own.failing_since.type)),
            last_failure=given("words", own.last_failure.type),
            last_failure_at=given("failed_at", own.last_failure_at.type),
        )
    )


async def _stop(connection: AsyncConnection, seen: Mapping[str, _Seen], give_up_before: datetime) -> list[str]:
    """Call those no more that are gone, or for which this failure was the last straw."""
    stopped = []
    for standing, last_straw, whose in (
        (Standing.GONE, true(), [whose for whose, one in seen.items() if one.gone]),
        (
            Standing.FAILING,
            subscribers.c.failing_since < give_up_before,
            [whose for whose, one in seen.items() if one.last_failure],
        ),
    ):
        if whose:
            ending = (subscribers.c.address_id.in_(whose), subscribers.c.state == Standing.ACTIVE, last_straw)
            ended = update(subscribers).where(*ending).values(state=standing).returning(subscribers.c.address_id)
            stopped += (await connection.execute(ended)).scalars().all()
    return stopped


async def _keep_aside(connection: AsyncConnection, whose: Collection[str], at: datetime) -> None:
    """Put off what was under way, or became due again, when its subscriber is told nothing any more."""
    wanted = select(subscribers.c.address_id, subscribers.c.state).where(
        subscribers.c.address_id.in_(whose), subscribers.c.state != Standing.ACTIVE
    )
    for address_id, standing in (await connection.execute(wanted)).all():
        await connection.execute(_due(address_id).values(due_at=at + ASIDE, reason=_ASIDE_REASON[Standing(standing)]))


def _due(address_id: str) -> Any:
    return update(deliveries).where(deliveries.c.address_id == address_id, deliveries.c.state == DeliveryState.DUE)


async def _waiting(connection: AsyncConnection, channels: Collection[str]) -> dict[str, Row[Any]]:
    """How many deliveries are under way to each address of some channels, and when the next is due."""
    wanted = (
        select(deliveries.c.address_id, func.count().label("number"), func.min(deliveries.c.due_at).label("due_at"))
        .where(deliveries.c.channel.in_(channels), deliveries.c.state.in_(OPEN))
        .group_by(deliveries.c.address_id)
    )
    return {row.address_id: row for row in await connection.execute(wanted)}


def _read(row: Row[Any], newest: int, waiting: Row[Any] | None) -> Subscriber:
    return Subscriber(
        id=row.address_id,
        channel=row.channel,
        name=row.name,
        host=row.host,
        filters=Filters(tuple(About(one) for one in row.events), row.category, row.department, row.place),
        standing=Standing(row.state),
        cursor=row.cursor,
        replay_cursor=row.replay_cursor,
        replay_until=row.replay_until,
        failures=row.failures,
        failing_since=row.failing_since,
        last_failure=row.last_failure,
        last_failure_at=row.last_failure_at,
        last_success_at=row.last_success_at,
        rotated_at=row.rotated_at,
        created_at=row.created_at,
        waiting=waiting.number if waiting else 0,
        behind=max(0, newest - row.cursor) + max(0, row.replay_until - row.replay_cursor),
        next_try=waiting.due_at if waiting else None,
    )
