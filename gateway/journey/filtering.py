"""The word filter: what the city's lists say of a text, before anybody reads it.

A text is folded and searched whole: as it is squeezed (nothing between Han characters), by its sounds, and by the Latin
letters it looks like (`likeness`). Where the words stand in the text as typed is worked out only when there are some.
What only sounds or looks like a word is a suspicion and held at worst. A word that stands inside a phrase of the list
`allow` does not count. Words of the list `emergency` say nothing of the ruling.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from pathlib import Path

from gateway.errors import SettingsError
from gateway.journey import likeness, matching, tracing, wordlists
from gateway.journey.folding import fold
from gateway.journey.matching import Entry, Form, Match, compile_form
from gateway.journey.tracing import Trace
from gateway.journey.wordlists import Lists, WordList
from gateway.schema import Hit, Ruling, Verdict
from gateway.sections import Likeness, WordLists

# The places of a text that a page may mark; what is found beyond them counts all the same.
MOST_HITS = 200

_RULINGS = {WordList.BLOCK: Ruling.BLOCK, WordList.HOLD: Ruling.HOLD, WordList.WATCH: Ruling.WATCH}
_RANK = {ruling: rank for rank, ruling in enumerate(Ruling)}
_PASSED = Verdict(Ruling.PASS)


class WordFilter:
    """Judges texts by word lists; made once, never changed, safe to share between threads."""

    def __init__(self, lists: Lists, alike: Likeness | None = None) -> None:
        """Compile the lists; words are folded, and one that is nothing when folded is left out."""
        alike = alike or Likeness()
        entries = list(dict.fromkeys(_entries(lists)))
        self.allowed = tuple(lists.get(WordList.ALLOW, ()))
        self.sizes: Mapping[str, int] = {name: sum(entry.list is name for entry in entries) for name in lists}
        self._squeezed = compile_form(entries, matching.as_squeezed)
        self._edged = compile_form(entries, matching.as_edged)
        as_sounds = partial(matching.as_sounds, shortest=alike.sounds_from)
        self._sounds = compile_form(entries, as_sounds, bordered=False) if alike.sounds else None
        self._looks = compile_form(entries, matching.as_looks) if alike.looks else None

    @classmethod
    def load(cls, folder: Path, chosen: WordLists | None = None, alike: Likeness | None = None) -> "WordFilter":
        """Read the lists that are on. Raises `SettingsError` with every list that cannot be used."""
        lists, problems = wordlists.read(folder, chosen or WordLists())
        if problems:
            raise SettingsError(problems)
        return cls(lists, alike)

    def judge(self, text: str) -> Verdict:
        """Say the worst ruling among the words found, every rule (`list:word`) that matched, and where."""
        folded = fold(text)
        squeezed = likeness.squeeze(folded)
        written, edged = _find(self._squeezed, squeezed), _find(self._edged, folded)
        sounds = _find(self._sounds, likeness.sounds(squeezed)) if self._sounds and likeness.has_han(squeezed) else []
        looks = _find(self._looks, likeness.looks(folded)) if self._looks else []
        if not (written or edged or sounds or looks):
            return _PASSED
        origin = tracing.of_folding(text)
        hits = list(_hits(edged, origin))
        if written or sounds:
            squeezing = tracing.through(likeness.squeezed_from(folded), origin)
            hits += _hits(written, squeezing)
            hits += _hits(sounds, tracing.through(likeness.sounds_from(squeezed), squeezing), alike=True)
        if looks:
            looking = likeness.looks_from(folded)
            same = [match for match in looks if not matching.is_another(folded, looking, match)]
            hits += _hits(same, tracing.through(looking, origin), alike=True)
        return _verdict(hits)


def _entries(lists: Lists) -> Iterator[Entry]:
    for name, words in lists.items():
        for word in words:
            folded = fold(word.text)
            if squeezed := likeness.squeeze(folded):
                yield Entry(name, squeezed, folded, word.mark)


def _find(form: Form | None, text: str | None) -> list[Match]:
    return form.find(text) if form and text else []


def _hits(matches: Iterable[Match], trace: Trace, *, alike: bool = False) -> Iterator[Hit]:
    for entries, start, end in matches:
        for entry in entries:
            yield Hit(entry.list, entry.word, trace[start][0], trace[end - 1][1], alike)


def _verdict(found: Iterable[Hit]) -> Verdict:
    """Put together what was found in all forms: the same place once, and nothing inside an allowed phrase."""
    places = {(hit.list, hit.word, hit.start, hit.end): hit for hit in sorted(found, key=lambda hit: not hit.alike)}
    covered = _Covered(hit for hit in places.values() if hit.list == WordList.ALLOW)
    hits = [hit for hit in places.values() if hit.list != WordList.ALLOW and not covered.by_one(hit)]
    hits.sort(key=lambda hit: (hit.start, hit.end, hit.rule))
    rules = {hit.rule: hit.list == WordList.EMERGENCY for hit in hits}
    return Verdict(
        max((_ruling(hit) for hit in hits), key=_RANK.__getitem__, default=Ruling.PASS),
        tuple(sorted(rules, key=lambda rule: (rules[rule], rule))),
        any(rules.values()),
        tuple(hits[:MOST_HITS]),
    )


def _ruling(hit: Hit) -> Ruling:
    ruling = _RULINGS.get(WordList(hit.list), Ruling.PASS)
    return Ruling.HOLD if hit.alike and ruling is Ruling.BLOCK else ruling


class _Covered:
    """The phrases that make harmless what stands inside them."""

    def __init__(self, phrases: Iterable[Hit]) -> None:
        spans = sorted((phrase.start, phrase.end) for phrase in phrases)
        self._starts = [start for start, _ in spans]
        self._ends = list(accumulate((end for _, end in spans), max))

    def by_one(self, hit: Hit) -> bool:
        """Whether one phrase begins no later and ends no earlier."""
        before = bisect_right(self._starts, hit.start)
        return before > 0 and self._ends[before - 1] >= hit.end
