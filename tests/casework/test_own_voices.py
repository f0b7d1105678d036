"""Callers are heard themselves only where they agreed, staff allowed it, and it says just what was published."""

import pytest

from gateway.casework import airing, bulletins
from gateway.desk import Desk
from gateway.errors import Conflict
from gateway.journey import media as journey_media
from gateway.journey import moderation, showing, transcription
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, MediaState, TranscriptState
from store import bulletins as rows
from store import history, posts_for_staff
from store import media as media_rows
from store.database import Transaction
from tests.casework.radio_world import Humming, humming, somebody, wav
from tests.journey.test_intake import message

SAID = "water pipe leaking at the mill"


@pytest.fixture(autouse=True)
def voice(runtime: Runtime) -> Humming:
    humming = Humming()
    runtime.synthesiser = humming
    return humming


async def call(
    runtime: Runtime, said: str = SAID, *, agreed: bool = True, public: str | None = None
) -> tuple[str, str]:
    """A voice note that is written down and published; gives the ids of its post and its recording."""
    file = await journey_media.accept(runtime, wav(humming(200, 2.0, 8000), 8000))
    incoming = message("", somebody(), media=(file,), own_voice=agreed, commands=False, language="en")
    taken = await Intake(runtime).take(incoming)
    post_id = taken.post_id
    assert post_id
    async with runtime.database.reading() as connection:
        [known] = (await posts_for_staff.thread(connection, post_id))[0].media

    async def written_down(transaction: Transaction) -> None:
        sha256 = file.url.removeprefix(media_rows.KEPT)
        key = await history.key_of_post(transaction.connection, runtime.vault, post_id)
        words = history.sealed_words(runtime.vault, key, post_id, history.What.TRANSCRIPT, said)
        await history.keep(transaction, words)
        stored = {"state": MediaState.STORED, "sha256": sha256, "due_at": None, "transcript_id": words["id"]}
        await media_rows.change(transaction, known.id, transcript_state=TranscriptState.DONE, **stored)

    await runtime.database.write(written_down)
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo", text=public or said)
    return post_id, known.id


async def spoken(runtime: Runtime) -> rows.Made:
    """The newest bulletin, spoken; one is made when there is none."""
    if not await bulletins.newest(runtime, "en", 1):
        await bulletins.make_now(runtime, actor="mo")
    await bulletins.keep_up(runtime)
    await airing.speak_due(runtime)
    async with runtime.database.reading() as connection:
        made = (await rows.newest(connection, ["en"], 1))[0]
    assert made.whole
    return made


def seconds_of(made: rows.Made) -> float:
    """How long its post lasts."""
    starts = [part.start or 0 for part in made.parts]
    return starts[2] - starts[1]


async def test_who_agreed_and_is_allowed_is_heard_himself(runtime: Runtime) -> None:
    post_id, media_id = await call(runtime)
    read = await spoken(runtime)
    assert not read.parts[1].own_voice
    await showing.air(runtime, media_id, True, actor="mo")
    heard = await spoken(runtime)
    assert heard.version == read.version + 1, "it is spoken anew"
    assert heard.parts[1].own_voice
    assert heard.parts[1].text == read.parts[1].text, "and can be read all the same"
    assert seconds_of(heard) == pytest.approx(seconds_of(read) - 0.05 * len(SAID) + 2.0, abs=0.05)
    async with runtime.database.reading() as connection:
        done = [entry.action for entry in (await history.of_thread(connection, runtime.vault, [post_id]))[post_id]]
    assert done[-1] == "voice_allowed"


@pytest.mark.parametrize(
    ("said", "public"),
    [
        (SAID, "a water pipe leaks at the mill"),
        ("call me on 13812345678", None),
    ],
    ids=["edited", "masked"],
)
async def test_what_does_not_say_just_what_was_published_is_read(
    runtime: Runtime, said: str, public: str | None
) -> None:
    _, media_id = await call(runtime, said, public=public)
    await showing.air(runtime, media_id, True, actor="mo")
    assert not (await spoken(runtime)).parts[1].own_voice


@pytest.mark.parametrize(
    ("said", "own"), [(f"{SAID} 13812345678", False), ("water pie leaking at the mill", True)], ids=["number", "slip"]
)
async def test_a_corrected_one_is_heard_unless_the_machine_heard_a_number(
    runtime: Runtime, said: str, own: bool
) -> None:
    _, media_id = await call(runtime, said, public=SAID)
    await transcription.correct(runtime, media_id, SAID, actor="mo")
    await showing.air(runtime, media_id, True, actor="mo")
    assert (await spoken(runtime)).parts[1].own_voice is own


async def test_who_did_not_agree_cannot_be_allowed(runtime: Runtime) -> None:
    _, media_id = await call(runtime, agreed=False)
    with pytest.raises(Conflict):
        await showing.air(runtime, media_id, True, actor="mo")
    assert not (await spoken(runtime)).parts[1].own_voice


async def test_who_agrees_after_it_is_kept_is_heard_once_staff_allow_it(runtime: Runtime) -> None:
    """A caller whose words come later; he is asked when his report is a post already."""
    post_id, media_id = await call(runtime, agreed=False)
    assert not (await spoken(runtime)).parts[1].own_voice
    for _ in range(2):
        await Desk(runtime).let_be_heard(post_id)
    assert not (await spoken(runtime)).parts[1].own_voice
    await showing.air(runtime, media_id, True, actor="mo")
    assert (await spoken(runtime)).parts[1].own_voice
    async with runtime.database.reading() as connection:
        done = (await history.of_thread(connection, runtime.vault, [post_id]))[post_id]
    assert [(one.actor, one.action) for one in done][-2:] == [("author", "voice_agreed"), ("mo", "voice_allowed")]


@pytest.mark.parametrize("by", ["staff", "author"])
async def test_either_can_take_it_back_and_it_is_spoken_anew(runtime: Runtime, by: str) -> None:
    post_id, media_id = await call(runtime)
    await showing.air(runtime, media_id, True, actor="mo")
    assert (await spoken(runtime)).parts[1].own_voice
    if by == "staff":
        await showing.air(runtime, media_id, False, actor="mo")
    else:
        await showing.take_back_voice(runtime, post_id, actor="author")
    [newest] = await bulletins.newest(runtime, "en", 1)
    assert newest.size == 0, "not to be heard before it is spoken anew"
    assert not (await spoken(runtime)).parts[1].own_voice
    if by == "author":
        with pytest.raises(Conflict):
            await showing.air(runtime, media_id, True, actor="mo")


async def test_a_city_may_have_no_own_voices(runtime: Runtime) -> None:
    radio = runtime.settings.radio.model_copy(update={"own_voices": False})
    runtime.settings = runtime.settings.model_copy(update={"radio": radio})
    _, media_id = await call(runtime)
    await showing.air(runtime, media_id, True, actor="mo")
    assert not (await spoken(runtime)).parts[1].own_voice
