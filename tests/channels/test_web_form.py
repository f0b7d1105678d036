import json
import re
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData
from pytest_aiohttp.plugin import AiohttpClient

from gateway.clock import new_id
from gateway.errors import Busy
from gateway.runtime import Runtime
from gateway.schema import Kind, Place, State
from gateway.schema_incoming import Incoming, Outcome, Taken
from gateway.schema_outgoing import Say
from tests.channels.public_site import PUBLIC_URL, open_site
from tests.web.conftest import World

API = "/api/v1/posts"
WORDS = "water pipe leaking on north street"
NUMBER = "138 0013 8003"


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


@pytest.fixture
def taken(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Incoming]:
    """What the form handed to the desk, which takes it without a store."""
    noted: list[Incoming] = []

    async def take(incoming: Incoming) -> Taken:
        noted.append(incoming)
        say = Say("received_form", {"ticket": "48217053"})
        return Taken(Outcome.POST, say, "zh", "48217053", state=State.PENDING, code_sent=bool(incoming.contact))

    monkeypatch.setattr(world.desk, "take", take)
    return noted


async def blank(world: World) -> dict[str, str]:
    """The hidden fields of a fresh form."""
    page = await (await world.client.get("/new")).text()
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


async def send(world: World, hidden: dict[str, str], **typed: str) -> ClientResponse:
    return await world.client.post("/new", data={**hidden, **typed}, allow_redirects=False)


async def fault_of(response: ClientResponse, field: str) -> str:
    """What the page says beside a field."""
    found = re.search(f'id="{field}-fault">([^<]*)<', await response.text())
    return found[1] if found else ""


async def test_a_form_becomes_a_post_with_a_ticket(world: World) -> None:
    response = await send(world, await blank(world), text=WORDS, category="water", place="North Street")
    assert response.status == 303
    ticket = re.fullmatch(r"/posts/(\d{8})\?new=1", response.headers["Location"])
    assert ticket
    assert (await world.desk.post(ticket[1])).state is State.PENDING
    page = await (await world.client.get(response.headers["Location"])).text()
    assert f"{ticket[1][:4]} {ticket[1][4:]}" in page


async def test_all_fields_reach_the_desk(world: World, taken: list[Incoming]) -> None:
    typed = {"text": "one\r\ntwo", "kind": "idea", "category": "water", "place": " here ", "name": "Li", "private": "1"}
    response = await send(world, await blank(world), contact=NUMBER, **typed)
    assert response.headers["Location"] == "/posts/48217053?new=1&code=1"
    [incoming] = taken
    assert incoming.text == "one\ntwo"
    assert (incoming.kind, incoming.category, incoming.place) == (Kind.IDEA, "water", Place("here"))
    assert (incoming.name, incoming.contact, incoming.private) == ("Li", "tel:+8613800138003", True)
    assert re.fullmatch(r"web:[0-9a-f]{32}", incoming.address or "")
    assert incoming.commands is False


async def test_one_browser_is_one_citizen(world: World, taken: list[Incoming]) -> None:
    for words in ("first words", "second words"):
        await send(world, await blank(world), text=words)
    assert taken[0].address == taken[1].address


async def test_words_of_a_command_are_a_report(world: World) -> None:
    response = await send(world, await blank(world), text="STOP")
    ticket = response.headers["Location"][7:15]
    assert (await world.desk.post(ticket)).state is State.PENDING


async def test_sent_twice_is_one_post(world: World) -> None:
    hidden = await blank(world)
    first, second = [await send(world, hidden, text=WORDS) for _ in range(2)]
    assert first.headers["Location"] == second.headers["Location"]


