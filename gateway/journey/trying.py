"""A word tried on what was said lately, before it is put into a list: what each list would have made of it.

The texts are read chunk by chunk and judged in a thread, so that nothing waits for them. They are the masked ones: a
private number that was hidden is not searched for.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import BadInput
from gateway.journey import wordlists
from gateway.journey.filtering import WordFilter
from gateway.journey.wordlists import Word, WordList
from gateway.journey.words import LONGEST_WORD
from gateway.runtime import Runtime
from gateway.schema import Hit, Ruling, State, Verdict
from store import texts
from store.texts import PastText

CHUNK = 500
MOST_SAMPLES = 20
# How many of the last texts may be looked at, and for how long (s) at most.
SIZES = (1_000, 10_000, 50_000)
WITHIN = 10.0

_RANK = {ruling: rank for rank, ruling in enumerate(Ruling)}
# What a list rules of its word as written, and of what only sounds or looks like it.
_RULES: Mapping[WordList, tuple[Ruling, Ruling]] = {
    WordList.BLOCK: (Ruling.BLOCK, Ruling.HOLD),
    WordList.HOLD: (Ruling.HOLD, Ruling.HOLD),
    WordList.WATCH: (Ruling.WATCH, Ruling.WATCH),
}


@dataclass(slots=True)
class Effect:
    """What one list would have made of the texts: how many it concerns; of these, on how many no list ruled as
    gravely (None for lists that do not rule), and how many people have published."""

    caught: int = 0
    anew: int | None = None
    published: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One text with the word in it, and where."""

    text: PastText
    hits: Sequence[Hit]


@dataclass(slots=True)
class Trial:
    """A word on trial. `look` is the filter in force, `allowed` its phrases in which no word counts."""

    word: Word
    looked: int = 0
    oldest: PastText | None = None
    written: int = 0
    alike: int = 0
    effects: dict[WordList, Effect] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    # Whether time ended before the texts did.
    cut: bool = False

    @property
    def caught(self) -> int:
        """In how many texts the word was found, written so or alike."""
        return self.written + self.alike

    def add(self, chunk: Sequence[PastText], judge: Callable[[str], Verdict], look: Callable[[str], Verdict]) -> None:
        """Judge some texts by the word alone; where it stands as written, see what the lists in force found in it."""
        for text in chunk:
            self.looked, self.oldest = self.looked + 1, text
            hits = judge(text.text).hits
            if hits:
                self._count(text, hits, look)

    def _count(self, text: PastText, hits: Sequence[Hit], look: Callable[[str], Verdict]) -> None:
        written = [hit for hit in hits if not hit.alike]
        self.written, self.alike = self.written + bool(written), self.alike + (not written)
        if len(self.samples) < MOST_SAMPLES:
            self.samples.append(Sample(text, hits))
        for name, effect in self.effects.items():
            if name is not WordList.ALLOW:
                self._rule(name, effect, text, alike=not written)
        if written and _spares(written, look(text.text).hits):
            spared = self.effects[WordList.ALLOW]
            spared.caught, spared.published = spared.caught + 1, spared.published + _is_out(text)

    def _rule(self, name: WordList, effect: Effect, text: PastText, *, alike: bool) -> None:
        effect.caught, effect.published = effect.caught + 1, effect.published + _is_out(text)
        if name in _RULES:
            graver = _RANK[_RULES[name][alike]] > _RANK[text.ruling]
            effect.anew = (effect.anew or 0) + graver


async def try_word(runtime: Runtime, line: str, most: int, within: float = WITHIN) -> Trial:
    """Try a line of a word list on the last texts, at most so many. Raises `BadInput` for what is no such line."""
    word = _parse(line)
    judging = WordFilter(
        {WordList.HOLD: [word], WordList.ALLOW: runtime.words.allowed}, runtime.settings.filters.likeness
    )
    if not judging.sizes[WordList.HOLD]:
        raise BadInput("nothing of this word can be looked for", "word")
    trial = Trial(word, effects={name: Effect(anew=0 if name in _RULES else None) for name in WordList})
    ends, known = time.monotonic() + within, None
    while trial.looked < most:
        if time.monotonic() > ends:
            trial.cut = True
            break
        size = min(CHUNK, most - trial.looked)
        # A connection for each chunk: one held for seconds would keep the log of the database from being put away.
        async with runtime.database.reading() as connection:
            chunk = await texts.before(connection, known, size)
        await asyncio.to_thread(trial.add, chunk, judging.judge, runtime.words.look)
        if len(chunk) < size:
            break
        known = chunk[-1]
    return trial


def _parse(line: str) -> Word:
    line = line.strip()
    if not line or line.startswith("#") or not line.isprintable():
        raise BadInput("write one word or phrase", "word")
    if len(line) > LONGEST_WORD:
        raise BadInput("this is too long", "word")
    return wordlists.word(line)


def _is_out(text: PastText) -> bool:
    return text.state is State.PUBLISHED


def _spares(phrases: Sequence[Hit], found: Sequence[Hit]) -> bool:
    """Whether a word that was found lies inside the phrase, so that it would not count any more."""
    return any(phrase.start <= hit.start and hit.end <= phrase.end for phrase in phrases for hit in found)
