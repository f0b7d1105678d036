"""A running gateway takes changed word lists into force, and has kept what they found when it stops."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import aiohttp
import pytest

from tests.process.gateway import ROOT, running

pytestmark = pytest.mark.process


async def test_changed_lists_count_without_a_restart(tmp_path: Path) -> None:
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    async with (
        running(tmp_path / "var", EVERYLINE_CONFIG=str(config)) as gateway,
        aiohttp.ClientSession(gateway.url) as session,
    ):
        await send(session, "zzyzx")
        (config / "words" / "hold.txt").write_text("zzyzx\n")
        sent = 1
        while await send(session, "zzyzx") != "held":
            sent += 1
            assert sent < 40, "the changed list was never read"
            await asyncio.sleep(0.5)
        assert await gateway.stop() == 0
    with sqlite3.connect(tmp_path / "var" / "everyline.db") as database:
        assert database.execute("SELECT list, word, hits FROM word_hits").fetchall() == [("hold", "zzyzx", 1)]


async def send(session: aiohttp.ClientSession, text: str) -> str:
    """Say something by the API; gives its state."""
    async with session.post("/api/v1/posts", json={"text": text}) as answer:
        assert answer.status == 202
        state: str = (await answer.json())["state"]
        return state
