"""Erasing a person: the keys are destroyed, so that what they sealed can never be opened again, here or in a backup.

What stays is what nobody can be known by: that posts came and what was decided of them, the masked words of what he
chose to leave, and rows whose sealed values are noise now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, and_, delete, insert, literal, null, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import MediaState, State
from gateway.schema_outgoing import DeliveryState
from store import alike, campaigns, figures
from store.citizens import of_person
from store.database import Transaction
from store.tables_calls import calls
from store.tables_citizens import addresses, challenges, citizens, keys, questions, subscriptions
from store.tables_deliveries import attempts, deliveries
from store.tables_history import history
from store.tables_marks import marks
from store.tables_media import media
from store.tables_posts import incoming, posts
from store.tables_search import gists, staff_search
from store.tables_staff import alarms
from store.tables_together import reporters, sketches

# What stands before the hash of a file that came with a message itself and was not looked at yet.
KEPT = "blob:"


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left to do after the commit: files that no row names any more, and copies that carriers may hold."""

    files: Sequence[str]
    carriers: Sequence[tuple[str, str]]


async def members(connection: AsyncConnection, person: str) -> list[str]:
    """The citizens that are a person."""
    return [row.id for row in await connection.execute(of_person(person))]


async def to_withdraw(
    connection: AsyncConnection, citizen_ids: Sequence[str], *, private_only: bool, limit: int
) -> list[str]:
    """Published posts of some citizens, the oldest first."""
    wanted = select(posts.c.id).where(posts.c.citizen_id.in_(citizen_ids), posts.c.state == State.PUBLISHED)
    if private_only:
        wanted = wanted.where(posts.c.private)
    return list((await connection.execute(wanted.order_by(posts.c.created_at).limit(limit))).scalars())


async def reject_waiting(transaction: Transaction, citizen_ids: Sequence[str], reason: str, at: datetime) -> None:
    """Reject what waits for a decision; nobody is told, for nobody knew. What others said alike waits without it."""
    connection = transaction.connection
    waiting = and_(posts.c.citizen_id.in_(citizen_ids), posts.c.state.in_([State.PENDING, State.HELD]))
    leading = select(posts.c.group_id).where(posts.c.group_id.in_(select(posts.c.id).where(waiting))).distinct()
    groups = (await connection.execute(leading)).scalars().all()
    await _note(connection, waiting, "reject", at, reason=reason, to_state=State.REJECTED)
    rejected = {"state": State.REJECTED, "version": posts.c.version + 1}
    await connection.execute(update(posts).where(waiting).values(**rejected))
    for first_id in groups:
        await alike.regroup(transaction, first_id)
    transaction.wake("queue")


async def erase(transaction: Transaction, citizen_ids: Sequence[str], at: datetime) -> Remains:
    """Destroy the keys of some citizens and all that names them; posts that are published then stay, unsigned."""
    connection = transaction.connection
    contacts = await _typed(connection, citizen_ids)
    own = select(addresses.c.id).where(addresses.c.citizen_id.in_(citizen_ids))
    lines = [*(await connection.execute(own)).scalars(), *contacts]
    remains = await _empty_posts(transaction, citizen_ids, at)
    dropped = {"state": DeliveryState.DROPPED, "reason": "erased", "done_at": at, "lease_until": None}
    is_open = deliveries.c.state.in_([DeliveryState.DUE, DeliveryState.UNKNOWN])
    await connection.execute(update(deliveries).where(deliveries.c.address_id.in_(lines), is_open).values(**dropped))
    # Channels promise that what carriers said names no number; what slipped through goes too.
    told = select(deliveries.c.id).where(deliveries.c.address_id.in_(lines))
    await connection.execute(update(attempts).where(attempts.c.delivery_id.in_(told)).values(detail=None))
    await connection.execute(update(incoming).where(incoming.c.address_id.in_(lines)).values(sealed=b""))
    await _destroy_keys(connection, citizen_ids, contacts)
    asked = or_(challenges.c.citizen_id.in_(citizen_ids), challenges.c.address_id.in_(lines))
    await connection.execute(delete(challenges).where(asked))
    for table in (subscriptions, questions, alarms):
        await connection.execute(delete(table).where(table.c.address_id.in_(lines)))
    await connection.execute(delete(reporters).where(reporters.c.citizen_id.in_(citizen_ids)))
    await campaigns.forget_person(transaction, citizen_ids)
    called = select(addresses.c.lookup).where(addresses.c.id.in_(lines))
    await connection.execute(delete(calls).where(calls.c.caller.in_(called)))
    await connection.execute(delete(addresses).where(addresses.c.id.in_(lines)))
    # What he thought of an answer counts on, as nobody's.
    await connection.execute(update(marks).where(marks.c.citizen_id.in_(citizen_ids)).values(citizen_id=None))
    nameless = update(citizens).where(citizens.c.id.in_(citizen_ids))
    await connection.execute(nameless.values(display_name=None, merged_into=None))
    # No event: nothing was said anew. But pages that bear the name are drawn anew.
    transaction.wake("events")
    return remains


