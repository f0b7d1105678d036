"""The spoken script of a call, the same for every carrier: what is said, what is waited for, and what becomes of it.

`advance` takes one event and gives what to say and what to wait for next; nothing runs between two events, so a call
can go on in another process. All that is known of it is its `Call`. Who plays, records and listens is the channel's
affair: `channels._line` over live sound, `voice_twilio` by documents that its carrier reads.

    start -> language -> menu -> 1 speaking -> confirming (-> where) -> ending     9: the menu, * says it again,
                              -> 2 ticket -> status [-> marking -> why]  whoever says nothing twice more is bid goodbye
                              -> 3 news                                  whoever hangs up has said what he said
                              -> 4 services [-> service word] -> service
                              -> 0 transfer -> callback -> ending
                              -> 5 emergency [-> emergency transfer]
"""

from collections.abc import Mapping
from dataclasses import replace

from channels import _call_danger as danger
from channels import _call_services as services
from channels import _call_voice as voice
from channels._call_messages import mark
from channels._call_state import Call, CallSettings
from channels._call_steps import Step
from channels._call_talk import Talk
from channels._turn import Began, End, Event, ForKeys, ForSpeech, HungUp, Nothing, Prompt, Said, Transfer, Turn
from channels.desk import Desk
from gateway.schema import LANGUAGES
from gateway.schema_incoming import Outcome

# How often in a row something may lead nowhere, the first time among them.
TRIES = 3

# Seconds in which a key is to come, and in which the next digit of a ticket.
KEY_SECONDS, DIGIT_SECONDS = 6.0, 8.0
TICKET_DIGITS = 8

# What the gateway says to a mark, and which of it asks for words.
JUDGED = ("mark_thanks", "mark_reopened", "mark_bad")
BAD = ("mark_reopened", "mark_bad")

# Where who says nothing once is bid goodbye: he has what he called for.
ENDS_SILENT = (Step.ENDING, Step.STATUS, Step.MARKING, Step.WHY, Step.NEWS, Step.SERVICE)

Key = services.Key


async def advance(desk: Desk, settings: CallSettings, call: Call, event: Event) -> tuple[Call, Turn]:
    """Take the call on by one event. Whatever was said and is not kept when it ends, is kept.

    Raises `TooMany` (with `Busy`) when what was said could not be kept: its recording is then taken in other ways.
    """
    talk = Talk(desk, settings, call, _ask, _wrong_key)
    if isinstance(event, HungUp):
        await talk.keep()
        return talk.call.at(Step.ENDING), Turn((), End())
    if isinstance(event, Said):
        return await _said(talk, event)
    if isinstance(event, Nothing):
        return await _silent(talk)
    if isinstance(event, Began):
        return await (_begin(talk) if call.step is Step.START else _ask(talk, call.step))
    return await _pressed(talk, event.digits)


async def _begin(talk: Talk) -> tuple[Call, Turn]:
    """Greet; who chose a language on another line before is not asked again."""
    chosen = await talk.desk.chosen_language(talk.call.address) if talk.call.address else None
    if chosen:
        talk.call = replace(talk.call, language=chosen)
        talk.say("greeting")
        return await _ask(talk, Step.MENU)
    return await _ask(talk, Step.LANGUAGE)


async def _ask(talk: Talk, step: Step) -> tuple[Call, Turn]:
    """What a step asks for, in its own words; asked again after a wrong key, silence or `*`."""
    call = talk.call
    match step:
        case Step.LANGUAGE:
            for language in LANGUAGES:
                talk.say("language", language=language)
            return talk.then(step, ForKeys(1, "", KEY_SECONDS))
        case Step.SPEAKING | Step.WHERE | Step.CALLBACK | Step.WHY:
            return _listen(talk, step)
        case Step.CONFIRMING if call.said and call.said.text:
            talk.say("understood", own=True, text=call.said.text)
            talk.say("confirm")
            if voice.may_be_heard(talk):
                talk.say("confirm_voice")
            return talk.then(step, ForKeys(1, "", KEY_SECONDS))
        case Step.TICKET:
            talk.say("ticket")
            return talk.then(step, ForKeys(TICKET_DIGITS, "#", DIGIT_SECONDS))
        case Step.NEWS | Step.EMERGENCY | Step.EMERGENCY_TRANSFER | Step.SERVICES | Step.SERVICE_WORD | Step.SERVICE:
            return await _tell(talk, step)
        case Step.STATUS | Step.MARKING if call.asked:
            return await _status(talk, call.asked)
        case Step.ENDING:
            return _ticket(talk)
        case _:
            talk.say("menu")
            return talk.then(Step.MENU, ForKeys(1, "", KEY_SECONDS))


async def _tell(talk: Talk, step: Step) -> tuple[Call, Turn]:
    """Read the news, say whom to call in danger, or offer services."""
    if step is Step.NEWS:
        return await _news(talk)
    return await (danger.ask(talk) if step in (Step.EMERGENCY, Step.EMERGENCY_TRANSFER) else services.ask(talk, step))


