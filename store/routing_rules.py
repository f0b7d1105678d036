"""The routing rules as the console keeps them, in their order, each change of them, and past posts to try them on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from gateway.schema import CITIZEN_KINDS, Place
from store import audit
from store.database import Transaction
from store.dialect import hold_back
from store.tables_cases import cases
from store.tables_posts import posts
from store.tables_routing import routing_changes, routing_rules
from store.wakeups import SETTINGS

# Who kept what the settings file began with.
FIRST = "settings"
CHANGES_SHOWN = 30
# Beyond every change.
_END = 2**62


@dataclass(frozen=True, slots=True)
class KeptRule:
    """One rule as it stands; `rule` is as `sections.Rule` has it. A retired one decides nothing any more."""

    id: str
    rule: Mapping[str, Any]
    position: int
    version: int
    retired_at: datetime | None
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change: `before` (None: it was new) and `after` are a rule, its position, and whether it was retired."""

    id: int
    rule_id: str
    at: datetime
    actor: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PastPost:
    """A first post as rules look at it, and whose it became by which rule (None for both while nobody decided)."""

    ticket: str
    text: str
    category: str | None
    category_from: str | None
    place: Place
    channel: str
    created_at: datetime
    department: str | None
    rule: str | None


async def hold(transaction: Transaction) -> None:
    """Have no other process change the rules until this transaction ends."""
    await hold_back(transaction.connection, ["routing"])


async def everything(connection: AsyncConnection) -> list[KeptRule]:
    """All rules, also the retired, in their order."""
    rows = await connection.execute(select(routing_rules).order_by(routing_rules.c.position, routing_rules.c.id))
    return [_read(row) for row in rows]


async def one(connection: AsyncConnection, rule_id: str) -> KeptRule:
    """One rule, also a retired one. Raises `NotFound`."""
    row = (await connection.execute(select(routing_rules).where(routing_rules.c.id == rule_id))).first()
    if row is None:
        raise NotFound("there is no such rule")
    return _read(row)


async def add(transaction: Transaction, rule: Mapping[str, Any], actor: str) -> str:
    """Keep a new rule, behind all others; gives its id."""
    behind = (await transaction.connection.execute(select(func.max(routing_rules.c.position)))).scalar()
    rule_id, position = clock.new_id(), 0 if behind is None else behind + 1
    row = {"id": rule_id, "rule": dict(rule), "position": position, "changed_at": clock.now(), "changed_by": actor}
    await transaction.connection.execute(routing_rules.insert(), row)
    await _note(transaction, rule_id, actor, "added", None, _state(rule, position, retired=False))
    return rule_id


async def change(
    transaction: Transaction,
    kept: KeptRule,
    actor: str,
    action: str,
    *,
    rule: Mapping[str, Any] | None = None,
    retired: bool | None = None,
) -> None:
    """Give a rule other values, or retire or restore it. Raises `Conflict` when it is not of this version any more."""
    at, now = clock.now(), kept.retired_at is not None if retired is None else retired
    becomes = dict(rule if rule is not None else kept.rule)
    values = {
        "rule": becomes,
        "retired_at": (kept.retired_at or at) if now else None,
        "version": kept.version + 1,
        "changed_at": at,
        "changed_by": actor,
    }
    known = update(routing_rules).where(routing_rules.c.id == kept.id, routing_rules.c.version == kept.version)
    if not (await transaction.connection.execute(known.values(**values))).rowcount:
        raise Conflict("somebody changed this meanwhile; look at it again")
    before = _state(kept.rule, kept.position, retired=kept.retired_at is not None)
    await _note(transaction, kept.id, actor, action, before, _state(becomes, kept.position, retired=now))


async def order(transaction: Transaction, rule_ids: Sequence[str]) -> None:
    """Number all rules in this order."""
    for position, rule_id in enumerate(rule_ids):
        moved = update(routing_rules).where(routing_rules.c.id == rule_id)
        await transaction.connection.execute(moved.values(position=position))
    transaction.wake(SETTINGS)


async def changes(connection: AsyncConnection, limit: int = CHANGES_SHOWN) -> list[Change]:
    """What was changed last, newest first."""
    # By the key from its end: without a bound the whole table would seem to be asked for.
    newest = select(routing_changes).where(routing_changes.c.id < _END)
    wanted = newest.order_by(routing_changes.c.id.desc()).limit(limit)
    return [_read_change(row) for row in await connection.execute(wanted)]


async def last_change(connection: AsyncConnection, rule_id: str) -> Change | None:
    """What was done to a rule last."""
    wanted = select(routing_changes).where(routing_changes.c.rule_id == rule_id)
    row = (await connection.execute(wanted.order_by(routing_changes.c.id.desc()).limit(1))).first()
    return _read_change(row) if row else None


async def past(connection: AsyncConnection, limit: int) -> list[PastPost]:
    """The newest first posts of citizens, in whatever state, newest first."""
    wanted = (
        select(posts, cases.c.rule, cases.c.department.label("case_department"))
        .outerjoin(cases, cases.c.thread_id == posts.c.id)
        .where(posts.c.parent_id.is_(None), posts.c.kind.in_(CITIZEN_KINDS))
        .order_by(posts.c.created_at.desc(), posts.c.id.desc())
        .limit(limit)
    )
    return [_past(row) for row in await connection.execute(wanted)]


async def _note(
    transaction: Transaction,
    rule_id: str,
    actor: str,
    action: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> None:
    row = {"rule_id": rule_id, "at": clock.now(), "actor": actor, "action": action, "before": before, "after": after}
    await transaction.connection.execute(routing_changes.insert(), row)
    if actor != FIRST:
        await audit.note(transaction, actor, f"routing rule {action}", rule_id)
    transaction.wake(SETTINGS)


def _state(rule: Mapping[str, Any], position: int, *, retired: bool) -> dict[str, Any]:
    return {"rule": dict(rule), "position": position, "retired": retired}


def _read(row: Row[Any]) -> KeptRule:
    return KeptRule(row.id, row.rule, row.position, row.version, row.retired_at, row.changed_at, row.changed_by)


def _read_change(row: Row[Any]) -> Change:
    return Change(row.id, row.rule_id, row.at, row.actor, row.action, row.before, row.after)


def _past(row: Row[Any]) -> PastPost:
    return PastPost(
        ticket=row.ticket,
        text=row.text,
        category=row.category,
        category_from=row.category_from,
        place=Place(row.place, row.lat, row.lon, row.place_slug),
        channel=row.channel,
        created_at=row.created_at,
        department=row.case_department,
        rule=row.rule,
    )
