"""Entries of departments: who may write, publish, review and take them away; what was before can be put back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway import clock
from gateway.casework import services as work
from gateway.casework.answer_templates import managed as managed_templates
from gateway.casework.services import Step, Typed
from gateway.errors import BadInput, Conflict, NotAllowed, NotFound
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Kind, State
from gateway.sections_departments import Department
from store import cases, posts_for_staff, services
from store.accounts import Account, Role
from store.posts_for_staff import StaffPost
from store.services import Service, ServiceState
from tests.casework.service_world import (
    HALL,
    METER,
    MODERATOR,
    OFFICER,
    OTHER,
    VIEWER,
    missed,
    published,
    typed,
    written,
)
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message

RUDE = {"en": ("Water meter", "Don't be a bitch.", "meter")}
OUTAGE = {"zh": ("解放路停水", "检修管道。", "停水"), "en": ("No water", "Pipes are repaired.", "outage")}
DRAFT, HELD, PUBLISHED, RETIRED = ServiceState


def outage(hours: float = 2) -> Typed:
    return typed(OUTAGE, "outage", valid_until=clock.now() + timedelta(hours=hours))


async def thread(runtime: Runtime, reference: str) -> StaffPost:
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, reference))[0]


async def found(runtime: Runtime, question: str) -> list[str]:
    return [one.slug for one in await work.search(runtime, question, 10)]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (typed(METER, department="zoo"), "department"),
        (typed(METER, "song"), "kind"),
        (typed({}), "title_zh"),
        (typed({"en": ("", "text", "")}), "title_en"),
        (typed({"en": ("t" * 81, "text", "")}), "title_en"),
        (typed({"en": ("title", " ", "")}), "text_en"),
        (typed({"en": ("title", "t" * 2001, "")}), "text_en"),
        (typed({"en": ("title", "text", ",".join(map(str, range(21))))}), "words_en"),
        (typed({"en": ("title", "text", "w" * 33)}), "words_en"),
        (typed(OUTAGE, "outage"), "valid_until"),
        (
            typed(OUTAGE, "outage", valid_from=clock.now(), valid_until=clock.now() - timedelta(minutes=1)),
            "valid_until",
        ),
    ],
)
async def test_what_cannot_be_kept_names_its_field(runtime: Runtime, entry: Typed, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        work.clean(runtime, entry)
    assert refused.value.field == field


async def test_what_does_not_end_has_no_end(runtime: Runtime) -> None:
    entry = work.clean(runtime, typed(METER, valid_until=clock.now()))
    assert entry.valid_until is None
    assert entry.said["zh"].words == ("水表", "过户")


async def test_a_draft_is_published_found_and_retired(runtime: Runtime) -> None:
    draft = await written(runtime, typed(METER))
    assert await found(runtime, "meter") == []
    known = await work.take(runtime, OFFICER, draft, Step.PUBLISH)
    assert (known.state, known.slug) == (PUBLISHED, "water-meter")
    assert await found(runtime, "水表") == ["water-meter"]
    assert (await work.take(runtime, OFFICER, draft, Step.RETIRE)).state is RETIRED
    assert await found(runtime, "水表") == []
    again = await work.take(runtime, OFFICER, draft, Step.PUBLISH)
    assert (again.published_at, again.retired_at) == (known.published_at, None)
    with pytest.raises(Conflict):
        await work.take(runtime, OFFICER, draft, Step.PUBLISH)


async def test_each_address_is_its_own(runtime: Runtime) -> None:
    slugs = [(await published(runtime, typed(METER))).slug for _ in range(3)]
    assert slugs == ["water-meter", "water-meter-2", "water-meter-3"]
    chinese = await published(runtime, typed({"zh": ("水表过户", "带身份证。", "")}))
    assert chinese.slug == "shui-biao-guo-hu"


@pytest.mark.parametrize("account", [OTHER, MODERATOR, VIEWER])
async def test_others_cannot_write_it(runtime: Runtime, account: Account) -> None:
    known = await published(runtime, typed(METER))
    with pytest.raises(NotAllowed):
        await written(runtime, typed(METER), account)
    with pytest.raises(NotAllowed):
        await work.save(runtime, account, known, known.entry)
    with pytest.raises(NotAllowed):
        await work.take(runtime, account, known.id, Step.RETIRE)
    with pytest.raises(NotAllowed):
        await work.tell(runtime, account, known.id)
    if account is not MODERATOR:
        with pytest.raises(NotAllowed):
            await work.undo(runtime, account, known.id)


async def test_an_officer_cannot_give_it_to_another_department(runtime: Runtime) -> None:
    known = await published(runtime, typed(METER))
    with pytest.raises(NotAllowed):
        await work.save(runtime, OFFICER, known, work.clean(runtime, typed(METER, department="roads")))


async def test_an_officer_writes_for_the_departments_below_his_too(runtime: Runtime) -> None:
    office = Department(slug="drains", name={"zh": "排水处", "en": "Drains"}, parent="water")
    desk = Department(slug="hydrants", name={"zh": "消火栓", "en": "Hydrants"}, parent="drains")
    settings = runtime.settings
    runtime.settings = settings.replaced({"departments": (office, *settings.departments, desk)})
    assert work.managed(OFFICER, runtime.settings) == ["water", "drains", "hydrants"], "his own first"
    assert list(managed_templates(OFFICER, runtime.settings)) == ["water", "drains", "hydrants"]
    below = Account("5" * 32, "xu", Role.OFFICER, "drains")
    assert work.managed(below, runtime.settings) == ["drains", "hydrants"]
    known = await published(runtime, typed(METER, department="hydrants"))
    assert work.steps_for(below, runtime.settings, known) == [Step.RETIRE]
    with pytest.raises(NotAllowed):
        await work.take(runtime, OTHER, known.id, Step.RETIRE)
    above = await published(runtime, typed(HALL))
    with pytest.raises(NotAllowed):
        await work.take(runtime, below, above.id, Step.RETIRE)


async def test_nothing_is_told_of_a_department_that_is_no_more(runtime: Runtime) -> None:
    known = await published(runtime, typed(METER))
    await work.take(runtime, OFFICER, known.id, Step.RETIRE)
    gone = [one for one in runtime.settings.departments if one.slug == "water"]
    left = tuple(one for one in runtime.settings.departments if one.slug != "water")
    runtime.settings = runtime.settings.replaced({"departments": left, "former_departments": tuple(gone)})
    with pytest.raises(BadInput) as raised:
        await work.undo(runtime, MODERATOR, known.id)
    assert raised.value.field == "department"


async def test_what_the_filter_holds_waits_for_a_moderator(runtime: Runtime) -> None:
    held = await published(runtime, typed(RUDE))
    assert (held.state, held.published_at) == (HELD, None)
    assert held.rules
    assert await found(runtime, "meter") == []
    with pytest.raises(NotAllowed):
        await work.take(runtime, OFFICER, held.id, Step.APPROVE)
    assert work.steps_for(OFFICER, runtime.settings, held) == [Step.RETIRE]
    assert work.steps_for(MODERATOR, runtime.settings, held) == [Step.APPROVE, Step.SEND_BACK]
    assert (await work.take(runtime, MODERATOR, held.id, Step.APPROVE)).state is PUBLISHED
    assert await found(runtime, "meter") == ["water-meter"]


async def test_what_a_moderator_sent_back_is_not_put_out_by_undoing(runtime: Runtime) -> None:
    held = await published(runtime, typed(RUDE))
    await work.take(runtime, MODERATOR, held.id, Step.SEND_BACK)
    assert (await work.undo(runtime, OFFICER, held.id)).state is HELD
    await work.take(runtime, MODERATOR, held.id, Step.APPROVE)
    await work.take(runtime, OFFICER, held.id, Step.RETIRE)
    assert (await work.undo(runtime, OFFICER, held.id)).state is HELD


async def test_words_put_into_what_is_published_pass_the_filter_too(runtime: Runtime) -> None:
    known = await published(runtime, typed(METER))
    await work.save(runtime, OFFICER, known, work.clean(runtime, typed(HALL)))
    assert await found(runtime, "hall") == [known.slug]
    known = await work.find(runtime, known.id)
    await work.save(runtime, OFFICER, known, work.clean(runtime, typed(RUDE)))
    assert (await work.find(runtime, known.id)).state is HELD
    assert await found(runtime, "hall") == []


async def test_the_last_change_can_be_undone_and_that_too(runtime: Runtime) -> None:
    known = await published(runtime, typed(METER))
    await work.save(runtime, OFFICER, known, work.clean(runtime, typed(HALL)))
    back = await work.undo(runtime, OFFICER, known.id)
    assert (back.entry, back.state) == (known.entry, PUBLISHED)
    assert await found(runtime, "过户") == [known.slug]
    assert (await work.undo(runtime, OFFICER, known.id)).entry.said["en"].title == "Service hall"
    fresh = await written(runtime, typed(METER))
    with pytest.raises(Conflict):
        await work.undo(runtime, OFFICER, fresh)


async def test_who_is_too_late_is_told_so(runtime: Runtime) -> None:
    known = await published(runtime, typed(METER))
    with pytest.raises(Conflict):
        await work.save(runtime, OFFICER, known, known.entry, known.version - 1)
    with pytest.raises(NotFound):
        await work.find(runtime, "0" * 32)


async def test_what_has_ended_is_not_published(runtime: Runtime, later: Callable[[float], None]) -> None:
    draft = await written(runtime, outage())
    later(3 * 3600)
    with pytest.raises(BadInput):
        await work.take(runtime, OFFICER, draft, Step.PUBLISH)


async def test_an_outage_is_told_to_followers_once(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("关注 全部"))
    await Intake(runtime).take(message("FOLLOW roads", BORIS))
    known = await published(runtime, outage())
    ticket = await work.tell(runtime, OFFICER, known.id)
    await settle_down(runtime)
    assert "解放路停水（有效至" in texting.to(ANNA)[-1]
    assert f"/posts/{ticket}" in texting.to(ANNA)[-1]
    assert not any("停水" in text for text in texting.to(BORIS))
    post = await thread(runtime, ticket)
    assert (post.kind, post.state, post.department) == (Kind.NOTICE, State.PUBLISHED, "water")
    async with runtime.database.reading() as connection:
        assert await cases.find(connection, post.id) is None
    with pytest.raises(Conflict):
        await work.tell(runtime, OFFICER, known.id)


async def test_what_was_told_is_corrected_and_withdrawn_with_its_entry(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("关注 全部"))
    known = await published(runtime, outage())
    ticket = await work.tell(runtime, OFFICER, known.id)
    await settle_down(runtime)
    known = await work.find(runtime, known.id)
    changed = typed({"zh": ("解放路停水", "提前完工。", "停水")}, "outage", valid_until=known.entry.valid_until)
    await work.save(runtime, OFFICER, known, work.clean(runtime, changed))
    await settle_down(runtime)
    assert "更正" in texting.to(ANNA)[-1]
    assert "提前完工。" in texting.to(ANNA)[-1]
    await work.take(runtime, OFFICER, known.id, Step.RETIRE)
    await settle_down(runtime)
    assert "撤回" in texting.to(ANNA)[-1]
    assert (await thread(runtime, ticket)).state is State.WITHDRAWN
    assert (await work.undo(runtime, OFFICER, known.id)).state is PUBLISHED
    assert await work.tell(runtime, OFFICER, known.id) != ticket


async def told_in_vain(runtime: Runtime, known: Service) -> None:
    with pytest.raises(Conflict):
        await work.tell(runtime, OFFICER, known.id)


async def test_only_public_news_that_last_are_told(runtime: Runtime, later: Callable[[float], None]) -> None:
    await told_in_vain(runtime, await published(runtime, typed(METER)))
    await told_in_vain(runtime, await work.find(runtime, await written(runtime, outage())))
    known = await published(runtime, outage())
    later(3 * 3600)
    await told_in_vain(runtime, known)


async def test_a_word_that_is_answered_now_is_listed_no_more(runtime: Runtime) -> None:
    for word in ("meter", "kayak"):
        await Intake(runtime).take(message(f"INFO {word}"))
    assert sorted(await missed(runtime)) == [("kayak", 1), ("meter", 1)]
    await published(runtime, typed(METER))
    assert await missed(runtime) == [("kayak", 1)]
    await work.dismiss(runtime, OFFICER, "kayak", True)
    assert await missed(runtime) == []
    await work.dismiss(runtime, OFFICER, "kayak", False)
    assert await missed(runtime) == [("kayak", 1)]
    with pytest.raises(NotFound):
        await work.dismiss(runtime, OFFICER, "dogs", True)


async def test_all_is_remembered(runtime: Runtime) -> None:
    known = await published(runtime, typed(METER))
    await work.take(runtime, OFFICER, known.id, Step.RETIRE)
    async with runtime.database.reading() as connection:
        told = await services.changes(connection, known.id, 10)
    assert [(one.action, one.state) for one in told] == [("retire", RETIRED), ("publish", PUBLISHED), ("added", DRAFT)]
