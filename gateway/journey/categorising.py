"""A person says what a report is about: its department's clock, and who may read it, follow from that.

What becomes sensitive is withdrawn from wherever it was shown, and answered to its author alone; what is so no more is
shown, unless its author keeps it from the public himself.
"""

from dataclasses import replace
from datetime import datetime

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey import broadcasting, due, moderation, organisation, routing
from gateway.runtime import Runtime
from gateway.schema import State
from gateway.schema_cases import OPEN_PROGRESS
from store import cases, changes, events, history
from store.broadcasts import Told
from store.changes import Changing
from store.database import Transaction

DONE = "categorised"
# What the history names instead of a category when there is none any more.
NONE = "none"


async def categorise(
    runtime: Runtime, reference: str, category: str | None, *, actor: str, version: int | None = None
) -> int:
    """Put a report (by ticket or id) into a category, or (None) into none; gives its new version.

    Raises `BadInput` for a category that cannot be chosen or a post that has none of its own, `NotFound`, and
    `Conflict` when `version` is not the post's any more.
    """
    if category is not None and category not in {one.slug for one in runtime.settings.categories}:
        raise BadInput("choose one of the list", "category")

    async def work(transaction: Transaction) -> int:
        post = await changes.load(transaction.connection, reference, hold=True)
        if post.id != post.thread_id:
            raise BadInput("only the first post of a thread has a category", "category")
        if version is not None and version != post.version:
            raise Conflict("somebody changed this post meanwhile; look at it again")
        if category == post.category:
            return post.version
        private = post.asked_private or organisation.is_sensitive(runtime.settings, category)
        await history.add(transaction, history.entry(post.id, actor, DONE, reason=category or NONE))
        await changes.apply(transaction, post.id, category=category)
        if private is not post.private:
            await changes.keep_private(transaction, post.id, private)
        if post.state is State.PUBLISHED:
            known = replace(post, category=category, private=private)
            await _move_case(runtime, transaction, known)
            await _tell(runtime, transaction, post, known, actor)
        return post.version + 1

    return await runtime.database.write(work)


async def _tell(runtime: Runtime, transaction: Transaction, before: Changing, post: Changing, actor: str) -> None:
    """Let those who read it hear: of its withdrawal, that it is there, or that it changed."""
    if post.private and not before.private:
        await moderation.hide(runtime, transaction, before, actor=actor)
    elif before.private and not post.private:
        await moderation.announce(runtime, transaction, post, events.Happening.POST)
        await broadcasting.start(runtime, transaction, post, Told.PUBLISHED)
    else:
        await moderation.announce(runtime, transaction, post, events.Happening.UPDATE)


async def _move_case(runtime: Runtime, transaction: Transaction, post: Changing) -> None:
    """Give an open case the span of its new category, and a department when it has none yet."""
    case, at = await cases.find(transaction.connection, post.id, hold=True), clock.now()
    if case is None or case.progress not in OPEN_PROGRESS:
        return
    if case.department is None:
        routed = routing.route_post(runtime, post)
        if routed.department:
            given = due.given(runtime.settings, post, routed.department, at)
            await cases.change(transaction, post.id, rule=routed.rule, **given)
            return
    await _renew_clock(runtime, transaction, post, case.opened_at, reopened=case.reopened > 0)


async def _renew_clock(
    runtime: Runtime, transaction: Transaction, post: Changing, opened_at: datetime, *, reopened: bool
) -> None:
    """Count the new span from where the clock began; that of a case that was opened again runs on as it is."""
    span = due.span_of(runtime.settings, post)
    if not reopened:
        due_at = runtime.settings.calendar.after(opened_at, runtime.settings.span(span))
        await cases.change(transaction, post.id, span=span, due_at=due_at)
