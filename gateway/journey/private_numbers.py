"""Finds private numbers in a text, one finder for each kind.

A finder gets a text with ASCII digits, letters and signs, each in its place, and gives `Span`s. What looks like a
number but is no person's stays: tickets, house numbers, amounts, dates, short numbers (110, 12345), free hotlines
(400, 800). Two tickets side by side that happen to make a card number are taken for a card.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from typing import NamedTuple

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatch, PhoneNumberMatcher, PhoneNumberType

from gateway.journey.tickets import is_ticket

# The matcher is slow (0.1 ms a candidate) and no shorter number is anybody's: it runs only where so many digits stand.
FEWEST_DIGITS = 7
# Candidates in vain before the matcher gives up: more than a text of honest length can hold.
_MATCHER_TRIES = 2000
_FEWEST_STARS = 4

# Typed between the digits of one number: spaces, dashes, dots; and what cannot be seen at all.
_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
_GAP = rf"[ .·・_\-\t\u00a0\u2000-\u200a\u2010-\u2015\u2212\u3000{_INVISIBLE}]{{0,4}}"
_UNSEEN = re.compile(f"[{_INVISIBLE}]")

# Looked for ahead, so that a candidate that fails hides none that starts at its second group.
_ID_CARD = re.compile(rf"(?<!\d)(?=(\d(?:{_GAP}\d){{16}}{_GAP}[\dXx])(?!\d))")
_OLD_ID_CARD = re.compile(r"(?<!\d)\d{15}(?!\d)")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"

# Digits in groups with nothing but a gap between them.
_RUN = re.compile(rf"\d+(?:{_GAP}\d+)*")
_GROUP = re.compile(r"\d+")
_CARD = re.compile(r"(?:[3-6]|2[2-7])\d{12,18}")
# How cards are printed and typed, beside unbroken and digit by digit.
_CARD_GROUPS = {
    *((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3)),
    *((6, 7), (6, 10), (6, 12), (6, 13), (4, 6, 5), (4, 6, 4)),
}
_MOST_CARD_GROUPS = 5
# Every second digit counts double, and then as the sum of its digits (ISO/IEC 7812-1, annex B).
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

_CN_MOBILE = re.compile(rf"(?<!\d)(?=(?:(?:(?:00)?86{_GAP})?0?)(1{_GAP}[3-9](?:{_GAP}\d){{9}})(?!\d))")
# How people group the eleven digits. Other groupings are other things: "150 2024-01-15" is an amount and a day.
_CN_MOBILE_GROUPS = {
    *((11,), (3, 8), (7, 4), (5, 6), (3, 4, 4), (4, 3, 4), (4, 4, 3), (3, 3, 5), (5, 3, 3)),
    *((3, 2, 2, 2, 2), (3, 2, 2, 4), (1,) * 11, (1, 2, 2, 2, 2, 2), (1, 3, 3, 4)),
}
# Where the matcher may look: what stands between letters. The three letters are signs to it.
_STRETCH = re.compile(r"[\W\d_xXー]+")
_LETTER = re.compile("[A-Za-z]")
# In China a person's number begins so; without, nothing in a stretch is worth the matcher's time.
_CN_START = re.compile(r"\+|(?<!\d)(?:[01]|86)")
_DECIMAL = re.compile(r"(?:0|[1-9]\d*)\.\d+")
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d([-./])[01]?\d\1[0-3]?\d(?!\d)")
_PRIVATE_TYPES = {
    *(PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE),
    *(PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.VOIP, PhoneNumberType.PAGER),
}

# GA 36-2018: the province, the city's letter, five characters (six on new energy vehicles) with few letters in them.
_PLATE = re.compile(
    rf"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Za-z]{_GAP}"
    r"([A-Za-z0-9]{4,5}[A-Za-z0-9挂学警港澳])(?![A-Za-z0-9])"
)
_FEWEST_PLATE_DIGITS = 3

# The look back lets a candidate begin only where its run of characters does, so that long runs are passed once.
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9.!#$%&'+/=?^_`{|}~-])[A-Za-z0-9.!#$%&'+/=?^_`{|}~-]++@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}"
)


class Span(NamedTuple):
    """A private number in a text, and what of its characters as typed is shown instead."""

    start: int
    end: int
    shown: Callable[[str], str]


Finder = Callable[[str], Iterable[Span]]


def id_cards(plain: str) -> Iterator[Span]:
    """Find citizens' identity numbers (GB 11643-1999: ISO 7064 MOD 11-2 and a day of birth) and 15-digit old ones."""
    shown = partial(_starred, head=3, tail=2)
    for match in _ID_CARD.finditer(plain):
        digits = re.sub(r"[^\dX]", "", match[1].upper())
        total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, digits[:17], strict=True))
        if _ID_CHECKS[total % 11] == digits[17] and _is_day(digits[6:14]):
            yield Span(*match.span(1), shown)
    for match in _OLD_ID_CARD.finditer(plain):
        if _is_day("19" + match[0][6:12]):
            yield Span(*match.span(), shown)


