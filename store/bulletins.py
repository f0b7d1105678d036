"""Bulletins: what the radio says at one time in one language, part by part, and the sound of it.

A part names the posts it says, each in the version it said. It is true while all of them still are public and read so;
nobody is given a part that is not true any more, and no sound with one in it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.schema import State
from gateway.schema_radio import Bulletin, BulletinPart
from store.database import Transaction
from store.dialect import insert_new
from store.tables_posts import posts
from store.tables_radio import bulletin_parts, bulletin_sources, bulletins

# How far back the air goes: what is older is not looked at again.
ON_AIR = 30


class Edition(StrEnum):
    """Why there is a bulletin: a time of the clock, or somebody asked for it."""

    MORNING = "morning"
    EVENING = "evening"
    NOW = "now"


class Making(StrEnum):
    """Where a bulletin stands: it is to be spoken, it is on the air, it could not be spoken, staff took it back."""

    DUE = "due"
    READY = "ready"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it is composed: with the posts it says (id and version) and the recording that may be heard in it."""

    title: str
    said: tuple[tuple[str, str], ...]
    ticket: str | None = None
    sources: tuple[tuple[str, int], ...] = ()
    media_id: str | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """What a bulletin is to say."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A bulletin as whoever makes it needs it; `stale` are the numbers of parts that are not true any more."""

    id: str
    slot: str
    language: str
    edition: Edition
    since: datetime
    until: datetime
    at: datetime
    state: Making
    version: int
    title: str
    sha256: str | None
    size: int
    seconds: float
    tries: int
    error: str | None
    actor: str
    composed_at: datetime
    parts: tuple[BulletinPart, ...]
    voices: tuple[str | None, ...]
    stale: frozenset[int]

    @property
    def whole(self) -> bool:
        """Whether its sound may be heard: it is there, nobody took it back, and all it says is still true."""
        return self.state is Making.READY and self.sha256 is not None and not self.stale

    def public(self) -> Bulletin:
        """What may be said of it now."""
        said = tuple(part for number, part in enumerate(self.parts) if number not in self.stale)
        sound = (self.seconds, self.size) if self.whole else (0.0, 0)
        return Bulletin(self.id, self.language, self.version, self.title, self.at, said, *sound)


async def last_until(connection: AsyncConnection, language: str) -> datetime | None:
    """Up to when the last bulletin of a language tells; one that was taken back told nothing."""
    wanted = select(bulletins.c.until).where(bulletins.c.language == language, bulletins.c.state != Making.WITHDRAWN)
    reached: datetime | None = (await connection.execute(wanted.order_by(bulletins.c.at.desc()).limit(1))).scalar()
    return reached


async def languages_of(connection: AsyncConnection, slot: str) -> set[str]:
    """In which languages there is the bulletin of a slot."""
    return set((await connection.execute(select(bulletins.c.language).where(bulletins.c.slot == slot))).scalars())


async def begin(transaction: Transaction, row: Mapping[str, Any], composed: Composed) -> bool:
    """Put a bulletin there to be spoken; false when its slot has one, whoever put it there."""
    connection = transaction.connection
    values = {**row, "state": Making.DUE, "title": composed.title}
    await connection.execute(insert_new(connection, bulletins, ["slot", "language"]), values)
    own = select(bulletins.c.id).where(bulletins.c.id == row["id"])
    if (await connection.execute(own)).first() is None:
        return False
    await _put_parts(connection, row["id"], composed)
    transaction.wake("bulletins")
    return True


async def renew(transaction: Transaction, made: Made, composed: Composed, at: datetime) -> bool:
    """Have a bulletin say something else, to be spoken again; false when another was faster."""
    connection = transaction.connection
    values = {"state": Making.DUE, "title": composed.title, "version": made.version + 1, "composed_at": at}
    values |= {"sha256": None, "bytes": None, "seconds": None, "tries": 0, "error": None}
    changed = update(bulletins).where(bulletins.c.id == made.id, bulletins.c.version == made.version)
    if not (await connection.execute(changed.values(**values))).rowcount:
        return False
    await _drop_parts(connection, [made.id])
    await _put_parts(connection, made.id, composed)
    transaction.wake("bulletins")
    return True


async def sounds(
    transaction: Transaction, made: Made, sha256: str, size: int, seconds: float, starts: Sequence[float]
) -> bool:
    """Put the sound of a bulletin beside its words; false when it says something else by now."""
    connection = transaction.connection
    values = {"state": Making.READY, "sha256": sha256, "bytes": size, "seconds": seconds, "error": None}
    its_own = (bulletins.c.id == made.id, bulletins.c.version == made.version, bulletins.c.state == Making.DUE)
    if not (await connection.execute(update(bulletins).where(*its_own).values(**values))).rowcount:
        return False
    for number, start in enumerate(starts):
        part = update(bulletin_parts).where(bulletin_parts.c.bulletin_id == made.id, bulletin_parts.c.number == number)
        await connection.execute(part.values(start=start))
    transaction.wake("bulletins")
    return True


async def failed(transaction: Transaction, made: Made, error: str, most: int) -> None:
    """Note that a bulletin could not be spoken; after so many tries a person must look."""
    state = Making.FAILED if made.tries + 1 >= most else Making.DUE
    its_own = update(bulletins).where(bulletins.c.id == made.id, bulletins.c.version == made.version)
    await transaction.connection.execute(its_own.values(state=state, tries=made.tries + 1, error=error[:200]))
    transaction.wake("bulletins")


