"""Calls of Twilio led by documents: it plays what we say, records what the caller says, and asks what comes next.

    answer -> turn (keys, or none came) -> turn ...      each tells the number of the turn it answers, so that a request
           -> recorded (something was said) -> turn      that comes twice gets the same document and moves nothing
           -> dialled (nobody answered) -> turn

The words of a recording come when it is written down, so nothing is said back; it is kept at once.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog
from aiohttp import web
from twilio.twiml.voice_response import Gather, VoiceResponse  # type: ignore[import-untyped]

from channels._call import advance
from channels._call_messages import report
from channels._call_state import Call, CallSettings
from channels._turn import Began, End, Event, ForKeys, ForSpeech, Keys, Nothing, Prompt, Said, Transfer, Turn
from channels.desk import Desk
from channels.handed import OnTheLine
from gateway.errors import EverylineError, TooMany
from speech.spoken import spoken

TURN = "/hooks/voice_twilio/turn"
RECORDED = "/hooks/voice_twilio/recorded"
RECORDING = "/hooks/voice_twilio/recording"
DIALLED = "/hooks/voice_twilio/dialled"

VOICES = {"zh": "zh-CN", "en": "en-US"}
# How a Dial ends when two people spoke with each other (twilio.com/docs/voice/twiml/dial#dialcallstatus-values).
SPOKE = frozenset({"completed", "answered"})
# How slowly a voice may read, in letters a second, and for how long Twilio may be about it; who is not heard of by then
# has put the phone down, which nobody tells us.
READ_PER_SECOND, GRACE = 3.0, 60.0

log = structlog.get_logger()


class RecordedCalls:
    """The calls of one channel that are led by documents. `address` makes of a path our address as Twilio calls it."""

    def __init__(self, channel: str, settings: CallSettings, address: Callable[[str], str]) -> None:
        self._channel, self._settings, self._address = channel, settings, address

    async def begin(self, desk: Desk, call: Call) -> str:
        """The first document of a call that comes in, or goes on after it was live; a polite one when all lines are
        taken."""
        try:
            await self._line(desk, call)
        except TooMany:
            log.warning("a caller was asked to call again", action="line.busy", channel=self._channel)
            return _over(Prompt(desk.phrase("voice_busy", call.language), call.language))
        return await self._take(desk, call, Began())

    async def turn(self, desk: Desk, call: Call, number: str, digits: str) -> str:
        """What follows keys, or that none came."""
        return await self._take(desk, call, Keys(digits) if digits else Nothing(), number)

    async def recorded(self, desk: Desk, call: Call, number: str, said: Said, *, hung_up: bool) -> str:
        """What follows something said."""
        script = await self._take(desk, call, said, number)
        if hung_up:
            await self._ended(desk, call, "hung_up")
        return _over() if hung_up else script

    async def dialled(self, desk: Desk, call: Call, number: str, status: str) -> str:
        """What follows the attempt to put somebody through."""
        if status in SPOKE:
            await self._ended(desk, call, "transferred")
            return _over()
        return await self._take(desk, call, Nothing(), number)

    async def known(self, desk: Desk, sid: str) -> Call | None:
        """The call as it stands; None when that was lost."""
        kept = await desk.recall(self._channel, f"call:{sid}")
        return Call.from_mapping(kept) if kept else None

    async def _take(self, desk: Desk, call: Call, event: Event, number: str | None = None) -> str:
        """One turn of the script, kept with its document; the document again for a request that comes again."""
        last = await desk.recall(self._channel, f"turn:{call.id}")
        try:
            if number is not None and last and number != str(last["number"]):
                if isinstance(event, Said):  # however late it comes: what was taken before is only told again
                    await desk.take(report(call, event))
                return str(last["document"])
            call = replace(call, live=False)
            before, (call, turn) = call, await advance(desk, self._settings, call, event)
        except TooMany:  # the caller must hear it: nothing was kept, and the recording is taken later
            return _over(Prompt(desk.phrase("voice_busy", call.language), call.language))
        following = int(last["number"]) + 1 if last else 1
        document = self._document(call, turn, following)
        await desk.keep(self._channel, f"call:{call.id}", call.to_mapping())
        await desk.keep(self._channel, f"turn:{call.id}", {"number": following, "document": document})
        if call.asks_back:  # whoever finds the recording by itself must know
            await desk.keep(self._channel, f"asks_back:{call.id}", {"yes": True}, days=3)
        await self._show(desk, before, call, turn)
        return document

    async def _line(self, desk: Desk, call: Call) -> OnTheLine:
        """The call as staff follow it. Raises `TooMany` for a new one that is one too many."""
        return await desk.on_the_line(
            self._channel, call.id, line=call.line, language=call.language, address=call.address, live=False
        )

    async def _show(self, desk: Desk, before: Call, call: Call, turn: Turn) -> None:
        """Show staff where the call stands; what fails of it does not trouble the caller."""
        try:
            line = await self._line(desk, call)
            if call.ticket and call.ticket != before.ticket:
                await line.kept(call.ticket)
            await line.step(call.step, language=call.language, within=_lasts(turn))
        except EverylineError as error:
            log.warning("a call could not be shown", action="line.show", channel=self._channel, fault=repr(error)[:200])
            return
        if isinstance(turn.then, End):
            await line.ended("finished")

    async def _ended(self, desk: Desk, call: Call, how: str) -> None:
        try:
            await (await self._line(desk, call)).ended(how)
        except EverylineError as error:
            log.warning("a call could not be shown", action="line.show", channel=self._channel, fault=repr(error)[:200])

    def _document(self, call: Call, turn: Turn, number: int) -> str:
        script = VoiceResponse()
        onward = partial(self._onward, number, call.asks_back)
        match turn.then:
            case ForKeys(most, finish, seconds):
                gather = Gather(
                    num_digits=most, finish_on_key=finish, timeout=round(seconds), action=onward(TURN), method="POST"
                )
                _say(gather, turn.say)
                script.append(gather)
                script.redirect(onward(TURN), method="POST")
            case ForSpeech(longest, silence, finish):
                _say(script, turn.say)
                script.record(
                    action=onward(RECORDED),
                    method="POST",
                    max_length=round(longest),
                    timeout=round(silence),
                    finish_on_key=finish,
                    play_beep=True,
                    trim="trim-silence",  # so that a recording of silence is an empty one, and asked for again
                    recording_status_callback=onward(RECORDING),
                    recording_status_callback_method="POST",
                    recording_status_callback_event="completed absent",
                )
                script.redirect(onward(TURN), method="POST")  # an empty recording: Twilio skips `action` and reads on
            case Transfer(person, seconds):
                _say(script, turn.say)
                script.dial(person, timeout=round(seconds), action=onward(DIALLED), method="POST")
            case _:
                _say(script, turn.say)
                script.hangup()
        return str(script)

    def _onward(self, number: int, asks_back: bool, path: str) -> str:
        return self._address(path) + f"?turn={number}" + ("&asks_back=1" if asks_back else "")


def told(request: web.Request, call: Call) -> Call:
    """The call as its own address tells it: that it asks to be called back holds even where the rest was lost."""
    return replace(call, asks_back=True) if request.query.get("asks_back") == "1" else call


def _say(script: VoiceResponse, prompts: tuple[Prompt, ...]) -> None:
    for prompt in prompts:
        if words := spoken(prompt.text, prompt.language):
            script.say(words, language=VOICES[prompt.language])


def _lasts(turn: Turn) -> float:
    """Within how many seconds Twilio asks on, if the caller stays."""
    match turn.then:
        case ForKeys(most, _, seconds):
            waits = most * seconds
        case ForSpeech(longest, silence, _):
            waits = longest + silence
        case Transfer(_, seconds):
            waits = seconds
        case _:
            waits = 0.0
    return sum(len(prompt.text) for prompt in turn.say) / READ_PER_SECOND + waits + GRACE


def _over(*prompts: Prompt) -> str:
    script = VoiceResponse()
    _say(script, prompts)
    script.hangup()
    return str(script)
