"""The carrier's API for calls and their recordings.

https://www.twilio.com/docs/voice/api/call-resource and /docs/voice/api/recording
"""

from xml.etree.ElementTree import ParseError

from aiohttp import web

from gateway.simulator import caller, listing, recordings
from gateway.simulator.account import is_number
from gateway.simulator.caller import LIFELIKE, Caller, CallLog
from gateway.simulator.calls import Call
from gateway.simulator.errors import ApiError, not_found
from gateway.simulator.network import Network
from gateway.simulator.recordings import Recording
from gateway.simulator.twiml import parse

FILTERS = ("CallSid", *(f"DateCreated{sign}" for sign in listing.SIGNS))


class CallsApi:
    """Calls and recordings over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def place(self, request: web.Request) -> web.Response:
        """Call a handset. It is picked up at once, and its owner hears and presses what he likes."""
        form, account = await request.post(), self._network.account
        to, sender, script = (str(form.get(name, "")) for name in ("To", "From", "Twiml"))
        if not is_number(to):
            raise ApiError(21211, f"The 'To' number {to} is not a valid phone number.")
        if sender != account.number:
            raise ApiError(21210, f"'From' phone number not verified: {sender}")
        try:
            document = parse(script)
        except ParseError:
            raise ApiError(21205, "Url is not a valid URL, and there is no TwiML") from None
        log, owner = CallLog(sender=sender, to=to, placed=True), Caller(pace=LIFELIKE)
        self._network.keep_call(log, owner)
        self._network.handsets.get(to).calls.append(log)
        self._network.spawn(Call(self._network, owner, log).run(document), f"call to {to}")
        return web.json_response(caller.describe(log, account), status=201)

    async def call(self, request: web.Request) -> web.Response:
        """One call."""
        log, _ = self._network.calls.get(request.match_info["sid"], (None, None))
        if log is None:
            raise not_found(request.path)
        return web.json_response(caller.describe(log, self._network.account))

    async def recordings(self, request: web.Request) -> web.Response:
        """All recordings, newest first."""
        asked = listing.asked(request, *FILTERS)
        try:
            days = listing.span(asked.filters, "DateCreated")
        except ValueError:
            raise listing.bad_date() from None
        call_sid = asked.filters.get("CallSid")

        def includes(recording: Recording) -> bool:
            return call_sid in (None, recording.call_sid) and days.includes(recording.started)

        found, more = listing.page(self._network.recordings, includes, asked.size, asked.after)
        rows = {sid: recordings.describe(recording, self._network.account) for sid, recording in found.items()}
        return listing.answer(request, "recordings", rows, asked, more)

    async def recording(self, request: web.Request) -> web.Response:
        """One recording: described with `.json`, else its sound, once it is processed."""
        sid, _, kind = request.match_info["name"].partition(".")
        recording = self._network.recordings.get(sid)
        if recording is None or kind not in ("", "wav", "json"):
            raise not_found(request.path)
        if kind == "json":
            return web.json_response(recordings.describe(recording, self._network.account))
        if not recording.ready:
            raise not_found(request.path)
        return web.Response(body=recording.wav, content_type="audio/x-wav")

    async def delete_recording(self, request: web.Request) -> web.Response:
        """Forget a recording."""
        if self._network.recordings.pop(request.match_info["name"].removesuffix(".json"), None) is None:
            raise not_found(request.path)
        return web.Response(status=204)
