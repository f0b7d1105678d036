"""What a message is: an echo of ours, the phrase of the day, an answer to our question, a command, nothing at all, or
something said.

Pure but for ids and the clock: the facts of the batch are handed in, rows and grown facts come out.
"""

from gateway.journey import asking, phrases, saying, whereabouts
from gateway.journey.draft import Draft
from gateway.runtime import Reply
from gateway.schema_incoming import Outcome, Taken
from gateway.schema_outgoing import Say


def decide(draft: Draft) -> Taken:
    """Say what a message is, and do it."""
    prepared, incoming = draft.prepared, draft.incoming
    if incoming.line and incoming.address == f"tel:{incoming.line}":
        # Our own words come back by some relay: a loop ends here.
        return Taken(Outcome.COMMAND, Say("empty"), draft.language)
    if incoming.joins:
        return asking.count_in(draft, incoming.thread)
    # Said whole, it is that whatever was asked; some name a place.
    if phrase := phrases.meant(draft):
        return phrases.take_part(draft, phrase)
    # A number tells no place: of two questions it answers the one that asks for a number.
    marks = prepared.number is not None and asking.may_mark(draft) is not None
    if not marks and (taken := whereabouts.answer(draft)) is not None:
        return taken
    if prepared.number is not None:
        return asking.answer_question(draft, prepared.number)
    if prepared.solved is not None and (mark := asking.may_mark(draft, by_number=False)):
        return asking.answer(draft, mark(prepared.solved))
    if prepared.command:
        return asking.obey(draft, prepared.command)
    if not prepared.text and not incoming.media:
        return asking.answer(draft, Reply(Say("empty")))
    return saying.post(draft)
