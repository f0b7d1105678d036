"""The word filter: what the city's lists say of a text, before anybody reads it.

Each city keeps three lists in `config/words/`: `block.txt` (rejected by rule, kept, restorable), `hold.txt` (a person
decides first) and `watch.txt` (passes, but duty should look). A text is searched as it is folded, and once more with
everything taken out that stands next to a Han character without being a letter or figure, so that a word spread
out by spaces or stars is found too.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from gateway.errors import Problem, SettingsError
from gateway.journey.folding import fold
from gateway.schema import Ruling, Verdict

LISTS = (Ruling.BLOCK, Ruling.HOLD, Ruling.WATCH)

_RANK = {ruling: rank for rank, ruling in enumerate(Ruling)}
_HAN = r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]"
# The look back before the second half keeps a long run without Han from being tried again at each of its characters.
_SEPARATORS = re.compile(rf"(?<={_HAN})[\W_]++|(?<![\W_])[\W_]++(?={_HAN})")


class WordFilter:
    """Judges texts by word lists; made once, safe to share between threads."""

    def __init__(self, lists: Mapping[Ruling, Iterable[str]]) -> None:
        """Compile the lists; words are folded, and one that is nothing when folded is left out."""
        rulings: defaultdict[str, set[Ruling]] = defaultdict(set)
        for ruling, words in lists.items():
            for word in words:
                rulings[_squeeze(fold(word))].add(ruling)
        rulings.pop("", None)
        self._rules = [[(ruling, f"{ruling}:{word}") for ruling in found] for word, found in rulings.items()]
        self._automaton = AhoCorasick(list(rulings))

    @classmethod
    def load(cls, folder: Path) -> "WordFilter":
        """Read `block.txt`, `hold.txt` and `watch.txt`: UTF-8, one word a line, `#` begins a line of comment.

        Raises `SettingsError` with every list that cannot be read.
        """
        problems: list[Problem] = []
        lists = {ruling: _read(folder / f"{ruling}.txt", problems) for ruling in LISTS}
        if problems:
            raise SettingsError(problems)
        return cls(lists)

    def judge(self, text: str) -> Verdict:
        """Say the worst ruling among the words found, and every rule (`list:word`) that matched."""
        folded = fold(text)
        squeezed = _squeeze(folded)
        found = self._found(folded) | (self._found(squeezed) if squeezed != folded else set())
        rules = [rule for index in found for rule in self._rules[index]]
        worst = max((ruling for ruling, _ in rules), key=_RANK.__getitem__, default=Ruling.PASS)
        return Verdict(worst, tuple(sorted(name for _, name in rules)))

    def _found(self, text: str) -> set[int]:
        """Find the indexes of the words that stand in a text."""
        hits = self._automaton.find_matches_as_indexes(text, overlapping=True)
        return {index for index, start, end in hits if not (_inside(text, start) or _inside(text, end))}


def _squeeze(folded: str) -> str:
    return _SEPARATORS.sub("", folded)


def _inside(text: str, at: int) -> bool:
    """Whether a position is inside a run of letters of a script that has cases, or of figures.

    Such words count only when they stand alone ("ass" is not in "class"); Han has no borders to look for.
    """
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    return (before.islower() and after.islower()) or (before.isdecimal() and after.isdecimal())


def _read(path: Path, problems: list[Problem]) -> list[str]:
    """Give the words of one list; faults are added to `problems`."""
    try:
        raw = path.read_bytes()
        lines = raw.decode("utf-8-sig").splitlines()
    except OSError as error:
        problems.append(Problem(str(path), "file", f"make it readable; an empty file will do ({error.strerror})"))
        return []
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(str(path), f"line {line}", "save the file as UTF-8"))
        return []
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]
