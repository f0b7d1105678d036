"""Bulletins are there when they are due, tell what is new, and never what is not public any more."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway import assembly, clock
from gateway.casework import airing, bulletins, newsreading
from gateway.errors import Conflict, NotFound
from gateway.jobs import upkeep
from gateway.journey import moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES, Action, Kind, Place
from gateway.settings import Settings
from store import audit
from store import bulletins as rows
from store.bulletins import Edition, Made, Making
from store.database import Database
from store.news import Item, Said
from store.vault import Vault
from tests.casework.radio_world import Humming, Mute, answer, publish, somebody, withdraw
from tests.journey.test_intake import message

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 11, 25, 7, 30, tzinfo=SHANGHAI)
EVENING = datetime(2026, 11, 25, 18, 30, tzinfo=SHANGHAI)


@pytest.fixture
def voice(runtime: Runtime) -> Humming:
    humming = Humming()
    runtime.synthesiser = humming
    return humming


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """The clock stands at a moment."""
    clock.replace(now=lambda: moment.astimezone(UTC))
    yield
    clock.replace()


def set_to(runtime: Runtime, **values: object) -> None:
    radio = runtime.settings.radio.model_copy(update=values)
    runtime.settings = runtime.settings.model_copy(update={"radio": radio})


def in_zone(settings: Settings, zone: str, **values: object) -> Settings:
    city = settings.city.model_copy(update={"timezone": zone})
    return settings.model_copy(update={"city": city, "radio": settings.radio.model_copy(update=values)})


async def made(runtime: Runtime, language: str = "en") -> list[Made]:
    """The bulletins of a language, oldest first."""
    async with runtime.database.reading() as connection:
        return list(reversed(await rows.newest(connection, [language])))


async def spoken(runtime: Runtime, language: str = "en") -> str:
    """All that the newest says, as anybody may hear it."""
    newest = await bulletins.newest(runtime, language, 1)
    return " ".join(newest[0].parts) if newest else ""


async def keep_up(runtime: Runtime) -> None:
    await bulletins.keep_up(runtime)
    await airing.speak_due(runtime)


def test_a_notice_is_called_one(runtime: Runtime) -> None:
    said = Said("1", 1, "Bus 27 takes another way.", "en", "transport")
    notice = Item(said, Kind.NOTICE, "48217059", None, None, (), earlier=False)
    assert newsreading.item_part(runtime, "en", notice, {}).said[0] == ("en", "A notice:")
    assert newsreading.item_part(runtime, "zh", notice, {}).said[0] == ("zh", "一则通知。")


async def test_a_bulletin_tells_what_was_published_and_answered_in_each_language(
    runtime: Runtime, voice: Humming
) -> None:
    with at(MORNING - timedelta(hours=2)):
        first = await publish(
            runtime, "water pipe leaking, call 13812345678", place=Place("North Street"), category="water"
        )
        await publish(runtime, "人民路的路灯坏了")
        await answer(runtime, first, "A crew is on its way.")
    with at(MORNING):
        await keep_up(runtime)
        said = await spoken(runtime)
        assert said.startswith("Good morning. This is the radio of Qingyuan, Wednesday, November 25, 2026.")
        assert "New posts since the last news: 2. New answers: 1." in said
        assert "Water and drains, at North Street: water pipe leaking, call" in said
        assert "Water answers: A crew is on its way." in said
        assert "13812345678" not in said
        assert "In an emergency call 110. Goodbye." in said
        chinese = await spoken(runtime, "zh")
        assert chinese.startswith("早上好，这里是清源市电台，2026年11月25日星期三。")
        assert "人民路的路灯坏了" in chinese
    assert ("zh", "人民路的路灯坏了") in voice.said
    assert ("en", "A crew is on its way.") in voice.said


async def test_what_is_quoted_is_read_by_a_voice_of_its_own_language(runtime: Runtime, voice: Humming) -> None:
    with at(MORNING - timedelta(hours=1)):
        await publish(runtime, "人民路的路灯坏了")
    with at(MORNING):
        await keep_up(runtime)
    [one] = await made(runtime)
    assert [language for language, _ in one.parts[1].said] == ["en", "zh"]
    assert ("en", "人民路的路灯坏了") not in voice.said


async def test_each_tells_what_is_new_since_the_last_one(runtime: Runtime, voice: Humming) -> None:
    with at(MORNING - timedelta(hours=1)):
        first = await publish(runtime, "water pipe leaking")
    with at(MORNING + timedelta(minutes=1)):
        await keep_up(runtime)
        await keep_up(runtime)
    with at(MORNING + timedelta(hours=2)):
        await publish(runtime, "the lamp at the church is dark")
        await answer(runtime, first, "It is repaired.")
    with at(EVENING + timedelta(hours=3)):
        await keep_up(runtime)
        said = await spoken(runtime)
    assert [one.edition for one in await made(runtime)] == [Edition.MORNING, Edition.EVENING]
    assert "lamp" in said
    assert "About an earlier post. " in said
    assert "It is repaired." in said
    with at(EVENING + timedelta(hours=4)):
        await bulletins.make_now(runtime, actor="mo")
        assert "Nothing new was published since the last news." in await spoken(runtime)


async def test_the_radio_begins_with_the_first_news(runtime: Runtime, voice: Humming) -> None:
    with at(MORNING):
        await keep_up(runtime)
        assert await made(runtime) == []
    with at(MORNING + timedelta(hours=1)):
        await publish(runtime, "water pipe leaking")
    with at(EVENING):
        await keep_up(runtime)
    with at(EVENING + timedelta(hours=14)):
        await keep_up(runtime)
        assert "Nothing new" in await spoken(runtime)
    assert len(await made(runtime)) == 2


async def test_after_a_downtime_one_bulletin_tells_all(runtime: Runtime, voice: Humming) -> None:
    with at(MORNING - timedelta(hours=1)):
        await publish(runtime, "water pipe leaking")
    with at(MORNING):
        await keep_up(runtime)
    for day in (1, 2):
        with at(MORNING + timedelta(days=day, hours=1)):
            await publish(runtime, f"lamp number {day} is dark")
    with at(EVENING + timedelta(days=3)):
        await keep_up(runtime)
        said = await spoken(runtime)
    assert len(await made(runtime)) == 2
    assert "number 1" in said
    assert "number 2" in said


async def test_a_time_that_passed_before_one_by_hand_is_not_caught_up_with(runtime: Runtime, voice: Humming) -> None:
    with at(MORNING - timedelta(hours=1)):
        await publish(runtime, "water pipe leaking")
    with at(MORNING + timedelta(minutes=1)):
        await bulletins.make_now(runtime, actor="mo")
        await keep_up(runtime)
        assert [one.edition for one in await made(runtime)] == [Edition.NOW]
    with at(EVENING):
        await keep_up(runtime)
        assert [one.edition for one in await made(runtime)] == [Edition.NOW, Edition.EVENING]


async def test_what_can_still_be_undone_waits_for_the_next(runtime: Runtime, voice: Humming) -> None:
    changed = runtime.settings.broadcast.model_copy(update={"undo_seconds": 20.0})
    runtime.settings = runtime.settings.model_copy(update={"broadcast": changed})
    with at(MORNING - timedelta(hours=1)):
        await publish(runtime, "water pipe leaking")
    with at(MORNING - timedelta(seconds=10)):
        await publish(runtime, "the lamp at the church is dark")
    with at(MORNING):
        await keep_up(runtime)
        assert "lamp" not in await spoken(runtime)
    with at(EVENING):
        await keep_up(runtime)
        assert "lamp" in await spoken(runtime)


@pytest.fixture
async def other(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A second process on the database of `runtime`, as far as the store is concerned."""
    database = Database(runtime.settings.database_url)
    await database.open(serving=True)
    made = assembly.assemble(
        runtime.settings, [], database, Vault(bytes(32)), runtime.http, runtime.workers, runtime.openers
    )
    made.synthesiser = runtime.synthesiser
    yield made
    await database.close()


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_two_processes_make_and_speak_one(runtime: Runtime, voice: Humming, other: Runtime) -> None:
    with at(MORNING - timedelta(hours=1)):
        taken = await publish(runtime, "water pipe leaking")
    with at(MORNING):
        await asyncio.gather(*(bulletins.keep_up(one) for one in (runtime, other) * 3))
        assert [len(await made(runtime, language)) for language in LANGUAGES] == [1, 1]
        await asyncio.gather(*(airing.speak_due(one) for one in (runtime, other)))
        await withdraw(other, taken.post_id)
        assert "leaking" not in await spoken(runtime)
        await asyncio.gather(*(bulletins.keep_up(one) for one in (runtime, other)))
        await asyncio.gather(*(airing.speak_due(one) for one in (runtime, other)))
    [one] = await made(other)
    assert (one.version, one.whole) == (2, True), "made anew once"


