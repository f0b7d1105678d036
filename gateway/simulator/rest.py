"""The carrier's REST API, version 2010-04-01, as far as a gateway for texts and calls uses it.

https://www.twilio.com/docs/usage/api
"""

from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from gateway import clock
from gateway.simulator import messages, recordings, texting
from gateway.simulator.account import API_VERSION
from gateway.simulator.errors import ApiError, not_found
from gateway.simulator.faults import suffer
from gateway.simulator.network import Network

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FILTERS = ("To", "From", "DateSent", "DateSent>", "DateSent<")
USUAL_PAGE, LARGEST_PAGE = 50, 1000


class RestApi:
    """The API over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def routes(self) -> list[web.RouteDef]:
        """All paths of the API."""
        root = f"/{API_VERSION}/Accounts/{{account}}"
        return [
            web.get(f"/{API_VERSION}/Accounts/{{account}}.json", self._guard(self._account)),
            web.post(f"{root}/Messages.json", self._guard(self._send)),
            web.get(f"{root}/Messages.json", self._guard(self._list)),
            web.get(f"{root}/Messages/{{sid}}.json", self._guard(self._message)),
            web.get(f"{root}/Recordings/{{name}}", self._guard(self._recording)),
            web.delete(f"{root}/Recordings/{{name}}", self._guard(self._delete_recording)),
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

    async def _send(self, request: web.Request) -> web.Response:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        message = texting.accept(self._network, form)
        return web.json_response(messages.describe(message, self._network.account), status=201)

    async def _message(self, request: web.Request) -> web.Response:
        message = self._network.log.get(request.match_info["sid"])
        if message is None:
            raise not_found(request.path)
        return web.json_response(messages.describe(message, self._network.account))

    async def _list(self, request: web.Request) -> web.Response:
        """Newest first. A page token is the id of the last message of the page before, so that what arrives
        meanwhile moves nothing to another page."""
        filters = {name: request.query[name] for name in FILTERS if name in request.query}
        size, page = _number(request, "PageSize", USUAL_PAGE), _number(request, "Page", 0)
        size = max(1, min(size, LARGEST_PAGE))
        after = request.query.get("PageToken", "").removeprefix("PA") or None
        try:
            found, more = self._network.log.page(filters, size, after)
        except ValueError:
            raise ApiError(20001, "Invalid date in filter") from None
        listed = [messages.describe(message, self._network.account) for message in found]
        following = {"Page": page + 1, "PageToken": f"PA{found[-1].sid}"} if more else None
        return self._paged(request, "messages", listed, filters, size, page, following)

    async def _numbers(self, request: web.Request) -> web.Response:
        account = self._network.account
        number = {
            "sid": "PN" + account.sid[2:],
            "account_sid": account.sid,
            "phone_number": account.number,
            "friendly_name": account.number,
            "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False},
            "sms_url": self._network.hook("sms_twilio/inbound"),
            "sms_method": "POST",
            "voice_url": self._network.hook("voice_twilio/answer"),
            "voice_method": "POST",
            "status": "in-use",
            "uri": f"{account.path}/IncomingPhoneNumbers/PN{account.sid[2:]}.json",
        }
        wanted = request.query.get("PhoneNumber", account.number)
        listed = [number] if wanted == account.number else []
        return self._paged(request, "incoming_phone_numbers", listed, {}, USUAL_PAGE, 0, None)

    def _paged(
        self,
        request: web.Request,
        name: str,
        listed: list[dict[str, Any]],
        filters: dict[str, str],
        size: int,
        page: int,
        following: dict[str, Any] | None,
    ) -> web.Response:
        def uri(values: dict[str, Any]) -> str:
            return f"{request.path}?{urlencode({**filters, 'PageSize': size, **values})}"

        return web.json_response(
            {
                name: listed,
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(0, len(listed) - 1),
                "uri": request.path_qs,
                "first_page_uri": uri({"Page": 0}),
                "next_page_uri": uri(following) if following else None,
                "previous_page_uri": uri({"Page": page - 1}) if page else None,
            }
        )

    async def _recording(self, request: web.Request) -> web.Response:
        sid, _, kind = request.match_info["name"].partition(".")
        recording = self._network.recordings.get(sid)
        if recording is None or kind not in ("", "wav", "json"):
            raise not_found(request.path)
        if kind == "json":
            return web.json_response(recordings.describe(recording, self._network.account))
        if not recording.ready:
            raise not_found(request.path)
        return web.Response(body=recording.wav, content_type="audio/x-wav")

    async def _delete_recording(self, request: web.Request) -> web.Response:
        if self._network.recordings.pop(request.match_info["name"].removesuffix(".json"), None) is None:
            raise not_found(request.path)
        return web.Response(status=204)


def _number(request: web.Request, name: str, default: int) -> int:
    value = request.query.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 7 else default
