"""Texts that say the same: one citizen repeating himself, and floods of nearly identical messages from many.

A text's **gists** are two numbers that nearly identical texts share at least one of with high probability: the least
and the greatest hash of all its runs of three letters (two min-hashes, A. Broder 1997). They find a candidate by one
look-up; whether it is alike is then measured on the texts themselves.
"""

import re
from functools import lru_cache
from zlib import crc32

from rapidfuzz import fuzz

from gateway.journey.folding import fold

# Below so many letters only the very same text counts: "停水" and "停电" are two reports.
_SHORT = 12
# Share of letters in common from which two longer texts are one, in percent.
_ALIKE = 90.0
# From so many letters on, other numbers do not make another report: advertisers change them, citizens write a house's.
_LONG = 40
_RUN = 3
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_NUMBER = re.compile(r"\d+")
_SECOND = 1 << 32


def gists(text: str) -> tuple[int, ...]:
    """The numbers by which a text like this one is found; none for a text without letters."""
    known, _ = _compared(text)
    if not known:
        return ()
    if len(known) < _SHORT:
        return (crc32(known.encode("utf-8", "replace")),)
    runs = {crc32(known[at : at + _RUN].encode("utf-8", "replace")) for at in range(len(known) - _RUN + 1)}
    return min(runs), max(runs) + _SECOND


def alike(one: str, other: str) -> bool:
    """Whether two texts say the same: nearly the same letters and, unless they are long, the same numbers."""
    (first, numbers), (second, other_numbers) = _compared(one), _compared(other)
    if min(len(first), len(second)) < _SHORT:
        same = first == second
    else:
        same = fuzz.ratio(first, second, score_cutoff=_ALIKE) > 0
    return same and (len(first) >= _LONG or numbers == other_numbers)


@lru_cache(maxsize=2048)
def _compared(text: str) -> tuple[str, tuple[str, ...]]:
    """A text as it is compared: folded, its letters only and its numbers. A text is compared with many in a row."""
    folded = fold(text)
    return _NOT_LETTERS.sub("", folded), tuple(_NUMBER.findall(folded))
