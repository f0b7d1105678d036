"""What staff oversee of the writing down, and recordings that are deleted by the city's rule."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway import clock
from gateway.jobs import upkeep
from gateway.journey import media, moderation, transcription
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, MediaState, State, TranscriptState
from gateway.schema_incoming import IncomingMedia
from speech.models import Models
from store import audit, history, posts_for_staff, tables_media, transcribing
from store.posts_for_staff import StaffPost
from store.transcribing import Rate, Written
from tests.journey.test_intake import ANNA, message

DEMO = Path(__file__).parents[2] / "gateway/simulator/demo_speech/en"
SPOKEN = DEMO / "utterances/001-en-f4-8k.wav"
DAY = 86_400


def install(runtime: Runtime, *places: str) -> None:
    """Put the demo's model where real ones are."""
    models = runtime.settings.storage.data / "models"
    for place in places:
        (models / place).parent.mkdir(parents=True, exist_ok=True)
        (models / place).symlink_to(DEMO / "model")
    runtime.models = Models(models, DEMO.parent)


async def recorded(runtime: Runtime, language: str = "en", number: str = ANNA) -> StaffPost:
    """A post of a recording that was handed to us, stored; there is no model for its language."""
    sha256 = await runtime.blobs.keep(SPOKEN.read_bytes())
    file = IncomingMedia(f"upload:{clock.new_id()}", f"blob:{sha256}", "audio/x-wav", language)
    taken = await Intake(runtime).take(message("", number, media=(file,), commands=False, language=language))
    assert taken.post_id
    return await look(runtime, taken.post_id)


async def work(runtime: Runtime) -> None:
    while await media.work_on_due(runtime):
        pass


async def look(runtime: Runtime, post_id: str) -> StaffPost:
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, post_id))[0]


@pytest.fixture
def unmodelled(runtime: Runtime) -> Runtime:
    """Nobody is simulated, and no model is there."""
    runtime.plans = []
    return runtime


async def change(runtime: Runtime, media_id: str, **values: object) -> None:
    wanted = update(tables_media.media).where(tables_media.media.c.id == media_id).values(**values)
    await runtime.database.write(lambda tx: tx.connection.execute(wanted))


async def test_what_waits_is_counted_and_the_oldest_known(unmodelled: Runtime, later: Callable[[float], None]) -> None:
    runtime = unmodelled
    async with runtime.database.reading() as connection:
        assert await transcribing.backlog(connection, clock.now()) == transcribing.Backlog(0, 0, None)
    old = await recorded(runtime)
    await work(runtime)
    install(runtime, "en/real")
    before = clock.now()
    await transcription.again(runtime, old.media[0].id, None, actor="mo")
    later(60)
    new = await recorded(runtime, number="+8613800138777")
    await change(runtime, new.media[0].id, state=MediaState.STORED, lease_until=clock.now() + timedelta(seconds=30))
    async with runtime.database.reading() as connection:
        known = await transcribing.backlog(connection, clock.now())
    assert (known.waiting, known.at_work) == (2, 1)
    assert known.oldest
    assert before <= known.oldest < before + timedelta(seconds=30)


