"""Step 1: one message becomes one kept post, or the answer to a command; the sender hears of it only after the commit.

`prepare` looks at a message alone, before it waits for the store. `decide` then sees a whole batch's facts and says, in
arrival order and without touching the store, which rows to write and what to answer. A repeat of a carrier's message
id gets the answer of the first. The facts grow with each decision, so two texts of one new citizen in one batch make
one citizen.
"""

from collections.abc import Sequence
from typing import Any

from gateway import clock
from gateway.errors import BadInput
from gateway.journey import conversation, folding, identity, masking, tickets
from gateway.journey.decision import Decision, Prepared, scheme
from gateway.runtime import Reply, Runtime
from gateway.schema import Incoming, Outcome, Ruling, Say, State, Taken, Verdict
from store import incoming as rows_of
from store.database import Batch, Transaction
from store.incoming import Facts, Rows

# Spare tickets drawn for a batch, for those that are used already: with a tenth of all tickets used, ten spare ones
# fail once in 10^10 batches, and then the batch is tried one by one.
SPARE_TICKETS = 10


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
        lookups = [lookup for request in requests for lookup in (request.lookup, request.contact) if lookup]
        facts = await rows_of.look_up(
            transaction.connection,
            [(request.incoming.channel, request.incoming.external_id) for request in requests],
            lookups,
            [request.quoted for request in requests if request.quoted],
            tickets.draw(len(requests) + SPARE_TICKETS),
        )
        rows = Rows()
        replies = [decide(self._runtime, request, facts, rows) for request in requests]
        await rows_of.write(transaction, rows, clock.now())
        return replies


def prepare(runtime: Runtime, incoming: Incoming) -> Prepared:
    """Look at one message alone: clean, recognise, judge, mask. Raises `BadInput` for what cannot be kept at all."""
    if not incoming.external_id or len(incoming.external_id) > 128:
        raise BadInput("a message needs an id of at most 128 characters", "external_id")
    text = folding.clean(incoming.text, runtime.settings.intake.text_limit)
    recognised = conversation.recognise(text, runtime.commands) if incoming.commands else None
    command, argument = recognised or (None, "")
    outlet = (
        runtime.outlet(scheme(incoming.address), incoming.channel) if identity.hears_replies(incoming.address) else None
    )
    contact_outlet = runtime.outlet(scheme(incoming.contact)) if incoming.contact else None
    return Prepared(
        incoming=incoming,
        text=text,
        masked=masking.mask_as_set(runtime.settings, text),
        verdict=runtime.judge(text) if text and not command else Verdict(Ruling.PASS),
        language=incoming.language or folding.language_of(text),
        lookup=runtime.vault.lookup(incoming.address) if incoming.address else None,
        contact=runtime.vault.lookup(incoming.contact) if incoming.contact and contact_outlet else None,
        command=command,
        argument=argument,
        quoted=conversation.quoted(argument) if command else None,
        outlet=outlet.name if outlet else None,
        contact_outlet=contact_outlet.name if contact_outlet else None,
    )


def decide(runtime: Runtime, prepared: Prepared, facts: Facts, rows: Rows) -> Taken:
    """Decide one message with the facts of its batch; adds to `rows` what to write and to `facts` what is now known."""
    message = (prepared.incoming.channel, prepared.incoming.external_id)
    if message in facts.seen:
        return _again(facts.seen[message])
    decision = Decision(runtime, prepared, facts)
    if prepared.command:
        taken = decision.obey(prepared.command)
    elif not prepared.text and not prepared.incoming.media:
        taken = decision.answer(Reply(Say("empty")))
    else:
        taken = decision.post()
    facts.seen[message] = decision.remember(taken)
    rows.add(decision.rows)
    return taken


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
