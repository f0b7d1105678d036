"""Answers that are given again and again, and every wording they ever had."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from store.database import Transaction
from store.tables_inbox import answer_templates, template_changes

# The department of a template that is every department's.
EVERY = ""
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Wording:
    """What a template says: for a department (or `EVERY`), in a language, under a name."""

    department: str
    language: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it stands, and who changed it last."""

    id: str
    wording: Wording
    version: int
    changed_at: datetime
    changed_by: str
    removed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a template: who, when, what, and how it read then."""

    template_id: str
    at: datetime
    actor: str
    action: str
    wording: Wording


async def of_departments(connection: AsyncConnection, departments: Sequence[str]) -> list[Template]:
    """The templates of some departments, by department and name."""
    wanted = select(answer_templates).where(
        answer_templates.c.department.in_(departments), answer_templates.c.removed_at.is_(None)
    )
    ordered = wanted.order_by(answer_templates.c.department, answer_templates.c.name, answer_templates.c.id)
    return [_read(row) for row in await connection.execute(ordered)]


async def one(connection: AsyncConnection, template_id: str) -> Template:
    """A template by id, also a removed one. Raises `NotFound`."""
    row = (await connection.execute(select(answer_templates).where(answer_templates.c.id == template_id))).first()
    if row is None:
        raise NotFound("there is no such template")
    return _read(row)


async def add(transaction: Transaction, wording: Wording, actor: str) -> str:
    """Keep a new template; gives its id."""
    template_id = clock.new_id()
    row = {"id": template_id, **_columns(wording), "changed_at": clock.now(), "changed_by": actor}
    await transaction.connection.execute(answer_templates.insert(), row)
    await _note(transaction, template_id, actor, "added", wording)
    return template_id


async def change(transaction: Transaction, template_id: str, wording: Wording, version: int, actor: str) -> None:
    """Give a template another wording. Raises `Conflict` when it is not of this version any more."""
    where = (answer_templates.c.id == template_id, answer_templates.c.version == version)
    changed = update(answer_templates).where(*where)
    values = {**_columns(wording), "version": version + 1, "changed_at": clock.now(), "changed_by": actor}
    if not (await transaction.connection.execute(changed.values(**values))).rowcount:
        raise Conflict("somebody changed this meanwhile; look at it again")
    await _note(transaction, template_id, actor, "changed", wording)


async def set_removed(transaction: Transaction, known: Template, removed: bool, actor: str) -> None:
    """Take a template away, or put it back."""
    at = clock.now()
    changed = update(answer_templates).where(answer_templates.c.id == known.id)
    values = {"removed_at": at if removed else None, "changed_at": at, "changed_by": actor}
    await transaction.connection.execute(changed.values(**values, version=answer_templates.c.version + 1))
    await _note(transaction, known.id, actor, "removed" if removed else "put back", known.wording)


async def changes(connection: AsyncConnection, departments: Sequence[str]) -> AsyncIterator[Change]:
    """Every change of the templates of some departments, newest first, read in chunks."""
    last: int | None = None
    while True:
        wanted = select(template_changes).where(template_changes.c.department.in_(departments))
        wanted = wanted if last is None else wanted.where(template_changes.c.id < last)
        rows = (await connection.execute(wanted.order_by(template_changes.c.id.desc()).limit(CHUNK))).all()
        for row in rows:
            yield Change(row.template_id, row.at, row.actor, row.action, _wording(row))
        if len(rows) < CHUNK:
            return
        last = rows[-1].id


async def _note(transaction: Transaction, template_id: str, actor: str, action: str, wording: Wording) -> None:
    row = {"template_id": template_id, "at": clock.now(), "actor": actor, "action": action, **_columns(wording)}
    await transaction.connection.execute(template_changes.insert(), row)


def _columns(wording: Wording) -> dict[str, Any]:
    return {
        "department": wording.department,
        "language": wording.language,
        "name": wording.name,
        "text": wording.text,
    }


def _wording(row: Row[Any]) -> Wording:
    return Wording(row.department, row.language, row.name, row.text)


def _read(row: Row[Any]) -> Template:
    return Template(row.id, _wording(row), row.version, row.changed_at, row.changed_by, row.removed_at is not None)
