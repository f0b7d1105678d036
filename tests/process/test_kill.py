"""Promise 1 and 2 against the real process: killed at full load, it loses no accepted text and keeps none twice."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from tests.process.gateway import running
from tests.process.twilio import CREDENTIALS, message_sid, send_all, text_message

ROUNDS = 4
CLIENTS = 64


@pytest.mark.process
async def test_kill_9_while_64_clients_send_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    data, accepted, first = tmp_path / "var", set[str](), 0
    async with running(data, **CREDENTIALS) as gateway:
        for _ in range(ROUNDS):
            numbers = range(first, first + 20_000)
            requests = [
                text_message(gateway.url, message_sid(n), f"+86138{n % 500:08}", f"water pipe leaking, house {n}")
                for n in numbers
            ]
            sending = asyncio.create_task(send_all(gateway.port, requests, CLIENTS, repeat=2))
            await asyncio.sleep(random.uniform(0.8, 1.6))
            await gateway.kill()
            load = await sending
            assert load.answered, "the load reached the gateway before it was killed"
            accepted |= {message_sid(first + number) for number in load.answered}
            await gateway.start()
            # The carrier repeats what it got no answer to, and some that it did.
            again = sorted(load.answered)[:50] + list(range(max(load.answered) + 1, max(load.answered) + 100))
            repeated = await send_all(gateway.port, [requests[number] for number in again], CLIENTS)
            assert len(repeated.answered) == len(again)
            accepted |= {message_sid(first + number) for number in again}
            first += len(numbers)
        assert await gateway.stop() == 0
    database = sqlite3.connect(data / "everyline.db")
    kept = database.execute("SELECT external_id, post_id FROM incoming").fetchall()
    ids = [external_id for external_id, _ in kept]
    assert accepted <= set(ids), "an accepted text is gone"
    assert len(ids) == len(set(ids)), "a text is kept twice"
    assert len({post_id for _, post_id in kept}) == len(kept), "each text is one post"
    asked = "SELECT count(*), count(ticket), count(DISTINCT ticket), count(DISTINCT thread_id) FROM posts"
    posts, tickets, different, threads = database.execute(asked).fetchone()
    assert posts == len(kept), "what follows a report is kept with it"
    assert tickets == different == threads
