"""Convenience services: entries of departments, the words they are found by, and how often each was given.

Every state an entry had is kept as well (`changes`), so that what was there before can be put back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from store.database import Transaction
from store.dialect import add_up, insert_all
from store.tables_services import service_changes, service_uses, service_words, services

# Rung in all processes when what everybody reads of the entries changes.
CHANGED = "services"
# Of so many words that match, the entries are ranked; more no question has.
MOST_MATCHES = 5000


class ServiceKind(StrEnum):
    """What an entry is: how to do something, when somebody is there, or news that end."""

    GUIDE = "guide"
    HOURS = "hours"
    OUTAGE = "outage"
    TRANSPORT = "transport"
    NOTICE = "notice"


# They end, and may be told to followers.
NEWS_KINDS = frozenset({ServiceKind.OUTAGE, ServiceKind.TRANSPORT, ServiceKind.NOTICE})


class ServiceState(StrEnum):
    """Who may read an entry. `HELD` waits for a moderator, because the filter found something in it."""

    DRAFT = "draft"
    HELD = "held"
    PUBLISHED = "published"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Said:
    """An entry in one language: `words` are what it is found by, beside its title."""

    title: str
    text: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written in an entry; `said` is by language, those alone in which it is written."""

    department: str
    kind: ServiceKind
    said: Mapping[str, Said]
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def is_current(self, at: datetime) -> bool:
        """Whether it is true at a moment: it has begun and not ended."""
        begun = self.valid_from is None or self.valid_from <= at
        return begun and not self.has_ended(at)

    def has_ended(self, at: datetime) -> bool:
        """Whether it was true and is not any more."""
        return self.valid_until is not None and self.valid_until <= at

    def in_language(self, language: str) -> tuple[str, Said]:
        """What it says, in a language or else in one it has, and which that is."""
        return (language, self.said[language]) if language in self.said else next(iter(self.said.items()))


@dataclass(frozen=True, slots=True)
class Service:
    """An entry as it stands, and who changed it last."""

    id: str
    slug: str
    entry: Entry
    state: ServiceState
    rules: tuple[str, ...]
    published_at: datetime | None
    retired_at: datetime | None
    notice_id: str | None
    version: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an entry: who, when, what, and how it was then."""

    id: int
    at: datetime
    actor: str
    action: str
    entry: Entry
    state: ServiceState


@dataclass(frozen=True, slots=True)
class Match:
    """One word of a question that an entry has, and how much it says."""

    service_id: str
    word: str
    weight: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What changes of an entry beside its words."""

    state: ServiceState
    rules: Sequence[str] = field(default=())


async def add(transaction: Transaction, slug: str, entry: Entry, actor: str) -> str:
    """Keep a new entry as a draft; gives its id."""
    at, service_id = clock.now(), clock.new_id()
    row = {
        "id": service_id,
        "slug": slug,
        **_columns(entry),
        "state": ServiceState.DRAFT,
        "rules": [],
        "created_at": at,
    }
    row |= {"created_at": at, "changed_at": at, "changed_by": actor}
    await transaction.connection.execute(services.insert(), row)
    await _note(transaction, service_id, actor, "added", entry, ServiceState.DRAFT)
    return service_id


async def change(
    transaction: Transaction,
    known: Service,
    entry: Entry,
    standing: Standing,
    *,
    actor: str,
    action: str,
    version: int | None = None,
) -> None:
    """Give an entry other words or another state. Raises `Conflict` when it is not of this version any more."""
    at, expected = clock.now(), known.version if version is None else version
    values: dict[str, Any] = {"state": standing.state, "rules": list(standing.rules), "version": expected + 1}
    if standing.state is ServiceState.PUBLISHED:
        values |= {"published_at": known.published_at or at, "retired_at": None}
    elif standing.state is ServiceState.RETIRED:
        values["retired_at"] = known.retired_at or at
    where = (services.c.id == known.id, services.c.version == expected)
    changed = update(services).where(*where).values(**_columns(entry), **values, changed_at=at, changed_by=actor)
    if not (await transaction.connection.execute(changed)).rowcount:
        raise Conflict("somebody changed this meanwhile; look at it again")
    await _note(transaction, known.id, actor, action, entry, standing.state)
    transaction.wake(CHANGED)


