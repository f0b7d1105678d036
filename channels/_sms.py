"""How many SMS a text takes: GSM 7-bit when its alphabet holds every character, else UCS-2 for all of it.

Source: 3GPP TS 23.038 (alphabets) and TS 23.040 (lengths, concatenation with an 8-bit reference).
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

GSM7, UCS2 = "gsm7", "ucs2"
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Each of these is an escape and a character: two septets that must stay in one segment.
_EXTENSION = frozenset("\f^{}\\[~]|€")
# Alphabet: units of a text that is alone, and of each part of a longer one.
LENGTHS = {GSM7: (160, 153), UCS2: (70, 67)}
# What belongs to the emoji before it: the joiner, the sign that asks for an emoji, the skin tones.
_JOINER = "\u200d"
_TIED = frozenset((_JOINER, "\ufe0f", *map(chr, range(0x1F3FB, 0x1F400))))


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes: how many segments, units in all, of which alphabet, and units left in the last segment."""

    count: int
    units: int
    alphabet: str
    left: int


def measure(text: str) -> Segments:
    """Count the segments of a text; an empty one takes one."""
    alphabet = GSM7 if all(character in _BASIC or character in _EXTENSION for character in text) else UCS2
    alone, part = LENGTHS[alphabet]
    units = sum(_widths(text, alphabet))
    if units <= alone:
        return Segments(1, units, alphabet, alone - units)
    count, used = 1, 0
    for width in _widths(text, alphabet):
        if used + width > part:
            count, used = count + 1, 0
        used += width
    return Segments(count, units, alphabet, part - used)


def fit(text: str, segments: int) -> str:
    """The text, or as much of its beginning as fits so many segments (at least one), ending with its mark of a cut."""
    if measure(text).count <= segments:
        return text
    # Every prefix takes at least as many segments as a shorter one, so the longest that fits is found by halving.
    low, high = 0, min(len(text), segments * LENGTHS[GSM7][0])
    while low < high:
        middle = (low + high + 1) // 2
        if measure(_shortened(text, middle)).count <= segments:
            low = middle
        else:
            high = middle - 1
    return _shortened(text, low)


def _shortened(text: str, end: int) -> str:
    """The first characters of a text, no letter parted from its marks, and dots that keep the text in its alphabet."""
    while 0 < end < len(text) and _tied(text[end - 1], text[end]):
        end -= 1
    kept = text[:end].rstrip()
    return kept + ("..." if measure(kept).alphabet == GSM7 else "…")


def _tied(before: str, after: str) -> bool:
    return before == _JOINER or after in _TIED or unicodedata.combining(after) > 0


def _widths(text: str, alphabet: str) -> Iterator[int]:
    """The units each character takes: an escaped one, or one beyond the basic plane, takes two and is never cut."""
    if alphabet == GSM7:
        return (2 if character in _EXTENSION else 1 for character in text)
    return (2 if ord(character) > 0xFFFF else 1 for character in text)
