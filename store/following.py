"""Who hears a broadcast: the followers of its topics, or whoever heard of its post before; added in chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.schema import PRIORITY_RANK, Audience, DeliveryState, Priority
from store.broadcasts import Broadcast
from store.citizens import of_person
from store.database import Transaction
from store.deliveries import HEARD, mailbox, outbox
from store.dialect import insert_new
from store.tables import addresses, deliveries, subscriptions


@dataclass(frozen=True, slots=True)
class Way:
    """How one scheme of addresses is told: by which channel, in which words, when at the earliest.

    With `asked` only those who asked for each post at once: the others get a digest.
    """

    scheme: str
    channel: str
    kind: str
    phrase: str
    due_at: datetime
    asked: bool = False


async def add_followers(
    transaction: Transaction, broadcast: Broadcast, source: str, way: Way, limit: int
) -> tuple[str | None, int]:
    """Add the next chunk of a source's addresses as deliveries; gives the new cursor (None at the end) and how many.

    A source is a topic, or `broadcast:<id>` for those who heard an earlier one. Who said STOP is passed over, and so is
    the author, who is told in words of his own; one who follows several topics is told once.
    """
    connection = transaction.connection
    chunk, place = _chunk(broadcast, source, way)
    chunk = chunk.where(place > (broadcast.cursor or "")).order_by(place).limit(limit)
    rows = chunk.subquery()
    last = (await connection.execute(select(func.max(rows.c.address_id)))).scalar()
    if last is None:
        return None, 0
    fixed = {
        "broadcast_id": broadcast.id,
        "post_id": broadcast.post_id,
        "audience": Audience.FOLLOWER,
        "channel": way.channel,
        "kind": way.kind,
        "priority": PRIORITY_RANK[Priority.BROADCAST],
        "phrase": way.phrase,
        "state": DeliveryState.DUE,
        "despite_stop": False,
        "due_at": way.due_at,
        "created_at": clock.now(),
        "values": {},
    }
    columns = [literal(value, deliveries.c[name].type).label(name) for name, value in fixed.items()]
    chosen = select(rows.c.address_id, rows.c.language, *columns).where(literal(True))
    keys = ["broadcast_id", "address_id", "channel"]
    new = insert_new(connection, deliveries, keys).from_select(["address_id", "language", *fixed], chosen)
    added = (await connection.execute(new)).rowcount
    transaction.wake(outbox(way.channel))
    if way.kind == "mailbox":
        readers = (await connection.execute(select(rows.c.address_id))).scalars()
        transaction.wake(*{mailbox(address_id) for address_id in readers})
    return str(last), added


async def audience(
    connection: AsyncConnection, broadcast: Broadcast, sources: Sequence[str], way: Way
) -> dict[str, int]:
    """How many addresses of a scheme a broadcast goes to, by language; who follows several topics counts once."""
    found = [_chunk(broadcast, source, way)[0] for source in sources]
    if not found:
        return {}
    everyone = found[0].subquery() if len(found) == 1 else found[0].union(*found[1:]).subquery()
    counted = select(everyone.c.language, func.count()).group_by(everyone.c.language)
    return {language: number for language, number in await connection.execute(counted)}


def _chunk(broadcast: Broadcast, source: str, way: Way) -> tuple[Select[Any], ColumnElement[Any]]:
    """The addresses of a source with their languages, and the column they are walked through by."""
    language = func.coalesce(addresses.c.language, broadcast.language).label("language")
    kind, _, name = source.partition(":")
    table = deliveries if kind == "broadcast" else subscriptions
    wanted = (
        select(table.c.address_id, language)
        .join(addresses, addresses.c.id == table.c.address_id)
        .where(addresses.c.scheme == way.scheme, addresses.c.stopped_at.is_(None), addresses.c.citizen_id.is_not(None))
    )
    if kind == "broadcast":
        # What was seen in a mailbox was heard, also when it is taken back since.
        heard = or_(deliveries.c.state.in_(HEARD), deliveries.c.seen_at.is_not(None))
        return wanted.where(deliveries.c.broadcast_id == name, heard), deliveries.c.address_id
    wanted = wanted.where(subscriptions.c.topic == source)
    if broadcast.author:
        wanted = wanted.where(addresses.c.citizen_id.not_in(of_person(broadcast.author)))
    if way.asked and kind != "ticket":
        wanted = wanted.where(subscriptions.c.at_once)
    return wanted, subscriptions.c.address_id
