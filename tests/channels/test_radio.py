"""The radio as it is heard and read: page, podcast, files in ranges. What bulletins say is tested with casework."""

import io
import json
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import feedparser
import pytest
from pytest_aiohttp.plugin import AiohttpClient

from channels import _podcast
from channels._podcast import Podcast
from gateway.casework import airing, bulletins
from gateway.runtime import Runtime
from gateway.schema_outgoing import Outgoing
from gateway.schema_radio import Bulletin, BulletinPart
from gateway.web import assets
from speech.encoding import TYPE
from tests.casework.radio_world import Humming
from tests.channels.public_site import PUBLIC_URL, answered, open_site
from tests.web.conftest import World

ITUNES, PODCAST, CONTENT = (f"{{{space}}}" for space in (_podcast.ITUNES, _podcast.PODCAST, _podcast.CONTENT))
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    runtime.synthesiser = Humming()
    return await open_site(runtime, aiohttp_client)


async def speak(world: World) -> None:
    """Have a bulletin made of what is new, and what is not true any more made anew."""
    await bulletins.make_now(world.runtime, actor="mo")
    await bulletins.keep_up(world.runtime)
    await airing.speak_due(world.runtime)


@pytest.fixture
async def spoken(world: World) -> World:
    """A radio with one bulletin of two posts, one of them answered."""
    await answered(world, "water pipe leaking at the mill", "A crew is coming & will <stop> it.")
    await world.published("人民路的路灯坏了")
    await speak(world)
    return world


async def feed(world: World, language: str = "en") -> ElementTree.Element:
    response = await world.client.get(f"/feeds/radio.rss?language={language}")
    assert response.status == 200
    return ElementTree.fromstring(await response.read())


def text(element: ElementTree.Element, path: str) -> str:
    found = element.find(path)
    assert found is not None, path
    return found.text or ""


def attribute(element: ElementTree.Element, path: str, name: str) -> str:
    found = element.find(path)
    assert found is not None, path
    return found.get(name, "")


# Who asks for it, and what of: A is Apple's list of required and recommended tags and its notes on them, P is PSP-1
# of the Podcast Standards Project, R is RSS 2.0. Each is asked of the channel.
CHANNEL_RULES: dict[str, Callable[[ElementTree.Element, ElementTree.Element], object]] = {
    "R: the root is RSS 2.0 with one channel": lambda root, c: root.get("version") == "2.0" and len(root) == 1,
    "A P: title": lambda root, c: 0 < len(text(c, "title")) <= 255,
    "A P: description, at most 4000 bytes": lambda root, c: 0 < len(text(c, "description").encode()) <= 4000,
    "P: link to the page": lambda root, c: text(c, "link") == f"{PUBLIC_URL}/radio",
    "A P: language of ISO 639": lambda root, c: re.fullmatch("[a-z]{2}(-[a-z]{2})?", text(c, "language")),
    "A: artwork by an absolute address": lambda root, c: attribute(c, f"{ITUNES}image", "href").startswith("http"),
    "A P: a category of Apple's list": lambda root, c: attribute(c, f"{ITUNES}category", "text") == "News",
    "A: with one below it": lambda root, c: attribute(c, f"{ITUNES}category/{ITUNES}category", "text") == "Daily News",
    "A P: explicit is true or false": lambda root, c: text(c, f"{ITUNES}explicit") in ("true", "false"),
    "A: author": lambda root, c: text(c, f"{ITUNES}author"),
    "A: episodic or serial": lambda root, c: text(c, f"{ITUNES}type") in ("episodic", "serial"),
    "P: a link to itself": lambda root, c: (
        attribute(c, f"{ATOM}link", "rel") == "self"
        and attribute(c, f"{ATOM}link", "href") == f"{PUBLIC_URL}/feeds/radio.rss?language=en"
        and attribute(c, f"{ATOM}link", "type") == "application/rss+xml"
    ),
    "P: a guid that is a UUID of version 5": lambda root, c: UUID(text(c, f"{PODCAST}guid")).version == 5,
    "P: locked is yes or no": lambda root, c: text(c, f"{PODCAST}locked") in ("yes", "no"),
    "A: copyright": lambda root, c: text(c, "copyright"),
    "R: when it changed last, as RFC 822 writes it": lambda root, c: parsedate_to_datetime(text(c, "lastBuildDate")),
}
# The same, asked of each item.
ITEM_RULES: dict[str, Callable[[ElementTree.Element], object]] = {
    "A P: title": lambda i: 0 < len(text(i, "title")) <= 255,
    "A P: one enclosure": lambda i: len(i.findall("enclosure")) == 1,
    "A P: its address is absolute and ends as its type does": lambda i: re.fullmatch(
        rf"{PUBLIC_URL}/radio/bulletins/[0-9a-f]{{32}}-\d+\.mp3", attribute(i, "enclosure", "url")
    ),
    "A P: its length in bytes": lambda i: int(attribute(i, "enclosure", "length")) > 0,
    "A P: its type": lambda i: attribute(i, "enclosure", "type") == "audio/mpeg",
    "A P: a guid, not a link": lambda i: (
        text(i, "guid").startswith("urn:everyline:bulletin:") and attribute(i, "guid", "isPermaLink") == "false"
    ),
    "A P: when, as RFC 822 writes it, with a zone": lambda i: parsedate_to_datetime(text(i, "pubDate")).tzinfo,
    "A: description, at most 4000 bytes of show notes": lambda i: 0 < len(text(i, "description").encode()) <= 4000,
    "A: link to its page": lambda i: text(i, "link").startswith(f"{PUBLIC_URL}/radio/bulletins/"),
    "A P: duration in seconds": lambda i: int(text(i, f"{ITUNES}duration")) > 0,
    "A P: explicit is true or false": lambda i: text(i, f"{ITUNES}explicit") in ("true", "false"),
    "A: full, trailer or bonus": lambda i: text(i, f"{ITUNES}episodeType") in ("full", "trailer", "bonus"),
    "P: transcript with its type": lambda i: attribute(i, f"{PODCAST}transcript", "type") == "text/vtt",
    "P: transcript by an absolute address": lambda i: attribute(i, f"{PODCAST}transcript", "url").startswith("http"),
    "P: chapters": lambda i: attribute(i, f"{PODCAST}chapters", "type") == "application/json+chapters",
    "A: show notes as HTML, with links": lambda i: f'<a href="{PUBLIC_URL}/posts/' in text(i, f"{CONTENT}encoded"),
}


