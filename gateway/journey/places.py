"""Finds the places of the gazetteer in what people write and say: with house numbers, at crossings, by their aliases.

Pure once it is made, and quick over tens of thousands of names: all are looked for in one pass over the folded text.
Where nothing stands as it is written, names are looked for by their sound, as recordings are written down and as people
type what they hear: the same syllables, ending in the same character (人名路 for 人民路).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ahocorasick_rs import AhoCorasick

from gateway.journey import likeness, place_lines, place_signs
from gateway.journey.folding import fold
from gateway.journey.place_signs import Number
from gateway.schema import LANGUAGES, Place
from gateway.sections_places import KnownPlace

# Names of fewer characters sound like too much else.
SOUNDS_FROM = 3
# Who names more places than these says by the first of them where it is.
MOST_HITS = 32
# How the ends of English road names are shortened.
_SHORT_ENDS: Mapping[str, Sequence[str]] = {
    "street": ("st", "str"),
    "road": ("rd",),
    "avenue": ("ave", "av"),
    "lane": ("ln",),
    "square": ("sq",),
    "boulevard": ("blvd",),
    "drive": ("dr",),
}
# Which of several places a text is about: the finest; of equally fine ones the first.
_FINE_KINDS = ("estate", "landmark", "road", "village", "district")
_CROSSING, _NUMBERED = -2, -1


@dataclass(frozen=True, slots=True)
class _Hit:
    """A name in a folded text, and the places that bear it."""

    start: int
    end: int
    places: Sequence[KnownPlace]


class Gazetteer:
    """All places of a city, ready to be found."""

    def __init__(self, places: Sequence[KnownPlace]) -> None:
        self._by_slug = {place.slug: place for place in places}
        self._order = {place.slug: number for number, place in enumerate(places)}
        self._around = {place.slug: self._chain(place) for place in places}
        named: defaultdict[str, dict[str, KnownPlace]] = defaultdict(dict)
        for place in places:
            for name in _spellings(place):
                named[name][place.slug] = place
        self._named = named
        self._written = _Index(named)
        self._spoken = _Index(_by_sound(named))

    def __bool__(self) -> bool:
        return bool(self._by_slug)

    def find(self, text: str, language: str) -> Place | None:
        """The place a text is about, its name written in a language (that of the text), or None.

        A name that several places bear is told by another one around it in the text; else it has neither slug nor
        degrees.
        """
        if not self._by_slug:
            return None
        folded = fold(text)
        hits = self._apart(folded, self._written.hits(folded)) or self._sounding(folded)
        if not hits:
            return None
        ranked = [*self._crossings(folded, hits, language), *self._singles(folded, hits, language)]
        return min(ranked, key=lambda one: one[:2])[2]

    def called(self, name: str) -> str | None:
        """The slug of the one place that is called so, in any language, or has this slug; None when there is none."""
        bear = self._named.get(fold(name), {})
        return name if name in self._by_slug else next(iter(bear)) if len(bear) == 1 else None

    def names_around(self, slug: str | None) -> tuple[str, ...]:
        """All that a place and those around it are called."""
        return tuple(name for one in sorted(self.around(slug)) for name in self._by_slug[one].names)

    def around(self, slug: str | None) -> frozenset[str]:
        """The slugs of a place and of all around it; empty for one that is not known."""
        return self._around.get(slug or "", frozenset())

    def named(self, slug: str | None, language: str) -> str | None:
        """The name of a place in a language, or in the one it has; None for one that is not known."""
        known = self._by_slug.get(slug or "")
        return _named(known, language) if known else None

    def is_coarse(self, slug: str | None) -> bool:
        """Whether a place is too wide to send somebody there: a district."""
        known = self._by_slug.get(slug or "")
        return known is not None and known.kind == "district"

    def _chain(self, place: KnownPlace) -> frozenset[str]:
        slugs, around = {place.slug}, place.within
        while around in self._by_slug and around not in slugs:
            slugs.add(around)
            around = self._by_slug[around].within
        return frozenset(slugs)

    def _sounding(self, folded: str) -> list[_Hit]:
        """What is found by its sound alone, where it stands in the folded text."""
        if not self._spoken or not likeness.has_han(folded):
            return []
        squeezed = likeness.squeeze(folded)
        heard, from_squeezed, from_folded = (
            likeness.sounds(squeezed),
            likeness.sounds_from(squeezed),
            likeness.squeezed_from(folded),
        )
        hits = []
        for hit in self._spoken.hits(heard):
            start = from_folded[from_squeezed[hit.start][0]][0]
            end = from_folded[from_squeezed[hit.end - 1][1] - 1][1]
            alike = [place for place in hit.places if folded[end - 1] in {name[-1] for name in place.names}]
            hits += [_Hit(start, end, alike)] if alike else []
        return self._apart(folded, hits)

    def _apart(self, folded: str, hits: Iterable[_Hit]) -> list[_Hit]:
        """The hits that are whole words, the longest where they overlap, in order."""
        chosen: list[_Hit] = []
        for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
            if _inside_word(folded, hit.start) or _inside_word(folded, hit.end):
                continue
            if not chosen or hit.start >= chosen[-1].end:
                chosen.append(hit)
            if len(chosen) == MOST_HITS:
                break
        return chosen

    def _crossings(self, folded: str, hits: list[_Hit], language: str) -> Iterable[tuple[int, int, Place]]:
        for first, second in pairwise(hits):
            roads = [self._meant(hit, hits) for hit in (first, second)]
            if any(road is None or road.kind != "road" for road in roads):
                continue
            if place_signs.cross(folded, (first.start, first.end), (second.start, second.end)):
                known = sorted((road for road in roads if road), key=lambda road: self._order[road.slug])
                yield _CROSSING, first.start, _crossing(known[0], known[1], language)

    def _singles(self, folded: str, hits: list[_Hit], language: str) -> Iterable[tuple[int, int, Place]]:
        for hit in hits:
            place = self._meant(hit, hits)
            if place is None:
                name = _named(hit.places[0], language)
                yield _FINE_KINDS.index(hit.places[0].kind), hit.start, Place(name)
                continue
            number = _number(folded, hit, place)
            yield _NUMBERED if number else _FINE_KINDS.index(place.kind), hit.start, _place(place, number, language)

    def _meant(self, hit: _Hit, hits: Iterable[_Hit]) -> KnownPlace | None:
        """The one of several places of a name that lies in another place of the text; None when that tells nothing."""
        if len(hit.places) == 1:
            return hit.places[0]
        others = {place.slug for other in hits if other is not hit for place in other.places}
        inside = [place for place in hit.places if (self._around[place.slug] - {place.slug}) & others]
        return inside[0] if len(inside) == 1 else None


class _Index:
    """Names in one form, looked for in texts of that form."""

    def __init__(self, named: Mapping[str, Mapping[str, KnownPlace]]) -> None:
        self._automaton = AhoCorasick(list(named)) if named else None
        self._places = [tuple(places.values()) for places in named.values()]

    def __bool__(self) -> bool:
        return self._automaton is not None

    def hits(self, text: str) -> list[_Hit]:
        if self._automaton is None:
            return []
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        return [_Hit(start, end, self._places[index]) for index, start, end in found]


def _spellings(place: KnownPlace) -> Iterable[str]:
    """How a place is found: its names, folded, and the English ones with their ends shortened."""
    for name in place.names:
        folded = fold(name)
        yield folded
        stem, _, end = folded.rpartition(" ")
        if stem and folded.isascii():
            yield from (f"{stem} {short}" for short in _SHORT_ENDS.get(end, ()))


def _by_sound(named: Mapping[str, Mapping[str, KnownPlace]]) -> Mapping[str, Mapping[str, KnownPlace]]:
    spoken: defaultdict[str, dict[str, KnownPlace]] = defaultdict(dict)
    for name, places in named.items():
        if len(name) >= SOUNDS_FROM and likeness.may_sound(name):
            spoken[likeness.sounds(name)].update(places)
    return spoken


def _inside_word(folded: str, at: int) -> bool:
    """Whether a position is inside a word of Latin letters or a number; Han has no such borders."""
    if not 0 < at < len(folded):
        return False
    before, after = folded[at - 1], folded[at]
    return before.isascii() and after.isascii() and before.isalnum() and after.isalnum()


def _number(folded: str, hit: _Hit, place: KnownPlace) -> Number | None:
    return place_signs.number_at(folded, hit.start, hit.end) if place.kind != "district" else None


def _named(place: KnownPlace, language: str) -> str:
    """A place's name in a language, or else in the one it has."""
    return next(place.name[known] for known in (language, *LANGUAGES) if known in place.name)


def _place(place: KnownPlace, number: Number | None, language: str) -> Place:
    name = _named(place, language)
    if number:
        han = place_signs.is_han(name[-1])
        road = f"{number.figures} {name}" if place.kind in ("road", "village") else f"{name} {number.figures}"
        name = f"{name}{number.figures}{number.sign}" if han else road
    return Place(name, *_degrees(place, number), place.slug)


def _degrees(place: KnownPlace, number: Number | None) -> tuple[float | None, float | None]:
    if number and place.numbers and (point := place_lines.house(place.line, place.numbers, number.value)):
        return point
    if place.lat is None and place.line:
        return place_lines.middle(place.line)
    return place.lat, place.lon


def _crossing(one: KnownPlace, other: KnownPlace, language: str) -> Place:
    names = (_named(one, language), _named(other, language))
    han = all(place_signs.is_han(name[-1]) for name in names)
    name = f"{names[0]}与{names[1]}路口" if han else f"{names[0]} / {names[1]}"
    if one.line and other.line:
        return Place(name, *place_lines.crossing(one.line, other.line), one.slug)
    return Place(name, *_degrees(one, None), one.slug)
