"""Texts made safe to keep (`clean`) and texts made alike for comparing and filtering (`fold`).

Both are pure, never raise, and take time in proportion to the text whatever a stranger sends: canonical ordering is
quadratic in a run of combining marks, so runs are cut to what Unicode calls stream-safe (UAX #15, section 13) first.
"""

import re
import unicodedata
from functools import cache, lru_cache

from opencc import OpenCC

_REPLACEMENT = "\ufffd"
_MOST_MARKS = 30
_LONGEST_GRAPHEME = 64
_JOINER = "\u200d"
_SKIN_TONES = "".join(map(chr, range(0x1F3FB, 0x1F400)))
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))

_BIDI_CONTROLS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINE_ENDS = (0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)
_CONTROLS = (*range(0x00, 0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0))
_SURROGATES = range(0xD800, 0xE000)

# What stood for something that cannot be kept (PostgreSQL refuses NUL, UTF-8 lone surrogates, XML the other controls)
# leaves U+FFFD, so that a reader sees the gap. Bidi controls stand for nothing, telephones wrap copied numbers in
# them, and only their power to turn other words round is lost: they are removed.
_CLEANED: dict[int, str | None] = {
    **dict.fromkeys((*_CONTROLS, *_SURROGATES, 0xFFFE, 0xFFFF), _REPLACEMENT),
    **dict.fromkeys(_BIDI_CONTROLS),
    **dict.fromkeys(_LINE_ENDS, "\n"),
}

# Invisible without being of category Cf: fillers, the grapheme joiner, Khmer and Mongolian signs, variation selectors.
_INVISIBLE = (
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
    *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
)
_FORMAT_PLANES = (range(0x0, 0x20000), range(0xE0000, 0xE0080))
# Han; the blocks whose compatibility forms are Han (radicals, enclosed ideographs); and the fullwidth forms, because
# NFKC takes no time for a text in which nothing is left to change.
_FOLDED_BLOCKS = (
    *(range(0x2E80, 0x2FE0), range(0x3000, 0xA000), range(0xF900, 0xFB00), range(0xFF00, 0xFFF0)),
    *(range(0x1F200, 0x1F300), range(0x20000, 0x323B0)),
)

# What most texts are made of and folding leaves as it is, but for case; and the wide signs that stand among it. A text
# of nothing else is folded ten times as fast.
_USUAL_BLOCKS = (range(0x20, 0x7F), (0xB7,), range(0x2010, 0x2028), range(0x3001, 0x3020), range(0x4E00, 0xA000))
_WIDE_SIGNS = (
    ("，", ","),
    ("！", "!"),
    ("？", "?"),
    ("：", ":"),
    ("；", ";"),
    ("（", "("),
    ("）", ")"),
    ("\u3000", " "),
)

_SHORT = 4
# Vowels and ends of Korean syllables, which join what stands before them.
_JAMO = range(0x1160, 0x1200)

# Holds every combining mark (none is a word character but the two halfwidth Japanese ones) and is quick to search.
_PILE = re.compile(rf"[\W\uff9e\uff9f]{{{_MOST_MARKS + 1},}}")
# Letters and figures but the Korean fillers, which are letters by name; and what fills a place without a picture.
_SEEN = re.compile(r"[^\W\u115f\u1160\u3164\uffa0]")
_UNSEEN = f"{_REPLACEMENT}\u2800 "
_HAN = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\uff21-\uff3a\uff41-\uff5a]")


def clean(text: str, limit: int) -> str:
    """Make a text fit to be kept: at most `limit` characters, NFC, trimmed, lines ended by LF.

    NUL, other controls but tab and line ends, and lone surrogates become U+FFFD; bidi controls are removed. A cut
    never falls inside what is seen as one character.
    """
    safe = text.replace("\r\n", "\n").translate(_CLEANED)
    return cut(unicodedata.normalize("NFC", _thin(safe)).strip(), limit).rstrip()


def cut(text: str, limit: int) -> str:
    """Shorten a text to at most `limit` characters without parting a letter from its marks or an emoji's parts."""
    if len(text) <= limit:
        return text
    lowest = max(limit - _LONGEST_GRAPHEME, 0)
    end = next((end for end in range(limit, lowest, -1) if not _joined(text, end)), limit)
    return text[:end]


