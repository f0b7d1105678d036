"""Files on their way: handed in or fetched, opened by real workers, stored, shown or not, and swept when nobody's."""

import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from channels.base import Fetched
from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.jobs import upkeep
from gateway.journey import media, moderation, opening, photos, showing, transcription
from gateway.journey.intake import Intake
from gateway.journey.photos import Photo
from gateway.runtime import Runtime
from gateway.schema import Action, MediaState, Place, PlaceFrom, State, TranscriptState
from gateway.schema_incoming import IncomingMedia, Taken
from speech.models import Models
from store import events, history, posts, posts_for_staff, waiting
from store import media as media_rows
from store.posts_for_staff import StaffMedia, StaffPost
from tests.journey.test_intake import message
from tests.journey.test_photos import GPS, SECRET, exif, full_of_metadata, heic, picture, written

SPOKEN = Path(__file__).parents[2] / "gateway/simulator/demo_speech/en/utterances/001-en-f4-16k.wav"
WORDS = "water pipe leaking on north street number 27"


def photo_taken() -> bytes:
    """A photo with a place."""
    return written(picture((600, 400)), "JPEG", exif=exif(GPS))


def recorded(form: str = "webm", codec: str = "libopus") -> bytes:
    """The spoken words as a browser or a chat program records them."""
    out = io.BytesIO()
    with av.open(str(SPOKEN)) as source, av.open(out, "w", format=form) as target:
        stream: Any = target.add_stream(codec, rate=48_000 if codec == "libopus" else 16_000)
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def film(form: str = "mp4", codec: str = "mpeg4") -> bytes:
    """A few moving pictures."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as target:
        stream: Any = target.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            target.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        target.mux(stream.encode(None))
    return out.getvalue()


async def send(runtime: Runtime, *files: bytes, text: str = "look at this", **more: Any) -> Taken:
    """A message of the channel `form` with files, worked on until nothing is due."""
    accepted = tuple([await media.accept(runtime, data) for data in files])
    taken = await Intake(runtime).take(message(text, None, channel="form", media=accepted, commands=False, **more))
    await finish(runtime)
    return taken


async def finish(runtime: Runtime) -> None:
    while await media.work_on_due(runtime):
        pass


async def look(runtime: Runtime, taken: Taken) -> StaffPost:
    assert taken.post_id
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, taken.post_id))[0]


async def shown(runtime: Runtime, taken: Taken) -> list[str]:
    """The addresses of the photos that the public sees."""
    assert taken.ticket
    async with runtime.database.reading() as connection:
        return [file.url for file in (await posts.public_post(connection, taken.ticket)).media]


def on_disk(runtime: Runtime) -> list[Path]:
    return [path for path in runtime.blobs.folder.rglob("*") if path.is_file()]


def age(runtime: Runtime) -> None:
    """Let all files on disk have been stored two hours ago."""
    for path in on_disk(runtime):
        long_ago = path.stat().st_mtime - 7200
        os.utime(path, (long_ago, long_ago))


async def test_a_photo_is_cleaned_and_shown_with_its_published_post(runtime: Runtime) -> None:
    taken = await send(runtime, full_of_metadata())
    post = await look(runtime, taken)
    [file] = post.media
    assert (file.state, file.type, file.width, file.height) == (MediaState.STORED, "image/jpeg", 1600, 900)
    assert (post.place, post.place_from) == (Place(None, 31.236, 121.5), PlaceFrom.PHOTO)
    assert await shown(runtime, taken) == []
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    assert await shown(runtime, taken) == [file.url]
    await moderation.decide(runtime, taken.post_id, Action.WITHDRAW, actor="mo", reason="personal")
    assert await shown(runtime, taken) == []


async def test_the_photo_as_it_came_is_gone_after_the_sweep(runtime: Runtime) -> None:
    await send(runtime, full_of_metadata())
    assert any(SECRET in path.read_bytes() for path in on_disk(runtime))
    age(runtime)
    await upkeep.sweep_files(runtime)
    left = on_disk(runtime)
    assert len(left) == 2
    assert not any(SECRET in path.read_bytes() for path in left)


@pytest.mark.parametrize("typed", [Place("here", 30.0, 120.0), Place("here")])
async def test_a_typed_place_in_degrees_stands(runtime: Runtime, typed: Place) -> None:
    post = await look(runtime, await send(runtime, photo_taken(), place=typed, place_from=PlaceFrom.TYPED))
    if typed.lat:
        assert (post.place, post.place_from) == (typed, PlaceFrom.TYPED)
    else:
        assert (post.place, post.place_from) == (Place("here", 31.236, 121.5), PlaceFrom.PHOTO)


async def test_a_private_posts_photo_stays_private(runtime: Runtime) -> None:
    taken = await send(runtime, photo_taken(), private=True)
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    assert await shown(runtime, taken) == []


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "too much": (lambda: b"\xff\xd8\xff" + bytes(20_971_520), "too large"),
    "an SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "only photos and sound"),
    "a page": (lambda: b"<!doctype html><script>alert(1)</script>", "only photos and sound"),
    "a program": (lambda: b"MZ\x90\x00", "only photos and sound"),
    "a film": (film, "films are not taken"),
    "a film for the web": (lambda: film("webm", "libvpx-vp9"), "films are not taken"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_use_is_refused_at_once(runtime: Runtime, name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(BadInput, match=words) as refused:
        await media.accept(runtime, make())
    assert refused.value.field == "media"
    assert on_disk(runtime) == []


async def test_an_iphones_photo_without_its_library_is_refused_in_words(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await media.accept(runtime, heic())).type == "image/heic"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match="send it as JPEG"):
        await media.accept(runtime, heic())


async def test_the_name_and_the_claim_do_not_matter(runtime: Runtime) -> None:
    assert (await media.accept(runtime, written(picture(), "PNG"))).type == "image/png"


async def test_a_damaged_photo_is_said_to_staff(runtime: Runtime) -> None:
    post = await look(runtime, await send(runtime, full_of_metadata()[:-300]))
    [file] = post.media
    assert (file.state, file.error) == (MediaState.FAILED, "this picture is damaged or cut off")
    assert post.state is State.PENDING


def give(runtime: Runtime, fetched: Fetched | Exception) -> list[str]:
    """What the carrier of `texting` holds; gives what it was told to delete."""
    forgotten: list[str] = []

    async def fetch(url: str, most_bytes: int) -> Fetched:
        if isinstance(fetched, Exception):
            raise fetched
        return fetched

    async def forget(url: str) -> None:
        forgotten.append(url)

    texting = runtime.channels["texting"]
    texting.fetch, texting.forget = fetch, forget  # type: ignore[method-assign]
    return forgotten


async def mms(runtime: Runtime, claimed: str, name: str = "ME1") -> StaffPost:
    sent = IncomingMedia(name, f"http://carrier.invalid/{name}", claimed)
    taken = await Intake(runtime).take(message("look", media=(sent,)))
    await runtime.database.write(lambda tx: media_rows.ready(tx, "texting", name, clock.now()))
    await finish(runtime)
    return await look(runtime, taken)


async def test_a_carriers_photo_is_never_on_disk_as_it_came(runtime: Runtime) -> None:
    forgotten = give(runtime, Fetched(full_of_metadata(), "image/jpeg"))
    [file] = (await mms(runtime, "image/jpeg")).media
    assert (file.state, file.public) == (MediaState.STORED, True)
    assert forgotten == ["http://carrier.invalid/ME1"]
    assert not any(SECRET in path.read_bytes() for path in on_disk(runtime))


@pytest.mark.parametrize(
    ("claimed", "data", "public", "written_down"),
    [
        ("audio/amr", full_of_metadata, True, TranscriptState.NONE),
        ("application/octet-stream", photo_taken, True, TranscriptState.NONE),
        ("image/jpeg", recorded, False, TranscriptState.DONE),
    ],
)
async def test_a_carriers_claim_is_not_believed(
    runtime: Runtime, claimed: str, data: Callable[[], bytes], public: bool, written_down: TranscriptState
) -> None:
    give(runtime, Fetched(data(), claimed))
    [file] = (await mms(runtime, claimed)).media
    assert (file.state, file.public, file.transcript_state) == (MediaState.STORED, public, written_down)


@pytest.mark.parametrize(
    "data", [b"BEGIN:VCARD\nEND:VCARD", b"<html>404</html>", b"", film()], ids=lambda x: repr(x[:8])
)
async def test_other_files_of_carriers_fail_with_a_reason(runtime: Runtime, data: bytes) -> None:
    forgotten = give(runtime, Fetched(data, "text/x-vcard"))
    [file] = (await mms(runtime, "text/x-vcard")).media
    assert file.state is MediaState.FAILED
    assert file.error
    assert forgotten == []


async def test_a_carrier_that_hangs_is_asked_again_later(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(url: str, most_bytes: int) -> Fetched:
        await asyncio.sleep(60)
        raise AssertionError

    runtime.channels["texting"].fetch = hang  # type: ignore[method-assign]
    monkeypatch.setattr(media, "FETCH_LIMIT", 0.05)
    [file] = (await mms(runtime, "image/jpeg")).media
    assert (file.state, file.error) == (MediaState.DUE, "the carrier took too long")


def die(data: bytes, limits: photos.Limits) -> Photo:
    os._exit(1)


async def test_a_photo_that_ends_its_worker_is_tried_twice_and_given_up(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def run(function: Any, *args: Any, timeout: float) -> Any:
        nonlocal asked
        asked += 1
        return await openers_run(die, *args, timeout=timeout)

    openers_run = runtime.openers.run
    monkeypatch.setattr(runtime.openers, "run", run)
    taken = await send(runtime, photo_taken())
    [file] = (await look(runtime, taken)).media
    assert (file.state, file.error, asked) == (MediaState.FAILED, "this picture could not be opened", 2)
    # The file itself is kept: once the cause is mended, staff have it brought again.
    age(runtime)
    await upkeep.sweep_files(runtime)
    monkeypatch.undo()
    await showing.try_again(runtime, file.id, actor="mo")
    await finish(runtime)
    assert (await look(runtime, taken)).media[0].state is MediaState.STORED
    with pytest.raises(Conflict):
        await showing.try_again(runtime, file.id, actor="mo")


async def test_a_photo_that_takes_too_long_is_given_up(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = runtime.settings.media.model_copy(update={"longest_job": 0.001})
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update={"media": limits}))
    [file] = (await look(runtime, await send(runtime, photo_taken()))).media
    assert (file.state, file.error) == (MediaState.FAILED, "this picture could not be opened")


@pytest.fixture
def english_model(runtime: Runtime) -> None:
    """The small model of the simulator, installed as a city installs its own."""
    models = runtime.settings.storage.data / "models"
    models.mkdir(parents=True)
    (models / "en").symlink_to(SPOKEN.parents[1] / "model")
    runtime.models = Models(models)


@pytest.mark.usefixtures("english_model")
@pytest.mark.parametrize(("form", "codec"), [("webm", "libopus"), ("ogg", "libopus"), ("mp4", "aac"), ("mp3", "mp3")])
async def test_a_voice_note_is_written_down(runtime: Runtime, form: str, codec: str) -> None:
    taken = await send(runtime, recorded(form, codec), text="", language="en")
    post = await look(runtime, taken)
    assert post.text == WORDS
    assert post.media[0].transcript_state is TranscriptState.DONE
    assert not post.media[0].public


async def test_several_files_of_each_kind_come_with_one_post(runtime: Runtime) -> None:
    taken = await send(runtime, photo_taken(), recorded(), written(picture(), "PNG"), full_of_metadata()[:100])
    files = {(file.type[:5], file.state) for file in (await look(runtime, taken)).media}
    assert files == {("image", MediaState.STORED), ("audio", MediaState.STORED), ("image", MediaState.FAILED)}


async def test_photos_do_not_wait_for_long_recordings(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def slowly(*_: Any) -> None:
        begun.set()
        await end.wait()

    monkeypatch.setattr(transcription, "write_down", slowly)
    work = asyncio.create_task(media.run(runtime))
    try:
        note = await media.accept(runtime, recorded())
        await Intake(runtime).take(message("", None, channel="form", media=(note,), commands=False))
        await asyncio.wait_for(begun.wait(), 20)
        photo = await media.accept(runtime, photo_taken())
        taken = await Intake(runtime).take(message("x", None, channel="form", media=(photo,), commands=False))
        bell = runtime.database.wakeups.bell("queue")
        async with asyncio.timeout(20):
            while (await look(runtime, taken)).media[0].state is not MediaState.STORED:
                await bell.wait(0.2)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_stumble_is_tried_later_and_stops_nothing(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stumble(*_: Any) -> None:
        raise OSError("disk full")

    photo = await media.accept(runtime, photo_taken())
    monkeypatch.setattr(opening, "open_file", stumble)
    work = asyncio.create_task(media.run(runtime))
    taken = await Intake(runtime).take(message("x", None, channel="form", media=(photo,), commands=False))
    bell = runtime.database.wakeups.bell("queue")
    async with asyncio.timeout(20):
        while not (file := (await look(runtime, taken)).media[0]).error:
            await bell.wait(0.2)
    assert (file.state, file.error) == (MediaState.DUE, "OSError")
    assert not work.done()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_an_upload_nobody_names_is_swept_after_an_hour(runtime: Runtime) -> None:
    await media.accept(runtime, photo_taken())
    await upkeep.sweep_files(runtime)
    assert len(on_disk(runtime)) == 1
    age(runtime)
    await upkeep.sweep_files(runtime)
    assert on_disk(runtime) == []


async def test_the_same_content_twice_is_one_file_that_lives_as_long_as_one_names_it(runtime: Runtime) -> None:
    note = recorded()
    first, second = await send(runtime, note), await send(runtime, note)
    assert len(on_disk(runtime)) == 1
    assert first.ticket != second.ticket
    age(runtime)
    await upkeep.sweep_files(runtime)
    assert len(on_disk(runtime)) == 1


async def test_content_handed_in_again_is_safe_from_a_sweep_under_way(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep has seen that nobody names it; then somebody sends the same."""
    await media.accept(runtime, photo_taken())
    age(runtime)
    named = media_rows.named

    async def and_meanwhile(*args: Any) -> set[str]:
        found = await named(*args)
        await media.accept(runtime, photo_taken())
        return found

    monkeypatch.setattr(media_rows, "named", and_meanwhile)
    await upkeep.sweep_files(runtime)
    assert len(on_disk(runtime)) == 1