async def _typed(connection: AsyncConnection, citizen_ids: Sequence[str]) -> list[str]:
    """Contacts these citizens typed that are nobody's, that nobody else typed and no staff is alarmed on."""
    others = challenges.alias("others")
    elsewhere = select(others.c.id).where(
        others.c.address_id == addresses.c.id, others.c.citizen_id.not_in(citizen_ids)
    )
    wanted = (
        select(addresses.c.id)
        .join(challenges, challenges.c.address_id == addresses.c.id)
        .where(challenges.c.citizen_id.in_(citizen_ids), addresses.c.citizen_id.is_(None), ~elsewhere.exists())
        .where(addresses.c.id.not_in(select(alarms.c.address_id)))
        .distinct()
    )
    return list((await connection.execute(wanted)).scalars())


async def _destroy_keys(connection: AsyncConnection, citizen_ids: Sequence[str], contacts: Sequence[str]) -> None:
    await connection.execute(update(keys).where(keys.c.citizen_id.in_(citizen_ids)).values(wrapped=b""))
    of_contacts = select(addresses.c.key_id).where(addresses.c.id.in_(contacts))
    await connection.execute(update(keys).where(keys.c.id.in_(of_contacts)).values(wrapped=b""))


async def _empty_posts(transaction: Transaction, citizen_ids: Sequence[str], at: datetime) -> Remains:
    """Take words, place and files from what is not published, the unpublished files from what is, and the author
    from all."""
    connection = transaction.connection
    mine = posts.c.citizen_id.in_(citizen_ids)
    hidden = and_(mine, posts.c.state != State.PUBLISHED)
    await _note(connection, mine, "erased", at)
    files = (await connection.execute(_files(mine))).all()
    remains = await _forget_files(connection, files)
    ids = select(posts.c.id).where(mine)
    await connection.execute(delete(gists).where(gists.c.post_id.in_(ids)))
    unknown = select(posts.c.id).where(hidden)
    await connection.execute(delete(staff_search).where(staff_search.c.post_id.in_(unknown)))
    await connection.execute(delete(sketches).where(sketches.c.post_id.in_(unknown)))
    # Old figures name places that were public once.
    named = select(posts.c.place).where(hidden, posts.c.place.is_not(None)).distinct()
    await figures.count_anew(transaction, (await connection.execute(named)).scalars().all())
    empty: dict[str, Any] = {"text": "", "place": None, "lat": None, "lon": None, "rules": []}
    await connection.execute(update(posts).where(hidden).values(**empty))
    # What is still said of it on the radio is said anew, and by nobody's own voice.
    gone: dict[str, Any] = {"citizen_id": None, "own_voice": False, "version": posts.c.version + 1}
    await connection.execute(update(posts).where(mine).values(**gone))
    return remains


def _files(mine: Any) -> Any:
    """The files that go: all of what is not published, and what is not public of the rest."""
    gone = or_(posts.c.state != State.PUBLISHED, media.c.public.is_(False))
    return select(media).join(posts, posts.c.id == media.c.post_id).where(mine, gone)


async def _forget_files(connection: AsyncConnection, files: Sequence[Row[Any]]) -> Remains:
    if not files:
        return Remains((), ())
    await connection.execute(delete(media).where(media.c.id.in_([file.id for file in files])))
    uploaded = [file.url.removeprefix(KEPT) for file in files if file.url.startswith(KEPT)]
    hashes = {name for file in files for name in (file.sha256, file.preview) if name} | set(uploaded)
    named = union(
        select(media.c.sha256).where(media.c.sha256.in_(hashes)),
        select(media.c.preview).where(media.c.preview.in_(hashes)),
        # Uploads of others with the same content that nobody looked at yet: few, and found by their being due.
        select(media.c.url).where(media.c.due_at.is_not(None), media.c.url.in_([f"{KEPT}{name}" for name in hashes])),
    )
    still = {name.removeprefix(KEPT) for name in (await connection.execute(named)).scalars()}
    waiting = [file for file in files if file.state == MediaState.DUE and not file.url.startswith(KEPT)]
    return Remains(sorted(hashes - still), [(file.channel, file.url) for file in waiting])


async def _note(
    connection: AsyncConnection,
    which: Any,
    action: str,
    at: datetime,
    *,
    reason: str | None = None,
    to_state: State | None = None,
) -> None:
    """A line of history for each of some posts: that its author did this, and nothing of him."""
    table: Table = history
    after = literal(to_state, table.c.to_state.type) if to_state else posts.c.state
    values = [
        posts.c.id,
        literal(at, table.c.at.type),
        literal("author"),
        literal(action),
        posts.c.state,
        after,
        literal(reason) if reason else null(),
    ]
    names = ["post_id", "at", "actor", "action", "from_state", "to_state", "reason"]
    await connection.execute(insert(table).from_select(names, select(*values).where(which)))
