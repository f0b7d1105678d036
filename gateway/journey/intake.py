"""Step 1: one message becomes one kept post, or the answer to a command; the sender hears of it only after the commit.

`prepare` looks at a message alone, before it waits for the store. `decide` then sees a whole batch's facts and says, in
arrival order and without touching the store, which rows to write and what to answer. A repeat of a carrier's message
id gets the answer of the first. The facts grow with each decision, so two texts of one new citizen in one batch make
one citizen.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gateway import clock
from gateway.errors import BadInput
from gateway.journey import (
    conversation,
    decision,
    finding,
    folding,
    identity,
    joining,
    masking,
    phrases,
    placing,
    sameness,
    tickets,
)
from gateway.journey.draft import Draft, Prepared
from gateway.journey.sender import scheme
from gateway.runtime import Runtime
from gateway.schema import Ruling, State, Verdict
from gateway.schema_incoming import Incoming, Outcome, Taken
from gateway.schema_outgoing import Say
from store import changes
from store import incoming as rows_of
from store.database import Batch, Transaction
from store.facts import Facts, Wanted
from store.incoming import Rows
from store.looking_up import look_up

# Spare tickets drawn for a batch, for those that are used already: with a tenth of all tickets used, ten spare ones
# fail once in 10^10 batches, and then the batch is tried one by one.
SPARE_TICKETS = 10
HOUR = timedelta(hours=1)
# For how long many who say the same are one row, and how far back somebody's own reports are remembered.
ALIKE_WITHIN = timedelta(hours=24)
OWN_WITHIN = timedelta(days=90)
MOST_MENTIONED = 3
# A cut may fall a little short of the limit, where it would part what is seen as one character.
MARGIN = 64


class Intake:
    """Takes messages in, many at once."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._batch = Batch(runtime.database, self._process, runtime.settings.intake.queue_limit)

    async def take(self, incoming: Incoming) -> Taken:
        """Keep one message and answer it after the commit. Raises `BadInput`, or `Busy` when nothing was kept."""
        prepared = prepare(self._runtime, incoming)
        if prepared.contact:
            await identity.allow_code(self._runtime, prepared.contact)
        return await self._batch.submit(prepared)

    async def _process(self, transaction: Transaction, requests: Sequence[Prepared]) -> Sequence[Taken]:
        facts = await look_up(transaction.connection, _wanted(self._runtime, requests))
        await _learn(self._runtime, transaction, requests, facts)
        await phrases.look_up(self._runtime, transaction, requests, facts)
        rows = Rows()
        replies = [decide(self._runtime, request, facts, rows) for request in requests]
        await rows_of.write(transaction, rows, clock.now())
        # An author may part, join or keep from the public what was published.
        await finding.renew(self._runtime, transaction, rows.regrouped())
        for effect in rows.effects:
            await effect(transaction)
        await joining.by_citizens(self._runtime, transaction, rows.joined, rows.counted_in)
        for hidden in (await changes.load_many(transaction.connection, rows.hidden())).values():
            await joining.release_all(self._runtime, transaction, hidden, actor="rule")
        for command in self._runtime.commands.values():
            if command.keep and command in rows.noted:
                await command.keep(transaction, rows.noted[command])
        return replies


def prepare(runtime: Runtime, incoming: Incoming) -> Prepared:
    """Look at one message alone: clean, recognise, judge, mask. Raises `BadInput` for what cannot be kept at all."""
    if not incoming.external_id or len(incoming.external_id) > 128:
        raise BadInput("a message needs an id of at most 128 characters", "external_id")
    limit = runtime.settings.intake.text_limit
    said = incoming.text or _heard(incoming)
    text = folding.clean(said, limit)
    text = "" if folding.is_blank(text) else text
    # A photo with a word is something said: obeying the word alone would lose the photo.
    converses = incoming.commands and not incoming.media
    confidential = conversation.confidential(text) if converses else None
    recognised = conversation.recognise(text, runtime.commands) if converses else None
    command, argument = recognised or (None, "")
    text = confidential if confidential and not command else text
    says = bool(text) and command is None
    outlet = (
        runtime.outlet(scheme(incoming.address), incoming.channel) if identity.hears_replies(incoming.address) else None
    )
    contact_outlet = runtime.outlet(scheme(incoming.contact)) if incoming.contact else None
    masked = masking.mask_as_set(runtime.settings, text) if says else ""
    language = incoming.language or folding.language_of(text)
    return Prepared(
        incoming=incoming,
        text=text,
        masked=masked,
        verdict=runtime.judge(text) if says else Verdict(Ruling.PASS),
        language=language,
        lookup=runtime.vault.lookup(incoming.address) if incoming.address else None,
        contact=runtime.vault.lookup(incoming.contact) if incoming.contact and contact_outlet else None,
        command=command,
        argument=argument,
        quoted=conversation.quoted(argument) if command else None,
        number=conversation.chosen(text) if converses else None,
        solved=conversation.solved(text) if converses else None,
        mentioned=_mentioned(incoming, text) if says or incoming.thread else (),
        gists=sameness.gists(masked) if says else (),
        private=confidential is not None,
        cut=len(said) > limit and len(text) >= limit - MARGIN,
        outlet=outlet.name if outlet else None,
        contact_outlet=contact_outlet.name if contact_outlet else None,
        filed=placing.file(runtime, incoming, text if says else "", language),
        network=runtime.vault.lookup(f"network:{incoming.network}") if incoming.network else None,
    )


