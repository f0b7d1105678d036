import re
from collections.abc import Sequence

import pytest
from aiohttp import ClientResponse

from gateway.casework import cases
from gateway.schema import State
from gateway.schema_incoming import Taken
from gateway.web.console import back_to
from store import changes, posts_for_staff
from store.accounts import Role
from store.posts_for_staff import StaffPost
from tests.conftest import settle_down
from tests.web.conftest import World

WORDS = "call me on 13800138000 about the leak"
MASKED = "138****8000"
PAGES = ("/console", "/console/channels", "/console/deliveries")


@pytest.fixture
async def moderator(world: World) -> World:
    """Somebody who decides, reading English."""
    return await logged_in(world, Role.MODERATOR)


async def logged_in(world: World, role: Role, department: str | None = None) -> World:
    await world.account(role, "mo", department)
    await world.log_in("mo")
    await world.client.get("/console?lang=en")
    return world


async def page(world: World, path: str, status: int = 200) -> str:
    response = await world.client.get(path)
    assert response.status == status
    return await response.text()


async def decide(world: World, taken: Taken, **form: str) -> ClientResponse:
    hidden = {"csrf": await world.form_token("/console")}
    path = f"/console/posts/{taken.post_id}/decision"
    return await world.client.post(path, data={**hidden, **form}, allow_redirects=False)


async def thread(world: World, taken: Taken) -> Sequence[StaffPost]:
    assert taken.ticket
    async with world.runtime.database.reading() as connection:
        return await posts_for_staff.thread(connection, taken.ticket)


async def silent(world: World) -> Taken:
    """A post without words, as a call is before it is written down."""
    taken = await world.say("to be emptied")

    assert taken.post_id
    post_id = taken.post_id
    await world.runtime.database.write(lambda transaction: changes.apply(transaction, post_id, text=""))
    return taken


@pytest.mark.parametrize("path", [*PAGES, "/console/queue/rows", "/console/posts/48217053"])
async def test_strangers_are_sent_to_log_in(world: World, path: str) -> None:
    response = await world.client.get(path, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, f"/login?next={path}")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_pages_are_there_in_both_languages(moderator: World, path: str, language: str) -> None:
    await moderator.published("one")
    await settle_down(moderator.runtime)
    text = await page(moderator, f"{path}?lang={language}")
    assert text.count("<h1") == 1
    assert f'lang="{"zh-Hans" if language == "zh" else "en"}"' in text


async def test_the_queue_shows_what_waits_oldest_first(moderator: World) -> None:
    first, second = await moderator.say("first of all"), await moderator.say("second of all")
    await moderator.published("decided already")
    text = await page(moderator, "/console")
    assert text.index("first of all") < text.index("second of all")
    assert "decided already" not in text
    assert "<title>(2) " in text
    assert f'id="q-{first.post_id}"' in text
    assert str(second.ticket) in text
    rows = await page(moderator, "/console/queue/rows")
    assert rows.count("<article") == 2
    assert "<html" not in rows


async def test_an_empty_queue_says_so(moderator: World) -> None:
    assert "Nothing waits" in await page(moderator, "/console")


async def test_the_queue_shows_masked_words_and_the_thread_both(moderator: World) -> None:
    taken = await moderator.say(WORDS)
    queue = await page(moderator, "/console")
    assert MASKED in queue
    assert "13800138000" not in queue
    whole = await page(moderator, f"/console/posts/{taken.ticket}")
    assert MASKED in whole
    assert "13800138000" in whole.split("only staff see this")[1]


