"""`/me`: one's own posts and lines without an account, changed by one's own forms alone."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession, CookieJar
from itsdangerous import URLSafeTimedSerializer
from pytest_aiohttp.plugin import AiohttpClient
from sqlalchemy import Engine, event

from gateway import clock
from gateway.casework import cases
from gateway.journey import joining, moderation
from gateway.runtime import Runtime
from gateway.schema import Action, Kind
from gateway.schema_incoming import Incoming, IncomingMedia, Taken
from gateway.web import auth
from gateway.web.keys import CODES
from gateway.web.me import PAGE
from store import changes, citizens, tables_citizens, tables_history, tables_media, tables_posts
from store.accounts import Role
from tests.channels.public_site import open_site
from tests.conftest import Texting, settle_down
from tests.journey.test_erasure import rows
from tests.journey.test_identity import code_in
from tests.journey.test_intake import ANNA, BORIS, message
from tests.web.conftest import World

ENGLISH = {"Accept-Language": "en"}


class Browser:
    """A browser of its own, with its cookie."""

    def __init__(self, world: World, client: ClientSession) -> None:
        self.world, self.client = world, client

    async def get(self, path: str = "/me", status: int = 200) -> str:
        response = await self.client.get(path, headers=ENGLISH)
        assert response.status == status, await response.text()
        return await response.text()

    async def post(self, path: str, status: int = 303, **fields: str) -> str:
        """Send a form with the token of this browser; gives where it leads, or the page that says what is wrong."""
        page = await self.get("/new")
        token = page.split('name="csrf" value="')[1].split('"')[0]
        sent = {"csrf": token, **fields}
        response = await self.client.post(path, data=sent, headers=ENGLISH, allow_redirects=False)
        assert response.status == status, (response.status, await response.text())
        return response.headers.get("Location") or await response.text()

    def cookie(self) -> str:
        """What it shows to be known by."""
        cookies = self.client.cookie_jar.filter_cookies(self.world.client.make_url("/"))
        return cookies[auth.VISITOR_COOKIE].value

    async def say(self, text: str, **more: Any) -> Taken:
        """Say something as this browser."""
        await self.get("/new")
        signer = URLSafeTimedSerializer(self.world.runtime.vault.lookup("signing:visitor"), salt="visitor")
        known = signer.loads(self.cookie())
        return await self.world.desk.take(
            Incoming("form", clock.new_id(), text, clock.now(), address=f"web:{known}", commands=False, **more)
        )

    async def link(self, texting: Texting, number: str = ANNA) -> None:
        """Link a phone by the code it gets."""
        assert await self.post("/me/code", number=number) == "/me/code?next=lines"
        await settle_down(self.world.runtime)
        assert await self.post("/me/code/prove", code=code_in(texting.to(number))) == "/me?done=linked#lines"

    async def lines(self) -> dict[str, str]:
        """The ids of the lines shown, by their scheme."""
        shown = set(re.findall(r"/me/lines/([0-9a-f]{32})/", await self.get()))
        return {
            row["scheme"]: row["id"]
            for row in await rows(self.world.runtime, tables_citizens.addresses)
            if row["id"] in shown
        }


Open = Callable[[], Any]


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    """The whole site."""
    return await open_site(runtime, aiohttp_client)


@pytest.fixture
async def another(world: World) -> AsyncIterator[Open]:
    """Opens browsers beside each other on one gateway."""
    opened: list[ClientSession] = []

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Browser]:
        session = ClientSession(cookie_jar=CookieJar(unsafe=True), base_url=world.client.make_url("/"))
        opened.append(session)
        yield Browser(world, session)

    yield open_one
    for session in opened:
        await session.close()


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    """The first browser."""
    session = ClientSession(cookie_jar=CookieJar(unsafe=True), base_url=world.client.make_url("/"))
    yield Browser(world, session)
    await session.close()


async def test_a_newcomer_is_told_what_it_is_for_and_nothing_is_kept_of_him(world: World, browser: Browser) -> None:
    page = await browser.get()
    assert "Link your phone" in page
    assert 'name="number"' in page
    assert await rows(world.runtime, tables_citizens.citizens) == []
    chinese = await (await browser.client.get("/me", headers={"Accept-Language": "zh"})).text()
    assert "绑定手机" in chinese


@pytest.mark.parametrize("path", ["/me", "/me/code", "/me/export", "/me/gone", "/me/nothing"])
async def test_it_is_never_stored_on_the_way(world: World, browser: Browser, path: str) -> None:
    await browser.say("lamp broken")
    response = await browser.client.get(path, allow_redirects=False)
    assert response.headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in response.headers


async def test_media_and_metrics_are_no_pages_of_somebody(browser: Browser) -> None:
    response = await browser.client.get("/media/" + "0" * 32)
    assert response.headers.get("Cache-Control") != "no-store"


async def test_his_own_words_are_shown_to_him_in_every_state(world: World, browser: Browser) -> None:
    words = "call me at 13900139000 about the lamp"
    waiting, refused, shown = [await browser.say(f"{words} {one}") for one in ("waiting", "refused", "shown")]
    assert refused.post_id
    assert shown.post_id
    await moderation.decide(
        world.runtime, refused.post_id, Action.REJECT, actor="mo", reason="personal", note="take the number out"
    )
    await moderation.decide(world.runtime, shown.post_id, Action.PUBLISH, actor="mo", note="secret of the staff")
    page = await browser.get()
    assert f"{words} waiting" in page
    assert f"{words} refused" in page
    assert "personal data of somebody" in page
    assert "take the number out" in page
    assert f"{words} shown" not in page, "what is public is shown as everybody reads it"
    assert "139****9000 about the lamp shown" in page
    assert "secret of the staff" not in page
    assert str(waiting.ticket)[:4] in page


async def test_a_rule_s_word_is_not_told(world: World, browser: Browser) -> None:
    await browser.say("lamp broken")
    blocked = tables_posts.posts.update().values(state="rejected", rules=["block:badword"])
    await world.runtime.database.write(lambda tx: tx.connection.execute(blocked))
    entry = tables_history.history.insert().values(
        post_id=(await rows(world.runtime, tables_posts.posts))[0]["id"], at=clock.now(), actor="rule", action="judged",
        from_state="pending", to_state="rejected", reason="block:badword",
    )  # fmt: skip
    await world.runtime.database.write(lambda tx: tx.connection.execute(entry))
    page = await browser.get()
    assert "badword" not in page
    assert "a word that a moderator must look at" in page


async def test_a_stranger_sees_none_of_it(world: World, browser: Browser, another: Open) -> None:
    await browser.say("only mine")
    async with another() as stranger:
        assert "only mine" not in await stranger.get()


async def test_answers_and_comments_stand_under_their_thread(world: World, browser: Browser) -> None:
    taken = await browser.say("private lamp", private=True)
    assert taken.post_id
    await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await cases.answer(world.runtime, str(taken.ticket), "we come tomorrow", "water", actor="of")
    page = await browser.get()
    assert "we come tomorrow" in page
    assert "Only you and the department" in page


async def test_what_was_joined_to_another_report_shows_the_answer_given_there(world: World, browser: Browser) -> None:
    one = await world.published("the lamp at the old church is dark")
    mine = await browser.say("my lamp at the church is dark too")
    await joining.join_posts(world.runtime, mine.post_id or "", one.ticket or "", actor="mo")
    await cases.answer(world.runtime, str(one.ticket), "It shines again.", "roads", actor="of")
    page = (await browser.get()).split(f'id="m-{mine.post_id}"')[1].split("</article>")[0]
    assert "my lamp at the church is dark too" in page
    assert "Dealt with together with another report" in page
    assert f'href="/posts/{one.ticket}"' in page
    assert "It shines again." in page
    assert "rejected" not in page.lower()


async def test_a_comment_under_another_s_thread_is_his_own_post(world: World, browser: Browser) -> None:
    thread = await world.published("somebody else's thread")
    mine = await browser.say("to be a comment")
    comment = tables_posts.posts.update().where(tables_posts.posts.c.id == mine.post_id)
    moved = comment.values(thread_id=thread.post_id, parent_id=thread.post_id, kind=Kind.COMMENT, ticket=None)
    await world.runtime.database.write(lambda tx: tx.connection.execute(moved))
    page = await browser.get()
    assert "to be a comment" in page
    assert f'href="/posts/{thread.ticket}"' in page
    assert "somebody else" not in page.split("<main")[1]


async def test_posts_are_paged_and_ask_no_more_the_more_there_are(world: World, browser: Browser) -> None:
    async def questions() -> int:
        said = 0

        def count(*_: Any) -> None:
            nonlocal said
            said += 1

        event.listen(Engine, "before_cursor_execute", count)
        try:
            await browser.get()
        finally:
            event.remove(Engine, "before_cursor_execute", count)
        return said

    await browser.say("report number 0 of the many")
    few = await questions()
    for number in range(1, PAGE + 3):
        await browser.say(f"report number {number} of the many")
    assert await questions() <= few + 1
    first = await browser.get()
    following = re.search(r'href="\?(cursor=[^"]+)"', first)
    assert following
    second = await browser.get(f"/me?{following[1]}")
    seen = [re.findall(r"report number (\d+) of", page) for page in (first, second)]
    assert [int(number) for page in seen for number in page] == list(range(PAGE + 2, -1, -1))
    await browser.get("/me?cursor=nonsense", 422)


async def test_a_phone_is_linked_and_brings_its_posts(world: World, browser: Browser, texting: Texting) -> None:
    await world.desk.take(message("texted from the phone", ANNA))
    await browser.say("written in the browser")
    await settle_down(world.runtime)
    await browser.link(texting)
    page = await browser.get()
    assert "texted from the phone" in page
    assert "written in the browser" in page
    assert "138****8001" in page
    assert ANNA not in page
    assert "This browser" in page


async def test_the_answer_is_the_same_for_every_number(world: World, browser: Browser, texting: Texting) -> None:
    await world.desk.take(message("known", ANNA))
    answers = []
    for number in (ANNA, BORIS):
        where = await browser.post("/me/code", number=number)
        page = await browser.get("/me/code")
        answers.append((where, re.sub(r'138\*\*\*\*800\d|value="[^"]+"', "", page)))
    assert answers[0] == answers[1]


async def test_wrong_codes_and_numbers_are_said(world: World, browser: Browser, texting: Texting) -> None:
    assert "this is no telephone number" in await browser.post("/me/code", 422, number="hello")
    assert "codes go to mobile numbers only" in await browser.post("/me/code", 422, number="0571 8888 1234")
    assert "no code was sent for this" in await browser.post("/me/code/prove", 404, code="123456")
    await browser.post("/me/code", number=ANNA)
    for _ in range(world.runtime.settings.intake.code_tries):
        assert "this is not the code we sent" in await browser.post("/me/code/prove", 422, code="not it")
    page = await browser.post("/me/code/prove", 429, code="123456")
    assert "tried too often" in page
    assert 'name="code"' not in page


async def test_a_copied_cookie_is_worth_nothing_once_a_phone_is_linked(
    world: World, browser: Browser, another: Open, texting: Texting
) -> None:
    await browser.say("said before")
    async with another() as copy:
        copy.client.cookie_jar.update_cookies({auth.VISITOR_COOKIE: browser.cookie()}, world.client.make_url("/"))
        assert "said before" in await copy.get()
        await browser.link(texting)
        assert "said before" not in await copy.get()
    assert "said before" in await browser.get()


async def test_the_same_way_proves_a_form_s_contact(world: World, browser: Browser, texting: Texting) -> None:
    taken = await browser.say("by the form", contact=f"tel:{ANNA}")
    await settle_down(world.runtime)
    await world.desk.prove(str(taken.ticket), code_in(texting.to(ANNA)))
    assert "138****8001" in await browser.get()


async def test_codes_are_limited_by_network(world: World, browser: Browser) -> None:
    limit = world.runtime.settings.intake.codes_per_network
    for _ in range(limit):
        world.app[CODES].take("127.0.0.1")
    assert "too many from your network" in await browser.post("/me/code", 429, number=ANNA)


async def test_lines_are_muted_spoken_to_and_unlinked(world: World, browser: Browser, texting: Texting) -> None:
    await world.desk.take(message("texted from the phone", ANNA))
    await browser.say("written in the browser")
    await settle_down(world.runtime)
    await browser.link(texting)
    phone = (await browser.lines())["tel"]
    assert await browser.post(f"/me/lines/{phone}/mute") == "/me?done=muted#lines"
    assert "/unmute" in await browser.get("/me?done=muted")
    await browser.post(f"/me/lines/{phone}/unmute")
    assert "/unmute" not in await browser.get()
    await browser.post(f"/me/lines/{phone}/language", language="zh")
    row = next(row for row in await rows(world.runtime, tables_citizens.addresses) if row["id"] == phone)
    assert (row["language"], row["chosen"]) == ("zh", True)
    await browser.post(f"/me/lines/{phone}/language", 422, language="fr")
    assert "Unlink this line?" in await browser.get(f"/me/lines/{phone}/unlink")
    await browser.post(f"/me/lines/{phone}/unlink")
    page = await browser.get("/me?done=unlinked")
    assert "texted from the phone" not in page
    assert "written in the browser" in page
    await browser.link(texting)
    assert "texted from the phone" in await browser.get()


async def test_another_browser_is_signed_out(world: World, browser: Browser, another: Open, texting: Texting) -> None:
    await browser.say("said at home")
    await browser.link(texting)
    async with another() as library:
        await library.link(texting)
        assert "said at home" in await library.get()
        page = await browser.get()
        assert "Another browser" in page
        gone = re.search(r'href="(/me/lines/[0-9a-f]{32}/unlink)">Sign it out', page)
        assert gone
        assert "Sign this browser out?" in await browser.get(gone[1])
        await browser.post(gone[1])
        assert "said at home" not in await library.get()
        assert "said at home" in await browser.get()


async def test_nobody_touches_another_s_line(world: World, browser: Browser, another: Open, texting: Texting) -> None:
    await world.desk.take(message("FOLLOW ALL", ANNA))
    await browser.link(texting)
    phone = (await browser.lines())["tel"]
    follow = (await rows(world.runtime, tables_citizens.subscriptions))[0]["id"]
    before = await rows(world.runtime, tables_citizens.addresses), await rows(world.runtime, tables_citizens.citizens)
    async with another() as stranger:
        await stranger.say("somebody too")
        held = await rows(world.runtime, tables_citizens.addresses), await rows(world.runtime, tables_citizens.citizens)
        for path in ("mute", "unmute", "unlink", "language"):
            await stranger.post(f"/me/lines/{phone}/{path}", 404, language="zh")
        await stranger.get(f"/me/lines/{phone}/unlink", 404)
        await stranger.post(f"/me/follows/{follow}/remove", 404)
        await stranger.post("/me/follows", 404, line=phone, topic="all")
        await stranger.post("/me/code", 404, line=phone)
        assert held == (
            await rows(world.runtime, tables_citizens.addresses),
            await rows(world.runtime, tables_citizens.citizens),
        )
    assert before[0] == held[0][: len(before[0])]
    assert len(await rows(world.runtime, tables_citizens.subscriptions)) == 1


@pytest.mark.parametrize(
    "path",
    ["/me/name", "/me/code", "/me/code/prove", "/me/leave", "/me/export", "/me/erase", "/me/follows"]
    + [f"/me/lines/{'0' * 32}/{what}" for what in ("mute", "unmute", "unlink", "language")]
    + [f"/me/follows/{'0' * 32}/remove"],
)
async def test_every_form_is_our_own(world: World, browser: Browser, path: str) -> None:
    await browser.say("somebody")
    response = await browser.client.post(path, data={"word": "ERASE", "number": ANNA}, allow_redirects=False)
    assert response.status == 403
    assert len(await rows(world.runtime, tables_citizens.addresses)) == 1


async def test_a_name_is_shown_on_public_posts(world: World, browser: Browser) -> None:
    taken = await browser.say("lamp broken")
    assert taken.post_id
    await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    for path in ("/", f"/posts/{taken.ticket}"):
        assert "a citizen" in await browser.get(path)
    assert await browser.post("/me/name", name="Lin <b>") == "/me?done=named#name"
    for path in ("/", f"/posts/{taken.ticket}"):
        assert "Lin &lt;b&gt;" in await browser.get(path)
    page = await browser.post("/me/name", 422, name="Water")
    assert "looks like the city" in page
    assert 'value="Water"' in page
    await browser.post("/me/name", name="")
    assert "Lin" not in await browser.get("/")


async def test_without_a_name_nothing_says_who_it_is_or_where_he_lives(world: World, browser: Browser) -> None:
    taken = await browser.say("lamp broken")
    placed = tables_posts.posts.update().values(place="North District")
    await world.runtime.database.write(lambda tx: tx.connection.execute(placed))
    assert taken.post_id
    await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    assert '<span class="by">a citizen</span>' in await browser.get("/")


async def test_what_is_followed_is_removed_and_brought_back(world: World, browser: Browser, texting: Texting) -> None:
    await world.desk.take(message("FOLLOW ALL", ANNA))
    await browser.link(texting)
    line = (await browser.lines())["tel"]
    for topic in ("category:water", "department:roads", "ticket:48217059", "place:North Street"):
        await world.runtime.database.write(lambda tx, t=topic: citizens.follow(tx, line, t, clock.now()))  # type: ignore[misc]
    page = await browser.get()
    for words in ("everything that is published", "Water and drains", "Roads", "post 48217059", "North Street"):
        assert words in page
    follow = next(row for row in await rows(world.runtime, tables_citizens.subscriptions) if row["topic"] == "all")
    where = await browser.post(f"/me/follows/{follow['id']}/remove")
    page = await browser.get(where.split("#")[0])
    assert "everything that is published" not in page
    undo = dict(re.findall(r'name="(line|topic)" value="([^"]+)"', page.split("</main>")[0]))
    assert await browser.post("/me/follows", **undo) == "/me?done=followed#follows"
    assert "everything that is published" in await browser.get()
    await browser.post("/me/follows", 422, line=line, topic="nonsense:1")


async def test_leaving_makes_the_browser_a_stranger(world: World, browser: Browser) -> None:
    await browser.say("said here")
    assert "No phone is linked" in await browser.get("/me/leave")
    assert await browser.post("/me/leave") == "/"
    assert "said here" not in await browser.get()


async def test_the_author_may_see_his_own_files(world: World, browser: Browser, another: Open) -> None:
    sha256 = await world.runtime.blobs.keep(b"sound")
    taken = await browser.say("", media=(IncomingMedia("RE1", "http://carrier.invalid/1", "audio/wav"),))
    assert taken.post_id
    stored = tables_media.media.update().values(state="stored", sha256=sha256, due_at=None)
    await world.runtime.database.write(lambda tx: tx.connection.execute(stored))
    file = (await rows(world.runtime, tables_media.media))[0]["id"]
    assert f"/media/{file}" in await browser.get()
    response = await browser.client.get(f"/media/{file}")
    assert (response.status, response.headers["Cache-Control"]) == (200, "private, no-cache")
    async with another() as stranger:
        await stranger.say("somebody too")
        assert (await stranger.client.get(f"/media/{file}")).status == 404


async def test_the_export_is_a_download(world: World, browser: Browser) -> None:
    await browser.say("all of it")
    page = await browser.get("/me/export")
    assert "by its cookie alone" in page
    token = page.split('name="csrf" value="')[1].split('"')[0]
    response = await browser.client.post("/me/export", data={"csrf": token})
    assert response.headers["Content-Disposition"].startswith("attachment")
    document = json.loads(await response.text())
    assert [post["words"] for post in document["posts"]] == ["all of it"]


@pytest.mark.parametrize("what", ["export", "erase"])
async def test_with_a_phone_a_fresh_code_comes_first(
    world: World, browser: Browser, another: Open, texting: Texting, what: str
) -> None:
    await browser.say("mine")
    await browser.link(texting)
    async with another() as library:
        await library.link(texting)
        # An hour later, at the library's computer.
        passed = clock._system_now
        clock.replace(now=lambda: passed() + timedelta(hours=1))
        try:
            page = await library.get(f"/me/{what}")
            assert "is it you?" in page
            assert await library.post(f"/me/{what}", word="ERASE") == f"/me/{what}"
            line = page.split('name="line" value="')[1].split('"')[0]
            assert await library.post("/me/code", line=line, next=what) == f"/me/code?next={what}"
            await settle_down(world.runtime)
            where = await library.post("/me/code/prove", code=code_in(texting.to(ANNA)), next=what)
            assert where == f"/me/{what}"
            assert "is it you?" not in await library.get(f"/me/{what}")
            assert "is it you?" in await browser.get(f"/me/{what}"), "it was not this browser that was shown"
        finally:
            clock.replace()


async def test_erasing_asks_for_a_word_and_forgets_the_browser(world: World, browser: Browser) -> None:
    taken = await browser.say("to be erased")
    assert taken.post_id
    await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    page = await browser.post("/me/erase", 422, word="yes", posts="leave")
    assert "type the word" in page
    assert re.search(r'value="leave" checked', page)
    assert "to be erased" in await browser.get("/")
    assert await browser.post("/me/erase", word="erase") == "/me/gone"
    assert "Everything about you is gone" in await browser.get("/me/gone")
    assert "to be erased" not in await browser.get("/")
    assert "Link your phone" in await browser.get()
    await browser.get(f"/posts/{taken.ticket}")


async def test_staff_can_look_at_what_an_erased_citizen_left(world: World, browser: Browser) -> None:
    taken = await browser.say("to be left behind 13900139000")
    assert taken.post_id
    await moderation.decide(world.runtime, taken.post_id, Action.HOLD, actor="mo", reason="other", note="a sealed note")
    await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await browser.post("/me/erase", word="删除", posts="leave")
    await world.account(Role.ADMINISTRATOR, "ada")
    assert await world.log_in("ada") == 303
    page = await (await world.client.get(f"/console/posts/{taken.ticket}", headers=ENGLISH)).text()
    assert "to be left behind" in page
    assert "a sealed note" not in page
    assert "had himself erased" in page
    headers = await world.token(Role.ADMINISTRATOR)
    response = await browser.client.get(f"/api/v1/console/posts/{taken.ticket}", headers=headers)
    assert (await response.json())["original"] is None


async def test_no_address_stands_in_the_log(
    world: World, browser: Browser, texting: Texting, capsys: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs() as said:
        await browser.say("words of a citizen")
        await browser.link(texting)
        await browser.post("/me/name", name="Lin")
        await browser.post("/me/erase", word="ERASE")
    told = json.dumps(said, default=str)
    for secret in ("13800138001", "words of a citizen", "Lin"):
        assert secret not in told
    assert "identity.erased" in told


async def test_reaching_a_muted_line_is_for_its_own_threads(world: World, browser: Browser, texting: Texting) -> None:
    own = await world.desk.take(message("from the phone", ANNA))
    await browser.link(texting)
    phone = (await browser.lines())["tel"]
    await browser.post(f"/me/lines/{phone}/mute")
    assert own.post_id
    async with world.runtime.database.reading() as connection:
        post = await changes.load(connection, own.post_id)
        reached = await changes.reaches(connection, str(post.author_id))
    assert phone in {reach.id for reach in reached}
