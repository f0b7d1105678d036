"""To which thread a message belongs: one it quotes, one its sender was just asked about, one it repeats, one about
which a department asked its author, the only one just spoken of, or none.

Pure. Where two threads fit, the message is a report of its own and its sender is asked; an answer moves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.journey import sameness
from gateway.schema import State
from gateway.schema_cases import Progress
from store.facts import Facts, KnownThread

OPEN = (State.PENDING, State.HELD, State.PUBLISHED)
# For how long the same words of one citizen are one report.
REPEATED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Belonging:
    """Where a message belongs: under `thread` (which it `repeats` when it says the same), or perhaps under several."""

    thread: KnownThread | None = None
    repeats: bool = False
    perhaps: Sequence[KnownThread] = ()


def belonging(
    facts: Facts,
    person: str,
    *,
    text: str,
    files: bool,
    mentioned: Sequence[str],
    converses: bool,
    at: datetime,
    window: timedelta,
    about: KnownThread | None = None,
) -> Belonging:
    """Find a message's thread. `text` is masked, `mentioned` are the tickets it names or was said under; with `files`
    the same words bring something new. `about` is the thread that the sender was asked to say something of.

    `converses` says that the medium is a conversation, where what follows a report belongs to it.
    """
    for ticket in mentioned:
        thread = facts.threads.get(ticket)
        if thread and _may_add(thread, person):
            return Belonging(thread)
    if about and converses and _may_add(about, person):
        return Belonging(about)
    own = facts.own[person].threads if person in facts.own else []
    if repeated := next((thread for thread in own if _repeats(thread, text, at)), None):
        return Belonging(repeated, repeats=not files)
    if not converses:
        return Belonging()
    asked = [thread for thread in own if thread.progress == Progress.WAITING]
    if len(asked) == 1:
        return Belonging(asked[0])
    spoken_of = [thread for thread in own if thread.state in OPEN and thread.last_at > at - window]
    if len(spoken_of) == 1:
        return Belonging(spoken_of[0])
    return Belonging(perhaps=spoken_of)


def _may_add(thread: KnownThread, person: str) -> bool:
    """To one's own thread, or to what everybody may read."""
    if thread.state not in OPEN:
        return False
    return thread.person == person or (thread.state is State.PUBLISHED and not thread.private)


def _repeats(thread: KnownThread, text: str, at: datetime) -> bool:
    return bool(text) and thread.created_at > at - REPEATED_WITHIN and sameness.alike(thread.text, text)
