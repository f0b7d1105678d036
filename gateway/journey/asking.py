"""A message that asks instead of saying: a command is obeyed, a number answers our question."""

from collections.abc import Callable
from datetime import timedelta

from gateway import clock
from gateway.journey import commands, organisation, whereabouts
from gateway.journey.draft import Draft
from gateway.journey.saying import known_thread
from gateway.runtime import Asked, Command, Noted, Reply
from gateway.schema import Kind, State
from gateway.schema_cases import Progress
from gateway.schema_incoming import Outcome, Taken
from gateway.schema_outgoing import Say
from store import history, marks
from store.events import About, Happening
from store.facts import KnownComment, KnownThread


def answer_question(draft: Draft, number: int) -> Taken:
    """Take a bare number as the answer to what was asked last: our question, or how good a department's answer is."""
    question = draft.address.question if draft.address else None
    if mark := may_mark(draft):
        return answer(draft, mark(number))
    command = draft.runtime.commands.get(question.kind) if question else None
    if question is None or command is None or command.choose is None or not question.options:
        return answer(draft, Reply(Say("no_question")))
    if number > len(question.options):
        return answer(draft, Reply(Say("number_from", {"most": len(question.options)})))
    option = question.options[number - 1]
    own = draft.own_threads
    about = next((thread for thread in own if thread.id == question.post_id), None)
    draft.close_question()
    return answer(draft, command.choose(_asked(draft, command, "", None, about), option), command)


def may_mark(draft: Draft, *, by_number: bool = True) -> Callable[[int | bool], Reply] | None:
    """What makes a reply of a mark, or of whether it is solved, when that is what the sender was asked last.

    Who has judged the answer already may think of it anew; but a number of his first answers what else he is asked.
    """
    told = draft.facts.told.get(draft.address.id) if draft.address else None
    command = draft.runtime.commands.get("mark")
    if told is None or command is None or command.choose is None or draft.address is None:
        return None
    question, choose = draft.address.question, command.choose
    if by_number and question and (question.options or whereabouts.awaited(draft)):
        minutes = draft.runtime.settings.intake.question_minutes
        asked_later = question.expires_at - timedelta(minutes=minutes) > told.at
        if asked_later or not _is_awaited(draft, told.thread):
            return None
    return lambda given: choose(_asked(draft, command, "", None, told.thread), str(given))


def _is_awaited(draft: Draft, thread: KnownThread) -> bool:
    """Whether the sender has not said yet what he thinks of the last answer to a thread."""
    known, person = draft.facts.marks.get(thread.root, ()), draft.sender.person
    done = thread.progress in (Progress.ANSWERED, Progress.CLOSED)
    return done and marks.is_awaited(known, thread.reopened, person)


def obey(draft: Draft, command: Command) -> Taken:
    """Run a command with the thread it quotes."""
    quoted = draft.prepared.quoted
    thread = draft.facts.threads.get(quoted) if quoted else None
    return answer(draft, command.run(_asked(draft, command, draft.prepared.argument, quoted, thread)), command)


def count_in(draft: Draft, ticket: str | None) -> Taken:
    """Count the sender among those who report a thread, as the word JOIN does."""
    thread = draft.facts.threads.get(ticket) if ticket else None
    return answer(draft, commands.join(_asked(draft, None, "", ticket, thread)))


def _asked(
    draft: Draft, command: Command | None, argument: str, ticket: str | None, thread: KnownThread | None
) -> Asked:
    own = draft.facts.own.get(draft.sender.person)
    following = draft.facts.following[draft.address.id] if draft.address else ()
    last = own.last if own else None
    told = draft.facts.told.get(draft.address.id) if draft.address else None
    about = thread or (told.thread if told else None)
    return Asked(
        argument,
        draft.address,
        ticket,
        thread,
        draft.own_threads,
        last,
        following,
        told.thread if told else None,
        draft.facts.marks.get(about.root, ()) if about else (),
        draft.incoming.channel,
        draft.language,
        draft.facts.learnt.get(command) if command else None,
    )


