"""What the channels of Twilio share: settings, the signature of its webhooks, and calls of its API.

The SDK builds the requests and reads the answers; the wire beneath it is ours, because the SDK's own ignores its time
limit, can repeat a message on its own account, and knows only one address of the API.
"""

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import parse_qs, urlencode

from aiohttp import ClientSession, encode_basic_auth, web
from multidict import MultiDict
from pydantic import Field, SecretStr, field_validator
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.request_validator import (  # type: ignore[import-untyped]
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)
from twilio.rest import Client  # type: ignore[import-untyped]
from yarl import URL

from channels._http import Absent, Answer, Oversized, ask, failure, form, patience
from channels._twilio_files import download
from channels._twilio_lists import OVERLAP, CatchingUp, Known, Listed, Listing, Page
from channels._twilio_number import Entrance, advice
from channels.base import Channel, ChannelSettings, Fetched, Health, Standing, Surroundings
from channels.desk import Desk
from channels.failures import Failure, Misconfigured, OptedOut, RecipientGone, Refused, RetryLater, Throttled, Unknown
from gateway.errors import BadInput, NotAllowed

T = TypeVar("T")

API = "https://api.twilio.com"
E164 = r"^\+[1-9][0-9]{6,14}$"

_SECONDS = 15.0
_PAGE = 50
_LONGEST_ID = 64
_CLOSED = {"10001", "20005", "30002", "90010"}

# Twilio's own codes, where they say more than the HTTP status (twilio.com/docs/api/errors). What is in neither is
# judged by its status. Misconfigured stops the whole line, so it is only what every message would meet.
_CODES: Mapping[str, type[Failure]] = {
    "10001": Misconfigured,  # account not active
    "14107": Refused,  # loop guard: 30 messages between two numbers within 30 s
    "20003": Misconfigured,  # wrong credentials
    "20005": Misconfigured,  # account not active
    "20008": Misconfigured,  # test credentials
    "20429": Throttled,
    "21211": RecipientGone,  # not a telephone number
    "21212": Misconfigured,  # our number is not one
    "21217": RecipientGone,  # not a telephone number
    "21265": RecipientGone,  # a short code
    "21266": Refused,  # to ourselves
    "21408": Refused,  # the account may not send to this region
    "21601": Misconfigured,  # our number cannot send
    "21603": Misconfigured,  # no number to send from
    "21606": Misconfigured,  # our number cannot send
    "21607": Misconfigured,  # our number cannot send
    "21608": Refused,  # trial account, recipient not verified
    "21609": Misconfigured,  # our status address is not usable
    "21610": OptedOut,
    "21611": Throttled,  # our number's queue is full (10 hours)
    "21612": RecipientGone,  # cannot be reached from our number
    "21614": RecipientGone,  # not a mobile number
    "21617": Refused,  # longer than 1600 characters
    "21635": RecipientGone,  # a landline
    "21659": Misconfigured,  # our number is not Twilio's
    "21660": Misconfigured,  # our number is another account's
    "30002": Misconfigured,  # account suspended
    "63038": Throttled,  # the account's limit for today
    "90010": Misconfigured,  # account not active
}


