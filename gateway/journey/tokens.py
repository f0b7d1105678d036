"""What search compares: the tokens of a text and of a query, the same on both kinds of database.

Chinese is written without spaces and most of its words have two characters, so a run of Han gives its pairs, one after
the other, and its last character alone: each character then begins a token, so that one character is found as the
beginning of one. All else gives its words. Texts are folded first, so that 燈 finds 灯 and ＷＡＴＥＲ finds water.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from gateway.errors import BadInput
from gateway.journey import folding

LONGEST_QUERY = 200
# A word of more is no word of a language; PostgreSQL would refuse one of 2 KB.
LONGEST_WORD = 40
# Stands between two texts of one post, so that no phrase runs from one into the other; nobody can type it as a token.
BETWEEN = "§"

# Han, and Japanese and Bopomofo, which are written without spaces too.
_UNSPACED = "\u3005-\u3007\u3041-\u30ff\u3105-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_RUN = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[^\W_])+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
# Runs that nothing parts: what stands together in a query must stand together in the text.
_TOGETHER = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r'["“”„«»「」『』＂]([^"“”„«»「」『』＂]*)["“”„«»「」『』＂]')


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands in the folded text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens that follow each other; with `begins`, the last may be only the beginning of one."""

    typed: str
    tokens: tuple[str, ...]
    begins: bool


def of(text: str) -> list[Token]:
    """The tokens of a folded text, in order."""
    return [token for run in _RUN.finditer(text) for token in _of_run(run)]


def of_texts(texts: Iterable[str]) -> list[str]:
    """The tokens of several texts, as an index keeps them: no phrase runs from one into the next."""
    return [one for text in texts for one in (BETWEEN, *(token.text for token in of(folding.fold(text))))]


def phrases(query: str) -> tuple[Phrase, ...]:
    """What a query asks for, all of it: each word, each run of characters, and each quoted phrase as a whole.

    Empty for a query without letters and figures. Raises `BadInput` for one that is too long.
    """
    if len(query) > LONGEST_QUERY:
        raise BadInput(f"a search has at most {LONGEST_QUERY} characters", "q")
    quoted = [found[1] for found in _QUOTED.finditer(query)]
    loose = _TOGETHER.findall(folding.fold(_QUOTED.sub(" ", query)))
    found = [_phrase(typed) for typed in (*quoted, *loose)]
    return tuple(dict.fromkeys(phrase for phrase in found if phrase.tokens))


def label(name: str, value: str) -> str:
    """What a post is filed under, as a token that nobody can type."""
    return BETWEEN + hashlib.blake2b(f"{name}={value}".encode(), digest_size=8).hexdigest()


def marked(text: str, wanted: tuple[Phrase, ...]) -> list[tuple[str, bool]]:
    """A text in pieces, in order and nothing lost, each with whether it is what was asked for."""
    folded, places = _placed(text)
    hits = [(places[start], places[end - 1] + 1) for start, end in _hits(of(folded), wanted)]
    pieces: list[tuple[str, bool]] = []
    done = 0
    for start, end in _joined(sorted(hits)):
        pieces += [(text[done:start], False), (text[start:end], True)]
        done = end
    return [piece for piece in (*pieces, (text[done:], False)) if piece[0]]


def _of_run(run: re.Match[str]) -> Iterator[Token]:
    start, text = run.start(), run[0]
    if not _IS_UNSPACED.match(text):
        yield Token(text[:LONGEST_WORD], start, run.end())
        return
    for at in range(len(text)):
        pair = text[at : at + 2]
        yield Token(pair, start + at, start + at + len(pair))


def _phrase(typed: str) -> Phrase:
    folded = folding.fold(typed)
    tokens = [token.text for token in of(folded)]
    *_, last = ("", *_RUN.findall(folded))
    ends_open = _IS_UNSPACED.match(last) is not None
    # The character that ends a run in the query may be followed by another one in the text: the last pair says it all,
    # and where there is no pair it is the beginning of one.
    if ends_open and len(last) > 1:
        tokens.pop()
    return Phrase(typed.strip(), tuple(tokens), ends_open and len(last) == 1)


def _hits(tokens: list[Token], wanted: tuple[Phrase, ...]) -> Iterator[tuple[int, int]]:
    """Where phrases stand among the tokens of a text, as places in it."""
    for at, token in enumerate(tokens):
        for phrase in wanted:
            if not _same(token.text, phrase, 0):
                continue
            there = tokens[at : at + len(phrase.tokens)]
            if len(there) == len(phrase.tokens) and all(_same(one.text, phrase, n) for n, one in enumerate(there)):
                yield token.start, _end(there[-1], phrase)


def _same(text: str, phrase: Phrase, number: int) -> bool:
    asked = phrase.tokens[number]
    may_begin = phrase.begins and number == len(phrase.tokens) - 1
    return text.startswith(asked) if may_begin else text == asked


def _end(last: Token, phrase: Phrase) -> int:
    return last.start + len(phrase.tokens[-1]) if phrase.begins else last.end


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _placed(text: str) -> tuple[str, list[int]]:
    """A text folded character by character, and for each folded one the place it came from."""
    folded: list[str] = []
    places: list[int] = []
    for at, character in enumerate(text):
        plain = _folded(character)
        folded.append(plain)
        places += [at] * len(plain)
    return "".join(folded), places


@lru_cache(8192)
def _folded(character: str) -> str:
    return " " if character.isspace() else folding.fold(character)
