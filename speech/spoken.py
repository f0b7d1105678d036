"""What a voice should read of a text: written things turned into what a person would say when reading them aloud.

Pure. Numbers that are names (tickets, telephones) are read digit by digit with small pauses; what nobody wants to hear
(addresses of the web, markup, emoji) is left out or told in a word.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping

# So much is read at most; a longer text is cut at its last sentence. Twice as much is looked at, as some is left out.
LONGEST = 4000
# Letters, figures and signs of double width, and raised figures; Chinese punctuation is a voice's own.
_WIDE = re.compile(r"[\uff05\uff0b\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u00b2\u00b3]|(?<=\d)\uff1a(?=\d)")
# Addresses end where ASCII does, as Chinese leaves no space around them, and before the sentence's own full stop. All
# patterns here take time in proportion to the text: none begins anew within a run that it went through already.
_LINK = re.compile(r"(?:https?://|www\.)[!#-'*-;=?-~]*[a-z0-9/=&#_~%+-]", re.IGNORECASE | re.ASCII)
_MAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]++@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_MARKUP = re.compile(r"[*_`~#|\\<>\[\]{}^]+")
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_YEAR_ZH = re.compile(r"(?<!\d)(\d{4})(?=年)")
_CLOCK = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?(?![\d:])")
# A number that is a name: a telephone with its plus and dashes, a ticket in two halves, five digits and more.
_PHONE = re.compile(r"(?<![\w.])\+?\d{1,4}(?:[ -]\d{2,11}){1,4}(?!\w)(?![.,]\d)", re.ASCII)
_LONG = re.compile(r"(?<![\d.,])\+?\d{5,}(?!\d)(?![.,]\d)")
# A short number that is dialled: 110, 119 and the like, one or several, where a text says to call it.
_DIALLED = re.compile(r"(拨打?\s?|\b(?:call|dial) )(\d{3}(?:/\d{3}){0,3})(?![\d/]|[.,]\d)", re.IGNORECASE)
_PERCENT = re.compile(r"(?<!\d)(\d++(?:\.\d++)?)\s*+[%％]")
_SPACES = re.compile(r"[ \t]+")
_SENTENCES = re.compile(r".*[。！？.!?]", re.DOTALL)
_DIGITS_ZH = str.maketrans("0123456789", "零一二三四五六七八九")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_UNITS: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    "zh": tuple(
        (re.compile(rf"(?<=\d)\s*{unit}(?![A-Za-z])"), said)
        for unit, said in (
            (r"km/h", "公里每小时"),
            (r"km", "公里"),
            (r"(?:m²|m2|㎡)", "平方米"),
            (r"(?:m³|m3)", "立方米"),
            (r"mm", "毫米"),
            (r"cm", "厘米"),
            (r"m", "米"),
            (r"kg", "公斤"),
            (r"(?:°C|℃)", "摄氏度"),
            (r"kWh", "千瓦时"),
        )
    ),
    "en": tuple(
        (re.compile(rf"(?<=\d)\s*{unit}(?![A-Za-z])"), f" {said}")
        for unit, said in (
            (r"km/h", "kilometres per hour"),
            (r"km", "kilometres"),
            (r"(?:m²|m2|㎡)", "square metres"),
            (r"(?:m³|m3)", "cubic metres"),
            (r"mm", "millimetres"),
            (r"cm", "centimetres"),
            (r"m", "metres"),
            (r"kg", "kilograms"),
            (r"(?:°C|℃)", "degrees"),
            (r"kWh", "kilowatt hours"),
        )
    ),
}
# Said in the address's place, within whatever sentence it stands.
_LINK_SAID = {"zh": "网站上的链接", "en": "the link on our website"}
_MAIL_SAID = {"zh": "网站上的邮箱", "en": "the e-mail address on our website"}


def spoken(text: str, language: str) -> str:
    """A text as the voice of a language should read it; empty when nothing of it can be said."""
    language = language if language in _UNITS else "en"
    text = text[: 2 * LONGEST].replace("㎡", "m²")
    text = _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _TAG.sub(" ", text)
    text = _MAIL.sub(f" {_MAIL_SAID[language]} ", _LINK.sub(f" {_LINK_SAID[language]} ", text))
    text = _DATE.sub(lambda found: _date(found, language), text)
    text = _CLOCK.sub(lambda found: _clock(found, language), text)
    text = _PERCENT.sub(r"百分之\1" if language == "zh" else r"\1 percent", text)
    for unit, said in _UNITS[language]:
        text = unit.sub(said, text)
    if language == "zh":
        text = _YEAR_ZH.sub(lambda found: found[1].translate(_DIGITS_ZH), text)
    text = _LONG.sub(lambda found: digits(found[0], language), _PHONE.sub(lambda found: _named(found, language), text))
    text = _DIALLED.sub(lambda found: found[1] + _dialled(found[2], language), text)
    text = _MARKUP.sub(" ", text)
    text = "".join(letter for letter in text if letter in "\n" or unicodedata.category(letter)[:2] not in _SILENT)
    lines = (_SPACES.sub(" ", line).strip() for line in text.splitlines())
    return _cut("\n".join(line for line in lines if line))


def digits(number: str, language: str) -> str:
    """A number read digit by digit, in groups of four or three with a pause between them.

    >>> digits("48217059", "en")
    '4 8 2 1, 7 0 5 9'
    """
    bare = re.sub(r"\D", "", number)
    groups = [bare[at : at + 4] for at in range(0, len(bare), 4)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2][:3], groups[-2][3:] + groups[-1]]
    if language == "zh":
        return "，".join(group.translate(_DIGITS_ZH) for group in groups)
    return ", ".join(" ".join(group) for group in groups)


def _named(found: re.Match[str], language: str) -> str:
    """A number in parts is a name when it is long; 3 - 5 and 10 20 are two numbers."""
    whole = found[0]
    return digits(whole, language) if sum(letter.isdigit() for letter in whole) >= 7 else whole


def _dialled(numbers: str, language: str) -> str:
    return ("、" if language == "zh" else " or ").join(digits(number, language) for number in numbers.split("/"))


def _date(found: re.Match[str], language: str) -> str:
    year, month, day = (int(part) for part in found.groups())
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return found[0]
    return f"{year}年{month}月{day}日" if language == "zh" else f"{day} {_MONTHS[month - 1]} {year}"


def _clock(found: re.Match[str], language: str) -> str:
    hour, minute = int(found[1]), int(found[2])
    return _CLOCKS[language](hour, minute)


def _clock_zh(hour: int, minute: int) -> str:
    if minute == 0:
        return f"{hour}点"
    return f"{hour}点{'零' if minute < 10 else ''}{minute}分"


def _clock_en(hour: int, minute: int) -> str:
    if minute == 0:
        return f"{hour} o'clock"
    return f"{hour} {'oh ' if minute < 10 else ''}{minute}"


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    whole = _SENTENCES.match(text[:LONGEST])
    return whole[0] if whole else text[:LONGEST]


# Symbols (emoji among them), marks that only change an emoji, what is not assigned or private, and what has no sound.
_SILENT = frozenset({"So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf"})
_CLOCKS: Mapping[str, Callable[[int, int], str]] = {"zh": _clock_zh, "en": _clock_en}
