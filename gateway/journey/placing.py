"""Where a message says something is, and under which category it falls when its author chose none: both suggested.

What the author gave himself is never replaced; what the gazetteer knows of it is added.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from gateway.journey import folding, routing
from gateway.runtime import Runtime
from gateway.schema import Kind, Place, PlaceFrom
from gateway.schema_incoming import Incoming
from store.changes import Changing

# Kinds about something somewhere, of which a department wants to know where.
SOMEWHERE = (Kind.REPORT,)
# Who gave a category.
AUTHOR, WORDS, STAFF = "author", "words", "staff"


@dataclass(frozen=True, slots=True)
class Filed:
    """Where a post belongs, and who knew: its place and its category."""

    place: Place = field(default_factory=Place)
    place_from: PlaceFrom | None = None
    category: str | None = None
    category_from: str | None = None


def file(runtime: Runtime, incoming: Incoming, text: str, language: str | None) -> Filed:
    """Say where a message belongs, by what its author gave and else by its words."""
    language = language or runtime.settings.city.language
    place, place_from = _placed(runtime, incoming, text, language)
    if any(known.slug == incoming.category for known in runtime.settings.categories):
        return Filed(place, place_from, incoming.category, AUTHOR)
    category = routing.suggest(runtime, text, place.slug, incoming.channel, incoming.received_at) if text else None
    return Filed(place, place_from, category, WORDS if category else None)


def refile(runtime: Runtime, post: Changing, text: str, language: str) -> dict[str, Any]:
    """What changes of where a first post belongs, now that it says a text: what words told before, or nobody did."""
    if post.thread_id != post.id:
        return {}
    place, values = post.place, dict[str, Any]()
    known = runtime.gazetteer.find(text, language)
    told = post.place_from in (None, PlaceFrom.WORDS)
    if known and (told or place.name is None):
        values = columns(known if told else Place(known.name, place.lat, place.lon, known.slug))
        values["place_from"] = PlaceFrom.WORDS if told else post.place_from
    if post.category is None or post.category_from == WORDS:
        slug = known.slug if known and values else place.slug
        suggested = routing.suggest(runtime, text, slug, post.channel, post.created_at)
        values |= {"category": suggested, "category_from": WORDS} if suggested else {}
    return values


def refile_thread(runtime: Runtime, thread: Changing, added: Changing, text: str, language: str) -> dict[str, Any]:
    """What a report without a place gets from a recording that its author added, now that it is written down."""
    nowhere = thread.place.name is None and thread.place.lat is None
    own = added.author_id is not None and added.author_id == thread.author_id
    known = runtime.gazetteer.find(text, language) if nowhere and own else None
    return columns(known) | {"place_from": PlaceFrom.WORDS} if known else {}


def columns(place: Place) -> dict[str, Any]:
    """A place as the columns of a post."""
    return {"place": place.name, "lat": place.lat, "lon": place.lon, "place_slug": place.slug}


def _placed(runtime: Runtime, incoming: Incoming, text: str, language: str) -> tuple[Place, PlaceFrom | None]:
    given = incoming.place
    name = given.name and folding.clean(given.name, 200)
    known = runtime.gazetteer.find(name, language) if name else None
    if known is None and name != given.name:
        given = replace(given, name=name or None)
    if name and known is None:
        return given, incoming.place_from
    known = known or runtime.gazetteer.find(text, language)
    if known is None:
        return given, incoming.place_from
    if name or given.lat is not None:
        # His own words, and where he stands, say it better than we do.
        degrees = (known.lat, known.lon) if given.lat is None else (given.lat, given.lon)
        return Place(name or known.name, *degrees, known.slug), incoming.place_from
    return known, PlaceFrom.WORDS
