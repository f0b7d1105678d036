"""Routing rules: what they look at, kept in the console, and tried on past posts before they are saved."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.errors import BadInput, Conflict
from gateway.journey import in_force, moderation, routing, ruling
from gateway.journey.intake import Intake
from gateway.journey.routing import Routed, Subject
from gateway.journey.ruling import NotTried, Wanted
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.sections import Rule
from store import audit, posts_for_staff, routing_rules
from store.routing_rules import KeptRule
from tests.journey.test_intake import BORIS, message

SATURDAY_NIGHT = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)


def subject(**more: Any) -> Subject:
    known: dict[str, Any] = {
        "text": "the lamp is dark",
        "category": None,
        "places": frozenset({"renmin-road", "chengdong"}),
        "channel": "texting",
        "at": SATURDAY_NIGHT,
    }
    return Subject(**{**known, **more})


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({"words": ("LAMP",)}, True),
        ({"words": ("drain",)}, False),
        ({"category": "roads"}, False),
        ({"place": "chengdong"}, True),
        ({"place": "renmin-road"}, True),
        ({"place": "chengxi"}, False),
        ({"channels": ("form", "texting")}, True),
        ({"channels": ("form",)}, False),
        ({"days": ("sat", "sun")}, True),
        ({"days": ("mon",)}, False),
        ({"hours": "22:00-06:00"}, True),
        ({"hours": "23:30-23:45"}, True),
        ({"hours": "06:00-23:30"}, False),
        ({"words": ("lamp",), "place": "chengdong", "days": ("sat",), "hours": "22:00-06:00"}, True),
        ({"words": ("lamp",), "place": "chengxi"}, False),
    ],
)
def test_a_rule_fits_when_all_it_asks_for_holds(conditions: dict[str, Any], fits: bool) -> None:
    rule = Rule(name="r", department="roads", suggests="roads", **conditions)
    assert routing.route((rule,), (), subject()) == (Routed("roads", "r", "roads") if fits else Routed(None, None))


def test_the_first_that_fits_decides() -> None:
    rules = (
        Rule(name="night", department="police", hours="22:00-06:00"),
        Rule(name="lamps", department="roads", words=("lamp",)),
    )
    assert routing.route(rules, (), subject()).department == "police"
    assert routing.route(rules[::-1], (), subject()).department == "roads"


@pytest.fixture
async def kept(runtime: Runtime) -> dict[str, KeptRule]:
    """The shipped rules, kept; by name."""
    await in_force.begin(runtime)
    return await rules(runtime)


async def rules(runtime: Runtime) -> dict[str, KeptRule]:
    async with runtime.database.reading() as connection:
        return {one.rule["name"]: one for one in await routing_rules.everything(connection)}


async def say(runtime: Runtime, *texts: str) -> None:
    for text in texts:
        await Intake(runtime).take(message(text, None))


async def save(runtime: Runtime, wanted: Wanted, version: int | None, actor: str) -> str:
    """A change tried, and then saved."""
    trial = await ruling.attempt(runtime, wanted)
    return await ruling.save(runtime, wanted, version, proof=trial.proof, actor=actor)


NIGHT = Rule(name="city east", department="police", place="chengdong", words=("路灯",))


async def test_they_are_seeded_once_and_in_force_as_they_are_kept(runtime: Runtime, kept: dict[str, KeptRule]) -> None:
    assert list(kept) == [rule.name for rule in runtime.settings.rules]
    await save(runtime, Wanted(kept["noise by words"].id, None), None, "root")
    await in_force.begin(runtime)
    assert "noise by words" not in [rule.name for rule in runtime.settings.rules]


async def test_a_rule_is_tried_without_changing_anything_and_then_saved(
    runtime: Runtime, kept: dict[str, KeptRule]
) -> None:
    await say(runtime, "人民路12号路灯坏了", "中山路路灯坏了", "暖气不热", "随便说说")
    first = next(iter(kept.values())).id
    trial = await ruling.attempt(runtime, Wanted(None, NIGHT, first))
    assert (trial.posts, trial.decided, trial.elsewhere, trial.renamed) == (4, 1, 1, 0)
    [moved] = trial.moved
    assert moved.post.text == "人民路12号路灯坏了"
    assert (moved.now, moved.then.department, moved.then.rule) == (
        Routed("roads", "roads by words", "roads"),
        "police",
        "city east",
    )
    assert list(await rules(runtime)) == list(kept)
    behind = await ruling.attempt(runtime, Wanted(None, NIGHT))
    assert (behind.decided, behind.elsewhere) == (0, 0), "another rule decides before it"
    await save(runtime, Wanted(None, NIGHT, first), None, "root")
    assert next(iter(await rules(runtime))) == "city east"
    await in_force.renew(runtime)
    taken = await Intake(runtime).take(message("人民路1号路灯坏了", BORIS))
    await moderation.decide(runtime, taken.post_id or "", Action.PUBLISH, actor="mo")
    async with runtime.database.reading() as connection:
        [post] = await posts_for_staff.thread(connection, taken.ticket or "")
    assert (post.department, post.rule) == ("police", "city east")


async def test_what_was_done_is_in_the_audit_and_can_be_taken_back(runtime: Runtime, kept: dict[str, KeptRule]) -> None:
    water = kept["water by words"]
    other = ruling.as_rule(water).model_copy(update={"department": "roads"})
    await save(runtime, Wanted(water.id, other), water.version, "root")
    assert list(await rules(runtime))[-1] == "water by words", "it stands where it was put"
    await ruling.undo(runtime, water.id, actor="root")
    after = await rules(runtime)
    assert list(after) == list(kept)
    assert after["water by words"].rule == water.rule
    made = await save(runtime, Wanted(None, NIGHT), None, "root")
    await ruling.undo(runtime, made, actor="root")
    assert (await rules(runtime))["city east"].retired_at is not None
    await ruling.undo(runtime, made, actor="root")
    assert (await rules(runtime))["city east"].retired_at is None
    with pytest.raises(Conflict):
        await ruling.undo(runtime, kept["noise by words"].id, actor="root")
    async with runtime.database.reading() as connection:
        actions = {trace.action for trace in await audit.traces(connection)}
    assert {"routing rule changed", "routing rule added", "routing rule undone"} <= actions


async def test_only_what_was_tried_as_it_is_can_be_saved(runtime: Runtime, kept: dict[str, KeptRule]) -> None:
    water = kept["water by words"]
    wanted = Wanted(water.id, NIGHT, kept["noise by words"].id)
    proof = (await ruling.attempt(runtime, wanted)).proof
    others = (
        Wanted(None, NIGHT, wanted.before),
        Wanted(water.id, NIGHT),
        Wanted(water.id, None, wanted.before),
        Wanted(water.id, NIGHT.model_copy(update={"words": ("路灯", "灯")}), wanted.before),
    )
    for other in others:
        with pytest.raises(NotTried):
            await ruling.save(runtime, other, None, proof=proof, actor="root")
    for wrong in ("", proof[:-1], proof.upper(), "灯"):
        with pytest.raises(NotTried):
            await ruling.save(runtime, wanted, None, proof=wrong, actor="root")
    assert await rules(runtime) == kept
    await ruling.save(runtime, wanted, water.version, proof=proof, actor="root")


async def test_a_trial_among_other_rules_is_none(runtime: Runtime, kept: dict[str, KeptRule]) -> None:
    wanted = Wanted(None, NIGHT)
    proof = (await ruling.attempt(runtime, wanted)).proof
    await save(runtime, Wanted(kept["noise by words"].id, None), None, "mo")
    with pytest.raises(NotTried):
        await ruling.save(runtime, wanted, None, proof=proof, actor="root")


async def test_two_who_change_one_rule_do_not_overwrite_each_other(runtime: Runtime, kept: dict[str, KeptRule]) -> None:
    water = kept["water by words"]
    await save(runtime, Wanted(water.id, ruling.as_rule(water)), water.version, "root")
    with pytest.raises(Conflict):
        await save(runtime, Wanted(water.id, None), water.version, "mo")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"department": "nobody"}, "department"),
        ({"category": "gardens"}, "category"),
        ({"suggests": "gardens"}, "suggests"),
        ({"place": "nowhere"}, "place"),
        ({"hours": "22-6"}, "hours"),
        ({"days": ["someday"]}, "days"),
        ({"words": []}, "words"),
        ({"words": ["x" * 61]}, "words"),
    ],
)
async def test_what_cannot_be_a_rule_is_said_by_its_field(runtime: Runtime, values: dict[str, Any], field: str) -> None:
    typed = {"name": "r", "department": "roads", "words": ["lamp"], **values}
    with pytest.raises(BadInput) as raised:
        ruling.clean(runtime, typed)
    assert raised.value.field == field


async def test_two_rules_have_two_names(runtime: Runtime, kept: dict[str, KeptRule]) -> None:
    twin = NIGHT.model_copy(update={"name": "water by words"})
    with pytest.raises(BadInput):
        await ruling.attempt(runtime, Wanted(None, twin))


async def test_words_that_suggested_a_category_suggest_anew(runtime: Runtime, kept: dict[str, KeptRule]) -> None:
    await say(runtime, "中山路路灯坏了")
    lamps = Rule(name="lamps", department="environment", words=("路灯",), suggests="waste")
    trial = await ruling.attempt(runtime, Wanted(None, lamps, next(iter(kept.values())).id))
    assert trial.moved[0].then == Routed("environment", "lamps", "waste")
