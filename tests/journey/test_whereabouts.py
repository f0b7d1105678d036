"""Asked back where it is: once, on the same line, and the next message answers it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from gateway.journey import moderation
from gateway.journey.intake import Intake
from gateway.journey.places import Gazetteer
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, Place, PlaceFrom, State
from gateway.schema_incoming import Outcome, Taken
from gateway.sections_places import KnownPlace
from gateway.settings import Settings
from store import history, posts, posts_for_staff, tables_citizens, tables_posts, tables_search, tables_stream
from store.posts_for_staff import StaffPost
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message, number_of
from tests.journey.test_media import photo_taken, send
from tests.journey.test_transcription import SPOKEN, Recording, call


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Asked as it is shipped."""
    return settings.model_copy(update={"intake": settings.intake.model_copy(update={"ask_where": True})})


async def say(runtime: Runtime, text: str, sender: str | None = ANNA, **more: Any) -> Taken:
    return await Intake(runtime).take(message(text, sender, **more))


async def look(runtime: Runtime, post_id: str | None) -> StaffPost:
    assert post_id
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.staff_by_id(connection, [post_id]))[post_id]


async def test_it_is_asked_once_and_the_next_message_answers_it(runtime: Runtime, texting: Texting) -> None:
    report = await say(runtime, "路灯坏了，晚上很黑")
    assert report.say.phrase == "received_where"
    answer = await say(runtime, "人民路12号")
    assert (answer.outcome, answer.say.phrase, answer.ticket) == (Outcome.COMMAND, "where_thanks", report.ticket)
    post = await look(runtime, report.post_id)
    assert (post.place.name, post.place.slug, post.place_from) == ("人民路12号", "renmin-road", PlaceFrom.ANSWER)
    assert post.place.lat is not None
    assert await number_of(runtime, tables_posts.posts) == 1
    assert await number_of(runtime, tables_citizens.questions) == 0
    await settle_down(runtime)
    asked, thanked = texting.to(ANNA)
    assert "在什么地方" in asked
    assert "人民路12号" in thanked
    async with runtime.database.reading() as connection:
        entries = (await history.of_thread(connection, runtime.vault, [post.id]))[post.id]
    assert [(entry.action, entry.note) for entry in entries][-1] == ("placed", "人民路12号")
    more = await say(runtime, "现在更黑了")
    assert more.say.phrase == "follow_up"


@pytest.mark.parametrize(
    ("text", "name", "slug"),
    [
        ("it's at 12 Elm Street", "12 Elm Street", "elm-street"),
        ("就在老面粉厂对面", "老面粉厂对面", None),
        ("opposite the old mill", "opposite the old mill", None),
        ("at the corner by the bakery, call 13812345678", None, None),
    ],
)
async def test_what_is_no_known_place_is_taken_as_it_was_called(
    runtime: Runtime, text: str, name: str | None, slug: str | None
) -> None:
    report = await say(runtime, "the light is broken")
    answer = await say(runtime, text)
    assert answer.say.phrase == "where_thanks"
    post = await look(runtime, report.post_id)
    assert post.place.slug == slug
    assert post.place.name
    assert name is None or post.place.name == name
    assert "13812345678" not in post.place.name


async def test_a_word_about_something_else_is_kept_and_the_place_in_it_is_taken(runtime: Runtime) -> None:
    report = await say(runtime, "路灯坏了")
    added = await say(runtime, "人民路12号的水管也漏水了")
    assert added.outcome is Outcome.FOLLOW_UP
    assert (await look(runtime, report.post_id)).place.name == "人民路12号"
    assert await number_of(runtime, tables_posts.posts) == 2
    assert await number_of(runtime, tables_citizens.questions) == 0


async def test_a_word_without_a_place_is_added_and_the_question_stays_open(runtime: Runtime) -> None:
    report = await say(runtime, "the light is broken")
    assert (await say(runtime, "please hurry up")).outcome is Outcome.FOLLOW_UP
    assert (await look(runtime, report.post_id)).place == Place()
    assert (await say(runtime, "3")).say.phrase == "where_words"
    assert (await say(runtime, "STATUS")).say.phrase == "status"
    assert (await say(runtime, "12 Elm Street")).say.phrase == "where_thanks"


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("人民路12号路灯坏了", {}),
        ("建设大街5号路灯坏了", {}),
        ("the lamp at 5 Unknown Lane is dark", {}),
        ("路灯坏了", {"place": Place("here", 1.0, 2.0), "place_from": PlaceFrom.MESSAGE}),
        ("公交几点收班？", {"kind": Kind.QUESTION}),
        ("着火了，快来人", {}),
        ("路灯坏了", {"channel": "form", "commands": False}),
    ],
)
async def test_nobody_is_asked_who_said_it_or_need_not(runtime: Runtime, text: str, more: dict[str, Any]) -> None:
    taken = await say(runtime, text, **more)
    assert "where" not in taken.say.phrase
    assert await number_of(runtime, tables_citizens.questions) == 0


