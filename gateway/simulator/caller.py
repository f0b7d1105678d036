"""A person on the phone: what they press and say, when they hang up, and what they heard."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from gateway import clock
from gateway.simulator.account import API_VERSION, Account, new_sid
from gateway.simulator.sound import FRAME_SECONDS, RATE, SILENCE, Beats, Ear, Mouth, is_loud, pcm_of, wav_of


class Heard(StrEnum):
    """The kinds of things that happen in a call, in the order a call log shows them."""

    SAY = "say"
    PLAY = "play"
    PAUSE = "pause"
    GATHER = "gather"
    KEYS = "keys"
    SILENCE = "silence"
    BEEP = "beep"
    RECORD = "record"
    RECORDED = "recorded"
    STREAM = "stream"
    LINE = "line"
    CALLER = "caller"
    CLEARED = "cleared"
    DIAL = "dial"
    ERROR = "error"
    END = "end"


class Ended(StrEnum):
    """How a call ended: by the line (Hangup, or nothing left to do), by the caller, refused, or by a fault."""

    COMPLETED = "completed"
    CALLER = "caller"
    REJECTED = "rejected"
    BUSY = "busy"
    FAILED = "failed"


class At(StrEnum):
    """Where a scripted caller hangs up: as soon as the line does this."""

    SAY = "say"
    GATHER = "gather"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened in a call."""

    kind: Heard
    text: str
    at: datetime


@dataclass(slots=True)
class CallLog:
    """What happened in one call; `error` is Twilio's number of the fault that ended it."""

    sender: str
    to: str
    # Whether the gateway called, and not the handset.
    placed: bool = False
    sid: str = field(default_factory=lambda: new_sid("CA"))
    entries: list[Entry] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    ended: Ended | None = None
    error: int | None = None
    begun: datetime = field(default_factory=clock.now)
    # Who can be heard just now, while the call is a stream of sound.
    line_speaks: bool = False
    caller_speaks: bool = False

    @property
    def spoken(self) -> list[str]:
        """What the line said, in order."""
        return self._texts(Heard.SAY)

    @property
    def keys(self) -> list[str]:
        """What the caller keyed in, one text for each time the line asked."""
        return self._texts(Heard.KEYS)

    @property
    def recording_sid(self) -> str | None:
        """The last recording made in this call."""
        return self.recordings[-1] if self.recordings else None

    def note(self, kind: Heard, text: str = "") -> None:
        """Write down one thing."""
        self.entries.append(Entry(kind, text, clock.now()))

    def describe(self) -> dict[str, Any]:
        """The log as its handset shows it."""
        return {
            "handset": self.to if self.placed else self.sender,
            "sid": self.sid,
            "ended": self.ended,
            "error": self.error,
            "line_speaks": self.line_speaks,
            "caller_speaks": self.caller_speaks,
            "entries": [{"kind": one.kind, "text": one.text, "at": one.at.isoformat()} for one in self.entries],
        }

    def _texts(self, kind: Heard) -> list[str]:
        return [entry.text for entry in self.entries if entry.kind is kind]


