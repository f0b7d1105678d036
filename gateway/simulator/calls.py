"""A call to the city's number: asks the gateway for TwiML and does what it says, as Twilio does.

https://www.twilio.com/docs/voice/twiml and its pages on Gather and Record.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ParseError

from gateway.simulator import payloads
from gateway.simulator.account import new_sid
from gateway.simulator.caller import KEYS, At, Caller, CallLog, Ended, Heard
from gateway.simulator.network import Network
from gateway.simulator.recordings import Recording, cut, is_silent, seconds
from gateway.simulator.streams import Stream, StreamFailed
from gateway.simulator.twiml import parse, seconds_of, words_of
from gateway.simulator.webhooks import Answer, retries

# A line that sends callers round in circles, or keeps them for ever, is cut off.
MOST_DOCUMENTS = 40
MOST_VERBS = 200
LONGEST_CALL = 900.0
LONGEST_RECORDING = 3600
LONGEST_SILENCE = 60


@dataclass(frozen=True, slots=True)
class Fetch:
    """A document to ask for next, and what the gateway is told besides the usual."""

    url: str
    method: str = "POST"
    told: Mapping[str, str] = field(default_factory=dict)


class Over(Exception):
    """The call is over; `error` is Twilio's number when a fault ended it."""

    def __init__(self, how: Ended, error: int | None = None, why: str = "") -> None:
        super().__init__(why)
        self.how, self.error, self.why = how, error, why