async def test_each_model_s_speed_is_that_of_its_recordings_since(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    async def written(model: str, seconds: float, took: float | None) -> None:
        one = Written(clock.new_id(), model, 0.9, seconds, took, clock.now())
        await runtime.database.write(lambda tx: transcribing.add(tx, clock.new_id(), clock.new_id(), one))

    await written("large", 10, 100)
    later(7200)
    await written("large", 10, 5)
    await written("large", 30, 5)
    await written("small", 10, 1)
    await written("live", 10, None)
    async with runtime.database.reading() as connection:
        hour = await transcribing.rates(connection, clock.now() - timedelta(hours=1))
        day = await transcribing.rates(connection, clock.now() - timedelta(days=1))
    assert hour == {"large": Rate(2, 40, 10), "small": Rate(1, 10, 1)}
    assert hour["large"].factor == 0.25
    assert day["large"].factor == 2.2
    assert Rate(0, 0, 0).factor is None


async def test_the_work_is_measured(runtime: Runtime) -> None:
    install(runtime, "en/real")
    await recorded(runtime)
    await work(runtime)
    async with runtime.database.reading() as connection:
        rates = await transcribing.rates(connection, clock.now() - timedelta(hours=1))
    assert rates["real"].recordings == 1
    assert rates["real"].took > 0
    assert rates["real"].seconds > 1


async def test_what_lacks_a_model_and_what_failed(unmodelled: Runtime) -> None:
    runtime = unmodelled
    for language in ("en", "en", "zh"):
        await recorded(runtime, language)
    broken = await recorded(runtime)
    await work(runtime)
    await change(runtime, broken.media[0].id, transcript_state=TranscriptState.FAILED, error="damaged")
    async with runtime.database.reading() as connection:
        lacking = await transcribing.lacking(connection)
        assert {code: one.number for code, one in lacking.items()} == {"en": 2, "zh": 1}
        assert await transcribing.failed(connection) == 1
        [failure] = await transcribing.failures(connection, 10)
    assert (failure.media_id, failure.ticket) == (broken.media[0].id, broken.ticket)
    assert (failure.channel, failure.language, failure.error) == ("texting", "en", "damaged")


async def keep(runtime: Runtime, days: int) -> None:
    keeping = runtime.settings.keeping.model_copy(update={"recording_days": days})
    runtime.settings = runtime.settings.model_copy(update={"keeping": keeping})


async def test_a_recording_is_deleted_so_many_days_after_the_last_that_happened(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    install(runtime, "en/real")
    await keep(runtime, 30)
    post = await recorded(runtime)
    await work(runtime)
    await moderation.decide(runtime, post.id, Action.PUBLISH, actor="mo")
    later(29 * DAY)
    await upkeep.forget_recordings(runtime)
    assert (await look(runtime, post.id)).media[0].state is MediaState.STORED
    await moderation.decide(runtime, post.id, Action.WITHDRAW, actor="mo", reason="personal")
    later(2 * DAY)
    await upkeep.forget_recordings(runtime)
    assert (await look(runtime, post.id)).media[0].state is MediaState.STORED, "the last decision counts"
    later(29 * DAY)
    await upkeep.forget_recordings(runtime)
    [file] = (await look(runtime, post.id)).media
    assert (file.state, file.transcript_state) == (MediaState.FORGOTTEN, TranscriptState.DONE)
    assert file.forgotten_at
    async with runtime.database.reading() as connection:
        last = await history.last(connection, post.id)
        heard = (await history.heard(connection, runtime.vault, [post.id]))[file.id]
        traced = await audit.traces(connection, audit.Wanted(action="recordings deleted"))
    assert last
    assert (last.actor, last.action, last.note) == ("rule", "recording_deleted", None)
    assert heard.text == "water pipe leaking on north street number 27", "its words stay"
    assert len(traced) == 1


async def test_its_file_goes_from_the_disk_unless_another_post_has_the_same(
    runtime: Runtime, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(runtime, "en/real")
    await keep(runtime, 30)
    monkeypatch.setattr(upkeep, "UNNAMED", -1.0)
    first, second = await recorded(runtime), await recorded(runtime, number="+8613800138777")
    await work(runtime)
    await moderation.decide(runtime, first.id, Action.REJECT, actor="mo", reason="personal")
    later(31 * DAY)
    [sha256] = await runtime.blobs.old(-1.0)
    for one, there in ((first, True), (second, False)):
        await upkeep.forget_recordings(runtime)
        await upkeep.sweep_files(runtime)
        assert runtime.blobs.path(sha256).exists() is there
        if there:
            assert (await look(runtime, one.id)).media[0].state is MediaState.FORGOTTEN
            await moderation.decide(runtime, second.id, Action.REJECT, actor="mo", reason="personal")
            later(31 * DAY)


@pytest.mark.parametrize("action", [None, Action.HOLD])
async def test_what_waits_for_a_decision_is_never_deleted(
    runtime: Runtime, later: Callable[[float], None], action: Action | None
) -> None:
    install(runtime, "en/real")
    await keep(runtime, 1)
    post = await recorded(runtime)
    await work(runtime)
    if action:
        await moderation.decide(runtime, post.id, action, actor="mo", reason="unclear")
    later(100 * DAY)
    await upkeep.forget_recordings(runtime)
    shown = await look(runtime, post.id)
    assert shown.state in (State.PENDING, State.HELD)
    assert shown.media[0].state is MediaState.STORED


async def test_what_is_being_written_down_is_never_deleted(runtime: Runtime, later: Callable[[float], None]) -> None:
    install(runtime, "en/real")
    await keep(runtime, 1)
    post = await recorded(runtime)
    await work(runtime)
    await moderation.decide(runtime, post.id, Action.PUBLISH, actor="mo")
    await transcription.again(runtime, post.media[0].id, None, actor="mo")
    later(100 * DAY)
    await upkeep.forget_recordings(runtime)
    assert (await look(runtime, post.id)).media[0].state is MediaState.STORED


async def test_without_a_time_nothing_is_deleted(runtime: Runtime, later: Callable[[float], None]) -> None:
    install(runtime, "en/real")
    await keep(runtime, 0)
    post = await recorded(runtime)
    await work(runtime)
    await moderation.decide(runtime, post.id, Action.PUBLISH, actor="mo")
    later(4000 * DAY)
    await upkeep.forget_recordings(runtime)
    assert (await look(runtime, post.id)).media[0].state is MediaState.STORED
