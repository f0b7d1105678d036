"""Additions to a published post: by its page, with and without photos, and by the API."""

import re

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from gateway.errors import Busy
from gateway.journey import moderation
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_incoming import Incoming, Taken
from store import posts_for_staff
from tests.channels.public_site import answered, open_site
from tests.journey.test_media import photo_taken
from tests.web.conftest import World

WORDS = "it is also blocked on mill lane"


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


@pytest.fixture
async def ticket(world: World) -> str:
    return await answered(world, "the drain on north street is blocked", "We come tomorrow.")


async def form(world: World, ticket: str) -> dict[str, str]:
    """The hidden fields of the form that a post's page leads to."""
    assert f'href="/posts/{ticket}/comments"' in await (await world.client.get(f"/posts/{ticket}")).text()
    page = await (await world.client.get(f"/posts/{ticket}/comments")).text()
    part = page[page.index(f'action="/posts/{ticket}/comments"') :]
    return dict(re.findall(r'name="(csrf|form_id)" value="([^"]+)"', part))


async def thread(world: World, ticket: str) -> list[posts_for_staff.StaffPost]:
    async with world.runtime.database.reading() as connection:
        return await posts_for_staff.thread(connection, ticket)


async def publish_last(world: World, ticket: str) -> None:
    last = (await thread(world, ticket))[-1]
    await moderation.decide(world.runtime, last.id, Action.PUBLISH, actor="mo")


async def test_an_addition_waits_and_is_then_shown(world: World, ticket: str) -> None:
    fields = {**await form(world, ticket), "text": WORDS}
    response = await world.client.post(f"/posts/{ticket}/comments", data=fields)
    assert "A moderator reads it before it appears here" in await response.text()
    added = (await thread(world, ticket))[-1]
    assert (added.state, added.text, added.channel) == (State.PENDING, WORDS, "web_comment")
    assert WORDS not in await (await world.client.get(f"/posts/{ticket}")).text()
    await publish_last(world, ticket)
    assert WORDS in await (await world.client.get(f"/posts/{ticket}")).text()
    listed = await (await world.client.get(f"/api/v1/posts/{ticket}/comments")).json()
    assert [post["text"] for post in listed["items"]] == [WORDS]
    assert (await (await world.client.get(f"/api/v1/posts/{ticket}")).json())["comments"] == 1


async def test_the_same_form_twice_adds_once(world: World, ticket: str) -> None:
    fields = {**await form(world, ticket), "text": WORDS}
    for _ in range(2):
        await world.client.post(f"/posts/{ticket}/comments", data=fields)
    assert [post.text for post in await thread(world, ticket)].count(WORDS) == 1


async def test_a_photo_says_enough(world: World, ticket: str) -> None:
    from aiohttp import FormData

    data = FormData(await form(world, ticket))
    data.add_field("media", photo_taken(), filename="a.jpg", content_type="image/jpeg")
    response = await world.client.post(f"/posts/{ticket}/comments", data=data, allow_redirects=False)
    assert response.status == 303
    assert [file.type for file in (await thread(world, ticket))[-1].media] == ["image/jpeg"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [("  ", "write what you want to add"), ("x" * 1001, "this is too long"), ("\u200b", "write what")],
)
async def test_what_is_wrong_is_said_and_the_words_stay(world: World, ticket: str, text: str, fault: str) -> None:
    response = await world.client.post(f"/posts/{ticket}/comments", data={**await form(world, ticket), "text": text})
    page = await response.text()
    assert response.status == 422
    assert fault in page
    assert text.strip()[:1000] in page
    assert len(await thread(world, ticket)) == 2


async def test_a_full_queue_keeps_the_words(world: World, ticket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def take(incoming: Incoming) -> Taken:
        raise Busy("nothing was kept", retry_after=7)

    fields = {**await form(world, ticket), "text": WORDS}
    monkeypatch.setattr(world.desk, "take", take)
    response = await world.client.post(f"/posts/{ticket}/comments", data=fields)
    page = await response.text()
    assert (response.status, response.headers["Retry-After"]) == (503, "7")
    assert f">{WORDS}</textarea>" in page
    assert fields["form_id"] in page, "sent once more, it is the same form"


async def test_a_form_without_its_token_is_refused(world: World, ticket: str) -> None:
    fields = await form(world, ticket)
    response = await world.client.post(f"/posts/{ticket}/comments", data={"form_id": fields["form_id"], "text": WORDS})
    assert response.status == 403


async def test_nothing_can_be_added_to_what_is_not_public(world: World, ticket: str) -> None:
    fields = {**await form(world, ticket), "text": WORDS}
    hidden = await world.say("somebody's secret trouble at home")
    response = await world.client.post(f"/posts/{hidden.ticket}/comments", data=fields)
    assert response.status == 409
    assert "comments" not in (await (await world.client.get(f"/posts/{hidden.ticket}")).text()).split("</article>")[1]
    by_program = await world.client.post(f"/api/v1/posts/{hidden.ticket}/comments", json={"text": WORDS})
    assert by_program.status == 409
    assert (await world.client.post("/api/v1/posts/48217059/comments", json={"text": WORDS})).status == 404
    assert len(await thread(world, hidden.ticket or "")) == 1


async def test_a_program_adds_once_by_its_key(world: World, ticket: str) -> None:
    for _ in range(2):
        response = await world.client.post(
            f"/api/v1/posts/{ticket}/comments", json={"text": WORDS}, headers={"Idempotency-Key": "k1"}
        )
        assert response.status == 202
        assert (await response.json())["ticket"] == ticket
    assert [post.text for post in await thread(world, ticket)].count(WORDS) == 1


@pytest.mark.parametrize(
    "body", ["", "[]", '{"text": 1}', '{"text": ""}', '{"text": "x", "more": 1}', '{"text": "\\u0000"}']
)
async def test_a_program_hears_what_is_wrong(world: World, ticket: str, body: str) -> None:
    response = await world.client.post(f"/api/v1/posts/{ticket}/comments", data=body)
    assert response.status in (202, 422)
    if response.status == 202:
        assert "\\u0000" in body, "what cannot be kept leaves a mark, and is read by a person"
