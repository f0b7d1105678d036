"""By what reports about the same thing are found among hundreds of thousands: a few marks of their words and place.

Of the words (see `tokens`) each band keeps the one with the least hash (min-hashing, A. Broder 1997): two texts agree
in a band as often as they have words in common: where a quarter are, in some of `BANDS` nearly always.
Where something is has marks too: its name, and the cell of a grid it lies in. Marks only find; how like two reports are
is measured on the reports themselves (`similar`).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import floor

from gateway.journey import folding, tokens

BANDS = 12
# Degrees of a cell's side: about 200 m from north to south.
CELL = 0.002
# Words that say nothing of what a report is about; in Chinese a pair of characters nearly always does.
_EMPTY = frozenset(
    {
        *("a", "an", "the", "this", "that", "there", "here", "it", "its", "is", "are", "was", "has", "have", "been"),
        *("be", "of", "on", "in", "at", "to", "from", "for", "with", "and", "or", "my", "our", "i", "we", "you"),
        *("they", "please", "very", "so"),
    }
)
_BITS, _ODD = 64, 0x9E3779B97F4A7C15
_MASK = (1 << _BITS) - 1


def made(text: str, place: str | None, lat: float | None, lon: float | None) -> tuple[int, ...]:
    """The marks that a report is found by."""
    return tuple({*_of_words(text), *_of_place(place), *_cells(lat, lon, (0,))})


def wanted(text: str, place: str | None, lat: float | None, lon: float | None) -> tuple[int, ...]:
    """The marks by which those like a report are found: also what lies in the cells around it."""
    return tuple({*_of_words(text), *_of_place(place), *_cells(lat, lon, (-1, 0, 1))})


def words_of(text: str) -> frozenset[str]:
    """The words that say what a text is about."""
    return frozenset(token.text for token in tokens.of(folding.fold(text))) - _EMPTY


def _of_words(text: str) -> Iterable[int]:
    words = words_of(text)
    if not words:
        return
    hashes = [_hash(word) for word in words]
    for band in range(BANDS):
        # Another order of all words in each band.
        turn = _hash(f"band {band}") | 1
        yield _signed(min((one * turn & _MASK) ^ (one * _ODD & _MASK) >> 32 for one in hashes) ^ band)


def _of_place(place: str | None) -> Iterable[int]:
    if name := folding.fold(place or "").strip():
        yield _signed(_hash(f"place {name}"))


def _cells(lat: float | None, lon: float | None, around: Sequence[int]) -> Iterable[int]:
    if lat is None or lon is None:
        return
    row, column = floor(lat / CELL), floor(lon / CELL)
    for north in around:
        for east in around:
            yield _signed(_hash(f"cell {row + north} {column + east}"))


@lru_cache(maxsize=8192)
def _hash(words: str) -> int:
    return int.from_bytes(blake2b(words.encode("utf-8", "replace"), digest_size=8).digest())


def _signed(number: int) -> int:
    """As a database keeps whole numbers of 64 bits."""
    return number - (1 << _BITS) if number >> (_BITS - 1) else number
