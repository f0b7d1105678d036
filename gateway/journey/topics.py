"""What can be followed: everything, a category, a department, a place, one ticket; and the words people use for each.

A topic is text: `all`, `phrase` (the phrase of the day), `category:<slug>`, `department:<slug>`,
`place:<folded name>`, `ticket:<number>`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.journey import organisation, tickets
from gateway.journey.folding import fold
from gateway.runtime import Runtime
from gateway.settings import Settings
from store.changes import Changing
from store.participating import FOLLOWED

ALL = "all"
# The phrase of the day, by name.
_PHRASE_WORDS = ("phrase", "daily phrase", "phrase of the day", "每日一句", "一句话")
_ALL_WORDS = ("all", "everything", "全部", "所有", "全市")
# How names of places end; what ends otherwise is a place only when it is called one.
_HAN = r"[\u4e00-\u9fff]"
_HAN_PLACE = rf"(?!一下|一个|这|那)(?:{_HAN}|\d){{1,8}}(?:路|街|巷|道|区|县|镇|乡|村|里|苑|园|桥|站|湖|河|广场)"
_LATIN_PLACE = r"[a-z][a-z\d' -]{1,24} (?:street|st|road|rd|avenue|ave|lane|square|park|bridge|village|district)"
_CALLED_PLACE = r"(?:place|地点|地方)[\s:：]*(?P<called>.{2,30})"
_PLACE = re.compile(f"{_CALLED_PLACE}|{_HAN_PLACE}|{_LATIN_PLACE}")
_TICKET = r"\d{4}[\s-]?\d{4}"
# A word or two that name nothing we know: asked for as a topic all the same, and told what there is.
_UNKNOWN = rf"(?<=[\s:：])(?:[a-z'-]{{1,16}}(?: [a-z'-]{{1,16}})?|{_HAN}{{1,6}})"
# Behind what is followed: post by post, and no digest.
NOW_PATTERN = r"(?:[\s:：]*(?:now|at once|即时|立即|实时))?"
_NOW = re.compile(r"[\s:：]*(?<![a-z])(?:now|at once|即时|立即|实时)$")


def without_now(words: str) -> tuple[str, bool]:
    """What is followed without the word for "at once" behind it, and whether that was there."""
    named = _NOW.sub("", words)
    return named.strip(), named != words


class Names:
    """The names by which a city's categories and departments are asked for."""

    def __init__(self, settings: Settings) -> None:
        # A department and a category of one name: the category, for it is what people mean by the word.
        self._topics: dict[str, str] = {}
        for kind, known in (("department", settings.departments), ("category", settings.categories)):
            for one in known:
                for name in (one.slug, *one.name.values()):
                    self._topics[fold(name)] = f"{kind}:{one.slug}"
        self._topics.update(dict.fromkeys(_PHRASE_WORDS, FOLLOWED))
        self._topics.update(dict.fromkeys(_ALL_WORDS, ALL))
        known_names = "|".join(re.escape(name) for name in sorted(self._topics, key=len, reverse=True))
        # What may stand behind FOLLOW, as a regular expression over folded text.
        self.pattern = f"(?:{known_names}|{_TICKET}|{_PLACE.pattern}|{_UNKNOWN})?"

    def topic(self, words: str) -> str | None:
        """The topic that folded words name; None when they name none."""
        words = words.strip()
        if known := self._topics.get(words):
            return known
        if found := tickets.find(words):
            return f"ticket:{found[0]}"
        if place := _PLACE.fullmatch(words):
            return f"place:{(place['called'] or words).strip()}"
        return None

    def examples(self) -> tuple[str, ...]:
        """The category topics, to be listed for somebody who asked for what there is not."""
        return tuple(dict.fromkeys(topic for topic in self._topics.values() if topic.startswith("category:")))


@dataclass(frozen=True, slots=True)
class Under:
    """Where a post belongs: its category and department with all they stand under, and `said`, the folded words that
    places are looked for in: its own, and the names of its place and of those around it."""

    categories: tuple[str, ...]
    departments: tuple[str, ...]
    said: str


def under(runtime: Runtime, post: Changing) -> Under:
    """Where a post belongs, by the trees as they are now."""
    settings, named = runtime.settings, runtime.gazetteer.names_around(post.place.slug)
    return Under(
        organisation.above(settings.known_categories, post.category),
        organisation.above(settings.known_departments, post.department),
        fold(" ".join([post.place.name or "", post.text, *named])),
    )


def of_post(ticket: str | None, under: Under, places: Iterable[str]) -> list[str]:
    """The topics under which a post is told. `places` are the place topics somebody follows: those it names count."""
    topics = [ALL]
    topics += [f"ticket:{ticket}"] if ticket else []
    topics += [f"category:{slug}" for slug in under.categories]
    topics += [f"department:{slug}" for slug in under.departments]
    topics += [topic for topic in places if topic.partition(":")[2] in under.said]
    return topics
