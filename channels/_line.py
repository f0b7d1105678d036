"""A conversation by live sound: the one spoken script (`channels._call`) over whatever brings the sound.

What the script wants said is spoken and played; a key, or a voice where the script listens for speech, cuts it short.
Then keys are collected or speech is listened to, and the script is told. Whoever hangs up is heard to the end; a
conversation that we ourselves must break off leaves its state and its tape, so that it goes on when the call comes
back. Nothing that fails beside it (synthesis, recognition, the disk, the pages that show it) ends a call.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace

import structlog

from channels._call import advance
from channels._call_state import Call, CallSettings
from channels._line_inbox import Gone, Inbox
from channels._line_speaking import Speaker, Voice, spoken
from channels._listening import Listening, open_ear
from channels._sound import Frame, Key, Sound
from channels._turn import Began, End, Event, ForKeys, ForSpeech, HungUp, Keys, Nothing, Prompt, Said, Transfer, Turn
from channels.desk import Desk
from channels.handed import OnTheLine, Tape
from gateway.errors import EverylineError, TooMany

# Seconds for one step of the script; what takes longer is given up.
STEP_WITHIN = 30.0
# A caller who has not begun to speak gets at least this long.
PATIENCE = 6.0

log = structlog.get_logger()


async def converse(
    desk: Desk,
    settings: CallSettings,
    sound: Sound,
    call: Call,
    event: Event | None = None,
    *,
    returning: bool = False,
) -> None:
    """Lead a call to its end, from its beginning or from where it stood (`event`, when something else came of it).

    Cancelled, it leaves the call as it stands, to go on in another conversation: that one is told it is `returning`.
    """
    try:
        line = await desk.on_the_line(
            call.channel, call.id, line=call.line, language=call.language, address=call.address, live=True
        )
    except TooMany:
        await _turn_away(desk, sound, call)
        return
    conversation = Conversation(desk, settings, sound, call, line)
    try:
        await conversation.lead(event or Began(), returning=returning)
    finally:
        await conversation.leave()


class Conversation:
    """One call while it goes on here."""

    def __init__(self, desk: Desk, settings: CallSettings, sound: Sound, call: Call, line: OnTheLine) -> None:
        self._desk, self._settings, self._sound, self._line = desk, settings, sound, line
        self._call = replace(call, live=True)
        self._inbox = Inbox(sound)
        self._tape: Tape | None = None
        # Whether what is on the tape was cut short, and its caller goes on.
        self._cut = False

    async def lead(self, event: Event, *, returning: bool) -> None:
        """Turn by turn, until the end."""
        how = "failed"
        try:
            if returning:
                self._tape = await self._open_tape()
                self._cut = True
            how = await self._turns(event)
        except Exception:
            log.exception("a call failed", action="line.failed", channel=self._call.channel)
            await self._apologise()
        # What was said and could not be taken is taken from its tape later.
        if how != "failed":
            await self._forget_tape()
        await self._line.ended(how)

    async def leave(self) -> None:
        """Let go of everything; what is on the tape stays."""
        await self._inbox.close()
        if self._tape:
            await self._tape.release()

    async def _turns(self, event: Event) -> str:
        while True:
            turn = await self._step(event)
            try:
                if isinstance(event, HungUp):
                    return "hung_up"
                event = await self._take_turn(turn)
                if isinstance(turn.then, End):
                    await self._sound.hang_up()
                    return "finished"
                if isinstance(turn.then, Transfer) and await self._sound.transfer(turn.then.number, turn.then.seconds):
                    return "transferred"
            except Gone:
                event = HungUp()
            self._cut = False

    async def _step(self, event: Event) -> Turn:
        """Tell the script, keep where the call stands now, and show it."""
        before = self._call.ticket
        async with asyncio.timeout(STEP_WITHIN):
            self._call, turn = await advance(self._desk, self._settings, self._call, event)
        if self._call.ticket and self._call.ticket != before:
            await self._forget_tape()
            await self._line.kept(self._call.ticket)
        try:
            await self._desk.keep(self._call.channel, f"call:{self._call.id}", self._call.to_mapping())
        except EverylineError:
            log.warning("where a call stands is not kept", action="line.keep", channel=self._call.channel)
        await self._line.step(self._call.step, language=self._call.language)
        return turn

    async def _take_turn(self, turn: Turn) -> Event:
        """Say what is to be said, then wait for what is asked for. Raises `Gone`."""
        if isinstance(turn.then, ForSpeech):
            return await self._listen(turn.say, turn.then)
        await self._say(turn.say)
        return await self._collect(turn.then) if isinstance(turn.then, ForKeys) else Nothing()

    async def _say(self, prompts: Sequence[Prompt], *, voices: bool = False, signal: bool = False) -> list[bytes]:
        """Speak prompts until a key, or a voice where `voices` count, cuts them short; then, if not, the tone.

        Gives what the caller said already. Raises `Gone`.
        """
        speaker = Speaker(self._desk, self._sound, prompts, signal=signal)
        task = asyncio.create_task(speaker.speak(), name="speak")
        task.add_done_callback(lambda _: self._inbox.wake())
        ear = Voice(self._sound.rate) if voices else None
        self._inbox.listens = voices
        try:
            while not task.done():
                came = self._inbox.take()
                if came is None:
                    await self._inbox.wait()
                elif isinstance(came, Frame):
                    if ear and ear.hears(came.pcm, counts=speaker.interruptible):
                        await self._sound.clear()
                        return list(ear.earlier)
                elif speaker.interruptible:
                    self._inbox.put_back(came)
                    await self._sound.clear()
                    return []
            return []
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _collect(self, wanted: ForKeys) -> Event:
        """Keys, until there are enough of them, the last one is marked, or nothing comes. Raises `Gone`."""
        digits = ""
        while True:
            came = await self._inbox.next(wanted.seconds)
            if came is None:
                return Keys(digits) if digits else Nothing()
            if not isinstance(came, Key):
                continue
            if came.digit == "*" and not digits:
                return Keys("*")  # asks for something else than what is collected
            if came.digit in wanted.finish:
                return Keys(digits) if digits else Nothing()
            digits += came.digit
            if len(digits) >= wanted.most:
                return Keys(digits)

    async def _listen(self, prompts: Sequence[Prompt], wanted: ForSpeech) -> Event:
        """Speech, until its speaker is done; whoever hangs up has said what he said. Raises `Gone` if that is nothing.

        A key that ends nothing, pressed before anything is said, is for the script.
        """
        earlier = await self._say(prompts, voices=True, signal=True)
        tape = await self._fresh_tape()
        before = tape.before if tape else b""
        call, rate = self._call, self._sound.rate
        ear = await open_ear(self._desk, call.channel, call.language, rate, self._line, before)
        listening = Listening(
            tape, ear, rate, longest=wanted.longest, silence=wanted.silence, patience=max(PATIENCE, wanted.silence)
        )
        try:
            key = await self._until_done(listening, earlier, wanted)
            said = await listening.finish() if listening.spoke else None
        finally:
            self._inbox.listens = False
            await listening.close()
        if said:
            return Said(said.text, said.media, said.confidence)
        if key:
            return Keys(key)
        if self._inbox.gone:
            raise Gone
        return Nothing()

    async def _until_done(self, listening: Listening, earlier: Sequence[bytes], wanted: ForSpeech) -> str | None:
        """Listen on. Gives the key that ended it, if one did that is for the script."""
        self._inbox.listens = True
        for pcm in earlier:
            listening.hear(pcm)
        while True:
            try:
                came = await self._inbox.next(max(PATIENCE, wanted.silence))
            except Gone:
                return None
            if came is None:
                return None  # a telephone that sends no sound at all is silent too
            if isinstance(came, Frame):
                if listening.hear(came.pcm):
                    return None
            elif came.digit in wanted.finish:
                return None
            elif not listening.spoke:
                return came.digit

    async def _fresh_tape(self) -> Tape | None:
        """A tape for what is said now; only who was cut short goes on with the one he left."""
        if not (self._cut and self._tape):
            await self._forget_tape()
            self._tape = await self._open_tape()
        return self._tape

    async def _open_tape(self) -> Tape | None:
        call = self._call
        try:
            return await self._desk.tape(
                call.channel, call.id, self._sound.rate, call.language, address=call.address, line=call.line
            )
        except OSError as error:
            log.error("a call cannot be taped", action="line.tape", fault=repr(error)[:200])
            return None

    async def _forget_tape(self) -> None:
        tape, self._tape = self._tape, None
        if tape:
            with contextlib.suppress(OSError):
                await tape.discard()

    async def _apologise(self) -> None:
        """Say that it cannot go on, as far as that can still be said."""
        with contextlib.suppress(Exception):
            await _say_and_hang_up(self._desk, self._sound, self._call.language, "voice_busy")


async def _turn_away(desk: Desk, sound: Sound, call: Call) -> None:
    """Tell a caller that all lines are taken."""
    log.warning("a caller was asked to call again", action="line.busy", channel=call.channel)
    await _say_and_hang_up(desk, sound, call.language, "voice_busy")


async def _say_and_hang_up(desk: Desk, sound: Sound, language: str, phrase: str) -> None:
    await sound.play(await spoken(desk, Prompt(desk.phrase(phrase, language), language), sound.rate))
    await sound.hang_up()
