"""Step 5: a published post, its correction or its withdrawal, is told to its author and set going to everybody else.

The author is told in the decision's own transaction; all others hear it by a broadcast, which `expanding` turns into
deliveries. What is decided and taken back within the undo time is heard by nobody.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway import clock
from gateway.journey import judging, topics
from gateway.journey.telling import settled_at, tell_author
from gateway.runtime import Runtime
from gateway.schema import Kind, State
from gateway.schema_outgoing import Priority, Say
from store import audit, broadcasts, changes, deliveries, media, together
from store.broadcasts import Told
from store.changes import Changing
from store.database import Transaction

# What each broadcast says to the author.
AUTHOR_PHRASES = {
    Told.PUBLISHED: "published",
    Told.CORRECTED: "corrected_author",
    Told.ANSWERED: "answered",
    Told.COMMENTED: "comment_published",
}

# Whose addresses hear as authors do: a thread's reporters (see `store.together`).
REPORTERS = "reporters"

# What the author of an answer's thread hears when it changes, if he heard the answer.
ANSWER_PHRASES = {Told.CORRECTED: "answer_corrected", Told.WITHDRAWN: "answer_withdrawn"}

# The words about a decision that are taken back with it.
DECIDED = (
    "published",
    "published_private",
    "comment_published",
    "answered",
    "held",
    "rejected",
    "comment_held",
    "comment_rejected",
    "joined",
    "answered_joined",
)
CORRECTED = ("corrected_author", "answer_corrected")

# These go to those who were told before, whatever they follow now.
CHANGES = (Told.CORRECTED, Told.WITHDRAWN)

# What a withdrawal stops.
PUBLICATIONS = tuple(told for told in Told if told is not Told.WITHDRAWN)


async def start(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    told: Told,
    expires_at: datetime | None = None,
    topics_heard: Sequence[str] = (),
) -> None:
    """Tell the author, and set the broadcast to all others going; what is private goes to its author alone.

    `topics_heard` are the topics whose followers hear it, where the post itself does not say them.
    """
    if told in CHANGES:
        await _overtake(transaction, post, told)
    await _tell_own(runtime, transaction, post, told)
    hidden = post.id != post.thread_id and post.thread_state is not State.PUBLISHED
    if not post.private and not hidden:
        hearing = [] if told in CHANGES else topics_heard or await _topics(runtime, transaction, post, told)
        due_at = clock.now() if told is Told.WITHDRAWN else settled_at(runtime)
        await broadcasts.add(transaction, post.id, told, post.version + 1, hearing, due_at, expires_at)


async def take_back(runtime: Runtime, transaction: Transaction, post: Changing, said: Sequence[str]) -> None:
    """Undo what a decision set going: what has not left stays here, and who heard it all the same hears that too.

    `said` are the words the author was to hear.
    """
    heard = await deliveries.author_heard(transaction.connection, post.id, said)
    await deliveries.drop_words(transaction, post.id, said, "undone", clock.now())
    if heard and await deliveries.author_heard(transaction.connection, post.id, said):
        answer = post.kind is Kind.ANSWER
        phrase = ANSWER_PHRASES[Told.WITHDRAWN] if answer else "undone_author"
        await tell_author(runtime, transaction, post, Say(phrase, {"ticket": post.ticket}), Priority.RECEIPT)
    if post.state is State.PUBLISHED:
        await broadcasts.stop(transaction, post.id, "undone", PUBLICATIONS)
        await broadcasts.stop_under(transaction, post.id, "undone", PUBLICATIONS)
        if not post.private:
            version = post.version + 1
            await broadcasts.add(transaction, post.id, Told.WITHDRAWN, version, [], clock.now())


async def change(runtime: Runtime, broadcast_id: str, action: str, *, actor: str) -> None:
    """Pause, resume, stop a broadcast or agree to its cost, by a person; noted in the audit log.

    Raises `NotFound`, and `Conflict` when its state does not allow it.
    """

    async def work(transaction: Transaction) -> None:
        await broadcasts.by_hand(transaction, broadcast_id, action, actor)
        await audit.note(transaction, actor, f"broadcast {action}", broadcast_id)

    await runtime.database.write(work)


async def _overtake(transaction: Transaction, post: Changing, told: Told) -> None:
    """A change makes needless what of earlier ones has not left; a withdrawal all that has not left of the post."""
    if told is Told.CORRECTED:
        await broadcasts.stop(transaction, post.id, "superseded", [Told.CORRECTED])
        await deliveries.drop_words(transaction, post.id, CORRECTED, "superseded", clock.now())
        return
    await broadcasts.stop(transaction, post.id, "withdrawn", PUBLICATIONS)
    await broadcasts.stop_under(transaction, post.id, "withdrawn", PUBLICATIONS)
    await deliveries.drop_words(transaction, post.id, (*DECIDED, *CORRECTED), "withdrawn", clock.now())


async def _tell_own(runtime: Runtime, transaction: Transaction, post: Changing, told: Told) -> None:
    """Tell the author of a post, or of the thread that was answered, in words of his own."""
    phrase = AUTHOR_PHRASES.get(told)
    if post.kind is Kind.ANSWER and told in CHANGES:
        heard = await deliveries.author_heard(transaction.connection, post.id, ("answered", "answer_corrected"))
        phrase = ANSWER_PHRASES[told] if heard else None
    if phrase is None:
        return
    hidden = post.private and post.kind is not Kind.ANSWER
    phrase = "published_private" if hidden and told in (Told.PUBLISHED, Told.COMMENTED) else phrase
    urgent = Priority.ANSWER if told is Told.ANSWERED else Priority.RECEIPT
    files = await media.number_of(transaction.connection, post.id) if post.kind is Kind.ANSWER else 0
    say = Say(phrase, {"ticket": post.ticket, **({"files": files} if files else {})})
    asks = told is Told.ANSWERED and await judging.is_asked(runtime, transaction, post)
    await tell_author(runtime, transaction, post, say, urgent, waits=told is not Told.WITHDRAWN, asks=asks)


async def _topics(runtime: Runtime, transaction: Transaction, post: Changing, told: Told) -> list[str]:
    """Whose followers hear of a post: of a word added to a thread, only those who follow that very ticket."""
    if told is Told.COMMENTED:
        return [f"ticket:{post.ticket}"]
    # First those who reported it too, in words of their own; who follows it as well is told once.
    reported = told is Told.ANSWERED and await together.is_reported(transaction.connection, post.thread_id)
    first = [f"{REPORTERS}:{post.thread_id}"] if reported else []
    about = post
    if told is Told.ANSWERED:
        # An answer is about what its thread is about.
        thread = await changes.load(transaction.connection, post.thread_id)
        about = replace(thread, department=post.department or thread.department)
    return first + topics.of_post(
        # Who follows a ticket before it is published was told in words of his own (`groups`).
        post.ticket if told is not Told.PUBLISHED else None,
        topics.under(runtime, about),
        await broadcasts.places_followed(transaction.connection),
    )