async def test_the_podcast_is_as_directories_ask(spoken: World) -> None:
    root = await feed(spoken)
    assert [rule for rule, holds in CHANNEL_RULES.items() if not holds(root, root[0])] == []


async def test_each_of_its_items_is_as_directories_ask(spoken: World) -> None:
    await spoken.published("another one")
    await speak(spoken)
    items = (await feed(spoken)).findall("channel/item")
    assert len(items) == 2
    assert [rule for item in items for rule, holds in ITEM_RULES.items() if not holds(item)] == []


def test_notes_are_cut_off_where_a_directory_would() -> None:
    parts = tuple(BulletinPart("长" * 60, (("zh", "说"),), None, float(number)) for number in range(50))
    bulletin = Bulletin("1", "zh", 1, "t", datetime(2026, 11, 25, tzinfo=UTC), parts, 60.0, 1)
    home = Podcast("t", "a", "c", "zh", f"{PUBLIC_URL}/feeds/radio.rss", PUBLIC_URL)
    notes = text(ElementTree.fromstring(_podcast.feed(home, [bulletin])), "channel/item/description")
    assert 3800 < len(notes.encode()) <= 4000
    assert notes.endswith("长")


def test_its_artwork_is_as_directories_ask() -> None:
    data = (assets.FOLDER / Path(_podcast.COVER).name).read_bytes()
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert width == height
    assert 1400 <= width <= 3000
    assert (depth, colour) == (8, 2), "RGB"
    assert len(data) < 512 * 1024


async def test_an_independent_parser_reads_it(spoken: World) -> None:
    response = await spoken.client.get("/feeds/radio.rss")
    assert response.content_type == "application/rss+xml"
    found = feedparser.parse(io.BytesIO(await response.read()))
    assert not found.bozo
    assert (found.feed.title, found.feed.language) == ("清源市播报", "zh-cn")
    assert found.feed.image.href == f"{PUBLIC_URL}/static/radio-cover.png"
    [entry] = found.entries
    assert entry.title.startswith("即时播报")
    [enclosure] = entry.enclosures
    assert enclosure.type == TYPE
    sound = await spoken.client.get(enclosure.href.removeprefix(PUBLIC_URL))
    assert (sound.status, sound.content_type) == (200, TYPE)
    assert len(await sound.read()) == int(enclosure.length)
    assert "人民路的路灯坏了" in entry.summary
    assert "A crew is coming &amp; will &lt;stop&gt; it." in entry.content[-1].value


