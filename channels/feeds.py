"""What was published as Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1, whole or by category, department, place, ticket."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from urllib.parse import urlencode
from xml.etree import ElementTree

from aiohttp import web
from pydantic import Field

from channels.base import Capabilities, Channel, ChannelSettings, DeliveryKind, Desk, Guard, Route, Surroundings
from gateway import clock
from gateway.schema import Outgoing, PublicPost, SendResult, moment, public_json

ATOM = "http://www.w3.org/2005/Atom"
FILTERS = ("category", "department", "place", "ticket")
TITLE_LENGTH = 60
FRESH_FOR = 30
REMEMBERED = 1000
# What XML 1.0 cannot hold at all, not even escaped.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ElementTree.register_namespace("atom", ATOM)


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
        self._seen: dict[str, tuple[str, datetime]] = {}

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
        etag = hashlib.sha256(body).hexdigest()[:32]
        response = web.Response(headers={"Cache-Control": f"public, max-age={FRESH_FOR}"})
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.etag = etag
        response.last_modified = self._changed_at(address, etag)
        if _has_it(request, etag, response.last_modified):
            response.set_status(304)
        else:
            response.body = body
            response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        return response

    def _changed_at(self, address: str, etag: str) -> datetime:
        """Since when a feed reads as it does, as far as this process knows.

        The newest post's time would not do: a withdrawal changes the feed as well and must reach whoever asks by time.
        """
        known = self._seen.pop(address, None)
        if known is None:
            known = (etag, clock.now().replace(microsecond=0))
        elif known[0] != etag:
            # Whole seconds, and never the same one twice: two changes within a second differ too.
            known = (etag, max(clock.now().replace(microsecond=0), known[1] + timedelta(seconds=1)))
        self._seen[address] = known
        if len(self._seen) > REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        return known[1]


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
    _add(root, f"{{{ATOM}}}id", feed.address)
    _add(root, f"{{{ATOM}}}title", feed.title)
    _add(root, f"{{{ATOM}}}updated", moment(newest) if newest else "1970-01-01T00:00:00Z")
    _add(root, f"{{{ATOM}}}link", attributes={"rel": "self", "href": feed.address})
    _add(root, f"{{{ATOM}}}link", attributes={"rel": "alternate", "href": feed.home + "/"})
    author = ElementTree.SubElement(root, f"{{{ATOM}}}author")
    _add(author, f"{{{ATOM}}}name", feed.title)
    for post in posts:
        entry = ElementTree.SubElement(root, f"{{{ATOM}}}entry")
        _add(entry, f"{{{ATOM}}}id", f"urn:everyline:post:{post.id}")
        _add(entry, f"{{{ATOM}}}title", title(post))
        _add(entry, f"{{{ATOM}}}published", moment(post.published_at or post.created_at))
        _add(entry, f"{{{ATOM}}}updated", moment(changed(post)))
        _add(entry, f"{{{ATOM}}}link", attributes={"rel": "alternate", "href": feed.link(post)})
        if post.category:
            _add(entry, f"{{{ATOM}}}category", attributes={"term": post.category})
        _add(entry, f"{{{ATOM}}}content", words(post), {"type": "text"})
    return _written(root)


def rss(feed: Feed, posts: Sequence[PublicPost]) -> bytes:
    """RSS 2.0, with a link to itself as the best-practices profile asks."""
    root = ElementTree.Element("rss", {"version": "2.0"})
    channel = ElementTree.SubElement(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", feed.home + "/")
    _add(channel, "description", feed.title)
    _add(channel, "language", feed.language)
    _add(channel, f"{{{ATOM}}}link", attributes={"rel": "self", "href": feed.address, "type": "application/rss+xml"})
    for post in posts:
        item = ElementTree.SubElement(channel, "item")
        _add(item, "title", title(post))
        _add(item, "link", feed.link(post))
        _add(item, "guid", f"urn:everyline:post:{post.id}", {"isPermaLink": "false"})
        _add(item, "pubDate", format_datetime(post.published_at or post.created_at))
        if post.category:
            _add(item, "category", post.category)
        _add(item, "description", words(post))
    return _written(root)


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


def _has_it(request: web.Request, etag: str, changed_at: datetime) -> bool:
    """Whether the asker's copy is still right (RFC 9110 section 13.2.2: the entity tag outweighs the time)."""
    if request.if_none_match is not None:
        return any(tag.value in (etag, "*") for tag in request.if_none_match)
    since = request.if_modified_since
    return since is not None and changed_at <= since


def _add(
    parent: ElementTree.Element, name: str, text: str | None = None, attributes: Mapping[str, str] | None = None
) -> None:
    element = ElementTree.SubElement(parent, name, dict(attributes or {}))
    element.text = _NOT_XML.sub("\ufffd", text) if text is not None else None


def _written(root: ElementTree.Element) -> bytes:
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
