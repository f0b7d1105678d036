"""A broadcast to 200 followers through a carrier with every fault: each has it once, and the console's sum fits."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fault.accounts import Books
from tests.fault.carrier import Carrier, Mood, twice
from tests.fault.conftest import PUBLIC
from tests.process.gateway import Gateway, running
from tests.process.test_start import run
from tests.process.twilio import PATH, inbound, message_sid, signature

pytestmark = [pytest.mark.process, pytest.mark.timeout(150)]

FOLLOWERS = [f"+86138{number:08}" for number in range(200)]
NEWS = "the water comes back at six in the evening"
# How many messages meet each fault, and which part of those on their way then.
MEET, SHARE = 5, 0.5


@pytest.fixture
async def gateway(tmp_path: Path, environment: dict[str, str]) -> AsyncIterator[Gateway]:
    quick = {
        "EVERYLINE_GATEWAY__BROADCAST__UNDO_SECONDS": "0",
        # So slow that every fault finds messages on their way.
        "EVERYLINE_CHANNELS__SMS_TWILIO__SEGMENTS_PER_SECOND": "80",
    }
    async with running(tmp_path / "var", **environment | quick) as made:
        yield made


@pytest.fixture
async def staff(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    """A moderator's session at the API."""
    adding = ("user", "add", "mo", "--role", "moderator", "--password-stdin")
    assert (await run(*adding, typed="long enough pw\n", **gateway.environment))[0] == 0
    token = (await run("user", "token", "mo", **gateway.environment))[1].strip()
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(gateway.url, headers=headers, raise_for_status=True) as http:
        yield http


async def test_two_hundred_followers_have_it_once_whatever_the_carrier_does(
    tmp_path: Path, gateway: Gateway, staff: aiohttp.ClientSession, carrier: Carrier
) -> None:
    carrier.ports, carrier.receipts = [gateway.port], 2
    books = Books(tmp_path / "var")
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        await asyncio.gather(*(_follow(http, gateway, number) for number in range(len(FOLLOWERS))))
    await books.settled()
    carrier.share = SHARE
    carrier.met.clear()
    moods = asyncio.create_task(_change(carrier))
    made = await (await staff.post("/api/v1/posts", json={"text": NEWS})).json()
    await staff.post(f"/api/v1/console/posts/{made['ticket']}/decision", json={"action": "publish"})
    await moods
    await books.settled()

    ledger = list(carrier.ledger.values())
    heard = Counter(one.to for one in ledger if NEWS in one.body)
    assert heard == Counter(FOLLOWERS), "every follower has it, and once"
    assert not twice(ledger)
    told = await _told(staff, made["ticket"])
    assert told["channels"]["sms_twilio"] == {"delivered": len(FOLLOWERS)}
    assert sum(told["states"].values()) == told["added"] == sum(sum(one.values()) for one in told["channels"].values())
    # One of them asks why it took so long: each try is there, with the carrier's own words where it had any.
    slow = await books.ask(
        "SELECT a.delivery_id FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
        " WHERE d.channel = 'sms_twilio' AND a.detail IS NOT NULL ORDER BY d.tries DESC, a.id LIMIT 1"
    )
    page = await (await staff.get(f"/api/v1/console/deliveries/{slow[0][0]}")).json()
    assert len(page["attempts"]) > 1
    assert all(one["outcome"] for one in page["attempts"])
    assert any(one["detail"] for one in page["attempts"])


async def _follow(http: aiohttp.ClientSession, gateway: Gateway, number: int) -> None:
    await asyncio.sleep(random.uniform(0, 2))
    fields = inbound(message_sid(number), FOLLOWERS[number], "FOLLOW all")
    headers = {"X-Twilio-Signature": signature(PUBLIC + PATH, fields)}
    await http.post(gateway.url + PATH, data=fields, headers=headers)


async def _change(carrier: Carrier) -> None:
    for mood in Mood:
        carrier.mood = mood
        async with asyncio.timeout(40):
            # The gateway's breaker may keep it from sending for a while.
            while carrier.met[mood] < MEET:  # noqa: ASYNC110  # the carrier counts, and tells nobody
                await asyncio.sleep(0.01)
    carrier.mood = Mood.WORKS


async def _told(staff: aiohttp.ClientSession, ticket: str) -> dict[str, Any]:
    listed = (await (await staff.get("/api/v1/console/broadcasts")).json())["items"]
    mine = [one["id"] for one in listed if one["ticket"] == ticket]
    assert len(mine) == 1
    found: dict[str, Any] = await (await staff.get(f"/api/v1/console/broadcasts/{mine[0]}")).json()
    return found
