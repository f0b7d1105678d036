"""Posts that are about the same thing as another, though they do not say the same: shown to whoever decides.

Compared are the pairs of neighbouring letters of the folded texts (Dice's coefficient), which needs no words and so
serves Han and Latin alike, with the newest published posts and with what waits.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from gateway.journey.folding import fold
from gateway.runtime import Runtime
from gateway.schema import PublicPost, State
from store import posts, waiting
from store.posts import StaffPost

COMPARED = 100
SHOWN = 5
# Share of pairs in common from which two texts are shown as similar, and how much a shared place adds.
ENOUGH = 0.42
SAME_PLACE = 0.1


@dataclass(frozen=True, slots=True)
class Similar:
    """One of them: its ticket, words and state, and how like it is, of 1."""

    ticket: str
    text: str
    state: State
    share: float


async def to(runtime: Runtime, post_id: str, text: str, place: str | None, thread: str) -> Sequence[Similar]:
    """The posts most like a text, without those of its own thread."""
    own = _pairs(text)
    if not own:
        return ()
    async with runtime.database.reading() as connection:
        shown, _ = await posts.published(connection, limit=COMPARED)
        queue = await waiting.queue(connection, COMPARED)
    others: Sequence[PublicPost | StaffPost] = (*shown, *queue)
    found = [
        Similar(one.ticket, one.text, one.state, share)
        for one in others
        if one.id != post_id
        and one.ticket != thread
        and (share := likeness(text, one.text) + SAME_PLACE * bool(place and place == one.place.name)) >= ENOUGH
    ]
    return sorted(found, key=lambda one: -one.share)[:SHOWN]


def likeness(one: str, other: str) -> float:
    """The share of pairs of letters that two texts have in common, 0 to 1."""
    first, second = _pairs(one), _pairs(other)
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if total else 0.0


@lru_cache(maxsize=1024)
def _pairs(text: str) -> Counter[str]:
    letters = [letter for letter in fold(text) if letter.isalnum()]
    return Counter(first + second for first, second in pairwise(letters))
