"""A word that was added to a thread becomes a report of its own, by a moderator, and is put back if that was wrong.

It waits for its decision as if it had come by itself: nobody has read it as a report yet.
"""

from gateway import clock
from gateway.errors import Conflict
from gateway.journey import finding, sameness, telling, tickets
from gateway.journey.commands import UNDECIDED
from gateway.runtime import Runtime
from gateway.schema import Kind, State
from gateway.schema_outgoing import Priority, Say
from store import alike, changes, deliveries, events, history, looking_up
from store.changes import Changing
from store.database import Transaction

SEPARATED, PUT_BACK = "separated", "put_back"
SPARE_TICKETS = 10


async def separate(runtime: Runtime, post_id: str, *, actor: str) -> str:
    """Make a word under a thread a report of its own; gives its ticket. Raises `NotFound` and `Conflict`."""

    async def work(transaction: Transaction) -> str:
        post = await changes.load(transaction.connection, post_id, hold=True)
        if post.kind is not Kind.COMMENT or post.state not in (*UNDECIDED, State.PUBLISHED):
            raise Conflict("only what was added to a report can be made one of its own")
        ticket = await changes.own_ticket(transaction.connection, post.id) or await _unused(transaction)
        state = State.PENDING if post.state is State.PUBLISHED else post.state
        # The ticket of the thread it came from, for putting it back.
        entry = history.entry(post.id, actor, SEPARATED, from_state=post.state, to_state=state, reason=post.ticket)
        await history.add(transaction, entry)
        place = {"thread_id": post.id, "parent_id": None, "kind": Kind.REPORT, "ticket": ticket, "group_id": None}
        await changes.apply(transaction, post.id, state=state, published_at=None, **place)
        await changes.leave_to_index(transaction, [post.id])
        await alike.begin(transaction, post.id, sameness.gists(post.text), clock.now())
        await _renew(runtime, transaction, post)
        say = Say("separated", {"ticket": ticket})
        now = await changes.load(transaction.connection, post.id)
        await telling.tell_author(runtime, transaction, now, say, Priority.RECEIPT, waits=True)
        return ticket

    return await runtime.database.write(work)


async def put_back(runtime: Runtime, reference: str, *, actor: str) -> str:
    """Put a report that was separated under its thread again, as it was; gives the thread's ticket.

    Raises `NotFound`, and `Conflict` when it was not, or somebody decided it since.
    """

    async def work(transaction: Transaction) -> str:
        post = await changes.load(transaction.connection, reference, hold=True)
        last = await history.last(transaction.connection, post.id)
        if not can_put_back(last, post.state):
            raise Conflict("this can be put back no more")
        thread = await changes.load(transaction.connection, last.reason or "", hold=True)  # type: ignore[union-attr]
        before = last.from_state or State.PENDING  # type: ignore[union-attr]
        await history.add(transaction, history.entry(post.id, actor, PUT_BACK, from_state=post.state, to_state=before))
        place = {"thread_id": thread.thread_id, "parent_id": thread.thread_id, "kind": Kind.COMMENT}
        private = thread.private or post.private
        shown = {"published_at": clock.now()} if before is State.PUBLISHED else {}
        await alike.regroup(transaction, post.id)
        await changes.apply(transaction, post.id, state=before, group_id=None, private=private, **place, **shown)
        await changes.leave_to_index(transaction, [post.id])
        await _renew(runtime, transaction, await changes.load(transaction.connection, post.id))
        await deliveries.drop_words(transaction, post.id, ("separated",), "undone", clock.now())
        return thread.ticket

    return await runtime.database.write(work)


def can_put_back(last: history.Entry | None, state: State) -> bool:
    """Whether a post's last change was that it was separated by staff, and nobody decided it since."""
    separated = last is not None and last.action == SEPARATED and last.reason is not None
    return separated and state in UNDECIDED


async def _unused(transaction: Transaction) -> str:
    found = await looking_up.unused(transaction.connection, tickets.draw(SPARE_TICKETS))
    if not found:
        raise RuntimeError("no unused ticket was drawn")
    return found[0]


async def _renew(runtime: Runtime, transaction: Transaction, post: Changing) -> None:
    """Its thread is read without it, or with it, from now on."""
    await finding.renew(runtime, transaction, [post.thread_id])
    if post.thread_state is State.PUBLISHED and not post.private:
        await events.add(transaction, events.Happening.UPDATE, post.thread_id)
