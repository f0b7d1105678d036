"""Posts that say the same are one row for whoever decides; here a decision about one of them reaches the others."""

from dataclasses import dataclass, replace

from gateway.journey import joining, telling
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_outgoing import Priority, Say
from store import alike, changes, history
from store.changes import Changing
from store.database import Transaction

# Decided in one transaction; what is more stays together as a row of its own.
MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided of the first of a group: the action, the state it led to, by whom and why."""

    action: Action
    after: State
    actor: str
    reason: str | None
    decision_id: str


async def close(runtime: Runtime, transaction: Transaction, first: Changing, choice: Choice, *, together: bool) -> None:
    """The first of a group was decided: the others are decided with it, or go on as a row without it."""
    others = await alike.waiting(transaction.connection, first.id, MOST_AT_ONCE) if together else []
    decided = await changes.load_many(transaction.connection, others)
    for other in decided.values():
        if choice.action is Action.PUBLISH:
            await _join(runtime, transaction, other, first, choice)
        else:
            await _same(runtime, transaction, other, choice)
    if not (together and choice.action is Action.HOLD):  # what is held together waits together
        await alike.regroup(transaction, first.id)


async def _join(runtime: Runtime, transaction: Transaction, other: Changing, first: Changing, choice: Choice) -> None:
    """Its author hears that the same is published already, and from now on what becomes of that.

    What was published to its author alone can be joined by nobody.
    """
    if first.private:
        return
    shown = replace(first, state=choice.after)
    await joining.join(runtime, transaction, other, shown, actor=choice.actor, decision_id=choice.decision_id)


async def _same(runtime: Runtime, transaction: Transaction, other: Changing, choice: Choice) -> None:
    await _set(transaction, other, choice)
    phrase = "held" if choice.action is Action.HOLD else "rejected"
    say = Say(phrase, {"ticket": other.ticket, "reason": choice.reason})
    await telling.tell_author(runtime, transaction, other, say, Priority.RECEIPT, waits=True)


async def _set(transaction: Transaction, other: Changing, choice: Choice) -> None:
    """Note and apply."""
    entry = history.entry(
        other.id,
        choice.actor,
        choice.action,
        from_state=other.state,
        to_state=choice.after,
        reason=choice.reason,
        decision_id=choice.decision_id,
    )
    await history.add(transaction, entry)
    await changes.apply(transaction, other.id, state=choice.after)
