"""Private numbers hidden before publication, with enough left to see that something stood there.

The finders of `private_numbers` run one after the other over the text as people typed it; a further kind of number is a
further finder. Where in doubt a number is hidden: a reader misses little, the citizen would lose much.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import partial

from gateway.journey import private_numbers
from gateway.journey.private_numbers import FEWEST_DIGITS, Finder, Span
from gateway.sections import Masking
from gateway.settings import Settings

# Hiding one number can bring a neighbour into view; twice is usual, the end of it is a bound for hostile texts.
_MOST_ROUNDS = 5
_LONGEST_MASKED = 24
_ALL = Masking()

# Most texts have none of these, and are done with.
_SUSPICIOUS = re.compile(r"[\d@＠]")
# So many digits with nothing but signs between them (and x, which is one to those who write extensions).
_LONG_ENOUGH = re.compile(rf"\d(?:(?:[^\w*]|[_xXー]){{0,8}}\d){{{FEWEST_DIGITS - 1}}}")
_STRANGE_DIGIT = re.compile(r"[^\D0-9]")
_WIDE = re.compile("[＋－．（）／＠＿Ａ-Ｚａ-ｚ]")
_WIDE_TO_ASCII = 0xFEE0
_MASKED_BEFORE = re.compile(r"\d\*{4,}$")
_MASKED_AFTER = re.compile(r"\*{4,}\d")
_FIVE_DIGITS = re.compile(r"\d{5}")


def mask(text: str, country: str = "CN", kinds: Masking = _ALL) -> str:
    """Hide the private numbers in a text: 138****8000, 110*************2X, 京A*****, z***@***.com.

    `country` (ISO 3166) is where numbers without + are dialled. Separators inside a hidden number go, its length in
    digits stays. Masking twice gives the same as masking once.
    """
    if not _SUSPICIOUS.search(text):
        return text
    for _ in range(_MOST_ROUNDS):
        before = text
        plain = _plain(text)
        for find in _finders(plain, country, kinds):
            hidden = _hide(text, find(plain))
            text, plain = (text, plain) if hidden == text else (hidden, _plain(hidden))
        if text == before:
            break
    return text


def mask_as_set(settings: Settings, text: str) -> str:
    """Hide what the city's settings say is private."""
    return mask(text, settings.city.country, settings.filters.masking)


def _finders(plain: str, country: str, kinds: Masking) -> list[Finder]:
    """Give the finders that may find something, in their order: what is longer or surer first."""
    finders: list[Finder] = []
    if kinds.emails and "@" in plain:
        finders.append(private_numbers.emails)
    if kinds.plates and country == "CN":
        finders.append(private_numbers.plates)
    if not _LONG_ENOUGH.search(plain):
        return finders
    if kinds.id_cards:
        finders.append(private_numbers.id_cards)
    if kinds.bank_cards:
        finders.append(private_numbers.bank_cards)
    if kinds.phones and country == "CN":
        finders.append(private_numbers.cn_mobiles)
    if kinds.phones:
        finders.append(partial(private_numbers.phones, country=country))
    return finders


def _plain(text: str) -> str:
    """Give the text with ASCII digits, letters and signs, each character still in its place."""
    if text.isascii():
        return text
    ascii_digits = _STRANGE_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    return _WIDE.sub(lambda wide: chr(ord(wide[0]) - _WIDE_TO_ASCII), ascii_digits)


def _hide(text: str, spans: Iterable[Span]) -> str:
    pieces: list[str] = []
    done = 0
    # Of two that begin together the longer.
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start >= done and not _is_remainder(text, span):
            pieces += text[done : span.start], span.shown(text[span.start : span.end])
            done = span.end
    return "".join(pieces) + text[done:]


def _is_remainder(text: str, span: Span) -> bool:
    """Whether a number begins or ends with what an earlier masking left readable: four digits at most."""
    before = text[max(span.start - _LONGEST_MASKED, 0) : span.start]
    if _MASKED_BEFORE.search(before) and not _FIVE_DIGITS.match(text, span.start):
        return True
    ends_long = _FIVE_DIGITS.fullmatch(text, max(span.end - 5, span.start), span.end)
    return not ends_long and _MASKED_AFTER.match(text, span.end) is not None
