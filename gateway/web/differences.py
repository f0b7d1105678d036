"""Two versions of a text with what differs between them, as pieces a page can mark."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

# A run of Latin letters or figures is one piece; so is each Han letter and each sign.
_PIECE = re.compile(r"[^\W\d_\u3400-\u9fff]+|\d+|\s+|.", re.DOTALL)
# Longer texts are compared line by line: the time grows with the square of the pieces.
_MOST = 3000


@dataclass(frozen=True, slots=True)
class Piece:
    """Some letters of a text, and whether the other text lacks them."""

    text: str
    differs: bool


def compare(one: str, other: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces; what stands in one of them only is marked."""
    first, second = _cut(one), _cut(other)
    before: list[Piece] = []
    after: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        _add(before, "".join(first[a:b]), kind != "equal")
        _add(after, "".join(second[c:d]), kind != "equal")
    return before, after


def _cut(text: str) -> list[str]:
    pieces = _PIECE.findall(text)
    return pieces if len(pieces) <= _MOST else text.splitlines(keepends=True)


def _add(pieces: list[Piece], text: str, differs: bool) -> None:
    if text:
        pieces.append(Piece(text, differs))