@pytest.mark.parametrize(
    ("form", "state"),
    [
        ({"action": "publish"}, State.PUBLISHED),
        ({"action": "hold", "reason": "unclear"}, State.HELD),
        ({"action": "reject", "reason": "insult"}, State.REJECTED),
        ({"action": "reject", "reason": "other", "note": "because"}, State.REJECTED),
    ],
)
async def test_a_moderator_decides(moderator: World, form: dict[str, str], state: State) -> None:
    taken = await moderator.say("a report")
    response = await decide(moderator, taken, back="/console", **form)
    assert (response.status, response.headers["Location"]) == (303, "/console")
    assert (await thread(moderator, taken))[0].state is state
    history = await page(moderator, f"/console/posts/{taken.ticket}")
    assert "mo</strong>" in history
    assert ("because" in history) is ("note" in form)


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({}, 422, "choose what to do"),
        ({"action": "explode"}, 422, "choose what to do"),
        ({"action": "reject"}, 422, "choose a reason first"),
        ({"action": "reject", "reason": "other"}, 422, "say the reason in a note"),
        ({"action": "publish", "version": "99"}, 409, "somebody changed this post meanwhile"),
        ({"action": "withdraw", "reason": "insult"}, 409, "this change is not possible any more"),
    ],
)
@pytest.mark.parametrize("back", ["queue", "thread"])
async def test_what_cannot_be_is_said_where_it_was_tried(
    moderator: World, form: dict[str, str], status: int, words: str, back: str
) -> None:
    taken = await moderator.say("a report")
    onward = "/console" if back == "queue" else f"/console/posts/{taken.ticket}"
    response = await decide(moderator, taken, back=onward, **form)
    text = await response.text()
    assert response.status == status
    assert words in text.split('role="alert"')[1].split("</div>")[0]
    assert ('id="queue"' in text) is (back == "queue")
    assert (await thread(moderator, taken))[0].state is State.PENDING


async def test_a_post_without_words_is_not_published_until_they_are_typed(moderator: World) -> None:
    taken = await silent(moderator)
    assert "What is said" in await page(moderator, "/console")
    refused = await decide(moderator, taken, action="publish", back="/console")
    assert refused.status == 422
    assert "there are no words to publish yet" in await refused.text()
    assert (await decide(moderator, taken, action="publish", text="the lamp is broken")).status == 303
    [post] = await thread(moderator, taken)
    assert (post.state, post.text) == (State.PUBLISHED, "the lamp is broken")


async def test_enter_in_a_note_never_publishes(moderator: World) -> None:
    """Enter presses a form's first button, so the note may not stand in the form that publishes."""
    await moderator.say("a report")
    forms = re.findall(r"<form.*?</form>", await page(moderator, "/console"), re.DOTALL)
    with_note = [form for form in forms if 'name="note"' in form and "<button" in form]
    first = [re.findall(r'<button[^>]*name="action" value="(\w+)"', form)[:1] for form in with_note]
    assert ["hold"] in first
    assert ["publish"] not in first


async def test_words_are_corrected(moderator: World) -> None:
    taken = await moderator.published("a leek")
    form = {"action": "correct", "text": "a leak", "back": f"/console/posts/{taken.ticket}"}
    assert (await decide(moderator, taken, **form)).headers["Location"] == form["back"]
    assert (await thread(moderator, taken))[0].text == "a leak"


async def test_a_decision_needs_our_own_form(moderator: World) -> None:
    taken = await moderator.say("a report")
    path = f"/console/posts/{taken.post_id}/decision"
    for form in ({"action": "publish"}, {"action": "publish", "csrf": "forged"}):
        assert (await moderator.client.post(path, data=form)).status == 403
    assert (await thread(moderator, taken))[0].state is State.PENDING


@pytest.mark.parametrize(
    ("role", "decides", "answers"),
    [
        (Role.ADMINISTRATOR, True, True),
        (Role.MODERATOR, True, False),
        (Role.OFFICER, False, True),
        (Role.VIEWER, False, False),
    ],
)
async def test_each_role_sees_and_may_do_what_is_its_own(
    world: World, role: Role, decides: bool, answers: bool
) -> None:
    await logged_in(world, role)
    taken = await world.say("a report")
    seen = await page(world, f"/console/posts/{taken.ticket}")
    assert ('value="publish"' in seen) is decides
    assert ('name="department"' in seen) is answers
    assert ('value="publish"' in await page(world, "/console")) is decides
    form = {"csrf": await world.form_token("/console"), "text": "We come.", "department": "water"}
    answered = await world.client.post(f"/console/posts/{taken.ticket}/answers", data=form, allow_redirects=False)
    assert answered.status == (303 if answers else 403)
    assert (await decide(world, taken, action="publish")).status == (303 if decides else 403)