def _listen(talk: Talk, step: Step) -> tuple[Call, Turn]:
    """Ask for a report, for where it is, for who is to be called back, or for what is wrong with an answer."""
    why, callback = step is Step.WHY, step is Step.CALLBACK
    back = "callback" if talk.call.address else "callback_withheld"
    talk.say({Step.SPEAKING: "report", Step.WHERE: "where", Step.WHY: "mark_why"}.get(step, back))
    wanted = ForSpeech(talk.settings.longest, talk.settings.silence)
    return talk.then(step, wanted, asks_back=callback, about=talk.call.asked if why else None)


async def _said(talk: Talk, said: Said) -> tuple[Call, Turn]:
    """Say back what was understood; what waits for its words is kept at once, and so is a wish to be called back."""
    await talk.keep()  # whatever was said before and never decided is not lost for it
    if talk.call.step is Step.SERVICE_WORD and talk.call.live:
        return await services.look_up(talk, said)
    talk.call = replace(talk.call, said=said)
    confirmed = talk.call.step is not Step.WHERE and not talk.call.asks_back and not talk.call.about
    if said.text and talk.desk.is_emergency(said.text):
        talk.say("emergency", whole=True)
        if confirmed:
            danger.offer(talk)
    if said.text and confirmed:
        return await _ask(talk, Step.CONFIRMING)
    return await _kept(talk)


async def _kept(talk: Talk) -> tuple[Call, Turn]:
    """Keep it, thank for it, and ask where it is when that was not said."""
    answered = talk.call.step is Step.WHERE
    unasked = talk.call.step is Step.SPEAKING and voice.may_be_heard(talk)
    taken = await talk.keep()
    if not answered:
        voice.ask_later(talk, taken if unasked else None)
    if taken and taken.outcome is Outcome.PHRASE:
        talk.say(taken.say.phrase, **taken.say.values)
        talk.say("after_phrase")
        return talk.then(Step.ENDING, ForKeys(1, "", KEY_SECONDS), asks_back=False)
    if talk.call.about:
        talk.say("mark_why_kept")
        return _after_status(talk)
    talk.say("callback_kept" if talk.call.asks_back else "where_kept" if answered else "thanks")
    return await _ask(talk, Step.WHERE) if talk.asks_where else _ticket(talk)


def _ticket(talk: Talk) -> tuple[Call, Turn]:
    """Tell the ticket twice, and that the call may end here."""
    if talk.call.ticket:
        talk.say("your_ticket", ticket=talk.call.ticket)
    voice.offer(talk)
    talk.say("after")
    return talk.then(Step.ENDING, ForKeys(1, "", KEY_SECONDS), asks_back=False)


async def _silent(talk: Talk) -> tuple[Call, Turn]:
    """Nothing came: asked again twice, and what was said is kept in any case."""
    call = talk.call
    if call.step is Step.TRANSFER:
        talk.say("no_person")
        return await _ask(talk, Step.CALLBACK)
    if call.step is Step.EMERGENCY_TRANSFER:
        return await danger.unanswered(talk)
    if call.step is Step.CONFIRMING:
        return await _kept(talk)
    if call.step is Step.WHERE:
        return _ticket(talk)
    if call.step is Step.LANGUAGE:  # a telephone without keys, or who understands none of it: in the city's language
        talk.say("greeting")
        return await _ask(talk, Step.MENU)
    if call.step in ENDS_SILENT or call.tries + 1 >= TRIES:
        talk.say("goodbye")
        return talk.then(Step.ENDING, End())
    talk.say("nothing")
    after, turn = await _ask(talk, call.step)
    return replace(after, tries=call.tries + 1), turn


async def _pressed(talk: Talk, digits: str) -> tuple[Call, Turn]:
    """Do what a key stands for where the call is; `*` asks again, 9 leads to the menu."""
    call = talk.call
    if digits == "*":
        return await _ask(talk, call.step)
    if call.step is Step.TICKET:
        return await (_ask(talk, Step.MENU) if digits == "0" else _status(talk, digits))
    if digits == "9" and call.step is not Step.LANGUAGE:
        await talk.keep()
        return await _ask(talk, Step.MENU)
    if (does := KEYS.get(call.step, {}).get(digits)) is not None:
        return await does(talk)
    return await _wrong_key(talk)


async def _wrong_key(talk: Talk) -> tuple[Call, Turn]:
    """Say that a key does nothing, and ask again; twice more, then goodbye."""
    call = talk.call
    talk.say("wrong_key")
    if call.tries + 1 >= TRIES:
        if call.said is not None:
            return await _kept(talk)
        talk.say("goodbye")
        return talk.then(Step.ENDING, End())
    after, turn = await _ask(talk, call.step)
    return replace(after, tries=call.tries + 1), turn


