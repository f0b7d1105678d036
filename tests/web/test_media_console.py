"""Photos in the hands of staff: seen small, taken from the public, put back, tried again."""

import io
import re

import pytest
from aiohttp import ClientResponse
from PIL import Image

from gateway import clock
from gateway.journey import media, moderation
from gateway.schema import Action, MediaState
from gateway.schema_incoming import Incoming, Taken
from store import media as media_rows
from store import posts_for_staff
from store.accounts import Role
from tests.journey.test_media import photo_taken, recorded
from tests.web.conftest import World


async def pictured(world: World, *files: bytes, publish: bool = True) -> Taken:
    """A post with files, worked on until nothing is due."""
    kept = tuple([await world.desk.upload(data, "") for data in files])
    incoming = Incoming(
        channel="form",
        external_id=clock.new_id(),
        text="look at this",
        received_at=clock.now(),
        address=f"web:{clock.new_id()}",
        media=kept,
        commands=False,
    )
    taken = await world.desk.take(incoming)
    while await media.work_on_due(world.runtime):
        pass
    assert taken.post_id
    if publish:
        await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="test")
    return taken


async def files_of(world: World, taken: Taken) -> list[str]:
    async with world.runtime.database.reading() as connection:
        return [file.id for post in await posts_for_staff.thread(connection, taken.ticket or "") for file in post.media]


async def log_in(world: World, role: Role) -> None:
    await world.account(role, "mo")
    await world.log_in("mo")
    await world.client.get("/console?lang=en")


async def press(world: World, path: str, **form: str) -> ClientResponse:
    hidden = {"csrf": await world.form_token("/console")}
    return await world.client.post(path, data={**hidden, **form}, allow_redirects=False)


async def test_a_preview_is_served_by_the_same_rule_as_the_photo(world: World) -> None:
    taken = await pictured(world, photo_taken())
    [photo] = await files_of(world, taken)
    whole, small = [await world.client.get(f"/media/{photo}{part}") for part in ("", "/preview")]
    assert (whole.status, whole.headers["Content-Type"]) == (200, "image/jpeg")
    assert (small.status, small.headers["Content-Type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(await small.read())).size == (480, 320)
    assert small.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    part = await world.client.get(f"/media/{photo}/preview", headers={"Range": "bytes=0-3"})
    assert (part.status, await part.read()) == (206, b"RIFF")
    await world.withdraw(taken)
    for path in ("", "/preview"):
        assert (await world.client.get(f"/media/{photo}{path}")).status == 404


async def test_a_recording_has_no_preview(world: World) -> None:
    taken = await pictured(world, recorded())
    [note] = await files_of(world, taken)
    staff = await world.token(Role.VIEWER)
    assert (await world.client.get(f"/media/{note}", headers=staff)).status == 200
    assert (await world.client.get(f"/media/{note}/preview", headers=staff)).status == 404
    assert (await world.client.get(f"/media/{note}")).status == 404


@pytest.mark.parametrize("back", ["/console", "ticket", "https://evil.example"])
async def test_a_moderator_takes_a_photo_away_and_puts_it_back(world: World, back: str) -> None:
    taken = await pictured(world, photo_taken())
    [photo] = await files_of(world, taken)
    staff = await world.token(Role.VIEWER)
    post = f"/posts/{taken.ticket}"
    await log_in(world, Role.MODERATOR)
    page = await (await world.client.get(f"/console{post}")).text()
    assert f'src="/media/{photo}/preview"' in page
    assert "Leave out" in page
    onward = f"/console{post}" if back == "ticket" else back
    gone = await press(world, f"/console/media/{photo}/visibility", public="0", back=onward)
    assert (gone.status, gone.headers["Location"]) == (303, "/console" if "evil" in back else onward)
    world.client.session.cookie_jar.clear()
    assert (await world.client.get(f"/media/{photo}")).status == 404
    assert (await world.client.get(f"/media/{photo}", headers=staff)).status == 200
    await world.log_in("mo")
    page = await (await world.client.get(f"/console{post}?lang=en")).text()
    assert "Show again" in page
    assert "photo kept from the public" in page
    await press(world, f"/console/media/{photo}/visibility", public="1", back="/console")
    world.client.session.cookie_jar.clear()
    assert (await world.client.get(f"/media/{photo}")).status == 200


async def test_only_moderators_do_and_only_with_photos(world: World) -> None:
    taken = await pictured(world, photo_taken(), recorded())
    files = await files_of(world, taken)
    assert (await world.client.post(f"/console/media/{files[0]}/visibility", allow_redirects=False)).status == 303
    await log_in(world, Role.OFFICER)
    assert (await press(world, f"/console/media/{files[0]}/visibility", public="0")).status == 403
    assert (await press(world, f"/console/media/{files[0]}/again")).status == 403
    assert "Leave out" not in await (await world.client.get(f"/console/posts/{taken.ticket}")).text()
    world.client.session.cookie_jar.clear()
    await world.account(Role.MODERATOR, "anna")
    await world.log_in("anna")
    assert [(await press(world, f"/console/media/{file}/visibility", public="1")).status for file in files] == [
        303,
        409,
    ]
    assert (await press(world, f"/console/media/{'0' * 32}/visibility", public="1")).status == 404
    foreign = await world.client.post(f"/console/media/{files[0]}/visibility", data={"csrf": "x", "public": "0"})
    assert foreign.status == 403


async def test_what_could_not_be_used_says_why_and_is_tried_again(world: World) -> None:
    taken = await pictured(world, photo_taken()[:-300], publish=False)
    await log_in(world, Role.MODERATOR)
    rows = await (await world.client.get("/console/queue/rows?lang=zh")).text()
    assert "图片已损坏或不完整" in rows
    [photo] = await files_of(world, taken)
    assert (await press(world, f"/console/media/{photo}/again", back="/console")).status == 303
    async with world.runtime.database.reading() as connection:
        assert await media_rows.waits(connection, clock.now(), MediaState.DUE)
    assert (await press(world, f"/console/media/{photo}/again", back="/console")).status == 409


async def test_staff_see_where_a_photo_was_taken_and_how_that_is_known(world: World) -> None:
    taken = await pictured(world, photo_taken(), publish=False)
    await log_in(world, Role.VIEWER)
    for path in ("/console", f"/console/posts/{taken.ticket}"):
        page = re.sub(r"<[^>]+>", "", await (await world.client.get(path)).text())
        assert "31.23600, 121.50000 (read from the photo)" in page


async def test_the_public_sees_photos_in_the_api_and_on_pages(world: World) -> None:
    taken = await pictured(world, photo_taken(), recorded(), photo_taken()[:-300])
    shown = (await (await world.client.get(f"/api/v1/posts/{taken.ticket}")).json())["media"]
    [photo] = shown
    assert photo == {
        "url": photo["url"],
        "type": "image/jpeg",
        "transcript": None,
        "confidence": None,
        "preview": f"{photo['url']}/preview",
        "width": 600,
        "height": 400,
    }
