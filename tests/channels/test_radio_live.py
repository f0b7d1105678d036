"""The stream over real sockets: many listeners, a limit, the end of the process."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse
from pytest_aiohttp.plugin import AiohttpClient

from channels import radio
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
