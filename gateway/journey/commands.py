"""What citizens may ask for instead of reporting, and what each word does. All pure: facts in, a reply out.

Casework adds its own to the table of `runtime` at start.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from gateway.journey import topics
from gateway.journey.topics import ALL, Names
from gateway.runtime import Asked, Command, Question, Reply
from gateway.schema import State
from gateway.schema_cases import Progress
from gateway.schema_outgoing import Say
from store.facts import KnownThread
from store.incoming import EVERY_TOPIC

# Said to be polite: nobody's work, and an answer would only be answered again.
_THANKS = (
    "thanks",
    "thank you",
    "thx",
    "ok",
    "okay",
    "谢谢",
    "谢谢你",
    "谢谢您",
    "多谢",
    "感谢",
    "好的",
    "收到",
    "知道了",
)
EXAMPLE_TICKET = "48217059"
# How many of somebody's own reports are offered when it is not said which is meant.
MOST_OFFERED = 5

# How much of another report is quoted to whom it is offered.
MOST_QUOTED = 32

# States in which nobody decided yet, so that the author may still change how it is treated.
UNDECIDED = (State.PENDING, State.HELD)

_TICKET = r"(?:#|no\.?|nr\.?|编号)?[\s:：]*[\d\s-]{1,12}"
_LANGUAGES = {
    "en": "en", "english": "en", "英文": "en", "英语": "en",
    "zh": "zh", "cn": "zh", "chinese": "zh", "中文": "zh", "汉语": "zh", "普通话": "zh",
}  # fmt: skip
# One word behind LANGUAGE that may be the name of any: told which there are, and not taken for a report.
_ANY_LANGUAGE = r"(?<=[\s:：])[a-z]{2,16}|[\u4e00-\u9fff]{1,4}[文语话]"


class Offered(Protocol):
    """A public report that another one may be about the same thing as."""

    @property
    def ticket(self) -> str:
        """Its ticket."""

    @property
    def text(self) -> str:
        """Its masked words."""


def status(asked: Asked) -> Reply:
    """Tell how a thread stands; without a ticket, the asker's own, and which of them when there are several."""
    if asked.ticket is not None:
        return status_of(asked, asked.thread, asked.ticket)
    if len(asked.own) == 1:
        return status_of(asked, asked.own[0], asked.own[0].ticket)
    if asked.own:
        return _offer("status", "status_ask", asked.own)
    return Reply(Say("status_which", {"example": EXAMPLE_TICKET}))


def status_chosen(asked: Asked, ticket: str) -> Reply:
    """Tell how the thread stands that was chosen by its number."""
    return status_of(asked, _by_ticket(asked.own, ticket), ticket)


def follow(names: Names, asked: Asked) -> Reply:
    """Follow a topic; a ticket only when its asker may read it."""
    named, at_once = topics.without_now(asked.argument)
    topic = names.topic(named) if named else ALL
    if topic is None:
        return _no_such_topic(names)
    if topic.startswith("ticket:") and not _may_read(asked):
        return Reply(Say("status_unknown", {"ticket": asked.ticket}))
    said = "following_now" if at_once else "following" if topic == ALL else "following_topic"
    return Reply(Say(said, {"topic": topic}), follow=topic, at_once=at_once, start=True)


def unfollow(names: Names, asked: Asked) -> Reply:
    """Follow a topic no more, or nothing at all; what becomes of one's own reports is still told."""
    if not asked.following:
        return Reply(Say("following_nothing"))
    if not asked.argument or asked.argument in ("all", "everything", "全部", "所有"):
        return Reply(Say("unfollowed_all"), unfollow=EVERY_TOPIC)
    topic = names.topic(asked.argument)
    if topic not in asked.following:
        return Reply(Say("not_following", {"topics": sorted(asked.following)}))
    return Reply(Say("unfollowed", {"topic": topic}), unfollow=topic)


def private(asked: Asked, *, keep: bool = True) -> Reply:
    """Keep one's own report from the public, or allow it again while nobody has decided."""
    thread = _by_ticket(asked.own, asked.ticket) if asked.ticket else next(iter(asked.own), None)
    if thread is None or (not keep and thread.state not in UNDECIDED):
        return Reply(Say("private_none" if keep else "public_late", {"ticket": asked.ticket or EXAMPLE_TICKET}))
    said = "kept_private" if keep else "kept_public"
    change = None if thread.private is thread.asked_private is keep else (thread, keep)
    return Reply(Say(said, {"ticket": thread.ticket}), private=change)


def separate(asked: Asked) -> Reply:
    """Make the word that was added to a report last a report of its own."""
    if asked.last is None or asked.last.state not in UNDECIDED:
        return Reply(Say("separate_none"))
    return Reply(Say("separated"), detach=asked.last)


def belongs(asked: Asked, ticket: str) -> Reply:
    """Put the report that was asked about (its thread is quoted) under the one chosen by its number."""
    chosen = _by_ticket(asked.own, ticket)
    if asked.thread is None or chosen is None or asked.thread.state not in UNDECIDED:
        return Reply(Say("belongs_late", {"ticket": asked.thread.ticket if asked.thread else ticket}))
    return Reply(Say("follow_up", {"ticket": ticket}), attach=(asked.thread, chosen))


def join(asked: Asked) -> Reply:
    """Count the asker among those who report what a ticket tells, and have him hear what becomes of it."""
    if asked.ticket is None:
        return Reply(Say("join_which", {"example": EXAMPLE_TICKET}))
    thread = asked.thread
    if thread is None or not _is_public(thread):
        return Reply(Say("status_unknown", {"ticket": asked.ticket}))
    if _is_own(asked, thread):
        return Reply(Say("join_own", {"ticket": thread.ticket}))
    return Reply(Say("counted_in", {"ticket": thread.ticket}), count_in=thread)