def bank_cards(plain: str) -> Iterator[Span]:
    """Find the numbers of payment cards (ISO/IEC 7812): their first digits, length, grouping and check digit right."""
    shown = partial(_starred, head=4, tail=4)
    for run in _RUN.finditer(plain):
        groups = [match.span() for match in _GROUP.finditer(plain, *run.span())]
        sizes = [end - start for start, end in groups]
        if max(sizes) == 1 and _is_card(plain, groups):
            yield Span(*run.span(), shown)
        for first, size in enumerate(sizes):
            if size < 4:
                continue
            for last in range(first, min(first + _MOST_CARD_GROUPS, len(sizes))):
                usual = first == last or tuple(sizes[first : last + 1]) in _CARD_GROUPS
                if usual and _is_card(plain, groups[first : last + 1]):
                    yield Span(groups[first][0], groups[last][1], shown)


def cn_mobiles(plain: str) -> Iterator[Span]:
    """Find mobile numbers of mainland China by shape, valid in today's numbering plan or not."""
    for match in _CN_MOBILE.finditer(plain):
        number = _UNSEEN.sub("", match[1])
        groups = tuple(len(group) for group in _GROUP.findall(number))
        if groups in _CN_MOBILE_GROUPS and not _DECIMAL.fullmatch(number):
            yield Span(*match.span(1), partial(_starred, head=3, tail=4))


def phones(plain: str, country: str) -> Iterator[Span]:
    """Find what libphonenumber holds for a person's number, as dialled in `country` or with +."""
    # A star ends a number as a letter does: it is left of an earlier masking.
    for stretch in _STRETCH.finditer(plain.replace("*", "a")):
        if sum(map(str.isdecimal, stretch[0])) < FEWEST_DIGITS:
            continue
        if country == "CN" and not _CN_START.search(stretch[0]):
            continue
        # The matcher refuses a number next to a Latin letter, but people write "Tel010-..."; x it takes for a sign.
        text = _LETTER.sub("|", stretch[0])
        for match in PhoneNumberMatcher(text, country, Leniency.VALID, _MATCHER_TRIES):
            if _is_private(match, country):
                digits = sum(character.isdecimal() for character in match.raw_string)
                tail = min(4, (digits - _FEWEST_STARS + 1) // 2)
                shown = partial(_starred, head=min(3, digits - _FEWEST_STARS - tail), tail=tail)
                yield Span(stretch.start() + match.start, stretch.start() + match.end, shown)


def plates(plain: str) -> Iterator[Span]:
    """Find number plates of mainland China."""
    for match in _PLATE.finditer(plain):
        if sum(map(str.isdecimal, match[1])) >= _FEWEST_PLATE_DIGITS:
            yield Span(*match.span(), partial(_plate_shown, stars=len(match[1])))


def emails(plain: str) -> Iterator[Span]:
    """Find e-mail addresses."""
    for match in _EMAIL.finditer(plain):
        yield Span(*match.span(), _email_shown)


def _is_card(plain: str, groups: list[tuple[int, int]]) -> bool:
    digits = "".join(plain[start:end] for start, end in groups)
    if not _CARD.fullmatch(digits):
        return False
    backwards = [int(digit) for digit in reversed(digits)]
    return (sum(backwards[::2]) + sum(_DOUBLED[digit] for digit in backwards[1::2])) % 10 == 0


def _is_private(match: PhoneNumberMatch, country: str) -> bool:
    raw, kind = match.raw_string, phonenumbers.number_type(match.number)
    if kind not in _PRIVATE_TYPES or _DECIMAL.fullmatch(raw) or _DAY.search(raw):
        return False
    if raw.startswith("+"):
        return True
    digits = re.sub(r"\D", "", raw)
    # Where fixed lines are dialled with a leading 0, ten digits without it are two short numbers or an amount.
    trunk = phonenumbers.ndd_prefix_for_region(country, True) == "0" and kind == PhoneNumberType.FIXED_LINE
    return not is_ticket(digits) and not (trunk and digits[0] != "0")


def _is_day(digits: str) -> bool:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    try:
        return 1900 <= date(year, month, day).year < 2100
    except ValueError:
        return False


def _starred(number: str, head: int, tail: int) -> str:
    kept = re.sub(r"[^\dXxＸｘ]", "", number)
    plus = number[0] if number[0] in "+＋" else ""
    return plus + kept[:head] + "*" * (len(kept) - head - tail) + kept[len(kept) - tail :]


def _plate_shown(plate: str, stars: int) -> str:
    return plate[:2] + "*" * stars


def _email_shown(address: str) -> str:
    end = re.split(r"[.．]", address)[-1]
    return f"{address[0]}***@***.{end}"
