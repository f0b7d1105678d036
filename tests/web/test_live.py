import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import ClientResponse

from gateway.journey import moderation
from gateway.schema import Action
from gateway.web import listeners, live
from gateway.web.keys import HUB
from store import events
from store.accounts import Role
from tests.web.conftest import World

STREAM = "/api/v1/stream"


@dataclass(slots=True)
class Told:
    """One event as a browser reads it."""

    id: int | None = None
    event: str | None = None
    data: str = ""
    comment: bool = False


class Reader:
    """Reads one stream, event by event."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response

    async def next(self, within: float = 5) -> Told:
        """The next block that is an event."""
        while True:
            told = await self.block(within)
            if told.event:
                return told

    async def block(self, within: float = 5) -> Told:
        """The next block, be it an event, a comment or the greeting."""
        told, lines = Told(), []
        async with asyncio.timeout(within):
            while line := (await self.response.content.readline()).decode():
                if line == "\n":
                    break
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "id":
                    told.id = int(value)
                elif name == "event":
                    told.event = value
                elif name == "data":
                    lines.append(value)
                elif not name:
                    told.comment = True
            else:
                raise EOFError
        told.data = "\n".join(lines)
        return told


async def until(true: Callable[[], bool]) -> None:
    """Wait, but not for ever, for something other tasks do."""
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come about within five seconds")


@asynccontextmanager
async def listening(world: World, path: str = STREAM, **headers: str) -> AsyncIterator[Reader]:
    """A stream that has begun."""
    async with world.client.get(
        path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ) as got:
        assert (got.status, got.content_type) == (200, "text/event-stream")
        reader = Reader(got)
        assert not (await reader.block()).event, "the first block is the greeting"
        yield reader


async def test_a_publication_its_answer_and_its_withdrawal_are_told_in_order(world: World) -> None:
    async with listening(world) as stream:
        await world.say("not yet public")
        taken = await world.published("路灯坏了")
        first = await stream.next()
        await moderation.decide(world.runtime, taken.post_id or "", Action.CORRECT, actor="li", text="路灯不亮")
        second = await stream.next()
        await world.withdraw(taken)
        third = await stream.next()
    assert [told.event for told in (first, second, third)] == ["post", "update", "withdrawn"]
    numbers = [told.id or 0 for told in (first, second, third)]
    assert numbers == sorted(set(numbers))
    data = [json.loads(told.data) for told in (first, second, third)]
    assert [one["text"] for one in data] == ["路灯坏了", "路灯不亮", ""]
    assert {one["ticket"] for one in data} == {taken.ticket}


async def test_it_is_told_within_a_moment(world: World) -> None:
    async with listening(world) as stream:
        begun = time.perf_counter()
        await world.published("路灯坏了")
        await stream.next()
        assert time.perf_counter() - begun < live.LOOK_EVERY / 2, "the bell must wake the stream, not the clock"


@pytest.mark.parametrize("by", ["header", "query"])
async def test_who_was_away_hears_what_he_missed_once_and_goes_on(
    world: World, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = events.after

    async def piece(connection: object, number: int, limit: int = 2) -> object:
        return await real(connection, number, limit)  # type: ignore[arg-type]

    monkeypatch.setattr(events, "after", piece)
    tickets = [(await world.published(f"第{number}盏路灯坏了")).ticket for number in range(6)]
    async with listening(world, f"{STREAM}?last=0") as all_of_it:
        numbers = [(await all_of_it.next()).id for _ in range(6)]
    last = str(numbers[0])
    path, headers = (STREAM, {"Last_Event_ID": last}) if by == "header" else (f"{STREAM}?last={last}", {})
    async with listening(world, path, **headers) as stream:
        found = [json.loads((await stream.next()).data)["ticket"] for _ in range(5)]
        assert found == tickets[1:]
        new = await world.published("井盖丢了")
        assert json.loads((await stream.next()).data)["ticket"] == new.ticket


async def test_a_browser_cut_off_before_the_first_event_misses_nothing(world: World) -> None:
    await world.published("old news")
    await until(lambda: world.app[HUB].newest > 0)
    async with world.client.get(STREAM) as response:
        greeting = await Reader(response).block()
    assert greeting.id is not None
    taken = await world.published("路灯坏了")
    async with listening(world, Last_Event_ID=str(greeting.id)) as stream:
        assert json.loads((await stream.next()).data)["ticket"] == taken.ticket


async def test_a_number_still_to_come_tells_what_is_new(world: World) -> None:
    async with listening(world, Last_Event_ID="999999") as stream:
        taken = await world.published("路灯坏了")
        assert json.loads((await stream.next()).data)["ticket"] == taken.ticket


async def test_who_hears_late_of_a_withdrawn_post_hears_no_words(world: World) -> None:
    taken = await world.published("路灯坏了")
    await world.withdraw(taken)
    async with listening(world, f"{STREAM}?last=0") as stream:
        told = [await stream.next(), await stream.next()]
    assert [one.event for one in told] == ["withdrawn", "withdrawn"]
    assert "路灯坏了" not in "".join(one.data for one in told)


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "9" * 19, "²"])
async def test_a_number_that_is_none_is_refused(world: World, number: str) -> None:
    assert (await world.client.get(STREAM, params={"last": number})).status == 422


async def test_a_private_post_is_told_to_nobody(world: World) -> None:
    async with listening(world) as stream:
        await world.published("我家漏水", private=True)
        taken = await world.published("路灯坏了")
        assert json.loads((await stream.next()).data)["ticket"] == taken.ticket


@pytest.mark.parametrize("odd", ["\u2028", "\u0085", "\n", "\r\n", "\v"])
async def test_no_letter_of_a_post_breaks_the_stream(world: World, odd: str) -> None:
    async with listening(world) as stream, listening(world, "/live") as pages:
        taken = await world.published(f"路灯{odd}event: post")
        assert json.loads((await stream.next()).data)["ticket"] == taken.ticket
        assert (await pages.next()).data.startswith("<article")


async def test_pages_get_the_post_drawn_in_their_language_and_escaped(world: World) -> None:
    async with (
        listening(world, "/live", Accept_Language="en") as english,
        listening(world, "/live", Accept_Language="zh") as chinese,
    ):
        taken = await world.published("<script>alert(1)</script> 路灯坏了")
        told = [await english.next(), await chinese.next()]
    assert told[0].id == told[1].id
    assert "Report" in told[0].data
    assert "Report" not in told[1].data
    for one in told:
        assert f"/posts/{taken.ticket}" in one.data
        assert "<script>" not in one.data


async def test_a_post_that_cannot_be_drawn_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = world.app[HUB]
    real, broken = hub._word, await world.say("cannot be drawn")

    def word(post: object, language: str) -> str:
        if getattr(post, "id", None) == broken.post_id:
            raise RuntimeError("no")
        return real(post, language)  # type: ignore[arg-type]

    monkeypatch.setattr(hub, "_word", word)
    async with listening(world, "/live") as stream:
        await moderation.decide(world.runtime, broken.post_id or "", Action.PUBLISH, actor="li")
        await asyncio.sleep(0.2)
        taken = await world.published("路灯坏了")
        assert f"/posts/{taken.ticket}" in (await stream.next()).data


async def test_a_quiet_stream_beats(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "HEARTBEAT", 0.1)
    async with listening(world) as stream:
        assert (await stream.block()).comment


async def test_only_so_many_may_listen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "MOST_LISTENERS", 1)
    async with listening(world):
        refused = await world.client.get(STREAM)
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
    await until(lambda: not world.app[HUB].listeners)
    async with listening(world):
        pass


async def test_a_listener_that_does_not_keep_up_is_dropped_and_the_others_are_not(world: World) -> None:
    hub = world.app[HUB]
    async with hub.listeners.listen(live.JSON) as slow, listening(world) as quick:
        for number in range(listeners.MOST_BEHIND + 1):
            hub.listeners.hand_out(number + 1, {live.JSON: f"id: {number + 1}\nevent: post\ndata: x\n\n".encode()})
            assert (await quick.next()).id == number + 1
        assert len(hub.listeners) == 1
        assert slow.waiting.get_nowait() is None, "what it had not read is let go, and it is told to end"
        hub.listeners.hand_out(1000, {live.JSON: b"id: 1000\nevent: post\ndata: x\n\n"})
        assert (await quick.next()).id == 1000


async def test_a_listener_that_reads_nothing_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "WRITE_WITHIN", 0.2)
    hub, server = world.app[HUB], world.client.server
    assert server.port
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    _reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(f"GET {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    async with asyncio.timeout(10):
        await until(lambda: bool(hub.listeners))
        number = 0
        while hub.listeners:
            number += 1
            hub.listeners.hand_out(number, {live.JSON: b"data: " + b"x" * 500_000 + b"\n\n"})
            await asyncio.sleep(0.02)
    assert number < listeners.MOST_BEHIND, "not because its queue was full: its connection is what must go"
    writer.close()


async def test_streams_end_at_once_when_the_process_stops(world: World) -> None:
    async with listening(world) as stream, listening(world, "/live"):
        begun = time.perf_counter()
        await world.client.server.close()
        assert time.perf_counter() - begun < 1
        with pytest.raises((EOFError, OSError)):
            await stream.next(within=1)


async def test_staff_hears_that_the_queue_changed_and_how_many_wait(world: World) -> None:
    await world.account(Role.VIEWER)
    assert (await world.client.get("/console/live", allow_redirects=False)).status == 303
    await world.log_in("viewer")
    async with listening(world, "/console/live") as stream:
        await world.say("路灯坏了")
        told = await stream.next()
        assert told.event == "queue"
        assert json.loads(told.data)["waiting"] == 1
        await world.say("井盖丢了")
        assert json.loads((await stream.next()).data)["waiting"] == 2