async def set_notice(transaction: Transaction, service_id: str, post_id: str | None) -> None:
    """Note the post by which followers are told of it."""
    await transaction.connection.execute(update(services).where(services.c.id == service_id).values(notice_id=post_id))


async def put_words(transaction: Transaction, service_id: str, weights: Mapping[str, int]) -> None:
    """Have an entry found by these words, and by no others."""
    connection = transaction.connection
    await connection.execute(delete(service_words).where(service_words.c.service_id == service_id))
    rows = [{"word": word, "service_id": service_id, "weight": weight} for word, weight in sorted(weights.items())]
    if rows:
        await insert_all(connection, service_words, rows)


async def one(connection: AsyncConnection, service_id: str, *, hold: bool = False) -> Service:
    """An entry in whatever state. Raises `NotFound`. With `hold` nobody else changes it until the transaction ends."""
    wanted = select(services).where(services.c.id == service_id)
    return _only(await _read(connection, wanted.with_for_update() if hold else wanted))


async def by_slug(connection: AsyncConnection, slug: str) -> Service:
    """An entry that everybody may read, also when it has ended. Raises `NotFound`."""
    shown = and_(services.c.slug == slug, services.c.state == ServiceState.PUBLISHED)
    return _only(await _read(connection, select(services).where(shown)))


async def slugs_like(connection: AsyncConnection, slug: str) -> set[str]:
    """The slugs in use that begin so."""
    wanted = select(services.c.slug).where(services.c.slug >= slug, services.c.slug < slug + "~")
    return set((await connection.execute(wanted)).scalars())


async def of_departments(
    connection: AsyncConnection, departments: Collection[str], state: ServiceState | None, *, limit: int
) -> list[Service]:
    """The entries of some departments, changed last first; with a state only those."""
    wanted = select(services).where(services.c.department.in_(departments))
    wanted = wanted if state is None else wanted.where(services.c.state == state)
    return await _read(connection, wanted.order_by(services.c.changed_at.desc(), services.c.id).limit(limit))


async def standing(connection: AsyncConnection, department: str, at: datetime) -> list[Service]:
    """What a department tells citizens, or will once it is reviewed, and has not ended."""
    states = services.c.state.in_([ServiceState.PUBLISHED, ServiceState.HELD])
    return await _read(connection, select(services).where(states, services.c.department == department, _lasts(at)))


async def public(connection: AsyncConnection, at: datetime, limit: int, department: str | None = None) -> list[Service]:
    """What everybody may read and has not ended, by department; what is news first."""
    wanted = select(services).where(services.c.state == ServiceState.PUBLISHED, _lasts(at))
    wanted = wanted if department is None else wanted.where(services.c.department == department)
    ordered = wanted.order_by(services.c.department, services.c.valid_until.is_(None), services.c.published_at.desc())
    return await _read(connection, ordered.limit(limit))


async def public_by_id(connection: AsyncConnection, ids: Collection[str], at: datetime) -> dict[str, Service]:
    """The entries of some ids that everybody may read and have not ended."""
    if not ids:
        return {}
    wanted = select(services).where(services.c.id.in_(ids), services.c.state == ServiceState.PUBLISHED, _lasts(at))
    return {known.id: known for known in await _read(connection, wanted)}


async def matches(connection: AsyncConnection, words: Collection[str], at: datetime) -> list[Match]:
    """Which entries that everybody may read have which of some words."""
    if not words:
        return []
    wanted = (
        select(service_words.c.service_id, service_words.c.word, service_words.c.weight)
        .join(services, services.c.id == service_words.c.service_id)
        .where(service_words.c.word.in_(sorted(words)), services.c.state == ServiceState.PUBLISHED, _lasts(at))
        .order_by(service_words.c.weight.desc())
        .limit(MOST_MATCHES)
    )
    return [Match(*row) for row in await connection.execute(wanted)]


async def count_uses(transaction: Transaction, day: date, uses: Mapping[tuple[str, str], int]) -> None:
    """Add how often entries were given on a day, by id and channel."""
    # In one order, lest two processes wait for each other's rows.
    rows = [
        {"service_id": service_id, "day": day.isoformat(), "channel": channel, "uses": number}
        for (service_id, channel), number in sorted(uses.items())
    ]
    if rows:
        keys = ["service_id", "day", "channel"]
        await transaction.connection.execute(add_up(transaction.connection, service_uses, keys, ["uses"]), rows)


