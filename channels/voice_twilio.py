"""The hotline through Twilio: the one spoken script (`channels._call`), live or by recordings.

Live, Twilio opens a stream of sound both ways (`channels._twilio_live`); else it asks step by step what to play and
record (`channels._twilio_recorded`). All that is known of a call lies at the desk, so any process may serve any step.
The carrier may tell of one recording twice (`recorded` and `recording`): both are taken, and are one. One it could not
tell of is found in its list.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict
from twilio.twiml.voice_response import Gather, VoiceResponse  # type: ignore[import-untyped]

from channels import _left
from channels._call_messages import report
from channels._call_state import Call, CallSettings
from channels._http import Absent
from channels._turn import Said
from channels._twilio import E164, TwilioChannel, TwilioSettings, required
from channels._twilio_lists import Found, Listing, Page
from channels._twilio_live import ONWARD, STREAM, LiveCalls
from channels._twilio_number import Entrance
from channels._twilio_recorded import DIALLED, RECORDED, RECORDING, TURN, VOICES, RecordedCalls, told
from channels.base import Capabilities, Fetched, Guard, Route, Surroundings
from channels.desk import Desk
from channels.failures import RecipientGone, Refused
from gateway.errors import BadInput
from gateway.schema_incoming import IncomingMedia, Taken

ANSWER = "/hooks/voice_twilio/answer"
CLAIMED = "/hooks/voice_twilio/claimed"
# What is read to somebody called: twice, each time with so many seconds for a key.
READINGS, KEY_SECONDS, RING_SECONDS = 2, 8, 30
_REFERENCE = re.compile(r"[0-9a-f]{64}")
MEDIA_TYPE = "audio/x-wav"
# What Twilio puts in place of a withheld number: ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE and UNKNOWN, as spelled
# on a telephone's keys (help.twilio.com: "Why am I getting calls from these strange numbers?").
WITHHELD = frozenset({"+266696687", "+2562533", "+7378742833", "+86282452253", "+8656696"})
# The states of a recording that will still change (twilio.com/docs/voice/api/recording#recording-status-values).
UNFINISHED = frozenset({"in-progress", "paused", "stopped", "processing"})

_PAGE = 100
_RECORDING = re.compile(r"/Recordings/(RE[0-9a-zA-Z]{32})(?:\.wav)?$")


class VoiceSettings(TwilioSettings, CallSettings):
    """`[voice_twilio]`: whether calls are held live, as streams of sound, or led by recordings."""

    live: bool = False


class Adapter(TwilioChannel):
    """Twilio's calls: recorded, fetched, forgotten there."""

    name = "voice_twilio"
    entrance = Entrance("voice", "A call comes in", ANSWER)
    capabilities = Capabilities(receives=True, media=(MEDIA_TYPE,), rings=True)
    Settings = VoiceSettings

    def __init__(self, settings: VoiceSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._longest = settings.longest
        self._live = settings.live
        self._recorded_calls = RecordedCalls(self.name, settings, self.url)
        self._calls = LiveCalls(self.name, self.account_sid, settings, self.url, self._recorded_calls.begin)

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The steps of a call."""
        steps = {
            ANSWER: self._answer,
            TURN: self._turn,
            RECORDED: self._recorded,
            RECORDING: self._recording,
            DIALLED: self._dialled,
            CLAIMED: self._claimed,
        }
        if self._live:
            steps[ONWARD] = self._onward
        routes = [Route("POST", path, Guard.SIGNATURE, partial(step, desk)) for path, step in steps.items()]
        if self._live:
            routes.append(Route("GET", STREAM, Guard.SIGNATURE, partial(self._calls.stream, desk)))
        return routes

    async def ring(self, address: str, words: str, thanks: str, language: str, reference: str) -> None:
        """Have Twilio call a number; what to say goes with the request, so that nothing need be kept for it."""
        number = address.removeprefix("tel:")
        if not re.fullmatch(E164, number):
            raise RecipientGone("not a telephone number")
        script, said = VoiceResponse(), {"reference": reference, "thanks": thanks, "language": language}
        action = self.url(f"{CLAIMED}?{urlencode(said)}")
        for _ in range(READINGS):
            gather = Gather(num_digits=1, timeout=KEY_SECONDS, action=action, method="POST")
            gather.say(words, language=VOICES[language])
            script.append(gather)
        script.hangup()
        await self.call(
            self.account.calls.create_async(to=number, from_=self.number, twiml=str(script), timeout=RING_SECONDS)
        )

    async def hang_up(self) -> None:
        """Break off what is held live; Twilio asks what is to become of it, and finds whoever serves then."""
        await self._calls.hang_up()

    async def run(self, desk: Desk) -> None:
        """Catch up with recordings nobody told us of, and with what was said in live calls that broke off."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._catch_up(desk), name=f"{self.name} recordings")
            if self._live:
                group.create_task(_left.keep_taking(desk, self.name), name=f"{self.name} tapes")

    async def _catch_up(self, desk: Desk) -> None:
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

    async def _claimed(self, desk: Desk, request: web.Request) -> web.Response:
        """The key somebody pressed whom we called; the address was signed, and so is what it says."""
        fields, query, script = await self.fields(request), request.query, VoiceResponse()
        reference, language = query.get("reference", ""), query.get("language", "")
        if fields.get("Digits") == "1" and _REFERENCE.fullmatch(reference):
            await desk.claim(reference)
            script.say(query.get("thanks", ""), language=VOICES.get(language, VOICES[self.city.language]))
        script.hangup()
        return _twiml(str(script))

    async def _answer(self, desk: Desk, request: web.Request) -> web.Response:
        call = self._caller(await self.fields(request))
        begin = self._calls.begin if self._live else self._recorded_calls.begin
        return _twiml(await begin(desk, call))

    async def _turn(self, desk: Desk, request: web.Request) -> web.Response:
        fields, number = await self.fields(request), request.query.get("turn", "")
        call = await self._call(desk, fields)
        return _twiml(await self._recorded_calls.turn(desk, call, number, fields.get("Digits", "")))

    async def _dialled(self, desk: Desk, request: web.Request) -> web.Response:
        fields, number = await self.fields(request), request.query.get("turn", "")
        call, status = await self._call(desk, fields), fields.get("DialCallStatus", "")
        return _twiml(await self._recorded_calls.dialled(desk, call, number, status))

    async def _recorded(self, desk: Desk, request: web.Request) -> web.Response:
        fields, number = await self.fields(request), request.query.get("turn", "")
        call = told(request, await self._call(desk, fields))
        said = self._said(fields, call, (await request.read()).decode())
        hung_up = fields.get("Digits") == "hangup"
        document = await self._recorded_calls.recorded(desk, call, number, said, hung_up=hung_up)
        self.known.add(_recording_sid(fields))
        return _twiml(document)

    async def _recording(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        if required(fields, "RecordingStatus") == "completed":
            call = told(request, await self._call(desk, fields))
            await self._take(desk, call, self._said(fields, call, (await request.read()).decode()))
            await desk.media_ready(self.name, _recording_sid(fields))
        return web.Response(status=204)

    async def _take_listed(self, desk: Desk, recording: Any) -> Found:
        """Take one recording of Twilio's list, if it is finished and was made in a call to our number."""
        if recording.status in UNFINISHED:
            return Found.UNFINISHED
        sid = str(recording.call_sid)
        given = {"RecordingSid": recording.sid, "CallSid": sid, "RecordingStatus": "completed"}
        fields = MultiDict({**given, "RecordingUrl": f"{self.home}/Recordings/{recording.sid}"})
        if recording.status != "completed" or recording.source != "RecordVerb":
            return Found.FOREIGN
        call = await self._recorded_calls.known(desk, sid) or await self._call_at_twilio(sid)
        if call is None:
            return Found.FOREIGN
        if await desk.recall(self.name, f"asks_back:{sid}"):
            call = replace(call, asks_back=True)
        taken = await self._take(desk, call, self._said(fields, call, urlencode(fields)))
        if taken.repeated:
            return Found.KNOWN
        await desk.media_ready(self.name, recording.sid)
        return Found.NEW

    async def _call_at_twilio(self, sid: str) -> Call | None:
        """What Twilio knows of a call; None when it was not to our number, so that nobody else's is taken."""
        try:
            call = await self.call(self.account.calls(sid).fetch_async())
        except Absent:
            return None
        if call.direction != "inbound" or call.to != self.number:
            return None
        return self._caller(MultiDict({"CallSid": sid, "From": str(call._from or ""), "To": call.to}))

    async def _take(self, desk: Desk, call: Call, said: Said) -> Taken:
        """Take one recording, told of by a webhook beside the call or found in the list."""
        taken = await desk.take(report(call, said))
        if said.media:
            self.known.add(said.media.external_id)
        return taken

    def _said(self, fields: MultiDict[str], call: Call, raw: str) -> Said:
        sid, url = _recording_sid(fields), fields.get("RecordingUrl", "")
        return Said(None, IncomingMedia(sid, url, MEDIA_TYPE, call.language), 0.0, raw)

    async def _call(self, desk: Desk, fields: MultiDict[str]) -> Call:
        """What is known of a call; when that was lost, what this request says of it."""
        return await self._recorded_calls.known(desk, required(fields, "CallSid")) or self._caller(fields)

    def _caller(self, fields: MultiDict[str]) -> Call:
        """A call as a request tells it. A withheld number is nobody, never an identity."""
        number = fields.get("From", "")
        known = re.fullmatch(E164, number) and number not in WITHHELD
        return Call(
            channel=self.name,
            id=required(fields, "CallSid"),
            address=f"tel:{number}" if known else None,
            line=fields.get("To") or None,
            language=self.city.language,
        )

    def _sid(self, url: str) -> str:
        """The recording an address names. Raises `Refused` unless it is our account's, at the API we use."""
        found = _RECORDING.fullmatch(url.removeprefix(self.home)) if url.startswith(self.home) else None
        if not found:
            raise Refused("not an address of our account's recordings")
        return found[1]


def _twiml(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")


def _recording_sid(fields: MultiDict[str]) -> str:
    """The recording's id; the request after a recording does not promise it, but its address ends with it."""
    if sid := fields.get("RecordingSid"):
        return sid[:64]
    if found := _RECORDING.search(fields.get("RecordingUrl", "")):
        return found[1]
    raise BadInput("RecordingSid is missing", "RecordingSid")


def _created(recording: Any) -> datetime | None:
    created: datetime | None = recording.date_created
    return created
