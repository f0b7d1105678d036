"""What a report is about decides who may read it, and how long its department has."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey.categorising import categorise
from gateway.journey.intake import Intake
from gateway.journey.moderation import decide
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.sections_departments import Category
from store import cases, changes, deliveries, events, history, posts, search
from tests.conftest import settle_down
from tests.journey.test_intake import ANNA, BORIS, message

OFFICIALS = Category(slug="officials", name={"zh": "投诉人员", "en": "Officials"}, department="police", sensitive=True)
DEEPER = Category(slug="bribes", name={"zh": "受贿", "en": "Bribes"}, department="police", parent="officials")
SLOW = Category(slug="trees", name={"zh": "树木", "en": "Trees"}, department="environment", deadline="hard")


@pytest.fixture(autouse=True)
def categories(runtime: Runtime) -> None:
    """A sensitive category, one below it, and one that takes long, beside those that are shipped."""
    more = (*runtime.settings.categories, OFFICIALS, DEEPER, SLOW)
    runtime.settings = runtime.settings.replaced({"categories": more})


async def new_post(runtime: Runtime, category: str | None = None, sender: str = ANNA, **values: Any) -> str:
    sent = replace(message("the clerk at the counter shouted at me", sender), category=category, **values)
    taken = await Intake(runtime).take(sent)
    assert taken.post_id
    return taken.post_id


async def load(runtime: Runtime, post_id: str) -> changes.Changing:
    async with runtime.database.reading() as connection:
        return await changes.load(connection, post_id)


async def ticket_of(runtime: Runtime, post_id: str) -> str:
    return (await load(runtime, post_id)).ticket


async def is_shown(runtime: Runtime, post_id: str) -> bool:
    async with runtime.database.reading() as connection:
        found, _ = await posts.published(connection, limit=10)
        findable = await search.findable(connection, post_id)
    assert (post_id in {post.id for post in found}) is (findable is not None)
    return findable is not None


async def heard(runtime: Runtime, post_id: str) -> list[str]:
    async with runtime.database.reading() as connection:
        return [one.phrase for one in await deliveries.of_posts(connection, [post_id])]


@pytest.mark.parametrize("category", ["officials", "bribes"])
async def test_what_is_sensitive_is_never_shown_and_its_author_told_so(runtime: Runtime, category: str) -> None:
    post_id = await new_post(runtime, category)
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert (await load(runtime, post_id)).state is State.PUBLISHED
    assert not await is_shown(runtime, post_id)
    phrases = await heard(runtime, post_id)
    assert "received_private" in phrases
    assert "published_private" in phrases
    assert not {"follower_published", "event"} & set(phrases)


async def test_what_becomes_sensitive_while_it_waits_is_published_to_nobody(runtime: Runtime) -> None:
    post_id = await new_post(runtime, "trees")
    sensitive = SLOW.model_copy(update={"sensitive": True})
    runtime.settings = runtime.settings.replaced({"categories": (sensitive,)})
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    assert not await is_shown(runtime, post_id)
    assert "published_private" in await heard(runtime, post_id)


async def test_what_was_shown_is_withdrawn_everywhere(runtime: Runtime) -> None:
    post_id = await new_post(runtime, "roads")
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert await is_shown(runtime, post_id)
    version = await categorise(runtime, post_id, "officials", actor="mo")
    await settle_down(runtime)
    post = await load(runtime, post_id)
    assert (post.category, post.private, post.version, post.state) == ("officials", True, version, State.PUBLISHED)
    assert not await is_shown(runtime, post_id)
    assert "kept_for_category" in await heard(runtime, post_id)
    async with runtime.database.reading() as connection:
        told = [one.event for one in await events.after(connection, 0, 100) if one.post_id == post_id]
        entries = (await history.of_thread(connection, runtime.vault, [post_id]))[post_id]
    assert told[-1] is events.Happening.WITHDRAWN
    assert (entries[-1].action, entries[-1].reason, entries[-1].actor) == ("categorised", "officials", "mo")


async def test_what_is_sensitive_no_more_is_shown_unless_its_author_minds(runtime: Runtime) -> None:
    by_category = await new_post(runtime, "officials")
    by_wish = await new_post(runtime, "officials", BORIS, private=True)
    for post_id in (by_category, by_wish):
        await decide(runtime, post_id, Action.PUBLISH, actor="mo")
        await categorise(runtime, post_id, "roads", actor="mo")
    await settle_down(runtime)
    assert await is_shown(runtime, by_category)
    assert not await is_shown(runtime, by_wish)
    assert "published" in await heard(runtime, by_category)


async def test_its_author_may_not_have_it_shown(runtime: Runtime) -> None:
    post_id = await new_post(runtime, "officials")
    taken = await Intake(runtime).take(message("public", ANNA))
    assert taken.say.phrase == "public_never"
    assert (await load(runtime, post_id)).private


async def test_a_wish_for_privacy_outlives_the_category(runtime: Runtime) -> None:
    post_id = await new_post(runtime, "officials")
    assert (await Intake(runtime).take(message("private", ANNA))).say.phrase == "kept_private"
    await categorise(runtime, post_id, "roads", actor="mo")
    assert (await load(runtime, post_id)).private


async def test_what_was_added_to_a_thread_goes_with_it(runtime: Runtime) -> None:
    post_id = await new_post(runtime, "roads")
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    added = await Intake(runtime).take(message(f"{await ticket_of(runtime, post_id)} it happened again", BORIS))
    assert added.post_id
    assert added.post_id != post_id
    await categorise(runtime, post_id, "officials", actor="mo")
    assert (await load(runtime, added.post_id)).private
    await categorise(runtime, post_id, "roads", actor="mo")
    assert not (await load(runtime, added.post_id)).private


async def test_a_clock_counts_the_new_span_from_where_it_began(runtime: Runtime) -> None:
    post_id = await new_post(runtime, "roads")
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")

    async def due_at() -> datetime:
        async with runtime.database.reading() as connection:
            case = await cases.load(connection, post_id)
        assert case.department == "roads"
        return case.due_at

    before = await due_at()
    await categorise(runtime, post_id, "trees", actor="mo")
    assert await due_at() > before
    await categorise(runtime, post_id, "roads", actor="mo")
    assert await due_at() == before


async def test_what_no_department_had_goes_to_that_of_its_category(runtime: Runtime) -> None:
    post_id = await new_post(runtime)
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await categorise(runtime, post_id, "trees", actor="mo")
    async with runtime.database.reading() as connection:
        case = await cases.load(connection, post_id)
    assert (case.department, case.progress) == ("environment", "assigned")
    assert case.due_at > clock.now()


async def test_what_cannot_be_is_refused(runtime: Runtime) -> None:
    post_id = await new_post(runtime)
    with pytest.raises(BadInput):
        await categorise(runtime, post_id, "nonsense", actor="mo")
    with pytest.raises(Conflict):
        await categorise(runtime, post_id, "roads", actor="mo", version=7)
    assert await categorise(runtime, post_id, "roads", actor="mo", version=1) == 2
    assert await categorise(runtime, post_id, "roads", actor="mo") == 2, "nothing changed"
    assert await categorise(runtime, post_id, None, actor="mo") == 3
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    added = await Intake(runtime).take(message(f"{await ticket_of(runtime, post_id)} again", BORIS))
    with pytest.raises(BadInput):
        await categorise(runtime, added.post_id or "", "roads", actor="mo")