async def test_a_restart_goes_on_with_what_was_not_spoken(runtime: Runtime, voice: Humming) -> None:
    with at(MORNING - timedelta(hours=1)):
        await publish(runtime, "water pipe leaking")
    with at(MORNING):
        await bulletins.keep_up(runtime)
    with at(MORNING + timedelta(hours=2)):
        await keep_up(runtime)
    [one] = await made(runtime)
    assert one.whole
    assert one.at == MORNING


async def test_one_made_anew_while_it_is_spoken_keeps_no_sound_of_the_old_words(
    runtime: Runtime, voice: Humming, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = await publish(runtime, "water pipe leaking at the mill")
    await publish(runtime, "the lamp at the church is dark")
    await bulletins.make_now(runtime, actor="mo")
    keep = runtime.blobs.keep

    async def meanwhile(data: bytes) -> str:
        monkeypatch.setattr(runtime.blobs, "keep", keep)
        await withdraw(runtime, taken.post_id)
        await bulletins.keep_up(runtime)
        return await keep(data)

    monkeypatch.setattr(runtime.blobs, "keep", meanwhile)
    await airing.speak_due(runtime)
    assert not any([(await made(runtime, language))[0].whole for language in LANGUAGES])
    await airing.speak_due(runtime)
    assert all([(await made(runtime, language))[0].whole for language in LANGUAGES])
    assert "mill" not in await spoken(runtime)


@pytest.mark.parametrize(
    "change", ["withdrawn", "corrected", "kept private", "answer withdrawn"], ids=lambda change: change
)
async def test_what_is_not_true_any_more_is_said_no_more_and_spoken_anew(
    runtime: Runtime, voice: Humming, change: str
) -> None:
    with at(MORNING - timedelta(hours=1)):
        first = await publish(runtime, "water pipe leaking at the mill", caller := somebody())
        second = await publish(runtime, "the lamp at the church is dark")
        reply = await answer(runtime, first, "A crew is on its way.")
    with at(MORNING):
        await keep_up(runtime)
    with at(MORNING + timedelta(minutes=5)):
        [before] = await bulletins.newest(runtime, "en", 1)
        assert before.size
        assert first.post_id
        if change == "withdrawn":
            await withdraw(runtime, first.post_id)
        elif change == "answer withdrawn":
            await withdraw(runtime, reply)
        elif change == "kept private":
            await Intake(runtime).take(message(f"PRIVATE {first.ticket}", caller))
        else:
            await moderation.decide(
                runtime, first.post_id, Action.CORRECT, actor="mo", text="water pipe leaking at the inn"
            )
        [now] = await bulletins.newest(runtime, "en", 1)
        assert (now.size, now.seconds) == (0, 0.0), "its sound is not to be heard"
        assert "leaking at the mill" not in " ".join(now.parts)
        assert "lamp" in " ".join(now.parts)
        _, path = await bulletins.one(runtime, now.id)
        assert path is None
        await keep_up(runtime)
        [after] = await bulletins.newest(runtime, "en", 1)
    assert (after.id, after.version, after.at) == (before.id, before.version + 1, before.at)
    assert after.size
    said = " ".join(after.parts)
    assert second.ticket in {part.ticket for part in after.items}
    assert ("at the mill" in said) is (change == "answer withdrawn")
    assert ("at the inn" in said) is (change == "corrected")
    assert ("A crew" in said) is (change == "corrected")


async def test_only_so_many_are_told_answered_ones_first(runtime: Runtime, voice: Humming) -> None:
    set_to(runtime, posts=2)
    with at(MORNING - timedelta(hours=3)):
        old = await publish(runtime, "the oldest of all reports")
        await answer(runtime, old, "We know.")
    for number in range(3):
        with at(MORNING - timedelta(hours=2, minutes=-number)):
            await publish(runtime, f"report with the number {number}")
    with at(MORNING):
        await keep_up(runtime)
    [one] = await made(runtime)
    assert [part.title for part in one.parts[1:-1]] == ["the oldest of all reports", "report with the number 2"]
    assert "2 further posts can be read on our site" in one.parts[-1].text
    assert "New posts since the last news: 4." in one.parts[0].text


@pytest.mark.parametrize(
    ("text", "most", "begin", "is_cut"),
    [
        ("short", 80, "short", False),
        ("two\n lines", 80, "two lines", False),
        ("One. Another that is much too long", 30, "One. Another that is much too", True),
        ("First things first. Then more words come", 30, "First things first.", True),
        ("a word and another and more of them still", 20, "a word and another", True),
        ("水管漏水了。请尽快派人来修理，谢谢", 10, "水管漏水了。", True),
        ("长" * 30, 10, "长" * 10, True),
    ],
)
def test_a_long_text_is_cut_off_at_a_good_place(text: str, most: int, begin: str, is_cut: bool) -> None:
    assert newsreading.cut(text, most) == (begin, is_cut)


async def test_a_long_text_says_that_it_is_cut_off(runtime: Runtime, voice: Humming) -> None:
    with at(MORNING - timedelta(hours=1)):
        await publish(runtime, "water is leaking here. " * 100)
    with at(MORNING):
        await keep_up(runtime)
        said = await spoken(runtime)
    assert said.count("water is leaking here.") < 20
    assert "all of it can be read on our site" in said


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("zone", "set_for", "now", "due"),
    [
        ("Asia/Shanghai", ("07:30", "18:30"), "2026-11-25T07:29+08:00", "2026-11-24 evening"),
        ("Asia/Shanghai", ("07:30", "18:30"), "2026-11-25T07:30+08:00", "2026-11-25 morning"),
        ("Asia/Shanghai", ("07:30", "18:30"), "2026-11-25T23:59+08:00", "2026-11-25 evening"),
        ("Asia/Shanghai", ("", "18:30"), "2026-11-25T08:00+08:00", "2026-11-24 evening"),
        ("Asia/Shanghai", ("", ""), "2026-11-25T08:00+08:00", None),
        # The clocks go from 2 to 3: half past two comes at half past three.
        ("Europe/Berlin", ("02:30", ""), "2026-03-29T03:29+02:00", "2026-03-28 morning"),
        ("Europe/Berlin", ("02:30", ""), "2026-03-29T03:30+02:00", "2026-03-29 morning"),
        # They show half past two twice: the first counts, and the second is the same one.
        ("Europe/Berlin", ("02:30", ""), "2026-10-25T02:30+02:00", "2026-10-25 morning"),
        ("Europe/Berlin", ("02:30", ""), "2026-10-25T02:30+01:00", "2026-10-25 morning"),
    ],
)
async def test_what_is_due_by_the_citys_clock(
    runtime: Runtime, zone: str, set_for: tuple[str, str], now: str, due: str | None
) -> None:
    runtime.settings = in_zone(runtime.settings, zone, morning=set_for[0], evening=set_for[1])
    found = bulletins.last_slot(runtime, datetime.fromisoformat(now))
    assert (found[2] if found else None) == due


