"""The inbox as staff use it: filters in the address, saved ones beside it, and the same for programs."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.casework import inbox
from gateway.errors import BadInput
from gateway.journey import indexing
from store.accounts import Role
from tests.web.conftest import World


async def logged_in(
    world: World, role: Role = Role.MODERATOR, department: str | None = None, name: str = "mo"
) -> World:
    await world.account(role, name, department)
    await world.log_in(name)
    return world


async def page(world: World, path: str, status: int = 200) -> str:
    response = await world.client.get(path)
    assert response.status == status, await response.text()
    return await response.text()


async def send(world: World, path: str, status: int = 303, **form: str) -> str:
    form["csrf"] = await world.form_token("/console/inbox")
    response = await world.client.post(path, data=form, allow_redirects=False)
    assert response.status == status, await response.text()
    return response.headers.get("Location", "") or await response.text()


@pytest.mark.parametrize(("language", "nothing"), [("en", "Nothing was said yet."), ("zh", "还没有任何内容。")])
async def test_before_anything_was_said_it_says_so(world: World, language: str, nothing: str) -> None:
    await logged_in(world)
    assert nothing in await page(world, f"/console/inbox?lang={language}")


async def test_filters_stand_in_the_address_and_in_the_form(world: World) -> None:
    await logged_in(world)
    out, waiting = await world.published("the lamp is out"), await world.say("waiting for a look")
    text = await page(world, "/console/inbox?lang=en&state=pending&urgent=no")
    assert waiting.ticket
    assert f"/console/posts/{waiting.ticket}" in text
    assert f"/console/posts/{out.ticket}" not in text
    assert '<option value="no" selected>' in text
    assert "<details open>" in text
    assert 'href="/console/inbox?urgent=no&amp;state=published"' in text
    assert "Nothing fits these filters." in await page(world, "/console/inbox?place=nowhere")


async def test_a_value_that_is_none_is_said_and_nothing_shown(world: World) -> None:
    await logged_in(world)
    for wrong in ("state=no", "category=no", "since=2026-13-01", "until=tomorrow", "days=3", "cursor=x"):
        assert 'role="alert"' in await page(world, f"/console/inbox?{wrong}", 422), wrong


async def test_days_are_those_of_the_city(world: World) -> None:
    at = datetime(2026, 3, 10, 17, 30, tzinfo=UTC)
    settings = world.runtime.settings  # of a city where it is half past one of the next day by then
    rows = {
        "days=1": (datetime(2026, 3, 10, 16, tzinfo=UTC), None),
        "days=7": (datetime(2026, 3, 4, 16, tzinfo=UTC), None),
        "since=2026-03-01&until=2026-03-01": (
            datetime(2026, 2, 28, 16, tzinfo=UTC),
            datetime(2026, 3, 1, 16, tzinfo=UTC),
        ),
        "until=2026-03-01T08:00:00%2B08:00": (None, datetime(2026, 3, 1, tzinfo=UTC)),
    }
    for query, bounds in rows.items():
        wanted = inbox.read(dict(parse_qsl(query)), settings, at, None)
        assert (wanted.since, wanted.until) == bounds, query
    for wrong in ("2026-03-01T08:00:00", "9999-12-31", "0001-01-01"):
        with pytest.raises(BadInput):
            inbox.read({"since": wrong, "until": wrong}, settings, at, None)


async def test_an_officer_sees_what_is_his_departments(world: World) -> None:
    await logged_in(world, Role.OFFICER, "water")
    mine, other = await world.published("water pipe leaking in Hill Street"), await world.published("a dog barks")
    text = await page(world, "/console/inbox?lang=en&department=roads")
    assert mine.ticket in re.findall(r"/console/posts/(\d+)", text)
    assert other.ticket not in re.findall(r"/console/posts/(\d+)", text)
    assert '<select name="department">' not in text


async def test_words_are_searched_and_marked(world: World) -> None:
    await logged_in(world)
    taken = await world.say("the <b>drain</b> smells, call 13800138000")
    while await indexing.some(world.runtime):
        pass
    text = await page(world, "/console/inbox?lang=en&q=drain")
    assert f"/console/posts/{taken.ticket}" in text
    assert "the &lt;b&gt;<mark>drain</mark>&lt;/b&gt; smells" in text
    assert "Nothing fits these filters." in await page(world, "/console/inbox?lang=en&q=13800138000")
    assert "type words or a ticket" in await page(world, "/console/inbox?lang=en&q=%3F", 422)
    headers = await world.token(Role.VIEWER)
    answer = await world.client.get("/api/v1/console/inbox?q=drain&state=pending", headers=headers)
    assert [one["ticket"] for one in (await answer.json())["items"]] == [taken.ticket]


async def test_an_officer_reads_his_departments_and_what_is_public(world: World) -> None:
    await logged_in(world, Role.OFFICER, "water")
    mine, other = await world.published("water pipe leaking in Hill Street"), await world.published("a dog barks")
    waiting = await world.say("the lamp is dark")
    headers = await world.token(Role.OFFICER, "water")
    for taken, status in ((mine, 200), (other, 200), (waiting, 403)):
        await page(world, f"/console/posts/{taken.ticket}", status)
        for path in (f"/api/v1/console/posts/{taken.ticket}", f"/api/v1/console/posts/{taken.post_id}"):
            assert (await world.client.get(path, headers=headers)).status == status
    answer = {"text": "We come at nine.", "department": "water"}
    path = f"/api/v1/console/posts/{waiting.ticket}"
    assert (await world.client.post(f"{path}/answers", json=answer, headers=headers)).status == 403
    assert (await world.client.post(f"{path}/notes", json={"text": "seen"}, headers=headers)).status == 403
    await send(world, f"/console/posts/{waiting.ticket}/notes", status=403, text="seen")
    assert (await world.client.get("/api/v1/console/queue", headers=headers)).status == 403
    queue = await world.client.get("/console", allow_redirects=False)
    assert (queue.status, queue.headers["Location"]) == (303, "/console/inbox")
    everywhere = await world.token(Role.OFFICER)
    assert (await world.client.get(path, headers=everywhere)).status == 200


async def test_of_a_public_thread_an_officer_reads_no_other_departments_unpublished_words(world: World) -> None:
    await logged_in(world, Role.OFFICER, "water")
    other = await world.published("a dog barks all night")
    await world.say(f"{other.ticket} it bit somebody today")
    text = await page(world, f"/console/posts/{other.ticket}")
    assert "a dog barks" in text
    assert "it bit somebody" not in text


async def test_a_filter_is_saved_renamed_shared_replaced_and_deleted(world: World) -> None:
    await logged_in(world)
    await world.say("one")
    await page(world, "/console/inbox?lang=en")
    location = await send(world, "/console/inbox/filters", name=" To  do ", query="state=pending&nonsense=1")
    assert location.startswith("/console/inbox?state=pending&saved=")
    saved = location.rpartition("=")[2]
    text = await page(world, location)
    assert re.search(r'aria-current="page"><span>To do</span><span class="count">1</span>', text)
    change = f"/console/inbox/filters/{saved}"
    await send(world, change, action="rename", name="First", query="state=pending")
    await send(world, change, action="share", query="state=pending")
    await send(world, change, action="replace", query="state=held&sort=oldest")
    assert f'href="/console/inbox?state=held&amp;sort=oldest&amp;saved={saved}"' in await page(world, "/console/inbox")
    await send(world, change, action="nothing", status=422)
    await send(world, "/console/inbox/filters", name="First", query="state=held", status=409)
    await send(world, "/console/inbox/filters", name=" ", query="state=held", status=422)
    gone = await send(world, change, action="delete", query="kind=report")
    text = await page(world, gone)
    assert saved not in text
    [offered] = re.findall(r'<form[^>]*class="notice good inline".*?</form>', text, re.DOTALL)
    undo = dict(re.findall(r'<input type="hidden" name="(query|name|shared)" value="([^"]*)">', offered))
    assert undo == {"query": "state=held&amp;sort=oldest", "name": "First", "shared": "1"}
    back = await send(world, "/console/inbox/filters", **{**undo, "query": undo["query"].replace("&amp;", "&")})
    assert back.startswith("/console/inbox?state=held&sort=oldest&saved=")


async def test_others_filters_are_seen_when_shared_and_changed_by_nobody_else(world: World) -> None:
    await logged_in(world)
    shared = (await send(world, "/console/inbox/filters", name="ours", query="state=held", shared="1")).rpartition("=")[
        2
    ]
    own = (await send(world, "/console/inbox/filters", name="mine alone", query="state=held")).rpartition("=")[2]
    await logged_in(world, Role.VIEWER, name="vi")
    text = await page(world, "/console/inbox")
    assert "ours" in text
    assert "mine alone" not in text
    await send(world, f"/console/inbox/filters/{shared}", action="delete", status=403)
    await send(world, f"/console/inbox/filters/{own}", action="delete", status=404)
    await send(world, "/console/inbox/filters", name="x", query="state=held", shared="1", status=403)
    await logged_in(world, Role.ADMINISTRATOR, name="ad")
    await send(world, f"/console/inbox/filters/{shared}", action="delete")
    await send(world, f"/console/inbox/filters/{own}", action="delete", status=404)


async def test_programs_have_the_same(world: World) -> None:
    headers = await world.token(Role.MODERATOR)
    await world.say("one")
    await world.published("two")

    async def ask(method: str, path: str, status: int = 200, **options: Any) -> Any:
        response = await world.client.request(method, f"/api/v1/console/{path}", headers=headers, **options)
        assert response.status == status, await response.text()
        return await response.json() if response.content_type == "application/json" else None

    first = await ask("GET", "inbox?limit=1")
    assert [item["text"] for item in first["items"]] == ["two"]
    assert first["counts"] == {"states": {"pending": 1, "published": 1}, "whole": True}
    second = await ask("GET", f"inbox?limit=1&cursor={first['next']}")
    assert ([item["text"] for item in second["items"]], second["next"]) == (["one"], None)
    await ask("GET", "inbox?unknown=1", 422)
    await ask("GET", "inbox?limit=1000", 422)
    body = {"name": "x", "query": {"state": "pending"}}
    made = await ask("POST", "filters", 201, json=body)
    await ask("POST", "filters", 409, json=body)
    await ask("POST", "filters", 422, json={"name": "y", "query": {"state": "no"}})
    await ask("POST", f"filters/{made['id']}/change", json={"name": "z"})
    assert [one["name"] for one in (await ask("GET", "filters"))["items"]] == ["z"]
    await ask("DELETE", f"filters/{made['id']}", 204)
    await ask("DELETE", f"filters/{made['id']}", 404)
