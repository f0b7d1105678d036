"""The page of the writing down: what waits, how fast, what is missing, what failed; and a recording written again."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from gateway import clock
from gateway.schema import MediaState, TranscriptState
from store import tables_media, transcribing
from store.accounts import Role
from store.posts_for_staff import StaffPost
from store.transcribing import Written
from tests.store.test_transcribing import change, install, look, recorded, work
from tests.web.conftest import World

PAGE, API = "/console/transcription", "/api/v1/console/transcription"


@pytest.fixture
async def post(world: World) -> StaffPost:
    """A post whose recording could not be written down."""
    world.runtime.plans = []
    made = await recorded(world.runtime)
    await work(world.runtime)
    await change(world.runtime, made.media[0].id, transcript_state=TranscriptState.FAILED, error="this file is empty")
    return await look(world.runtime, made.id)


async def page(world: World, path: str = PAGE) -> str:
    answer = await world.client.get(path, headers={"Accept-Language": "en"})
    assert answer.status == 200
    return await answer.text()


async def log_in(world: World, role: Role) -> None:
    await world.account(role, "mo")
    await world.log_in("mo")


async def press(world: World, path: str, **form: str) -> tuple[int, str]:
    hidden = {"csrf": await world.form_token("/console")}
    answer = await world.client.post(path, data={**hidden, **form}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", "")


async def test_nothing_was_ever_recorded(world: World) -> None:
    world.runtime.plans = []
    await log_in(world, Role.VIEWER)
    text = await page(world)
    assert "Everything could be transcribed." in text
    assert text.count("No model of ") == 2
    for language in ("zh", "en"):
        assert f"python run.py speech install {language}" in text


async def test_what_lacks_a_model_is_told_with_the_command_that_gets_one(world: World) -> None:
    world.runtime.plans = []
    await recorded(world.runtime, "en")
    await work(world.runtime)
    await log_in(world, Role.VIEWER)
    assert "1 recording waits for one" in await page(world)
    install(world.runtime, "en/real")
    text = await page(world)
    assert "speech install en" not in text
    assert "<code>real</code>" in text


async def test_a_model_that_cannot_be_used_is_told_with_its_fault(world: World) -> None:
    (world.runtime.settings.storage.data / "models/zh/broken/am").mkdir(parents=True)
    await log_in(world, Role.VIEWER)
    text = await page(world)
    assert "This model cannot be used:" in text
    assert "<code>broken</code>" in text
    assert "missing or empty</span>: <code>am/final.mdl" in text
    assert str(world.runtime.settings.storage.data) not in text


async def test_how_fast_the_models_are(world: World) -> None:
    install(world.runtime, "en/real")
    for name, took in (("real", 5.0), ("gone", 30.0)):
        one = Written(clock.new_id(), name, 0.9, 20.0, took, clock.now())
        await world.runtime.database.write(lambda tx, one=one: transcribing.add(tx, "m" * 32, "t" * 32, one))  # type: ignore[misc]
    await log_in(world, Role.VIEWER)
    text = await page(world)
    assert '<span class="">0.25</span>' in text
    assert '<span class="slow">1.50</span>' in text
    assert "not installed any more" in text
    metrics = await (await world.client.get("/metrics")).text()
    assert 'everyline_transcription_real_time_factor{model="real"} 0.25' in metrics
    assert "everyline_transcription_waiting 0.0" in metrics


async def test_failures_with_their_reason_and_another_try(world: World, post: StaffPost) -> None:
    install(world.runtime, "en/real", "en/small")
    await log_in(world, Role.MODERATOR)
    text = await page(world)
    assert "this file is empty" in text
    assert f'href="/console/posts/{post.ticket}"' in text
    file = post.media[0].id
    status, onward = await press(world, f"/console/media/{file}/transcription", model="small", back=PAGE)
    assert (status, onward) == (303, PAGE)
    [waiting] = (await look(world.runtime, post.id)).media
    assert waiting.transcript_state is TranscriptState.DUE
    assert "Everything could be transcribed." in await page(world)
    await work(world.runtime)
    shown = await look(world.runtime, post.id)
    assert (shown.media[0].model, shown.text) == ("small", "water pipe leaking on north street number 27")


async def test_all_failures_are_tried_again_at_once(world: World, post: StaffPost) -> None:
    install(world.runtime, "en/real")
    await log_in(world, Role.MODERATOR)
    status, onward = await press(world, f"{PAGE}/again")
    assert (status, onward) == (303, f"{PAGE}?again=1")
    assert "1 recording is written down again." in await page(world, onward)
    [waiting] = (await look(world.runtime, post.id)).media
    assert waiting.transcript_state is TranscriptState.DUE


async def test_who_only_looks_is_offered_nothing(world: World, post: StaffPost) -> None:
    await log_in(world, Role.VIEWER)
    text = await page(world)
    assert "this file is empty" in text
    assert "Try again" not in text
    assert "Try all again" not in text


async def test_programs_read_the_same_and_may_try_again(world: World, post: StaffPost) -> None:
    install(world.runtime, "en/real")
    headers = await world.token(Role.MODERATOR)
    told = json.loads(await (await world.client.get(API, headers=headers)).text())
    assert (told["waiting"], told["failed"]) == (0, 1)
    assert told["workers"] == world.runtime.settings.speech.processes > 0
    assert [one["reason"] for one in told["failures"]] == ["this file is empty"]
    spoken = {one["language"]: one for one in told["languages"]}
    assert [model["name"] for model in spoken["en"]["models"]] == ["real"]
    assert (spoken["en"]["install"], spoken["zh"]["install"]) == (None, "python run.py speech install zh")
    again = f"{API}/{post.media[0].id}/again"
    for body, status in (({"model": "no-such"}, 422), ({"model": "real"}, 202), ({}, 409)):
        assert (await world.client.post(again, json=body, headers=headers)).status == status
    assert (await world.client.post(f"{API}/{'0' * 32}/again", json={}, headers=headers)).status == 404


async def test_the_page_of_a_post_offers_the_models_and_shows_every_version(world: World) -> None:
    runtime = world.runtime
    install(runtime, "en/large", "en/small")
    made = await recorded(runtime)
    await work(runtime)
    await log_in(world, Role.MODERATOR)
    path = f"/console/posts/{made.ticket}"
    text = await page(world, path)
    assert "<option>large</option><option>small</option>" in text
    assert "Transcribed 2" not in text
    file = made.media[0].id
    assert await press(world, f"/console/media/{file}/transcription", model="small", back=path) == (303, path)
    await work(runtime)
    text = await page(world, path)
    assert "Transcribed 2 times" in text
    assert "had the recording transcribed again" in text


async def test_the_page_of_a_post_says_when_its_recording_was_deleted(world: World) -> None:
    install(world.runtime, "en/real")
    made = await recorded(world.runtime)
    await work(world.runtime)
    gone: dict[str, Any] = {"state": MediaState.FORGOTTEN, "sha256": None, "forgotten_at": clock.now()}
    wanted = update(tables_media.media).where(tables_media.media.c.id == made.media[0].id).values(**gone)
    await world.runtime.database.write(lambda tx: tx.connection.execute(wanted))
    await log_in(world, Role.MODERATOR)
    text = await page(world, f"/console/posts/{made.ticket}")
    assert "The recording was deleted on" in text
    assert "<audio" not in text
    assert "Transcribe again" not in text
    assert (await world.client.get(f"/media/{made.media[0].id}")).status == 404


@pytest.mark.parametrize(
    ("days", "said"),
    [(30, "A recording is deleted 30 days after"), (0, "A recording is kept as long as what was said in it.")],
)
async def test_the_privacy_page_tells_the_rule(world: World, days: int, said: str) -> None:
    keeping = world.runtime.settings.keeping.model_copy(update={"recording_days": days})
    world.runtime.settings = world.runtime.settings.model_copy(update={"keeping": keeping})
    assert said in await page(world, "/privacy")


async def test_how_long_the_oldest_waits_is_told(world: World, post: StaffPost) -> None:
    install(world.runtime, "en/real")
    due = {"transcript_state": TranscriptState.DUE, "due_at": clock.now() - timedelta(minutes=5)}
    await change(world.runtime, post.media[0].id, **due)
    await log_in(world, Role.VIEWER)
    assert "<dd>5 minutes</dd>" in await page(world)
    metrics = await (await world.client.get("/metrics")).text()
    assert "everyline_transcription_waiting 1.0" in metrics