def join_chosen(asked: Asked, ticket: str) -> Reply:
    """Join the report that was asked about (its thread is quoted) to the public one chosen by its number."""
    if asked.thread is None or asked.thread.joined or asked.thread.state not in UNDECIDED:
        return Reply(Say("belongs_late", {"ticket": asked.thread.ticket if asked.thread else ticket}))
    return Reply(Say("joined_own", {"ticket": asked.thread.ticket, "other": ticket}), join=(asked.thread, ticket))


def language(asked: Asked) -> Reply:
    """Speak one language to this address from now on."""
    chosen = _LANGUAGES.get(asked.argument)
    return Reply(Say("language_set"), language=chosen) if chosen else Reply(Say("language_which"))


def stop(asked: Asked) -> Reply:
    """Say no more to this address, but one last word."""
    return Reply(Say("stopped"), stop=True)


def start(asked: Asked) -> Reply:
    """Speak to this address again."""
    return Reply(Say("started"), start=True)


def explain(asked: Asked) -> Reply:
    """Say what can be done."""
    return Reply(Say("help"))


def table(names: Names) -> Mapping[str, Command]:
    """The words of a city that names its topics so. Slips of the tongue that fold differently stand beside the word."""
    either = "|".join(_LANGUAGES)
    return {
        "status": Command(
            ("status", "查询", "进度", "查讯", "查寻", "查一下"), f"(?:{_TICKET})?", status, status_chosen
        ),
        "follow": Command(
            ("follow", "subscribe", "关注", "订阅", "关住"), names.pattern + topics.NOW_PATTERN, partial(follow, names)
        ),
        "unfollow": Command(("unfollow", "不再关注", "取消关注", "取关"), names.pattern, partial(unfollow, names)),
        "stop": Command(("stop", "stopall", "unsubscribe", "退订", "取消订阅", "退定", "推订", "td"), "", stop),
        "start": Command(("start", "unstop", "开通", "恢复"), "", start),
        "help": Command(("help", "帮助", "帮组"), "", explain),
        "hello": Command(("hello", "hi", "hey", "你好", "您好", "在吗", "在么", "有人吗"), "", explain),
        "thanks": Command(_THANKS, "", lambda _: Reply(Say("thanks"), silent=True)),
        "private": Command(("private", "私密", "保密"), f"(?:{_TICKET})?", private),
        "public": Command(("public", "公开"), f"(?:{_TICKET})?", partial(private, keep=False)),
        "new": Command(("new", "另一件", "新诉求", "不是同一件"), "", separate, belongs),
        "join": Command(
            ("join", "me too", "metoo", "我也反映", "我也是", "同一件"), f"(?:{_TICKET})?", join, join_chosen
        ),
        "language": Command(("language", "lang", "语言", "语种"), f"(?:{either}|{_ANY_LANGUAGE})?", language),
        "english": Command(("english", "英文", "英语"), "", lambda _: Reply(Say("language_set"), language="en")),
        "chinese": Command(("chinese", "中文", "汉语"), "", lambda _: Reply(Say("language_set"), language="zh")),
    }


def offer_threads(own: Sequence[KnownThread], post_id: str) -> tuple[Question, list[dict[str, str]]]:
    """The question to which report a new one belongs, and its options in words."""
    offered = own[:MOST_OFFERED]
    return Question("new", tuple(thread.ticket for thread in offered), post_id), _worded(offered)


def offer_reports(reports: Sequence[Offered], post_id: str) -> tuple[Question, list[dict[str, str]]]:
    """The question whether a report is one of those that are public already, and its options in words."""
    question = Question("join", tuple(one.ticket for one in reports), post_id)
    return question, [{"ticket": one.ticket, "text": one.text[:MOST_QUOTED]} for one in reports]


def status_of(asked: Asked, thread: KnownThread | None, ticket: str) -> Reply:
    """To its author all, to others only what is public."""
    if thread is None:
        return Reply(Say("status_unknown", {"ticket": ticket}))
    values = {
        "ticket": thread.ticket,
        "state": "private" if thread.private and thread.state is State.PUBLISHED else thread.state,
        "progress": thread.progress or Progress.NEW,
        "department": thread.department,
    }
    if thread.answer and (_is_own(asked, thread) or _is_public(thread)):
        return Reply(Say("status_answered", {**values, "text": thread.answer}))
    return Reply(Say("status", values))


def _offer(kind: str, phrase: str, own: Sequence[KnownThread]) -> Reply:
    offered = own[:MOST_OFFERED]
    question = Question(kind, tuple(thread.ticket for thread in offered))
    return Reply(Say(phrase, {"options": _worded(offered)}), ask=question)


def _worded(threads: Sequence[KnownThread]) -> list[dict[str, str]]:
    return [{"ticket": thread.ticket, "text": thread.text[:16]} for thread in threads]


def _no_such_topic(names: Names) -> Reply:
    return Reply(Say("topic_unknown", {"topics": list(names.examples())}))


def _may_read(asked: Asked) -> bool:
    return asked.thread is not None and (_is_own(asked, asked.thread) or _is_public(asked.thread))


def _is_own(asked: Asked, thread: KnownThread) -> bool:
    return asked.address is not None and thread.person is not None and asked.address.person == thread.person


def _is_public(thread: KnownThread) -> bool:
    return thread.state is State.PUBLISHED and not thread.private


def _by_ticket(threads: Sequence[KnownThread], ticket: str | None) -> KnownThread | None:
    return next((thread for thread in threads if thread.ticket == ticket), None)
