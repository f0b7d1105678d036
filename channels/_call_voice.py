"""A caller's own voice on the radio, if he agrees: asked while he confirms his words, or, where these come later, once
what he said is kept and he has its ticket. Who hangs up without a word has not agreed."""

from dataclasses import replace

from channels._call_state import Call
from channels._call_steps import Step
from channels._call_talk import Talk
from channels._turn import Turn
from gateway.schema_incoming import Outcome, Taken


def may_be_heard(talk: Talk) -> bool:
    """Whether to ask for it: there is a recording, and the city plays such."""
    return talk.desk.own_voices() and talk.call.said is not None and talk.call.said.media is not None


def ask_later(talk: Talk, taken: Taken | None) -> None:
    """Note a report that was kept with nothing said back, so that its caller could not be asked before; None: there is
    nothing to ask of what was kept last."""
    talk.call = replace(talk.call, unasked=taken.post_id if taken and taken.outcome is Outcome.POST else None)


def offer(talk: Talk) -> None:
    """Say the key by which to agree, where that is still open."""
    if talk.call.unasked:
        talk.say("after_voice")


async def agree(talk: Talk) -> tuple[Call, Turn]:
    """Note that he agrees; where nothing was asked, the key does nothing."""
    if not talk.call.unasked:
        return await talk.wrong_key(talk)
    await talk.desk.let_be_heard(talk.call.unasked)
    talk.call = replace(talk.call, unasked=None)
    talk.say("voice_agreed")
    return await talk.ask(talk, Step.ENDING)
