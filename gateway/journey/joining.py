"""Reports about the same thing become one: joined to a public one, whose answer is told to all who reported it.

A joined report is read by nobody any more: its ticket leads to the other one, its author follows that, and it has a
case only to say so (`Progress.MERGED`). Nothing of it is lost: it can stand by itself again at any time, as it did.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey import broadcasting, claiming, due, finding, organisation, sameness, telling
from gateway.journey.commands import UNDECIDED
from gateway.runtime import Runtime
from gateway.schema import CITIZEN_KINDS, Action, State
from gateway.schema_cases import OPEN_PROGRESS, CaseStep, Progress
from gateway.schema_outgoing import Priority, Say
from store import alike, broadcasts, cases, changes, deliveries, events, history, rejudgings, together
from store.changes import Changing
from store.database import Transaction

# What the author of a joined report is told, and taken back with it.
TOLD = ("joined", "answered_joined")
# Decided in one transaction.
MOST_AT_ONCE = 200


async def join(
    runtime: Runtime,
    transaction: Transaction,
    other: Changing,
    into: Changing,
    *,
    actor: str,
    decision_id: str | None = None,
    tell: bool = True,
) -> datetime:
    """Join a report to a public one; gives the moment that is noted. Its author hears of it unless he did it himself,
    and in any case what was answered there already. Raises `BadInput` and `Conflict` where that cannot be."""
    check(other, into)
    shown = other.state is State.PUBLISHED
    if shown and (await cases.load(transaction.connection, other.id, hold=True)).progress not in OPEN_PROGRESS:
        raise Conflict("this report is answered already")
    at = clock.now()
    after = State.WITHDRAWN if shown else State.REJECTED
    entry = history.entry(
        other.id,
        actor,
        Action.WITHDRAW if shown else Action.REJECT,
        from_state=other.state,
        to_state=after,
        reason=together.DUPLICATE,
        decision_id=decision_id,
        at=at,
    )
    await history.add(transaction, entry)
    await changes.apply(transaction, other.id, state=after)
    await together.merge(transaction, other.id, into.id, other.state, at)
    await together.count_in(transaction, into.id, other.id, other.author_id, at)
    if shown:
        await _take_down(runtime, transaction, other, into, at)
        await rejudgings.note(transaction, other.id, rejudgings.Event.JOINED, at, into.ticket)
    await _tell_of(runtime, transaction, into, CaseStep.MERGE, other, actor)
    await _tell_author(runtime, transaction, other, into, joined=tell)
    if other.author_id:
        await changes.follow(transaction, other.author_id, _topic(into), at)
    return at


async def release(runtime: Runtime, transaction: Transaction, other: Changing, *, actor: str) -> State:
    """Undo what `join` did to the case, the reporters and the words on their way; gives how the post stood before.

    The post itself is left to whoever calls. Raises `Conflict` for a report that is joined to none.
    """
    case = await cases.find(transaction.connection, other.id)
    if case is None or case.merged_into is None:
        raise Conflict("this report is joined to no other one")
    before, at = case.merged_state or State.PENDING, clock.now()
    await together.part(transaction, other.id, **_clock(runtime, case, before, at))
    await together.count_out(transaction, other.id, other.author_id)
    into = await changes.load(transaction.connection, case.merged_into)
    if other.author_id and case.merged_at:
        await changes.unfollow(transaction, other.author_id, _topic(into), case.merged_at)
    if before is State.PUBLISHED:
        await rejudgings.note(transaction, other.id, rejudgings.Event.PARTED, at, into.ticket)
    await _tell_of(runtime, transaction, into, CaseStep.SEPARATE, other, actor)
    return before


async def separate(runtime: Runtime, transaction: Transaction, other: Changing, *, actor: str) -> None:
    """Have a joined report stand by itself again, as it did before. Raises `Conflict` for one joined to none, and for
    one of which nothing is left since its author had himself erased."""
    if _is_erased(other):
        raise Conflict("its author had it erased; nothing is left that could stand by itself")
    before = await release(runtime, transaction, other, actor=actor)
    if not other.private and organisation.is_sensitive(runtime.settings, other.category):
        # The console says so of what it is about since it was joined.
        other = replace(other, private=True)
        await changes.keep_private(transaction, other.id, True)
    action = f"case_{CaseStep.SEPARATE}"
    await history.add(transaction, history.entry(other.id, actor, action, from_state=other.state, to_state=before))
    await changes.apply(transaction, other.id, state=before)
    if before is State.PUBLISHED:
        await _announce(runtime, transaction, other, events.Happening.POST)
    elif before in UNDECIDED and other.group_id is None:
        await alike.begin(transaction, other.id, sameness.gists(other.text), clock.now())
    heard = await deliveries.author_heard(transaction.connection, other.id, TOLD)
    await deliveries.drop_words(transaction, other.id, TOLD, "undone", clock.now())
    if heard:
        say = Say("parted", {"ticket": other.ticket})
        await telling.tell_author(runtime, transaction, other, say, Priority.RECEIPT)


async def release_all(runtime: Runtime, transaction: Transaction, into: Changing, *, actor: str) -> None:
    """A report is public no more: what was joined to it stands by itself again."""
    ids = await together.ids_joined_to(transaction.connection, into.id)
    for start in range(0, len(ids), MOST_AT_ONCE):
        for other in (await changes.load_many(transaction.connection, ids[start : start + MOST_AT_ONCE])).values():
            if not _is_erased(other):
                await separate(runtime, transaction, other, actor=actor)


async def join_posts(
    runtime: Runtime, reference: str, into_ticket: str, *, actor: str, unless_held: bool = False
) -> str:
    """A person joins a report (by ticket or id), and what waits with it because it says the same, to a public one.

    Gives the id of the report. `unless_held` asks back (`Held`) when somebody else has it open. Raises `NotFound`,
    `BadInput` and `Conflict`.
    """
    decision_id = clock.new_id()

    async def work(transaction: Transaction) -> str:
        other, into = await load_both(transaction, reference, into_ticket)
        if unless_held:
            await claiming.spare(transaction, other.id, actor)
        await join_alike(runtime, transaction, other, into, actor=actor, decision_id=decision_id)
        return other.id

    return await runtime.database.write(work)


async def separate_post(runtime: Runtime, reference: str, *, actor: str) -> None:
    """A person has a joined report stand by itself again. Raises `NotFound` and `Conflict`."""

    async def work(transaction: Transaction) -> None:
        other = await changes.load(transaction.connection, reference, hold=True)
        await separate(runtime, transaction, other, actor=actor)

    await runtime.database.write(work)


async def by_citizens(
    runtime: Runtime,
    transaction: Transaction,
    joined: Sequence[tuple[str, str]],
    counted_in: Sequence[tuple[str, str]],
) -> None:
    """What citizens asked for: a report (id) joined to a public one (ticket), somebody (citizen) counted among those
    who report a thread. He was told already; where it cannot be any more, he hears that."""
    for post_id, ticket in joined:
        other, into = await load_both(transaction, post_id, ticket)
        try:
            await join(runtime, transaction, other, into, actor="author", tell=False)
        except (BadInput, Conflict):
            say = Say("belongs_late", {"ticket": other.ticket})
            await telling.tell_author(runtime, transaction, other, say, Priority.RECEIPT)
            continue
        if other.group_id is None:
            await alike.regroup(transaction, other.id)
    at = clock.now()
    for thread_id, citizen_id in counted_in:
        into = (await changes.load_many(transaction.connection, [thread_id]))[thread_id]
        await together.count_in(transaction, into.id, into.id, citizen_id, at)
        await changes.follow(transaction, citizen_id, _topic(into), at)
        if into.state is State.PUBLISHED:
            await _announce(runtime, transaction, into, events.Happening.UPDATE)


async def join_alike(
    runtime: Runtime,
    transaction: Transaction,
    other: Changing,
    into: Changing,
    *,
    actor: str,
    decision_id: str | None = None,
) -> None:
    """Join a report with those that wait with it because they say the same."""
    leads = other.state in UNDECIDED and other.group_id is None
    members = await alike.waiting(transaction.connection, other.id, MOST_AT_ONCE) if leads else []
    await join(runtime, transaction, other, into, actor=actor, decision_id=decision_id)
    for member in (await changes.load_many(transaction.connection, members)).values():
        await join(runtime, transaction, member, into, actor=actor, decision_id=decision_id)
    if leads:
        await alike.regroup(transaction, other.id)


async def load_both(transaction: Transaction, reference: str, into_ticket: str) -> tuple[Changing, Changing]:
    """A report and the one it is to be joined to: what that one itself was joined to, if it was. Raises `NotFound`."""
    connection = transaction.connection
    other = await changes.load(connection, reference, hold=True)
    into = await changes.load(connection, into_ticket, hold=True)
    return other, await changes.load(connection, into.joined, hold=True) if into.joined else into


def check(other: Changing, into: Changing) -> None:
    """Raises `BadInput` or `Conflict` when a report cannot be joined to another one."""
    if other.id == into.id:
        raise BadInput("choose another report than this one", "other")
    if other.kind not in CITIZEN_KINDS or into.kind not in CITIZEN_KINDS:
        raise BadInput("only reports can be joined", "other")
    if into.state is not State.PUBLISHED or into.private:
        raise Conflict("a report can only be joined to one that is public")
    if other.joined or other.state not in (*UNDECIDED, State.PUBLISHED):
        raise Conflict("this change is not possible any more")


async def _take_down(runtime: Runtime, transaction: Transaction, other: Changing, into: Changing, at: datetime) -> None:
    """What was public of a report is shown no more; whoever followed it follows the other one."""
    await broadcasts.stop(transaction, other.id, "superseded", broadcasting.PUBLICATIONS)
    await broadcasts.stop_under(transaction, other.id, "superseded", broadcasting.PUBLICATIONS)
    await deliveries.drop_words(transaction, other.id, ("published",), "superseded", at)
    await together.follow_instead(transaction, _topic(other), _topic(into), at)
    await _announce(runtime, transaction, other, events.Happening.WITHDRAWN)


async def _tell_of(
    runtime: Runtime, transaction: Transaction, into: Changing, step: CaseStep, other: Changing, actor: str
) -> None:
    """In the story of the thread that something was joined to, and on its page, where its reporters are counted."""
    await history.add(transaction, history.entry(into.id, actor, f"case_{step}", reason=other.ticket))
    if into.state is State.PUBLISHED:
        await _announce(runtime, transaction, into, events.Happening.UPDATE)


async def _announce(runtime: Runtime, transaction: Transaction, post: Changing, happening: events.Happening) -> None:
    if not post.private:
        await finding.renew(runtime, transaction, [post.id])
        await events.add(transaction, happening, post.id)


async def _tell_author(
    runtime: Runtime, transaction: Transaction, other: Changing, into: Changing, *, joined: bool
) -> None:
    """Its author hears to which report it was joined and, when that is answered already, the answer."""
    url = f"{runtime.settings.public_url}/posts/{into.ticket}"
    say = Say("joined", {"ticket": other.ticket, "other": into.ticket, "url": url})
    if joined:
        await telling.tell_author(runtime, transaction, other, say, Priority.RECEIPT, waits=True)
    if answer := await together.last_answer(transaction.connection, into.id):
        text, department = answer
        say = Say("answered_joined", {"ticket": into.ticket, "department": department}, {"text": text})
        asks = runtime.settings.deadlines.satisfaction.ask
        await telling.tell_author(runtime, transaction, other, say, Priority.ANSWER, waits=True, asks=asks)


def _clock(runtime: Runtime, case: cases.Case, before: State, at: datetime) -> dict[str, Any]:
    """The case of a report that stands by itself again: with its department, and what was left of its time; none when
    it had none, for nobody had decided it."""
    if before is not State.PUBLISHED:
        return {}
    progress = Progress.ASSIGNED if case.department else Progress.NEW
    return {"progress": progress, "stopped_at": None, "due_at": due.resumed(runtime.settings, case, at)}


def _is_erased(other: Changing) -> bool:
    """Whether nothing is left of a report but that it was joined: neither its words nor whose it was."""
    return not other.text and other.author_id is None


def _topic(post: Changing) -> str:
    return f"ticket:{post.ticket}"
