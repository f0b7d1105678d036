"""How words are written so that a list of words does not find them: by other characters that sound or look the same.

Each function takes a folded text to a form in which such spellings are equal, and the one called `..._from` tells
where each character of that form stood. `squeeze` takes out what is put between Han characters (赌*博). `sounds`
writes one sign for each syllable of Mandarin without its tone (赌博, 堵搏 and 赌bo alike). `looks` writes Latin letters
for what is drawn like them (Cyrillic, Greek, accents, figures and signs among letters) and joins letters that stand
singly.
"""

import importlib.util
import json
import re
import unicodedata
from functools import cache
from pathlib import Path

from gateway.journey import tracing
from gateway.journey.folding import has_unusual
from gateway.journey.tracing import Trace

HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"

# Begins with one plain class, which makes the search quick. The look back in the second half keeps a long run without
# Han from being tried again at each of its characters.
_SEPARATORS = re.compile(rf"[\W_](?:(?<=[{HAN}].)[\W_]*+|(?<![\W_].)[\W_]*+(?=[{HAN}]))", re.DOTALL)
_HAN = re.compile(f"[{HAN}]")
_ONLY_HAN = re.compile(f"[{HAN}]+")

# One sign for each of the 400 syllables: U+0100 and on take two bytes, which are quicker to search than three.
_FIRST_SYLLABLE = 0x100
_SIGNS = f"{chr(_FIRST_SYLLABLE)}-{chr(_FIRST_SYLLABLE + 0x1FF)}"
_SILENT = ord(" ")
_SPELLED = re.compile(
    rf"[a-z](?:(?<=[{_SIGNS}].)[a-z]{{1,5}}(?![a-z])|(?<![a-z].)[a-z]{{1,5}}(?=[{_SIGNS}]))", re.DOTALL
)

# Drawn like a Latin letter, in their folded form; the string on the right is the Latin one for each.
_DRAWN = dict(
    zip(
        "авсеԁһіјӏкмнорԛѕтѵԝхуүгпαβγεηικνορτυχωϲϳɑɡıɩʟʀɴɪʏʙʜᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢøłđħŧþ",
        "abcedhijlkmhopqstvwxyyrnabyenikvoptuxwcjagiilrniybhacdejkmoptuvwzoldhtp",
        strict=True,
    )
)
# Letters in black circles and squares, and those that flags are made of.
_ENCLOSED = {chr(first + i): chr(97 + i) for first in (0x1F150, 0x1F170, 0x1F1E6) for i in range(26)}
_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
_ACCENTED = r"\u00e0-\u00ff\u0101-\u024f\u1e01-\u1eff"
_ODD = re.compile(f"[{''.join(_DRAWN)}{_MARKS}{_ACCENTED}]")
_ENCLOSING = re.compile("[\U0001f150-\U0001f169\U0001f170-\U0001f189\U0001f1e6-\U0001f1ff]")
# "f r e e", "f.r.e.e", "f-r-3-3": at least three that stand alone.
_SINGLE = re.compile(r"(?<![a-z0-9])[a-z](?:[^\w@$!|]{1,3}[a-z0-9@$!|](?![a-z0-9])){2,}")
_GAPS = re.compile(r"[^\w@$!|]")
# Letters with figures or signs among them.
_LEET = re.compile(r"(?<![a-z0-9@$])(?:[a-z]++[0-9@$!|]|[0-9@$]++[a-z])[a-z0-9@$!|]*+")
# What every text with one of these two has, begun with what is rare in texts so that the search is quick.
_MAYBE_SINGLE = re.compile(r"[^\w@$!|][a-z0-9@$!|][^\w@$!|]{1,3}[a-z0-9@$!|](?![a-z0-9])")
_MAYBE_LEET = re.compile(r"[0-9@$!|](?:(?<=[a-z].)|(?=[a-z]))")
_READ = str.maketrans("0134578@$!|", "oieastbasii")
_LATIN = re.compile(r"[a-z]")
# l, i and 1 cannot be told apart.
_ONE = str.maketrans("l", "i")
_PLAIN_WORDS = re.compile(r"[a-z ]+")
_FEWEST_LETTERS = 4


def squeeze(folded: str) -> str:
    """Take out what stands next to a Han character without being a letter or figure."""
    return folded if folded.isascii() else _SEPARATORS.sub("", folded)


def squeezed_from(folded: str) -> Trace:
    """Where in a folded text each character of the squeezed one stood."""
    return tracing.of_change(_SEPARATORS, _nothing, folded)