async def test_gone_back_and_changed_is_another_post(world: World) -> None:
    hidden = await blank(world)
    first, second = [await send(world, hidden, text=words) for words in (WORDS, WORDS + ", and it freezes")]
    assert first.headers["Location"] != second.headers["Location"]


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"text": ""}, "text", "Write what is wrong and where"),
        ({"text": " \r\n "}, "text", "Write what is wrong and where"),
        ({"text": "长" * 2001}, "text", "(2001 characters; at most 2000)"),
        ({"text": WORDS, "kind": "answer"}, "kind", "Choose one of the list"),
        ({"text": WORDS, "kind": "nonsense"}, "kind", "Choose one of the list"),
        ({"text": WORDS, "category": "../x"}, "category", "Choose one of the list"),
        ({"text": WORDS, "contact": "call me"}, "contact", "This is no telephone number"),
        ({"text": WORDS, "contact": "123"}, "contact", "This is no telephone number"),
        ({"text": WORDS, "place": "x" * 201}, "place", "This is too long"),
        ({"text": WORDS, "name": "x" * 101}, "name", "This is too long"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field(
    world: World, taken: list[Incoming], typed: dict[str, str], field: str, words: str
) -> None:
    response = await send(world, await blank(world), **typed)
    assert response.status == 422
    page = await response.text()
    assert words.lower() in (await fault_of(response, field)).lower()
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', page)
    assert taken == []


async def test_everything_else_stays_as_it_was_typed(world: World, taken: list[Incoming]) -> None:
    hidden = await blank(world)
    kept = {"place": "North Street", "name": "<Li>", "category": "water", "kind": "idea", "private": "1"}
    response = await send(world, hidden, text="said & <b>done</b>", contact="nobody", **kept)
    page = await response.text()
    for expected in (
        ">said &amp; &lt;b&gt;done&lt;/b&gt;</textarea>",
        'value="North Street"',
        'value="&lt;Li&gt;"',
        'value="nobody"',
        '<option value="water" selected>',
        '<option value="idea" selected>',
        'value="1" checked',
        hidden["form_id"],
    ):
        assert expected in page


@pytest.mark.parametrize("breaks", ["\r\n", "\n"])
async def test_a_line_break_counts_once(world: World, taken: list[Incoming], breaks: str) -> None:
    assert (await send(world, await blank(world), text=breaks.join("长" * 1000) + "长")).status == 303


@pytest.mark.parametrize("form_id", ["", "short", "x" * 32])
async def test_a_form_without_its_id_is_loaded_again(world: World, taken: list[Incoming], form_id: str) -> None:
    response = await send(world, {**await blank(world), "form_id": form_id}, text=WORDS)
    assert "load the page again" in (await fault_of(response, "text")).lower()
    assert taken == []


async def test_a_foreign_form_is_refused(world: World, taken: list[Incoming]) -> None:
    response = await send(world, {"form_id": new_id()}, text=WORDS)
    assert (response.status, taken) == (403, [])


@pytest.mark.parametrize(("language", "words"), [("en", "Call 110 now"), ("zh", "请立即拨打 110")])
async def test_the_form_warns_of_emergencies_and_publication(world: World, language: str, words: str) -> None:
    page = await (await world.client.get(f"/new?lang={language}")).text()
    assert words in page
    assert ("may be published" if language == "en" else "可能公开发布") in page


async def test_the_api_takes_json(world: World, taken: list[Incoming]) -> None:
    body = {"text": WORDS, "kind": "question", "lat": 31.2, "lon": 121.5, "place": "here", "private": True}
    response = await world.client.post(API, json=body)
    assert response.status == 202
    assert await response.json() == {
        "ticket": "48217053",
        "state": "pending",
        "url": f"{PUBLIC_URL}/posts/48217053",
        "code_sent": False,
    }
    [incoming] = taken
    assert (incoming.kind, incoming.place, incoming.private) == (Kind.QUESTION, Place("here", 31.2, 121.5), True)
    assert incoming.commands is False


@pytest.mark.parametrize("multipart", [False, True])
async def test_the_api_takes_forms(world: World, taken: list[Incoming], multipart: bool) -> None:
    form = FormData(default_to_multipart=multipart)
    for name, value in {"text": WORDS, "lat": "31.2", "lon": "121.5", "private": "true"}.items():
        form.add_field(name, value)
    assert (await world.client.post(API, data=form)).status == 202
    assert (taken[0].place, taken[0].private) == (Place(None, 31.2, 121.5), True)


async def test_programs_posts_belong_to_no_browser(world: World, taken: list[Incoming]) -> None:
    for _ in range(2):
        await world.client.post(API, json={"text": WORDS})
    assert [incoming.address for incoming in taken] == [None, None]
    assert len({incoming.external_id for incoming in taken}) == 2


async def test_a_key_makes_a_repeat_the_same_post(world: World) -> None:
    async def ticket(key: str) -> str:
        response = await world.client.post(API, json={"text": WORDS}, headers={"Idempotency-Key": key})
        answer: dict[str, str] = await response.json()
        return answer["ticket"]

    assert await ticket("one") == await ticket("one") != await ticket("two")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": 5}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"text": WORDS, "kind": "answer"}, "kind"),
        ({"text": WORDS, "kind": "notice"}, "kind"),
        ({"text": WORDS, "lat": 91}, "lat"),
        ({"text": WORDS, "lat": float("nan")}, "lat"),
        ({"text": WORDS, "lon": "east"}, "lon"),
        ({"text": WORDS, "private": "yes"}, "private"),
        ({"text": WORDS, "contact": "nobody"}, "contact"),
        ({"text": WORDS, "stranger": 1}, "stranger"),
        ({"text": WORDS, "media": ["x"]}, "media"),
    ],
)
async def test_the_api_names_the_wrong_field(
    world: World, taken: list[Incoming], body: dict[str, Any], field: str
) -> None:
    response = await world.client.post(
        API, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    problem = await response.json()
    assert (response.status, problem["field"], taken) == (422, field, [])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"[1]", "application/json"),
        (b"\xff", "application/json"),
        (b"hello", "text/plain"),
    ],
)
async def test_the_api_refuses_what_it_cannot_read(world: World, taken: list[Incoming], data: bytes, kind: str) -> None:
    response = await world.client.post(API, data=data, headers={"Content-Type": kind})
    assert (response.status, taken) == (422, [])
    assert response.content_type == "application/problem+json"


async def test_what_nobody_can_see_is_nothing(world: World) -> None:
    response = await world.client.post(API, json={"text": "\u202e\u2066"})
    assert (response.status, (await response.json())["field"]) == (422, "text")


async def test_a_key_may_be_any_bytes(world: World) -> None:
    response = await world.client.post(API, json={"text": WORDS}, headers={"Idempotency-Key": "\udcff\udcfe"})
    assert response.status == 202


async def test_an_endless_key_is_refused(world: World, taken: list[Incoming]) -> None:
    response = await world.client.post(API, json={"text": WORDS}, headers={"Idempotency-Key": "k" * 201})
    assert (response.status, taken) == (422, [])


@pytest.mark.parametrize("path", ["/new", API])
async def test_a_full_queue_asks_to_come_back(world: World, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    async def take(incoming: Incoming) -> Taken:
        raise Busy("nothing was kept", retry_after=7)

    monkeypatch.setattr(world.desk, "take", take)
    hidden = await blank(world)
    sent = {"data": {**hidden, "text": WORDS}} if path == "/new" else {"json": {"text": WORDS}}
    response = await world.client.post(path, **sent)  # type: ignore[arg-type]  # one of two shapes
    assert (response.status, response.headers["Retry-After"]) == (503, "7")
    if path == "/new":
        page = await response.text()
        assert f">{WORDS}</textarea>" in page
        assert hidden["form_id"] in page, "sent once more, it is the same form"
