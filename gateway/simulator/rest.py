"""The carrier's REST API, version 2010-04-01, as far as a gateway for texts and calls uses it.

https://www.twilio.com/docs/usage/api
"""

from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.simulator import listing
from gateway.simulator.account import API_VERSION
from gateway.simulator.errors import ApiError, not_found
from gateway.simulator.faults import suffer
from gateway.simulator.network import Network
from gateway.simulator.rest_calls import CallsApi
from gateway.simulator.rest_messages import MessagesApi

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# As often as `webhooks.deliver` tries again, and after the same failures.
RETRIES = "#rc=1&rp=ct,rt,5xx"


class RestApi:
    """The API over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def routes(self) -> list[web.RouteDef]:
        """All paths of the API."""
        root = f"/{API_VERSION}/Accounts/{{account}}"
        texts, calls = MessagesApi(self._network), CallsApi(self._network)
        return [
            web.get(f"/{API_VERSION}/Accounts/{{account}}.json", self._guard(self._account)),
            web.post(f"{root}/Messages.json", self._guard(texts.send)),
            web.get(f"{root}/Messages.json", self._guard(texts.list)),
            web.get(f"{root}/Messages/{{sid}}.json", self._guard(texts.one)),
            web.get(f"{root}/Messages/{{sid}}/Media.json", self._guard(texts.files)),
            web.get(f"{root}/Messages/{{sid}}/Media/{{name}}", self._guard(texts.file)),
            web.delete(f"{root}/Messages/{{sid}}/Media/{{name}}", self._guard(texts.delete_file)),
            web.get("/media/{sid}", texts.stored),
            web.post(f"{root}/Calls.json", self._guard(calls.place)),
            web.get(f"{root}/Calls/{{sid}}.json", self._guard(calls.call)),
            web.get(f"{root}/Recordings.json", self._guard(calls.recordings)),
            web.get(f"{root}/Recordings/{{name}}", self._guard(calls.recording)),
            web.delete(f"{root}/Recordings/{{name}}", self._guard(calls.delete_recording)),
            web.get(f"{root}/IncomingPhoneNumbers.json", self._guard(self._numbers)),
            web.route("*", f"/{API_VERSION}/{{rest:.*}}", self._guard(self._nothing)),
        ]

    def _guard(self, handler: Handler) -> Handler:
        """Around every call: credentials, faults that were armed, and errors as JSON."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                self._check(request)
                armed = self._network.faults.next_for(sends=request.method == "POST")
                return await (suffer(armed, request, handler) if armed else handler(request))
            except ApiError as error:
                challenge = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if error.status == 401 else {}
                return web.json_response(error.describe(), status=error.status, headers=challenge)

        return guarded

    def _check(self, request: web.Request) -> None:
        account = self._network.account
        if not account.admits(request.headers.get("Authorization")):
            raise ApiError(20003, "Authenticate", status=401)
        if request.match_info.get("account", account.sid) != account.sid:
            raise not_found(request.path)

    async def _nothing(self, request: web.Request) -> web.Response:
        raise not_found(request.path)

    async def _account(self, request: web.Request) -> web.Response:
        account = self._network.account
        return web.json_response(
            {
                "sid": account.sid,
                "friendly_name": "Everyline simulator",
                "status": "active",
                "type": "Full",
                "date_created": format_datetime(clock.now()),
                "owner_account_sid": account.sid,
                "uri": f"{account.path}.json",
            }
        )

    async def _numbers(self, request: web.Request) -> web.Response:
        """Our one number, set up as a gateway on this machine needs it; the filter is a part of a number."""
        number = self._number()
        asked = listing.asked(request, "PhoneNumber")
        fits = asked.filters.get("PhoneNumber", "").strip() in number["phone_number"]
        rows = {number["sid"]: number} if fits else {}
        return listing.answer(request, "incoming_phone_numbers", rows, asked, more=False)

    def _number(self) -> dict[str, Any]:
        """https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource"""
        account, sid = self._network.account, "PN" + self._network.account.sid[2:]
        texts, calls = self._network.hook("sms_twilio/inbound"), self._network.hook("voice_twilio/answer")
        return {
            "sid": sid,
            "account_sid": account.sid,
            "phone_number": account.number,
            "friendly_name": account.number,
            "api_version": API_VERSION,
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
            "sms_url": texts + RETRIES,
            "sms_method": "POST",
            "sms_fallback_url": texts,
            "sms_fallback_method": "POST",
            "sms_application_sid": "",
            "voice_url": calls + RETRIES,
            "voice_method": "POST",
            "voice_fallback_url": calls,
            "voice_fallback_method": "POST",
            "voice_application_sid": "",
            "voice_caller_id_lookup": False,
            "voice_receive_mode": "voice",
            "trunk_sid": None,
            "status_callback": "",
            "status_callback_method": "POST",
            "origin": "twilio",
            "status": "in-use",
            "uri": f"{account.path}/IncomingPhoneNumbers/{sid}.json",
        }
