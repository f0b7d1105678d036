"""Private numbers hidden before publication, with enough left to see that something stood there.

Finders look for one kind of number each and give `Span`s; `mask` runs them one after the other over the text as
people typed it. A further kind (e-mail, bank card, plate) is a further finder. Where in doubt a number is hidden:
a reader misses little, the citizen would lose much. What looks like a number but is no person's stays: tickets, house
numbers, amounts, dates, short numbers (110, 12345), free hotlines (400, 800).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from typing import NamedTuple

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatch, PhoneNumberMatcher, PhoneNumberType

from gateway.journey.tickets import is_ticket

# The matcher is slow (0.1 ms a candidate) and no shorter number is anybody's: it runs only when so many digits stand.
_FEWEST_DIGITS = 7
# Candidates in vain before the matcher gives up: more than a text of honest length can hold.
_MATCHER_TRIES = 2000
# Hiding one number can bring a neighbour into view; twice is usual, the end of it is a bound for hostile texts.
_MOST_ROUNDS = 5

_STAR = "*"
_FEWEST_STARS = 4
_LONGEST_MASKED = 24

# Typed between the digits of one number: spaces, dashes, dots; and what cannot be seen at all.
_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
_GAP = rf"[ .·・_\-\t\u00a0\u2000-\u200a\u2010-\u2015\u2212\u3000{_INVISIBLE}]{{0,4}}"
_UNSEEN = re.compile(f"[{_INVISIBLE}]")

# Looked for ahead, so that a candidate that fails hides none that starts at its second group.
_ID_CARD = re.compile(rf"(?<!\d)(?=(\d(?:{_GAP}\d){{16}}{_GAP}[\dX])(?!\d))")
_OLD_ID_CARD = re.compile(r"(?<!\d)\d{15}(?!\d)")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"

_CN_MOBILE = re.compile(rf"(?<!\d)(?=(?:(?:(?:00)?86{_GAP})?0?)(1{_GAP}[3-9](?:{_GAP}\d){{9}})(?!\d))")
# How people group the eleven digits. Other groupings are other things: "150 2024-01-15" is an amount and a day.
_CN_MOBILE_GROUPS = {
    *((11,), (3, 8), (7, 4), (5, 6), (3, 4, 4), (4, 3, 4), (4, 4, 3), (3, 3, 5), (5, 3, 3)),
    *((3, 2, 2, 2, 2), (3, 2, 2, 4), (1,) * 11, (1, 2, 2, 2, 2, 2), (1, 3, 3, 4)),
}
_DECIMAL = re.compile(r"(?:0|[1-9]\d*)\.\d+")
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d([-./])[01]?\d\1[0-3]?\d(?!\d)")
_PRIVATE_TYPES = {
    *(PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE),
    *(PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.VOIP, PhoneNumberType.PAGER),
}

_STRANGE_DIGIT = re.compile(r"(?![0-9])\d")
_WIDE = str.maketrans("＋－．（）／ｘＸx", "+-.()/XXX")
_LETTER = re.compile("[A-Za-z]")
_MASKED_BEFORE = re.compile(r"\d\*{4,}$")
_MASKED_AFTER = re.compile(r"\*{4,}\d")


class Span(NamedTuple):
    """A private number in a text, and how many of its characters stay readable at each end."""

    start: int
    end: int
    head: int
    tail: int


Finder = Callable[[str], Iterable[Span]]


def mask(text: str, country: str = "CN") -> str:
    """Hide the phone and ID card numbers in a text: 138****8000, 110*************2X.

    `country` (ISO 3166) is where numbers without + are dialled. Separators inside a hidden number go, its length in
    digits stays. Masking twice gives the same as masking once.
    """
    finders: list[Finder] = [_id_cards, partial(_phones, country=country)]
    if country == "CN":
        finders.insert(1, _cn_mobiles)
    for _ in range(_MOST_ROUNDS):
        before = text
        for find in finders:
            if len(re.findall(r"\d", text)) < _FEWEST_DIGITS:
                return text
            text = _hide(text, find(_plain(text)))
        if text == before:
            break
    return text


def _id_cards(plain: str) -> Iterator[Span]:
    """Find citizens' identity numbers (GB 11643-1999: ISO 7064 MOD 11-2 and a day of birth) and 15-digit old ones."""
    for match in _ID_CARD.finditer(plain):
        digits = _squeezed(match[1])
        total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, digits[:17], strict=True))
        if _ID_CHECKS[total % 11] == digits[17] and _is_day(digits[6:14]):
            yield Span(*match.span(1), 3, 2)
    for match in _OLD_ID_CARD.finditer(plain):
        if _is_day("19" + match[0][6:12]):
            yield Span(*match.span(), 3, 2)


