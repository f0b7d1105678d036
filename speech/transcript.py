"""Recognised words become text as people type it: Han words joined, and figures where people write figures.

A hotline report and the same words in a text message must be equal, and a house number must be findable. Only what
is surely a number is rewritten; 一下, 统一 and "one of the lights" stay words.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Sequence

# What models write for a sound that is no word.
_NOISE = frozenset({"", "<unk>", "[unk]", "<eps>", "<sil>", "[noise]", "[laughter]"})
_HAN = re.compile(r"[\u3007\u3400-\u9fff\uf900-\ufaff]")
_LARGEST = 9_999

# --- Chinese ---
_DIGITS_ZH = "零一二三四五六七八九"
_FIGURE_ZH = str.maketrans("零〇一幺二三四五六七八九", "001123456789")
_PLAIN_ZH = re.compile(r"[零〇一幺二三四五六七八九]+")
_NUMERALS_ZH = "零〇一幺二两三四五六七八九十百千万亿"
_RUN_ZH = re.compile(f"[{_NUMERALS_ZH}]+")
_INNER_ZH = re.compile(f"[^{_NUMERALS_ZH}](?<!百分之)[{_NUMERALS_ZH}]")
# Said in front of it, a number is part of a name or a guess: 第三小学, 周五, 几十.
_BOUND_ZH = re.compile(r"[第几数多周期拜初]$")
# (what stands before, what follows): there even a single digit is written as a figure.
_WRITTEN_ZH = tuple(
    (re.compile(before + "$"), re.compile(after))
    for before, after in (
        ("", r"号(?![召称令角码外叫])"),
        ("", r"[栋幢楼]|单元|路(?:公交|公共汽车|车)"),
        ("", r"月(?!亮|光|饼|季)"),
        ("月", "日"),
        ("", r"点(?:[半钟整]|[零一二三四五六七八九十]+分)"),
        ("点", "分"),
        ("百分之", ""),
    )
)

# --- English ---
_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = frozenset({"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"})
_ZEROS = frozenset({"zero", "oh", "o"})
_SCALES = frozenset({"hundred", "thousand", "million", "billion"})
_LONGEST = 7  # words: two thousand three hundred and forty five
# After these a single digit is a figure: "number four", "flat two" ...
_NUMBERED = frozenset(
    {"apartment", "block", "building", "bus", "flat", "floor", "gate", "line", "room", "route", "unit"}
)
# ... unless the thing is already told: "in my building two lights are broken".
_TOLD = frozenset({"a", "an", "the", "this", "that", "my", "our", "your", "his", "her", "their", "each", "every"})


def is_word(word: str) -> bool:
    """Whether the model heard a word, not a noise."""
    return word.strip().lower() not in _NOISE


def typed(words: Sequence[str], language: str) -> str:
    """The words of one recording as a person would type them; a language without rules is only joined."""
    heard = [part for word in words if is_word(word) for part in word.split()]
    return _join(_FIGURES.get(language, list)(heard))


def _join(words: Sequence[str]) -> str:
    """A space between two words, but none beside Han characters."""
    text = ""
    for word in words:
        apart = text and word and not _HAN.match(word[0]) and not _HAN.match(text[-1])
        text += f" {word}" if apart else word
    return text


def _figures_zh(words: list[str]) -> list[str]:
    """Numbers in a run of words are rewritten together, for the model may cut them anywhere.

    A word with a numeral inside (统一, 第三) is a word of its own and left alone.
    """
    grouped = itertools.groupby(words, key=lambda word: bool(_INNER_ZH.search(word)))
    runs = [(closed, _join(list(group))) for closed, group in grouped]
    return [run if closed else _rewrite_zh(run) for closed, run in runs]


def _rewrite_zh(text: str) -> str:
    return re.sub(r"百分之(\d+)", r"\1%", _RUN_ZH.sub(_figure_zh, text))


def _figure_zh(run: re.Match[str]) -> str:
    """One run of numerals as figures, or as it was said."""
    said, before, after = run[0], run.string[: run.start()], run.string[run.end() :]
    plain = _PLAIN_ZH.fullmatch(said)
    figures = said.translate(_FIGURE_ZH) if plain else _numbers_zh().get(said.replace("两", "二"))
    if figures is None or _BOUND_ZH.search(before):
        return said
    sure = len(said) >= (3 if plain else 2)  # 一二零 and 十二; but 五一路, 十字路口
    written = any(ahead.search(before) and behind.match(after) for ahead, behind in _WRITTEN_ZH)
    return figures if sure or written else said


@functools.cache
def _numbers_zh() -> dict[str, str]:
    """Every number up to 9,999 that takes 十, 百 or 千, as it is said; guesses such as 四五十 are not among them."""
    return {_said_zh(number): str(number) for number in range(10, _LARGEST + 1)}


def _said_zh(number: int) -> str:
    digits = "".join(_DIGITS_ZH[int(digit)] + unit for digit, unit in zip(f"{number:04}", (*"千百十", ""), strict=True))
    said = re.sub("零+", "零", re.sub("零[千百十]", "零", digits)).strip("零")
    return said.removeprefix("一") if said.startswith("一十") else said


def _figures_en(words: list[str]) -> list[str]:
    """Numbers said one after the other are one number spelled out: two seven, twenty twenty six."""
    text: list[str] = []
    at = 0
    while at < len(words):
        numbers, end = _numbers_from(words, at)
        if _is_figure(numbers, words, at, end):
            text.append(("" if max(map(len, numbers)) < 3 else " ").join(numbers))
            at = end
        else:
            text.append(words[at])
            at += 1
    return text


def _numbers_from(words: list[str], at: int) -> tuple[list[str], int]:
    """The figures of the numbers that follow each other from `at`, the longest reading of each, and where they end."""
    numbers: list[str] = []
    while at < len(words):
        end = next((end for end in range(min(at + _LONGEST, len(words)), at, -1) if _is_number(words, at, end)), None)
        if end is None:
            break
        numbers.append(_numbers_en()[" ".join(words[at:end])])
        at = end
    return numbers, at


def _is_number(words: list[str], start: int, end: int) -> bool:
    """Whether these words are one number, and not the beginning of a larger one ("two" in "two hundred")."""
    return " ".join(words[start:end]) in _numbers_en() and not _SCALES.intersection(words[end : end + 1])


def _is_figure(numbers: list[str], words: list[str], start: int, end: int) -> bool:
    """Whether people would write this as figures: several digits, or one after the name of what is numbered."""
    before, after = words[max(start - 2, 0) : start], words[end : end + 1]
    numbered = before[-1:] == ["number"] or (before[-1:] and before[-1] in _NUMBERED and before[0] not in _TOLD)
    if not numbers or _ORDINALS.intersection(after) or (words[start] in ("oh", "o") and not numbered):
        return False
    return len("".join(numbers)) > 1 or (bool(numbered) and after != ["of"])


@functools.cache
def _numbers_en() -> dict[str, str]:
    """Every number up to 9,999 as it is said, with and without "and"."""
    said = {" ".join(said): str(number) for number in range(1, _LARGEST + 1) for said in _said_en(number)}
    return said | dict.fromkeys(_ZEROS, "0")


def _said_en(number: int) -> Iterator[list[str]]:
    thousands, hundreds, rest = number // 1000, number // 100 % 10, number % 100
    large = [_ONES[thousands - 1], "thousand"] if thousands else []
    large += [_ONES[hundreds - 1], "hundred"] if hundreds else []
    yield [*large, *_below_hundred(rest)]
    if large and rest:
        yield [*large, "and", *_below_hundred(rest)]


def _below_hundred(number: int) -> list[str]:
    if 10 <= number < 20:
        return [_TEENS[number - 10]]
    tens, ones = divmod(number, 10)
    return [*([_TENS[tens - 2]] if tens else []), *([_ONES[ones - 1]] if ones else [])]


_FIGURES: dict[str, Callable[[list[str]], list[str]]] = {"zh": _figures_zh, "en": _figures_en}
