"""What the public asks again and again, asked of the store once for all who ask in the same moment.

Where thousands a second look at the same posts, in ways that no drawn page is kept for, what they see is read once and
remembered: for a moment only, and until something of it changes.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from gateway.journey.shelf import Shelf
from gateway.schema import State
from gateway.schema_public import PublicPost
from store.wakeups import Wakeups

T = TypeVar("T")

# Whatever changes a post, its thread, its case, its files or who is named with it rings one of these.
TOPICS = ("events", "media", "queue")
LASTS = timedelta(seconds=2)
# As many posts as are kept drawn (`web.drawing`), some 2 KB each.
MOST_POSTS = 4096


class Remembered:
    """What one process remembers."""

    def __init__(self, wakeups: Wakeups) -> None:
        self._shelf: Shelf[Hashable, Any] = Shelf(wakeups, TOPICS, lasts=LASTS, most=MOST_POSTS)

    async def ask(
        self, asked: Hashable, question: Callable[[], Awaitable[T]], posts: Callable[[T], Sequence[PublicPost]]
    ) -> T:
        """What is remembered under `asked`, else what `question` gives; `posts` tells which posts are in that.

        Only what is public is remembered: how anything else stands is asked each time.
        """
        if (known := self._shelf.find(asked)) is not None:
            remembered: T = known
            return remembered
        generation = self._shelf.generation()
        answer = await question()
        found = posts(answer)
        if all(post.state is State.PUBLISHED and post.text for post in found):
            self._shelf.keep(asked, answer, 1 + len(found), generation)
        return answer
