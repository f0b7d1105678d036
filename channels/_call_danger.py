"""Danger on the phone: whom to call instead of us, at a key or at words of danger, and being put through where the city
set a number for it. The key is the one in the middle, which fingers find without looking."""

from channels._call_state import Call
from channels._call_steps import Step
from channels._call_talk import Talk
from channels._turn import ForKeys, Transfer, Turn
from gateway.schema import LANGUAGES

KEY = "5"
SECONDS = 6.0


async def ask(talk: Talk) -> tuple[Call, Turn]:
    """Say whom to call, and which key puts through."""
    talk.say("danger")
    offer(talk)
    talk.say("after_news")
    return talk.then(Step.EMERGENCY, ForKeys(1, "", SECONDS))


def offer(talk: Talk) -> None:
    """Say the key that puts through, where one does."""
    if talk.settings.emergency:
        talk.say("danger_key")


async def pressed(talk: Talk) -> tuple[Call, Turn]:
    """Say whom to call to who pressed the key; what he said before is kept. Who chose no language yet hears both."""
    call = talk.call
    alarming = call.said is not None and talk.desk.is_emergency(call.said.text or "")
    await talk.keep()
    if alarming and talk.settings.emergency:  # he was told already
        return await put_through(talk)
    if call.step is Step.LANGUAGE:
        for language in LANGUAGES:
            if language != call.language:
                talk.say("danger", language=language)
    return await ask(talk)


async def put_through(talk: Talk) -> tuple[Call, Turn]:
    """Put through to the emergency number; without one to call, say again whom to call."""
    settings = talk.settings
    if not settings.emergency:
        return await ask(talk)
    talk.say("danger_transfer", whole=True)
    return talk.then(Step.EMERGENCY_TRANSFER, Transfer(settings.emergency, settings.person_seconds))


async def unanswered(talk: Talk) -> tuple[Call, Turn]:
    """Nobody there answered, or the carrier could not call there."""
    talk.say("danger_unanswered")
    return await ask(talk)
