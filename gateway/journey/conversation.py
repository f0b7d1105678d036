"""What a message is: a word that asks for something, a number that answers a question, or something said.

A command is recognised only when the whole message is one: its word, and behind it nothing but what it takes. So
"STATUS 48217059" is a command and "stop the noise at night" a report. One slip of the finger is forgiven ("STAUTS").
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from rapidfuzz.distance import OSA

from gateway.journey import folding, tickets
from gateway.runtime import Command

LONGEST = 60
# A word that long may have any one letter wrong; shorter ones only letters swapped, doubled or left out.
_FORGIVING = 5
_SHORTEST = 4
_EDGES = " .。!！?？,，、:："
_PRIVATE = re.compile(r"\s*(?:private|私密|保密)(?:[\s:：,，。.]+)(?=\S)", re.IGNORECASE)
_NUMBERS = {
    word: n for n, words in enumerate(("1 一 壹", "2 二 两", "3 三", "4 四", "5 五"), 1) for word in words.split()
}
# "2", "2.", "(2)", "2号", and the keycap.
_NUMBER = re.compile(rf"[(（]?({'|'.join(_NUMBERS)})[.。、)）号\u20e3]?")
# What says of an answer whether it helped, when a message is nothing else.
_SOLVED = {
    **dict.fromkeys(("solved", "it is solved", "fixed", "it is fixed", "已解决", "解决了", "已经解决", "修好了"), True),
    **dict.fromkeys(
        ("not solved", "unsolved", "not fixed", "still not solved", "still not fixed", "没解决", "没有解决", "未解决"),
        False,
    ),
    **dict.fromkeys(("还没解决", "没修好", "还没修好", "没有修好"), False),
}
_BARE_TICKET = re.compile(r"#?(\d{4})[\s-]?(\d{4})")


def recognise(text: str, commands: Mapping[str, Command]) -> tuple[Command, str] | None:
    """The command a message is, with its folded argument; None when it is something said."""
    if not text or len(text) > LONGEST:
        return None
    folded = folding.fold(text).strip(_EDGES)
    for command in commands.values():
        if found := _pattern(command).fullmatch(folded):
            return command, found["argument"].strip(_EDGES)
    if _BARE_TICKET.fullmatch(folded):
        return commands["status"], folded
    return _forgiven(folded, commands)


def chosen(text: str) -> int | None:
    """The number a message is and nothing else: "1", "２。", "(2)", "三", "1️⃣"."""
    if len(text) > 8:
        return None
    found = _NUMBER.fullmatch(folding.fold(text).strip(_EDGES))
    return _NUMBERS[found[1]] if found else None


def solved(text: str) -> bool | None:
    """Whether a message says of an answer, and says nothing else, that it helped or did not; None for any other."""
    return _SOLVED.get(folding.fold(text).strip(_EDGES)) if len(text) <= LONGEST else None


def confidential(text: str) -> str | None:
    """What is said behind the word PRIVATE; None when the message does not begin with it."""
    found = _PRIVATE.match(text)
    return text[found.end() :] if found else None


def quoted(argument: str) -> str | None:
    """The ticket that stands in an argument, right or not, so that a wrong one can be named; None without digits."""
    found = tickets.find(argument)
    digits = "".join(re.findall(r"\d", argument))
    return found[0] if found else digits or None


def _forgiven(folded: str, commands: Mapping[str, Command]) -> tuple[Command, str] | None:
    """The command whose word was mistyped by one letter, with an argument that fits it whole."""
    word, _, argument = folded.partition(" ")
    if len(word) < _SHORTEST or not word.isascii() or not word.isalpha():
        return None
    for command in commands.values():
        fits = re.fullmatch(command.argument, argument) is not None
        if fits and any(_is_slip(word, meant) for meant in command.words if meant.isascii()):
            return command, argument.strip(_EDGES)
    return None


def _is_slip(word: str, meant: str) -> bool:
    if len(meant) < _SHORTEST:
        return False
    if word != meant and meant.startswith(word):
        return True
    if OSA.distance(word, meant, score_cutoff=1) > 1:
        return False
    return len(meant) >= _FORGIVING or len(word) != len(meant) or sorted(word) == sorted(meant)


@lru_cache(maxsize=64)
def _pattern(command: Command) -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in sorted(command.words, key=len, reverse=True))
    if not command.argument:
        return re.compile(rf"(?:{words})(?P<argument>)")
    # Han words need no space before what follows them; Latin ones do, or "followed" would be a command.
    return re.compile(rf"(?:{words})(?P<argument>(?:$|[\s:：]+|(?<=[\u4e00-\u9fff])){command.argument})")
