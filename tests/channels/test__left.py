"""What callers said before their calls broke off for good becomes the report it was to be, once."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from channels import _left
from channels._call_state import Call
from channels._call_steps import Step
from gateway.desk import Desk
from gateway.errors import Busy
from gateway.journey import media
from gateway.runtime import Runtime
from gateway.schema_incoming import Incoming, Taken
from store import posts_for_staff, tables_citizens, tables_posts
from tests.channels.asterisk import sound_of
from tests.channels.line_world import silence

SPOKEN = Path(__file__).parents[2] / "gateway/simulator/demo_speech/en/utterances/006-en-pedro-8k.wav"
CALLER, LINE = "tel:+8613800138001", "+861012345"


async def cut(desk: Desk, pcm: bytes, call: str = "c1") -> None:
    """A call that broke off after so much was said."""
    tape = await desk.tape("texting", call, 8_000, "en", address=CALLER, line=LINE)
    tape.write(pcm)
    await tape.release()


async def number_of(runtime: Runtime, table: object) -> int:
    async with runtime.database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()  # type: ignore[arg-type]


async def test_it_is_a_report_of_its_caller_in_his_words(runtime: Runtime) -> None:
    desk = Desk(runtime)
    await cut(desk, sound_of(SPOKEN)[0])
    assert await _left.take(desk, "texting", 60) == 0, "the call may come back"
    assert await _left.take(desk, "texting", 0) == 1
    while await media.work_on_due(runtime):
        pass
    async with runtime.database.reading() as connection:
        [post] = (await connection.execute(select(tables_posts.posts.c.id))).all()
        [shown] = await posts_for_staff.thread(connection, post.id)
    assert (shown.text, shown.language, shown.channel) == ("loud noise at the park", "en", "texting")
    assert await number_of(runtime, tables_citizens.addresses) == 1
    assert await _left.take(desk, "texting", 0) == 0
    assert list((runtime.settings.storage.data / "calls").rglob("*.*")) == []


async def test_who_said_nothing_left_nothing(runtime: Runtime) -> None:
    desk = Desk(runtime)
    await cut(desk, silence(5))
    assert await _left.take(desk, "texting", 0) == 0
    assert await number_of(runtime, tables_posts.posts) == 0
    assert list((runtime.settings.storage.data / "calls").rglob("*.*")) == []


async def test_what_cannot_be_taken_now_is_taken_next_time_and_once(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, take = Desk(runtime), Desk.take
    await cut(desk, sound_of(SPOKEN)[0])
    for after in (False, True):

        async def breaks(self: Desk, incoming: Incoming, after: bool = after) -> Taken:
            if after:
                await take(self, incoming)
            raise Busy("the store is away", 5)

        with monkeypatch.context() as patched:
            patched.setattr(Desk, "take", breaks)
            assert await _left.take(desk, "texting", 0) == 0
    assert await _left.take(desk, "texting", 0) == 1
    assert await number_of(runtime, tables_posts.posts) == 1


async def test_a_wish_to_be_called_back_stays_between_caller_and_staff(runtime: Runtime) -> None:
    desk = Desk(runtime)
    call = Call("texting", "c1", CALLER, LINE, "en", step=Step.CALLBACK, asks_back=True, own_voice=True)
    await desk.keep("texting", "call:c1", call.to_mapping())
    await cut(desk, sound_of(SPOKEN)[0])
    assert await _left.take(desk, "texting", 0) == 1
    async with runtime.database.reading() as connection:
        [post] = (await connection.execute(select(tables_posts.posts))).all()
    assert (post.kind, post.private, post.own_voice) == ("question", True, False)


async def test_what_it_was_to_be_is_known_from_the_call_and_else_staff_alone_see_it(runtime: Runtime) -> None:
    desk = Desk(runtime)
    call = Call("texting", "c1", CALLER, LINE, "en", step=Step.SPEAKING)
    await desk.keep("texting", "call:c1", call.to_mapping())
    for name in ("c1", "c2"):
        await cut(desk, sound_of(SPOKEN)[0], name)
    assert await _left.take(desk, "texting", 0) == 2
    async with runtime.database.reading() as connection:
        found = (await connection.execute(select(tables_posts.posts.c.private, tables_posts.posts.c.kind))).all()
    assert sorted(tuple(row) for row in found) == [(False, "report"), (True, "report")]


async def test_one_that_cannot_be_taken_at_all_keeps_no_other_waiting(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, take = Desk(runtime), Desk.take
    for name in ("c1", "c2"):
        await cut(desk, sound_of(SPOKEN)[0], name)
    failed: list[str] = []

    async def breaks(self: Desk, incoming: Incoming) -> Taken:
        if not failed:
            failed.append(incoming.external_id)
            raise RuntimeError("a fault nobody thought of")
        return await take(self, incoming)

    monkeypatch.setattr(Desk, "take", breaks)
    assert await _left.take(desk, "texting", 0) == 1
    assert await _left.take(desk, "texting", 0) == 1
