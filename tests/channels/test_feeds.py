import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from xml.etree import ElementTree

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from channels import _syndication, feeds
from gateway import clock
from gateway.runtime import Runtime
from gateway.schema import Kind, Place, State
from gateway.schema_cases import Progress
from gateway.schema_outgoing import Outgoing
from gateway.schema_public import PublicPost
from tests.channels.public_site import PUBLIC_URL, answered, open_site
from tests.conftest import broadcasting_as
from tests.web.conftest import World

ATOM = {"a": "http://www.w3.org/2005/Atom"}
EARLY, LATE = datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
HOME = feeds.Feed("City", "https://city.example", "zh", "https://city.example/feeds/posts.atom")
ENDINGS = ("atom", "rss", "json")


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


def post(text: str, answers: tuple[PublicPost, ...] = (), published_at: datetime = EARLY) -> PublicPost:
    return PublicPost(
        id="0" * 31 + "1",
        ticket="48217053",
        kind=Kind.REPORT,
        text=text,
        channel="form",
        state=State.PUBLISHED,
        progress=Progress.NEW,
        category="water",
        department="water",
        place=Place("North Street"),
        media=(),
        created_at=EARLY,
        published_at=published_at,
        parent=None,
        comments=0,
        answers=answers,
    )


def texts(body: bytes, ending: str) -> list[str]:
    """The words of each entry of a feed."""
    if ending == "json":
        return [item["content_text"] for item in json.loads(body)["items"]]
    root = ElementTree.fromstring(body)
    path = "a:entry/a:content" if ending == "atom" else "channel/item/description"
    return [element.text or "" for element in root.findall(path, ATOM)]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_feed_holds_what_is_published_and_nothing_else(world: World, ending: str) -> None:
    await world.say("waits for review")
    await world.published("for the department only", private=True)
    await world.withdraw(await world.published("taken back"))
    await answered(world, "water pipe leaking", "A crew is coming")
    response = await world.client.get(f"/feeds/posts.{ending}")
    assert response.status == 200
    assert response.content_type == feeds.FORMATS[ending][0]
    assert texts(await response.read(), ending) == ["water pipe leaking\n\n[water] A crew is coming"]


@pytest.mark.parametrize(
    ("query", "found"),
    [("", 2), ("?department=water", 1), ("?department=police", 0), ("?category=heating", 0), ("?place=nowhere", 0)],
)
async def test_a_feed_is_narrowed(world: World, query: str, found: int) -> None:
    await answered(world, "water pipe leaking", "A crew is coming")
    await world.published("something else entirely")
    assert len(texts(await (await world.client.get(f"/feeds/posts.json{query}")).read(), "json")) == found


async def test_a_feed_waits_until_a_publication_cannot_be_undone(world: World) -> None:
    world.runtime.settings = broadcasting_as(world.runtime.settings, undo_seconds=20.0)
    await world.published("water pipe leaking")
    assert texts(await (await world.client.get("/feeds/posts.json")).read(), "json") == []
    assert "water pipe leaking" in await (await world.client.get("/")).text()
    world.runtime.settings = broadcasting_as(world.runtime.settings, undo_seconds=0.0)
    assert len(texts(await (await world.client.get("/feeds/posts.json")).read(), "json")) == 1


async def test_a_feed_of_one_ticket(world: World) -> None:
    wanted = await world.published("this one")
    await world.published("not this one")
    response = await world.client.get(f"/feeds/posts.json?ticket={wanted.ticket}&lang=en&stray=1")
    body = await response.json(content_type=None)
    assert [item["url"] for item in body["items"]] == [f"{PUBLIC_URL}/posts/{wanted.ticket}"]
    assert body["feed_url"] == f"{PUBLIC_URL}/feeds/posts.json?ticket={wanted.ticket}"


