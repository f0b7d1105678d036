"""A carrier that keeps a ledger: it speaks Twilio's API on a real socket, misbehaves as it is told, and sends receipts.

Nothing of it is the project's own simulator: what the gateway believes is compared with what this ledger holds.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.process.gateway import free_port
from tests.process.twilio import ACCOUNT, signature

MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
STATUS = "/hooks/sms_twilio/status"
# How often a receipt is repeated that no gateway took.
TRIES = 200


class Mood(StrEnum):
    """What becomes of a message handed in: `DIES` and `HANGS` have accepted it before."""

    WORKS = "works"
    THROTTLES = "throttles"
    FAILS = "fails"
    HANGS = "hangs"
    DIES = "dies"


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message in the ledger."""

    sid: str
    to: str
    body: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Carrier:
    """`url` is what the gateway signs with; `ports` where its processes listen; `share` of the calls meet the mood."""

    def __init__(self, url: str) -> None:
        self.ledger: dict[str, Accepted] = {}
        self.met: Counter[Mood] = Counter()
        self.mood, self.share = Mood.WORKS, 1.0
        self.receipts = 1
        self.ports: list[int] = []
        self.port = free_port()
        self._url = url
        self._runner: web.AppRunner | None = None
        self._http: ClientSession | None = None
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; what the ledger holds stays."""
        app = web.Application()
        app.router.add_post(MESSAGES, self._accept)
        app.router.add_get(MESSAGES, self._list)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self._http = self._http or ClientSession(timeout=ClientTimeout(total=5))

    async def stop(self) -> None:
        """Refuse connections."""
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    async def close(self) -> None:
        """Stop, and tell nothing more."""
        await self.stop()
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        if self._http:
            await self._http.close()

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        mood = self.mood if random.random() < self.share else Mood.WORKS
        self.met[mood] += 1
        if mood is Mood.THROTTLES:
            return web.json_response({"code": 20429}, status=429, headers={"Retry-After": "1"})
        if mood is Mood.FAILS:
            return web.json_response({"code": 20500}, status=500)
        message = Accepted(f"SM{len(self.ledger) + 1:032x}", fields["To"], fields["Body"])
        self.ledger[message.sid] = message
        task = asyncio.create_task(self._tell(message.sid))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        if mood is Mood.HANGS:
            await asyncio.sleep(30)
        if mood is Mood.DIES and request.transport:
            request.transport.abort()
        return web.json_response(_described(message), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        to = request.query.get("To")
        found = [_described(one) for one in reversed(self.ledger.values()) if to in (None, one.to)]
        size = int(request.query.get("PageSize", "50"))
        return web.json_response({"messages": found[:size], "next_page_uri": None})

    async def _tell(self, sid: str) -> None:
        """Say that a message has arrived, again and again until a gateway hears it, and then as often as told."""
        fields = {"AccountSid": ACCOUNT, "MessageSid": sid, "MessageStatus": "delivered"}
        headers = {"X-Twilio-Signature": signature(self._url + STATUS, fields)}
        heard = 0
        for _ in range(TRIES):
            if heard >= self.receipts:
                return
            with contextlib.suppress(ClientError, OSError, TimeoutError):
                heard += await self._post(fields, headers)
            await asyncio.sleep(random.uniform(0, 0.2))

    async def _post(self, fields: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        assert self._http
        url = f"http://127.0.0.1:{random.choice(self.ports)}{STATUS}"
        async with self._http.post(url, data=fields, headers=headers) as answer:
            return answer.status < 300


def twice(ledger: Sequence[Accepted]) -> list[str]:
    """Which words reached one number more than once."""
    return [f"{to} {body}" for (to, body), count in Counter((one.to, one.body) for one in ledger).items() if count > 1]


def _described(message: Accepted) -> dict[str, Any]:
    at = format_datetime(message.at)
    return {
        "account_sid": ACCOUNT,
        "body": message.body,
        "date_created": at,
        "date_sent": at,
        "date_updated": at,
        "direction": "outbound-api",
        "from": "+8657112345678",
        "num_media": "0",
        "sid": message.sid,
        "status": "queued",
        "to": message.to,
    }