@pytest.mark.parametrize(
    ("department", "text", "status"), [("water", "We come.", 303), ("police", "We come.", 403), ("water", " ", 422)]
)
async def test_an_officer_answers_as_the_own_department(world: World, department: str, text: str, status: int) -> None:
    await logged_in(world, Role.OFFICER, "water")
    taken = await world.published("a report")
    seen = await page(world, f"/console/posts/{taken.ticket}")
    assert '<option value="water" selected>' in seen
    assert 'value="police"' not in seen
    form = {"csrf": await world.form_token("/console"), "text": text, "department": department}
    path = f"/console/posts/{taken.ticket}/answers"
    assert (await world.client.post(path, data=form, allow_redirects=False)).status == status
    assert len(await thread(world, taken)) == (2 if status == 303 else 1)


async def test_an_answer_that_is_refused_keeps_its_words(world: World) -> None:
    await logged_in(world, Role.OFFICER)
    taken = await world.published("a report")
    form = {"csrf": await world.form_token("/console"), "text": "half a <word>", "department": "nobody"}
    response = await world.client.post(f"/console/posts/{taken.ticket}/answers", data=form)
    text = await response.text()
    assert response.status == 422
    assert "choose a department" in text
    assert "half a &lt;word&gt;</textarea>" in text


async def test_the_thread_shows_answers_and_deliveries_and_no_address(moderator: World) -> None:
    taken = await moderator.published("a report")
    assert taken.ticket
    await cases.answer(moderator.runtime, taken.ticket, "We come.", "water", actor="olga")
    await settle_down(moderator.runtime)
    text = await page(moderator, f"/console/posts/{taken.ticket}")
    assert "We come." in text
    assert "olga</strong>" in text
    assert "a new post" in text
    assert "web:" not in text


@pytest.mark.parametrize(("query", "rows"), [("", 1), ("?state=delivered", 1), ("?state=failed", 0), ("?state=x", 1)])
async def test_deliveries_are_narrowed(moderator: World, query: str, rows: int) -> None:
    await moderator.published("a report")
    await settle_down(moderator.runtime)
    text = await page(moderator, f"/console/deliveries{query}")
    assert text.count("<details>") == rows
    assert ("Nothing was sent yet" in text) is (rows == 0)


async def test_deliveries_of_a_ticket_typed_with_a_space(moderator: World) -> None:
    taken = await moderator.published("a report")
    await moderator.published("another")
    await settle_down(moderator.runtime)
    ticket = str(taken.ticket)
    text = await page(moderator, f"/console/deliveries?ticket={ticket[:4]}%20{ticket[4:]}")
    assert text.count("<details>") == 1


async def test_channels_say_how_they_stand(moderator: World) -> None:
    text = await page(moderator, "/console/channels")
    assert "simulated" in text
    assert "texting" in text


@pytest.mark.parametrize(
    ("typed", "where"), [("4821 7053", "/console/posts/48217053"), ("", "/console"), ("x", "/console")]
)
async def test_a_typed_ticket_opens_its_thread(moderator: World, typed: str, where: str) -> None:
    response = await moderator.client.get("/console/find", params={"ticket": typed}, allow_redirects=False)
    assert response.headers["Location"] == where


async def test_an_unknown_ticket_is_nothing(moderator: World) -> None:
    await page(moderator, "/console/posts/00000000", 404)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/console/posts/48217053", "/console/posts/48217053"),
        ("/console", "/console"),
        ("", "/console"),
        ("https://evil.example/console/posts/1", "/console"),
        ("/console/posts/../../x?y", "/console"),
    ],
)
def test_a_decision_leads_back_inside(path: str, where: str) -> None:
    assert back_to(path) == where


@pytest.mark.parametrize(
    ("role", "sees"),
    [(Role.ADMINISTRATOR, True), (Role.MODERATOR, True), (Role.OFFICER, False), (Role.VIEWER, False)],
)
async def test_words_as_they_came_are_for_those_who_decide(world: World, role: Role, sees: bool) -> None:
    taken = await world.say("leak, call 13900139000")
    await logged_in(world, role)
    assert ("13900139000" in await page(world, f"/console/posts/{taken.ticket}")) is sees
    answer = await world.client.get(f"/api/v1/console/posts/{taken.ticket}")
    assert ("13900139000" in await answer.text()) is sees
