"""The stream: in time, to each listener at his own pace, one bulletin after the other, nothing that is withdrawn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels import _station
from channels._station import (
    BLOCK,
    BLOCK_SECONDS,
    FRAMES,
    HEAD_START,
    MOST_WAITING,
    PAUSE,
    QUIET,
    Block,
    Listener,
    Station,
)
from gateway.schema_radio import Bulletin, BulletinPart
from speech.encoding import FRAME_BYTES, SILENCE


class Shelf:
    """Bulletins with sounds that can be told apart: each frame of one is full of its letter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.on_air: list[Bulletin] = []

    def put(self, letter: str, blocks: float, version: int = 1) -> Bulletin:
        """Put the newest one there, so many blocks long."""
        path = self.folder / f"{letter}{version}"
        path.write_bytes(letter.encode() * FRAME_BYTES * int(blocks * FRAMES))
        at = datetime(2026, 11, 25, tzinfo=UTC)
        bulletin = Bulletin(letter, "en", version, letter, at, (), 1.0, path.stat().st_size)
        self.on_air.insert(0, bulletin)
        return bulletin

    async def bulletins(self, language: str, limit: int) -> Sequence[Bulletin]:
        return self.on_air[:limit]

    async def aired(self, bulletin_id: str) -> tuple[Bulletin, Path | None]:
        bulletin = next(one for one in self.on_air if one.id == bulletin_id)
        return bulletin, self.folder / f"{bulletin_id}{bulletin.version}"