class TwilioSettings(ChannelSettings):
    """The account, the same for all channels of Twilio, and how each catches up with what did not come by itself.

    `auth_token` may hold several, separated by commas, while one replaces another (or a webhook key beside it): the
    first signs our calls, any may have signed theirs.
    """

    ENVIRONMENT: ClassVar[Mapping[str, str]] = {
        "account_sid": "EVERYLINE_TWILIO_ACCOUNT_SID",
        "auth_token": "EVERYLINE_TWILIO_AUTH_TOKEN",
        "number": "EVERYLINE_TWILIO_NUMBER",
        "api_url": "EVERYLINE_TWILIO_API_URL",
    }

    account_sid: Annotated[str, Field(pattern="^AC[0-9a-fA-F]{32}$")]
    auth_token: SecretStr
    number: Annotated[str, Field(pattern=E164)]
    api_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")] = API
    catch_up_minutes: int = Field(5, ge=0, le=1440)
    look_back_hours: int = Field(24, ge=0, le=720)

    @field_validator("auth_token")
    @classmethod
    def _some(cls, value: SecretStr) -> SecretStr:
        if not _split(value):
            raise ValueError("give at least one token")
        return value

    @field_validator("api_url")
    @classmethod
    def _bare(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def tokens(self) -> list[str]:
        """The tokens, the one for our own calls first."""
        return _split(self.auth_token)


class TwilioChannel(Channel):
    """A channel that Twilio carries. `entrance` is the use of our number that brings it what citizens say."""

    carrier = "twilio"
    entrance: ClassVar[Entrance]
    Settings = TwilioSettings

    def __init__(self, settings: TwilioSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self.account_sid, self.number, self.api_url = settings.account_sid, settings.number, settings.api_url
        self._tokens = settings.tokens
        self._every = timedelta(minutes=settings.catch_up_minutes)
        self._look_back = timedelta(hours=settings.look_back_hours)
        self.known = Known()
        wire = _Wire(around.http, self.api_url)
        # A filled `environment` keeps the SDK from reading the process's own for another host.
        client = Client(self.account_sid, self._tokens[0], http_client=wire, environment={"TWILIO_EDGE": ""})
        self.account: Any = client.api.v2010.accounts(self.account_sid)

    async def authentic(self, request: web.Request) -> bool:
        """Whether Twilio signed this request, for the public URL of the settings and the path as it came.

        A WebSocket is signed with its own scheme.
        """
        signature = request.headers.get(SIGNATURE_HEADER)
        if not signature:
            return False
        try:
            params = await form(request)
        except BadInput:
            if not hash_fits(request.query_string, await request.read()):
                return False
            params = MultiDict()
        algorithm = get_signature_algorithm(request.headers.get(SIGNATURE_SETTINGS_HEADER))
        url = self.url(request.raw_path)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            url = socket_url(url)
        return signed(self._tokens, url, params, signature, algorithm)

    async def check(self) -> Health:
        """Prove the credentials by reading the account, and see how our number is set up there."""
        try:
            account = await self.call(self.account.fetch_async())
            if account.status != "active":
                return Health(Standing.NEVER, f"the Twilio account is {str(account.status)[:20]}")
            return await self._number()
        except (Misconfigured, Refused) as failed:
            if failed.code in _CLOSED:
                return Health(Standing.NEVER, f"Twilio says the account is not active (error {failed.code})")
            return Health(Standing.ASK, f"Twilio refuses the account SID and token ({failed.detail})")
        except Failure as failed:
            return Health(Standing.LATER, f"Twilio cannot be reached now ({failed.detail})")

    def url(self, path: str) -> str:
        """One of our own addresses as Twilio calls it."""
        return self.city.public_url.rstrip("/") + path

    @property
    def home(self) -> str:
        """The address that all that is our account's begins with."""
        return f"{self.api_url}/2010-04-01/Accounts/{self.account_sid}"

    async def call(self, asking: Awaitable[T]) -> T:
        """The SDK's answer to one call; an answer it cannot read is `Unknown`, for the call was carried out."""
        try:
            return await asking
        except (TwilioException, ValueError, TypeError, LookupError, AttributeError):
            raise Unknown("Twilio's answer makes no sense") from None

    async def fields(self, request: web.Request) -> MultiDict[str]:
        """The fields of a webhook of this account. Raises `BadInput`, and `NotAllowed` for another account's."""
        fields = await form(request)
        if fields.get("AccountSid") != self.account_sid:
            raise NotAllowed("this gateway serves another Twilio account")
        return fields

    async def bring(self, url: str, most_bytes: int) -> Fetched:
        """A file that Twilio holds, from an address the channel has found to be our account's.

        Raises `RetryLater` while it is not there, `Refused` when it never will be.
        """
        proof = encode_basic_auth(self.account_sid, self._tokens[0])
        try:
            answer = await download(self.http, URL(url), home=URL(self.api_url), proof=proof, most_bytes=most_bytes)
            if trouble := failed(answer):
                raise trouble
        except Failure as error:
            # Wrong credentials pass too, once somebody mends them: a file is not given up for that.
            if isinstance(error, Throttled) or (isinstance(error, Refused) and not isinstance(error, Absent)):
                raise
            raise RetryLater(f"the file cannot be had yet ({error.detail})", error.code) from None
        return Fetched(answer.body, answer.headers.get("Content-Type", "").partition(";")[0].strip().lower())

    async def catch_up(self, desk: Desk, listing: Listing[Any], longest: timedelta = timedelta()) -> None:
        """Look at a list of what came, at once and every few minutes; returns at once when the settings forbid it.

        `longest` is how long after the moment it is filed under a thing may be finished.
        """
        if self._every:
            looks = CatchingUp(
                self.name,
                desk,
                listing,
                self.known,
                position=f"listed:{self.account_sid}:{self.number}",
                every=self._every,
                look_back=self._look_back,
                overlap=OVERLAP + longest,
            )
            await looks.run()

    async def page(self, asking: Awaitable[Any], filed: Callable[[Any], datetime | None]) -> Page[Any]:
        """One page of a list of the SDK; `filed` is the moment a thing stands in the list under."""
        return await self.call(_read(await self.call(asking), filed))

    async def _number(self) -> Health:
        numbers = self.account.incoming_phone_numbers
        listed = await self.call(numbers.page_async(phone_number=self.number, page_size=_PAGE))
        ours = [number for number in await self.call(_all(listed)) if number.phone_number == self.number]
        if not ours:
            return Health(Standing.ASK, f"the Twilio account has no number {self.number}: see EVERYLINE_TWILIO_NUMBER")
        todo = advice(ours[0], self.entrance, self.url(self.entrance.path))
        return Health(Standing.READY, "\n".join(["Twilio knows the account and its number", *todo]))


def signed(tokens: list[str], url: str, params: MultiDict[str], signature: str, algorithm: str | None = None) -> bool:
    """Whether one of the tokens signed this URL with these fields.

    Source: twilio.com/docs/usage/webhooks/webhooks-security. Twilio itself is not consistent about naming the port in
    the URL, so both ways count. The SDK computes; its comparison and its handling of ports are not safe to use.
    """
    given = signature.encode(errors="surrogateescape")
    try:
        return any(
            hmac.compare_digest(RequestValidator(token).compute_signature(way, params, algorithm).encode(), given)
            for token in tokens
            for way in _with_and_without_port(url)
        )
    except ValueError:  # an algorithm nobody knows, or bytes in the path that are no text
        return False


def socket_url(url: str) -> str:
    """An address as a WebSocket is opened to it: wss for https, and ws for a gateway tried out on one machine."""
    return re.sub("^http", "ws", url)


def hash_fits(query: str, body: bytes) -> bool:
    """Whether a body that is not a form is the one whose hash stands in the (signed) query."""
    named = parse_qs(query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(named.encode(errors="surrogatepass"), hashlib.sha256(body).hexdigest().encode())


def required(fields: Mapping[str, str], name: str) -> str:
    """A carrier's id that must be there. Raises `BadInput`."""
    value = fields.get(name, "")
    if not 0 < len(value) <= _LONGEST_ID:
        raise BadInput(f"{name} is missing or too long", name)
    return value


def failed(answer: Answer) -> Failure | None:
    """What an answer of the API means; None when it went well. Twilio's words stay out: they name numbers."""
    general = failure(answer.status, answer.headers)
    code = _code(answer.body) if general and 400 <= answer.status < 500 else None
    kind = _CODES.get(code or "")
    if general is None or code is None:
        return general
    if kind is Throttled or isinstance(general, Throttled):
        return Throttled(f"Twilio error {code}", code, patience(answer.headers))
    return (kind or type(general))(f"Twilio error {code}", code)


class _Wire(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's way out: our own session, our own limits, no repeats; failures leave as ours."""

    def __init__(self, http: ClientSession, api_url: str) -> None:
        super().__init__(logging.getLogger(__name__), True)
        self._http = http
        self._api_url = api_url

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Carry one request; raises what `channels.failures` fits, and answers only with a JSON object or nothing."""
        proof = {"Authorization": encode_basic_auth(*auth)} if auth else {}
        try:
            answer = await ask(
                self._http,
                method,
                self._api_url + uri.removeprefix(API),
                seconds=_SECONDS,
                headers={**(headers or {}), **proof},
                params={name: str(value) for name, value in (params or {}).items()},
                data=urlencode(data, doseq=True).encode() if data else None,
            )
        except Oversized:
            raise Unknown("Twilio's answer is too long") from None
        if trouble := failed(answer):
            raise trouble
        if method != "DELETE" and not isinstance(_json(answer.body), dict):
            raise Unknown("Twilio's answer makes no sense")
        return Response(answer.status, answer.body.decode(errors="replace"), answer.headers)


async def _all(page: Any) -> list[Any]:
    return list(page)


async def _read(page: Any, filed: Callable[[Any], datetime | None]) -> Page[Any]:
    """A page of the SDK as ours; one row that cannot be read makes it unreadable."""
    rows = [(row, filed(row)) for row in page]
    if any(at is None or not row.sid for row, at in rows):
        raise ValueError("a row without id or date")
    return Page([Listed(row.sid, at, row) for row, at in rows if at], page.next_page_url)


def _with_and_without_port(url: str) -> tuple[str, str]:
    """Both ways to write a URL, the given one first. By pattern: all but the port must stay byte for byte."""
    parts = re.fullmatch(r"(https?|wss?)(://[^/?#]*?)(:[0-9]+)?([/?#].*)?", url, re.DOTALL)
    if not parts:
        return url, url
    scheme, host, port, rest = parts.groups(default="")
    if port:
        return url, f"{scheme}{host}{rest}"
    return url, f"{scheme}{host}{':443' if scheme in ('https', 'wss') else ':80'}{rest}"


def _code(body: bytes) -> str | None:
    """Twilio's error code out of an answer's body."""
    content = _json(body)
    code = content.get("code") if isinstance(content, dict) else None
    return str(code) if type(code) is int and 0 < code < 1_000_000 else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _split(tokens: SecretStr) -> list[str]:
    return [token.strip() for token in tokens.get_secret_value().split(",") if token.strip()]
