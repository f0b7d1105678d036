"""Citizens, their lines (addresses) and what they follow.

Each line has a citizen of its own; the lines somebody linked point at one of his citizens, and that is the person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import NotFound
from store.database import Transaction
from store.dialect import among, insert_new
from store.tables_citizens import addresses, citizens, keys, subscriptions
from store.vault import SealingKey, Vault


@dataclass(frozen=True, slots=True)
class Known:
    """An address we know: whose it is and who that is (None while nobody proved it), and the key that seals for it."""

    id: str
    citizen_id: str | None
    person: str | None
    key: SealingKey
    language: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a person, for himself. `urn` is in the clear only here, None when its key was destroyed."""

    id: str
    citizen_id: str
    scheme: str
    urn: str | None = field(repr=False)
    language: str | None
    chosen: bool
    proved_at: datetime | None
    stopped_at: datetime | None
    muted_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Follow:
    """A topic that one line of a person follows."""

    id: str
    address_id: str
    topic: str
    created_at: datetime


def address_place(address_id: str) -> str:
    """Where a sealed address belongs, for the vault."""
    return f"addresses.sealed:{address_id}"


async def unseal(
    connection: AsyncConnection, vault: Vault, address_ids: Sequence[str]
) -> Mapping[str, tuple[str, bool]]:
    """Addresses in the clear, by id, each with whether it said STOP; only for handing a message to its carrier.

    One that was erased is left out.
    """
    wanted = _sealed_addresses().where(among(connection, addresses.c.id, set(address_ids)))
    rows = (await connection.execute(wanted)).all()
    return {row.id: (_opened(vault, row), row.stopped_at is not None) for row in rows if row.wrapped}


async def known(connection: AsyncConnection, vault: Vault, urn: str) -> Known | None:
    """What we know of an address, or None."""
    wanted = (
        select(addresses, keys.c.wrapped, func.coalesce(citizens.c.merged_into, citizens.c.id).label("person"))
        .join(keys, keys.c.id == addresses.c.key_id)
        .outerjoin(citizens, citizens.c.id == addresses.c.citizen_id)
        .where(addresses.c.lookup == vault.lookup(urn))
    )
    row = (await connection.execute(wanted)).first()
    if row is None:
        return None
    return Known(row.id, row.citizen_id, row.person, vault.unwrap(row.key_id, row.wrapped), row.language)


@dataclass(frozen=True, slots=True)
class ToTell:
    """An address as telling it something sealed needs it."""

    id: str
    scheme: str
    language: str | None
    key: SealingKey


async def line_by_id(connection: AsyncConnection, vault: Vault, address_id: str) -> ToTell | None:
    """An address by its id; None when it is erased or said STOP."""
    wanted = _sealed_addresses().where(addresses.c.id == address_id, addresses.c.stopped_at.is_(None))
    row = (await connection.execute(wanted)).first()
    if row is None or not row.wrapped:
        return None
    return ToTell(row.id, row.scheme, row.language, vault.unwrap(row.key_id, row.wrapped))


async def enter(transaction: Transaction, vault: Vault, urn: str, *, language: str, at: datetime, owned: bool) -> Known:
    """Keep a new address: as a citizen's of its own, or as nobody's until it is proved."""
    connection, address_id = transaction.connection, clock.new_id()
    citizen_id, key = clock.new_id() if owned else None, vault.new_key(clock.new_id())
    if citizen_id:
        await connection.execute(citizens.insert(), {"id": citizen_id, "created_at": at})
    key_row = {"id": key.id, "citizen_id": citizen_id, "wrapped": key.wrapped, "created_at": at}
    await connection.execute(keys.insert(), key_row)
    address = {
        "id": address_id,
        "citizen_id": citizen_id,
        "scheme": urn.partition(":")[0],
        "lookup": vault.lookup(urn),
        "key_id": key.id,
        "sealed": vault.seal(urn.encode(), address_place(address_id), key),
        "language": language,
        "created_at": at,
    }
    await connection.execute(addresses.insert(), address)
    return Known(address_id, citizen_id, citizen_id, key, language)


async def claim(transaction: Transaction, address_id: str, at: datetime) -> str:
    """Give an address that was nobody's a citizen of its own; gives his id."""
    connection, citizen_id = transaction.connection, clock.new_id()
    await connection.execute(citizens.insert(), {"id": citizen_id, "created_at": at})
    mine = addresses.c.id == address_id
    await connection.execute(update(addresses).where(mine).values(citizen_id=citizen_id))
    own_key = keys.c.id == select(addresses.c.key_id).where(mine).scalar_subquery()
    await connection.execute(update(keys).where(own_key).values(citizen_id=citizen_id))
    return citizen_id


async def rename(transaction: Transaction, vault: Vault, address: Known, urn: str) -> None:
    """Give an address another name; all that was said on it stays with it."""
    sealed = vault.seal(urn.encode(), address_place(address.id), address.key)
    renamed = update(addresses).where(addresses.c.id == address.id)
    await transaction.connection.execute(renamed.values(lookup=vault.lookup(urn), sealed=sealed))


def of_person(person_id: str | ColumnElement[Any]) -> Select[tuple[str]]:
    """The citizens that are one person: himself, and those linked to him, one for each line."""
    return select(citizens.c.id).where((citizens.c.id == person_id) | (citizens.c.merged_into == person_id))


