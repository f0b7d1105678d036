"""How many took part with today's phrases, counted once for all who look and all who listen."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.casework.campaigns import today
from gateway.runtime import Runtime
from store import campaigns
from store.campaigns import Campaign, Phrase

# Counting linked lines once takes the longer, the more took part: it rests so many times as long.
REST = 10
LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Today:
    """One of today's phrases, and how many posted it back."""

    campaign: Campaign
    phrase: Phrase
    number: int


class PhraseCounts:
    """The counts of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: tuple[str, Sequence[Today]] = ("", ())
        self._until = 0.0

    @property
    def rests(self) -> float:
        """For how many seconds what is known is still shown."""
        return max(0.0, self._until - time.monotonic())

    async def look(self) -> Sequence[Today]:
        """Today's phrases that were told, each with its count; counted anew when the last count has rested."""
        day, begun = today(self._runtime).isoformat(), time.monotonic()
        if self._known[0] == day and self.rests:
            return self._known[1]
        async with self._runtime.database.reading() as connection:
            told = [one for one in await campaigns.of_day(connection, day) if one[1].post_id]
            numbers = await campaigns.counts(connection, [phrase.id for _, phrase in told]) if told else {}
        self._known = (day, [Today(campaign, phrase, numbers.get(phrase.id, 0)) for campaign, phrase in told])
        self._until = time.monotonic() + max(LEAST, REST * (time.monotonic() - begun))
        return self._known[1]

    def frame(self, found: Sequence[Today]) -> bytes:
        """The counts as an event of the live stream, by the id of the phrase."""
        counted: Mapping[str, int] = {one.phrase.id: one.number for one in found}
        said = ",".join(f'"{phrase_id}":{number}' for phrase_id, number in counted.items())
        return f"event: phrase\ndata: {{{said}}}\n\n".encode()
