"""Which department must act: the first rule that fits, else the category's department, else the dispatcher (None).

Pure: what is known of a post and the rules give the same department every time, and the rule's name tells staff why. A
rule may also suggest the category of a post whose author chose none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.journey.folding import fold
from gateway.runtime import Runtime
from gateway.sections import Rule
from gateway.sections_departments import Category
from store.changes import Changing
from store.posts_for_staff import StaffPost

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# The name under which a category's own department is noted as the rule that decided.
BY_CATEGORY = "category "


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules look at: the words, the category, the place with all around it (slugs), the channel, and when it came
    (by the city's clock, where its zone is given)."""

    text: str
    category: str | None
    places: frozenset[str]
    channel: str
    at: datetime
    zone: ZoneInfo | None = None

    @property
    def local(self) -> datetime:
        """When it came by the city's clock."""
        return self.at.astimezone(self.zone) if self.zone else self.at


@dataclass(frozen=True, slots=True)
class Routed:
    """A department's slug, or None for the dispatcher, the rule that said so, and the category it suggests."""

    department: str | None
    rule: str | None
    suggests: str | None = None


def route(rules: Iterable[Rule], categories: Iterable[Category], subject: Subject) -> Routed:
    """Pick the department for a post."""
    folded = fold(subject.text)
    for rule in rules:
        if _fits(rule, folded, subject):
            return Routed(rule.department, rule.name, rule.suggests)
    for known in categories:
        if known.slug == subject.category and known.department:
            return Routed(known.department, f"{BY_CATEGORY}{known.slug}")
    return Routed(None, None)


def route_post(runtime: Runtime, post: Changing | StaffPost, text: str | None = None) -> Routed:
    """The same for a post that is kept, by the rules in force; `text` is what it will say."""
    settings = runtime.settings
    return route(settings.rules, settings.categories, subject_of(runtime, post, text))


def subject_of(runtime: Runtime, post: Changing | StaffPost, text: str | None = None) -> Subject:
    """What rules look at of a post that is kept."""
    return Subject(
        text=post.text if text is None else text,
        category=post.category,
        places=runtime.gazetteer.around(post.place.slug),
        channel=post.channel,
        at=post.created_at,
        zone=runtime.settings.city.zone,
    )


def suggest(runtime: Runtime, text: str, slug: str | None, channel: str, at: datetime) -> str | None:
    """The category of what was said without one, at a place of the gazetteer; None when no rule suggests any."""
    subject = Subject(text, None, runtime.gazetteer.around(slug), channel, at, runtime.settings.city.zone)
    return route(runtime.settings.rules, (), subject).suggests


def _fits(rule: Rule, folded: str, subject: Subject) -> bool:
    """Whether all that a rule asks for holds."""
    return (
        rule.category in (None, subject.category)
        and (rule.place is None or rule.place in subject.places)
        and (not rule.channels or subject.channel in rule.channels)
        and (not rule.days or WEEKDAYS[subject.local.weekday()] in rule.days)
        and (not rule.hours or _within(rule.hours, f"{subject.local:%H:%M}"))
        and (not rule.words or any(word in folded for word in _folded(rule.words)))
    )


def _within(hours: str, now: str) -> bool:
    """Whether a time of day is in a span of them, which may go over midnight; its end is outside."""
    start, end = hours.split("-")
    return start <= now < end if start <= end else now >= start or now < end


@lru_cache(maxsize=1024)
def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(word) for word in words)
