"""What stands below a category or department, or lies in a place, belongs to it: to be found, followed and told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.casework import cases
from gateway.desk import Desk
from gateway.errors import BadInput
from gateway.journey import feeding, subscribing, topics
from gateway.journey.intake import Intake
from gateway.journey.moderation import decide
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.sections_departments import Category, Department
from store import changes
from store.subscribers import Filters
from tests.channels.subscribed import Hooks
from tests.conftest import Texting, broadcasting_as, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, DAVID, message

LAMP, HOLE, DOG = "the lamp is broken", "a hole in the pavement of 人民路12号", "a dog barks at night"


def furnish(runtime: Runtime) -> None:
    """Two levels below the roads, and an office below the police."""
    lights = Category(slug="lights", name={"zh": "路灯", "en": "Lights"}, department="roads", parent="roads")
    bulbs = Category(slug="bulbs", name={"zh": "灯泡", "en": "Bulbs"}, department="roads", parent="lights")
    holes = Category(slug="holes", name={"zh": "坑洞", "en": "Holes"}, department="roads", parent="roads")
    animals = Category(slug="animals", name={"zh": "动物", "en": "Animals"}, department="wardens")
    wardens = Department(slug="wardens", name={"zh": "动物管理所", "en": "Wardens"}, parent="police")
    settings = runtime.settings
    runtime.settings = settings.replaced(
        {
            "categories": (*settings.categories, lights, bulbs, holes, animals),
            "departments": (*settings.departments, wardens),
        }
    )
    for derive in runtime.derived:
        derive(runtime)


async def publish(runtime: Runtime, text: str, category: str, who: str = ANNA) -> str:
    taken = await Intake(runtime).take(replace(message(text, who, commands=False), category=category))
    assert taken.post_id
    await decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    return taken.post_id


@pytest.fixture
async def told(runtime: Runtime) -> Runtime:
    furnish(runtime)
    for text, category, who in ((LAMP, "bulbs", ANNA), (HOLE, "holes", BORIS), (DOG, "animals", CLARA)):
        await publish(runtime, text, category, who)
    return runtime


# By which filters what is read, newest first.
READ: Sequence[tuple[dict[str, Any], list[str]]] = (
    ({"category": "roads"}, [HOLE, LAMP]),
    ({"category": "lights"}, [LAMP]),
    ({"category": "bulbs"}, [LAMP]),
    ({"category": "holes"}, [HOLE]),
    ({"category": "water"}, []),
    ({"category": "elsewhere"}, []),
    ({"department": "police"}, [DOG]),
    ({"department": "wardens"}, [DOG]),
    ({"department": "roads"}, [HOLE, LAMP]),
    ({"department": "roads", "category": "lights"}, [LAMP]),
    ({"place": "人民路12号"}, [HOLE]),
    ({"place": "人民路"}, [HOLE]),
    ({"place": "Renmin Road"}, [HOLE]),
    ({"place": "城东区"}, [HOLE]),
    ({"place": "chengdong"}, [HOLE]),
    ({"place": "城西区"}, []),
    ({"place": "城东区", "category": "lights"}, []),
)


async def test_a_filter_gives_what_stands_below_it(told: Runtime) -> None:
    desk = Desk(told)
    for filters, texts in READ:
        found, following = await desk.published(limit=10, **filters)
        assert ([post.text for post in found], following) == (texts, None), filters
        assert [hit.post.text for hit in (await desk.search("", limit=10, **filters)).hits] == texts, filters


async def test_a_filter_is_read_page_by_page_and_by_ticket(told: Runtime) -> None:
    desk = Desk(told)
    first, cursor = await desk.published(limit=1, category="roads")
    second, end = await desk.published(limit=1, cursor=cursor, category="roads")
    assert ([post.text for post in (*first, *second)], end) == ([HOLE, LAMP], None)
    assert [one.text for one in (await desk.published(ticket=first[0].ticket))[0]] == [HOLE]
    assert await desk.published(ticket=first[0].ticket, category="lights") == ([], None)
    with pytest.raises(BadInput):
        await desk.published(cursor="yesterday", category="roads")


async def test_a_filter_shows_what_can_still_be_undone_only_to_who_can_take_it_back(told: Runtime) -> None:
    desk = Desk(told)
    told.settings = broadcasting_as(told.settings, undo_seconds=600)
    assert await desk.published(settled=True, category="roads") == ([], None)
    assert len((await desk.published(settled=False, category="roads"))[0]) == 2


async def test_a_category_that_is_moved_takes_its_posts_with_it(told: Runtime) -> None:
    moved = [
        one.model_copy(update={"parent": "water"}) if one.slug == "lights" else one for one in told.settings.categories
    ]
    told.settings = told.settings.replaced({"categories": tuple(moved)})
    assert [post.text for post in (await Desk(told).published(category="water"))[0]] == [LAMP]
    assert [post.text for post in (await Desk(told).published(category="roads"))[0]] == [HOLE]


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("FOLLOW roads", {LAMP, HOLE}),
        ("关注 道路照明", {LAMP, HOLE}),
        ("FOLLOW lights", {LAMP}),
        ("FOLLOW water", set()),
        ("FOLLOW police", {DOG}),
        ("关注 城东区", {HOLE}),
        ("关注 城西区", set()),
        ("FOLLOW Renmin Road", {HOLE}),
    ],
)
async def test_followers_hear_of_what_stands_below(
    runtime: Runtime, texting: Texting, words: str, heard: set[str]
) -> None:
    furnish(runtime)
    await Intake(runtime).take(message(words, DAVID))
    for text, category, who in ((LAMP, "bulbs", ANNA), (HOLE, "holes", BORIS), (DOG, "animals", CLARA)):
        await publish(runtime, text, category, who)
    await settle_down(runtime)
    said = [text for text in texting.to(DAVID) if "Follow" not in text and "关注" not in text]
    assert {one for one in (LAMP, HOLE, DOG) if any(one in text for text in texting.to(DAVID))} == heard, said


async def test_who_follows_several_above_a_post_is_told_once(runtime: Runtime, texting: Texting) -> None:
    furnish(runtime)
    for words in ("FOLLOW roads", "FOLLOW lights", "FOLLOW bulbs"):
        await Intake(runtime).take(message(words, DAVID))
    await publish(runtime, LAMP, "bulbs")
    await settle_down(runtime)
    assert len([text for text in texting.to(DAVID) if LAMP in text]) == 1


async def test_followers_hear_the_answer_to_what_stands_below(runtime: Runtime, texting: Texting) -> None:
    furnish(runtime)
    for words, who in (("FOLLOW roads", DAVID), ("关注 城东区", CLARA)):
        await Intake(runtime).take(message(words, who))
    post_id = await publish(runtime, HOLE, "holes")
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        ticket = (await changes.load(connection, post_id)).ticket
    await cases.answer(runtime, ticket, "filled in today", "roads", actor="of")
    await settle_down(runtime)
    for who in (DAVID, CLARA):
        assert len([text for text in texting.to(who) if "filled in today" in text]) == 1


async def test_subscribers_hear_of_what_stands_below(hooks: Hooks) -> None:
    furnish(hooks.runtime)
    receiver = await hooks.receiver()
    added = await subscribing.add(hooks.runtime, receiver.url, "roads", category="roads", place="城东区", actor="root")
    assert added.secret
    await publish(hooks.runtime, LAMP, "bulbs")
    await publish(hooks.runtime, HOLE, "holes", BORIS)
    await hooks.deliver()
    assert [call.event["data"]["text"] for call in receiver.calls] == [HOLE]


async def test_a_subscriber_without_a_place_takes_every_one(told: Runtime) -> None:
    async with told.database.reading() as connection:
        posts, _ = await Desk(told).published(category="bulbs")
        under = topics.under(told, await changes.load(connection, posts[0].id))
    everything: dict[str, Any] = {"about": (), "department": None, "place": None}
    assert feeding.fits(Filters(**everything, category=None), under)
    assert not feeding.fits(Filters(**everything, category="holes"), under)
    assert topics.of_post(None, under, ["place:城东区"])[1:] == [
        "category:bulbs",
        "category:lights",
        "category:roads",
        "department:roads",
    ]