async def most_used(connection: AsyncConnection, since: date, at: datetime, limit: int, skip: int = 0) -> list[Service]:
    """So many public entries behind the first `skip`: those given most often since a day, then those published last."""
    counted = (
        select(service_uses.c.service_id, func.sum(service_uses.c.uses).label("uses"))
        .where(service_uses.c.day >= since.isoformat())
        .group_by(service_uses.c.service_id)
        .subquery()
    )
    wanted = (
        select(services)
        .outerjoin(counted, counted.c.service_id == services.c.id)
        .where(services.c.state == ServiceState.PUBLISHED, _lasts(at))
        .order_by(func.coalesce(counted.c.uses, 0).desc(), services.c.published_at.desc(), services.c.id)
        .limit(limit)
        .offset(skip)
    )
    return await _read(connection, wanted)


async def uses_of(connection: AsyncConnection, ids: Collection[str], since: date) -> dict[str, int]:
    """How often entries were given since a day, by id."""
    if not ids:
        return {}
    wanted = (
        select(service_uses.c.service_id, func.sum(service_uses.c.uses))
        .where(service_uses.c.service_id.in_(ids), service_uses.c.day >= since.isoformat())
        .group_by(service_uses.c.service_id)
    )
    return {row[0]: int(row[1]) for row in await connection.execute(wanted)}


async def changes(connection: AsyncConnection, service_id: str, limit: int) -> list[Change]:
    """What became of an entry, newest first."""
    wanted = select(service_changes).where(service_changes.c.service_id == service_id)
    rows = await connection.execute(wanted.order_by(service_changes.c.id.desc()).limit(limit))
    return [_change(row) for row in rows]


async def _note(
    transaction: Transaction, service_id: str, actor: str, action: str, entry: Entry, state: ServiceState
) -> None:
    kept: dict[str, Any] = {
        "department": entry.department,
        "kind": entry.kind,
        "state": state,
        "content": _content(entry),
    }
    kept["valid"] = [at and at.isoformat() for at in (entry.valid_from, entry.valid_until)]
    row = {"service_id": service_id, "at": clock.now(), "actor": actor, "action": action, "kept": kept}
    await transaction.connection.execute(service_changes.insert(), row)


def _lasts(at: datetime) -> ColumnElement[bool]:
    return or_(services.c.valid_until.is_(None), services.c.valid_until > at)


def _columns(entry: Entry) -> dict[str, Any]:
    return {
        "department": entry.department,
        "kind": entry.kind,
        "content": _content(entry),
        "valid_from": entry.valid_from,
        "valid_until": entry.valid_until,
    }


def _content(entry: Entry) -> dict[str, Any]:
    return {
        language: {"title": said.title, "text": said.text, "words": list(said.words)}
        for language, said in entry.said.items()
    }


def _said(content: Mapping[str, Any]) -> dict[str, Said]:
    return {language: Said(said["title"], said["text"], tuple(said["words"])) for language, said in content.items()}


def _only(found: Sequence[Service]) -> Service:
    if not found:
        raise NotFound("there is no such service")
    return found[0]


async def _read(connection: AsyncConnection, wanted: Select[Any]) -> list[Service]:
    return [_service(row) for row in await connection.execute(wanted)]


def _service(row: Row[Any]) -> Service:
    said = _said(row.content)
    entry = Entry(row.department, ServiceKind(row.kind), said, row.valid_from, row.valid_until)
    return Service(
        id=row.id,
        slug=row.slug,
        entry=entry,
        state=ServiceState(row.state),
        rules=tuple(row.rules),
        published_at=row.published_at,
        retired_at=row.retired_at,
        notice_id=row.notice_id,
        version=row.version,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


def _change(row: Row[Any]) -> Change:
    kept = row.kept
    since, until = (datetime.fromisoformat(at) if at else None for at in kept["valid"])
    entry = Entry(kept["department"], ServiceKind(kept["kind"]), _said(kept["content"]), since, until)
    return Change(row.id, row.at, row.actor, row.action, entry, ServiceState(kept["state"]))
