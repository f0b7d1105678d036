"""Intake: one message, one post, one answer; the same again for a repeat."""

import asyncio
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select

from channels.base import ChannelSettings, Surroundings
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import State
from gateway.schema_incoming import Incoming, Outcome
from store import posts_for_staff, tables_citizens, tables_deliveries, tables_posts
from tests.conftest import Texting, settle_down

ANNA, BORIS, CLARA, DAVID = (f"+861380013800{n}" for n in range(1, 5))
numbers = count(1)


def message(text: str, sender: str | None = ANNA, **more: Any) -> Incoming:
    """A text as a channel hands it in, with a carrier's id of its own."""
    fields: dict[str, Any] = {"channel": "texting", "external_id": f"m{next(numbers)}", **more}
    address = f"tel:{sender}" if sender else None
    return Incoming(text=text, address=address, received_at=datetime.now(UTC), **fields)


async def number_of(runtime: Runtime, table: Any) -> int:
    async with runtime.database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_report_becomes_a_pending_post_with_a_ticket_and_a_reply(runtime: Runtime, texting: Texting) -> None:
    taken = await Intake(runtime).take(message("人民路3号路灯坏了"))
    assert taken.outcome is Outcome.POST
    assert taken.state is State.PENDING
    assert taken.ticket
    await settle_down(runtime)
    assert [taken.ticket in text for text in texting.to(ANNA)] == [True]
    assert "已收到" in texting.to(ANNA)[0]


async def test_a_repeat_gets_the_same_answer_and_makes_nothing(runtime: Runtime, texting: Texting) -> None:
    intake, again = Intake(runtime), message("no heating in my building")
    first, *others = await asyncio.gather(*(intake.take(again) for _ in range(5)))
    later = await intake.take(again)
    assert {taken.ticket for taken in (*others, later)} == {first.ticket}
    assert all(taken.repeated for taken in (*others, later))
    assert await number_of(runtime, tables_posts.posts) == 1
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1


async def test_two_texts_of_a_new_citizen_at_once_make_one_citizen(runtime: Runtime) -> None:
    intake = Intake(runtime)
    await asyncio.gather(intake.take(message("one lamp is broken")), intake.take(message("and another one")))
    assert await number_of(runtime, tables_citizens.citizens) == 1
    assert await number_of(runtime, tables_citizens.addresses) == 1
    assert await number_of(runtime, tables_posts.posts) == 2


@pytest.mark.parametrize("backend", ["sqlite"])  # asks the file
async def test_nothing_of_a_citizen_is_plain_in_the_database(runtime: Runtime) -> None:
    await Intake(runtime).take(message("call me at 13900139000, the pipe leaks", name="Anna Ivanova"))
    file = runtime.database.file
    assert file
    bytes_on_disk = b"".join(part.read_bytes() for part in file.parent.glob("everyline.db*"))
    assert b"the pipe leaks" in bytes_on_disk
    for secret in (b"13800138001", b"13900139000", b"Ivanova"):
        assert secret not in bytes_on_disk


@pytest.mark.parametrize(("category", "kept"), [("heating", "heating"), ("gardens", None), ("\0", None), ("", None)])
async def test_a_category_the_city_does_not_have_is_left_out(runtime: Runtime, category: str, kept: str | None) -> None:
    taken = await Intake(runtime).take(message("it is cold in my building", category=category))
    async with runtime.database.reading() as connection:
        [post] = await posts_for_staff.thread(connection, taken.ticket or "")
    assert post.category == kept


async def test_withheld_lines_are_taken_and_not_answered(runtime: Runtime, texting: Texting) -> None:
    taken = await Intake(runtime).take(message("drain blocked", sender=None))
    assert taken.ticket
    await settle_down(runtime)
    assert texting.sent == []


async def test_each_reply_goes_out_by_the_line_the_citizen_spoke_on(runtime: Runtime, texting: Texting) -> None:
    class OtherLine(Texting):
        name = "other_line"

    around = Surroundings(texting.city, runtime.http)
    runtime.channels["other_line"] = OtherLine(ChannelSettings(), around)
    lines = ["texting", "other_line", "texting"]
    for number, line in enumerate(lines):
        await Intake(runtime).take(message(f"lamp {number} is dark", f"+8613800138{number:03}", channel=line))
    async with runtime.database.reading() as connection:
        used = await connection.execute(
            select(tables_deliveries.deliveries.c.channel).order_by(tables_deliveries.deliveries.c.id)
        )
        assert list(used.scalars()) == lines
