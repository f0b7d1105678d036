"""Promise 5: the process that opens photos is killed again and again, and every file is used all the same."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.fault.accounts import Books
from tests.journey.test_photos import picture, written
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.process, pytest.mark.timeout(100)]

PHOTOS, KILLS, STORED_WITHIN = 12, 4, 60.0
LARGE = (3000, 2000)


async def test_killed_workers_cost_no_file(tmp_path: Path) -> None:
    data, killed = tmp_path / "var", 0
    photo = await asyncio.to_thread(written, picture(LARGE), "JPEG")
    async with running(data) as gateway:
        await _send(gateway, photo)
        books = Books(data)
        async with asyncio.timeout(STORED_WITHIN):
            for _ in range(KILLS):
                before = await _stored(books)
                await _until(lambda: _kill_one(gateway.pid))
                killed += 1
                # The photo of a killed worker comes again after those that wait, so that none meets a second kill.
                while await _stored(books) == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            while await _stored(books) < PHOTOS:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert await gateway.stop() == 0
    states = await books.ask("SELECT state, count(*) FROM media GROUP BY state")
    print("workers killed:", killed, states)
    assert states == [("stored", PHOTOS)]
    assert killed == KILLS
    assert await books.ask("SELECT count(*) FROM media WHERE width IS NULL") == [(0,)]


async def _send(gateway: Gateway, photo: bytes) -> None:
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        for number in range(PHOTOS):
            form = aiohttp.FormData({"text": f"look at lamp {number}"})
            form.add_field("media", photo, filename="lamp.jpg", content_type="image/jpeg")
            await http.post(f"{gateway.url}/api/v1/posts", data=form)


async def _stored(books: Books) -> int:
    [(number,)] = await books.ask("SELECT count(*) FROM media WHERE state = 'stored'")
    return int(number)


async def _until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110
        await asyncio.sleep(random.uniform(0, 0.1))


def _kill_one(pid: int) -> bool:
    """End a worker of a gateway, if there is one."""
    for worker in _workers(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
            return True
    return False


def _workers(pid: int) -> Iterator[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in random.sample(children, len(children)):
        with contextlib.suppress(OSError):
            if b"gateway.workers" in Path(f"/proc/{child}/cmdline").read_bytes():
                yield int(child)
