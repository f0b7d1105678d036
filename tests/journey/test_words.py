"""The words in force: read again when a file changes, kept when it cannot be, counted when found."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import clock
from gateway.jobs import upkeep
from gateway.journey import words as journey_words
from gateway.journey.words import Words
from gateway.runtime import Runtime
from gateway.schema import Ruling
from gateway.sections import Filters
from store import words
from store.words import WordHits

CONFIG = Path(__file__).parents[2] / "config" / "words"
TODAY = datetime(2026, 3, 1, 18, tzinfo=UTC)  # in the city it is the 2nd


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(CONFIG, tmp_path / "words")


@pytest.fixture
def current(folder: Path) -> Words:
    return Words(folder, Filters())


@pytest.fixture(autouse=True)
def the_clock() -> Iterator[None]:
    yield
    clock.replace()


def rewrite(path: Path, text: str) -> None:
    """Write a file, surely with another time."""
    path.write_bytes(text.encode())
    later = path.stat().st_mtime + 5
    os.utime(path, (later, later))


async def looked(current: Words) -> None:
    """What happens in a few seconds: seen changed, then seen settled."""
    await current.refresh()
    await current.refresh()


async def test_a_changed_list_counts_without_a_restart(current: Words, folder: Path) -> None:
    judge = current.judge
    before = current.loaded_at
    assert judge("new word").ruling is Ruling.PASS
    rewrite(folder / "block.txt", "new word\n")
    await looked(current)
    assert judge("new word").ruling is Ruling.BLOCK
    assert judge("代开发票").ruling is Ruling.PASS
    assert current.sizes["block"] == 1
    assert current.loaded_at > before


async def test_a_list_being_written_is_waited_for(current: Words, folder: Path) -> None:
    rewrite(folder / "block.txt", "")
    await current.refresh()
    assert current.judge("代开发票").ruling is Ruling.BLOCK
    rewrite(folder / "block.txt", "first\nsecond\n")
    await current.refresh()
    assert current.judge("代开发票").ruling is Ruling.BLOCK
    await current.refresh()
    assert current.judge("second").ruling is Ruling.BLOCK


async def test_lists_that_did_not_change_are_left_alone(current: Words, folder: Path) -> None:
    before = current.loaded_at
    await looked(current)
    assert current.loaded_at == before
    (folder / "watch.txt").unlink()
    await looked(current)
    assert [problem.key for problem in current.problems] == ["file"]
    assert current.loaded_at == before


async def test_a_broken_list_keeps_the_earlier_ones_and_is_told_once(
    current: Words, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "hold.txt").write_bytes(b"\xff\xfe")
    for _ in range(4):
        await current.refresh()
    assert [(Path(problem.where).name, problem.key) for problem in current.problems] == [("hold.txt", "line 1")]
    assert current.judge("代开发票").ruling is Ruling.BLOCK
    assert capsys.readouterr().out.count("words.failed") == 1
    rewrite(folder / "hold.txt", "mended\n")
    await looked(current)
    assert not current.problems
    assert current.judge("mended").ruling is Ruling.HOLD


async def hits(runtime: Runtime) -> list[WordHits]:
    async with runtime.database.reading() as connection:
        today = clock.now().astimezone(runtime.settings.city.zone).date()
        return list(await words.most(connection, today, 10))


async def test_words_are_counted_by_day(runtime: Runtime, current: Words) -> None:
    clock.replace(now=lambda: TODAY)
    for text in ("迷药购买 迷药购买", "迷药购买，蜜药购买", "蜜药购买", "nothing"):
        current.judge(text)
    current.look("迷药购买")
    await current.write_counts(runtime)
    await current.write_counts(runtime)
    assert await hits(runtime) == [WordHits("block", "迷药购买", 3, 3, 1)]
    clock.replace(now=lambda: TODAY + timedelta(days=7))
    current.judge("迷药购买 fuck")
    await current.write_counts(runtime)
    assert await hits(runtime) == [WordHits("block", "迷药购买", 1, 4, 1), WordHits("hold", "fuck", 1, 1, 0)]
    clock.replace(now=lambda: TODAY + timedelta(days=36))
    assert [found.month for found in await hits(runtime)] == [1, 1]


async def test_old_counts_are_forgotten(runtime: Runtime, current: Words) -> None:
    clock.replace(now=lambda: TODAY)
    current.judge("代开发票")
    await current.write_counts(runtime)
    day = TODAY.date() + timedelta(days=1)
    await runtime.database.write(lambda transaction: words.forget(transaction, day))
    assert len(await hits(runtime)) == 1
    await runtime.database.write(lambda transaction: words.forget(transaction, day + timedelta(days=1)))
    assert await hits(runtime) == []


async def test_upkeep_keeps_the_days_that_are_set(runtime: Runtime, current: Words) -> None:
    clock.replace(now=lambda: TODAY)
    current.judge("代开发票")
    await current.write_counts(runtime)
    for days, left in ((runtime.settings.filters.hits_days, 1), (runtime.settings.filters.hits_days + 1, 0)):
        clock.replace(now=lambda days=days: TODAY + timedelta(days=days))  # type: ignore[misc]
        await upkeep.forget(runtime)
        clock.replace(now=lambda: TODAY)
        assert len(await hits(runtime)) == left


async def test_counts_that_cannot_be_written_wait(runtime: Runtime, current: Words) -> None:
    current.judge("代开发票")
    await runtime.database.close()
    await current.write_counts(runtime)
    current.judge("代开发票")
    await runtime.database.open()
    await current.write_counts(runtime)
    assert [found.month for found in await hits(runtime)] == [2]


async def test_running_looks_and_writes_and_ends_with_a_writing(
    runtime: Runtime, current: Words, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey_words, "LOOK_EVERY", 0.01)
    running = asyncio.create_task(current.run(runtime))
    rewrite(folder / "block.txt", "new word\n")
    for _ in range(1000):
        await asyncio.sleep(0.01)
        if current.judge("new word").rules and await hits(runtime):
            break
    seen = (await hits(runtime))[0].month
    monkeypatch.setattr(journey_words, "LOOK_EVERY", 1000)
    await asyncio.sleep(0.1)
    for _ in range(100):
        current.judge("new word")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await hits(runtime))[0].month >= seen + 100
