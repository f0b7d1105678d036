"""Words in one form (`likeness`), and finding them in texts of that form."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from gateway.journey import likeness
from gateway.journey.tracing import Trace
from gateway.journey.wordlists import Mark, WordList

_AT_AN_EDGE = re.compile(r"[\W_].*|.*[\W_]", re.DOTALL)


class Entry(NamedTuple):
    """One word of one list, folded and squeezed, and what its mark asks for."""

    list: WordList
    word: str
    folded: str
    mark: Mark


class Match(NamedTuple):
    """The entries of one word found in a text of its form."""

    entries: list[Entry]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Form:
    """Words in one form. `bordered`: Latin words and figures are found only where they stand alone."""

    automaton: AhoCorasick
    entries: list[list[Entry]]
    bordered: bool = True

    def find(self, text: str) -> list[Match]:
        """Find every word, also those inside others."""
        return [
            Match(self.entries[index], start, end)
            for index, start, end in self.automaton.find_matches_as_indexes(text, overlapping=True)
            if not self.bordered or not (_inside(text, start) or _inside(text, end))
        ]


def compile_form(
    entries: Iterable[Entry], form_of: Callable[[Entry], str | None], *, bordered: bool = True
) -> Form | None:
    """Put together the words that have this form; None when none has."""
    forms: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if form := form_of(entry):
            forms[form].append(entry)
    return Form(AhoCorasick(list(forms)), list(forms.values()), bordered) if forms else None


def as_squeezed(entry: Entry) -> str | None:
    """The form of every word."""
    return entry.word


def as_edged(entry: Entry) -> str | None:
    """Words that begin or end with a sign, which they lose where a text is squeezed beside it (c++语言)."""
    return entry.word if _AT_AN_EDGE.fullmatch(entry.word) else None


def as_sounds(entry: Entry, shortest: int) -> str | None:
    """Words of Han characters that are long enough, or marked, to be known by their sound."""
    if not _has_likes(entry) or not likeness.may_sound(entry.word):
        return None
    return likeness.sounds(entry.word) if len(entry.word) >= shortest or entry.mark is Mark.BY_SOUND else None


def as_looks(entry: Entry) -> str | None:
    """Words of Latin letters that are long enough to be known by their look."""
    return likeness.look_of(entry.folded) if _has_likes(entry) else None


def is_another(folded: str, looking: Trace, match: Match) -> bool:
    """Whether a word was found by its look only because l and i look the same: "fiag" is a word of its own."""
    there = folded[looking[match.start][0] : looking[match.end - 1][1]]
    spread = len(there) != match.end - match.start
    return not spread and there.isascii() and there.replace(" ", "").isalpha()


def _has_likes(entry: Entry) -> bool:
    return entry.list is not WordList.ALLOW and entry.mark is not Mark.AS_WRITTEN


def _inside(text: str, at: int) -> bool:
    """Whether a position is inside a run of letters of a script that has cases, or of figures.

    Such words count only when they stand alone ("ass" is not in "class"); Han has no borders to look for.
    """
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    return (before.islower() and after.islower()) or (before.isdecimal() and after.isdecimal())
