"""A message that asks instead of saying: a command is obeyed, a number answers our question."""

from gateway import clock
from gateway.journey.draft import Draft
from gateway.journey.saying import known_thread
from gateway.runtime import Asked, Command, Reply
from gateway.schema import Kind, Outcome, Say, State, Taken
from store import history
from store.events import About, Happening
from store.facts import KnownComment, KnownThread


def answer_question(draft: Draft, number: int) -> Taken:
    """Take a bare number as the answer to our question."""
    question = draft.address.question if draft.address else None
    command = draft.runtime.commands.get(question.kind) if question else None
    if question is None or command is None or command.choose is None:
        return answer(draft, Reply(Say("no_question")))
    if number > len(question.options):
        return answer(draft, Reply(Say("number_from", {"most": len(question.options)})))
    option = question.options[number - 1]
    own = draft.own_threads
    about = next((thread for thread in own if thread.id == question.post_id), None)
    draft.close_question()
    return answer(draft, command.choose(_asked(draft, "", None, about), option))


def obey(draft: Draft, command: Command) -> Taken:
    """Run a command with the thread it quotes."""
    quoted = draft.prepared.quoted
    thread = draft.facts.threads.get(quoted) if quoted else None
    return answer(draft, command.run(_asked(draft, draft.prepared.argument, quoted, thread)))


def _asked(draft: Draft, argument: str, ticket: str | None, thread: KnownThread | None) -> Asked:
    own = draft.facts.own.get(draft.sender.person)
    following = draft.facts.following[draft.address.id] if draft.address else ()
    last = own.last if own else None
    return Asked(argument, draft.address, ticket, thread, draft.own_threads, last, following)


def answer(draft: Draft, reply: Reply) -> Taken:
    """Say something back without making a post, and change what was asked for."""
    if draft.address:
        _apply(draft, reply, draft.address.id)
    if reply.detach:
        return _detach(draft, reply.detach)
    if reply.attach:
        _attach(draft, *reply.attach)
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
    values = {"thread_id": under.id, "parent_id": under.id, "kind": Kind.COMMENT, "private": under.private}
    draft.rows.changed.append((thread.id, values))
    draft.rows.history.append(history.entry(thread.id, "author", "added"))
    own = draft.facts.own[draft.sender.person]
    own.threads = [known for known in own.threads if known.id != thread.id]
    own.last = KnownComment(thread.id, under.id, thread.state)
    under.last_at = draft.at


def _make_private(draft: Draft, thread: KnownThread, keep: bool) -> None:
    """Keep a report from the public; what was shown of it is taken back everywhere."""
    draft.rows.changed.append((thread.id, {"private": keep}))
    done = "kept private" if keep else "kept public"
    draft.rows.history.append(history.entry(thread.id, "author", done))
    if keep and thread.state is State.PUBLISHED:
        withdrawn = {"event": Happening.WITHDRAWN, "about": About.WITHDRAWN, "post_id": thread.id, "at": draft.at}
        draft.rows.events.append(withdrawn)
        broadcast = {"id": clock.new_id(), "post_id": thread.id, "event": "withdrawn", "version": 0, "topics": []}
        draft.rows.broadcasts.append(
            {**broadcast, "state": "open", "cursor": None, "created_at": draft.at, "due_at": draft.at}
        )
    thread.private = keep
