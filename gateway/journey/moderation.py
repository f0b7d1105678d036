"""Step 4: a person, or a rule, decides what becomes of a post; the table of allowed changes is here and nowhere else.

One transaction writes the new state, the history, the case, the broadcast and what the author is told, so that none of
them can be without the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey import (
    broadcasting,
    claiming,
    due,
    finding,
    folding,
    groups,
    joining,
    masking,
    organisation,
    routing,
    telling,
)
from gateway.journey.commands import UNDECIDED
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, State
from gateway.schema_outgoing import Priority, Say
from gateway.settings import OTHER
from store import cases, changes, events, history
from store.broadcasts import Told
from store.changes import Changing
from store.database import Transaction

# From which states an action may be taken, and where it leads.
TABLE: Mapping[Action, tuple[frozenset[State], State]] = {
    Action.PUBLISH: (frozenset({State.PENDING, State.HELD, State.REJECTED, State.WITHDRAWN}), State.PUBLISHED),
    Action.HOLD: (frozenset({State.PENDING}), State.HELD),
    Action.REJECT: (frozenset({State.PENDING, State.HELD}), State.REJECTED),
    Action.WITHDRAW: (frozenset({State.PUBLISHED}), State.WITHDRAWN),
    Action.CORRECT: (frozenset(State), State.PUBLISHED),
}
# The reason beside them when nobody decided but the author had himself erased.
ERASED = "erased"
# What may take others along, and can be undone with them.
GROUPED = frozenset({Action.PUBLISH, Action.HOLD, Action.REJECT})
NEEDS_REASON = frozenset({Action.HOLD, Action.REJECT, Action.WITHDRAW})
LONGEST_NOTE = 300
_TELLS = {Action.HOLD: "held", Action.REJECT: "rejected", Action.WITHDRAW: "withdrawn_author"}
_TELLS_OF_COMMENT = {
    Action.HOLD: "comment_held",
    Action.REJECT: "comment_rejected",
    Action.WITHDRAW: "comment_rejected",
}


def allowed(state: State) -> tuple[Action, ...]:
    """What may be done to a post in a state, in the order of the buttons."""
    return tuple(action for action, (states, _) in TABLE.items() if state in states)


async def decide(
    runtime: Runtime,
    post_id: str,
    action: Action,
    *,
    actor: str,
    reason: str | None = None,
    note: str | None = None,
    text: str | None = None,
    version: int | None = None,
    alike: bool = False,
    expires_at: datetime | None = None,
    decision_id: str | None = None,
    unless_held: bool = False,
) -> int:
    """Carry out one decision and give the post's new version.

    `text` replaces the public text (needed by CORRECT, allowed with PUBLISH); private numbers in it are masked.
    `expires_at`, with PUBLISH, is when it is too late to tell it: what has not left by then is dropped.
    `alike` decides those that say the same with it: what PUBLISH puts before all, it joins their authors to.
    `decision_id` is that of a decision about several posts. `unless_held` asks back (`Held`) when somebody else has it
    open. Raises `NotFound`; `Conflict` when `version` is not the post's any more or its state does not allow the
    action; `BadInput` for a missing reason or text.
    """
    _check(runtime, action, reason, note, text, expires_at)
    decided_as = decision_id or clock.new_id()
    cleaned = folding.clean(text, runtime.settings.intake.text_limit) if text is not None else None
    masked = masking.mask_as_set(runtime.settings, cleaned) if cleaned is not None else None

    async def work(transaction: Transaction) -> int:
        post = await changes.load(transaction.connection, post_id, hold=True)
        _permit(post, action, version)
        if unless_held:
            await claiming.spare(transaction, post.id, actor)
        # A correction changes what stands; it publishes nothing that was not.
        after = post.state if action is Action.CORRECT else TABLE[action][1]
        shown = masked if masked is not None else post.text
        before, was_public = post, post.state is State.PUBLISHED and not post.private
        if after is State.PUBLISHED and not post.private and organisation.is_sensitive(runtime.settings, post.category):
            # Of what it is about the console says since it came that nobody else may read it.
            post = replace(post, private=True)
            await changes.keep_private(transaction, post.thread_id, True)
        if after is State.PUBLISHED and not shown:
            raise BadInput("there are no words to publish yet: wait for the transcript or type them", "text")
        key = await history.key_of_post(transaction.connection, runtime.vault, post.id)
        said, what = (note, history.What.NOTE) if note else (cleaned, history.What.EDIT)
        words = history.sealed_words(runtime.vault, key, post.id, what, said) if said else None
        entry = history.entry(
            post.id,
            actor,
            action,
            from_state=post.state,
            to_state=after,
            reason=reason,
            words_id=words["id"] if words else None,
            decision_id=decided_as if action in GROUPED else None,
        )
        await history.add(transaction, entry, words)
        await changes.apply(transaction, post.id, state=after, text=shown, **_publication(post, after))
        if post.private and was_public:
            await hide(runtime, transaction, before, actor=actor)
        await _follow_up(runtime, transaction, post, action, after, shown, reason, note, expires_at)
        if post.state in UNDECIDED and after is not post.state:
            choice = groups.Choice(action, after, actor, reason, decided_as)
            await groups.close(runtime, transaction, post, choice, together=alike)
        return post.version + 1

    return await runtime.database.write(work)


async def publish_answer(runtime: Runtime, transaction: Transaction, post_id: str) -> None:
    """Publish a department's answer that the filter passed, in the transaction that wrote it."""
    post = await changes.load(transaction.connection, post_id, hold=True)
    entry = history.entry(post.id, "rule", Action.PUBLISH, from_state=post.state, to_state=State.PUBLISHED)
    await history.add(transaction, entry)
    await changes.apply(transaction, post.id, state=State.PUBLISHED, published_at=clock.now())
    await _publish(runtime, transaction, post, post.text)


