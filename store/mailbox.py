"""The conversation of one address: what it said to us on any medium, and what was put into its mailbox.

The two lie in different tables. Their one order is time, then who spoke, then id: none of it ever changes, so a place
in it (`Position`) stays good for ever, and a message that is committed late is still put where it belongs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, and_, func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema_outgoing import DeliveryState
from store.database import Transaction
from store.deliveries import Claimed, held
from store.tables_citizens import addresses, keys
from store.tables_deliveries import deliveries
from store.tables_media import media
from store.tables_posts import incoming

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Sorts behind every id of a message.
LAST = "~"
# As a literal, so that the index of mailboxes is used: it holds these rows alone.
_kept = deliveries.c.kind == literal_column("'mailbox'")
_NUMBER = re.compile(r"(\d{16})-([01])-([0-9a-f]{20,32})")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mailbox it is. Who said STOP sees only what came before, and what must be said nevertheless."""

    address_id: str
    stopped: bool


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a conversation. `ours` comes behind what it answers when both bear the same moment."""

    at: datetime
    ours: bool = False
    id: str = ""

    @property
    def number(self) -> str:
        """As text that sorts like the conversation does."""
        return f"{(self.at - EPOCH) // timedelta(microseconds=1):016d}-{int(self.ours)}-{self.id}"

    @classmethod
    def of(cls, number: str) -> "Position | None":
        """The place a number names; None for what is no number."""
        found = _NUMBER.fullmatch(number)
        if found is None:
            return None
        return cls(EPOCH + timedelta(microseconds=int(found[1])), found[2] == "1", found[3])

    @property
    def delivery_id(self) -> int | None:
        """Which delivery stands here; None where the citizen spoke."""
        return int(self.id) if self.ours and self.id.isdecimal() and len(self.id) == 20 else None


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file somebody sent: its hash once it is stored, where it is until then, and its type."""

    sha256: str | None
    url: str
    type: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the citizen said, still sealed."""

    id: str
    channel: str
    external_id: str
    post_id: str | None
    key_id: str
    wrapped: bytes | None
    sealed: bytes
    answer: dict[str, Any]
    at: datetime

    @property
    def position(self) -> Position:
        """Its place in the conversation."""
        return Position(self.at, False, self.id)


@dataclass(frozen=True, slots=True)
class Kept:
    """What we said, as its delivery holds it."""

    delivery: Claimed

    @property
    def post_id(self) -> str | None:
        """The post it speaks of."""
        return self.delivery.post_id

    @property
    def position(self) -> Position:
        """Its place in the conversation."""
        return Position(self.delivery.created_at, True, f"{self.delivery.id:020d}")


async def owner(connection: AsyncConnection, lookup: str) -> Owner | None:
    """Whose mailbox an address has, by its keyed hash; None before the first message."""
    wanted = select(addresses.c.id, addresses.c.stopped_at).where(addresses.c.lookup == lookup)
    row = (await connection.execute(wanted)).first()
    return None if row is None else Owner(row.id, row.stopped_at is not None)


async def after(
    connection: AsyncConnection, who: Owner, place: Position, limit: int
) -> tuple[list[Spoken], list[Kept]]:
    """The first messages behind a place, of each side in order, at most `limit` of each."""
    spoken = _spoken(who).where(_of(incoming.c.taken_at, incoming.c.id) > _place(place, ours=False))
    told = _told(who).where(_of(deliveries.c.created_at, deliveries.c.id) > _place(place, ours=True))
    spoken = spoken.order_by(incoming.c.taken_at, incoming.c.id)
    told = told.order_by(deliveries.c.created_at, deliveries.c.id)
    return await _read(connection, spoken.limit(limit), told.limit(limit))


async def before(
    connection: AsyncConnection, who: Owner, place: Position | None, limit: int
) -> tuple[list[Spoken], list[Kept]]:
    """The last messages before a place, or of all, of each side, newest first, at most `limit` of each."""
    spoken, told = _spoken(who), _told(who)
    if place:
        spoken = spoken.where(_of(incoming.c.taken_at, incoming.c.id) < _place(place, ours=False))
        told = told.where(_of(deliveries.c.created_at, deliveries.c.id) < _place(place, ours=True))
    spoken = spoken.order_by(incoming.c.taken_at.desc(), incoming.c.id.desc())
    told = told.order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc())
    return await _read(connection, spoken.limit(limit), told.limit(limit))


async def of_posts(connection: AsyncConnection, who: Owner, post_ids: Sequence[str], limit: int) -> list[Kept]:
    """The last messages a mailbox holds about some posts."""
    wanted = _told(who).where(deliveries.c.post_id.in_(post_ids)).order_by(deliveries.c.id.desc()).limit(limit)
    return [_kept_in(row) for row in await connection.execute(wanted)]


async def files(connection: AsyncConnection, post_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """The files of posts, by post: id and type."""
    if not post_ids:
        return {}
    wanted = select(media.c.post_id, media.c.id, media.c.type).where(media.c.post_id.in_(post_ids)).order_by(media.c.id)
    found: dict[str, list[tuple[str, str]]] = {}
    for row in await connection.execute(wanted):
        found.setdefault(row.post_id, []).append((row.id, row.type))
    return found


async def own_file(connection: AsyncConnection, who: Owner, media_id: str) -> SentFile | None:
    """A file that this very address sent."""
    wanted = (
        select(media.c.sha256, media.c.url, media.c.type)
        .join(incoming, incoming.c.post_id == media.c.post_id)
        .where(media.c.id == media_id, incoming.c.address_id == who.address_id)
        .limit(1)
    )
    row = (await connection.execute(wanted)).first()
    return None if row is None else SentFile(row.sha256, row.url, row.type)


async def unseen(connection: AsyncConnection, who: Owner, delivery_ids: Sequence[int]) -> list[int]:
    """Those of these deliveries that lie in this very mailbox and were never shown."""
    wanted = select(deliveries.c.id).where(_unseen(who, delivery_ids))
    return list((await connection.execute(wanted)).scalars())


async def see(transaction: Transaction, who: Owner, delivery_ids: Sequence[int], at: datetime) -> None:
    """Note when messages of a mailbox were first shown; staff pages hear of it."""
    shown = update(deliveries).where(_unseen(who, delivery_ids))
    await transaction.connection.execute(shown.values(seen_at=at))
    transaction.wake("queue")


async def newest(connection: AsyncConnection) -> int:
    """The number of the newest delivery of all."""
    return (await connection.execute(select(func.max(deliveries.c.id)))).scalar() or 0


async def changed(
    connection: AsyncConnection, delivery_id: int, incoming_id: str
) -> tuple[dict[int, str], dict[str, str]]:
    """What came into any mailbox after a delivery, and what anybody said after a message, by id: whose mailbox."""
    told = select(deliveries.c.id, deliveries.c.address_id).where(deliveries.c.id > delivery_id, _kept)
    said = select(incoming.c.id, incoming.c.address_id).where(
        incoming.c.id > incoming_id, incoming.c.address_id.is_not(None)
    )
    return (
        {row.id: row.address_id for row in await connection.execute(told)},
        {row.id: row.address_id for row in await connection.execute(said)},
    )


def _unseen(who: Owner, delivery_ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(
        deliveries.c.id.in_(delivery_ids),
        deliveries.c.address_id == who.address_id,
        _kept,
        deliveries.c.seen_at.is_(None),
    )


def _spoken(who: Owner) -> Select[Any]:
    return (
        select(incoming, keys.c.wrapped)
        .outerjoin(keys, keys.c.id == incoming.c.key_id)
        .where(incoming.c.address_id == who.address_id)
    )


def _told(who: Owner) -> Select[Any]:
    wanted = (
        select(deliveries, keys.c.wrapped)
        .outerjoin(keys, keys.c.id == deliveries.c.key_id)
        .where(
            deliveries.c.address_id == who.address_id,
            _kept,
            deliveries.c.state.not_in([DeliveryState.DROPPED, DeliveryState.FAILED]),
        )
    )
    if who.stopped:
        # What came since is dropped by its line in a moment.
        wanted = wanted.where((deliveries.c.state == DeliveryState.DELIVERED) | deliveries.c.despite_stop)
    return wanted


def _of(moment: Column[Any], identity: Column[Any]) -> Any:
    return tuple_(moment, identity)


def _place(place: Position, *, ours: bool) -> Any:
    """A place as one side's rows are compared with it: of the same moment, ours come behind the citizen's."""
    if ours:
        return (place.at, int(place.delivery_id or 0) if place.ours else 0)
    return (place.at, LAST if place.ours else place.id)


async def _read(connection: AsyncConnection, spoken: Select[Any], told: Select[Any]) -> tuple[list[Spoken], list[Kept]]:
    said = [_said(row) for row in await connection.execute(spoken)]
    return said, [_kept_in(row) for row in await connection.execute(told)]


def _said(row: Row[Any]) -> Spoken:
    return Spoken(
        id=row.id,
        channel=row.channel,
        external_id=row.external_id,
        post_id=row.post_id,
        key_id=row.key_id,
        wrapped=row.wrapped,
        sealed=row.sealed,
        answer=row.answer,
        at=row.taken_at,
    )


def _kept_in(row: Row[Any]) -> Kept:
    return Kept(held(row, row.created_at))
