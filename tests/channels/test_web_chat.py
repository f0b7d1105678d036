"""The chat over real sockets: kept once, shown to its own browser only, in one order, on every window and process."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import FormData, WSMsgType, WSServerHandshakeError
from pytest_aiohttp.plugin import AiohttpClient
from sqlalchemy import func, select

from channels import _chat, web_chat
from channels._chat_letters import Part, cut
from gateway import clock
from gateway.casework import cases
from gateway.clock import new_id
from gateway.errors import Busy
from gateway.journey import delivery, mailbox, moderation
from gateway.journey.expanding import expand_some
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Incoming
from gateway.schema_outgoing import DeliveryState
from store import deliveries, outbox, tables_deliveries, tables_media, tables_posts
from store.accounts import Role
from store.database import Database
from tests.channels.chat_world import PATIENCE, SOCKET, Talk, arrive, browser, connect, meet, open_chat, words_of
from tests.channels.public_site import PUBLIC_URL
from tests.web.conftest import Client, World

WORDS = "water pipe leaking on north street"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_chat(runtime, aiohttp_client)


async def number_of(runtime: Runtime, table: Any) -> int:
    async with runtime.database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def ticket_of(talk: Talk) -> str:
    letter = await talk.until_said("received, ticket")
    found = re.search(r"\d{8}", words_of(letter))
    assert found
    return found[0]


async def deliver(runtime: Runtime) -> None:
    """Expand and deliver what waits for the chat."""
    while await expand_some(runtime):
        pass
    line = delivery.Line(runtime, runtime.channels["web_chat"])
    while await line.step():
        await line.finish()


async def publish(world: World, ticket: str) -> None:
    await moderation.decide(world.runtime, ticket, Action.PUBLISH, actor="mo")


# --- a message and its answer ------------------------------------------------------------------------------------


async def test_what_is_said_is_taken_kept_and_answered(world: World) -> None:
    talk = await arrive(world.client)
    assert (await talk.say(WORDS))["is"] == "taken"
    ticket = await ticket_of(talk)
    assert [who for who, _ in talk.conversation()] == ["own", "ours"]
    assert talk.conversation()[0][1] == WORDS
    assert (await world.desk.post(ticket)).channel == "web_chat"
    ours = next(letter for letter in talk.letters.values() if not letter["own"])
    assert f'<a href="/posts/{ticket}">{ticket}</a>' in ours["html"]


async def test_said_again_after_a_reconnect_it_is_kept_once_and_answered_the_same(world: World) -> None:
    talk, said = await arrive(world.client), new_id()
    await talk.send(do="say", id=said, text=WORDS)
    await talk.socket.close()
    again = await connect(world.client)
    assert (await again.say(WORDS, said))["is"] == "taken"
    await again.until_said("received, ticket")
    assert await again.nothing_more()
    assert len(again.conversation()) == 2
    assert again.letters[min(again.letters)]["id"] == said
    assert await number_of(world.runtime, tables_posts.posts) == 1
    assert await number_of(world.runtime, tables_posts.incoming) == 1


async def test_taken_is_said_only_after_the_desk_has_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    talk, taken, kept = await arrive(world.client), world.desk.take, asyncio.Event()

    async def slowly(incoming: Any) -> Any:
        await kept.wait()
        return await taken(incoming)

    monkeypatch.setattr(world.desk, "take", slowly)
    await talk.send(do="say", id=new_id(), text=WORDS)
    assert await talk.nothing_more()
    assert talk.frames == [{"is": "ready"}]
    kept.set()
    await talk.until("taken")


async def test_commands_are_obeyed_and_shown_as_they_were_typed(world: World) -> None:
    talk = await arrive(world.client)
    await talk.say(WORDS)
    ticket = await ticket_of(talk)
    await talk.say(f"  status {ticket}?")
    await talk.until_said(f"{ticket}: waiting for review")
    assert ("own", f"  status {ticket}?") in talk.conversation()


async def test_two_browsers_may_use_the_same_id(world: World, aiohttp_client: AiohttpClient) -> None:
    said, other = new_id(), await browser(world, aiohttp_client)
    for client in (world.client, other):
        assert (await (await arrive(client)).say(WORDS, said))["is"] == "taken"
    assert await number_of(world.runtime, tables_posts.posts) == 2


# --- history -----------------------------------------------------------------------------------------------------


async def test_what_came_meanwhile_is_sent_on_return_and_nothing_is_lost_between(world: World) -> None:
    talk = await arrive(world.client)
    await talk.say(WORDS)
    ticket = await ticket_of(talk)
    last = max(talk.letters)
    await talk.socket.close()
    await publish(world, ticket)
    await cases.answer(world.runtime, ticket, "A crew comes this evening.", "water", actor="of")
    again = await connect(world.client, last)
    await again.until_said("A crew comes this evening")
    merged = {**talk.letters, **again.letters}
    whole = await connect(world.client, "")
    await whole.until_said("A crew comes this evening")
    assert sorted(merged) == sorted(whole.letters)
    assert [who for who, _ in whole.conversation()] == ["own", "ours", "ours", "ours"]


async def test_the_page_shows_the_conversation_without_any_script(world: World) -> None:
    talk = await arrive(world.client)
    await talk.say("<b>first</b> & https://evil.example/")
    await ticket_of(talk)
    page = await (await world.client.get("/chat")).text()
    assert "&lt;b&gt;first&lt;/b&gt; &amp; https://evil.example/" in page
    assert 'href="https://evil.example' not in page
    numbers = re.findall(r'data-number="([^"]+)"', page)
    assert numbers == sorted(talk.letters)


async def test_earlier_letters_come_in_bounded_pages_without_gap_or_repeat(
    runtime: Runtime, aiohttp_client: AiohttpClient
) -> None:
    world = await open_chat(runtime, aiohttp_client, messages_per_minute=1000)
    talk = await arrive(world.client)
    for number in range(25):
        assert (await talk.say(f"HELP{'!' * (number % 3)}"))["is"] == "taken"
    while len(talk.letters) < 50:
        await talk.next()
    page = await (await world.client.get("/chat")).text()
    shown = re.findall(r'data-number="([^"]+)"', page)
    found = sorted(talk.letters)
    assert shown == found[-30:]
    assert f"/chat?before={shown[0]}" in page
    await talk.send(do="earlier", before=shown[0])
    frame = await talk.until("letters", more=False)
    assert [letter["number"] for letter in frame["letters"]] == found[:20]
    before = await (await world.client.get(f"/chat?before={shown[0]}")).text()
    assert re.findall(r'data-number="([^"]+)"', before) == found[:20]


async def test_what_the_form_took_of_the_same_browser_stands_there_too(world: World) -> None:
    await meet(world.client)
    page = await (await world.client.get("/new")).text()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    response = await world.client.post("/new", data={**hidden, "text": WORDS}, allow_redirects=False)
    assert re.fullmatch(r"/posts/\d{8}\?new=1", response.headers["Location"])
    talk = await connect(world.client)
    ticket = await ticket_of(talk)
    assert ticket in response.headers["Location"]
    assert talk.conversation()[0] == ("own", WORDS)
    await publish(world, ticket)
    await talk.until_said(f"your report {ticket} is published")


async def test_a_programs_post_fills_nobodys_mailbox(world: World) -> None:
    response = await world.client.post("/api/v1/posts", json={"text": WORDS})
    assert response.status == 202
    assert await number_of(world.runtime, tables_deliveries.deliveries) == 0


# --- live --------------------------------------------------------------------------------------------------------


async def test_every_window_of_a_browser_shows_it_and_no_other_browser_ever_does(
    world: World, aiohttp_client: AiohttpClient
) -> None:
    stranger = await arrive(await browser(world, aiohttp_client))
    first = await arrive(world.client)
    await first.say("HELP")
    second = await connect(world.client)
    await second.until_said("write what is wrong")
    await first.say(WORDS)
    await second.until_said(WORDS)
    await ticket_of(second)
    assert await stranger.nothing_more()
    page = await (await (await browser(world, aiohttp_client)).get("/chat")).text()
    assert WORDS not in page


async def test_a_strangers_numbers_open_nothing(world: World, aiohttp_client: AiohttpClient) -> None:
    talk = await arrive(world.client)
    await talk.say(WORDS)
    await ticket_of(talk)
    other = await browser(world, aiohttp_client)
    stranger = await arrive(other)
    await stranger.say("HELP")
    await stranger.until_said("write what is wrong")
    await stranger.send(do="earlier", before=max(talk.letters))
    assert (await stranger.until("letters", more=False))["letters"] == []
    await stranger.send(do="seen", numbers=sorted(talk.letters))
    await stranger.send(do="earlier", before="0")
    await stranger.until("letters")
    async with world.runtime.database.reading() as connection:
        assert [one.seen_at for one in await deliveries.search(connection)] == [None, None]


async def test_followers_in_the_chat_hear_live_and_what_is_withdrawn_is_gone_from_the_window(
    world: World, aiohttp_client: AiohttpClient
) -> None:
    follower = await arrive(await browser(world, aiohttp_client))
    await follower.say("FOLLOW ALL")
    author = await arrive(world.client)
    await author.say(WORDS)
    ticket = await ticket_of(author)
    await publish(world, ticket)
    await deliver(world.runtime)
    told = await follower.until_said(f"{ticket}: {WORDS}")
    await moderation.decide(world.runtime, ticket, Action.CORRECT, actor="mo", text="water pipe leaking")
    await deliver(world.runtime)
    await follower.until_said(r"correction: water pipe leaking")
    assert WORDS not in words_of(follower.letters[told["number"]])
    await moderation.decide(world.runtime, ticket, Action.WITHDRAW, actor="mo", reason="personal")
    await deliver(world.runtime)
    await follower.until_said("this post was withdrawn")
    assert all("leaking" not in words for _, words in follower.conversation())


async def test_after_stop_a_report_is_taken_and_its_answer_kept_back(world: World) -> None:
    talk = await arrive(world.client)
    await talk.say("STOP")
    await talk.until_said("no more messages")
    assert (await talk.say(WORDS))["is"] == "taken"
    await talk.until_said(WORDS)
    await deliver(world.runtime)
    assert await talk.nothing_more()
    async with world.runtime.database.reading() as connection:
        states = {one.phrase: one.state for one in await deliveries.search(connection)}
    assert states == {"stopped": DeliveryState.DELIVERED, "received": DeliveryState.DROPPED}


async def test_a_mailbox_is_delivered_when_kept_also_if_the_process_died_in_between(world: World) -> None:
    talk = await arrive(world.client)
    await talk.say(WORDS)
    channel = world.runtime.channels["web_chat"]
    at = clock.now()
    await world.runtime.database.write(lambda tx: outbox.claim(tx, channel.name, at, at, 5))
    await world.runtime.database.write(lambda tx: outbox.abandon(tx, clock.now()))
    await deliver(world.runtime)
    async with world.runtime.database.reading() as connection:
        [one] = await deliveries.search(connection)
    assert one.state is DeliveryState.DELIVERED


@pytest.fixture
async def neighbour(runtime: Runtime) -> AsyncIterator[Runtime]:
    """Another process over the same file: its own store, wake-ups and channels, and nothing it could be told by."""
    database = Database(runtime.settings.database_url)
    await database.open()
    yield replace(runtime, database=database, channels=dict(runtime.channels), typing={})
    await database.close()


async def test_what_another_process_wrote_is_seen_by_looking(
    world: World, neighbour: Runtime, aiohttp_client: AiohttpClient
) -> None:
    there = await open_chat(neighbour, aiohttp_client)
    here = await arrive(world.client)
    await here.say("HELP")
    await here.until_said("write what is wrong")
    for cookie in world.client.session.cookie_jar:
        there.client.session.cookie_jar.update_cookies({cookie.key: cookie.value}, there.client.make_url("/"))
    over_there = await connect(there.client)
    await over_there.until_said("write what is wrong")
    looking = asyncio.create_task(mailbox.run(neighbour))
    await asyncio.sleep(0.1)
    assert (await here.say(WORDS))["is"] == "taken"
    await over_there.until_said(WORDS)
    ticket = await ticket_of(over_there)
    await publish(world, ticket)
    await over_there.until_said(f"your report {ticket} is published")
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


# --- who may open it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [None, "https://elsewhere.example", "null"])
async def test_only_a_page_of_ours_opens_a_socket(world: World, origin: str | None) -> None:
    await meet(world.client)
    with pytest.raises(WSServerHandshakeError) as refused:
        await world.client.ws_connect(SOCKET, origin=origin)
    assert refused.value.status == 403


@pytest.mark.parametrize("cookie", [None, "forged", "IjAwMDAi.Zx.abc"])
async def test_without_its_cookie_a_browser_is_told_to_load_the_page(
    world: World, aiohttp_client: AiohttpClient, cookie: str | None
) -> None:
    client = await browser(world, aiohttp_client)
    headers = {"Cookie": f"everyline_visitor={cookie}"} if cookie else {}
    talk = await connect(client, None, **headers)
    message = await talk.socket.receive(5)
    assert (message.type, message.data) == (WSMsgType.CLOSE, web_chat.UNKNOWN)


async def test_too_many_windows_are_told_so_and_one_may_open_when_another_closed(
    runtime: Runtime, aiohttp_client: AiohttpClient
) -> None:
    world = await open_chat(runtime, aiohttp_client, windows=2, sockets=3)
    first, _second = await arrive(world.client), await connect(world.client)
    refused = await connect(world.client, None)
    assert (await refused.socket.receive(5)).data == web_chat.TOO_MANY_WINDOWS
    await arrive(await browser(world, aiohttp_client))
    other = await browser(world, aiohttp_client)
    await meet(other)
    assert (await (await connect(other, None)).socket.receive(5)).data == 1013
    await first.socket.close()
    assert (await (await let_in(world.client)).say("HELP"))["is"] == "taken"


async def let_in(client: Client) -> Talk:
    """A window beside a full house, once the server knows of one that closed, which is after its browser."""
    async with asyncio.timeout(PATIENCE):
        while True:
            talk = await connect(client, None)
            await talk.send(do="hello", after="")
            message = await talk.socket.receive(PATIENCE)
            if message.type is WSMsgType.TEXT:
                return talk
            assert message.data == 1013


# --- limits and nonsense -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "",
        "no json",
        "[]",
        "42",
        '{"do": 1}',
        '{"do": "nothing"}',
        '{"do": ["say"]}',
        "[" * 5000,
        '{"do": "say"}',
        '{"do": "say", "id": 1, "text": "x"}',
        '{"do": "say", "id": "short", "text": "x"}',
        '{"do": "say", "id": "' + "0" * 32 + '", "text": ["x"]}',
        '{"do": "seen", "numbers": "x"}',
        '{"do": "seen", "numbers": ' + json.dumps(["x"] * 101) + "}",
        '{"do": "earlier", "before": {"x": 1}}',
        '{"do": "hello", "after": "' + "9" * 65 + '"}',
        b"binary",
    ],
)
async def test_a_frame_nobody_can_use_is_told_so_and_ends_nothing(world: World, data: str | bytes) -> None:
    talk = await arrive(world.client)
    await (talk.socket.send_bytes(data) if isinstance(data, bytes) else talk.socket.send_str(data))
    assert (await talk.next())["is"] == "fault"
    assert (await talk.say("HELP"))["is"] == "taken"


@pytest.mark.parametrize("number", ["9" * 16 + "-1-" + "f" * 20, "0" * 16 + "-0-", "x", "9" * 16 + "-0-" + "0" * 32])
async def test_a_number_that_was_never_given_is_harmless(world: World, number: str) -> None:
    talk = await arrive(world.client)
    await talk.say("HELP")
    for frame in ({"do": "hello", "after": number}, {"do": "earlier", "before": number}):
        await talk.send(**frame)
    await talk.send(do="seen", numbers=[number, 7, None, number])
    assert (await talk.say("HELP"))["is"] == "taken"
    assert (await world.client.get("/chat", params={"before": number})).status == 200


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "\u202e反", "👍", "…" * 2000, "\r\n.\r\n"])
async def test_strange_signs_are_taken_as_they_are_or_told(world: World, text: str) -> None:
    talk = await arrive(world.client)
    assert (await talk.say(text))["is"] == "taken"
    while len(talk.letters) < 2:
        await talk.next()
    assert (await world.client.get("/chat")).status == 200


async def test_too_long_too_often_and_busy_are_told_and_nothing_of_it_is_kept(
    runtime: Runtime, aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await open_chat(runtime, aiohttp_client, longest=160, messages_per_minute=3)
    talk = await arrive(world.client)
    assert (await talk.say("x" * 161))["why"] == "too_long"
    assert (await talk.say("  \n "))["why"] == "empty"
    take = world.desk.take

    async def busy(_incoming: Any) -> Any:
        raise Busy("full", retry_after=7)

    async def broken(_incoming: Any) -> Any:
        raise RuntimeError("disk")

    for refusing, why, again in ((busy, "busy", 7), (broken, "failed", 10)):
        monkeypatch.setattr(world.desk, "take", refusing)
        frame = await talk.say(WORDS)
        assert (frame["is"], frame["why"], frame["again"]) == ("refused", why, again)
    assert await number_of(runtime, tables_posts.incoming) == 0
    monkeypatch.setattr(world.desk, "take", take)
    assert (await talk.say(WORDS))["is"] == "taken"
    frame = await talk.say(WORDS)
    assert (frame["is"], frame["why"]) == ("refused", "too_often")
    assert 0 < frame["again"] <= 21


async def test_a_huge_frame_and_a_flood_of_frames_close_the_window(world: World) -> None:
    talk = await arrive(world.client)
    await talk.socket.send_str("x" * 100_000)
    assert (await talk.socket.receive(5)).data == 1009
    talk = await connect(world.client)
    for _ in range(300):
        await talk.send(do="typing")
    while (message := await talk.socket.receive(5)).type is WSMsgType.TEXT:
        pass
    assert message.data == 1008


async def test_one_network_is_limited_over_all_its_browsers(runtime: Runtime, aiohttp_client: AiohttpClient) -> None:
    world = await open_chat(runtime, aiohttp_client, network_per_minute=2)
    answers = [await (await arrive(await browser(world, aiohttp_client))).say("HELP") for _ in range(3)]
    assert [answer.get("why") for answer in answers] == [None, None, "too_often"]


async def read_nothing(client: Client) -> asyncio.Transport:
    """A window that asks for more than all buffers on its way hold, and takes none of it; gives its connection."""
    talk = await arrive(client)
    for _ in range(10):
        await talk.say("x" * 20_000)
    assert talk.socket._conn
    transport = talk.socket._conn.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    for _ in range(200):
        await talk.send(do="earlier", before="")
    await asyncio.sleep(0.5)
    return transport


def windows(world: World) -> int:
    channel = world.runtime.channels["web_chat"]
    assert isinstance(channel, web_chat.Adapter)
    return len(channel._windows)


async def test_who_reads_nothing_is_cut_off_and_others_go_on(
    runtime: Runtime, aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await open_chat(runtime, aiohttp_client, longest=20_000)
    monkeypatch.setattr(_chat, "WRITE_WITHIN", 0.3)
    other = await arrive(await browser(world, aiohttp_client))
    stuck = await read_nothing(world.client)
    async with asyncio.timeout(5):
        while windows(world) > 1:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.05)
    assert (await other.say("HELP"))["is"] == "taken"
    stuck.abort()


async def test_it_stops_within_a_second_with_windows_open_also_with_one_that_reads_nothing(
    runtime: Runtime, aiohttp_client: AiohttpClient
) -> None:
    world = await open_chat(runtime, aiohttp_client, longest=20_000)
    opened = [await arrive(await browser(world, aiohttp_client)) for _ in range(3)]
    stuck = await read_nothing(world.client)
    assert windows(world) == len([*opened, stuck])
    began = asyncio.get_running_loop().time()
    await world.client.server.close()
    assert asyncio.get_running_loop().time() - began < 1
    stuck.abort()


# --- the form: files, and browsers without a script --------------------------------------------------------------


async def fields(client: Client) -> dict[str, str]:
    page = await (await client.get("/chat")).text()
    composer = page[page.index("data-composer") :]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', composer))


async def post(client: Client, hidden: dict[str, str], text: str, *files: tuple[bytes, str]) -> Any:
    form = FormData({**hidden, "text": text})
    for data, kind in files:
        form.add_field("media", data, filename="file", content_type=kind)
    return await client.post("/chat", data=form, allow_redirects=False)


async def test_the_form_says_the_same_as_the_socket(world: World) -> None:
    hidden = await fields(world.client)
    assert (await post(world.client, hidden, "one\r\ntwo")).headers["Location"] == "/chat#end"
    assert (await post(world.client, hidden, "one\r\ntwo")).status == 303
    assert (await post(world.client, hidden, "changed")).status == 303
    assert await number_of(world.runtime, tables_posts.posts) == 2
    talk = await connect(world.client)
    assert ("own", "one\ntwo") in [*talk.conversation()] or await talk.until_said("one\ntwo")


async def test_a_quick_reply_is_a_message_without_a_script_too(world: World) -> None:
    hidden = await fields(world.client)
    assert (await world.client.post("/chat", data={**hidden, "word": "HELP"}, allow_redirects=False)).status == 303
    assert "write what is wrong and where, and you get a ticket" in await (await world.client.get("/chat")).text()


async def test_photos_and_voice_notes_are_shown_to_who_sent_them_and_to_nobody_else(
    world: World, aiohttp_client: AiohttpClient
) -> None:
    talk = await arrive(world.client)
    photo = b"\x89PNG\r\n\x1a\n a photo"
    voice = (WAV, "audio/webm;codecs=opus")
    assert (await post(world.client, await fields(world.client), "look", (photo, "image/png"), voice)).status == 303
    letter = await talk.until_said("look")
    paths = re.findall(r'src="(/chat/files/\w+)"', letter["html"])
    assert len(paths) == 2
    answers = [await world.client.get(path) for path in paths]
    assert [await answer.read() for answer in answers] == [photo, WAV]
    assert [answer.content_type for answer in answers] == ["image/png", "audio/wav"], (
        "known by content, whatever was claimed"
    )
    assert all("sandbox" in answer.headers["Content-Security-Policy"] for answer in answers)
    other = await browser(world, aiohttp_client)
    assert [(await other.get(path)).status for path in paths] == [404, 404]
    async with world.runtime.database.reading() as connection:
        rows = (await connection.execute(select(tables_media.media))).all()
    assert [(row.type, row.channel, row.language) for row in rows] == [
        ("image/png", "web_chat", None),
        ("audio/wav", "web_chat", "en"),
    ]


@pytest.mark.parametrize(
    ("text", "files", "sentence"),
    [
        ("", [], "Write what is wrong and where"),
        ("x" * 2001, [], "This is too long"),
        ("look", [(b"x", "application/pdf")], "Only photos and sound are taken"),
        ("look", [(b"", "image/png")], "This file is empty"),
        ("look", [(b"x", "image/png")] * 5, "These are too many files at once"),
    ],
)
async def test_what_is_wrong_with_a_form_is_said_and_its_text_is_still_there(
    world: World, text: str, files: list[tuple[bytes, str]], sentence: str
) -> None:
    response = await post(world.client, await fields(world.client), text, *files)
    page = await response.text()
    assert response.status == 422
    assert sentence.lower() in page.lower()
    assert f">{text}</textarea>" in page
    assert await number_of(world.runtime, tables_posts.incoming) == 0


async def test_an_old_form_must_be_loaded_again(world: World) -> None:
    hidden = await fields(world.client)
    assert (await post(world.client, {**hidden, "id": "../x"}, WORDS)).status == 422
    assert (await post(world.client, {**hidden, "csrf": "old"}, WORDS)).status == 403


# --- staff -------------------------------------------------------------------------------------------------------


async def test_staff_see_what_was_shown_and_that_the_author_is_typing(
    world: World, aiohttp_client: AiohttpClient
) -> None:
    author = await arrive(await browser(world, aiohttp_client))
    await author.say(WORDS)
    ticket = await ticket_of(author)
    await world.account(Role.MODERATOR, "mo")
    await world.log_in("mo")
    page = await (await world.client.get(f"/console/posts/{ticket}")).text()
    assert "seen" not in page
    assert f'data-typing="/console/posts/{ticket}/typing"' in page
    typing = f"/console/posts/{ticket}/typing"
    assert "typing" not in await (await world.client.get(typing)).text()
    await author.send(do="typing")
    await author.send(do="seen", numbers=sorted(author.letters))
    await author.say("HELP")
    assert "typing" in await (await world.client.get(typing)).text()
    assert "✓ seen" in await (await world.client.get(f"/console/posts/{ticket}")).text()
    world.client.session.cookie_jar.clear()
    assert (await world.client.get(typing, allow_redirects=False)).status == 303


async def test_who_has_no_mailbox_is_never_said_to_be_typing(world: World) -> None:
    taken = await world.desk.take(Incoming("texting", new_id(), WORDS, clock.now(), address="tel:+8613800138001"))
    await world.account(Role.MODERATOR, "mo")
    await world.log_in("mo")
    page = await (await world.client.get(f"/console/posts/{taken.ticket}")).text()
    assert WORDS in page
    assert "data-typing" not in page


# --- letters -----------------------------------------------------------------------------------------------------


def link(url: str, *, outside: bool = False) -> Part:
    return Part(url, url, outside)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nothing", [Part("nothing")]),
        (f"see {PUBLIC_URL}/posts/48217059.", [Part("see "), link(f"{PUBLIC_URL}/posts/48217059"), Part(".")]),
        ("请看https://a.example/b，谢谢", [Part("请看"), link("https://a.example/b", outside=True), Part("，谢谢")]),
        (f"{PUBLIC_URL}.evil.example/", [link(f"{PUBLIC_URL}.evil.example/", outside=True)]),
        ("javascript:alert(1) ftp://x", [Part("javascript:alert(1) ftp://x")]),
        ("ticket 48217059!", [Part("ticket "), Part("48217059", "/posts/48217059"), Part("!")]),
        ("48217059, ask 48217059", [Part("48217059", "/posts/48217059"), Part(", ask 48217059")]),
        ("48217053 148217059 482170591", [Part("48217053 148217059 482170591")]),
        ('http://a.example/"onclick=x', [link("http://a.example/", outside=True), Part('"onclick=x')]),
    ],
)
def test_a_text_is_cut_into_links_and_the_rest(text: str, parts: list[Part]) -> None:
    assert list(cut(text, "48217059", PUBLIC_URL)) == parts
