"""The city's departments and the categories of what it is told: their trees, in order, and every change of them.

What posts name is never deleted: it is retired, and keeps its place and name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from store.database import Transaction
from store.dialect import hold_back
from store.tables_organisation import categories, departments, organisation_changes
from store.wakeups import SETTINGS

# Who kept what the settings files began with.
FIRST = "settings"
CHANGES_SHOWN = 50


class Kind(StrEnum):
    """The two trees."""

    DEPARTMENT = "department"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Node:
    """One department or category as it stands; `values` are its columns but for the slug and those beside them here."""

    kind: Kind
    slug: str
    values: Mapping[str, Any]
    position: int
    version: int
    retired_at: datetime | None
    changed_at: datetime
    changed_by: str

    @property
    def parent(self) -> str | None:
        """The one it stands under."""
        parent: str | None = self.values["parent"]
        return parent


@dataclass(frozen=True, slots=True)
class Change:
    """One change: how it read before (None: it was new) and after; both with its place among its siblings."""

    id: int
    kind: Kind
    slug: str
    at: datetime
    actor: str
    action: str
    version: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


_TABLES: Mapping[Kind, Table] = {Kind.DEPARTMENT: departments, Kind.CATEGORY: categories}
VALUES: Mapping[Kind, tuple[str, ...]] = {
    Kind.DEPARTMENT: ("name", "parent", "contact", "hours", "places"),
    Kind.CATEGORY: ("name", "parent", "department", "deadline", "sensitive"),
}


async def hold(transaction: Transaction) -> None:
    """Have no other process change the organisation until this transaction ends."""
    await hold_back(transaction.connection, ["organisation"])


async def is_kept(connection: AsyncConnection) -> bool:
    """Whether departments or categories are kept already."""
    for table in _TABLES.values():
        if (await connection.execute(select(table.c.slug).limit(1))).first():
            return True
    return False


async def nodes(connection: AsyncConnection, kind: Kind) -> list[Node]:
    """All of one tree, also the retired, in their order."""
    table = _TABLES[kind]
    rows = await connection.execute(select(table).order_by(table.c.position, table.c.slug))
    return [_read(kind, row) for row in rows]


async def one(connection: AsyncConnection, kind: Kind, slug: str) -> Node:
    """One of a tree, also a retired one. Raises `NotFound`."""
    table = _TABLES[kind]
    row = (await connection.execute(select(table).where(table.c.slug == slug))).first()
    if row is None:
        raise NotFound(f"there is no such {kind}")
    return _read(kind, row)


async def add(transaction: Transaction, kind: Kind, slug: str, values: Mapping[str, Any], actor: str) -> int:
    """Keep a new one, behind all others; gives the id of the change.

    Raises `Conflict` when its slug is taken, also by a retired one.
    """
    table, at = _TABLES[kind], clock.now()
    if (await transaction.connection.execute(select(table.c.slug).where(table.c.slug == slug))).first():
        raise Conflict("this short name is taken")
    behind = (await transaction.connection.execute(select(func.max(table.c.position)))).scalar()
    position = 0 if behind is None else behind + 1
    row = {"slug": slug, **values, "position": position, "changed_at": at, "changed_by": actor}
    await transaction.connection.execute(table.insert(), row)
    return await _note(transaction, kind, slug, actor, "added", 1, None, _state(values, position, retired=False))


async def change(
    transaction: Transaction,
    node: Node,
    values: Mapping[str, Any],
    actor: str,
    *,
    action: str = "changed",
    retired: bool | None = None,
    position: int | None = None,
    noted: Mapping[str, Any] | None = None,
) -> int:
    """Give one other values, another place, or retire or restore it; gives the id of the change.

    What else is `noted` of it stands in the change alone. Raises `Conflict` when it is not of this version any more.
    """
    table, at = _TABLES[node.kind], clock.now()
    gone = node.retired_at is not None if retired is None else retired
    place = node.position if position is None else position
    stood = {"retired_at": (node.retired_at or at) if gone else None, "position": place}
    mark = {"version": node.version + 1, "changed_at": at, "changed_by": actor}
    known = update(table).where(table.c.slug == node.slug, table.c.version == node.version)
    if not (await transaction.connection.execute(known.values(**values, **stood, **mark))).rowcount:
        raise Conflict("somebody changed this meanwhile; look at it again")
    before = _state(node.values, node.position, retired=node.retired_at is not None)
    after = _state({**node.values, **values}, place, retired=gone) | dict(noted or {})
    return await _note(transaction, node.kind, node.slug, actor, action, node.version + 1, before, after)


async def swap(transaction: Transaction, node: Node, other: Node, actor: str, *, action: str = "moved") -> int:
    """Put one where another of its tree stands, and that in its place; gives the id of the change."""
    table = _TABLES[node.kind]
    made_way = update(table).where(table.c.slug == other.slug).values(position=node.position)
    await transaction.connection.execute(made_way)
    return await change(transaction, node, {}, actor, action=action, position=other.position)


async def changes(connection: AsyncConnection, kind: Kind, slug: str, limit: int = CHANGES_SHOWN) -> Sequence[Change]:
    """What became of one, newest first."""
    of_it = (organisation_changes.c.kind == kind, organisation_changes.c.slug == slug)
    wanted = select(organisation_changes).where(*of_it).order_by(organisation_changes.c.id.desc()).limit(limit)
    return [_read_change(row) for row in await connection.execute(wanted)]


async def one_change(connection: AsyncConnection, change_id: int) -> Change:
    """One change. Raises `NotFound`."""
    wanted = select(organisation_changes).where(organisation_changes.c.id == change_id)
    row = (await connection.execute(wanted)).first()
    if row is None:
        raise NotFound("there is no such change")
    return _read_change(row)


async def _note(
    transaction: Transaction,
    kind: Kind,
    slug: str,
    actor: str,
    action: str,
    version: int,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> int:
    row = {"kind": kind, "slug": slug, "at": clock.now(), "actor": actor, "action": action, "version": version}
    noted = organisation_changes.insert().values(**row, before=before, after=after).returning(organisation_changes.c.id)
    transaction.wake(SETTINGS)
    return int((await transaction.connection.execute(noted)).scalar_one())


def _state(values: Mapping[str, Any], position: int, *, retired: bool) -> dict[str, Any]:
    return {**values, "position": position, "retired": retired}


def _read(kind: Kind, row: Row[Any]) -> Node:
    values = {name: getattr(row, name) for name in VALUES[kind]}
    return Node(kind, row.slug, values, row.position, row.version, row.retired_at, row.changed_at, row.changed_by)


def _read_change(row: Row[Any]) -> Change:
    return Change(
        row.id,
        Kind(row.kind),
        row.slug,
        row.at,
        row.actor,
        row.action,
        row.version,
        row.before,
        row.after,
    )