def decide(runtime: Runtime, prepared: Prepared, facts: Facts, rows: Rows) -> Taken:
    """Decide one message with the facts of its batch; adds to `rows` what to write and to `facts` what is now known."""
    message = (prepared.incoming.channel, prepared.incoming.external_id)
    if message in facts.seen:
        return _again(facts.seen[message])
    draft = Draft(runtime, prepared, facts, rows)
    taken = decision.decide(draft)
    facts.seen[message] = draft.remember(taken)
    return taken


def _heard(incoming: Incoming) -> str:
    """What was written down of a message's recordings while they were spoken."""
    heard = (media.heard for media in incoming.media if media.transcribe and media.heard)
    return " ".join(one.text for one in heard if one.text)


def _wanted(runtime: Runtime, requests: Sequence[Prepared]) -> Wanted:
    """What a batch must know."""
    now = clock.now()
    follows = (runtime.commands.get("follow"), runtime.commands.get("unfollow"))
    return Wanted(
        messages={(request.incoming.channel, request.incoming.external_id) for request in requests},
        lookups={lookup for request in requests for lookup in (request.lookup, request.contact) if lookup},
        conversing={request.lookup for request in requests if request.lookup},
        marking={r.lookup for r in requests if r.lookup and _may_mark(runtime, r)},
        following={r.lookup for r in requests if r.lookup and r.command and r.command in follows},
        tickets={ticket for r in requests for ticket in (r.quoted, *r.mentioned) if ticket},
        gists={gist for request in requests for gist in request.gists},
        drawn=tickets.draw(len(requests) + SPARE_TICKETS),
        hour_ago=now - HOUR,
        alike_since=now - ALIKE_WITHIN,
        own_since=now - OWN_WITHIN,
        told_since=now - timedelta(days=runtime.settings.deadlines.satisfaction.days),
        now=now,
    )


def _may_mark(runtime: Runtime, request: Prepared) -> bool:
    """Whether a message may be what somebody thinks of an answer."""
    answers = request.number is not None or request.solved is not None
    return answers or (request.command is not None and request.command is runtime.commands.get("mark"))


async def _learn(runtime: Runtime, transaction: Transaction, requests: Sequence[Prepared], facts: Facts) -> None:
    """Have commands look up what they need for the arguments and the chosen options of a batch, each of them once."""
    for name, command in runtime.commands.items():
        if command.learn is None:
            continue
        arguments = {request.argument for request in requests if request.command is command}
        open_questions = [
            known.question
            for request in requests
            if request.number is not None and (known := facts.addresses.get(request.lookup or "")) and known.question
        ]
        options = {one for question in open_questions if question.kind == name for one in question.options}
        if arguments or options:
            facts.learnt[command] = await command.learn(transaction, arguments, options)


def _mentioned(incoming: Incoming, text: str) -> tuple[str, ...]:
    """The tickets a message names: that it was said under, then those in its words where people converse."""
    named = tickets.find(text)[:MOST_MENTIONED] if incoming.commands else []
    return (*((incoming.thread,) if incoming.thread else ()), *named)


def _again(answer: dict[str, Any]) -> Taken:
    """The answer given to the first of a repeated message."""
    return Taken(
        outcome=Outcome(answer["outcome"]),
        say=Say(answer["phrase"], answer["values"]),
        language=answer["language"],
        ticket=answer["ticket"],
        post_id=answer["post_id"],
        state=State(answer["state"]) if answer["state"] else None,
        code_sent=answer["code_sent"],
        repeated=True,
    )
