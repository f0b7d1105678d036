from dataclasses import dataclass

import pytest
from sqlalchemy import insert

from gateway import clock
from gateway.schema import MediaState, TranscriptState
from gateway.schema_incoming import Taken
from store.accounts import Role
from store.database import Transaction
from store.tables_media import media
from tests.web.conftest import World

SOUND = bytes(range(256)) * 8


async def keep(
    world: World, taken: Taken, *, type: str = "audio/mpeg", public: bool = True, stored: bool = True
) -> str:
    """A file of a post, as `journey.media` leaves it; gives its address."""
    sha256 = await world.runtime.blobs.keep(SOUND)
    row = {
        "id": clock.new_id(),
        "post_id": taken.post_id,
        "channel": "form",
        "external_id": clock.new_id(),
        "url": "http://127.0.0.1/never-asked",
        "type": type,
        "state": MediaState.STORED if stored else MediaState.DUE,
        "sha256": sha256 if stored else None,
        "public": public,
        "transcript_state": TranscriptState.NONE,
        "created_at": clock.now(),
    }

    async def work(transaction: Transaction) -> None:
        await transaction.connection.execute(insert(media), row)

    await world.runtime.database.write(work)
    return f"/media/{row['id']}"


@dataclass(frozen=True, slots=True)
class Case:
    """A post and its file, and who may hear it."""

    name: str
    publish: bool = True
    private: bool = False
    withdrawn: bool = False
    public: bool = True
    stored: bool = True
    for_all: bool = False
    for_staff: bool = True


CASES = [
    Case("public", for_all=True),
    Case("recording not made public", public=False),
    Case("waiting", publish=False),
    Case("private", private=True),
    Case("withdrawn", withdrawn=True),
    Case("not fetched yet", stored=False, for_staff=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_who_may_hear_a_recording(world: World, case: Case) -> None:
    say = world.published if case.publish else world.say
    taken = await say("路灯坏了", private=case.private)
    if case.withdrawn:
        await world.withdraw(taken)
    path = await keep(world, taken, public=case.public, stored=case.stored)
    stranger = await world.client.get(path)
    assert stranger.status == (200 if case.for_all else 404)
    staff = await world.client.get(path, headers=await world.token(Role.VIEWER))
    assert staff.status == (200 if case.for_staff else 404)
    if case.for_staff:
        assert await staff.read() == SOUND
        assert staff.headers["Cache-Control"].startswith("private")


async def test_a_browser_may_ask_for_a_part(world: World) -> None:
    path = await keep(world, await world.published("路灯坏了"))
    response = await world.client.get(path, headers={"Range": "bytes=10-19"})
    assert (response.status, await response.read()) == (206, SOUND[10:20])
    assert response.headers["Content-Range"] == f"bytes 10-19/{len(SOUND)}"


async def test_what_is_withdrawn_is_gone_at_once_also_behind_a_cache(world: World) -> None:
    taken = await world.published("路灯坏了")
    path = await keep(world, taken)
    first = await world.client.get(path)
    assert first.headers["Cache-Control"] == "public, no-cache"
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await world.client.get(path, headers=known)).status == 304
    await world.withdraw(taken)
    assert (await world.client.get(path, headers=known)).status == 404


@pytest.mark.parametrize(
    ("type", "served"),
    [
        ("audio/mpeg", "audio/mpeg"),
        ("audio/ogg", "audio/ogg"),
        ("image/jpeg", "image/jpeg"),
        ("image/webp", "image/webp"),
        ("image/svg+xml", "application/octet-stream"),
        ("text/html", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
    ],
)
async def test_nothing_served_can_run_in_a_browser(world: World, type: str, served: str) -> None:
    response = await world.client.get(await keep(world, await world.published("路灯坏了"), type=type))
    assert response.headers["Content-Type"] == served
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == "inline"


@pytest.mark.parametrize("path", ["/media/" + "0" * 32, "/media/x", "/media/../../etc/passwd", "/media/%2e%2e%2fx"])
async def test_what_is_no_file_is_a_404(world: World, path: str) -> None:
    assert (await world.client.get(path)).status == 404