def answer(draft: Draft, reply: Reply, command: Command | None = None) -> Taken:
    """Say something back without making a post, and change what was asked for."""
    if reply.private and _is_never_public(draft, *reply.private):
        reply = Reply(Say("public_never", {"ticket": reply.private[0].ticket}))
    if draft.address:
        _apply(draft, reply, draft.address.id)
    if command and reply.note is not None:
        draft.rows.noted[command].append(Noted(draft.incoming.channel, draft.language, reply.note))
    if reply.detach:
        return _detach(draft, reply.detach)
    if reply.attach:
        _attach(draft, *reply.attach)
    if reply.join:
        draft.rows.joined.append((reply.join[0].id, reply.join[1]))
    if reply.count_in:
        draft.rows.counted_in.append((reply.count_in.root, draft.sender.citizen_id))
    if reply.private:
        _make_private(draft, *reply.private)
    if not draft.incoming.carrier_replied and not (reply.silent and draft.pays):
        draft.reply(reply.say, despite_stop=reply.stop or reply.start)
    return Taken(Outcome.COMMAND, reply.say, draft.language)


def _apply(draft: Draft, reply: Reply, address_id: str) -> None:
    """What a reply changes of the address itself."""
    if reply.stop or reply.start:
        draft.rows.standing.append((address_id, reply.stop))
    if reply.follow:
        draft.rows.subscriptions.append(
            {
                "id": clock.new_id(),
                "address_id": address_id,
                "topic": reply.follow,
                "at_once": reply.at_once,
                "created_at": draft.at,
            }
        )
        draft.facts.following[address_id].add(reply.follow)
    if reply.unfollow:
        draft.rows.unfollowed.append((address_id, reply.unfollow))
        draft.facts.following[address_id].discard(reply.unfollow)
    if reply.language and draft.address:
        draft.rows.languages.append((address_id, reply.language, True))
        draft.address.language, draft.address.chosen, draft.language = reply.language, True, reply.language
    if reply.claim:
        draft.rows.claims.append((reply.claim, address_id))
    if reply.ask:
        draft.ask(reply.ask)
    if reply.effect:
        draft.rows.effects.append(reply.effect)


def _detach(draft: Draft, comment: KnownComment) -> Taken:
    """The word added last becomes a report of its own, with a ticket."""
    ticket = draft.ticket()
    values = {"thread_id": comment.id, "parent_id": None, "kind": Kind.REPORT, "ticket": ticket, "group_id": None}
    draft.rows.changed.append((comment.id, values))
    draft.rows.history.append(history.entry(comment.id, "author", "separated"))
    own = draft.facts.own[draft.sender.person]
    own.last = None
    own.threads.insert(0, known_thread(draft, comment.id, ticket, comment.state, private=False))
    say = Say("separated", {"ticket": ticket})
    draft.reply(say, post_id=comment.id)
    return Taken(Outcome.POST, say, draft.language, ticket, comment.id, comment.state)


def _attach(draft: Draft, thread: KnownThread, under: KnownThread) -> None:
    """A report becomes a word under another one; its ticket leads there from now on."""
    private = under.private or thread.private
    values = {"thread_id": under.root, "parent_id": under.root, "kind": Kind.COMMENT, "private": private}
    draft.rows.changed.append((thread.id, values))
    draft.rows.history.append(history.entry(thread.id, "author", "added"))
    own = draft.facts.own[draft.sender.person]
    own.threads = [known for known in own.threads if known.id != thread.id]
    own.last = KnownComment(thread.id, under.root, thread.state)
    under.last_at = draft.at


def _make_private(draft: Draft, thread: KnownThread, keep: bool) -> None:
    """Keep a report from the public; what was shown of it is taken back everywhere."""
    draft.rows.changed.append((thread.id, {"private": keep, "asked_private": keep}))
    done = "kept private" if keep else "kept public"
    draft.rows.history.append(history.entry(thread.id, "author", done))
    # Of what was joined to another one nothing is shown; that one is somebody else's.
    if keep and not thread.private and thread.state is State.PUBLISHED and not thread.joined:
        withdrawn = {"event": Happening.WITHDRAWN, "about": About.WITHDRAWN, "post_id": thread.id, "at": draft.at}
        draft.rows.events.append(withdrawn)
        broadcast = {"id": clock.new_id(), "post_id": thread.id, "event": "withdrawn", "version": 0, "topics": []}
        draft.rows.broadcasts.append(
            {**broadcast, "state": "open", "cursor": None, "created_at": draft.at, "due_at": draft.at}
        )
    thread.private = thread.asked_private = keep


def _is_never_public(draft: Draft, thread: KnownThread, keep: bool) -> bool:
    """Whether a report that is to be shown is about what is kept from the public whoever wishes it."""
    return not keep and organisation.is_sensitive(draft.runtime.settings, thread.category)