async def stand(transaction: Transaction, bulletin_id: str, state: Making) -> None:
    """Take a bulletin back, or have it on the air again as it was."""
    changed = update(bulletins).where(bulletins.c.id == bulletin_id)
    await transaction.connection.execute(changed.values(state=state))
    transaction.wake("bulletins")


async def due(connection: AsyncConnection) -> list[Made]:
    """What is to be spoken, the oldest first."""
    return await _made(connection, select(bulletins).where(bulletins.c.state == Making.DUE).order_by(bulletins.c.at))


async def newest(
    connection: AsyncConnection,
    languages: Collection[str],
    limit: int = ON_AIR,
    states: Collection[Making] = tuple(Making),
) -> list[Made]:
    """The last bulletins of some languages, newest first."""
    wanted = select(bulletins).where(bulletins.c.language.in_(languages), bulletins.c.state.in_(states))
    return await _made(connection, wanted.order_by(bulletins.c.at.desc(), bulletins.c.language).limit(limit))


async def one(connection: AsyncConnection, bulletin_id: str) -> Made:
    """One bulletin. Raises `NotFound`."""
    found = await _made(connection, select(bulletins).where(bulletins.c.id == bulletin_id))
    if not found:
        raise NotFound("there is no such bulletin")
    return found[0]


async def forget(transaction: Transaction, languages: Collection[str], before: datetime) -> int:
    """Delete the bulletins before a moment; gives how many."""
    connection = transaction.connection
    old = select(bulletins.c.id).where(bulletins.c.language.in_(languages), bulletins.c.at < before)
    ids = list((await connection.execute(old)).scalars())
    if ids:
        await _drop_parts(connection, ids)
        await connection.execute(delete(bulletins).where(bulletins.c.id.in_(ids)))
    return len(ids)


async def named(connection: AsyncConnection, hashes: Sequence[str]) -> set[str]:
    """Which of these files are the sound of a bulletin."""
    return set((await connection.execute(select(bulletins.c.sha256).where(bulletins.c.sha256.in_(hashes)))).scalars())


async def all_named(connection: AsyncConnection) -> set[str]:
    """Every file that is the sound of a bulletin."""
    wanted = select(bulletins.c.sha256).where(bulletins.c.sha256.is_not(None))
    return set((await connection.execute(wanted)).scalars())


async def _made(connection: AsyncConnection, wanted: Select[Any]) -> list[Made]:
    rows = (await connection.execute(wanted)).all()
    ids = [row.id for row in rows]
    if not ids:
        return []
    parts: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    theirs = select(bulletin_parts).where(bulletin_parts.c.bulletin_id.in_(ids)).order_by(bulletin_parts.c.number)
    for part in await connection.execute(theirs):
        parts[part.bulletin_id].append(part)
    stale = await _stale(connection, ids)
    return [_read(row, parts[row.id], frozenset(stale[row.id])) for row in rows]


async def _stale(connection: AsyncConnection, ids: Sequence[str]) -> Mapping[str, set[int]]:
    """The parts that are not true any more: of a post that is gone, withdrawn, kept private or corrected since."""
    wanted = (
        select(bulletin_sources.c.bulletin_id, bulletin_sources.c.number)
        .outerjoin(posts, posts.c.id == bulletin_sources.c.post_id)
        .where(bulletin_sources.c.bulletin_id.in_(ids))
        .where(
            or_(
                posts.c.id.is_(None),
                posts.c.state != State.PUBLISHED,
                posts.c.private,
                posts.c.version != bulletin_sources.c.version,
            )
        )
    )
    found: defaultdict[str, set[int]] = defaultdict(set)
    for row in await connection.execute(wanted):
        found[row.bulletin_id].add(row.number)
    return found


async def _put_parts(connection: AsyncConnection, bulletin_id: str, composed: Composed) -> None:
    rows, sources = [], []
    for number, part in enumerate(composed.parts):
        place = {"bulletin_id": bulletin_id, "number": number}
        said = [list(piece) for piece in part.said]
        rows.append({**place, "title": part.title, "said": said, "ticket": part.ticket, "media_id": part.media_id})
        sources += [{**place, "post_id": post_id, "version": version} for post_id, version in part.sources]
    await connection.execute(insert(bulletin_parts), rows)
    if sources:
        await connection.execute(insert(bulletin_sources), sources)


async def _drop_parts(connection: AsyncConnection, ids: Sequence[str]) -> None:
    for table in (bulletin_parts, bulletin_sources):
        await connection.execute(delete(table).where(table.c.bulletin_id.in_(ids)))


def _read(row: Row[Any], parts: Sequence[Row[Any]], stale: frozenset[int]) -> Made:
    return Made(
        id=row.id,
        slot=row.slot,
        language=row.language,
        edition=Edition(row.edition),
        since=row.since,
        until=row.until,
        at=row.at,
        state=Making(row.state),
        version=row.version,
        title=row.title,
        sha256=row.sha256,
        size=row.bytes or 0,
        seconds=row.seconds or 0.0,
        tries=row.tries,
        error=row.error,
        actor=row.actor,
        composed_at=row.composed_at,
        parts=tuple(_part(part) for part in parts),
        voices=tuple(part.media_id for part in parts),
        stale=stale,
    )


def _part(row: Row[Any]) -> BulletinPart:
    said = tuple((str(language), str(words)) for language, words in row.said)
    return BulletinPart(row.title, said, row.ticket, row.start, row.media_id is not None)
