"""AudioSocket on a real socket: sound in time whatever we do, and one bad frame that ends one call."""

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from channels import _audiosocket
from channels._audiosocket import TYPES, Connection, frame
from channels._pacer import MOST_AT_ONCE, Pacer
from channels._sound import Frame, Key
from tests.channels.line_world import silence, voice

IDENTITY = uuid4()


@dataclass
class Served:
    """A server, and the connections it had."""

    port: int = 0
    connections: list[Connection] = field(default_factory=list)
    identified: asyncio.Queue[tuple[Connection, UUID]] = field(default_factory=asyncio.Queue)
    ended: asyncio.Queue[Connection] = field(default_factory=asyncio.Queue)

    async def dial(self, *first: bytes) -> "Peer":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for data in first:
            writer.write(data)
        return Peer(reader, writer)

    async def call(self) -> tuple[Connection, "Peer"]:
        peer = await self.dial(frame(0x01, IDENTITY.bytes))
        connection, identity = await asyncio.wait_for(self.identified.get(), 5)
        assert identity == IDENTITY
        return connection, peer


@dataclass
class Peer:
    """The exchange's side, frame by frame."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, kind: int, payload: bytes = b"") -> None:
        self.writer.write(frame(kind, payload))

    async def frame(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BH", await self.reader.readexactly(3))
        return kind, await self.reader.readexactly(length)

    async def frames_to_the_end(self) -> list[tuple[int, bytes]]:
        frames = []
        async with asyncio.timeout(10):
            while True:
                try:
                    frames.append(await self.frame())
                except (asyncio.IncompleteReadError, ConnectionError):
                    return frames


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    pacer, made = Pacer(), Served()

    def identified(connection: Connection, identity: UUID) -> None:
        made.identified.put_nowait((connection, identity))

    def connection() -> Connection:
        made.connections.append(Connection(pacer, identified, made.ended.put_nowait))
        return made.connections[-1]

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    for one in made.connections:
        one.close()


async def test_silence_comes_from_the_first_moment_on(served: Served) -> None:
    peer = await served.dial()
    assert await asyncio.wait_for(peer.frame(), 5) == (0x10, bytes(320))


async def test_what_is_played_comes_whole_and_in_order_filled_up_with_silence(served: Served) -> None:
    connection, peer = await served.call()
    first, second = voice(0.05), voice(0.03, loud=4_000)
    await connection.play(first)
    await connection.play(second)
    await asyncio.wait_for(connection.played(), 5)
    await connection.hang_up()
    frames = await peer.frames_to_the_end()
    assert frames.pop() == (0x00, b"")
    assert {kind for kind, _ in frames} == {0x10}
    assert b"".join(payload for _, payload in frames).strip(b"\0") == (first + second).strip(b"\0")
    assert (await asyncio.wait_for(served.ended.get(), 5)) is connection


async def test_clear_stops_at_once(served: Served) -> None:
    connection, peer = await served.call()
    await connection.play(voice(60))
    await asyncio.wait_for(peer.frame(), 5)
    await connection.clear()
    await asyncio.wait_for(connection.played(), 1)
    await connection.hang_up()
    assert sum(len(payload) for _, payload in await peer.frames_to_the_end()) < 320 * 200


async def test_sound_and_keys_come_in_order(served: Served) -> None:
    connection, peer = await served.call()
    said = voice(0.1)
    for start in range(0, len(said), 320):
        peer.send(0x10, said[start : start + 320])
    peer.send(0x03, b"7")
    peer.send(0x10, silence(0.02))
    peer.send(0x03, b"#")
    peer.writer.close()
    heard = [one async for one in connection.heard()]
    assert [one.digit for one in heard if isinstance(one, Key)] == ["7", "#"]
    before = heard[: heard.index(Key("7"))]
    assert b"".join(one.pcm for one in before if isinstance(one, Frame)) == said
    assert len(before) < 5, "it is handed on in larger pieces"


async def test_frames_may_come_in_any_pieces(served: Served) -> None:
    connection, peer = await served.call()
    for byte in frame(0x03, b"1") + frame(0x10, voice(0.02)) + frame(0x00):
        peer.writer.write(bytes([byte]))
        await peer.writer.drain()
    assert [type(one) async for one in connection.heard()] == [Key, Frame]


@pytest.mark.parametrize("rate", sorted(TYPES))
async def test_the_first_sound_tells_the_rate_of_both_ways(served: Served, rate: int) -> None:
    connection, peer = await served.call()
    peer.send(TYPES[rate], bytes(int(rate * 0.02) * 2))
    await asyncio.wait_for(connection.settle_rate(), 5)
    assert connection.rate == rate
    async with asyncio.timeout(5):
        while (came := await peer.frame())[0] == 0x10 and rate != 8_000:
            pass
    assert came == (TYPES[rate], bytes(int(rate * 0.02) * 2))


async def test_without_sound_the_rate_is_the_usual(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_audiosocket, "RATE_WITHIN", 0.01)
    connection, _ = await served.call()
    await asyncio.wait_for(connection.settle_rate(), 5)
    assert connection.rate == 8_000


HOSTILE = {
    "half a sample": frame(0x10, b"123"),
    "unknown type": frame(0x42, b"x"),
    "more than 48,000": frame(0x17, bytes(3840)),
    "another rate": frame(0x10, bytes(320)) + frame(0x12, bytes(640)),
    "no key": frame(0x03, b"x"),
    "two keys": frame(0x03, b"12"),
    "no key at all": frame(0x03),
    "a key that is no text": frame(0x03, b"\xff"),
    "a second name": frame(0x01, IDENTITY.bytes),
    "an error": frame(0xFF, b"\x01"),
    "an hour at once": frame(0x10, bytes(65_534)) * 20,
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_frame_that_cannot_be_ends_this_call_and_no_other(served: Served, what: str) -> None:
    other, other_peer = await served.call()
    connection, peer = await served.call()
    peer.writer.write(HOSTILE[what])
    assert (await asyncio.wait_for(served.ended.get(), 5)) is connection
    assert (await peer.frames_to_the_end())[-1] == (0x00, b"")
    assert connection.gone
    other_peer.send(0x03, b"5")
    assert await anext(other.heard()) == Key("5")


@pytest.mark.parametrize(
    "first", [frame(0x01, b"short"), frame(0x10, bytes(320)), b"GET / HTTP/1.1\r\n\r\n" * 3000, frame(0x00), b""]
)
async def test_who_does_not_say_whose_call_it_is_gets_nothing(
    served: Served, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_audiosocket, "IDENTIFY_WITHIN", 0.1)
    await served.dial(first)
    await asyncio.wait_for(served.ended.get(), 5)
    assert served.identified.empty()


async def test_a_peer_that_falls_silent_is_let_go(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_audiosocket, "SILENT_AT_MOST", 0.2)
    connection, peer = await served.call()
    peer.send(0x10, bytes(320))
    assert (await asyncio.wait_for(served.ended.get(), 5)) is connection
    assert [type(one) async for one in connection.heard()] == [Frame], "what came before counts"


async def test_a_frame_longer_than_what_comes_ends_by_its_silence(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_audiosocket, "SILENT_AT_MOST", 0.2)
    connection, peer = await served.call()
    peer.writer.write(struct.pack(">BH", 0x10, 65_535) + b"12")
    assert (await asyncio.wait_for(served.ended.get(), 5)) is connection


async def test_a_peer_that_reads_nothing_costs_no_memory(served: Served) -> None:
    connection, peer = await served.call()
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    transport = connection._transport
    assert transport
    for _ in range(20_000):
        connection.leave(1)
    assert transport.get_write_buffer_size() < 1_000_000


async def test_while_nobody_listens_nothing_more_is_read(served: Served) -> None:
    connection, _ = await served.call()
    transport = connection._transport
    assert transport
    connection.data_received(frame(0x10, bytes(960)) * 90)
    assert transport.is_reading()
    connection.data_received(frame(0x10, bytes(320)) + frame(0x03, b"1") + frame(0x10, bytes(960)) * 20)
    assert not transport.is_reading()
    heard = connection.heard()
    assert [type(await anext(heard)) for _ in range(112)].count(Key) == 1
    waiting = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0)
    assert transport.is_reading(), "all was taken"
    connection.data_received(frame(0x03, b"2"))
    assert await waiting == Key("2")


class Counted:
    """A call that counts what leaves."""

    def __init__(self) -> None:
        self.frames: list[int] = []

    def leave(self, frames: int) -> None:
        self.frames.append(frames)


async def test_the_pacer_makes_up_for_a_stall_but_not_for_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, pacer, call = asyncio.get_running_loop(), Pacer(), Counted()
    now = 100.0
    monkeypatch.setattr(loop, "time", lambda: now)
    timers: list[float] = []
    monkeypatch.setattr(loop, "call_at", lambda when, what: timers.append(when))
    pacer.add(call)
    for at in (100.0, 100.02, 100.045, 100.1, 105.0, 105.01):
        now = at
        pacer._tick()
    assert call.frames == [1, 1, 1, 3, MOST_AT_ONCE, 1]
    pacer.remove(call)
    pacer._tick()
    assert len(call.frames) == 6
    assert timers[:2] == pytest.approx([100.02, 100.04])
