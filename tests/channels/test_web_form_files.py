"""Photos and voice notes by the form and by the API: kept, refused in words, once, and within bounds."""

import asyncio
import gzip
import json
import re
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData
from pytest_aiohttp.plugin import AiohttpClient
from sqlalchemy import func, select

from gateway.journey import media
from gateway.runtime import Runtime
from gateway.schema import MediaState, Place, PlaceFrom, State
from gateway.settings import Settings
from store import posts_for_staff, tables_media, tables_posts
from store.posts_for_staff import StaffPost
from tests.channels.public_site import open_site
from tests.journey.test_media import film, on_disk, photo_taken, recorded
from tests.journey.test_photos import heic, picture, written
from tests.web.conftest import World

API = "/api/v1/posts"
WORDS = "water pipe leaking on north street"
PNG = written(picture(), "PNG")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Small limits, so that tests need no large files."""
    media = settings.media.model_copy(update={"most_bytes": 200_000, "most_together": 400_000, "most_files": 3})
    return settings.model_copy(update={"media": media})


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


async def hidden(world: World) -> dict[str, str]:
    page = await (await world.client.get("/new")).text()
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


def form(fields: dict[str, str], *files: bytes, claimed: str = "image/jpeg", name: str = "photo.jpg") -> FormData:
    """A form as browsers send it: the chosen files, and an input left empty."""
    data = FormData(default_to_multipart=True, quote_fields=False)
    for key, value in fields.items():
        data.add_field(key, value)
    for file in files:
        data.add_field("media", file, filename=name, content_type=claimed)
    data.add_field("media", b"", filename="", content_type="application/octet-stream")
    return data


async def send(world: World, fields: dict[str, str], *files: bytes, **more: str) -> ClientResponse:
    return await world.client.post("/new", data=form(fields, *files, **more), allow_redirects=False)


async def post_of(world: World, response: ClientResponse) -> StaffPost:
    while await media.work_on_due(world.runtime):
        pass
    ticket = (
        response.headers["Location"].rpartition("/")[2][:8]
        if response.status == 303
        else (await response.json())["ticket"]
    )
    async with world.runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, ticket))[0]


def fault_of(page: str, field: str = "media") -> str:
    found = re.search(f'id="{field}-fault">([^<]*)<', page)
    return found[1] if found else ""


async def number_of(world: World, table: Any) -> int:
    async with world.runtime.database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_photos_and_a_voice_note_come_with_the_post(world: World) -> None:
    fields = await hidden(world) | {"text": WORDS, "place": "Old mill"}
    post = await post_of(world, await send(world, fields, photo_taken(), PNG, recorded()))
    assert [(file.type, file.state, file.public) for file in post.media] == [
        ("image/jpeg", MediaState.STORED, True),
        ("image/jpeg", MediaState.STORED, True),
        ("audio/webm", MediaState.STORED, False),
    ]
    assert post.place == Place("Old mill", 31.236, 121.5)
    assert post.place_from == PlaceFrom.PHOTO


async def test_a_form_without_files_is_as_before(world: World) -> None:
    post = await post_of(world, await send(world, await hidden(world) | {"text": WORDS, "place": "here"}))
    assert (post.text, post.media, post.place_from) == (WORDS, (), PlaceFrom.TYPED)


async def test_files_may_say_it_all(world: World) -> None:
    post = await post_of(world, await send(world, await hidden(world), photo_taken()))
    assert (post.text, post.state, len(post.media)) == ("", State.PENDING, 1)
    response = await send(world, await hidden(world))
    assert "write what is wrong" in fault_of(await response.text(), "text").lower()


async def test_the_browsers_position_is_kept_as_such(world: World) -> None:
    fields = await hidden(world) | {"text": WORDS, "lat": "30.5", "lon": "114.3"}
    post = await post_of(world, await send(world, fields, photo_taken()))
    assert (post.place.lat, post.place.lon, post.place_from) == (30.5, 114.3, PlaceFrom.BROWSER)


@pytest.mark.parametrize("degrees", [{"lat": "91", "lon": "0"}, {"lat": "1"}, {"lat": "north", "lon": "0"}])
async def test_a_position_that_is_none_is_said_beside_the_place(world: World, degrees: dict[str, str]) -> None:
    response = await send(world, await hidden(world) | {"text": WORDS} | degrees)
    assert response.status == 422
    assert fault_of(await response.text(), "place")


REFUSED: list[tuple[str, tuple[bytes, ...], str]] = [
    ("an SVG called a photo", (b'<svg xmlns="http://www.w3.org/2000/svg"/>',), "only photos and sound"),
    ("a page called a photo", (b"<!doctype html><script>alert(1)</script>",), "only photos and sound"),
    ("a film", (film(),), "films are not taken"),
    ("too large", (PNG, b"\x89PNG\r\n\x1a\n" + bytes(200_000)), "this file is too large"),
    ("too many", (PNG,) * 4, "too many files"),
]


@pytest.mark.parametrize(("label", "files", "words"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_a_file_that_is_not_taken_is_said_and_the_words_stay(
    world: World, label: str, files: tuple[bytes, ...], words: str
) -> None:
    response = await send(world, await hidden(world) | {"text": WORDS, "place": "here"}, *files)
    page = await response.text()
    assert response.status == 422
    assert words in fault_of(page)
    assert f">{WORDS}</textarea>" in page
    assert 'value="here"' in page
    assert "choose your photos and recordings again" in page
    assert await number_of(world, tables_posts.posts) == 0
    if label not in ("too many",):
        assert fault_of(page).startswith("photo.jpg: ")


async def test_what_is_wrong_elsewhere_says_that_files_must_be_chosen_again(world: World) -> None:
    response = await send(world, await hidden(world) | {"text": WORDS, "contact": "nobody"}, PNG)
    page = await response.text()
    assert "choose your photos and recordings again" in page
    assert on_disk(world.runtime) == []
    response = await send(world, await hidden(world) | {"text": WORDS, "contact": "nobody"})
    assert "choose your photos" not in await response.text()


async def test_a_name_of_a_file_is_only_words(world: World) -> None:
    response = await send(world, await hidden(world), b"%PDF", name="<b>x</b>.jpg")
    assert "&lt;b&gt;x&lt;/b&gt;.jpg: " in await response.text()


async def test_a_form_sent_twice_with_files_is_one_post(world: World) -> None:
    fields = await hidden(world) | {"text": WORDS}
    first, second = await asyncio.gather(*(send(world, fields, photo_taken(), PNG) for _ in range(2)))
    assert first.headers["Location"] == second.headers["Location"]
    assert (await number_of(world, tables_posts.posts), await number_of(world, tables_media.media)) == (1, 2)
    other = await send(world, fields, photo_taken())
    assert other.headers["Location"] == first.headers["Location"], "the same words with another photo add to it"
    assert (await number_of(world, tables_posts.posts), await number_of(world, tables_media.media)) == (2, 3)


async def test_the_same_photo_chosen_twice_is_kept_once(world: World) -> None:
    post = await post_of(world, await send(world, await hidden(world) | {"text": WORDS}, PNG, PNG))
    assert len(post.media) == 1


async def test_a_form_too_large_is_told_the_limit(world: World) -> None:
    response = await send(world, await hidden(world) | {"text": WORDS}, *(bytes(150_000),) * 3)
    page = await response.text()
    assert response.status == 413
    assert "all files of a post together" in page
    assert await number_of(world, tables_posts.posts) == 0


async def test_a_form_without_a_length_is_bounded_too(world: World) -> None:
    fields = await hidden(world)
    whole = form(fields | {"text": WORDS}, *(bytes(150_000),) * 3)()

    class Pieces:
        """A body sent in chunks, whose length nobody said."""

        def __init__(self) -> None:
            self.data = bytearray()

        async def write(self, piece: bytes) -> None:
            self.data += piece

    sink = Pieces()
    await whole.write(sink)  # type: ignore[arg-type]  # all that it writes to

    async def pieces() -> Any:
        for at in range(0, len(sink.data), 10_000):
            yield bytes(sink.data[at : at + 10_000])

    headers = {"Content-Type": whole.headers["Content-Type"]}
    response = await world.client.post("/new", data=pieces(), headers=headers)
    assert response.status == 413


async def test_a_small_form_that_unpacks_to_a_large_one_is_bounded_too(world: World) -> None:
    whole = b'--x\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n\r\n' + bytes(50_000_000)
    packed = gzip.compress(whole + b"\r\n--x--\r\n")
    assert len(packed) < 400_000
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "gzip"}
    response = await world.client.post(API, data=packed, headers=headers)
    assert response.status == 413
    assert on_disk(world.runtime) == []


async def test_words_alone_keep_the_usual_limit(world: World) -> None:
    limit = world.runtime.settings.server.body_limit
    body = json.dumps({"text": "x" * limit}).encode()
    response = await world.client.post(API, data=body, headers={"Content-Type": "application/json"})
    assert response.status == 413
    response = await world.client.post("/new", data={"text": "x" * limit})
    assert response.status == 413


async def test_a_form_of_a_thousand_parts_is_refused(world: World) -> None:
    data = FormData(default_to_multipart=True)
    for number in range(1000):
        data.add_field(f"field{number}", "x")
    assert (await world.client.post(API, data=data)).status in (400, 413, 422)


BROKEN = [
    ("no boundary", "multipart/form-data", b"hello"),
    ("a boundary that never comes", "multipart/form-data; boundary=x", b"hello"),
    ("cut off", "multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhel'),
    ("nameless", "multipart/form-data; boundary=x", b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"),
    (
        "nested",
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nhello\r\n--y--\r\n--x--\r\n",
    ),
    (
        "unknown letters",
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="text"\r\nContent-Type: text/plain; charset=klingon\r\n'
        b"\r\nhi\r\n--x--\r\n",
    ),
    (
        "wrong letters",
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\xfe\r\n--x--\r\n',
    ),
    (
        "an encoding nobody knows",
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n'
        b"Content-Transfer-Encoding: klingon\r\n\r\nhi\r\n--x--\r\n",
    ),
    ("heads without end", "multipart/form-data; boundary=x", b"--x\r\nX: " + b"y" * 100_000),
]


@pytest.mark.parametrize(("label", "kind", "body"), BROKEN, ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize("path", ["/new", API])
async def test_a_broken_form_is_refused_in_words(world: World, path: str, label: str, kind: str, body: bytes) -> None:
    response = await world.client.post(path, data=body, headers={"Content-Type": kind})
    assert response.status in (400, 403, 422), label
    assert await number_of(world, tables_posts.posts) == 0


async def test_a_new_visitors_cookie_survives_the_larger_limit(world: World) -> None:
    """The form is handled by a copy of the request; what the copy learns must reach the answer."""
    fields = await hidden(world)
    world.client.session.cookie_jar.clear()
    response = await send(world, fields | {"text": WORDS}, PNG)
    assert response.status == 403
    assert "everyline_visitor" in response.cookies


async def test_the_api_takes_several_files(world: World) -> None:
    data = form({"text": WORDS, "lat": "31.2", "lon": "121.5"}, photo_taken(), recorded())
    response = await world.client.post(API, data=data)
    assert response.status == 202
    post = await post_of(world, response)
    assert {file.type for file in post.media} == {"image/jpeg", "audio/webm"}
    assert (post.place.lat, post.place.lon, post.place_from) == (31.2, 121.5, PlaceFrom.TYPED)


async def test_the_api_takes_iphones_photos(world: World) -> None:
    response = await world.client.post(API, data=form({"text": WORDS}, heic(), claimed="application/octet-stream"))
    post = await post_of(world, response)
    assert [(file.type, file.state) for file in post.media] == [("image/jpeg", MediaState.STORED)]


async def test_a_key_makes_a_repeat_with_files_the_same_post(world: World) -> None:
    headers = {"Idempotency-Key": "one"}
    tickets = set()
    for _ in range(2):
        response = await world.client.post(API, data=form({"text": WORDS}, PNG), headers=headers)
        tickets.add((await response.json())["ticket"])
    assert len(tickets) == 1
    assert await number_of(world, tables_media.media) == 1


@pytest.mark.parametrize(
    ("fields", "files", "field"),
    [
        ({"text": WORDS}, (b"hello",), "media"),
        ({"text": WORDS}, (PNG,) * 4, "media"),
        ({}, (), "text"),
        ({"text": WORDS, "stranger": "x"}, (PNG,), "stranger"),
        ({"text": WORDS, "language": "fr"}, (recorded(),), "language"),
    ],
)
async def test_the_api_names_the_wrong_field(
    world: World, fields: dict[str, str], files: tuple[bytes, ...], field: str
) -> None:
    response = await world.client.post(API, data=form(fields, *files))
    problem = await response.json()
    assert (response.status, problem["field"]) == (422, field)


async def test_a_file_in_another_field_is_refused(world: World) -> None:
    data = FormData()
    data.add_field("text", PNG, filename="a.png", content_type="image/png")
    response = await world.client.post(API, data=data)
    assert (response.status, (await response.json())["field"]) == (422, "text")


async def test_the_api_too_large_is_a_problem_that_tells_the_limit(world: World) -> None:
    response = await world.client.post(API, data=form({"text": WORDS}, *(bytes(150_000),) * 3))
    problem = await response.json()
    assert (response.status, response.content_type) == (413, "application/problem+json")
    assert "400000 bytes" in problem["detail"]


async def test_the_description_names_the_files(world: World) -> None:
    described = await (await world.client.get("/api/openapi.json")).json()
    taken = described["paths"][API]["post"]["requestBody"]["content"]
    assert set(taken) == {"application/json", "multipart/form-data"}
    schema = taken["multipart/form-data"]["schema"]
    assert schema["properties"]["media"]["maxItems"] == 3
    assert "text" not in schema.get("required", [])
    assert "media" not in described["components"]["schemas"]["NewPost"]["properties"]


async def test_nothing_is_left_open_or_on_disk_after_an_upload(world: World) -> None:
    large = form(await hidden(world) | {"text": WORDS}, b"\x89PNG\r\n\x1a\n" + bytes(190_000))
    assert (await world.client.post("/new", data=large, allow_redirects=False)).status == 303
    assert len(on_disk(world.runtime)) == 1