async def test_an_empty_podcast_is_a_podcast(world: World) -> None:
    found = feedparser.parse(io.BytesIO(await (await world.client.get("/feeds/radio.rss?language=en")).read()))
    assert not found.bozo
    assert found.entries == []
    page = await (await world.client.get("/radio")).text()
    assert "There is no bulletin yet" in page
    assert (await world.client.get("/radio/live.mp3")).status == 404


async def test_a_language_that_is_none_is_refused(world: World) -> None:
    for path in ("/feeds/radio.rss", "/radio", "/radio/live.mp3"):
        assert (await world.client.get(f"{path}?language=xx")).status == 422


async def test_who_has_the_podcast_already_is_told_so_until_something_is_withdrawn(world: World) -> None:
    taken = await world.published("one")
    await world.published("two")
    await speak(world)
    first = await world.client.get("/feeds/radio.rss")
    [before] = feedparser.parse(io.BytesIO(await first.read())).entries
    asked = ({"If-None-Match": first.headers["ETag"]}, {"If-Modified-Since": first.headers["Last-Modified"]})
    for headers in asked:
        assert (await world.client.get("/feeds/radio.rss", headers=headers)).status == 304
    await world.withdraw(taken)
    for headers in asked:
        response = await world.client.get("/feeds/radio.rss", headers=headers)
        assert response.status == 200
        assert feedparser.parse(io.BytesIO(await response.read())).entries == [], "not before it is spoken anew"
    old = before.enclosures[0].href.removeprefix(PUBLIC_URL)
    assert (await world.client.get(old)).status == 404
    await bulletins.keep_up(world.runtime)
    await airing.speak_due(world.runtime)
    [after] = feedparser.parse(io.BytesIO(await (await world.client.get("/feeds/radio.rss")).read())).entries
    assert (after.id, after.published) == (before.id, before.published), "what was heard is not new again"
    assert after.enclosures[0].href != before.enclosures[0].href
    assert "one" not in after.summary.split()
    assert "two" in after.summary.split()
    led = await world.client.get(old, allow_redirects=False)
    assert led.status == 302
    assert f"{PUBLIC_URL}{led.headers['Location']}" == after.enclosures[0].href


async def sound_of(world: World) -> str:
    return attribute(await feed(world), "channel/item/enclosure", "url").removeprefix(PUBLIC_URL)


@pytest.mark.parametrize(
    ("method", "headers", "status", "sent", "ranged"),
    [
        ("GET", {}, 200, "all", None),
        ("HEAD", {}, 200, "nothing", None),
        ("GET", {"Range": "bytes=0-99"}, 206, "100", "bytes 0-99/{}"),
        ("GET", {"Range": "bytes=-10"}, 206, "10", "bytes {from_end}-{last}/{}"),
        ("GET", {"Range": "bytes=100-"}, 206, "rest", "bytes 100-{last}/{}"),
        ("GET", {"Range": "bytes=99999999-"}, 416, "any", "bytes */{}"),
        ("GET", {"Range": "lines=1-2"}, 416, "any", None),
        ("HEAD", {"Range": "bytes=0-99"}, 206, "nothing", "bytes 0-99/{}"),
        ("GET", {"If-None-Match": "{etag}"}, 304, "nothing", None),
        ("GET", {"If-None-Match": '"other"'}, 200, "all", None),
        ("GET", {"If-Modified-Since": "{modified}"}, 304, "nothing", None),
        ("GET", {"Range": "bytes=0-99", "If-Range": "{modified}"}, 206, "100", None),
        ("GET", {"Range": "bytes=0-99", "If-Range": "Thu, 01 Jan 2015 00:00:00 GMT"}, 200, "all", None),
        ("POST", {}, 405, "any", None),
    ],
)
async def test_the_sound_is_served_as_players_ask(
    spoken: World, method: str, headers: dict[str, str], status: int, sent: str, ranged: str | None
) -> None:
    path = await sound_of(spoken)
    whole = await spoken.client.get(path)
    body = await whole.read()
    known = {"etag": whole.headers["ETag"], "modified": whole.headers["Last-Modified"]}
    response = await spoken.client.request(
        method, path, headers={name: value.format(**known) for name, value in headers.items()}
    )
    got, size = await response.read(), len(body)
    assert response.status == status
    lengths = {"all": size, "nothing": 0, "100": 100, "10": 10, "rest": size - 100}
    assert sent == "any" or len(got) == lengths[sent]
    if ranged:
        wanted = ranged.format(size, last=size - 1, from_end=size - 10)
        assert response.headers["Content-Range"] == wanted
    if status == 200:
        assert int(response.headers["Content-Length"]) == size
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("path", ["/radio", "/feeds/radio.rss", "/radio/live.mp3"])
async def test_heads_are_answered_like_the_whole_without_it(spoken: World, path: str) -> None:
    head = await spoken.client.head(path)
    assert (head.status, await head.read()) == (200, b"")