def test_atom_has_all_that_rfc_4287_demands() -> None:
    answer = post("It is done", published_at=LATE)
    root = ElementTree.fromstring(feeds.atom(HOME, [post("leak\x00 & <b>\ud800 here", (answer,))]))
    assert [root.findtext(f"a:{name}", namespaces=ATOM) for name in ("id", "title", "updated")] == [
        HOME.address,
        "City",
        "2026-11-23T09:30:00.000Z",
    ]
    links = {link.get("rel"): link.get("href") for link in root.findall("a:link", ATOM)}
    assert links == {"self": HOME.address, "alternate": "https://city.example/"}
    [entry] = root.findall("a:entry", ATOM)
    assert entry.findtext("a:id", namespaces=ATOM) == "urn:everyline:post:" + "0" * 31 + "1"
    assert entry.findtext("a:published", namespaces=ATOM) == "2026-11-23T08:00:00.000Z"
    assert entry.findtext("a:updated", namespaces=ATOM) == "2026-11-23T09:30:00.000Z"
    assert entry.findtext("a:title", namespaces=ATOM) == "leak\ufffd & <b>\ufffd here"


def test_rss_has_all_that_readers_ask_for() -> None:
    root = ElementTree.fromstring(feeds.rss(HOME, [post("leak")]))
    [item] = root.findall("channel/item")
    guid = item.find("guid")
    assert guid is not None
    assert (guid.text, guid.get("isPermaLink")) == ("urn:everyline:post:" + "0" * 31 + "1", "false")
    assert parsedate_to_datetime(item.findtext("pubDate") or "") == EARLY
    assert item.findtext("link") == "https://city.example/posts/48217053"
    own = root.find("channel/a:link", ATOM)
    assert own is not None
    assert (own.get("rel"), own.get("href")) == ("self", HOME.address)


def test_json_feed_is_version_1_1() -> None:
    whole = json.loads(feeds.json_feed(HOME, [post("leak")]))
    assert whole["version"] == "https://jsonfeed.org/version/1.1"
    [item] = whole["items"]
    assert (item["content_text"], item["tags"], item["_everyline"]["ticket"]) == ("leak", ["water"], "48217053")


@pytest.mark.parametrize("write", [write for _, write in feeds.FORMATS.values()])
def test_an_empty_feed_is_a_feed(write: feeds.Write) -> None:
    assert write(HOME, [])


@pytest.mark.parametrize(
    ("text", "title"),
    [("short", "short"), ("two\n lines", "two lines"), ("长" * 61, "长" * 59 + "…"), ("长" * 60, "长" * 60)],
)
def test_a_title_is_the_beginning(text: str, title: str) -> None:
    assert feeds.title(post(text)) == title


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_who_has_it_already_is_told_so(world: World, form: str) -> None:
    await world.published("one")
    first = await world.client.get("/feeds/posts.atom")
    again = await world.client.get("/feeds/posts.atom", headers={"If-None-Match": form.format(first.headers["ETag"])})
    assert (again.status, await again.read()) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "max-age=30" in again.headers["Cache-Control"]


async def test_a_withdrawal_reaches_who_asks_by_tag_or_by_time(world: World) -> None:
    taken = await world.published("one")
    await world.published("two")
    first = await world.client.get("/feeds/posts.atom")
    by_time = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert (await world.client.get("/feeds/posts.atom", headers=by_time)).status == 304
    await world.withdraw(taken)
    for headers in (by_time, {"If-None-Match": first.headers["ETag"]}):
        assert (await world.client.get("/feeds/posts.atom", headers=headers)).status == 200


async def test_the_tag_outweighs_the_time(world: World) -> None:
    later = format_datetime(clock.now() + timedelta(days=1), usegmt=True)
    headers = {"If-None-Match": '"other"', "If-Modified-Since": later}
    assert (await world.client.get("/feeds/posts.rss", headers=headers)).status == 200


async def test_only_so_many_addresses_are_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_syndication, "REMEMBERED", 2)
    for place in "abc":
        await world.client.get(f"/feeds/posts.atom?place={place}")
    adapter = world.runtime.channels["feeds"]
    assert isinstance(adapter, feeds.Adapter)
    assert [address[-1] for address in adapter.seen.addresses] == ["b", "c"]


async def test_a_delivery_is_done_at_once(world: World) -> None:
    assert (await world.runtime.channels["feeds"].send(Outgoing(1, None, "text", "zh", "1"))).final


@pytest.mark.parametrize("ending", ENDINGS)
async def test_every_page_names_the_feeds(world: World, ending: str) -> None:
    page = await (await world.client.get("/rules")).text()
    assert f'href="/feeds/posts.{ending}"' in page
