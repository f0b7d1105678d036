"""Where a character of a changed text stood before the change: worked out only when something was found.

A `Trace` says for each character of the changed text from which stretch of the earlier one it was made. Traces of
changes made one after the other are joined by `through`.
"""

import re
from collections.abc import Callable, Iterable

from gateway.journey.folding import clings, settle

Trace = list[tuple[int, int]]

# Each of these is folded alone, whatever stands beside it but marks.
_EVEN = re.compile(r"[ -~\u3001\u3002\u4e00-\u9fff\uff01-\uff5e]+")


def of_folding(text: str) -> Trace:
    """Where in a text as typed each character of `fold(text)` stood; marks and the invisible go with their letter."""
    traced: list[tuple[str, int, int]] = []
    for start, end in _pieces(text):
        traced.extend((character, start, end) for character in settle(text[start:end]))
    return _with_single_spaces(traced)


def of_change(pattern: re.Pattern[str], change: Callable[[re.Match[str]], str], text: str) -> Trace:
    """Where in a text each character of `pattern.sub(change, text)` stood."""
    trace: Trace = []
    done = 0
    for match in pattern.finditer(text):
        trace.extend((at, at + 1) for at in range(done, match.start()))
        trace.extend([match.span()] * len(change(match)))
        done = match.end()
    trace.extend((at, at + 1) for at in range(done, len(text)))
    return trace


def through(later: Trace, earlier: Trace) -> Trace:
    """The trace of two changes: `earlier` was made first, `later` on what came of it."""
    return [(earlier[start][0], earlier[end - 1][1]) for start, end in later]


def _pieces(text: str) -> Iterable[tuple[int, int]]:
    """Cut a text where nothing on one side can change how the other is folded."""
    start = 0
    while start < len(text):
        even = _EVEN.match(text, start)
        if even:
            # The last may have marks to come.
            for at in range(start, even.end() - 1):
                yield at, at + 1
            start = even.end() - 1
        end = start + 1
        while end < len(text) and clings(text[end]):
            end += 1
        yield start, end
        start = end


def _with_single_spaces(traced: Iterable[tuple[str, int, int]]) -> Trace:
    trace: Trace = []
    space: tuple[int, int] | None = None
    for character, start, end in traced:
        if character.isspace():
            space = space or (start, end)
            continue
        if space and trace:
            trace.append(space)
        space = None
        trace.append((start, end))
    return trace
