"""The hotline through Twilio: the caller chooses a language, speaks after the tone, and hears a ticket.

One call is a walk through our addresses, each told by the TwiML (Twilio's call script) of the one before:

    answer -> language -> (speaks) -> recorded -> thanks
                 ^            | says nothing: twice more, then goodbye
                 +------------+
    recording: Twilio tells, in or after the call, that the file is ready

All that is known of a call lies at the desk, so any process may serve any step. The carrier may tell of one recording
twice (`recorded` and `recording`): both are taken, and are one. One it could not tell of is found in its list.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict
from twilio.twiml.voice_response import Gather, VoiceResponse  # type: ignore[import-untyped]

from channels._call import Call, CallSettings
from channels._http import Absent
from channels._twilio import E164, TwilioChannel, TwilioSettings, required
from channels._twilio_lists import Found, Listing, Page
from channels._twilio_live import ONWARD, STREAM, LiveCalls
from channels._twilio_number import Entrance
from channels.base import Capabilities, Desk, Fetched, Guard, Route, Surroundings
from channels.failures import Refused
from gateway import clock
from gateway.errors import BadInput, TooMany
from gateway.schema import Incoming, IncomingMedia, Taken

ANSWER = "/hooks/voice_twilio/answer"
LANGUAGE = "/hooks/voice_twilio/language"
RECORDED = "/hooks/voice_twilio/recorded"
RECORDING = "/hooks/voice_twilio/recording"

VOICES = {"zh": "zh-CN", "en": "en-US"}
KEYS = {"1": "zh", "2": "en"}
MEDIA_TYPE = "audio/x-wav"
# What Twilio puts in place of a withheld number: ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE and UNKNOWN, as spelled
# on a telephone's keys (help.twilio.com: "Why am I getting calls from these strange numbers?").
WITHHELD = frozenset({"+266696687", "+2562533", "+7378742833", "+86282452253", "+8656696"})
# The states of a recording that will still change (twilio.com/docs/voice/api/recording#recording-status-values).
UNFINISHED = frozenset({"in-progress", "paused", "stopped", "processing"})

_TRIES = 3
_KEY_SECONDS = 4
_PAGE = 100
_RECORDING = re.compile(r"/Recordings/(RE[0-9a-zA-Z]{32})(?:\.wav)?$")


class VoiceSettings(TwilioSettings, CallSettings):
    """`[voice_twilio]`: whether calls are held live, as streams of sound, or led by recordings."""

    live: bool = False


class Adapter(TwilioChannel):
    """Twilio's calls: recorded, fetched, forgotten there."""

    name = "voice_twilio"
    entrance = Entrance("voice", "A call comes in", ANSWER)
    capabilities = Capabilities(receives=True, media=(MEDIA_TYPE,))
    Settings = VoiceSettings

    def __init__(self, settings: VoiceSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._longest, self._silence = settings.longest, settings.silence
        self._live = settings.live
        self._calls = LiveCalls(self.name, self.account_sid, settings, self.url, self._record_instead)

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The steps of a call."""
        steps = {
            ANSWER: self._answer,
            LANGUAGE: self._language,
            RECORDED: self._recorded,
            RECORDING: self._recording,
        }
        if self._live:
            steps[ONWARD] = self._onward
        routes = [Route("POST", path, Guard.SIGNATURE, partial(step, desk)) for path, step in steps.items()]
        if self._live:
            routes.append(Route("GET", STREAM, Guard.SIGNATURE, partial(self._calls.stream, desk)))
        return routes

    async def hang_up(self) -> None:
        """Break off what is held live; Twilio asks what is to become of it, and finds whoever serves then."""
        await self._calls.hang_up()

    async def run(self, desk: Desk) -> None:
        """Catch up with recordings nobody told us of."""
        recordings = self.account.recordings

        async def since(start: datetime) -> Page[Any]:
            return await self.page(recordings.page_async(date_created_after=start, page_size=_PAGE), _created)

        async def at(address: str) -> Page[Any]:
            return await self.page(recordings.get_page_async(address), _created)

        # Filed under its beginning.
        longest = timedelta(seconds=self._longest)
        await self.catch_up(desk, Listing(since, at, partial(self._take_listed, desk)), longest)

    async def fetch(self, url: str, most_bytes: int) -> Fetched:
        """Bring a recording as WAV. Only addresses of our own account are asked; Twilio may send us on from there."""
        self._sid(url)
        fetched = await self.bring(url.removesuffix(".wav") + ".wav", most_bytes)
        if not fetched.type.startswith("audio/"):
            raise Refused("what Twilio gave is no recording")
        return fetched

    async def forget(self, url: str) -> None:
        """Delete Twilio's copy; one that is gone already is fine."""
        try:
            await self.call(self.account.recordings(self._sid(url)).delete_async())
        except Absent:
            return

    async def _onward(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        sid = required(fields, "CallSid")
        return _twiml(await self._calls.onward(desk, sid, fields.get("DialCallStatus")))

    async def _record_instead(self, desk: Desk, call: Call) -> VoiceResponse:
        return self._listen(desk, call.language, 1)

    async def _answer(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        if self._live:
            known = _caller(fields, self.city.language)
            call = Call(
                channel=self.name,
                id=required(fields, "CallSid"),
                address=f"tel:{known['from']}" if known["from"] else None,
                line=known["line"],
                language=known["language"],
            )
            return _twiml(await self._calls.begin(desk, call))
        await self._remember(desk, fields, self.city.language)
        script = VoiceResponse()
        menu = Gather(num_digits=1, timeout=_KEY_SECONDS, action=self.url(LANGUAGE), method="POST")
        for language, voice in VOICES.items():
            menu.say(desk.phrase("voice_language", language), language=voice)
        script.append(menu)
        script.redirect(self.url(LANGUAGE), method="POST")
        return _twiml(script)

    async def _language(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        call = await self._call(desk, fields)
        nth, language = _nth(request), call["language"]
        chosen = KEYS.get(fields.get("Digits", ""), language) if nth == 1 else language
        if chosen != language:
            await self._remember(desk, fields, chosen)
        return _twiml(self._listen(desk, chosen, nth))

    def _listen(self, desk: Desk, language: str, nth: int) -> VoiceResponse:
        """Greet, record, and go on here when nothing was said: Twilio then skips `action` and reads on."""
        script = VoiceResponse()
        _say(script, desk, "voice_greeting", language)
        script.record(
            action=self.url(RECORDED),
            method="POST",
            max_length=self._longest,
            timeout=self._silence,
            finish_on_key="#",
            play_beep=True,
            trim="trim-silence",  # so that a recording of silence is an empty one, and asked for again
            recording_status_callback=self.url(RECORDING),
            recording_status_callback_method="POST",
            recording_status_callback_event="completed absent",
        )
        _say(script, desk, "voice_nothing", language)
        if nth < _TRIES:
            script.redirect(f"{self.url(LANGUAGE)}?try={nth + 1}", method="POST")
        else:
            _say(script, desk, "voice_goodbye", language)
            script.hangup()
        return script

    async def _recorded(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        call = await self._call(desk, fields)
        script = VoiceResponse()
        try:
            taken = await self._take(desk, fields, call, await request.read())
        except TooMany:  # the caller must hear it: nothing was kept
            _say(script, desk, "voice_busy", call["language"])
        else:
            if fields.get("Digits") != "hangup":
                ticket = {"ticket": spoken(taken.ticket)} if taken.ticket else None
                _say(script, desk, "voice_thanks" if ticket else "voice_goodbye", call["language"], ticket)
        script.hangup()
        return _twiml(script)

    async def _recording(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        if required(fields, "RecordingStatus") == "completed":
            await self._take(desk, fields, await self._call(desk, fields), await request.read())
            await desk.media_ready(self.name, _recording_sid(fields))
        return web.Response(status=204)

    async def _take_listed(self, desk: Desk, recording: Any) -> Found:
        """Take one recording of Twilio's list, if it is finished and was made in a call to our number."""
        if recording.status in UNFINISHED:
            return Found.UNFINISHED
        told = {"RecordingSid": recording.sid, "CallSid": str(recording.call_sid), "RecordingStatus": "completed"}
        fields = MultiDict({**told, "RecordingUrl": f"{self.home}/Recordings/{recording.sid}"})
        if recording.status != "completed" or recording.source != "RecordVerb":
            return Found.FOREIGN
        call = await desk.recall(self.name, _key(fields)) or await self._call_at_twilio(fields["CallSid"])
        if call is None:
            return Found.FOREIGN
        taken = await self._take(desk, fields, call, urlencode(fields).encode())
        if taken.repeated:
            return Found.KNOWN
        await desk.media_ready(self.name, recording.sid)
        return Found.NEW

    async def _call_at_twilio(self, sid: str) -> Mapping[str, Any] | None:
        """What Twilio knows of a call; None when it was not to our number, so that nobody else's is taken."""
        try:
            call = await self.call(self.account.calls(sid).fetch_async())
        except Absent:
            return None
        if call.direction != "inbound" or call.to != self.number:
            return None
        return _caller(MultiDict({"From": str(call._from or ""), "To": call.to}), self.city.language)

    async def _take(self, desk: Desk, fields: MultiDict[str], call: Mapping[str, Any], raw: bytes) -> Taken:
        """Take one recording, told of by a webhook or found in the list."""
        sid, url = _recording_sid(fields), fields.get("RecordingUrl", "")
        incoming = Incoming(
            channel=self.name,
            external_id=sid,
            text="",
            received_at=clock.now(),
            address=f"tel:{call['from']}" if call["from"] else None,
            line=call["line"],
            language=call["language"],
            media=(IncomingMedia(sid, url, MEDIA_TYPE, call["language"]),),
            commands=False,
            raw=raw,
        )
        taken = await desk.take(incoming)
        self.known.add(sid)
        return taken

    async def _remember(self, desk: Desk, fields: MultiDict[str], language: str) -> None:
        await desk.keep(self.name, _key(fields), _caller(fields, language))

    async def _call(self, desk: Desk, fields: MultiDict[str]) -> Mapping[str, Any]:
        """What is known of a call; when that was lost, what this request says of it."""
        return await desk.recall(self.name, _key(fields)) or _caller(fields, self.city.language)

    def _sid(self, url: str) -> str:
        """The recording an address names. Raises `Refused` unless it is our account's, at the API we use."""
        found = _RECORDING.fullmatch(url.removeprefix(self.home)) if url.startswith(self.home) else None
        if not found:
            raise Refused("not an address of our account's recordings")
        return found[1]


def spoken(ticket: str) -> str:
    """A ticket as a voice should read it: digit by digit, with a pause after each."""
    return ", ".join(ticket)


def _say(
    script: VoiceResponse, desk: Desk, phrase: str, language: str, values: Mapping[str, Any] | None = None
) -> None:
    script.say(desk.phrase(phrase, language, values), language=VOICES[language])


def _twiml(script: VoiceResponse) -> web.Response:
    return web.Response(text=str(script), content_type="text/xml")


def _key(fields: MultiDict[str]) -> str:
    return f"call:{required(fields, 'CallSid')}"


def _caller(fields: MultiDict[str], language: str) -> dict[str, Any]:
    """What to remember of a call. A withheld number is nobody, never an identity."""
    number = fields.get("From", "")
    known = re.fullmatch(E164, number) and number not in WITHHELD
    return {"from": number if known else None, "line": fields.get("To") or None, "language": language}


def _recording_sid(fields: MultiDict[str]) -> str:
    """The recording's id; the request after a recording does not promise it, but its address ends with it."""
    if sid := fields.get("RecordingSid"):
        return sid[:64]
    if found := _RECORDING.search(fields.get("RecordingUrl", "")):
        return found[1]
    raise BadInput("RecordingSid is missing", "RecordingSid")


def _nth(request: web.Request) -> int:
    """Which try this is: ours to say, and signed, yet never trusted to be a number."""
    nth = request.query.get("try", "1")
    return int(nth) if re.fullmatch("[1-9]", nth) else 1


def _created(recording: Any) -> datetime | None:
    created: datetime | None = recording.date_created
    return created
