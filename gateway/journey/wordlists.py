"""The files of `config/words/`: UTF-8, one word or phrase a line, `#` begins a line of comment.

A line may end in a mark, after a space: `~` has a short word looked for by its sound too, `=` has a word found only as
it is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.errors import Problem
from gateway.sections import WordLists

MOST_BYTES = 16_777_216


class WordList(StrEnum):
    """The lists, each in a file of its name."""

    BLOCK = "block"
    HOLD = "hold"
    WATCH = "watch"
    EMERGENCY = "emergency"
    ALLOW = "allow"


class Mark(StrEnum):
    """What the mark of a word asks for."""

    USUAL = ""
    BY_SOUND = "~"
    AS_WRITTEN = "="


@dataclass(frozen=True, slots=True)
class Word:
    """One line of a list."""

    text: str
    mark: Mark = Mark.USUAL


Lists = Mapping[WordList, Iterable[Word]]
Stamp = tuple[tuple[str, int, int], ...]


def read(folder: Path, chosen: WordLists) -> tuple[Lists, list[Problem]]:
    """Read the lists that are on, and tell every one that cannot be used."""
    problems: list[Problem] = []
    return {name: _read(_path(folder, name), problems) for name in on(chosen)}, problems


def stamp(folder: Path, chosen: WordLists) -> Stamp:
    """What changes when one of the files does; a file that is not there is stamped too."""
    return tuple(_stamped(_path(folder, name)) for name in on(chosen))


def on(chosen: WordLists) -> list[WordList]:
    """The lists that are read."""
    return [name for name in WordList if getattr(chosen, name)]


def word(line: str) -> Word:
    """Part a line from its mark."""
    text, space, mark = line.rpartition(" ")
    if space and text.strip() and mark in (Mark.BY_SOUND, Mark.AS_WRITTEN):
        return Word(text.strip(), Mark(mark))
    return Word(line.strip())


def _path(folder: Path, name: WordList) -> Path:
    return folder / f"{name}.txt"


def _stamped(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path.name, 0, -1
    return path.name, found.st_mtime_ns, found.st_size


def _read(path: Path, problems: list[Problem]) -> list[Word]:
    """Give the words of one list; faults are added to `problems`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            problems.append(Problem(str(path), "file", "make it smaller than 16 MB"))
            return []
        raw = path.read_bytes()
        lines = raw.decode("utf-8-sig").splitlines()
    except OSError:
        problems.append(Problem(str(path), "file", "is missing or cannot be read; an empty file will do"))
        return []
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(str(path), f"line {line}", "save the file as UTF-8"))
        return []
    return [word(line) for line in map(str.strip, lines) if line and not line.startswith("#")]
