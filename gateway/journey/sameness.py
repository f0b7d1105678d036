"""Texts that say the same: one citizen repeating himself, and floods of nearly identical messages from many.

A text's **gists** are two numbers that nearly identical texts share at least one of with high probability: the least
and the greatest hash of all its runs of three letters (two min-hashes, A. Broder 1997). The numbers in which such
texts must agree are hashed with them, so that house 12 does not find house 3, which has its gists already. They find a
candidate by one look-up; whether it is alike is then measured on the texts themselves.
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
# From so many letters on, other long numbers do not make another report: advertisers change them. Short ones always do:
# they are houses, floors and buses.
_LONG = 40
_SHORT_NUMBER = 4
_RUN = 3
_NOT_LETTERS = re.compile(r"[\W\d_]+")
# Figures, but not what masking left of a private number; and Han numerals of houses, among letters.
_NUMBER = re.compile(r"(?<![\d*])\d+(?![\d*])")
_HAN_NUMBER = re.compile(r"[〇零一二两三四五六七八九十百]+(?=[号楼栋幢层座路弄组]|单元)")
_SECOND = 1 << 32


def gists(text: str) -> tuple[int, ...]:
    """The numbers by which a text like this one is found; none for a text without letters."""
    known, numbers = _compared(text)
    if not known:
        return ()
    seed = crc32(" ".join(numbers).encode())
    if len(known) < _SHORT:
        return (_hash(known, seed),)
    runs = {_hash(known[at : at + _RUN], seed) for at in range(len(known) - _RUN + 1)}
    return min(runs), max(runs) + _SECOND


def alike(one: str, other: str) -> bool:
    """Whether two texts say the same: nearly the same letters, and the same numbers."""
    (first, numbers), (second, other_numbers) = _compared(one), _compared(other)
    if numbers != other_numbers:
        return False
    if min(len(first), len(second)) < _SHORT:
        return first == second
    return fuzz.ratio(first, second, score_cutoff=_ALIKE) > 0


@lru_cache(maxsize=2048)
def _compared(text: str) -> tuple[str, tuple[str, ...]]:
    """A text as it is compared: folded, its letters and its numbers only. A text is compared with many in a row."""
    folded = fold(text)
    letters, numbers = _NOT_LETTERS.sub("", folded), _NUMBER.findall(folded)
    if len(letters) >= _LONG:
        numbers = [number for number in numbers if len(number) <= _SHORT_NUMBER]
    return letters, (*numbers, *_HAN_NUMBER.findall(letters))


def _hash(letters: str, seed: int) -> int:
    return crc32(letters.encode("utf-8", "replace"), seed)