async def test_chapters_and_transcript_fit_the_sound(spoken: World) -> None:
    path = await sound_of(spoken)
    response = await spoken.client.get(path.replace(".mp3", ".json"))
    assert response.content_type == "application/json+chapters"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    known = json.loads(await response.read())
    assert known["version"] == "1.2.0"
    starts = [chapter["startTime"] for chapter in known["chapters"]]
    assert starts == sorted(set(starts))
    assert [chapter["title"] for chapter in known["chapters"]] == [
        "Greeting",
        "water pipe leaking at the mill",
        "人民路的路灯坏了",
        "Closing",
    ]
    assert known["chapters"][1]["url"].startswith(f"{PUBLIC_URL}/posts/")
    written = await (await spoken.client.get(path.replace(".mp3", ".vtt"))).text()
    assert written.startswith("WEBVTT\n\n00:00:0")
    assert "A crew is coming &amp; will &lt;stop&gt; it." in written
    assert written.count(" --> ") == 4


@pytest.mark.parametrize(
    "path", ["/radio/bulletins/" + "0" * 32, "/radio/bulletins/" + "0" * 32 + "-1.mp3", "/radio/bulletins/x-1.mp3"]
)
async def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    assert (await world.client.get(path)).status == 404


async def test_the_page_plays_reads_and_leads_on(spoken: World) -> None:
    page = await (await spoken.client.get("/radio?language=en")).text()
    sound = await sound_of(spoken)
    assert f'src="{sound}"' in page
    assert len(re.findall(rf'href="{re.escape(sound)}#t=\d+\.\d"', page)) == 4, (
        "chapters lead into the sound without script"
    )
    assert "A crew is coming &amp; will &lt;stop&gt; it." in page
    assert '<span lang="zh-Hans">人民路的路灯坏了' in page
    assert 'href="/feeds/radio.rss?language=en"' in page
    assert 'class="qr"' in page
    await spoken.published("another one")
    await speak(spoken)
    both = await (await spoken.client.get("/radio?language=en")).text()
    assert "another one" in both
    assert "leaking" not in both
    [earlier] = set(re.findall(r'href="(/radio/bulletins/[0-9a-f]{32})" lang', both.split("Earlier bulletins")[1]))
    assert "leaking" in await (await spoken.client.get(earlier)).text()


async def test_the_page_drops_what_is_withdrawn_at_once(world: World) -> None:
    taken = await world.published("water pipe leaking at the mill")
    await world.published("人民路的路灯坏了")
    await speak(world)
    assert "leaking" in await (await world.client.get("/radio")).text()
    await world.withdraw(taken)
    page = await (await world.client.get("/radio")).text()
    assert "leaking" not in page
    assert "路灯" in page
    assert "It is being spoken" in page


async def test_pages_name_the_radio(world: World) -> None:
    page = await (await world.client.get("/")).text()
    assert 'href="/radio"' in page
    assert 'href="/feeds/radio.rss?language=en"' in page
    assert 'href="/radio"' in await (await world.client.get("/follow")).text()


async def test_a_delivery_is_done_at_once(world: World) -> None:
    assert (await world.runtime.channels["radio"].send(Outgoing(1, None, "text", "zh", "1"))).final


async def test_the_hotline_reads_the_newest_without_what_is_withdrawn(world: World) -> None:
    assert await world.desk.bulletin("en") is None
    taken = await world.published("water pipe leaking at the mill")
    await world.published("人民路的路灯坏了")
    await bulletins.make_now(world.runtime, actor="mo")
    newest: Any = await world.desk.bulletin("en")
    assert "leaking" in " ".join(newest.parts), "before it is spoken"
    await world.withdraw(taken)
    newest = await world.desk.bulletin("en")
    assert "leaking" not in " ".join(newest.parts)
    assert len(newest.parts) == 3
