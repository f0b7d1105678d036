"""A decision taken back within the undo time: the posts stand as they did before, and who can be spared hears nothing.

What was decided at once is undone at once: a post with all that say the same, or several that were chosen together.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway import clock
from gateway.errors import Conflict, NotFound
from gateway.journey import broadcasting, joining, sameness
from gateway.journey.commands import UNDECIDED
from gateway.journey.moderation import announce
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, State
from store import alike, cases, changes, events, history
from store.changes import Changing
from store.database import Transaction
from store.history import Entry

# A withdrawal is undone by publishing again: it is told at once, so that nothing of it can be held back.
UNDOABLE = (Action.PUBLISH, Action.HOLD, Action.REJECT)
UNDONE = "undone"
# More than a decision can be about: a whole batch, each with all that say the same.
MOST = 20_000


def seconds_left(runtime: Runtime, entry: Entry | None, state: State, at: datetime) -> int:
    """For how many seconds the last thing done to a post can still be undone; 0 when it cannot."""
    if entry is None or entry.action not in UNDOABLE or entry.to_state is not state or entry.from_state is None:
        return 0
    until = entry.at + timedelta(seconds=runtime.settings.broadcast.undo_seconds)
    return max(0, round((until - at).total_seconds()))


async def undo(runtime: Runtime, post_id: str, *, actor: str) -> int:
    """Take back the last decision about a post, with those that say the same, and give its new version.

    Words put in by the decision stay: they are not public any more. Raises `NotFound`, and `Conflict` when it is too
    late or something else was done since.
    """

    async def work(transaction: Transaction) -> int:
        post = await changes.load(transaction.connection, post_id, hold=True)
        entry = await history.last(transaction.connection, post.id)
        if entry is None or not seconds_left(runtime, entry, post.state, clock.now()):
            raise Conflict("it is too late to undo this")
        decided = await history.of_decision(transaction.connection, entry.decision, MOST) if entry.decision else []
        known = await changes.load_many(transaction.connection, decided)
        first = post.group_id or post.id
        with_it = [one.id for one in known.values() if first in (one.id, one.group_id)]
        await _undo_all(runtime, transaction, with_it or [post.id], entry.decision, actor)
        return post.version + 1

    return await runtime.database.write(work)


async def undo_together(runtime: Runtime, decision_id: str, *, actor: str) -> int:
    """Take back a decision about several posts, and give of how many: those that something else was done to since stay
    as they are. Raises `NotFound`, and `Conflict` when none can be taken back."""

    async def work(transaction: Transaction) -> int:
        decided = await history.of_decision(transaction.connection, decision_id, MOST)
        if not decided:
            raise NotFound("there is no such decision")
        number = await _undo_all(runtime, transaction, decided, decision_id, actor)
        if not number:
            raise Conflict("it is too late to undo this")
        return number

    return await runtime.database.write(work)


async def _undo_all(
    runtime: Runtime, transaction: Transaction, post_ids: Sequence[str], decision_id: str | None, actor: str
) -> int:
    at, number = clock.now(), 0
    entries = await history.lasts(transaction.connection, post_ids)
    for post_id in post_ids:
        post, entry = await changes.load(transaction.connection, post_id, hold=True), entries.get(post_id)
        if entry is None or entry.decision != decision_id or not seconds_left(runtime, entry, post.state, at):
            continue
        await _take_back(runtime, transaction, post, entry, actor)
        number += 1
    return number


async def _take_back(runtime: Runtime, transaction: Transaction, post: Changing, entry: Entry, actor: str) -> None:
    before = State(entry.from_state or State.PENDING)
    row = history.entry(post.id, actor, UNDONE, from_state=post.state, to_state=before)
    await history.add(transaction, row)
    if post.joined:
        await joining.release(runtime, transaction, post, actor=actor)
    never_public = post.state is State.PUBLISHED and before is not State.WITHDRAWN
    await changes.apply(transaction, post.id, state=before, **({"published_at": None} if never_public else {}))
    if post.state is State.PUBLISHED:
        await _hide(runtime, transaction, post, entry.at)
        await joining.release_all(runtime, transaction, post, actor=actor)
    if before in UNDECIDED and post.group_id is None and post.id == post.thread_id:
        # What says the same from now on is found with it again.
        await alike.begin(transaction, post.id, sameness.gists(post.text), clock.now())
    await broadcasting.take_back(runtime, transaction, post, broadcasting.DECIDED)


async def _hide(runtime: Runtime, transaction: Transaction, post: Changing, decided_at: datetime) -> None:
    """What everybody may read shows it no more, and no department has it to answer; who was not told yet never is."""
    await events.unsay(transaction, post.thread_id, decided_at)
    await announce(runtime, transaction, post, events.Happening.WITHDRAWN)
    if post.kind not in (Kind.ANSWER, Kind.COMMENT):
        await cases.drop(transaction, post.thread_id)
