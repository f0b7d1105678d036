"""Posts that say the same are one row for whoever decides; here a decision about one of them reaches the others."""

from datetime import datetime

from gateway import clock
from gateway.journey import broadcasting
from gateway.runtime import Runtime
from gateway.schema import Action, Priority, Say, State
from store import alike, changes, history
from store.changes import Changing
from store.database import Transaction

# Decided in one transaction; what is more stays together as a row of its own.
MOST_AT_ONCE = 200


async def close(
    runtime: Runtime,
    transaction: Transaction,
    first: Changing,
    action: Action,
    after: State,
    actor: str,
    reason: str | None,
    *,
    together: bool,
    decision_id: str,
) -> None:
    """The first of a group was decided: the others are decided with it, or go on as a row without it."""
    others = await alike.waiting(transaction.connection, first.id, MOST_AT_ONCE) if together else []
    decided = await changes.load_many(transaction.connection, others)
    for other in decided.values():
        if action is Action.PUBLISH:
            await _join(runtime, transaction, other, first, actor, decision_id)
        else:
            await _same(runtime, transaction, other, action, after, actor, reason, decision_id)
    if not (together and action is Action.HOLD):  # what is held together waits together
        await alike.regroup(transaction, first.id)


async def part(transaction: Transaction, other: Changing, first: Changing, at: datetime) -> None:
    """What joined it at a moment to the first of its group is undone: its author follows that no more."""
    if other.author_id:
        await changes.unfollow(transaction, other.author_id, _topic(first), at)


async def _join(
    runtime: Runtime, transaction: Transaction, other: Changing, first: Changing, actor: str, decision_id: str
) -> None:
    """Its author hears that the same is published already, and from now on what becomes of that."""
    at = await _set(transaction, other, State.REJECTED, Action.REJECT, actor, "duplicate", decision_id)
    url = f"{runtime.settings.public_url}/posts/{first.ticket}"
    say = Say("joined", {"ticket": other.ticket, "other": first.ticket, "url": url})
    await broadcasting.tell_author(runtime, transaction, other, say, Priority.RECEIPT, waits=True)
    if other.author_id:
        await changes.follow(transaction, other.author_id, _topic(first), at)


async def _same(
    runtime: Runtime,
    transaction: Transaction,
    other: Changing,
    action: Action,
    after: State,
    actor: str,
    reason: str | None,
    decision_id: str,
) -> None:
    await _set(transaction, other, after, action, actor, reason, decision_id)
    say = Say("held" if action is Action.HOLD else "rejected", {"ticket": other.ticket, "reason": reason})
    await broadcasting.tell_author(runtime, transaction, other, say, Priority.RECEIPT, waits=True)


async def _set(
    transaction: Transaction,
    other: Changing,
    after: State,
    action: Action,
    actor: str,
    reason: str | None,
    decision_id: str,
) -> datetime:
    """Note and apply; gives the moment that is noted."""
    at = clock.now()
    entry = history.entry(
        other.id, actor, action, from_state=other.state, to_state=after, reason=reason, decision_id=decision_id, at=at
    )
    await history.add(transaction, entry)
    await changes.apply(transaction, other.id, state=after)
    return at


def _topic(first: Changing) -> str:
    return f"ticket:{first.ticket}"
