"""Codes on their way to prove a line: how many were sent, how often they were tried, and what a right one brings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.citizens import claim, link, of_person
from store.database import Transaction
from store.tables_citizens import addresses, challenges
from store.tables_posts import posts


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code that was sent to prove a line. `owner_id` is whose the line is already, None for nobody's."""

    id: str
    citizen_id: str
    address_id: str
    owner_id: str | None
    code_hash: str
    tries: int
    expires_at: datetime
    proved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """A line that was proved, by whom and when."""

    address_id: str
    citizen_id: str
    at: datetime


async def sent_to(connection: AsyncConnection, lookup: str, since: datetime) -> int:
    """How many codes an address was sent since a moment."""
    wanted = (
        select(func.count())
        .select_from(challenges)
        .join(addresses, addresses.c.id == challenges.c.address_id)
        .where(addresses.c.lookup == lookup, challenges.c.created_at >= since)
    )
    return (await connection.execute(wanted)).scalar_one()


async def asked_by(connection: AsyncConnection, citizen_id: str, since: datetime) -> int:
    """How many codes a citizen asked for since a moment, to whatever address."""
    wanted = select(func.count()).where(challenges.c.citizen_id == citizen_id, challenges.c.created_at >= since)
    return (await connection.execute(wanted)).scalar_one()


async def of_post(connection: AsyncConnection, ticket: str) -> Challenge | None:
    """The newest code sent for the post of a ticket."""
    wanted = _challenge().join(posts, posts.c.id == challenges.c.post_id).where(posts.c.ticket == ticket)
    return await _newest(connection, wanted)


async def of_line(connection: AsyncConnection, citizen_id: str) -> Challenge | None:
    """The newest code a citizen asked for to prove a line, for no post."""
    wanted = _challenge().where(challenges.c.citizen_id == citizen_id, challenges.c.post_id.is_(None))
    return await _newest(connection, wanted)


async def proofs(connection: AsyncConnection, person: str) -> Sequence[Proof]:
    """Every line a person proved by a code, oldest first; one proved again stands there again."""
    wanted = (
        select(challenges.c.address_id, challenges.c.citizen_id, challenges.c.proved_at)
        .where(challenges.c.citizen_id.in_(of_person(person)), challenges.c.proved_at.is_not(None))
        .order_by(challenges.c.created_at)
    )
    return [Proof(row.address_id, row.citizen_id, row.proved_at) for row in await connection.execute(wanted)]


async def add(transaction: Transaction, row: dict[str, Any]) -> None:
    """Keep a code that is being sent."""
    await transaction.connection.execute(challenges.insert(), row)


async def count_try(transaction: Transaction, challenge_id: str) -> None:
    """Note one wrong code."""
    wanted = update(challenges).where(challenges.c.id == challenge_id)
    await transaction.connection.execute(wanted.values(tries=challenges.c.tries + 1))


async def prove(transaction: Transaction, challenge: Challenge, at: datetime) -> None:
    """Make a proved line the citizen's own: with whoever it is already, the two are one person."""
    connection = transaction.connection
    await connection.execute(update(challenges).where(challenges.c.id == challenge.id).values(proved_at=at))
    await connection.execute(update(addresses).where(addresses.c.id == challenge.address_id).values(proved_at=at))
    owner = challenge.owner_id or await claim(transaction, challenge.address_id, at)
    await link(transaction, challenge.citizen_id, owner)


def _challenge() -> Select[Any]:
    owner = addresses.c.citizen_id.label("owner_id")
    return select(challenges, owner).join(addresses, addresses.c.id == challenges.c.address_id)


async def _newest(connection: AsyncConnection, wanted: Select[Any]) -> Challenge | None:
    newest = wanted.order_by(challenges.c.created_at.desc(), challenges.c.id.desc()).limit(1)
    row: Row[Any] | None = (await connection.execute(newest)).first()
    if row is None:
        return None
    return Challenge(
        id=row.id,
        citizen_id=row.citizen_id,
        address_id=row.address_id,
        owner_id=row.owner_id,
        code_hash=row.code_hash,
        tries=row.tries,
        expires_at=row.expires_at,
        proved_at=row.proved_at,
    )
