"""The city's words as they are now: read again when their files change, and counted when they are found.

The lists are compiled in a thread and put in place whole, so judging never waits. A list that cannot be used leaves
the earlier ones in force: an empty filter would let everything through.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from gateway import clock
from gateway.errors import Problem, SettingsError
from gateway.journey import wordlists
from gateway.journey.filtering import WordFilter
from gateway.journey.wordlists import Word
from gateway.runtime import Runtime
from gateway.schema import Verdict
from gateway.sections import Filters
from store import words
from store.words import Hits

# Seconds between two looks at the files, and looks between two writings of the counts.
LOOK_EVERY = 2.0
LOOKS_A_WRITING = 5
LONGEST_WORD = 200

log = structlog.get_logger()


class Words:
    """The filter in force. `judge` may be called from any thread."""

    def __init__(self, folder: Path, settings: Filters) -> None:
        """Read the lists. Raises `SettingsError` with every list that cannot be used."""
        self._folder, self._settings = folder, settings
        self._stamp = self._seen = wordlists.stamp(folder, settings.lists)
        self._filter = self._load()
        self._found: Counter[tuple[str, str]] = Counter()
        self._alike: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()
        self.loaded_at: datetime = clock.now()
        self.problems: Sequence[Problem] = ()

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many words each list in force has."""
        return self._filter.sizes

    @property
    def allowed(self) -> Sequence[Word]:
        """The phrases in force in which no word counts."""
        return self._filter.allowed

    def judge(self, text: str) -> Verdict:
        """What the lists in force say of a text; each of its words is counted once."""
        verdict = self._filter.judge(text)
        if verdict.rules:
            self._count(verdict)
        return verdict

    def look(self, text: str) -> Verdict:
        """The same without counting, for trying out."""
        return self._filter.judge(text)

    async def run(self, runtime: Runtime) -> None:
        """Look at the files and write the counts, until cancelled; then write what is left."""
        try:
            while True:
                for _ in range(LOOKS_A_WRITING):
                    await asyncio.sleep(LOOK_EVERY)
                    await self.refresh()
                await self.write_counts(runtime)
        finally:
            await self.write_counts(runtime)

    async def refresh(self) -> None:
        """Read the lists again when a file has changed since, and is not being written just now."""
        stamp = await asyncio.to_thread(wordlists.stamp, self._folder, self._settings.lists)
        settled, self._seen = stamp == self._seen, stamp
        if stamp == self._stamp or not settled:
            return
        self._stamp = stamp
        try:
            self._filter = await asyncio.to_thread(self._load)
        except SettingsError as error:
            self.problems = error.problems
            faults = [str(problem) for problem in error.problems]
            log.error("word lists cannot be read; the earlier ones stay", action="words.failed", problems=faults)
            return
        self.problems, self.loaded_at = (), clock.now()
        log.info("word lists read again", action="words.loaded", words=sum(self.sizes.values()))

    async def write_counts(self, runtime: Runtime) -> None:
        """Put what was found into the store; when that fails, it waits for the next time."""
        with self._counting:
            found, alike = self._found, self._alike
            self._found, self._alike = Counter(), Counter()
        counts = {key: Hits(found[key], alike[key]) for key in found}
        today = clock.now().astimezone(runtime.settings.city.zone).date()
        try:
            if counts:
                await runtime.database.write(lambda transaction: words.add(transaction, today, counts))
        except Exception:
            with self._counting:
                self._found.update(found)
                self._alike.update(alike)
            log.exception("word hits were not written and wait", action="words.counts")

    def _load(self) -> WordFilter:
        return WordFilter.load(self._folder, self._settings.lists, self._settings.likeness)

    def _count(self, verdict: Verdict) -> None:
        written = {(hit.list, hit.word[:LONGEST_WORD]) for hit in verdict.hits if not hit.alike}
        alike = {(hit.list, hit.word[:LONGEST_WORD]) for hit in verdict.hits if hit.alike} - written
        with self._counting:
            self._found.update(written | alike)
            self._alike.update(alike)
