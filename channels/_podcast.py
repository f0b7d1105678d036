"""Bulletins as a podcast: RSS 2.0 with Apple's and the Podcast Standards Project's tags, chapters, and a transcript.

What directories ask for: Apple's requirements for RSS feeds, and PSP-1, the Podcast Standards Project's profile of RSS.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from html import escape
from uuid import UUID, uuid5
from xml.etree import ElementTree

from channels._syndication import ATOM, add, written
from gateway.schema_radio import Bulletin, BulletinPart
from speech.encoding import TYPE

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PODCAST = "https://podcastindex.org/namespace/1.0"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
# Under which podcasts' ids are made of their addresses (the namespace's `podcast:guid`).
NAMESPACE = UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
# Of Apple's list, each with one of its own.
CATEGORIES = (("News", "Daily News"), ("Government", None))
# Bytes that Apple takes of a description.
MOST_NOTES = 4000
COVER = "/static/radio-cover.png"
CHAPTERS_TYPE = "application/json+chapters"
TRANSCRIPT_TYPE = "text/vtt"
LANGUAGES = {"zh": "zh-cn", "en": "en"}

for _prefix, _space in (("itunes", ITUNES), ("podcast", PODCAST), ("content", CONTENT)):
    ElementTree.register_namespace(_prefix, _space)


@dataclass(frozen=True, slots=True)
class Podcast:
    """What a podcast says of itself; `address` is where it is read, `home` what links begin with."""

    title: str
    about: str
    author: str
    language: str
    address: str
    home: str

    def page(self, bulletin: Bulletin) -> str:
        """Where a bulletin is heard and read."""
        return f"{self.home}/radio/bulletins/{bulletin.id}"


def feed(podcast: Podcast, bulletins: Sequence[Bulletin]) -> bytes:
    """The podcast, newest bulletin first."""
    root = ElementTree.Element("rss", {"version": "2.0"})
    channel = ElementTree.SubElement(root, "channel")
    _describe(channel, podcast)
    if bulletins:
        add(channel, "lastBuildDate", format_datetime(bulletins[0].at))
    for bulletin in bulletins:
        _item(ElementTree.SubElement(channel, "item"), podcast, bulletin)
    return written(root)


def chapters(podcast: Podcast, bulletin: Bulletin) -> bytes:
    """Its chapters as JSON (the podcast namespace's format 1.2.0)."""
    listed = [
        {
            "startTime": round(part.start or 0, 3),
            "title": part.title,
            **({"url": f"{podcast.home}/posts/{part.ticket}"} if part.ticket else {}),
        }
        for part in bulletin.items
    ]
    whole = {"version": "1.2.0", "title": bulletin.title, "podcastName": podcast.title, "chapters": listed}
    return json.dumps(whole, ensure_ascii=False).encode()


def transcript(bulletin: Bulletin) -> bytes:
    """What is said when, as WebVTT."""
    ends = [part.start or 0 for part in bulletin.items[1:]] + [bulletin.seconds]
    cues = [
        f"{_clock(part.start or 0)} --> {_clock(end)}\n{_cue(part)}"
        for part, end in zip(bulletin.items, ends, strict=True)
    ]
    return ("WEBVTT\n\n" + "\n\n".join(cues) + "\n").encode()


def shown_seconds(seconds: float) -> str:
    """How long it is or where something begins, as hours, minutes and seconds."""
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02}:{whole % 60:02}"


def _describe(channel: ElementTree.Element, podcast: Podcast) -> None:
    add(channel, "title", podcast.title)
    add(channel, "link", podcast.home + "/radio")
    add(channel, "description", podcast.about)
    add(channel, "language", LANGUAGES[podcast.language])
    add(channel, "copyright", podcast.author)
    add(channel, "generator", "Everyline")
    add(channel, "ttl", "15")
    own = {"rel": "self", "href": podcast.address, "type": "application/rss+xml"}
    add(channel, f"{{{ATOM}}}link", attributes=own)
    add(channel, f"{{{ITUNES}}}author", podcast.author)
    add(channel, f"{{{ITUNES}}}explicit", "false")
    add(channel, f"{{{ITUNES}}}type", "episodic")
    add(channel, f"{{{ITUNES}}}image", attributes={"href": podcast.home + COVER})
    for name, within in CATEGORIES:
        category = add(channel, f"{{{ITUNES}}}category", attributes={"text": name})
        if within:
            add(category, f"{{{ITUNES}}}category", attributes={"text": within})
    add(channel, f"{{{PODCAST}}}guid", str(uuid5(NAMESPACE, podcast.address.partition("://")[2].rstrip("/"))))
    add(channel, f"{{{PODCAST}}}locked", "no")
    add(channel, f"{{{PODCAST}}}medium", "podcast")


def _item(item: ElementTree.Element, podcast: Podcast, bulletin: Bulletin) -> None:
    sound = {"url": podcast.home + bulletin.file("mp3"), "length": str(bulletin.size), "type": TYPE}
    add(item, "title", bulletin.title)
    add(item, "link", podcast.page(bulletin))
    # Never another one: what was heard is not told as new because a post of it was withdrawn.
    add(item, "guid", f"urn:everyline:bulletin:{bulletin.id}", {"isPermaLink": "false"})
    add(item, "pubDate", format_datetime(bulletin.at))
    add(item, "description", _notes(bulletin))
    add(item, f"{{{CONTENT}}}encoded", "".join(_shown(podcast, part) for part in bulletin.items))
    add(item, "enclosure", attributes=sound)
    add(item, f"{{{ITUNES}}}duration", str(round(bulletin.seconds)))
    add(item, f"{{{ITUNES}}}explicit", "false")
    add(item, f"{{{ITUNES}}}episodeType", "full")
    chaptered = {"url": podcast.home + bulletin.file("json"), "type": CHAPTERS_TYPE}
    add(item, f"{{{PODCAST}}}chapters", attributes=chaptered)
    written_down = {"url": podcast.home + bulletin.file("vtt"), "type": TRANSCRIPT_TYPE, "language": podcast.language}
    add(item, f"{{{PODCAST}}}transcript", attributes=written_down)


def _notes(bulletin: Bulletin) -> str:
    """When what begins, as far as it may be long. Readers take it for HTML."""
    notes = ""
    for part in bulletin.items:
        longer = f"{notes}{shown_seconds(part.start or 0)} {escape(part.title)}\n"
        if len(longer.encode()) > MOST_NOTES:
            break
        notes = longer
    return notes.rstrip()


def _shown(podcast: Podcast, part: BulletinPart) -> str:
    link = f'<a href="{podcast.home}/posts/{part.ticket}">{part.ticket}</a>' if part.ticket else ""
    return f"<p>{shown_seconds(part.start or 0)} {escape(part.text)} {link}</p>"


def _cue(part: BulletinPart) -> str:
    """One line, without what the format would take for its own."""
    return escape(" ".join(part.text.split()), quote=False)


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"
