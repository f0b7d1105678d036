"""What was published as Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1, whole or by category, department, place, ticket."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from urllib.parse import urlencode
from xml.etree import ElementTree

from aiohttp import web
from pydantic import Field

from channels._syndication import ATOM, Seen, add, written
from channels.base import Capabilities, Channel, ChannelSettings, DeliveryKind, Guard, Route, Surroundings
from channels.desk import Desk
from gateway.schema_outgoing import Outgoing, SendResult
from gateway.schema_public import PublicPost, moment, public_json

FILTERS = ("category", "department", "place", "ticket")
TITLE_LENGTH = 60


class FeedSettings(ChannelSettings):
    """`[feeds]`: how many posts a feed holds."""

    length: int = Field(50, ge=1, le=100)


class Adapter(Channel):
    """The three feeds."""

    name = "feeds"
    capabilities = Capabilities(delivery=DeliveryKind.TIMELINE)
    Settings = FeedSettings

    def __init__(self, settings: FeedSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._length = settings.length
        self.seen = Seen()

    def routes(self, desk: Desk) -> Sequence[Route]:
        """One address a format."""
        return [
            Route("GET", f"/feeds/posts.{ending}", Guard.PUBLIC, partial(self._feed, desk, kind, write))
            for ending, (kind, write) in FORMATS.items()
        ]

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Nothing is left to do: feeds are drawn from what is published when they are asked for."""
        return SendResult(final=True)

    async def _feed(self, desk: Desk, kind: str, write: "Write", request: web.Request) -> web.Response:
        filters = {name: request.query[name] for name in FILTERS if request.query.get(name)}
        posts, _ = await desk.published(limit=self._length, settled=True, **filters)
        # The filters alone, in one order: whatever else stands in the query, it is the same feed.
        address = self.city.public_url + request.path + (f"?{urlencode(filters)}" if filters else "")
        body = write(Feed(self.city.name, self.city.public_url, self.city.language, address), posts)
        return self.seen.answer(request, address, body, kind)


class Feed:
    """What a feed says of itself."""

    def __init__(self, title: str, home: str, language: str, address: str) -> None:
        self.title, self.home, self.language, self.address = title, home, language, address

    def link(self, post: PublicPost) -> str:
        """Where a post is read."""
        return f"{self.home}/posts/{post.ticket}"


Write = Callable[[Feed, Sequence[PublicPost]], bytes]


def atom(feed: Feed, posts: Sequence[PublicPost]) -> bytes:
    """Atom; an answer makes its post's entry updated."""
    root = ElementTree.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": feed.language})
    newest = max((changed(post) for post in posts), default=None)
    add(root, f"{{{ATOM}}}id", feed.address)
    add(root, f"{{{ATOM}}}title", feed.title)
    add(root, f"{{{ATOM}}}updated", moment(newest) if newest else "1970-01-01T00:00:00Z")
    add(root, f"{{{ATOM}}}link", attributes={"rel": "self", "href": feed.address})
    add(root, f"{{{ATOM}}}link", attributes={"rel": "alternate", "href": feed.home + "/"})
    author = ElementTree.SubElement(root, f"{{{ATOM}}}author")
    add(author, f"{{{ATOM}}}name", feed.title)
    for post in posts:
        entry = ElementTree.SubElement(root, f"{{{ATOM}}}entry")
        add(entry, f"{{{ATOM}}}id", f"urn:everyline:post:{post.id}")
        add(entry, f"{{{ATOM}}}title", title(post))
        add(entry, f"{{{ATOM}}}published", moment(post.published_at or post.created_at))
        add(entry, f"{{{ATOM}}}updated", moment(changed(post)))
        add(entry, f"{{{ATOM}}}link", attributes={"rel": "alternate", "href": feed.link(post)})
        if post.category:
            add(entry, f"{{{ATOM}}}category", attributes={"term": post.category})
        add(entry, f"{{{ATOM}}}content", words(post), {"type": "text"})
    return written(root)


def rss(feed: Feed, posts: Sequence[PublicPost]) -> bytes:
    """RSS 2.0, with a link to itself as the best-practices profile asks."""
    root = ElementTree.Element("rss", {"version": "2.0"})
    channel = ElementTree.SubElement(root, "channel")
    add(channel, "title", feed.title)
    add(channel, "link", feed.home + "/")
    add(channel, "description", feed.title)
    add(channel, "language", feed.language)
    add(channel, f"{{{ATOM}}}link", attributes={"rel": "self", "href": feed.address, "type": "application/rss+xml"})
    for post in posts:
        item = ElementTree.SubElement(channel, "item")
        add(item, "title", title(post))
        add(item, "link", feed.link(post))
        add(item, "guid", f"urn:everyline:post:{post.id}", {"isPermaLink": "false"})
        add(item, "pubDate", format_datetime(post.published_at or post.created_at))
        if post.category:
            add(item, "category", post.category)
        add(item, "description", words(post))
    return written(root)


def json_feed(feed: Feed, posts: Sequence[PublicPost]) -> bytes:
    """JSON Feed 1.1; the whole post, as the API has it, stands under `_everyline`."""
    items = [
        {
            "id": f"urn:everyline:post:{post.id}",
            "url": feed.link(post),
            "title": title(post),
            "content_text": words(post),
            "date_published": moment(post.published_at or post.created_at),
            "date_modified": moment(changed(post)),
            "tags": [post.category] if post.category else [],
            "_everyline": public_json(post),
        }
        for post in posts
    ]
    whole = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home + "/",
        "feed_url": feed.address,
        "language": feed.language,
        "items": items,
    }
    return json.dumps(whole, ensure_ascii=False).encode()


FORMATS: Mapping[str, tuple[str, Write]] = {
    "atom": ("application/atom+xml", atom),
    "rss": ("application/rss+xml", rss),
    "json": ("application/feed+json", json_feed),
}


def title(post: PublicPost) -> str:
    """The beginning of a post, on one line."""
    line = " ".join(post.text.split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"


def words(post: PublicPost) -> str:
    """A post with its answers, as plain text."""
    answers = [f"[{answer.department}] {answer.text}" for answer in post.answers]
    return "\n\n".join([post.text, *answers])


def changed(post: PublicPost) -> datetime:
    """When a post or the newest of its answers was published."""
    moments = [answer.published_at for answer in post.answers if answer.published_at]
    return max([post.published_at or post.created_at, *moments])