def sounds(squeezed: str) -> str:
    """Write a squeezed text by its sounds; what is no Han character and no spelled syllable beside one is silent."""
    spoken = _spoken(squeezed)
    return _SPELLED.sub(_syllable, spoken) if _LATIN.search(spoken) else spoken


def sounds_from(squeezed: str) -> Trace:
    """Where in a squeezed text each sound stood."""
    return tracing.of_change(_SPELLED, _syllable, _spoken(squeezed))


def may_sound(word: str) -> bool:
    """Whether a squeezed word is one of two or more Han characters and nothing else."""
    return len(word) > 1 and _ONLY_HAN.fullmatch(word) is not None


def has_han(folded: str) -> bool:
    """Whether there is anything to sound."""
    return not folded.isascii() and _HAN.search(folded) is not None


def looks(folded: str) -> str | None:
    """Write a text in the Latin letters it looks like; None when it looks like nothing but itself."""
    if not (_MAYBE_LEET.search(folded) or _MAYBE_SINGLE.search(folded) or _is_odd(folded)):
        return None
    drawn = _ODD.sub(_drawn, _opened(folded)) if _is_odd(folded) else folded
    return _read(_LEET.sub(_letters, _SINGLE.sub(_joined, drawn)))


def looks_from(folded: str) -> Trace:
    """Where in a folded text each letter of its look stood."""
    opened = _opened(folded)
    drawing = tracing.of_change(_ODD, _drawn, opened)
    return tracing.through(tracing.of_change(_SINGLE, _joined, _ODD.sub(_drawn, opened)), drawing)


def look_of(word: str) -> str | None:
    """How a folded word is found among looks; None for words too short, or with more in them than Latin letters."""
    if not _PLAIN_WORDS.fullmatch(word) or len(word.replace(" ", "")) < _FEWEST_LETTERS:
        return None
    return _read(word)


def _is_odd(folded: str) -> bool:
    if folded.isascii() or not has_unusual(folded):
        return False
    return _ODD.search(folded) is not None or _ENCLOSING.search(folded) is not None


def _opened(folded: str) -> str:
    """Take letters out of their circles and squares, each in its place."""
    return _ENCLOSING.sub(lambda match: _ENCLOSED[match[0]], folded)


def _nothing(_match: re.Match[str]) -> str:
    return ""


def _drawn(match: re.Match[str]) -> str:
    character = match[0]
    if character in _DRAWN:
        return _DRAWN[character]
    letter = unicodedata.normalize("NFD", character)[0]
    return "" if unicodedata.combining(letter) or unicodedata.category(letter)[0] == "M" else _DRAWN.get(letter, letter)


def _joined(match: re.Match[str]) -> str:
    return _GAPS.sub("", match[0])


def _letters(match: re.Match[str]) -> str:
    written = match[0]
    body = written.rstrip("!|")
    return body.translate(_READ) + written[len(body) :]


def _read(letters: str) -> str:
    return letters.translate(_ONE)


def _spoken(squeezed: str) -> str:
    return squeezed.translate(_syllables()[0])


def _syllable(match: re.Match[str]) -> str:
    return _syllables()[1].get(match[0], match[0])


@cache
def _syllables() -> tuple[list[int], dict[str, str]]:
    """The sign of each character up to U+FFFF, as `str.translate` takes it, and the sign of each syllable as spelled.

    A list is a third quicker than a dictionary. Rarer Han beyond U+FFFF sound like nothing else.
    """
    readings = _readings()
    signs = {spelled: _FIRST_SYLLABLE + i for i, spelled in enumerate(sorted(set(readings.values())))}
    table = [_SILENT] * 0x10000
    table[ord("a") : ord("z") + 1] = range(ord("a"), ord("z") + 1)
    for character, spelled in readings.items():
        table[character] = signs[spelled]
    return table, {spelled: chr(sign) for spelled, sign in signs.items()}


def _readings() -> dict[int, str]:
    """The usual reading of each Han character, without its tone (ü is v).

    The table is read from the file of pypinyin. Importing the package would load its phrases too, 60 MB for nothing.
    """
    package = importlib.util.find_spec("pypinyin")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("pypinyin is not installed")
    file = Path(package.submodule_search_locations[0]) / "pinyin_dict.json"
    every = json.loads(file.read_text(encoding="utf-8"))
    return {int(code): _toneless(said.split(",")[0]) for code, said in every.items() if int(code) < 0x10000}


def _toneless(said: str) -> str:
    parts = unicodedata.normalize("NFD", said).replace("u\u0308", "v")
    return "".join(part for part in parts if "a" <= part <= "z")
