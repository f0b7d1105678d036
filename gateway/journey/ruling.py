"""The routing rules as the console keeps them: seeded from `routing.toml`, tried on past posts, and then saved.

A change is first tried: which of the past posts would go elsewhere by it. Trying changes nothing, and gives the proof
without which that change is not saved: a keyed digest of it and of the rules it was tried among.
"""

import asyncio
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from gateway.errors import BadInput, Conflict
from gateway.journey import routing
from gateway.journey.placing import WORDS
from gateway.journey.routing import Routed, Subject
from gateway.runtime import Runtime
from gateway.sections import Rule
from gateway.settings import Settings
from store import routing_rules
from store.database import Database, Transaction
from store.routing_rules import FIRST, KeptRule, PastPost

# On how many past posts a change is tried, and how many of those that would go elsewhere are shown.
TRIED = 2000
SHOWN = 100
MOST_RULES = 500
MOST_WORDS, LONGEST_WORD = 200, 60
# What to say of a field that is not what it should be.
_PROBLEMS = {
    "name": "give the rule a name of at most 64 characters",
    "hours": "give the hours like 22:00-06:00",
    "days": "choose days of the week",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change to be tried or saved: of the rule of an id (None: a new one), which shall read so (None: be retired)
    and stand before another one (its id; None: behind all)."""

    rule_id: str | None
    rule: Rule | None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A past post that would go elsewhere, or to the same department by another rule."""

    post: PastPost
    now: Routed
    then: Routed


@dataclass(frozen=True, slots=True)
class Trial:
    """What a change would have done: of how many posts, how many the rule would decide, which would go elsewhere
    (`moved`, the newest of `elsewhere`), and how many stay where they are but by another rule. With the `proof` the
    change can be saved."""

    posts: int
    decided: int
    elsewhere: int
    renamed: int
    moved: Sequence[Moved]
    proof: str


class NotTried(Conflict):
    """A change that is to be saved was not tried as it is, or among other rules."""

    def __init__(self) -> None:
        super().__init__("this was not tried yet as it is: see what it would change, then save it")


async def seed(transaction: Transaction, settings: Settings) -> None:
    """Keep the rules of the file, unless some are kept already."""
    await routing_rules.hold(transaction)
    if await routing_rules.everything(transaction.connection):
        return
    for rule in settings.rules:
        await routing_rules.add(transaction, rule.model_dump(mode="json"), FIRST)


async def read(database: Database) -> Mapping[str, Any]:
    """The rules that are kept, by the name of the settings' field; nothing before the first seed."""
    async with database.reading() as connection:
        kept = await routing_rules.everything(connection)
    return {"rules": tuple(as_rule(one) for one in kept if one.retired_at is None)} if kept else {}


def as_rule(kept: KeptRule) -> Rule:
    """A rule that is kept as the settings have it."""
    return Rule.model_validate_json(json.dumps(dict(kept.rule)))


def clean(runtime: Runtime, values: Mapping[str, Any]) -> Rule:
    """A rule as somebody typed it. Raises `BadInput` naming the field."""
    try:
        rule = Rule.model_validate_json(json.dumps(dict(values)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(_PROBLEMS.get(str(first["loc"][0]), first["msg"]), str(first["loc"][0])) from error
    settings = runtime.settings
    if not rule.name.strip():
        raise BadInput("give the rule a name", "name")
    if rule.department not in {one.slug for one in settings.departments}:
        raise BadInput("choose the department", "department")
    for field, slug in (("category", rule.category), ("suggests", rule.suggests)):
        if slug and slug not in {one.slug for one in settings.categories}:
            raise BadInput("there is no such category", field)
    if rule.place and not runtime.gazetteer.around(rule.place):
        raise BadInput("the gazetteer has no such place", "place")
    if len(rule.words) > MOST_WORDS or any(not word.strip() or len(word) > LONGEST_WORD for word in rule.words):
        raise BadInput("there are too many words, or one is too long", "words")
    if not (rule.words or rule.category or rule.place or rule.channels or rule.hours or rule.days):
        raise BadInput("give at least one condition, or the rule would decide everything", "words")
    return rule


async def attempt(runtime: Runtime, wanted: Wanted) -> Trial:
    """Try a change on past posts. Raises `NotFound`, `BadInput`."""
    async with runtime.database.reading() as connection:
        kept = await routing_rules.everything(connection)
        past = await routing_rules.past(connection, TRIED)
    then = _changed(kept, wanted)
    now = tuple(as_rule(one) for one in kept if one.retired_at is None)
    compared = await asyncio.to_thread(_compare, runtime, past, now, then, wanted.rule)
    return replace(compared, proof=_proof(runtime, kept, wanted))


async def save(runtime: Runtime, wanted: Wanted, version: int | None, *, proof: str, actor: str) -> str:
    """Carry out a change that was tried; gives the rule's id.

    Raises `NotFound`, `BadInput`, `Conflict` for another version, and `NotTried` when the `proof` is of another trial.
    """

    async def work(transaction: Transaction) -> str:
        await routing_rules.hold(transaction)
        kept = await routing_rules.everything(transaction.connection)
        _changed(kept, wanted)
        rule = wanted.rule.model_dump(mode="json") if wanted.rule else None
        known = await routing_rules.one(transaction.connection, wanted.rule_id) if wanted.rule_id else None
        if known and version is not None and version != known.version:
            raise Conflict("somebody changed this meanwhile; look at it again")
        if known is None and rule is None:
            raise BadInput("give the rule", "name")
        if not hmac.compare_digest(proof.encode(), _proof(runtime, kept, wanted).encode()):
            raise NotTried
        if known is None:
            rule_id = await routing_rules.add(transaction, rule or {}, actor)
        else:
            rule_id = known.id
            action = "retired" if rule is None else "restored" if known.retired_at else "changed"
            await routing_rules.change(transaction, known, actor, action, rule=rule, retired=rule is None)
        if rule is not None:
            await routing_rules.order(transaction, _ordered([one.id for one in kept], rule_id, wanted.before))
        return rule_id

    return await runtime.database.write(work)


async def undo(runtime: Runtime, rule_id: str, *, actor: str) -> None:
    """Take back what was done to a rule last. Raises `NotFound`, and `Conflict` when there is nothing to take back."""

    async def work(transaction: Transaction) -> None:
        await routing_rules.hold(transaction)
        known = await routing_rules.one(transaction.connection, rule_id)
        last = await routing_rules.last_change(transaction.connection, rule_id)
        if last is None or last.actor == FIRST:
            raise Conflict("there is nothing to take back")
        before = last.before
        retired = before is None or bool(before["retired"])
        await routing_rules.change(
            transaction, known, actor, "undone", rule=before["rule"] if before else None, retired=retired
        )
        if before:
            others = [one.id for one in await routing_rules.everything(transaction.connection) if one.id != rule_id]
            others.insert(min(int(before["position"]), len(others)), rule_id)
            await routing_rules.order(transaction, others)

    await runtime.database.write(work)


def _proof(runtime: Runtime, kept: Sequence[KeptRule], wanted: Wanted) -> str:
    """What shows that a change was tried among the rules as they stand."""
    among = [(one.id, one.version) for one in kept if one.retired_at is None]
    rule = wanted.rule.model_dump(mode="json") if wanted.rule else None
    return runtime.vault.lookup("routing trial:" + json.dumps([wanted.rule_id, rule, wanted.before, among]))


def _changed(kept: Sequence[KeptRule], wanted: Wanted) -> tuple[Rule, ...]:
    """The rules in force after a change. Raises `NotFound` and `BadInput`."""
    rules = {one.id: as_rule(one) for one in kept if one.retired_at is None}
    if wanted.rule_id is not None and wanted.rule_id not in {one.id for one in kept}:
        raise BadInput("there is no such rule", "name")
    if wanted.rule is None:
        return tuple(rule for rule_id, rule in rules.items() if rule_id != wanted.rule_id)
    others = [rule.name for rule_id, rule in rules.items() if rule_id != wanted.rule_id]
    if wanted.rule.name in others:
        raise BadInput("another rule has this name", "name")
    if len(rules) >= MOST_RULES:
        raise BadInput("there are too many rules; retire some first", "name")
    rule_id = wanted.rule_id or ""
    rules[rule_id] = wanted.rule
    return tuple(rules[one] for one in _ordered([one.id for one in kept], rule_id, wanted.before) if one in rules)


def _ordered(rule_ids: Sequence[str], rule_id: str, before: str | None) -> list[str]:
    """The ids with one of them standing before another, or behind all."""
    others = [one for one in rule_ids if one != rule_id]
    at = others.index(before) if before in others else len(others)
    return [*others[:at], rule_id, *others[at:]]


def _compare(
    runtime: Runtime, past: Sequence[PastPost], now: Sequence[Rule], then: Sequence[Rule], rule: Rule | None
) -> Trial:
    moved: list[Moved] = []
    decided = elsewhere = renamed = 0
    for post in past:
        before, after = _routed(runtime, now, post), _routed(runtime, then, post)
        decided += rule is not None and after.rule == rule.name
        if before.department != after.department:
            elsewhere += 1
            if len(moved) < SHOWN:
                moved.append(Moved(post, before, after))
        else:
            renamed += before.rule != after.rule
    return Trial(len(past), decided, elsewhere, renamed, moved, proof="")


def _routed(runtime: Runtime, rules: Sequence[Rule], post: PastPost) -> Routed:
    """Where a past post would go if it came anew: a category that words suggested is suggested anew."""
    settings = runtime.settings
    category = None if post.category_from == WORDS else post.category
    places, zone = runtime.gazetteer.around(post.place.slug), settings.city.zone
    subject = Subject(post.text, category, places, post.channel, post.created_at, zone)
    found = routing.route(rules, settings.categories, subject)
    if category is None and found.suggests:
        subject = replace(subject, category=found.suggests)
        found = routing.route(rules, settings.categories, subject)
    return found
