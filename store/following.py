"""Who hears a broadcast: the followers of its topics, or whoever heard of its post before; added in chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
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
    listed, place = _listed(source)
    behind = place > (broadcast.cursor or "")
    # Where the chunk ends stands in the index; who of them is reachable is looked up once, as they are added.
    end = select(place).where(listed, behind).order_by(place).offset(limit - 1).limit(1)
    last = (await connection.execute(end)).scalar()
    within = behind if last is None else and_(behind, place <= last)
    rows = _reachable(broadcast, source, way).where(within).order_by(place).subquery()
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
    return last, added


async def audience(
    connection: AsyncConnection, broadcast: Broadcast, sources: Sequence[str], way: Way
) -> dict[str, int]:
    """How many addresses of a scheme a broadcast goes to, by language; who follows several topics counts once."""
    found = [_reachable(broadcast, source, way) for source in sources]
    if not found:
        return {}
    everyone = found[0].subquery() if len(found) == 1 else found[0].union(*found[1:]).subquery()
    counted = select(everyone.c.language, func.count()).group_by(everyone.c.language)
    return {language: number for language, number in await connection.execute(counted)}


def _listed(source: str) -> tuple[ColumnElement[bool], ColumnElement[Any]]:
    """Which rows name the addresses of a source, and the column they are walked through by."""
    kind, _, name = source.partition(":")
    if kind == "broadcast":
        return deliveries.c.broadcast_id == name, deliveries.c.address_id
    return subscriptions.c.topic == source, subscriptions.c.address_id


def _reachable(broadcast: Broadcast, source: str, way: Way) -> Select[Any]:
    """The addresses of a source that are told, with their languages."""
    listed, place = _listed(source)
    language = func.coalesce(addresses.c.language, broadcast.language).label("language")
    wanted = (
        select(place.label("address_id"), language)
        .join(addresses, addresses.c.id == place)
        .where(listed, addresses.c.scheme == way.scheme)
        .where(addresses.c.stopped_at.is_(None), addresses.c.citizen_id.is_not(None))
    )
    kind = source.partition(":")[0]
    if kind == "broadcast":
        # What was seen in a mailbox was heard, also when it is taken back since.
        return wanted.where(or_(deliveries.c.state.in_(HEARD), deliveries.c.seen_at.is_not(None)))
    if broadcast.author:
        wanted = wanted.where(addresses.c.citizen_id.not_in(of_person(broadcast.author)))
    return wanted.where(subscriptions.c.at_once) if way.asked and kind != "ticket" else wanted