def describe(log: CallLog, account: Account) -> dict[str, Any]:
    """The Call resource as JSON. https://www.twilio.com/docs/voice/api/call-resource"""
    failed = log.ended in (Ended.FAILED, Ended.BUSY, Ended.REJECTED)
    return {
        "account_sid": account.sid,
        "api_version": API_VERSION,
        "date_created": format_datetime(log.begun),
        "direction": "outbound-api" if log.placed else "inbound",
        "from": log.sender,
        "parent_call_sid": None,
        "sid": log.sid,
        "start_time": format_datetime(log.begun),
        "status": "in-progress" if log.ended is None else "failed" if failed else "completed",
        "to": log.to,
        "uri": f"{account.path}/Calls/{log.sid}.json",
    }


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes in a call: seconds for each letter spoken, how much of each silence and sound is waited, and how
    much of 20 ms a frame of streamed sound takes."""

    letter: float = 0.0
    waiting: float = 0.0
    frame: float = 1.0


INSTANT = Pace()
LIFELIKE = Pace(letter=0.05, waiting=1.0)
LONGEST_LINE = 4.0
KEYS = "0123456789*#"


@dataclass(frozen=True, slots=True)
class Act:
    """What a scripted caller does once the line has spoken: say a WAV, then press keys, then hang up."""

    keys: str = ""
    wav: bytes = field(default=b"", repr=False)
    hang_up: bool = False


class Caller:
    """Somebody who calls by a script, by hand, or both.

    `keys` has one entry for each time the line asks for keys, `sounds` one for each time it records; what is
    missing is silence. `finish` is the key pressed after speaking. `acts` are for a line that streams its sound: one is
    done each time it has spoken and waits. A caller `by_hand` speaks into a recording as it goes.
    """

    def __init__(
        self,
        *,
        keys: Sequence[str] = (),
        sounds: Sequence[bytes] = (),
        finish: str = "",
        hang_up: At | None = None,
        pace: Pace = INSTANT,
        acts: Sequence[Act] = (),
        by_hand: bool = False,
    ) -> None:
        self._entries, self._sounds, self._acts = deque(keys), deque(sounds), deque(acts)
        self._finish, self._hang_up, self._pace = finish, hang_up, pace
        self.by_hand = by_hand
        self.mouth, self.ear = Mouth(), Ear()
        self._pressed: deque[str] = deque()
        self._stirred = asyncio.Event()
        self._after_speaking, self._then_hangs_up = "", False
        self.gone = False

    def press(self, keys: str) -> None:
        """Press keys now."""
        self._pressed.extend(keys)
        self._stirred.set()

    def hang_up(self) -> None:
        """Put the phone down now."""
        self.gone = True
        self._stirred.set()

    def beats(self) -> Beats:
        """The time of this caller's sound, frame by frame."""
        return Beats(FRAME_SECONDS * self._pace.frame)

    def act(self) -> None:
        """Do what the script has next: the line has spoken and waits."""
        if self._acts:
            act = self._acts.popleft()
            if act.wav:
                self.mouth.say(pcm_of(act.wav))
            self._after_speaking, self._then_hangs_up = act.keys, act.hang_up

    def pressed(self) -> str:
        """One key that was pressed and not yet heard; empty when there is none."""
        if self._after_speaking and not self.mouth.speaks:
            self.press(self._after_speaking)
            self._after_speaking = ""
        elif self._then_hangs_up and not self.mouth.speaks and not self._pressed:
            self.hang_up()
        return self._pressed.popleft() if self._pressed else ""

    async def until_gone(self) -> None:
        """Wait until the phone is put down."""
        while not self.gone:
            self._stirred.clear()
            await self._stirred.wait()

    def meet(self, what: At) -> None:
        """The line comes to something at which this caller may want to hang up."""
        if self._hang_up is what:
            self.hang_up()

    @property
    def has_pressed(self) -> bool:
        """Whether a key waits to be heard."""
        return bool(self._pressed)

    def listen_for_keys(self) -> None:
        """The line starts to ask: what was pressed before is lost."""
        self._pressed.clear()

    def answer(self) -> None:
        """The line has asked: press what the script has next, if no hand was faster."""
        if self._entries and not self._pressed:
            self._pressed.extend(self._entries.popleft())

    def sound(self) -> bytes:
        """What is said into the next recording."""
        return self._sounds.popleft() if self._sounds else b""

    async def listen(self, words: str, *, until: str = "") -> None:
        """Hear something to its end, or until one of some keys is pressed or the phone put down."""
        await self._let_pass(min(LONGEST_LINE, len(words) * self._pace.letter), until)

    async def wait(self, seconds: float, *, until: str = "") -> None:
        """Let time pass until it is over, one of some keys is pressed, or the phone put down."""
        await self._let_pass(seconds * self._pace.waiting, until)

    async def key(self, seconds: float, *, among: str = KEYS) -> str:
        """The next of some keys, if it comes in time; other keys are lost. Empty when none came."""
        await self.wait(seconds, until=among)
        while self._pressed and not self.gone:
            if (key := self._pressed.popleft()) in among:
                return key
        return ""

    async def speak(self, length: float, *, until: str) -> float:
        """Speak for some seconds or until one of some keys; gives the seconds really spoken."""
        self._pressed.clear()
        started = asyncio.get_running_loop().time()
        await self.wait(length, until=until)
        interrupted = self.gone or bool(self._pressed)
        self._pressed.extend(self._finish)
        return min(length, asyncio.get_running_loop().time() - started) if interrupted else length

    async def dictate(self, longest: float, patience: float, *, until: str) -> bytes:
        """Speak by hand, as a WAV: until one of some keys, silence for so long, the longest time, or the hang-up."""
        self._pressed.clear()
        sound, quiet, loud, beats = bytearray(), 0.0, False, self.beats()
        while not self.gone and quiet < patience and len(sound) < longest * RATE * 2:
            if any(key in until for key in self._pressed):
                break
            frame = self.mouth.frame() or SILENCE
            sound += frame
            quiet = 0.0 if is_loud(frame) else quiet + FRAME_SECONDS
            loud = loud or not quiet
            await beats.next()
        return wav_of(bytes(sound)) if loud else b""

    async def _let_pass(self, seconds: float, until: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not self.gone and not any(key in until for key in self._pressed):
                    self._stirred.clear()
                    await self._stirred.wait()
        except TimeoutError:
            pass
