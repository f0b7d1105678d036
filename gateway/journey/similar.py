"""Reports that are about the same thing as another, though they do not say the same: across channels, words and place.

Candidates come from the store by their marks (`sketch`), however old within `WITHIN` and however many others there are.
Compared are then the pairs of neighbouring letters of the folded texts (Dice's coefficient), which needs no words and
so serves Han and Latin alike; the same place, category and a little time between them add to it, and numbers of houses
that differ take from it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import cos, hypot, radians

from gateway import clock
from gateway.journey import sketch
from gateway.journey.folding import fold
from gateway.runtime import Runtime
from gateway.schema import Place, State
from store import likeness
from store.likeness import Report
from store.posts_for_staff import StaffPost

WITHIN = timedelta(days=30)
SHOWN = 5
# From which likeness on (of 1) reports are shown as similar, and from which on one is asked or offered to be joined.
ENOUGH, LIKELY = 0.42, 0.52
# What a shared place, one near by, and a shared category add; what another category, other numbers and each day between
# them take.
SAME_PLACE, NEAR, SAME_CATEGORY, OTHER_CATEGORY, OTHER_NUMBERS, A_DAY = 0.15, 0.12, 0.05, 0.1, 0.25, 0.003
# Of another house a report is never likely about the same thing, however alike the words are.
ANOTHER_HOUSE = 0.45
# Of a long text so many characters are compared: it says at its beginning what it is about.
COMPARED = 600
# Metres within which something is near.
NEAR_BY = 150
NOWHERE = Place()
_METRES = 111_320
_NUMBER = re.compile(r"(?<![\d*])\d{1,4}(?![\d*])")


@dataclass(frozen=True, slots=True)
class Said:
    """What is compared: words that are masked, where it is and what it is about, and when it was said."""

    text: str
    place: Place = NOWHERE
    category: str | None = None
    at: datetime | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Similar:
    """One of them: its ticket, words and state, and how like it is, of 1. What is `public` can be joined to."""

    id: str
    ticket: str
    text: str
    state: State
    share: float
    public: bool
    channel: str
    created_at: datetime


def said(post: StaffPost) -> Said:
    """A post as it is compared."""
    return Said(post.text, post.place, post.category, post.created_at, post.id)


async def to(runtime: Runtime, one: Said, *, public: bool = False, limit: int = SHOWN) -> Sequence[Similar]:
    """The reports most like one, the likest first; with `public` only those that everybody may read.

    Where it is, its words may say. What was turned away is left out; what was joined to another one stands for that
    one.
    """
    if not fold(one.text).strip():
        return ()
    if one.place.name is None and one.place.lat is None:
        known = runtime.gazetteer.find(one.text, runtime.settings.city.language)
        one = replace(one, place=known or NOWHERE)
    at = one.at or clock.now()
    marks = sketch.wanted(one.text, one.place.name, one.place.lat, one.place.lon)
    async with runtime.database.reading() as connection:
        found = await likeness.found_by(connection, marks, at - WITHIN)
    best: dict[str, Similar] = {}
    for other in found:
        alive = other.public if public else other.state in (State.PENDING, State.HELD, State.PUBLISHED)
        if not alive or other.id == one.id:
            continue
        share = measured(one, other, at)
        if share >= ENOUGH and (other.id not in best or share > best[other.id].share):
            best[other.id] = _similar(other, share)
    return sorted(best.values(), key=lambda known: -known.share)[:limit]


def measured(one: Said, other: Report, at: datetime) -> float:
    """How like a report is another one, of 1."""
    share = likeness_of(one.text, other.words)
    name = fold(one.place.name or "").strip()
    if name and name == fold(other.place.name or "").strip():
        share += SAME_PLACE
    elif _near(one.place, other.place):
        share += NEAR
    if one.category and other.category:
        share += SAME_CATEGORY if one.category == other.category else -OTHER_CATEGORY
    numbers, others = _numbers(one.text, one.place.name), _numbers(other.words, other.place.name)
    if numbers and others and not numbers & others:
        share = min(share - OTHER_NUMBERS, ANOTHER_HOUSE)
    return min(1.0, share - A_DAY * abs((at - other.created_at) / timedelta(days=1)))


def likeness_of(one: str, other: str) -> float:
    """The share of pairs of letters that two texts have in common, 0 to 1."""
    first, second = _pairs(one), _pairs(other)
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if total else 0.0


@lru_cache(maxsize=1024)
def _pairs(text: str) -> Counter[str]:
    letters = [letter for letter in fold(text[:COMPARED]) if letter.isalnum()]
    return Counter(first + second for first, second in pairwise(letters))


@lru_cache(maxsize=1024)
def _numbers(text: str, place: str | None) -> frozenset[str]:
    return frozenset(_NUMBER.findall(fold(f"{text[:COMPARED]} {place or ''}")))


def _near(one: Place, other: Place) -> bool:
    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return False
    north, east = (one.lat - other.lat) * _METRES, (one.lon - other.lon) * _METRES * cos(radians(one.lat))
    return hypot(north, east) <= NEAR_BY


def _similar(other: Report, share: float) -> Similar:
    return Similar(
        id=other.id,
        ticket=other.ticket,
        text=other.text,
        state=other.state,
        share=share,
        public=other.public,
        channel=other.channel,
        created_at=other.created_at,
    )
