"""What is spoken into the form: in every format its words become the post, and nothing that is sent stops the next."""

import asyncio
import functools
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiohttp import FormData
from pytest_aiohttp.plugin import AiohttpClient

from gateway.journey import media
from gateway.runtime import Runtime
from gateway.schema import MediaState, State, TranscriptState
from speech.models import Models
from store import posts_for_staff
from store.posts_for_staff import StaffPost
from tests.channels.public_site import open_site
from tests.speech import hostile
from tests.speech.encoding import AMR, DEMO, FORMATS, RECORDINGS, Format, amr, encoded, repacked
from tests.speech.test_recogniser import TYPED
from tests.web.conftest import World

API = "/api/v1/posts"
STEM = "000-cmn-latn-pinyin-m4"
WORDS = TYPED["zh"][STEM]
SPOKEN = (DEMO / f"zh/utterances/{STEM}-16k.wav").read_bytes()


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    """The site, with the demo's models where operators put theirs."""
    folder = runtime.settings.storage.data / "models"
    for language in TYPED:
        shutil.copytree(DEMO / language / "model", folder / language / "model")
    runtime.models = Models(folder)
    return await open_site(runtime, aiohttp_client)


async def send(world: World, data: bytes, kind: Format, language: str = "zh") -> tuple[int, dict[str, Any]]:
    """Upload one recording as a browser does; the status and the answer."""
    form = FormData()
    form.add_field("language", language)
    form.add_field("media", data, filename=kind.name, content_type=kind.type)
    async with world.client.post(API, data=form) as response:
        return response.status, await response.json()


async def written(world: World, ticket: str) -> StaffPost:
    while await media.work_on_due(world.runtime):
        pass
    async with world.runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, ticket))[0]


def in_format(kind: Format) -> tuple[bytes, Format]:
    return encoded(SPOKEN, kind), kind


FILES: Mapping[str, Callable[[], tuple[bytes, Format]]] = {
    **{name: functools.partial(in_format, kind) for name, kind in FORMATS.items()},
    "amr": lambda: (amr("zh", STEM), AMR),
    "amr in 3gp": lambda: (repacked(amr("zh", STEM), "3gp"), Format("3gp", "amr_nb", 8_000, "said.3gp", "audio/3gpp")),
    "wide band amr": lambda: ((RECORDINGS / "zh-000.awb").read_bytes(), AMR),
}


@pytest.mark.parametrize("name", FILES)
async def test_the_words_of_a_recording_are_the_post(world: World, name: str) -> None:
    data, kind = FILES[name]()
    status, answer = await send(world, data, kind)
    assert status == 202, answer
    post = await written(world, answer["ticket"])
    assert (post.text, post.language, post.state) == (WORDS, "zh", State.PENDING)
    [file] = post.media
    assert (file.state, file.transcript_state) == (MediaState.STORED, TranscriptState.DONE)


async def test_hostile_files_are_refused_in_words_or_kept_for_a_person_and_stop_nobody(world: World) -> None:
    kept = []
    for name, make in hostile.FILES.items():
        status, answer = await send(world, make(), FORMATS["wav"], "en")
        assert status in (202, 422), (name, answer)
        if status == 202:
            kept.append((name, answer["ticket"]))
        else:
            assert "media" in str(answer), (name, answer)
    good = await send(world, SPOKEN, FORMATS["wav"])
    assert (await written(world, good[1]["ticket"])).text == WORDS
    assert kept
    for name, ticket in kept:
        post = await written(world, ticket)
        [file] = post.media
        assert (name, file.state, post.state) == (name, MediaState.STORED, State.PENDING)
        if file.transcript_state is TranscriptState.FAILED:
            assert file.error, name
        else:
            assert (name, file.transcript_state, post.text) == (name, TranscriptState.DONE, "")
    assert (world.runtime.workers.lost, world.runtime.openers.lost) == (0, 0)


async def test_many_recordings_at_once_all_become_posts(world: World) -> None:
    sent = await asyncio.gather(*(send(world, SPOKEN, FORMATS["wav"]) for _ in range(8)))
    for status, answer in sent:
        assert status == 202
        assert (await written(world, answer["ticket"])).text == WORDS