@lru_cache(maxsize=16)  # one message is folded by the commands, the filter, the gazetteer and the rules in turn
def fold(text: str) -> str:
    """Give the form in which two texts that look or mean the same are equal; `fold(fold(x)) == fold(x)`.

    Simplified characters, NFKC, no case, nothing invisible (category Cf, controls, variation selectors), single
    spaces, none at the ends.
    """
    for wide, narrow in _WIDE_SIGNS:
        text = text.replace(wide, narrow)
    if not has_unusual(text):
        return " ".join(text.casefold().split())
    simple = text.translate(_folded()) if _changing().search(text) else text
    return " ".join(_settle_runs(simple).split())


def has_unusual(text: str) -> bool:
    """Whether there is anything in a text but Han characters, their usual signs, and ASCII."""
    return _unusual().search(text) is not None


def clings(character: str) -> bool:
    """Whether a character may become one with what stands before it, or becomes nothing."""
    settled = _settle_short(character)
    return not settled or unicodedata.category(settled[0])[0] == "M" or ord(settled[0]) in _JAMO


def settle(text: str) -> str:
    """Fold all of a text but its spaces."""
    plain = unicodedata.normalize("NFKC", _thin(text.translate(_folded())))
    return _thin(unicodedata.normalize("NFKC", plain.casefold()))


def is_blank(text: str) -> bool:
    """Whether nothing can be read in a cleaned text: it is empty, invisible, or only what stood for lost characters."""
    return not _SEEN.search(text) and not fold(text).strip(_UNSEEN)


def language_of(text: str) -> str | None:
    """Tell which language a text is written in by its script: zh if any Han, else en if any Latin, else None."""
    if _HAN.search(text):
        return "zh"
    return "en" if _LATIN.search(text) else None


def _joined(text: str, at: int) -> bool:
    """Whether the characters on both sides of a position are seen as one."""
    before, after = text[at - 1], text[at]
    if after in _FLAG_LETTERS:
        earlier = text[max(at - _LONGEST_GRAPHEME, 0) : at]
        return (len(earlier) - len(earlier.rstrip(_FLAG_LETTERS))) % 2 == 1
    return _JOINER in (before, after) or unicodedata.category(after)[0] == "M" or after in _SKIN_TONES


def _thin(text: str) -> str:
    """Drop what follows the thirtieth combining mark on one letter."""
    return _PILE.sub(_thinned, text)


def _thinned(pile: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in pile[0]:
        marks = marks + 1 if unicodedata.combining(character) or character in "\uff9e\uff9f" else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


@cache
def _folded() -> dict[int, str | None]:
    """The one table for `str.translate`: to simplified, and away with the invisible.

    It also holds compatibility forms, so that it can be applied once, before NFKC.
    """
    table: dict[int, str | None] = {**_simplified()}
    table.update(dict.fromkeys(_SURROGATES, _REPLACEMENT))
    table.update(dict.fromkeys((*_CONTROLS, *_INVISIBLE)))
    table.update(dict.fromkeys(_LINE_ENDS, " "))
    table.update({i: None for plane in _FORMAT_PLANES for i in plane if unicodedata.category(chr(i)) == "Cf"})
    return table


def _settle_runs(text: str) -> str:
    """Settle a text: only where there is more to do than its case, with the letter before when marks follow it."""
    pieces: list[str] = []
    done = 0
    for run in _unusual().finditer(text):
        start = run.start() - (run.start() > 0 and clings(run[0][0]))
        unusual = text[start : run.end()]
        pieces += text[done:start].casefold(), (_settle_short if len(unusual) <= _SHORT else settle)(unusual)
        done = run.end()
    return "".join(pieces) + text[done:].casefold()


@cache
def _changing() -> re.Pattern[str]:
    """Finds what one translation is quicker for than many runs."""
    return re.compile(f"[{re.escape(''.join(chr(code) for code in _folded() if code < 0x10000))}]")


@lru_cache(4096)
def _settle_short(text: str) -> str:
    return settle(text)


@cache
def _unusual() -> re.Pattern[str]:
    """Finds characters that are more work than their case."""
    changed = _folded()
    usual = [chr(i) for block in _USUAL_BLOCKS for i in block if i not in changed]
    settled = "".join(character for character in usual if unicodedata.normalize("NFKC", character) == character)
    return re.compile(f"[^\\t\\n\\r{re.escape(settled)}]+")


def _simplified() -> dict[int, str]:
    characters = [chr(i) for block in _FOLDED_BLOCKS for i in block]
    plain = [unicodedata.normalize("NFKC", character) for character in characters]
    convert = OpenCC("t2s").convert
    # Twice: a few characters are simplified in two steps.
    simple = convert(convert("\0".join(plain))).split("\0")
    return {ord(old): new for old, new in zip(characters, simple, strict=True) if old != new}
