"""The stream over real sockets: many listeners, a limit, the end of the process."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse
from pytest_aiohttp.plugin import AiohttpClient

from channels import _icy, radio
from channels.radio import RadioSettings
from gateway.casework import airing, bulletins
from gateway.runtime import Runtime
from speech.encoding import FRAME_BYTES
from tests.casework.radio_world import Humming
from tests.channels.public_site import open_site
from tests.web.conftest import World

HEADER = b"\xff\xf3\x64\xc4"
ENOUGH = 4 * FRAME_BYTES


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    """A radio with one bulletin, playing to at most three."""
    runtime.synthesiser = Humming()
    made = await open_site(runtime, aiohttp_client, RadioSettings(listeners=3))
    await made.published("water pipe leaking at the mill")
    await bulletins.make_now(runtime, actor="mo")
    await airing.speak_due(runtime)
    playing = asyncio.create_task(runtime.channels["radio"].run(made.desk))
    yield made
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)


async def listen(world: World, path: str = "/radio/live.mp3") -> ClientResponse:
    return await world.client.get(path, headers={"Range": "bytes=0-"})


async def frames_of(response: ClientResponse) -> set[bytes]:
    async with asyncio.timeout(30):
        sound = await response.content.readexactly(ENOUGH)
    return {sound[at : at + 4] for at in range(0, len(sound), FRAME_BYTES)}


async def test_several_listen_at_once_and_hear_whole_frames(world: World) -> None:
    responses = [await listen(world) for _ in range(3)]
    for response in responses:
        assert (response.status, response.content_type) == (200, "audio/mpeg")
        assert response.headers["Accept-Ranges"] == "none"
        assert response.headers["Cache-Control"] == "no-store"
        assert await frames_of(response) == {HEADER}
        response.close()


async def test_who_comes_when_all_places_are_taken_is_told_when_to_come_again(world: World) -> None:
    responses = [await listen(world) for _ in range(3)]
    for response in responses:
        await frames_of(response)
    refused = await listen(world)
    assert refused.status == 503
    assert refused.headers["Retry-After"] == str(radio.RETRY)
    other = await listen(world, "/radio/live.mp3?language=en")
    assert other.status == 503, "places are of all languages together"
    responses[0].close()
    async with asyncio.timeout(30):
        again = await listen(world)
        while again.status == 503:
            await asyncio.sleep(0.05)
            again = await listen(world)
    assert await frames_of(again) == {HEADER}


async def test_all_are_let_go_when_the_process_stops(world: World) -> None:
    responses = [await listen(world) for _ in range(2)]
    for response in responses:
        await frames_of(response)
    async with asyncio.timeout(1):
        await world.runtime.channels["radio"].hang_up()
    async with asyncio.timeout(30):
        for response in responses:
            await response.content.read()


async def opened(world: World, *headers: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, dict[str, str]]:
    """The stream as an old player opens it: over a bare socket, without chunks. Gives its headers too."""
    reader, writer = await asyncio.open_connection(world.client.host, world.client.port)
    request = ("GET /radio/live.mp3 HTTP/1.0", f"Host: {world.client.host}", *headers, "", "")
    writer.write("\r\n".join(request).encode())
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    assert " 200 " in status
    return reader, writer, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


async def test_a_player_that_asks_gets_the_titles_of_what_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_icy, "EVERY", 2000)  # less to wait for than three seconds of sound
    [bulletin] = await world.desk.bulletins("zh", 1)
    wanted = [bulletin.title, *(part.title for part in bulletin.items)]
    async with asyncio.timeout(60):
        reader, writer, headers = await opened(world, "Icy-MetaData: 1")
        assert headers["icy-metaint"] == "2000"
        sound, titles = b"", list[str]()
        while titles != wanted:
            sound += await reader.readexactly(2000)
            (units,) = await reader.readexactly(1)
            if units:
                said = (await reader.readexactly(units * 16)).rstrip(b"\0").decode()
                assert said.startswith("StreamTitle='")
                assert said.endswith("';")
                titles.append(said[len("StreamTitle='") : -2])
            assert titles == wanted[: len(titles)]
    assert {sound[at : at + 4] for at in range(0, len(sound) - 4, FRAME_BYTES)} == {HEADER}
    writer.close()


async def test_who_does_not_ask_gets_sound_alone(world: World) -> None:
    async with asyncio.timeout(60):
        reader, writer, headers = await opened(world, "Icy-MetaData: 0")
        sound = await reader.readexactly(20 * FRAME_BYTES)
    assert "icy-metaint" not in headers
    assert {sound[at : at + 4] for at in range(0, len(sound), FRAME_BYTES)} == {HEADER}
    writer.close()
    head = await world.client.head("/radio/live.mp3", headers={"Icy-MetaData": "1"})
    assert head.headers["icy-metaint"] == str(_icy.EVERY)