async def test_by_hand_anew_withdrawn_and_restored(runtime: Runtime, voice: Humming) -> None:
    await publish(runtime, "water pipe leaking")
    ids = await bulletins.make_now(runtime, actor="mo")
    assert len(ids) == 2
    await airing.speak_due(runtime)
    one = (await made(runtime))[0]
    assert one.whole
    await bulletins.make_anew(runtime, one.id, actor="mo")
    assert not (await made(runtime))[0].whole
    await airing.speak_due(runtime)
    assert (await made(runtime))[0].version == one.version + 1
    await bulletins.withdraw(runtime, one.id, actor="mo")
    assert await bulletins.newest(runtime, "en", 1) == []
    with pytest.raises(NotFound):
        await bulletins.one(runtime, one.id)
    with pytest.raises(Conflict):
        await bulletins.make_anew(runtime, one.id, actor="mo")
    again = await bulletins.make_now(runtime, actor="mo")
    assert "leaking" in await spoken(runtime), "what was taken back told nothing"
    await bulletins.restore(runtime, one.id, actor="mo")
    with pytest.raises(Conflict):
        await bulletins.restore(runtime, one.id, actor="mo")
    assert len(again) == 2
    async with runtime.database.reading() as connection:
        traces = [trace.action for trace in await audit.traces(connection, audit.Wanted(targets=[one.id]))]
    assert traces == ["bulletin restored", "bulletin withdrawn", "bulletin anew", "bulletin made"]


