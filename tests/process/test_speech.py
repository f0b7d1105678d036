"""`run.py speech` as operators use it: from a publisher that fails, from a file, and while the gateway runs."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.process.gateway import ROOT, running
from tests.process.test_start import run
from tests.process.test_webhooks import call
from tests.speech.model_server import Publisher
from tests.speech.test_installing import archived

pytestmark = pytest.mark.process

NAME = "vosk-model-small-en-9"
DEMO = ROOT / "gateway/simulator/demo_speech"
SPOKEN = DEMO / "en/utterances/001-en-f4-8k.wav"
WORDS = "water pipe leaking on north street number 27"


class World:
    """A publisher with a model, the settings that name it, and a folder for data."""

    def __init__(self, folder: Path, publisher: Publisher, url: str) -> None:
        self.publisher = publisher
        self.data = folder / "var"
        self.data.mkdir()
        self.config = shutil.copytree(ROOT / "config", folder / "config")
        self.environment = {"EVERYLINE_CONFIG": str(self.config), "EVERYLINE_DATA": str(self.data)}
        self._url = url.replace("model.zip", f"{NAME}.zip")
        self.offer()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.publisher.data).hexdigest()

    def offer(self, sha256: str = "", size: int = 0) -> None:
        """The catalogue: one model."""
        (self.config / "speech_models.toml").write_text(
            f'[[models]]\nname = "{NAME}"\nlanguage = "en"\nurl = "{self._url}"\n'
            f'licence = "Apache-2.0"\nsha256 = "{sha256}"\nbytes = {size}\n'
        )

    async def speech(self, *arguments: str) -> tuple[int, str, str]:
        """One command; its exit code and what it said."""
        return await run("speech", *arguments, **self.environment)

    @property
    def installed(self) -> list[str]:
        return sorted(
            str(path.parent.parent.relative_to(self.data / "models"))
            for path in self.data.glob("models/[a-z]*/*/am/final.mdl")
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    publisher = Publisher(archived(tmp_path / "model.zip", within=f"{NAME}/").read_bytes())
    yield World(tmp_path, publisher, await publisher.start())
    await publisher.close()


async def test_a_model_is_fetched_proved_tried_listed_checked_and_removed(world: World) -> None:
    world.offer(world.sha256, len(world.publisher.data))
    world.publisher.cuts = [100_000]
    code, said, complained = await world.speech("install", "en")
    assert (code, complained) == (0, "")
    assert f"SHA-256 {world.sha256} as expected" in said
    assert WORDS in said
    assert [status for _, status in world.publisher.asked] == [200, 206]
    assert world.installed == [f"en/{NAME}"]
    code, said, _ = await world.speech("list")
    assert code == 0
    assert f"en   {NAME:<32} used" in said
    assert "zh   none" in said
    code, said, _ = await world.speech("check")
    assert code == 0
    assert "real-time factor 0." in said
    assert "calls at once" in said
    code, said, _ = await world.speech("install", NAME)
    assert code == 1, "nothing is replaced unasked"
    code, said, _ = await world.speech("remove", NAME)
    assert (code, "Nobody is there to answer" in said) == (1, True)
    assert world.installed == [f"en/{NAME}"]
    assert (await world.speech("remove", "en", "--yes"))[0] == 0
    assert world.installed == []
    assert (await world.speech("check"))[0] == 1


async def test_a_wrong_hash_or_size_installs_nothing(world: World) -> None:
    world.offer("0" * 64)
    code, _, complained = await world.speech("install", "en")
    assert (code, "is not what it should be" in complained) == (2, True)
    world.offer(world.sha256, len(world.publisher.data) + 1)
    code, _, complained = await world.speech("install", "en")
    assert (code, "should have" in complained) == (2, True)
    assert world.installed == []
    assert list((world.data / "models/.incoming").glob("*.zip")) == []


async def test_an_archive_nobody_vouches_for_is_not_trusted_silently(world: World) -> None:
    code, _, complained = await world.speech("install", "en")
    assert code == 2
    assert f"--sha256 {world.sha256}" in complained
    assert world.installed == []
    code, _, complained = await world.speech("install", "en", "--sha256", "1" * 64)
    assert (code, "is not what it should be" in complained) == (2, True)
    code, _, _ = await world.speech("install", "en", "--sha256", world.sha256.upper())
    assert code == 0
    assert world.installed == [f"en/{NAME}"]


@pytest.mark.parametrize("what", ["nothing here", "de", "../../etc", "/dev/null", "README.md", "gateway"])
async def test_what_is_no_model_is_told_and_changes_nothing(world: World, what: str) -> None:
    code, _, complained = await world.speech("install", what, "--language", "en")
    assert code == 2
    assert complained
    assert "Traceback" not in complained
    assert world.installed == []


async def test_a_model_that_only_looks_whole_is_tried_and_refused(world: World, tmp_path: Path) -> None:
    broken = shutil.copytree(DEMO / "en/model", tmp_path / "vosk-model-en-broken")
    (broken / "am/final.mdl").write_bytes(b"this is no model")
    code, _, complained = await world.speech("install", str(broken))
    assert (code, "cannot be loaded" in complained) == (2, True)
    assert world.installed == []
    home = shutil.copytree(broken, world.data / "models/en/by-hand")
    code, said, _ = await world.speech("check")
    assert (code, "by-hand: the speech model by-hand cannot be loaded" in said) == (1, True)
    (home / "graph/words.txt").unlink()
    code, said, _ = await world.speech("list")
    assert (code, "by-hand" in said, "missing or empty: graph/words.txt" in said) == (1, True, True)


async def waiting(gateway: Any, token: str, ticket: str, state: str) -> dict[str, Any]:
    """The post in the queue, once its recording stands so."""
    while True:
        queue = await call(gateway, token, "console/queue")
        post: dict[str, Any] = next(item for item in queue["items"] if item["ticket"] == ticket)
        if post["media"] and post["media"][0]["transcript_state"] == state:
            return post
        await asyncio.sleep(0.1)


async def test_what_waits_is_in_the_queue_and_written_down_when_a_model_is_installed(
    world: World, tmp_path: Path
) -> None:
    async with running(world.data, **world.environment) as gateway:
        adding = ("user", "add", "ad", "--role", "administrator", "--password-stdin")
        await run(*adding, typed="long enough pw\n", **gateway.environment)
        token = (await run("user", "token", "ad", **gateway.environment))[1].strip()
        form = aiohttp.FormData()
        form.add_field("language", "en")
        form.add_field("media", SPOKEN.read_bytes(), filename="said.wav", content_type="audio/wav")
        async with aiohttp.ClientSession() as http, http.post(f"{gateway.url}/api/v1/posts", data=form) as response:
            assert response.status < 300, await response.text()
            ticket = (await response.json())["ticket"]
        post = await waiting(gateway, token, ticket, "no_model")
        assert (post["text"], post["state"]) == ("", "pending")
        assert (await world.speech("install", str(tmp_path / "model.zip"), "--language", "en"))[0] == 0
        post = await waiting(gateway, token, ticket, "done")
        assert post["text"] == WORDS
        assert await gateway.stop() == 0
