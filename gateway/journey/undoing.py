"""A decision taken back within the undo time: the post stands as it did before, and who can be spared hears nothing."""

from datetime import datetime, timedelta

from gateway import clock
from gateway.errors import Conflict
from gateway.journey import broadcasting
from gateway.journey.moderation import announce
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, State
from store import changes, events, history
from store.changes import Changing
from store.database import Transaction
from store.history import Entry

# A withdrawal is undone by publishing again: it is told at once, so that nothing of it can be held back.
UNDOABLE = (Action.PUBLISH, Action.HOLD, Action.REJECT)
UNDONE = "undone"


def seconds_left(runtime: Runtime, entry: Entry | None, state: State, at: datetime) -> int:
    """For how many seconds the last thing done to a post can still be undone; 0 when it cannot."""
    if entry is None or entry.action not in UNDOABLE or entry.to_state is not state or entry.from_state is None:
        return 0
    until = entry.at + timedelta(seconds=runtime.settings.broadcast.undo_seconds)
    return max(0, round((until - at).total_seconds()))


async def undo(runtime: Runtime, post_id: str, *, actor: str) -> int:
    """Take back the last decision about a post and give its new version.

    Words put in by the decision stay: they are not public any more. Raises `NotFound`, and `Conflict` when it is too
    late or something else was done since.
    """

    async def work(transaction: Transaction) -> int:
        post = await changes.load(transaction.connection, post_id, hold=True)
        entry = await history.last(transaction.connection, post.id)
        if entry is None or not seconds_left(runtime, entry, post.state, clock.now()):
            raise Conflict("it is too late to undo this")
        before = State(entry.from_state or State.PENDING)
        row = history.entry(post.id, actor, UNDONE, from_state=post.state, to_state=before)
        await history.add(transaction, row)
        never_public = post.state is State.PUBLISHED and before is not State.WITHDRAWN
        await changes.apply(transaction, post.id, state=before, **({"published_at": None} if never_public else {}))
        if post.state is State.PUBLISHED:
            await _hide(transaction, post, entry.at)
        await broadcasting.take_back(runtime, transaction, post, broadcasting.DECIDED)
        return post.version + 1

    return await runtime.database.write(work)


async def _hide(transaction: Transaction, post: Changing, decided_at: datetime) -> None:
    """What everybody may read shows it no more, and no department has it to answer; who was not told yet never is."""
    await events.unsay(transaction, post.thread_id, decided_at)
    await announce(transaction, post, events.Happening.WITHDRAWN)
    if post.kind not in (Kind.ANSWER, Kind.COMMENT):
        await changes.close_case(transaction, post.thread_id)