class Call:
    """One call from its first ring to its end."""

    def __init__(self, network: Network, caller: Caller, log: CallLog) -> None:
        self._network, self._caller, self._log = network, caller, log
        self._url, self._verbs = "", 0
        # The keys that interrupt what the line is saying: those of the Gather around it.
        self._until = ""

    async def run(self, document: Element | None = None) -> CallLog:
        """Hold the conversation; what happened is in the log, also while it goes on.

        A call that the gateway placed begins with its `document`.
        """
        try:
            async with asyncio.timeout(LONGEST_CALL):
                if document is None:
                    await self._converse(Fetch(self._network.hook("voice_twilio/answer")))
                else:
                    await self._converse(await self._perform(document))
        except TimeoutError:
            self._end(Over(Ended.FAILED, None, "the call took too long"))
        except Over as over:
            self._end(over)
        finally:
            self._caller.ear.hear(None)
        return self._log

    async def _converse(self, fetch: Fetch | None) -> None:
        status = "ringing"
        for _ in range(MOST_DOCUMENTS):
            if fetch is None:
                self._stay()
                raise Over(Ended.COMPLETED)
            document = await self._ask(fetch, status)
            status, self._url = "in-progress", fetch.url
            fetch = await self._perform(document)
        raise Over(Ended.FAILED, None, "the line goes round in circles")

    async def _ask(self, fetch: Fetch, status: str) -> Element:
        """Ask for one document. Raises Over when there is none that could be used."""
        self._stay()
        answer = await self._request(fetch, status)
        if not answer.accepted:
            raise Over(Ended.FAILED, 11200, f"the gateway answered {answer.status or 'nothing'}")
        if answer.type not in ("text/xml", "application/xml"):
            raise Over(Ended.FAILED, 12300, f"not XML but {answer.type}")
        try:
            return parse(answer.text)
        except ParseError as error:
            raise Over(Ended.FAILED, 12100, f"not TwiML: {error}") from None

    async def _request(self, fetch: Fetch, status: str) -> Answer:
        """Ask, again as often as the fragment of the address wants it.

        https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
        """
        told = {**self._told(status), **fetch.told}
        answer = await self._network.webhooks.request(fetch.url, told, method=fetch.method)
        for _ in range(retries(fetch.url)):
            if not answer.failed:
                break
            await asyncio.sleep(self._network.delays.retrying)
            answer = await self._network.webhooks.request(fetch.url, told, method=fetch.method)
        return answer

    async def _perform(self, document: Element) -> Fetch | None:
        """Do one verb after the other until one asks for another document."""
        for verb in document:
            fetch = await self._do(VERBS, verb)
            if fetch is not None:
                return fetch
        return None

    async def _do(self, known: Mapping[str, "Verb"], verb: Element) -> Fetch | None:
        self._stay()
        self._verbs += 1
        if self._verbs > MOST_VERBS:
            raise Over(Ended.FAILED, None, "the line does not come to an end")
        if verb.tag not in known:
            raise Over(Ended.FAILED, 12200, f"the verb {verb.tag} is not known here")
        return await known[verb.tag](self, verb)

    async def _say(self, verb: Element) -> None:
        self._caller.meet(At.SAY)
        self._note(Heard.SAY, words_of(verb))
        await self._caller.listen(words_of(verb), until=self._until)

    async def _play(self, verb: Element) -> None:
        self._note(Heard.PLAY, urljoin(self._url, words_of(verb)))

    async def _pause(self, verb: Element) -> None:
        length = seconds_of(verb, "length", 1, LONGEST_SILENCE)
        self._note(Heard.PAUSE, str(length))
        await self._caller.wait(length, until=self._until)

    async def _gather(self, verb: Element) -> Fetch | None:
        """Listen for keys while the nested verbs speak; without keys the next verb runs."""
        self._note(Heard.GATHER, verb.get("numDigits", ""))
        self._caller.meet(At.GATHER)
        digits = ""
        if "dtmf" in verb.get("input", "dtmf").split():
            await self._prompt(verb)
            digits = await self._collect(verb)
        self._stay()
        self._note(Heard.KEYS if digits else Heard.SILENCE, digits)
        if not digits and verb.get("actionOnEmptyResult") != "true":
            return None
        return self._action(verb, {"Digits": digits})

    async def _prompt(self, verb: Element) -> None:
        """Speak what is nested in a Gather until a key is pressed."""
        self._caller.listen_for_keys()
        self._until = KEYS
        for prompt in verb:
            await self._do(PROMPTS, prompt)
            if self._caller.has_pressed:
                break
        self._until = ""
        self._caller.answer()

    async def _collect(self, verb: Element) -> str:
        most = int(verb.get("numDigits") or 0) if verb.get("numDigits", "").isdecimal() else 0
        finish, patience = verb.get("finishOnKey", "#"), seconds_of(verb, "timeout", 5, LONGEST_SILENCE)
        digits = ""
        while not most or len(digits) < most:
            key = await self._caller.key(patience)
            if not key or key in finish:
                break
            digits += key
        return digits

    async def _record(self, verb: Element) -> Fetch | None:
        """Record what the caller says; an empty recording is dropped and the next verb runs."""
        if verb.get("playBeep") != "false":
            self._note(Heard.BEEP)
        self._note(Heard.RECORD)
        wav, digits = await self._take_down(verb)
        recording = Recording(self._log.sid, wav)
        if is_silent(wav):
            self._note(Heard.SILENCE)
            self._report(verb, recording, "absent")
            self._stay()
            return None
        self._network.recordings[recording.sid] = recording
        self._log.recordings.append(recording.sid)
        self._note(Heard.RECORDED, str(recording.duration))
        self._report(verb, recording, "completed")
        told = {"RecordingUrl": self._url_of(recording), "RecordingDuration": str(recording.duration), "Digits": digits}
        if self._caller.gone:
            await self._part(self._action(verb, told))
        return self._action(verb, told)

    async def _take_down(self, verb: Element) -> tuple[bytes, str]:
        """The sound, and what ended it: a key, `hangup`, or nothing but silence."""
        finish, longest = (
            verb.get("finishOnKey", KEYS),
            seconds_of(verb, "maxLength", LONGEST_RECORDING, LONGEST_RECORDING),
        )
        patience = seconds_of(verb, "timeout", 5, LONGEST_SILENCE)
        if self._caller.by_hand:
            spoken_by_hand = await self._caller.dictate(longest, patience, until=finish)
            key = await self._caller.key(0, among=finish)
            return spoken_by_hand, "hangup" if self._caller.gone else key
        sound = self._caller.sound()
        length = min(seconds(sound), longest)
        spoken = await self._caller.speak(length, until=finish)
        self._caller.meet(At.RECORD)
        key = await self._caller.key(patience, among=finish)
        return cut(sound, spoken), "hangup" if self._caller.gone else key

    async def _part(self, fetch: Fetch) -> None:
        """The caller hung up while recording: the gateway still gets the recording, its answer goes nowhere."""
        await self._network.webhooks.request(fetch.url, {**self._told("completed"), **fetch.told}, method=fetch.method)
        raise Over(Ended.CALLER)

    async def _connect(self, verb: Element) -> Fetch | None:
        """Hold a stream until it ends; then the action is asked for, or without one the next verb runs."""
        noun = verb.find("Stream")
        if noun is None or len(verb) != 1:
            raise Over(Ended.FAILED, 12200, "Connect is known here with one Stream in it")
        parameters = {one.get("name", ""): one.get("value", "") for one in noun.findall("Parameter")}
        stream = Stream(self._network, self._caller, self._log, parameters)
        try:
            await stream.run(self._stream_address(noun.get("url", "")))
        except StreamFailed as failed:
            self._note(Heard.ERROR, f"{failed.error}: {failed}")
        self._stay()
        return self._action(verb, {}) if verb.get("action") else None

    async def _dial(self, verb: Element) -> Fetch | None:
        """Let a number ring. Nobody is there to answer, so that the line hears what it does then."""
        number = words_of(verb)
        self._note(Heard.DIAL, number)
        await self._caller.wait(seconds_of(verb, "timeout", 30, LONGEST_SILENCE))
        self._stay()
        told = {"DialCallStatus": "no-answer", "DialCallSid": new_sid("CA"), "DialCallDuration": "0"}
        return self._action(verb, told) if verb.get("action") else None

    def _stream_address(self, url: str) -> str:
        """A relative address is one of the document's host, spoken to by WebSocket."""
        return url if "://" in url else re.sub("^http", "ws", urljoin(self._url, url))

    async def _redirect(self, verb: Element) -> Fetch:
        return Fetch(urljoin(self._url, words_of(verb)), _method(verb.get("method")))

    async def _hangup(self, verb: Element) -> None:
        raise Over(Ended.COMPLETED)

    async def _reject(self, verb: Element) -> None:
        raise Over(Ended.BUSY if verb.get("reason") == "busy" else Ended.REJECTED)

    def _action(self, verb: Element, told: Mapping[str, str]) -> Fetch:
        """The default action is the current document: a loop, if the gateway did not mean it."""
        return Fetch(urljoin(self._url, verb.get("action", "")), _method(verb.get("method")), told)

    def _report(self, verb: Element, recording: Recording, status: str) -> None:
        """Process a recording in the background, then tell the gateway, if it wants to know of this."""
        callback = verb.get("recordingStatusCallback")
        wanted = status in verb.get("recordingStatusCallbackEvent", "completed").split()
        url = urljoin(self._url, callback) if callback and wanted else ""
        self._network.spawn(self._process(url, recording, status), f"recording of {self._log.sid}")

    async def _process(self, url: str, recording: Recording, status: str) -> None:
        network = self._network
        await asyncio.sleep(network.delays.processing_recording)
        recording.ready = True
        if url:
            told = payloads.recording_status(recording, network.account, self._url_of(recording), status)
            await network.webhooks.deliver(url, told, network.delays.retrying)

    def _url_of(self, recording: Recording) -> str:
        return f"{self._network.url}{self._network.account.path}/Recordings/{recording.sid}"

    def _told(self, status: str) -> dict[str, str]:
        return payloads.call(self._log, self._network.account, status)

    def _stay(self) -> None:
        """Go on only while the caller is there."""
        if self._caller.gone:
            raise Over(Ended.CALLER)

    def _end(self, over: Over) -> None:
        self._log.ended, self._log.error = over.how, over.error
        if over.how is Ended.FAILED:
            self._note(Heard.ERROR, over.why)
        self._note(Heard.END, over.how)

    def _note(self, kind: Heard, text: str = "") -> None:
        self._log.note(kind, text)
        self._network.feed.publish("call", self._log.describe())


def _method(wish: str | None) -> str:
    return "GET" if wish == "GET" else "POST"


Verb = Callable[[Call, Element], Awaitable[Fetch | None]]

PROMPTS: Mapping[str, Verb] = {"Say": Call._say, "Play": Call._play, "Pause": Call._pause}
VERBS: Mapping[str, Verb] = {
    **PROMPTS,
    "Gather": Call._gather,
    "Record": Call._record,
    "Connect": Call._connect,
    "Dial": Call._dial,
    "Redirect": Call._redirect,
    "Hangup": Call._hangup,
    "Reject": Call._reject,
}
