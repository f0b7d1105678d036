from collections.abc import Callable

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from gateway import clock
from gateway.casework import cases
from gateway.errors import BadInput, TooMany
from gateway.runtime import Runtime
from gateway.schema_outgoing import Outgoing
from tests.channels.public_site import answered, open_site
from tests.web.conftest import World

SECRET = "words that nobody but the department may read"


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


async def page(world: World, path: str, status: int = 200) -> str:
    response = await world.client.get(path)
    assert response.status == status
    return await response.text()


async def test_home_shows_posts_with_their_answers(world: World) -> None:
    ticket = await answered(world, "water pipe <b>leaking</b>", "A crew is coming")
    home = await page(world, "/")
    assert "water pipe &lt;b&gt;leaking&lt;/b&gt;" in home
    assert "A crew is coming" in home
    assert f'id="p-{ticket}"' in home
    assert 'data-live="/live"' in home


async def test_home_counts_what_was_published_today(world: World) -> None:
    await world.published(f"{SECRET} private", private=True)
    await answered(world, "water pipe leaking", "A crew is coming")
    await world.published("the drain on mill lane is blocked")
    assert ">2 posts today</strong> <strong>1 answer<" in await page(world, "/?lang=en")
    assert "posts today" not in await page(world, "/?category=water")


@pytest.mark.parametrize(("language", "words"), [("en", "Nothing has been published yet"), ("zh", "还没有")])
async def test_home_says_when_there_is_nothing(world: World, language: str, words: str) -> None:
    assert words in await page(world, f"/?lang={language}")


async def test_home_shows_only_what_is_public(world: World) -> None:
    await world.say(f"{SECRET} pending")
    await world.published(f"{SECRET} private", private=True)
    await world.withdraw(await world.published(f"{SECRET} withdrawn"))
    assert SECRET not in await page(world, "/")


async def test_home_goes_on_to_earlier_posts(world: World) -> None:
    for number in range(21):
        await world.published(f"report number {number:02}.")
    first = await page(world, "/")
    assert "number 20." in first
    assert "number 00." not in first
    earlier = first.split('class="more"')[1].split('href="')[1].split('"')[0]
    second = await page(world, f"/{earlier.replace('&amp;', '&')}")
    assert "number 00." in second
    assert "data-live=" not in second


@pytest.mark.parametrize(("query", "there"), [("department=water", True), ("department=police", False)])
async def test_home_is_narrowed(world: World, query: str, there: bool) -> None:
    await answered(world, "water pipe leaking", "A crew is coming")
    narrowed = await page(world, f"/?{query}")
    assert ("water pipe leaking" in narrowed) is there
    assert "data-live=" not in narrowed


async def test_a_stranger_s_cursor_is_refused(world: World) -> None:
    await page(world, "/?cursor=nonsense", 422)


async def test_an_answered_post_tells_its_way(world: World) -> None:
    ticket = await answered(world, "water pipe leaking", "A crew is coming")
    text = await page(world, f"/posts/{ticket}")
    assert "Reviewed and published" in text
    assert text.count('class="reached"') == 4
    assert 'class="ahead"' not in text


@pytest.mark.parametrize(
    ("private", "publish", "words"),
    [(False, False, "Waiting for review"), (True, True, "Accepted, for the department only")],
)
async def test_a_post_that_is_not_public_shows_state_and_times_never_words(
    world: World, private: bool, publish: bool, words: str
) -> None:
    taken = await (world.published if publish else world.say)(SECRET, private=private)
    text = await page(world, f"/posts/{taken.ticket}")
    assert SECRET not in text
    assert words in text
    assert "The words of this post are not public" in text
    assert "<time datetime=" in text


async def test_a_withdrawn_post_keeps_its_page(world: World) -> None:
    taken = await world.published(SECRET)
    await world.withdraw(taken)
    text = await page(world, f"/posts/{taken.ticket}")
    assert SECRET not in text
    assert "Withdrawn" in text


async def test_an_unknown_ticket_is_said_clearly(world: World) -> None:
    assert "There is no ticket 00000000" in await page(world, "/posts/00000000", 404)


@pytest.mark.parametrize("typed", ["4821 7053", "48217053", "4821-7053", "４８２１７０５３"])
async def test_a_typed_ticket_leads_to_its_post(world: World, typed: str) -> None:
    response = await world.client.get("/posts", params={"ticket": typed}, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/posts/48217053")


@pytest.mark.parametrize("typed", ["", "123", "abcdefgh", "²²²²", "4" * 500, "<script>"])
async def test_what_is_no_ticket_is_said_so(world: World, typed: str) -> None:
    response = await world.client.get("/posts", params={"ticket": typed}, allow_redirects=False)
    assert response.status == 404
    assert "<script>" not in (await response.text()).split("<main")[1]


async def test_the_code_box_stands_only_where_asked_for(world: World) -> None:
    ticket = (await world.say("a report")).ticket
    assert "Code of 6 digits" in await page(world, f"/posts/{ticket}?new=1&code=1")
    assert "Code of 6 digits" not in await page(world, f"/posts/{ticket}?new=1")


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (BadInput("this is not the code we sent", "code"), 422, "This is not the code we sent"),
        (TooMany("this code was tried too often; write again to get a new one"), 429, "tried too often"),
        (None, 303, ""),
    ],
)
async def test_a_code_is_proved(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception | None, status: int, words: str
) -> None:
    asked: list[tuple[str, str]] = []

    async def prove(ticket: str, code: str) -> None:
        asked.append((ticket, code))
        if error:
            raise error

    monkeypatch.setattr(world.desk, "prove", prove)
    ticket = (await world.say("a report")).ticket
    assert ticket
    form = {"csrf": await world.form_token(f"/posts/{ticket}?code=1"), "code": "123456"}
    response = await world.client.post(f"/posts/{ticket}/code", data=form, allow_redirects=False)
    assert response.status == status
    assert words.lower() in (await response.text()).lower()
    assert asked == [(ticket, "123456")]


async def test_a_code_from_a_foreign_form_is_refused(world: World) -> None:
    ticket = (await world.say("a report")).ticket
    response = await world.client.post(f"/posts/{ticket}/code", data={"code": "123456"})
    assert response.status == 403


async def test_a_delivery_is_done_at_once(world: World) -> None:
    assert (await world.runtime.channels["portal"].send(Outgoing(1, None, "text", "zh", "1"))).final


@pytest.mark.parametrize(
    ("language", "runs", "late"),
    [("en", "due by", "late: it was due"), ("zh", "须在", "已逾期")],
)
async def test_a_posts_page_shows_the_clock_of_its_department(
    world: World, later: Callable[[float], None], language: str, runs: str, late: str
) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    path = f"/posts/{taken.ticket}?lang={language}"
    assert runs in await page(world, path)
    later(40 * 86_400)
    assert late in await page(world, path)
    await cases.answer(world.runtime, taken.ticket or "", "已修好。", "roads", actor="of")
    shown = await page(world, path)
    assert late not in shown
    assert runs not in shown


async def test_a_post_is_late_from_the_moment_on(world: World, later: Callable[[float], None]) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    path, due = f"/posts/{taken.ticket}?lang=en", (await world.desk.post(taken.ticket or "")).due_at
    assert due
    later((due - clock.now()).total_seconds() - 60)
    assert "due by" in await page(world, path)
    later(120)
    assert "late: it was due" in await page(world, path)
