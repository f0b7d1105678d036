"""What citizens may ask instead of reporting: the words they use, and what each does.

A command is recognised only when the whole message is one: its word, and behind it nothing but what it takes. So
"STATUS 48217053" is a command and "stop the noise at night" a report. Casework adds its own to the table at start.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from gateway.journey import folding, tickets
from gateway.runtime import Asked, Command, Reply
from gateway.schema import Progress, Say, State

LONGEST = 40
EXAMPLE_TICKET = "48217059"
_NUMBER = r"[\d\s-]{0,12}"


def recognise(text: str, commands: Mapping[str, Command]) -> tuple[Command, str] | None:
    """The command a message is, with its argument; None when it is a report."""
    if len(text) > LONGEST:
        return None
    folded = folding.fold(text).strip(" .。!！?？")
    for command in commands.values():
        if found := _pattern(command).fullmatch(folded):
            return command, found["argument"].strip()
    return None


def status(asked: Asked) -> Reply:
    """Tell how a thread stands: to its author all, to others only what is public."""
    if asked.ticket is None:
        return Reply(Say("status_which", {"example": EXAMPLE_TICKET}))
    if asked.thread is None:
        return Reply(Say("status_unknown", {"ticket": asked.ticket}))
    thread = asked.thread
    values = {
        "ticket": thread.ticket,
        "state": "private" if thread.private and thread.state is State.PUBLISHED else thread.state,
        "progress": thread.progress or Progress.NEW,
        "department": thread.department,
    }
    own = asked.address is not None and asked.address.person == thread.person
    public = thread.state is State.PUBLISHED and not thread.private
    if thread.answer and (own or public):
        return Reply(Say("status_answered", {**values, "text": thread.answer}))
    return Reply(Say("status", values))


def follow(asked: Asked) -> Reply:
    """Follow everything that is published."""
    return Reply(Say("following"), follow="all", start=True)


def stop(asked: Asked) -> Reply:
    """Say no more to this address, but one last word."""
    return Reply(Say("stopped"), stop=True)


def start(asked: Asked) -> Reply:
    """Speak to this address again."""
    return Reply(Say("started"), start=True)


def explain(asked: Asked) -> Reply:
    """Say what can be done."""
    return Reply(Say("help"))


COMMANDS: Mapping[str, Command] = {
    "status": Command(("status", "查询", "进度"), _NUMBER, status),
    "follow": Command(("follow", "关注", "订阅"), "(?:all|全部|所有)?", follow),
    "stop": Command(("stop", "stopall", "unsubscribe", "退订", "取消订阅", "取消关注", "td"), "", stop),
    "start": Command(("start", "unstop", "开通", "恢复"), "", start),
    "help": Command(("help", "info", "帮助"), "", explain),
}


def quoted(argument: str) -> str | None:
    """The ticket that stands in an argument, right or not, so that a wrong one can be named; None without digits."""
    found = tickets.find(argument)
    digits = "".join(re.findall(r"\d", argument))
    return found[0] if found else digits or None


@lru_cache(maxsize=64)
def _pattern(command: Command) -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in sorted(command.words, key=len, reverse=True))
    if not command.argument:
        return re.compile(rf"(?:{words})(?P<argument>)")
    # Han words need no space before what follows them; Latin ones do, or "followed" would be a command.
    return re.compile(rf"(?:{words})(?P<argument>(?:$|[\s:：]+|(?<=[\u4e00-\u9fff])){command.argument})")
