"""How citizens say in a conversation what they think of an answer: a bare number, a word, or MARK with the ticket."""

import re
from functools import partial

from gateway.casework import satisfaction
from gateway.casework.satisfaction import Given, Ruling
from gateway.runtime import Asked, Command, Question, Reply, Runtime
from gateway.schema_cases import Progress
from gateway.schema_outgoing import Say
from store.database import Transaction
from store.facts import KnownThread

WORDS = ("mark", "rate", "评分", "打分", "评价")
# A ticket as people type it, and the mark behind it; the ticket may be left out.
ARGUMENT = r"(?:#?\s*\d{4}[\s-]?\d{4}[\s,，:：]+)?[1-5]"
# For how long the words that follow a bad mark are taken for the reason of it.
WHY_MINUTES = 1440
WHY = "why"


def table(runtime: Runtime) -> dict[str, Command]:
    """What the command table of `runtime` gets."""
    return {"mark": Command(WORDS, ARGUMENT, partial(_run, runtime), partial(_choose, runtime))}


def _run(runtime: Runtime, asked: Asked) -> Reply:
    """MARK 48217059 5, or MARK 5 for the answer that was told last."""
    number = int(re.findall(r"\d", asked.argument)[-1])
    named = len(re.findall(r"\d", asked.argument)) > 1
    thread = asked.thread if named else asked.told
    if thread is None or not _is_ones_own(asked, thread):
        return Reply(Say("mark_unknown", {"ticket": asked.ticket}) if named else Say("mark_none"))
    return _mark(runtime, asked, thread, *satisfaction.understood(number))


def _choose(runtime: Runtime, asked: Asked, given: str) -> Reply:
    """A bare number, or whether it is solved ("True", "False"), about the answer that was told last."""
    if asked.thread is None:
        return Reply(Say("mark_none"))
    if given.isdigit():
        return _mark(runtime, asked, asked.thread, *satisfaction.understood(int(given)))
    return _mark(runtime, asked, asked.thread, None, given == str(True))


def _mark(runtime: Runtime, asked: Asked, thread: KnownThread, mark: int | None, solved: bool | None) -> Reply:
    person = asked.address.person if asked.address else None
    if person is None or thread.progress is None:
        return Reply(Say("mark_none"))
    given = Given(thread.root, person, mark, solved, asked.channel)
    ruling = satisfaction.judge(Progress(thread.progress), thread.reopened, asked.marks, person, bad=given.bad)
    if ruling is None:
        return Reply(Say("mark_late", {"ticket": thread.ticket}))
    # What the rest of the batch sees of it.
    thread.progress, thread.reopened = ruling.after, ruling.round + (ruling.after is Progress.REOPENED)

    async def effect(transaction: Transaction) -> None:
        await satisfaction.keep(runtime, transaction, given)

    return Reply(
        Say(_phrase(ruling, given), {"ticket": thread.ticket}),
        effect=effect,
        ask=Question(WHY, (), thread.id, WHY_MINUTES) if given.bad else None,
    )


def _phrase(ruling: Ruling, given: Given) -> str:
    if ruling.takes_back:
        return "mark_taken_back"
    if ruling.after is Progress.REOPENED:
        return "mark_reopened"
    return "mark_bad" if given.bad else "mark_thanks"


def _is_ones_own(asked: Asked, thread: KnownThread) -> bool:
    """His own report, one that his was joined to, or one he was told the answer to as who reported it too."""
    own = asked.address is not None and thread.person is not None and asked.address.person == thread.person
    joined = any(known.root == thread.root for known in asked.own)
    return own or joined or (asked.told is not None and asked.told.root == thread.root)
