"""Citizens who text without pause, through a carrier that repeats what it got no answer to."""

import asyncio
import contextlib
import random
from collections.abc import Sequence

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.process.twilio import PATH, inbound, message_sid, signature

AT_ONCE = 6
# Seconds between two messages of one who texts, and before the carrier repeats one.
PAUSE, AGAIN = 0.05, 0.1


class Citizens:
    """Every text is from somebody else. `told` is what they said, `acknowledged` what they were told is accepted."""

    def __init__(self, url: str, ports: Sequence[int], pause: float = PAUSE) -> None:
        self.told: set[str] = set()
        self.acknowledged: set[str] = set()
        self.repeated = 0
        self.ports = list(ports)
        self._url, self._pause = url, pause
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to text."""
        self._tasks = [asyncio.create_task(self._text()) for _ in range(AT_ONCE)]

    async def finish(self) -> None:
        """Say nothing new, and wait until all that was said is acknowledged."""
        self._stopping = True
        await asyncio.wait_for(asyncio.gather(*self._tasks), 30)

    async def _text(self) -> None:
        async with ClientSession(timeout=ClientTimeout(total=5)) as http:
            while not self._stopping:
                number = len(self.told)
                self.told.add(message_sid(number))
                while not await self._post(http, number):
                    self.repeated += 1
                    await asyncio.sleep(AGAIN)
                self.acknowledged.add(message_sid(number))
                if random.random() < 0.05:  # an answer may be lost on its way, too
                    await self._post(http, number)
                await asyncio.sleep(self._pause)

    async def _post(self, http: ClientSession, number: int) -> bool:
        fields = inbound(message_sid(number), f"+86138{number:08}", f"water pipe leaking, house {number}")
        headers = {"X-Twilio-Signature": signature(self._url + PATH, fields)}
        url = f"http://127.0.0.1:{random.choice(self.ports)}{PATH}"
        with contextlib.suppress(ClientError, OSError, TimeoutError):
            async with http.post(url, data=fields, headers=headers) as answer:
                return answer.status == 200
        return False
