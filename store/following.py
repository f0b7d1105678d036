"""Who hears a broadcast: the followers of its topics, or whoever heard of its post before; added in chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.schema_outgoing import PRIORITY_RANK, Audience, DeliveryState, Priority
from store.audiences import Form, reachable, walk
from store.broadcasts import Broadcast
from store.database import Transaction
from store.deliveries import mailbox, outbox
from store.participating import FOLLOWED

# So many addresses are looked at before it is asked whether others wait: about a millisecond.
PIECE = 500


@dataclass(frozen=True, slots=True)
class Way:
    """How one scheme of addresses is told: by which channel, in which words, when at the earliest.

    With `asked` only those who asked for each post at once: the others get a digest. `reporters` are told as authors,
    and asked what they think of an answer when it `asks`.
    """

    scheme: str
    channel: str
    kind: str
    phrase: str
    due_at: datetime
    asked: bool = False
    reporters: bool = False
    asks: bool = False


async def add_followers(
    transaction: Transaction, broadcast: Broadcast, source: str, way: Way, limit: int
) -> tuple[str | None, int]:
    """Add the next of a source's addresses as deliveries; gives the new cursor (None at the end) and how many.

    At most `limit` addresses are looked at, and fewer when others wait. A source is a topic, `broadcast:<id>` for those
    who heard an earlier one, or `reporters:<thread>` for those who reported what it tells. Who said STOP is passed
    over, and so is the author, who is told in words of his own; one who follows several topics is told once.
    """
    connection, size = transaction.connection, min(limit, PIECE)
    form, compared = _named(broadcast, source, way)
    steps = walk(connection.dialect.name, form)
    fixed = _fixed(broadcast, way)
    transaction.wake(outbox(way.channel))
    cursor, added = broadcast.cursor or "", 0
    for _ in range(0, limit, size):
        place = {**compared, "behind": cursor}
        # Where a piece ends stands in the index; who of it is reachable is looked up once, as they are added.
        last: str | None = (await connection.execute(steps.end, {**place, "skip": size - 1})).scalar()
        place["until"] = last
        added += (await connection.execute(steps.add_piece if last else steps.add_rest, {**place, **fixed})).rowcount
        if way.kind == "mailbox":
            readers = (await connection.execute(steps.piece if last else steps.rest, place)).all()
            transaction.wake(*{mailbox(one.address_id) for one in readers})
        if last is None:
            return None, added
        cursor = last
        if transaction.awaited():
            break
    return cursor, added


async def audience(
    connection: AsyncConnection, broadcast: Broadcast, sources: Sequence[str], way: Way
) -> dict[str, int]:
    """How many addresses of a scheme a broadcast goes to, by language; who follows several topics counts once."""
    found = []
    for source in sources:
        form, compared = _named(broadcast, source, way)
        found.append(reachable(form, {name: literal(value) for name, value in compared.items()}))
    if not found:
        return {}
    everyone = found[0].subquery() if len(found) == 1 else found[0].union(*found[1:]).subquery()
    counted = select(everyone.c.language, func.count()).group_by(everyone.c.language)
    return {language: number for language, number in await connection.execute(counted)}


def _named(broadcast: Broadcast, source: str, way: Way) -> tuple[Form, dict[str, Any]]:
    """The form of a source's audience, and what its conditions compare with."""
    kind, _, name = source.partition(":")
    heard, reported = kind == "broadcast", kind == "reporters"
    form = Form(
        heard=heard,
        author=not heard and broadcast.author is not None,
        asked=not heard and not reported and way.asked and kind not in ("ticket", FOLLOWED),
        reported=reported,
    )
    compared = {"source": name if heard or reported else source, "scheme": way.scheme, "fallback": broadcast.language}
    return form, {**compared, "author": broadcast.author}


def _fixed(broadcast: Broadcast, way: Way) -> dict[str, Any]:
    """What is the same in all its deliveries on one way."""
    return {
        "broadcast_id": broadcast.id,
        "post_id": broadcast.post_id,
        "audience": Audience.AUTHOR if way.reporters else Audience.FOLLOWER,
        "channel": way.channel,
        "kind": way.kind,
        "priority": PRIORITY_RANK[Priority.ANSWER if way.reporters else Priority.BROADCAST],
        "phrase": way.phrase,
        "state": DeliveryState.DUE,
        "despite_stop": False,
        "due_at": way.due_at,
        "created_at": clock.now(),
        "values": {"asks": True} if way.asks else {},
    }