class Time:
    """Time that passes only while the station sleeps; `slept` says for how long each time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@asynccontextmanager
async def playing(station: Station) -> AsyncIterator[None]:
    task = asyncio.create_task(station.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def station(shelf: Shelf, time: Time, repeats: int = 3) -> Station:
    return Station(shelf, "en", repeats, sleep=time.sleep, clock=time.clock)


async def heard(listener: Listener, number: int) -> str:
    """So many blocks, each as the letter it is full of, silence as a dot."""
    letters = ""
    async with asyncio.timeout(20):
        for _ in range(number):
            block = await listener.next()
            assert block is not None
            assert len(block.sound) == BLOCK
            letters += "." if block == QUIET else chr(block.sound[0])
    return letters


async def test_bulletins_follow_each_other_with_a_pause_newest_first(shelf: Shelf) -> None:
    shelf.put("a", 2)
    shelf.put("b", 3)
    one = station(shelf, Time())
    listener = one.join()
    async with playing(one):
        assert await heard(listener, 18) == "bbb....aa....bbb.."
    assert PAUSE == 4


async def test_the_last_block_is_filled_with_silence(shelf: Shelf) -> None:
    shelf.put("a", 1.5)
    one = station(shelf, Time())
    listener = one.join()
    async with playing(one):
        await heard(listener, 1)
        block = await listener.next()
    assert block == Block(b"a" * FRAME_BYTES * (FRAMES // 2) + SILENCE * (FRAMES // 2), "a")


async def test_each_block_has_the_title_of_what_is_read_in_it(shelf: Shelf) -> None:
    parts = (("Greeting", BLOCK_SECONDS), ("The lamp", 2 * BLOCK_SECONDS), ("unspoken", None), ("Closing", 4.5))
    items = tuple(BulletinPart(title, (("en", title),), start=start) for title, start in parts)
    shelf.on_air = [replace(shelf.put("a", 11), title="Evening news", items=items)]
    one = station(shelf, Time())
    listener = one.join()
    titles: list[str] = []
    async with playing(one), asyncio.timeout(20):
        while "" not in titles:
            block = await listener.next()
            assert block
            titles.append(block.title)
    assert titles == ["Evening news", "Greeting", *["The lamp"] * 8, "Closing", ""]


async def test_a_new_bulletin_is_next(shelf: Shelf) -> None:
    shelf.put("a", 8)
    one = station(shelf, Time())
    listener = one.join()
    async with playing(one):
        await heard(listener, 2)
        shelf.put("b", 2)
        assert await heard(listener, 16) == "aaaaaa....bb...."


async def test_what_is_withdrawn_ends_in_the_middle(shelf: Shelf) -> None:
    shelf.put("a", 2)
    shelf.put("b", 100)
    one = station(shelf, Time())
    listener = one.join()
    async with playing(one):
        await heard(listener, 2)
        shelf.on_air = shelf.on_air[1:]
        rest = await heard(listener, 30)
    assert rest.index(".") <= _station.LOOK_EVERY + MOST_WAITING
    assert "b" not in rest[rest.index(".") :]
    assert "a" in rest


async def test_one_made_anew_is_heard_anew(shelf: Shelf) -> None:
    shelf.put("a", 100)
    one = station(shelf, Time())
    listener = one.join()
    async with playing(one):
        await heard(listener, 2)
        shelf.on_air = [replace(shelf.on_air[0], version=2)]
        (shelf.folder / "a2").write_bytes(b"z" * FRAME_BYTES * FRAMES)
        assert "z" in await heard(listener, 30)


async def test_while_there_is_nothing_there_is_silence(shelf: Shelf) -> None:
    one = station(shelf, Time())
    listener = one.join()
    async with playing(one):
        assert await heard(listener, 9) == "........."
        assert one.playing is None


async def test_blocks_are_sent_as_fast_as_they_are_heard(shelf: Shelf) -> None:
    shelf.put("a", 100)
    time = Time()
    one = station(shelf, time)
    listener = one.join()
    async with playing(one):
        await heard(listener, 50)
    assert time.now - 100.0 == pytest.approx(49 * BLOCK_SECONDS, abs=2 * BLOCK_SECONDS)


async def test_lost_time_is_made_up_for_but_not_a_sleep_of_the_machine(shelf: Shelf) -> None:
    shelf.put("a", 1000)
    time = Time()
    one = station(shelf, time)
    listener = one.join()
    async with playing(one):
        await heard(listener, 4)
        time.now += 3 * BLOCK_SECONDS
        time.slept.clear()
        await heard(listener, 5)
        assert time.slept[:2] == [0.0, 0.0]
        time.now += 3600
        time.slept.clear()
        await heard(listener, 60)
    assert sum(slept == 0.0 for slept in time.slept) <= _station.TOO_LATE / BLOCK_SECONDS + 2


async def test_all_hear_the_same_and_who_comes_later_gets_a_head_start(shelf: Shelf) -> None:
    shelf.put("a", 4)
    one = station(shelf, Time())
    listeners = [one.join() for _ in range(20)]
    async with playing(one):
        for listener in listeners:
            assert await heard(listener, 6) == "aaaa.."
        late = one.join()
        async with asyncio.timeout(5):
            first = [await late.next() for _ in range(HEAD_START)]
        assert None not in first
    assert one.listeners == 21


async def test_who_does_not_keep_up_is_let_go_and_nobody_waits_for_him(shelf: Shelf) -> None:
    shelf.put("a", 1000)
    one = station(shelf, Time())
    slow, quick = one.join(), one.join()
    async with playing(one):
        assert await heard(quick, MOST_WAITING + 5) == "a" * (MOST_WAITING + 5)
        assert one.listeners == 1
        async with asyncio.timeout(5):
            assert await slow.next() is None


async def test_nothing_runs_while_nobody_listens(shelf: Shelf) -> None:
    shelf.put("a", 1000)
    time = Time()
    one = station(shelf, time)
    async with playing(one):
        await asyncio.sleep(0)
        assert time.slept == []
        listener = one.join()
        await heard(listener, 3)
        one.leave(listener)
        await _until(lambda: one.playing is None)
        passed = len(time.slept)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(time.slept) == passed
        again = one.join()
        assert len(await heard(again, 3)) == 3


async def test_closing_lets_go_of_all(shelf: Shelf) -> None:
    one = station(shelf, Time())
    listeners = [one.join() for _ in range(3)]
    one.close()
    assert [await listener.next() for listener in listeners] == [None] * 3
    assert one.listeners == 0


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if holds():
                return
            await asyncio.sleep(0)