async def test_a_district_is_too_wide_and_asked_about(runtime: Runtime) -> None:
    report = await say(runtime, "城东路灯坏了")
    assert report.say.phrase == "received_where"
    assert (await look(runtime, report.post_id)).place.slug == "chengdong"
    await say(runtime, "人民路12号")
    assert (await look(runtime, report.post_id)).place.slug == "renmin-road"


async def test_who_sends_a_photo_is_not_asked(runtime: Runtime) -> None:
    taken = await send(runtime, photo_taken(), text="look at this lamp")
    assert not taken.asks_where


async def test_a_city_without_a_gazetteer_asks_nobody(runtime: Runtime) -> None:
    runtime.gazetteer = Gazetteer([])
    assert (await say(runtime, "路灯坏了")).say.phrase == "received"


async def test_after_its_time_an_answer_is_a_word_that_names_the_place(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    report = await say(runtime, "路灯坏了")
    later(31 * 60)
    assert (await say(runtime, "人民路12号")).outcome is Outcome.FOLLOW_UP
    assert (await look(runtime, report.post_id)).place.name == "人民路12号"


async def test_what_others_say_does_not_move_a_report(runtime: Runtime) -> None:
    report = await say(runtime, "路灯坏了")
    await moderation.decide(runtime, report.post_id or "", Action.PUBLISH, actor="mo")
    await say(runtime, f"{report.ticket} 我看见是人民路12号", BORIS)
    assert (await look(runtime, report.post_id)).place == Place()


async def test_an_answer_to_what_is_public_already_is_shown_with_it(runtime: Runtime) -> None:
    report = await say(runtime, "路灯坏了")
    await moderation.decide(runtime, report.post_id or "", Action.PUBLISH, actor="mo")
    await say(runtime, "人民路12号")
    async with runtime.database.reading() as connection:
        public = await posts.public_post(connection, report.ticket or "")
        told = (
            (await connection.execute(select(tables_stream.events.c.event).order_by(tables_stream.events.c.number)))
            .scalars()
            .all()
        )
        words = (await connection.execute(select(tables_search.search.c.tokens))).scalars().all()
    assert public.place.name == "人民路12号"
    assert told == ["post", "update"]
    assert len(words) == 1
    assert "人民" in words[0]


async def test_the_answer_given_on_the_phone_is_kept_and_gives_the_place_to_the_report(runtime: Runtime) -> None:
    """Also of somebody whose number is withheld."""
    report = await say(runtime, "路灯坏了", None, commands=False)
    assert report.asks_where
    answer = await say(runtime, "老面粉厂对面", None, commands=False, thread=report.ticket, answers_where=True)
    assert (answer.outcome, answer.ticket) == (Outcome.FOLLOW_UP, report.ticket)
    post = await look(runtime, report.post_id)
    assert (post.place.name, post.place_from) == ("老面粉厂对面", PlaceFrom.ANSWER)
    assert post.state is State.PENDING


async def test_who_spoke_is_asked_by_text_once_it_is_written_down_without_a_place(
    runtime: Runtime, texting: Texting
) -> None:
    runtime.gazetteer = Gazetteer([KnownPlace(slug="dock", kind="road", name={"en": "Dock Road"}, lat=1, lon=2)])
    Recording(runtime, SPOKEN.read_bytes())
    post = await call(runtime)
    assert post.place == Place()
    await settle_down(runtime)
    assert [("where is what you reported" in text) for text in texting.to(ANNA)] == [False, True]
    assert (await say(runtime, "Dock Road 4")).say.phrase == "where_thanks"
    assert (await look(runtime, post.id)).place.name == "4 Dock Road"


async def test_who_said_it_while_speaking_is_not_asked(runtime: Runtime, texting: Texting) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    post = await call(runtime)
    assert post.place.name == "27 North Street"
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1
