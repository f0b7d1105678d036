"""The modes: what a rule publishes, what it leaves to people, and that its hand is seen."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from gateway import clock
from gateway.journey import automatic, moderation, undoing
from gateway.journey.automatic import Automatic, Mode
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_incoming import IncomingMedia
from gateway.settings import Settings
from store import changes, history
from store.tables_citizens import addresses
from tests.conftest import broadcasting_as
from tests.journey.test_intake import ANNA, BORIS, message

CLEAN = ("the lamp at the church is dark", "rubbish lies behind the school", "no bus came in Elm Street today")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With time to undo."""
    return broadcasting_as(settings, undo_seconds=20.0)


async def say(runtime: Runtime, text: str, sender: str = ANNA, media: tuple[IncomingMedia, ...] = ()) -> str:
    taken = await Intake(runtime).take(message(text, sender, commands=False, media=media))
    assert taken.post_id
    return taken.post_id


async def state(runtime: Runtime, post_id: str) -> State:
    async with runtime.database.reading() as connection:
        return (await changes.load(connection, post_id)).state


async def prove(runtime: Runtime, number: str) -> None:
    lookup = runtime.vault.lookup(f"tel:{number}")
    proved = update(addresses).where(addresses.c.lookup == lookup).values(proved_at=clock.now())
    await runtime.database.write(lambda tx: tx.connection.execute(proved))


async def test_by_hand_nothing_is_published(runtime: Runtime) -> None:
    post_id = await say(runtime, CLEAN[0])
    assert await Automatic(runtime).decide_some() == 0
    assert await state(runtime, post_id) is State.PENDING


async def test_all_clean_is_published_and_traced_to_the_rule(runtime: Runtime) -> None:
    before = await say(runtime, CLEAN[1], BORIS)
    await automatic.switch(runtime, Mode.CLEAN, actor="ada")
    post_id = await say(runtime, CLEAN[0])
    assert await Automatic(runtime).decide_some() == 1
    assert await state(runtime, post_id) is State.PUBLISHED
    assert await state(runtime, before) is State.PENDING, "what waited stays with people"
    async with runtime.database.reading() as connection:
        last = await history.last(connection, post_id)
    assert last
    assert (last.actor, last.action, last.reason) == ("rule", "publish", "mode:clean")
    mode, switched = await automatic.in_force(runtime)
    assert switched
    assert (mode, switched.actor) == (Mode.CLEAN, "ada")


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ("the mayor is an idiot and a bastard", ()),
        ("fire in the school, people trapped", ()),
        ("look at this hole", (IncomingMedia("P1", "blob:" + "0" * 64, "image/png"),)),
        ("", (IncomingMedia("RE1", "http://carrier.invalid/RE1", "audio/x-wav"),)),
    ],
    ids=["held by a list", "emergency", "photo", "recording not written down"],
)
async def test_what_a_person_must_see_is_left(runtime: Runtime, text: str, media: tuple[IncomingMedia, ...]) -> None:
    await automatic.switch(runtime, Mode.CLEAN, actor="ada")
    post_id = await say(runtime, text, media=media)
    assert await Automatic(runtime).decide_some() == 0
    assert await state(runtime, post_id) is not State.PUBLISHED


async def test_only_the_first_of_a_flood_is_published(runtime: Runtime) -> None:
    await automatic.switch(runtime, Mode.CLEAN, actor="ada")
    rule, text = Automatic(runtime), "cheap loans without any papers, get the money within the hour today"
    await say(runtime, text)
    assert await rule.decide_some() == 1
    again = await say(runtime, text + "!", BORIS)
    assert await rule.decide_some() == 0
    assert await state(runtime, again) is State.PENDING


async def test_what_a_person_undid_is_left_to_people(runtime: Runtime) -> None:
    await automatic.switch(runtime, Mode.CLEAN, actor="ada")
    post_id = await say(runtime, CLEAN[0])
    await Automatic(runtime).decide_some()
    await undoing.undo(runtime, post_id, actor="mo")
    assert await Automatic(runtime).decide_some() == 0
    assert await state(runtime, post_id) is State.PENDING


async def test_the_trusted_are_published_at_once(runtime: Runtime) -> None:
    for text in CLEAN:
        await moderation.decide(runtime, await say(runtime, text), Action.PUBLISH, actor="mo")
    await automatic.switch(runtime, Mode.TRUSTED, actor="ada")
    unproved = await say(runtime, "the drain at the market is blocked")
    assert await Automatic(runtime).decide_some() == 0, "a number can be forged"
    await prove(runtime, ANNA)
    known = await say(runtime, "somebody broke the bench in the park")
    stranger = await say(runtime, "the playground swing squeaks", BORIS)
    assert await Automatic(runtime).decide_some() == 2
    assert [await state(runtime, one) for one in (unproved, known, stranger)] == [
        State.PUBLISHED,
        State.PUBLISHED,
        State.PENDING,
    ]


async def test_a_rejection_ends_the_trust(runtime: Runtime) -> None:
    for text in CLEAN:
        await moderation.decide(runtime, await say(runtime, text), Action.PUBLISH, actor="mo")
    await prove(runtime, ANNA)
    rude = await say(runtime, "all of you are asleep over there")
    await moderation.decide(runtime, rude, Action.REJECT, actor="mo", reason="insult")
    await automatic.switch(runtime, Mode.TRUSTED, actor="ada")
    await say(runtime, "somebody broke the bench in the park")
    assert await Automatic(runtime).decide_some() == 0


async def test_the_mode_that_is_set_is_in_force_until_somebody_switches(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    moderated = runtime.settings.moderation.model_copy(update={"mode": "clean"})
    runtime.settings = runtime.settings.model_copy(update={"moderation": moderated})
    assert await automatic.in_force(runtime) == (Mode.CLEAN, None)
    stale = await say(runtime, CLEAN[0])
    later(2 * 3600)
    await say(runtime, CLEAN[1], BORIS)
    assert await Automatic(runtime).decide_some() == 1
    assert await state(runtime, stale) is State.PENDING
    await automatic.switch(runtime, Mode.BY_HAND, actor="ada")
    await say(runtime, CLEAN[2], BORIS)
    assert await Automatic(runtime).decide_some() == 0
