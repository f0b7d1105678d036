"""A large file comes whole over a line that breaks, and never anything else in its place."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from speech.fetching import TRIES, CannotFetch, Download, fetch
from tests.speech.model_server import Publisher

DATA = random.Random(5).randbytes(3_000_000)
MOST = 10_000_000


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    made = Publisher(DATA)
    yield made
    await made.close()


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def download(publisher: Publisher, folder: Path, *, size: int = 0, most: int = MOST) -> Download:
    return Download(await publisher.start(), folder / "model.zip", size, most, lambda *_: None, first_wait=0.001)


@pytest.mark.parametrize("size", [0, len(DATA)])
async def test_a_file_comes_whole_and_is_told_as_it_grows(
    publisher: Publisher, http: ClientSession, tmp_path: Path, size: int
) -> None:
    wanted = await download(publisher, tmp_path, size=size)
    told: list[tuple[int, int | None]] = []
    wanted.tell = lambda done, total: told.append((done, total))
    await fetch(http, wanted)
    assert wanted.path.read_bytes() == DATA
    assert told[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert [path.name for path in tmp_path.iterdir()] == ["model.zip"]


async def test_a_line_that_breaks_again_and_again_is_gone_on_with(
    publisher: Publisher, http: ClientSession, tmp_path: Path
) -> None:
    wanted = await download(publisher, tmp_path)
    publisher.cuts = [400_000] * (TRIES + 2)  # more often than it is tried in vain
    await fetch(http, wanted)
    assert wanted.path.read_bytes() == DATA
    assert publisher.asked[0] == (None, 200)
    assert {status for _, status in publisher.asked[1:]} == {206}


async def test_the_next_command_goes_on_where_the_last_one_was_cut(
    publisher: Publisher, http: ClientSession, tmp_path: Path
) -> None:
    wanted = await download(publisher, tmp_path)
    publisher.cuts, publisher.statuses = [1_000_000], []
    first = Download(wanted.url, wanted.path, 0, MOST, lambda *_: None, first_wait=0.001)
    first.tell = lambda done, _: publisher.statuses.extend([503] * TRIES) if not publisher.statuses else None
    with pytest.raises(CannotFetch, match="503"):
        await fetch(http, first)
    have = wanted.part.stat().st_size
    assert 0 < have <= 1_000_000
    publisher.statuses = []
    await fetch(http, wanted)
    assert wanted.path.read_bytes() == DATA
    assert publisher.asked[-1] == (f"bytes={have}-", 206)


async def test_what_changed_meanwhile_is_fetched_from_its_beginning(
    publisher: Publisher, http: ClientSession, tmp_path: Path
) -> None:
    wanted = await download(publisher, tmp_path)
    wanted.part.write_bytes(b"the beginning of another version")
    wanted.etag.write_text('"another"')
    await fetch(http, wanted)
    assert wanted.path.read_bytes() == DATA


async def test_a_part_longer_than_the_file_is_thrown_away(
    publisher: Publisher, http: ClientSession, tmp_path: Path
) -> None:
    wanted = await download(publisher, tmp_path)
    wanted.part.write_bytes(bytes(len(DATA) + 5))
    await fetch(http, wanted)
    assert wanted.path.read_bytes() == DATA


async def test_a_server_without_ranges_is_asked_for_all_of_it_again(
    publisher: Publisher, http: ClientSession, tmp_path: Path
) -> None:
    wanted = await download(publisher, tmp_path)
    publisher.ranges, publisher.cuts = False, [100_000]
    await fetch(http, wanted)
    assert wanted.path.read_bytes() == DATA


async def test_what_is_whole_already_is_not_asked_for(
    publisher: Publisher, http: ClientSession, tmp_path: Path
) -> None:
    wanted = await download(publisher, tmp_path, size=len(DATA))
    wanted.part.write_bytes(DATA)
    await fetch(http, wanted)
    assert wanted.path.read_bytes() == DATA
    assert publisher.asked == []


@pytest.mark.parametrize(
    ("size", "most", "reason"), [(len(DATA) - 1, MOST, "should have"), (0, len(DATA) - 1, "no model has")]
)
async def test_another_size_than_the_expected_is_refused_before_it_is_read(
    publisher: Publisher, http: ClientSession, tmp_path: Path, size: int, most: int, reason: str
) -> None:
    wanted = await download(publisher, tmp_path, size=size, most=most)
    with pytest.raises(CannotFetch, match=reason):
        await fetch(http, wanted)
    assert not wanted.path.exists()


@pytest.mark.parametrize(("status", "times"), [(404, 1), (403, 1), (503, TRIES), (429, TRIES)])
async def test_what_a_server_refuses_is_told_and_tried_again_only_where_that_may_help(
    publisher: Publisher, http: ClientSession, tmp_path: Path, status: int, times: int
) -> None:
    wanted = await download(publisher, tmp_path)
    publisher.statuses = [status] * 20
    with pytest.raises(CannotFetch, match=str(status)):
        await fetch(http, wanted)
    assert len(publisher.asked) == times


async def test_a_server_that_is_not_there_is_told(http: ClientSession, tmp_path: Path) -> None:
    wanted = Download("http://127.0.0.1:9/model.zip", tmp_path / "model.zip", 0, MOST, lambda *_: None, 0.001)
    with pytest.raises(CannotFetch, match="cannot be fetched"):
        await fetch(http, wanted)