async def publish_notice(
    runtime: Runtime,
    transaction: Transaction,
    post_id: str,
    *,
    actor: str,
    expires_at: datetime | None,
    topics: Sequence[str] = (),
) -> None:
    """Publish the city's own news in the transaction that wrote it, to the followers of what it is about, or of some
    topics; after `expires_at` nothing of it leaves."""
    post = await changes.load(transaction.connection, post_id, hold=True)
    entry = history.entry(post.id, actor, Action.PUBLISH, from_state=post.state, to_state=State.PUBLISHED)
    await history.add(transaction, entry)
    await changes.apply(transaction, post.id, state=State.PUBLISHED, published_at=clock.now())
    await announce(runtime, transaction, post, events.Happening.POST)
    await broadcasting.start(runtime, transaction, post, Told.PUBLISHED, expires_at, topics)


async def change_notice(
    runtime: Runtime, transaction: Transaction, post_id: str, *, actor: str, text: str | None
) -> None:
    """Give a published notice other words, or (None) take it back; one that is public no more stays as it is."""
    post = await changes.load(transaction.connection, post_id, hold=True)
    if post.state is not State.PUBLISHED or text == post.text:
        return
    action, after = (Action.WITHDRAW, State.WITHDRAWN) if text is None else (Action.CORRECT, State.PUBLISHED)
    entry = history.entry(post.id, actor, action, from_state=post.state, to_state=after)
    await history.add(transaction, entry)
    await changes.apply(transaction, post.id, state=after, **({} if text is None else {"text": text}))
    if text is None:
        await take_back(runtime, transaction, post)
        return
    await announce(runtime, transaction, post, events.Happening.UPDATE)
    await broadcasting.start(runtime, transaction, post, Told.CORRECTED)


async def withdraw_for_author(runtime: Runtime, transaction: Transaction, post_id: str) -> None:
    """Take back a published post for its author, who has himself erased in this transaction: all others hear of it."""
    post = await changes.load(transaction.connection, post_id)
    entry = history.entry(
        post.id, "author", Action.WITHDRAW, from_state=post.state, to_state=State.WITHDRAWN, reason=ERASED
    )
    await history.add(transaction, entry)
    await changes.apply(transaction, post.id, state=State.WITHDRAWN)
    await take_back(runtime, transaction, post)
    await joining.release_all(runtime, transaction, post, actor="rule")


def _check(
    runtime: Runtime,
    action: Action,
    reason: str | None,
    note: str | None,
    text: str | None,
    expires_at: datetime | None,
) -> None:
    if action in NEEDS_REASON and reason not in runtime.settings.reasons:
        raise BadInput("choose a reason first", "reason")
    if reason == OTHER and not note:
        raise BadInput("say the reason in a note", "note")
    if note and len(note) > LONGEST_NOTE:
        raise BadInput(f"a note has at most {LONGEST_NOTE} characters", "note")
    if action is Action.CORRECT and not text:
        raise BadInput("give the corrected text", "text")
    if expires_at and (action is not Action.PUBLISH or expires_at <= clock.now()):
        raise BadInput("what is published may end at a moment that is still to come", "expires_at")