async def test_a_voice_that_fails_is_tried_again_and_then_staff_must_look(runtime: Runtime) -> None:
    runtime.synthesiser = Mute()
    await publish(runtime, "water pipe leaking")
    await bulletins.make_now(runtime, actor="mo")
    for tries in range(1, airing.TRIES + 1):
        await airing.speak_due(runtime)
        one = (await made(runtime))[0]
        assert (one.tries, one.error) == (tries, "the voice has gone")
        assert one.state is (Making.FAILED if tries == airing.TRIES else Making.DUE)
    assert "leaking" in await spoken(runtime), "it can still be read"
    runtime.synthesiser = Humming()
    await bulletins.make_anew(runtime, one.id, actor="mo")
    await airing.speak_due(runtime)
    assert (await made(runtime))[0].whole


async def test_one_that_fails_however_it_does_ends_and_holds_up_no_other(
    runtime: Runtime, voice: Humming, monkeypatch: pytest.MonkeyPatch
) -> None:
    hum = voice.speak

    async def stumble(text: str, language: str, *, rate: int = 8000, keep: bool = True) -> bytes:
        if language == "zh":
            raise ValueError(text)
        return await hum(text, language, rate=rate, keep=keep)

    monkeypatch.setattr(voice, "speak", stumble)
    await publish(runtime, "water pipe leaking")
    await bulletins.make_now(runtime, actor="mo")
    for tries in range(1, airing.TRIES + 1):
        await airing.speak_due(runtime)
        one = (await made(runtime, "zh"))[0]
        assert (one.tries, one.error) == (tries, "ValueError"), "no words of the post"
        assert one.state is (Making.FAILED if tries == airing.TRIES else Making.DUE)
    assert (await made(runtime, "en"))[0].whole


async def test_old_ones_are_forgotten_with_their_sound(
    runtime: Runtime, voice: Humming, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(runtime, "water pipe leaking")
    await bulletins.make_now(runtime, actor="mo")
    await airing.speak_due(runtime)
    sha256 = (await made(runtime))[0].sha256
    assert sha256
    monkeypatch.setattr(upkeep, "UNNAMED", -1.0)
    await upkeep.sweep_files(runtime)
    assert runtime.blobs.path(sha256).exists()
    later(86_400.0 * (runtime.settings.radio.keep_days + 1))
    await upkeep.forget(runtime)
    assert await made(runtime) == []
    await upkeep.sweep_files(runtime)
    assert not runtime.blobs.path(sha256).exists()