def _speaks(language: str) -> Key:
    async def choose(talk: Talk) -> tuple[Call, Turn]:
        talk.call = replace(talk.call, language=language)
        talk.say("greeting")
        return await _ask(talk, Step.MENU)

    return choose


def _goes_to(step: Step) -> Key:
    async def go(talk: Talk) -> tuple[Call, Turn]:
        return await _ask(talk, step)

    return go


async def _other_language(talk: Talk) -> tuple[Call, Turn]:
    others = [language for language in LANGUAGES if language != talk.call.language]
    talk.call = replace(talk.call, language=others[0])
    return await _ask(talk, Step.MENU)


async def _again(talk: Talk) -> tuple[Call, Turn]:
    talk.call = replace(talk.call, said=None)
    return await _ask(talk, Step.SPEAKING)


async def _recording_only(talk: Talk) -> tuple[Call, Turn]:
    """The words were wrong: a person listens to the recording, and no machine takes words from it."""
    said = talk.call.said
    if said and said.media:
        talk.call = replace(
            talk.call, said=replace(said, text=None, media=replace(said.media, heard=None, transcribe=False))
        )
    return await _kept(talk)


async def _heard_on_air(talk: Talk) -> tuple[Call, Turn]:
    """Keep it, and let the radio play it in the caller's own voice; where the city does not ask, it is kept alone."""
    talk.call = replace(talk.call, own_voice=voice.may_be_heard(talk))
    return await _kept(talk)


async def _person(talk: Talk) -> tuple[Call, Turn]:
    """Put through where somebody is set to be on duty, else taken down who wants to be called back."""
    if not talk.settings.person:
        talk.say("no_person")
        return await _ask(talk, Step.CALLBACK)
    talk.say("transfer", whole=True)
    return talk.then(Step.TRANSFER, Transfer(talk.settings.person, talk.settings.person_seconds))


async def _status(talk: Talk, ticket: str) -> tuple[Call, Turn]:
    """Read how a ticket stands, and its answer; a wrong one is asked for again."""
    told = await talk.desk.spoken_status(ticket, talk.call.address, talk.call.language)
    if told is None:
        talk.say("ticket_unknown", ticket=ticket)
        tries = talk.call.tries + 1
        if tries >= TRIES:
            return await _ask(talk, Step.MENU)
        after, turn = await _ask(talk, Step.TICKET)
        return replace(after, tries=tries), turn
    for sentence in told:
        talk.read(sentence)
    talk.call = replace(talk.call, asked=ticket)
    if await talk.desk.asks_mark(ticket, talk.call.address):
        talk.say("mark")
        return talk.then(Step.MARKING, ForKeys(1, "", KEY_SECONDS))
    return _after_status(talk)


def _after_status(talk: Talk) -> tuple[Call, Turn]:
    talk.say("after_status")
    return talk.then(Step.STATUS, ForKeys(1, "", KEY_SECONDS), about=None)


async def _left_open(talk: Talk) -> tuple[Call, Turn]:
    return _after_status(talk)


def _marks(number: str) -> Key:
    async def give(talk: Talk) -> tuple[Call, Turn]:
        """Say it as a text message would, but for its answer, which is spoken; then ask why, if it is a bad one."""
        taken = await talk.desk.take(mark(talk.call, number))
        phrase = taken.say.phrase if taken.say.phrase in JUDGED else "mark_late"
        talk.say(phrase)
        return await _ask(talk, Step.WHY) if phrase in BAD else _after_status(talk)

    return give


async def _news(talk: Talk) -> tuple[Call, Turn]:
    """Read the newest bulletin of the radio, each piece in its own language; not how to call here."""
    bulletin = await talk.desk.bulletin(talk.call.language)
    if bulletin is None:
        talk.say("no_news")
    for part in bulletin.items[:-1] if bulletin else ():
        talk.first += [Prompt(words, language) for language, words in part.said]
    talk.say("after_news")
    return talk.then(Step.NEWS, ForKeys(1, "", KEY_SECONDS))


# What keys do at a step, beside `*` and 9.
KEYS: Mapping[Step, Mapping[str, Key]] = {
    Step.LANGUAGE: {"1": _speaks("zh"), "2": _speaks("en"), danger.KEY: danger.pressed},
    Step.MENU: {
        "1": _goes_to(Step.SPEAKING),
        "2": _goes_to(Step.TICKET),
        "3": _goes_to(Step.NEWS),
        "4": services.begin,
        danger.KEY: danger.pressed,
        "8": _other_language,
        "0": _person,
    },
    Step.CONFIRMING: {"1": _kept, "2": _again, "3": _recording_only, "4": _heard_on_air, danger.KEY: danger.pressed},
    Step.EMERGENCY: {danger.KEY: danger.put_through},
    Step.STATUS: {"2": _goes_to(Step.TICKET)},
    Step.ENDING: {"4": voice.agree},
    Step.MARKING: {"0": _left_open, **{number: _marks(number) for number in "12345"}},
    **services.KEYS,
}