def _permit(post: Changing, action: Action, version: int | None) -> None:
    if version is not None and version != post.version:
        raise Conflict("somebody changed this post meanwhile; look at it again")
    if post.state not in TABLE[action][0]:
        raise Conflict("this change is not possible any more")
    if post.joined and post.id == post.thread_id and action is Action.PUBLISH:
        raise Conflict("this report was joined to another one; separate it first")


def _publication(post: Changing, after: State) -> dict[str, datetime]:
    return {"published_at": clock.now()} if after is State.PUBLISHED and post.published_at is None else {}


async def _follow_up(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    action: Action,
    after: State,
    text: str,
    reason: str | None,
    note: str | None,
    expires_at: datetime | None,
) -> None:
    """What a decision sets going: the case, the stream, the broadcast, the word to the author."""
    if after is State.PUBLISHED and post.state is not State.PUBLISHED:
        await _publish(runtime, transaction, post, text, expires_at)
    elif action is Action.CORRECT and post.state is State.PUBLISHED:
        await announce(runtime, transaction, post, events.Happening.UPDATE)
        await broadcasting.start(runtime, transaction, post, Told.CORRECTED)
    elif action in _TELLS:
        if action is Action.WITHDRAW:
            await take_back(runtime, transaction, post)
            await joining.release_all(runtime, transaction, post, actor="rule")
        if post.kind is not Kind.ANSWER:
            values: dict[str, Any] = {"ticket": post.ticket, "reason": reason}
            tells = _TELLS_OF_COMMENT if post.kind is Kind.COMMENT else _TELLS
            say = Say(tells[action], values, {"note": note} if note else {})
            # A withdrawal is what takes back: it waits for nothing.
            waits = action is not Action.WITHDRAW
            await telling.tell_author(runtime, transaction, post, say, Priority.RECEIPT, waits=waits)


async def hide(runtime: Runtime, transaction: Transaction, post: Changing, *, actor: str) -> None:
    """What everybody could read is kept from the public for what it is about, in the transaction that said so: it is
    withdrawn, its author hears why, and what was joined to it stands by itself again. `post` is as it was shown."""
    await take_back(runtime, transaction, post)
    kept = replace(post, private=True)
    await joining.release_all(runtime, transaction, kept, actor=actor)
    say = Say("kept_for_category", {"ticket": post.ticket})
    await telling.tell_author(runtime, transaction, kept, say, Priority.RECEIPT)


async def take_back(runtime: Runtime, transaction: Transaction, post: Changing) -> None:
    """What has not left stays here, and whoever was told hears that it is withdrawn."""
    await announce(runtime, transaction, post, events.Happening.WITHDRAWN)
    await broadcasting.start(runtime, transaction, post, Told.WITHDRAWN)


async def _publish(
    runtime: Runtime, transaction: Transaction, post: Changing, text: str, expires_at: datetime | None = None
) -> None:
    at = clock.now()
    if post.kind is Kind.ANSWER:
        await cases.answer(transaction, post.thread_id, post.department, due.span_of(runtime.settings, post), at)
        await announce(runtime, transaction, post, events.Happening.UPDATE, events.About.ANSWERED)
        await broadcasting.start(runtime, transaction, post, Told.ANSWERED, expires_at)
        return
    if post.kind is Kind.COMMENT:
        await announce(runtime, transaction, post, events.Happening.UPDATE, events.About.COMMENTED)
        await broadcasting.start(runtime, transaction, post, Told.COMMENTED, expires_at)
        return
    if post.kind is not Kind.NOTICE:  # a department's own news: nobody owes an answer to it
        given = await _open_case(runtime, transaction, post, text, at)
        post = replace(post, department=post.department or given)
    await announce(runtime, transaction, post, events.Happening.POST)
    await broadcasting.start(runtime, transaction, post, Told.PUBLISHED, expires_at)


async def _open_case(runtime: Runtime, transaction: Transaction, post: Changing, text: str, at: datetime) -> str | None:
    """Give it to the department that must act, and tell which."""
    routed = routing.route_post(runtime, post, text)
    given = due.given(runtime.settings, post, routed.department, at)
    await cases.open_case(transaction, post.thread_id, rule=routed.rule, opened_at=at, **given)
    return routed.department


async def announce(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    happening: events.Happening,
    about: events.About | None = None,
) -> None:
    """Have a change heard of in the public stream, and found; for what was added, it is its thread that changed."""
    if post.private:
        return
    await finding.renew(runtime, transaction, [post.thread_id])
    if post.thread_id == post.id:
        await events.add(transaction, happening, post.id)
    elif post.thread_state is State.PUBLISHED:
        await events.add(transaction, events.Happening.UPDATE, post.thread_id, about)