async def person_of(connection: AsyncConnection, citizen_id: str) -> str:
    """Whom a citizen stands for: himself, or whom he is linked to."""
    wanted = select(func.coalesce(citizens.c.merged_into, citizens.c.id)).where(citizens.c.id == citizen_id)
    return (await connection.execute(wanted)).scalar() or citizen_id


async def person_at(connection: AsyncConnection, lookup: str) -> str | None:
    """The person whose line has this keyed hash, or None."""
    person = func.coalesce(citizens.c.merged_into, citizens.c.id)
    wanted = select(person).join(addresses, addresses.c.citizen_id == citizens.c.id)
    found: str | None = (await connection.execute(wanted.where(addresses.c.lookup == lookup))).scalar()
    return found


async def link(transaction: Transaction, citizen_id: str, with_citizen: str) -> None:
    """Make two citizens, each with whoever is linked to him already, one person. Nothing else is rewritten."""
    connection = transaction.connection
    person, other = await person_of(connection, citizen_id), await person_of(connection, with_citizen)
    if person != other:
        joined = [*await _members(connection, person), *await _members(connection, other)]
        await _gather(connection, joined)


async def unlink(transaction: Transaction, citizen_id: str) -> None:
    """Make a citizen a person of his own again; those he was linked with stay one person without him."""
    connection = transaction.connection
    members = await _members(connection, await person_of(connection, citizen_id))
    await _gather(connection, [citizen_id])
    if rest := [member for member in members if member != citizen_id]:
        await _gather(connection, rest)


async def lines(connection: AsyncConnection, vault: Vault, person: str) -> list[Line]:
    """All lines of a person, oldest first."""
    wanted = _sealed_addresses().where(addresses.c.citizen_id.in_(of_person(person)))
    rows = await connection.execute(wanted.order_by(addresses.c.created_at, addresses.c.id))
    return [
        Line(
            id=row.id,
            citizen_id=row.citizen_id,
            scheme=row.scheme,
            urn=_opened(vault, row) if row.wrapped else None,
            language=row.language,
            chosen=row.chosen,
            proved_at=row.proved_at,
            stopped_at=row.stopped_at,
            muted_at=row.muted_at,
            created_at=row.created_at,
        )
        for row in rows
    ]


async def change_line(transaction: Transaction, person: str, address_id: str, **values: Any) -> None:
    """Change a line of a person. Raises `NotFound` for one that is not his."""
    own = (addresses.c.id == address_id) & addresses.c.citizen_id.in_(of_person(person))
    changed = await transaction.connection.execute(update(addresses).where(own).values(**values))
    if changed.rowcount != 1:
        raise NotFound("you have no such line")


async def name_of(connection: AsyncConnection, person: str) -> str | None:
    """The name a person chose to be shown by."""
    return (await connection.execute(select(citizens.c.display_name).where(citizens.c.id == person))).scalar()


async def choose_name(transaction: Transaction, person: str, name: str | None) -> None:
    """Name a person, on each of his lines: one that is unlinked later keeps the name it had."""
    connection = transaction.connection
    members = await _members(connection, person)
    await connection.execute(update(citizens).where(citizens.c.id.in_(members)).values(display_name=name))
    await _gather(connection, members)


async def follows(connection: AsyncConnection, person: str) -> list[Follow]:
    """What a person's lines follow."""
    wanted = (
        select(subscriptions)
        .join(addresses, addresses.c.id == subscriptions.c.address_id)
        .where(addresses.c.citizen_id.in_(of_person(person)))
        .order_by(subscriptions.c.created_at, subscriptions.c.id)
    )
    return [Follow(row.id, row.address_id, row.topic, row.created_at) for row in await connection.execute(wanted)]


async def follow(transaction: Transaction, address_id: str, topic: str, at: datetime) -> None:
    """Have a line follow a topic; one that does already is left as it is."""
    row = {"id": clock.new_id(), "address_id": address_id, "topic": topic, "created_at": at}
    await transaction.connection.execute(
        insert_new(transaction.connection, subscriptions, ["topic", "address_id"]), row
    )


async def unfollow(transaction: Transaction, follow_id: str) -> None:
    """End the following of one topic by one line."""
    await transaction.connection.execute(delete(subscriptions).where(subscriptions.c.id == follow_id))


def _sealed_addresses() -> Select[Any]:
    return select(addresses, keys.c.wrapped).join(keys, keys.c.id == addresses.c.key_id)


def _opened(vault: Vault, row: Any) -> str:
    return vault.open(row.sealed, address_place(row.id), vault.unwrap(row.key_id, row.wrapped)).decode()


async def _members(connection: AsyncConnection, person: str) -> Sequence[str]:
    return [row.id for row in await connection.execute(of_person(person))]


async def _gather(connection: AsyncConnection, members: Iterable[str]) -> None:
    """Point citizens at one of them: the oldest that has a name, so that the name stays; else the oldest.

    The same citizens always give the same rows, and that is what makes an unlinking undo a linking.
    """
    ids = list(members)
    first = select(citizens.c.id).where(citizens.c.id.in_(ids))
    first = first.order_by(citizens.c.display_name.is_(None), citizens.c.id).limit(1)
    head = (await connection.execute(first)).scalar_one()
    others = update(citizens).where(citizens.c.id.in_(ids), citizens.c.id != head)
    await connection.execute(others.values(merged_into=head))
    await connection.execute(update(citizens).where(citizens.c.id == head).values(merged_into=None))