def _cn_mobiles(plain: str) -> Iterator[Span]:
    """Find mobile numbers of mainland China by shape, valid in today's numbering plan or not."""
    for match in _CN_MOBILE.finditer(plain):
        number = _UNSEEN.sub("", match[1])
        groups = tuple(len(group) for group in re.findall(r"\d+", number))
        if groups in _CN_MOBILE_GROUPS and not _DECIMAL.fullmatch(number):
            yield Span(*match.span(1), 3, 4)


def _phones(plain: str, country: str) -> Iterator[Span]:
    """Find what libphonenumber holds for a person's number, as dialled in `country` or with +."""
    # The matcher refuses a number next to a Latin letter, but people write "Tel010-...".
    for match in PhoneNumberMatcher(_LETTER.sub("|", plain), country, Leniency.VALID, _MATCHER_TRIES):
        if _is_private(match, country):
            digits = sum(character.isdecimal() for character in match.raw_string)
            tail = min(4, (digits - _FEWEST_STARS + 1) // 2)
            yield Span(match.start, match.end, min(3, digits - _FEWEST_STARS - tail), tail)


def _is_private(match: PhoneNumberMatch, country: str) -> bool:
    raw, kind = match.raw_string, phonenumbers.number_type(match.number)
    if kind not in _PRIVATE_TYPES or _DECIMAL.fullmatch(raw) or _DAY.search(raw):
        return False
    if raw.startswith("+"):
        return True
    # Where fixed lines are dialled with a leading 0, ten digits without it are two short numbers or an amount.
    trunk = phonenumbers.ndd_prefix_for_region(country, True) == "0" and kind == PhoneNumberType.FIXED_LINE
    return not is_ticket(_squeezed(raw)) and not (trunk and _squeezed(raw)[0] != "0")


def _is_day(digits: str) -> bool:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    try:
        return 1900 <= date(year, month, day).year < 2100
    except ValueError:
        return False


def _plain(text: str) -> str:
    """Give the text with ASCII digits and signs, each character still in its place."""
    ascii_digits = _STRANGE_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    return ascii_digits.translate(_WIDE)


def _squeezed(number: str) -> str:
    return re.sub(r"[^\dX]", "", number)


def _hide(text: str, spans: Iterable[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for span in sorted(spans):
        if span.start >= done and not _is_remainder(text, span):
            pieces += text[done : span.start], _masked(text[span.start : span.end], span)
            done = span.end
    return "".join(pieces) + text[done:]


def _is_remainder(text: str, span: Span) -> bool:
    """Whether a number begins or ends with what an earlier masking left readable."""
    before = text[max(span.start - _LONGEST_MASKED, 0) : span.start]
    return bool(_MASKED_BEFORE.search(before) or _MASKED_AFTER.match(text, span.end))


def _masked(number: str, span: Span) -> str:
    kept = re.sub(r"[^\dXxＸｘ]", "", number)
    plus = number[0] if number[0] in "+＋" else ""
    return plus + kept[: span.head] + _STAR * (len(kept) - span.head - span.tail) + kept[len(kept) - span.tail :]