async def test_what_a_crash_left_half_written_is_swept(runtime: Runtime) -> None:
    await media.accept(runtime, photo_taken())
    [path] = on_disk(runtime)
    path.rename(path.with_name(".new-abc"))
    age(runtime)
    await upkeep.sweep_files(runtime)
    assert on_disk(runtime) == []


async def published(runtime: Runtime) -> tuple[Taken, StaffMedia]:
    taken = await send(runtime, photo_taken())
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    return taken, (await look(runtime, taken)).media[0]


async def test_staff_take_a_photo_away_and_put_it_back(runtime: Runtime) -> None:
    taken, file = await published(runtime)
    async with runtime.database.reading() as connection:
        before = await events.last_number(connection)
    await showing.show(runtime, file.id, False, actor="mo")
    assert await shown(runtime, taken) == []
    await showing.show(runtime, file.id, False, actor="mo")  # twice is once
    await showing.show(runtime, file.id, True, actor="mo")
    assert await shown(runtime, taken) == [file.url]
    async with runtime.database.reading() as connection:
        told = await events.after(connection, before)
        entries = (await history.of_thread(connection, runtime.vault, [taken.post_id or ""]))[taken.post_id or ""]
    assert [(one.event, one.post_id) for one in told] == [(events.Happening.UPDATE, taken.post_id)] * 2
    assert [(entry.actor, entry.action) for entry in entries][-2:] == [("mo", "photo_hidden"), ("mo", "photo_shown")]


