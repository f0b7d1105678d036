"""A mailbox as its owner reads it: one order, nothing twice, nothing lost, and nothing that is no longer true."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from channels.handed import Letter
from gateway import clock
from gateway.casework import cases
from gateway.journey import mailbox, moderation
from gateway.journey.intake import Intake
from gateway.journey.mailbox import Mailbox
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Incoming, Taken
from gateway.schema_outgoing import Audience, Priority
from store import deliveries, tables_citizens, tables_posts
from store.mailbox import Position, owner
from tests.channels.chat_world import with_chat

ANNA = "web:anna"
WORDS = "water pipe leaking on north street"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def talking(runtime: Runtime) -> Runtime:
    """A process whose citizens have mailboxes."""
    with_chat(runtime)
    return runtime


async def say(runtime: Runtime, text: str, **more: Any) -> Taken:
    fields: dict[str, Any] = {"channel": "web_chat", "address": ANNA, "raw": text.encode(), **more}
    return await Intake(runtime).take(
        Incoming(external_id=clock.new_id(), text=text, received_at=clock.now(), **fields)
    )


def opened(runtime: Runtime, number: str = "") -> Mailbox:
    box = Mailbox(runtime, "web_chat", ANNA)
    box.begin(number)
    return box


async def put(runtime: Runtime, at: datetime, phrase: str = "help") -> None:
    """Put one message of ours into the mailbox, as of a moment."""
    async with runtime.database.reading() as connection:
        who = await owner(connection, runtime.vault.lookup(ANNA))
    assert who
    row = deliveries.row(
        channel="web_chat",
        kind="mailbox",
        audience=Audience.AUTHOR,
        priority=Priority.RECEIPT,
        phrase=phrase,
        values={},
        language="en",
        at=at,
        address_id=who.address_id,
    )
    await runtime.database.write(lambda tx: deliveries.add(tx, [row]))


def texts(letters: Any) -> list[str]:
    return [letter.text for letter in letters]


@pytest.mark.parametrize("moment", [NOON, NOON.replace(microsecond=999_999), datetime(1970, 1, 1, tzinfo=UTC)])
def test_numbers_sort_like_the_conversation_and_name_their_place(moment: datetime) -> None:
    own, ours = Position(moment, False, "f" * 32), Position(moment, True, "0" * 19 + "7")
    later = Position(moment + timedelta(microseconds=1), False, "0" * 32)
    assert sorted([later, ours, own]) == [own, ours, later]
    assert sorted(place.number for place in (later, ours, own)) == [own.number, ours.number, later.number]
    assert [Position.of(place.number) for place in (own, ours, later)] == [own, ours, later]
    assert (own.delivery_id, ours.delivery_id) == (None, 7)


@pytest.mark.parametrize("number", ["", "x", "1-0-", "0" * 16 + "-2-" + "0" * 20, "0" * 16 + "-1-" + "0" * 20 + "\n"])
def test_what_is_no_number_names_no_place(number: str) -> None:
    assert Position.of(number) is None


async def test_all_news_come_once_and_in_order_however_few_at_a_time(talking: Runtime) -> None:
    for number in range(7):
        await say(talking, f"{WORDS} {number}")
    box, found = opened(talking), list[Letter]()
    while letters := await box.news(3):
        assert len(letters) <= 3
        found += letters
    assert [letter.number for letter in found] == sorted({letter.number for letter in found})
    assert [letter.text for letter in found if letter.own] == [f"{WORDS} {number}" for number in range(7)]
    assert len(found) == 14


async def test_what_was_committed_late_is_still_given_and_once(talking: Runtime) -> None:
    await say(talking, WORDS)
    box = opened(talking)
    last = (await box.news(10))[-1]
    await put(talking, last.at - timedelta(seconds=5))
    late = await box.news(10)
    assert len(late) == 1
    assert late[0].number < last.number
    assert await box.news(10) == []
    again = opened(talking, last.number)
    assert late[0].number in [letter.number for letter in await again.news(10)]


async def test_what_cannot_be_opened_or_worded_any_more_hides_nothing_else(talking: Runtime) -> None:
    await say(talking, WORDS)
    await say(talking, "broken lamp", channel="form", commands=False, raw=b"text=broken+lamp")
    await put(talking, clock.now(), "a phrase of an older version")
    assert [letter.text for letter in await opened(talking).news(10) if letter.own] == [WORDS, "broken lamp"]
    await talking.database.write(lambda tx: tx.connection.execute(update(tables_citizens.keys).values(wrapped=b"")))
    letters = await opened(talking).news(10)
    assert len(letters) == 2
    assert not any(letter.own for letter in letters)


async def test_payloads_that_were_forgotten_leave_the_words_of_posts(talking: Runtime) -> None:
    await say(talking, WORDS)
    await say(talking, "HELP")
    await talking.database.write(lambda tx: tx.connection.execute(update(tables_posts.incoming).values(sealed=b"")))
    assert [letter.text for letter in await opened(talking).news(10) if letter.own] == [WORDS]


async def test_an_answer_that_was_withdrawn_is_gone_from_where_it_was_read(talking: Runtime) -> None:
    taken = await say(talking, WORDS, language="en")
    assert taken.ticket
    answer = await cases.answer(talking, taken.ticket, "A crew comes this evening.", "water", actor="of")
    assert "A crew comes" in texts(await opened(talking).news(10))[-1]
    await moderation.decide(talking, answer, Action.WITHDRAW, actor="mo", reason="personal")
    assert not any("A crew comes" in text for text in texts(await opened(talking).news(10)))


async def test_a_new_address_is_heard_by_who_opened_its_mailbox_before(talking: Runtime) -> None:
    box = opened(talking)
    assert await box.news(10) == ()
    await say(talking, WORDS)
    assert await box.wait(1)
    assert texts(await box.news(10))[0] == WORDS


async def test_a_process_rings_once_for_what_others_wrote(talking: Runtime) -> None:
    await say(talking, WORDS)
    box = opened(talking)
    await box.news(10)
    last, known = await mailbox.look(talking, 0, set())
    while await box.wait(0.01):
        pass
    last, known = await mailbox.look(talking, last, known)
    assert not await box.wait(0.01)
    await put(talking, clock.now())
    await box.wait(0.01)
    await mailbox.look(talking, last, known)
    assert await box.wait(0.01)


async def test_only_so_many_typing_are_remembered(talking: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_TYPING", 2)
    for name in "abc":
        await say(talking, WORDS, address=f"web:{name}")
        await Mailbox(talking, "web_chat", f"web:{name}").typing()
    assert len(talking.typing) == 2
