"""What people of the staff look for again and again, under names: their own, and what they share with all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import BadInput, Conflict, NotFound
from store.database import Transaction
from store.dialect import insert_new
from store.tables_inbox import inbox_filters
from store.tables_staff import accounts

# Of one account; more than anybody finds his way among.
MOST = 50


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter under its name: whose it is, and the query of the inbox's address."""

    id: str
    account_id: str
    owner: str
    name: str
    shared: bool
    query: Mapping[str, str]


async def of_account(connection: AsyncConnection, account_id: str) -> list[SavedFilter]:
    """An account's own filters and all that are shared, by name, its own first."""
    mine = inbox_filters.c.account_id == account_id
    rows = await connection.execute(_known().where(or_(mine, inbox_filters.c.shared)))
    found = [_read(row) for row in rows]
    return sorted(found, key=lambda one: (one.account_id != account_id, one.name, one.id))


async def one(connection: AsyncConnection, filter_id: str) -> SavedFilter:
    """A filter by id. Raises `NotFound`."""
    row = (await connection.execute(_known().where(inbox_filters.c.id == filter_id))).first()
    if row is None:
        raise NotFound("there is no such saved filter")
    return _read(row)


async def add(transaction: Transaction, account_id: str, name: str, shared: bool, query: Mapping[str, str]) -> str:
    """Keep a filter; gives its id. Raises `Conflict` when the account has one of this name, `BadInput` for too many."""
    connection, filter_id = transaction.connection, clock.new_id()
    numbered = select(func.count()).where(inbox_filters.c.account_id == account_id)
    if (await connection.execute(numbered)).scalar_one() >= MOST:
        raise BadInput("you have saved too many filters; delete some first", "name")
    row = {
        "id": filter_id,
        "account_id": account_id,
        "name": name,
        "shared": shared,
        "query": dict(query),
        "created_at": clock.now(),
    }
    await connection.execute(insert_new(connection, inbox_filters, ["account_id", "name"]), row)
    if await _named(connection, account_id, name) != filter_id:
        raise Conflict("you have a filter of this name already")
    return filter_id


async def change(transaction: Transaction, known: SavedFilter, **values: Any) -> None:
    """Change the name, the sharing or the query of a filter. Raises `Conflict` when its name is taken."""
    connection = transaction.connection
    if "name" in values and await _named(connection, known.account_id, values["name"]) not in (None, known.id):
        raise Conflict("you have a filter of this name already")
    await connection.execute(update(inbox_filters).where(inbox_filters.c.id == known.id).values(**values))


async def remove(transaction: Transaction, filter_id: str) -> None:
    """Delete a filter."""
    await transaction.connection.execute(delete(inbox_filters).where(inbox_filters.c.id == filter_id))


async def _named(connection: AsyncConnection, account_id: str, name: str) -> str | None:
    mine = inbox_filters.c.account_id == account_id
    found: str | None = (
        await connection.execute(select(inbox_filters.c.id).where(mine, inbox_filters.c.name == name))
    ).scalar()
    return found


def _known() -> Select[Any]:
    owned = accounts.c.id == inbox_filters.c.account_id
    return select(inbox_filters, accounts.c.name.label("owner")).join(accounts, owned)


def _read(row: Row[Any]) -> SavedFilter:
    return SavedFilter(row.id, row.account_id, row.owner, row.name, row.shared, row.query)
