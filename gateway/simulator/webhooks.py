"""The carrier's requests to the gateway: signed as Twilio signs them, bounded, never leaving this machine.

https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urldefrag, urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, ClientWSTimeout
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the library has no types
from yarl import URL

from gateway.simulator.account import is_local

# Twilio's own limits: 15 s for one request, 64 kB for one document.
TIMEOUT = 15.0
LARGEST_ANSWER = 64 * 1024
MOST_RETRIES = 5
# How long the other end of a closing stream is waited for.
CLOSING = ClientWSTimeout(ws_close=1.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered; `status` is 0 when it did not."""

    status: int
    text: str = ""
    type: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the gateway took what it was told."""
        return 200 <= self.status < 300

    @property
    def failed(self) -> bool:
        """Whether it is worth to try again: no answer, or a fault of the gateway."""
        return self.status == 0 or self.status >= 500


NO_ANSWER = Answer(0)


def retries(url: str) -> int:
    """How often a request that fails is to be made again, as the fragment of its address says (`rc`): 5 at the most."""
    count = parse_qs(urldefrag(url).fragment).get("rc", ["0"])[0]
    return min(int(count), MOST_RETRIES) if count.isdecimal() else 0


class Webhooks:
    """Sends signed requests. `timeout` is in seconds, for one request as a whole."""

    def __init__(self, token: str, timeout: float = TIMEOUT) -> None:
        self._validator, self._timeout = RequestValidator(token), timeout
        self._session = ClientSession(timeout=ClientTimeout(total=timeout))

    async def request(
        self, url: str, parameters: Mapping[str, str], *, method: str = "POST", idempotency: str | None = None
    ) -> Answer:
        """Make one request and give back what was answered; failures of the network are an answer too."""
        url = urldefrag(url).url
        if not is_local(url):
            return NO_ANSWER
        body: Mapping[str, str] | None = parameters
        if method == "GET":
            url, body = f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}", None
        headers = {
            "X-Twilio-Signature": self._validator.compute_signature(url, body or {}),
            "User-Agent": "TwilioProxy/1.1",
        }
        if idempotency:
            headers["I-Twilio-Idempotency-Token"] = idempotency
        try:
            return await self._exchange(method, url, body, headers)
        except (ClientError, TimeoutError, ValueError):
            return NO_ANSWER

    async def connect(self, url: str, largest: int) -> ClientWebSocketResponse:
        """Open a signed WebSocket to the gateway. Raises ClientError and TimeoutError.

        What is signed is the address as it stands, with its `ws` or `wss`.
        """
        headers = {
            "X-Twilio-Signature": self._validator.compute_signature(url, {}),
            "User-Agent": "TwilioProxy/1.1",
        }
        async with asyncio.timeout(self._timeout):
            return await self._session.ws_connect(
                URL(url, encoded=True), headers=headers, max_msg_size=largest, timeout=CLOSING
            )

    async def deliver(self, url: str, parameters: Mapping[str, str], pause: float) -> list[Answer]:
        """Tell the gateway something, once more after a pause if it fails (Twilio's default); all answers, in order."""
        token = secrets.token_hex(16)
        answers = [await self.request(url, parameters, idempotency=token)]
        if answers[0].failed:
            await asyncio.sleep(pause)
            answers.append(await self.request(url, parameters, idempotency=token))
        return answers

    async def close(self) -> None:
        """Let go of all connections."""
        await self._session.close()

    async def _exchange(
        self, method: str, url: str, body: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Answer:
        # encoded=True: the bytes on the wire must be the ones that were signed.
        request = self._session.request(
            method, URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
        )
        async with request as response:
            try:
                await response.content.readexactly(LARGEST_ANSWER + 1)
            except asyncio.IncompleteReadError as whole:
                return Answer(response.status, whole.partial.decode("utf-8", "replace"), response.content_type)
        return NO_ANSWER