async def test_a_recording_is_never_shown(runtime: Runtime) -> None:
    taken = await send(runtime, recorded())
    with pytest.raises(Conflict):
        await showing.show(runtime, (await look(runtime, taken)).media[0].id, True, actor="mo")


async def test_a_photo_that_comes_after_its_post_was_published_is_told_to_open_pages(runtime: Runtime) -> None:
    photo = await media.accept(runtime, photo_taken())
    taken = await Intake(runtime).take(message("x", None, channel="form", media=(photo,), commands=False))
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    async with runtime.database.reading() as connection:
        before = await events.last_number(connection)
    await finish(runtime)
    async with runtime.database.reading() as connection:
        assert [one.event for one in await events.after(connection, before)] == [events.Happening.UPDATE]
    assert len(await shown(runtime, taken)) == 1


async def test_a_clean_photo_opens_as_one(runtime: Runtime) -> None:
    await send(runtime, photo_taken())
    async with runtime.database.reading() as connection:
        [post] = await waiting.queue(connection)
        file = await media_rows.find(connection, post.media[0].id)
    assert file.sha256
    assert file.preview
    assert Image.open(runtime.blobs.path(file.sha256)).format == "JPEG"
    assert Image.open(runtime.blobs.path(file.preview)).format == "WEBP"
