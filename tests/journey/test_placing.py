"""Where a message belongs: the place and category it names itself, and the department that follows from them."""

import pytest

from gateway.errors import BadInput
from gateway.journey import moderation, relocating
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, Place, PlaceFrom
from gateway.schema_incoming import Incoming, Taken
from store import history, posts, posts_for_staff
from store.posts_for_staff import StaffPost
from tests.journey.test_intake import BORIS, CLARA, message
from tests.journey.test_media import photo_taken, send
from tests.journey.test_transcription import SPOKEN, Recording, call


async def take(runtime: Runtime, incoming: Incoming) -> tuple[Taken, StaffPost]:
    taken = await Intake(runtime).take(incoming)
    assert taken.post_id
    return taken, await look(runtime, taken.post_id)


async def look(runtime: Runtime, post_id: str) -> StaffPost:
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.staff_by_id(connection, [post_id]))[post_id]


@pytest.mark.parametrize(
    ("text", "place", "slug"),
    [
        ("人民路12号路灯坏了", "人民路12号", "renmin-road"),
        ("The street lamp at 12 Elm Street is broken", "12 Elm Street", "elm-street"),
    ],
)
async def test_a_text_in_words_only_gets_place_category_and_department(
    runtime: Runtime, text: str, place: str, slug: str
) -> None:
    taken, post = await take(runtime, message(text))
    assert (post.place.name, post.place.slug, post.place_from) == (place, slug, PlaceFrom.WORDS)
    assert post.place.lat is not None
    assert (post.category, post.category_from) == ("roads", "words")
    await moderation.decide(runtime, post.id, Action.PUBLISH, actor="mo")
    async with runtime.database.reading() as connection:
        public = await posts.public_post(connection, taken.ticket or "")
    assert (public.department, public.category, public.place.name) == ("roads", "roads", place)
    decided = await look(runtime, post.id)
    assert decided.rule == "roads by words"


async def test_what_the_author_gave_is_kept_and_only_completed(runtime: Runtime) -> None:
    typed = Place("榆树街5号门口")
    _, post = await take(runtime, message("路灯坏了", category="noise", place=typed, place_from=PlaceFrom.TYPED))
    assert (post.place.name, post.place.slug, post.place_from) == ("榆树街5号门口", "elm-street", PlaceFrom.TYPED)
    assert post.place.lat is not None
    assert (post.category, post.category_from) == ("noise", "author")
    here = Place(None, 30.0, 120.0)
    _, post = await take(runtime, message("人民路8号漏水", BORIS, place=here, place_from=PlaceFrom.BROWSER))
    assert post.place == Place("人民路8号", 30.0, 120.0, "renmin-road")
    assert post.place_from == PlaceFrom.BROWSER
    unknown = Place("我家楼下")
    _, post = await take(runtime, message("南京路3号路面塌陷", CLARA, place=unknown, place_from=PlaceFrom.TYPED))
    assert post.place == Place("我家楼下")


async def test_what_is_added_to_a_report_has_no_place_of_its_own(runtime: Runtime) -> None:
    await take(runtime, message("人民路12号路灯坏了"))
    _, comment = await take(runtime, message("从中山路也能看到"))
    assert comment.parent
    assert (comment.place, comment.category) == (Place(), None)


async def test_praise_gets_a_place_too_but_no_department_by_force(runtime: Runtime) -> None:
    _, post = await take(runtime, message("Thank you for the flowers on Mill Lane", kind=Kind.PRAISE))
    assert (post.place.name, post.category) == ("Mill Lane", None)


async def test_a_photo_says_better_where_it_is_than_the_name_of_a_road(runtime: Runtime) -> None:
    taken = await send(runtime, photo_taken(), text="人民路路灯坏了")
    post = await look(runtime, taken.post_id or "")
    assert post.place == Place("人民路", 31.236, 121.5, "renmin-road")
    assert post.place_from == PlaceFrom.PHOTO


async def test_staff_say_better_where_it_is_and_everybody_sees_it(runtime: Runtime) -> None:
    taken, post = await take(runtime, message("人民路12号路灯坏了"))
    await relocating.move(runtime, taken.ticket or "", "中山路8号院", actor="mo")
    moved = await look(runtime, post.id)
    assert (moved.place.name, moved.place.slug, moved.place_from) == ("中山路8号院", "zhongshan-road", PlaceFrom.STAFF)
    assert moved.place.lat is not None
    await relocating.move(runtime, post.id, "老面粉厂, 13812345678", actor="mo")
    unknown = (await look(runtime, post.id)).place
    assert (unknown.lat, unknown.slug) == (None, None)
    assert "13812345678" not in (unknown.name or "")
    await moderation.decide(runtime, post.id, Action.PUBLISH, actor="mo")
    await relocating.move(runtime, post.id, "南京路3号", actor="mo")
    async with runtime.database.reading() as connection:
        assert (await posts.public_post(connection, taken.ticket or "")).place.name == "南京路3号"
        entries = (await history.of_thread(connection, runtime.vault, [post.id]))[post.id]
    assert [entry.action for entry in entries].count("filed") == 3
    await relocating.move(runtime, post.id, "", actor="mo")
    assert (await look(runtime, post.id)).place == Place()
    _, comment = await take(runtime, message("还没修"))
    with pytest.raises(BadInput):
        await relocating.move(runtime, comment.id, "南京路", actor="mo")


async def test_a_recording_gets_its_place_and_category_from_its_transcript(runtime: Runtime) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    post = await call(runtime)
    assert (post.place.name, post.place.slug, post.place_from) == ("27 North Street", "north-street", PlaceFrom.WORDS)
    assert (post.category, post.category_from) == ("water", "words")
