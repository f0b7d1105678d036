"""Citizens, their addresses and what they follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.tables import addresses, challenges, citizens, keys, posts
from store.vault import Vault


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code that was sent to prove a contact, the newest one for its post."""

    id: str
    citizen_id: str
    address_id: str
    owner_id: str | None
    key_id: str
    code_hash: str
    tries: int
    expires_at: datetime
    proved_at: datetime | None


def address_place(address_id: str) -> str:
    """Where a sealed address belongs, for the vault."""
    return f"addresses.sealed:{address_id}"


async def unseal(
    connection: AsyncConnection, vault: Vault, address_ids: Sequence[str]
) -> Mapping[str, tuple[str, bool]]:
    """Addresses in the clear, by id, each with whether it said STOP; only for handing a message to its carrier."""
    wanted = (
        select(addresses.c.id, addresses.c.sealed, addresses.c.stopped_at, keys.c.id.label("key_id"), keys.c.wrapped)
        .join(keys, keys.c.id == addresses.c.key_id)
        .where(addresses.c.id.in_(set(address_ids)))
    )
    found = {}
    for row in await connection.execute(wanted):
        key = vault.unwrap(row.key_id, row.wrapped)
        urn = vault.open(row.sealed, address_place(row.id), key).decode()
        found[row.id] = (urn, row.stopped_at is not None)
    return found


async def codes_sent(connection: AsyncConnection, lookup: str, since: datetime) -> int:
    """How many codes an address was sent since a moment."""
    wanted = (
        select(func.count())
        .select_from(challenges)
        .join(addresses, addresses.c.id == challenges.c.address_id)
        .where(addresses.c.lookup == lookup, challenges.c.created_at >= since)
    )
    return (await connection.execute(wanted)).scalar_one()


async def challenge_of(connection: AsyncConnection, ticket: str) -> Challenge | None:
    """The newest code sent for the post of a ticket."""
    wanted = (
        select(challenges, addresses.c.citizen_id.label("owner_id"), addresses.c.key_id)
        .join(posts, posts.c.id == challenges.c.post_id)
        .join(addresses, addresses.c.id == challenges.c.address_id)
        .where(posts.c.ticket == ticket)
        .order_by(challenges.c.created_at.desc())
        .limit(1)
    )
    row = (await connection.execute(wanted)).first()
    return (
        None
        if row is None
        else Challenge(
            id=row.id,
            citizen_id=row.citizen_id,
            address_id=row.address_id,
            owner_id=row.owner_id,
            key_id=row.key_id,
            code_hash=row.code_hash,
            tries=row.tries,
            expires_at=row.expires_at,
            proved_at=row.proved_at,
        )
    )


async def count_try(transaction: Transaction, challenge_id: str) -> None:
    """Note one wrong code."""
    wanted = update(challenges).where(challenges.c.id == challenge_id)
    await transaction.connection.execute(wanted.values(tries=challenges.c.tries + 1))


async def prove(transaction: Transaction, challenge: Challenge, at: datetime) -> None:
    """Make a proved contact the citizen's own; when it is somebody's already, the two are one person."""
    connection = transaction.connection
    await connection.execute(update(challenges).where(challenges.c.id == challenge.id).values(proved_at=at))
    await connection.execute(update(addresses).where(addresses.c.id == challenge.address_id).values(proved_at=at))
    if challenge.owner_id is None:
        owned = update(addresses).where(addresses.c.id == challenge.address_id)
        await connection.execute(owned.values(citizen_id=challenge.citizen_id))
        own_key = update(keys).where(keys.c.id == challenge.key_id)
        await connection.execute(own_key.values(citizen_id=challenge.citizen_id))
    elif challenge.owner_id != challenge.citizen_id:
        await link(transaction, challenge.citizen_id, challenge.owner_id)


def of_person(person_id: str) -> Select[tuple[str]]:
    """The citizens that are one person: himself, and those linked to him, one for each line."""
    return select(citizens.c.id).where((citizens.c.id == person_id) | (citizens.c.merged_into == person_id))


async def person_of(connection: AsyncConnection, citizen_id: str) -> str:
    """Whom a citizen stands for: himself, or whom he is linked to."""
    wanted = select(func.coalesce(citizens.c.merged_into, citizens.c.id)).where(citizens.c.id == citizen_id)
    return (await connection.execute(wanted)).scalar() or citizen_id


async def link(transaction: Transaction, citizen_id: str, with_citizen: str) -> None:
    """Make two citizens, each with whoever is linked to him already, one person. Nothing else is rewritten."""
    connection = transaction.connection
    person, other = await person_of(connection, citizen_id), await person_of(connection, with_citizen)
    if person != other:
        joined = update(citizens).where((citizens.c.id == person) | (citizens.c.merged_into == person))
        await connection.execute(joined.values(merged_into=other))


async def unlink(transaction: Transaction, citizen_id: str) -> None:
    """Make a citizen a person of his own again; when the others pointed at him, they stay one person without him."""
    connection = transaction.connection
    others = select(citizens.c.id).where(citizens.c.merged_into == citizen_id).order_by(citizens.c.id)
    rest = (await connection.execute(others)).scalars().all()
    if rest:
        await connection.execute(
            update(citizens).where(citizens.c.merged_into == citizen_id).values(merged_into=rest[0])
        )
    alone = [citizen_id, *rest[:1]]
    await connection.execute(update(citizens).where(citizens.c.id.in_(alone)).values(merged_into=None))
