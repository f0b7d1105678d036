"""Promises 3 and 4: a carrier that misbehaves in every way gets each message once, and no other channel feels it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.fault.accounts import Books, reckon
from tests.fault.carrier import Carrier, Mood
from tests.fault.citizens import Citizens
from tests.fault.conftest import PUBLIC
from tests.process.gateway import Gateway, running
from tests.process.test_start import run

pytestmark = [pytest.mark.process, pytest.mark.timeout(150)]

# How long each mood lasts at least, in seconds, how many messages meet it, and how long a post of another channel may
# take to be readable.
LASTS, MEET, SOON = 1.5, 2, 8.0


class Portal:
    """Somebody who posts by the form's API, and staff who publish it at once."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._gateway, self._staff = gateway, {"Authorization": f"Bearer {token}"}
        self.times: list[float] = []

    async def round_trip(self) -> None:
        """Post, publish, read it on the portal, and see that its delivery there is done."""
        url, begun = self._gateway.url, time.perf_counter()
        async with aiohttp.ClientSession(raise_for_status=True) as http:
            body = {"text": f"a hole in the road, number {len(self.times)}"}
            ticket = (await (await http.post(f"{url}/api/v1/posts", json=body)).json())["ticket"]
            decision = f"{url}/api/v1/console/posts/{ticket}/decision"
            await http.post(decision, json={"action": "publish"}, headers=self._staff)
            shown = (await (await http.get(f"{url}/api/v1/posts?limit=1")).json())["items"]
            assert [post["ticket"] for post in shown] == [ticket]
            deliveries = f"{url}/api/v1/console/deliveries?ticket={ticket}&state=delivered"
            while not (await (await http.get(deliveries, headers=self._staff)).json())["items"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        self.times.append(time.perf_counter() - begun)


@pytest.fixture
async def gateway(tmp_path: Path, environment: dict[str, str]) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var", **environment) as made:
        yield made


@pytest.fixture
async def portal(gateway: Gateway) -> Portal:
    adding = ("user", "add", "mo", "--role", "moderator", "--password-stdin")
    assert (await run(*adding, typed="long enough pw\n", **gateway.environment))[0] == 0
    return Portal(gateway, (await run("user", "token", "mo", **gateway.environment))[1].strip())


async def test_in_every_mood_each_message_arrives_once_and_other_channels_go_on(
    tmp_path: Path, gateway: Gateway, portal: Portal, carrier: Carrier
) -> None:
    carrier.ports, carrier.receipts = [gateway.port], 2
    citizens = Citizens(PUBLIC, carrier.ports)
    citizens.start()
    for mood in Mood:
        carrier.mood, carrier.share = mood, 0.4
        await _lasting(portal)
        while carrier.met[mood] < MEET:
            # The breaker sends little to a carrier that has just failed.
            await _lasting(portal)
    carrier.mood = Mood.WORKS
    await carrier.stop()
    await _lasting(portal)
    await carrier.start()
    await citizens.finish()
    books = Books(tmp_path / "var")
    await books.settled()
    counted = await reckon(books, citizens, carrier)
    reasons = dict(await books.ask("SELECT outcome, count(*) FROM attempts GROUP BY outcome"))
    print("moods met:", dict(carrier.met), counted, reasons, f"portal: {max(portal.times):.2f} s at most")
    assert citizens.repeated == 0, "intake never felt it"
    timeline = "SELECT state FROM deliveries WHERE channel = 'portal'"
    assert set(await books.ask(timeline)) == {("delivered",)}
    assert max(portal.times) < SOON


async def _lasting(portal: Portal) -> None:
    until = time.perf_counter() + LASTS
    while time.perf_counter() < until:
        await portal.round_trip()
        await asyncio.sleep(0.2)
