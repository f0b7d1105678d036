import base64
from datetime import datetime
from typing import Any

import pytest

from gateway.schema_public import public_json
from gateway.web import bodies_public, openapi
from store import posts
from store.accounts import Role
from tests.web.conftest import World

POST_KEYS = [
    *("id", "ticket", "kind", "text", "channel", "state", "progress", "category", "department", "place"),
    *("media", "created_at", "published_at", "due_at", "parent", "comments", "reporters", "answers", "marks"),
]


async def get(world: World, path: str, status: int = 200, **options: Any) -> Any:
    response = await world.client.get(path, **options)
    assert response.status == status, await response.text()
    return await response.json()


async def test_a_published_post_is_given_in_the_shape_that_is_promised(world: World) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    page = await get(world, "/api/v1/posts")
    assert page.keys() == {"items", "next"}
    (post,) = page["items"]
    assert list(post) == POST_KEYS
    assert (post["ticket"], post["text"], post["state"]) == (taken.ticket, "人民路12号的路灯坏了", "published")
    assert post["place"].keys() == {"name", "lat", "lon"}
    for moment in (post["created_at"], post["published_at"]):
        assert moment.endswith("Z")
        assert datetime.fromisoformat(moment).tzinfo is not None
    assert await get(world, f"/api/v1/posts/{taken.ticket}") == post
    bodies_public.Post.model_validate(post)


async def test_what_is_not_public_shows_state_and_times_and_no_words(world: World) -> None:
    private = await world.published("我家漏水", private=True)
    pending = await world.say("路灯坏了")
    withdrawn = await world.published("井盖丢了")
    await world.withdraw(withdrawn)
    assert (await get(world, "/api/v1/posts"))["items"] == []
    for taken, state in ((private, "published"), (pending, "pending"), (withdrawn, "withdrawn")):
        post = await get(world, f"/api/v1/posts/{taken.ticket}")
        assert (post["state"], post["text"], post["place"], post["media"], post["answers"]) == (
            state,
            "",
            {"name": None, "lat": None, "lon": None},
            [],
            [],
        )


async def test_pages_follow_each_other_without_gap_or_repeat(world: World) -> None:
    told = [(await world.published(f"第{number}盏路灯坏了")).ticket for number in range(5)]
    found, path = [], "/api/v1/posts?limit=2"
    while path:
        page = await get(world, path)
        found += [post["ticket"] for post in page["items"]]
        path = f"/api/v1/posts?limit=2&cursor={page['next']}" if page["next"] else ""
    assert found == told[::-1]


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=%C2%B2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%E7%81%AF", "cursor"),
        (f"cursor={cursor('2026-13-01T00:00:00+00:00|x')}", "cursor"),
        (f"cursor={cursor('0001-01-01T00:00:00+14:00|x')}", "cursor"),
        (f"cursor={cursor('a|b|c')}", "cursor"),
        (f"q={'x' * 201}", "q"),
        ("q=light&cursor=nonsense", "cursor"),
        ("q=light&cursor=-1", "cursor"),
        ("progress=nonsense", "progress"),
        ("kind=answer", "kind"),
        ("since=yesterday", "since"),
        ("until=9999-12-31", "until"),
    ],
)
async def test_a_question_that_cannot_be_used_names_its_field(world: World, query: str, field: str) -> None:
    problem = await get(world, f"/api/v1/posts?{query}", 422)
    assert problem["field"] == field


async def test_a_cursor_without_a_zone_is_no_crash(world: World) -> None:
    await world.published("路灯坏了")
    page = await get(world, f"/api/v1/posts?cursor={cursor('2100-01-01T00:00:00|x')}")
    assert len(page["items"]) == 1


async def test_filters_narrow_what_is_given(world: World) -> None:
    taken = await world.published("水管爆了，没有水")
    post = await get(world, f"/api/v1/posts/{taken.ticket}")
    assert post["department"], "the shipped rules route this"
    same = await get(world, f"/api/v1/posts?department={post['department']}")
    assert [one["ticket"] for one in same["items"]] == [taken.ticket]
    assert (await get(world, "/api/v1/posts?department=elsewhere"))["items"] == []
    assert (await get(world, "/api/v1/posts?category=elsewhere"))["items"] == []


@pytest.mark.parametrize("path", ["/api/v1/posts/12345678", "/api/v1/posts/1234", "/api/v1/posts/x", "/api/nothing"])
async def test_what_is_not_there_is_a_404_for_programs(world: World, path: str) -> None:
    assert (await get(world, path, 404))["status"] == 404


@pytest.mark.parametrize("path", ["/api/v1/posts", "/api/v1/departments", "/api/v1/stats", "/api/v1/posts/12345678"])
async def test_pages_of_any_site_may_read(world: World, path: str) -> None:
    response = await world.client.get(path, headers={"Origin": "https://elsewhere.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    staff = await world.client.get("/api/v1/console/queue", headers={"Origin": "https://elsewhere.example"})
    assert "Access-Control-Allow-Origin" not in staff.headers


async def test_departments_categories_and_numbers(world: World) -> None:
    settings = world.runtime.settings
    for path, known in (("departments", settings.departments), ("categories", settings.categories)):
        items = (await get(world, f"/api/v1/{path}"))["items"]
        assert [item["slug"] for item in items] == [one.slug for one in known]
        assert all(item["name"].keys() == {"zh", "en"} for item in items)
    await world.published("路灯坏了")
    await world.say("路灯坏了")
    assert (await get(world, "/api/v1/stats"))["posts"] == {"published": 1, "pending": 1}


async def test_the_description_names_every_address_and_only_those(world: World) -> None:
    described = await get(world, "/api/openapi.json")
    assert described["openapi"].startswith("3.1")
    written = {(path, method) for path, methods in described["paths"].items() for method in methods}
    there = {
        (route.resource.canonical, route.method.lower())
        for route in world.app.router.routes()
        if route.resource and route.resource.canonical.startswith("/api/v1/") and route.method != "HEAD"
    }
    assert written == there
    schemas = described["components"]["schemas"]
    assert schemas["Decision"]["additionalProperties"] is False
    assert set(schemas["Post"]["properties"]) == set(POST_KEYS)


async def test_every_reference_of_the_description_leads_somewhere(world: World) -> None:
    described = openapi.describe(world.runtime)

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for item in value.values() for found in references(item)]
        return [found for item in value for found in references(item)] if isinstance(value, list) else []

    names = {reference.rsplit("/", 1)[1] for reference in references(described)}
    assert names
    assert names <= described["components"]["schemas"].keys()


async def test_the_queue_gives_the_oldest_first_and_a_post_is_whole_by_id_and_by_ticket(world: World) -> None:
    headers = await world.token(Role.VIEWER)
    first, second = await world.say("路灯坏了，电话 13812345678"), await world.say("井盖丢了")
    queue = await get(world, "/api/v1/console/queue", headers=headers)
    assert [post["ticket"] for post in queue["items"]] == [first.ticket, second.ticket]
    short = await get(world, "/api/v1/console/queue?limit=1", headers=headers)
    assert [post["ticket"] for post in short["items"]] == [first.ticket]
    by_ticket = await get(world, f"/api/v1/console/posts/{first.ticket}", headers=headers)
    assert await get(world, f"/api/v1/console/posts/{first.post_id}", headers=headers) == by_ticket
    assert {
        "id",
        "ticket",
        "state",
        "text",
        "version",
        "history",
        "deliveries",
        "thread",
        "actions",
    } <= by_ticket.keys()
    assert "13812345678" not in by_ticket["text"]
    assert by_ticket["actions"] == ["publish", "hold", "reject", "correct"]
    assert (await get(world, "/api/v1/console/posts/12345678", 404, headers=headers))["status"] == 404


async def test_decisions_and_answers_go_the_whole_way(world: World) -> None:
    moderator, officer = await world.token(Role.MODERATOR), await world.token(Role.OFFICER, "water")
    taken = await world.say("水管爆了")
    base = f"/api/v1/console/posts/{taken.ticket}"
    seen = (await get(world, base, headers=moderator))["version"]
    body = {"action": "publish", "version": seen}
    done = await world.client.post(f"{base}/decision", json=body, headers=moderator)
    assert (done.status, await done.json()) == (200, {"version": seen + 1})
    stale = await world.client.post(f"{base}/decision", json=body, headers=moderator)
    assert (stale.status, stale.content_type) == (409, "application/problem+json")
    answer = {"text": "今晚修好", "department": "water"}
    said = await world.client.post(f"{base}/answers", json=answer, headers=officer)
    assert said.status == 201
    public = await get(world, f"/api/v1/posts/{taken.ticket}")
    assert [(one["text"], one["department"], one["kind"]) for one in public["answers"]] == [
        ("今晚修好", "water", "answer")
    ]
    assert public["progress"] == "answered"
    bodies_public.Post.model_validate(public)
    whole = await get(world, base, headers=moderator)
    actors = [entry["actor"] for entry in whole["history"][taken.post_id]]
    assert any(actor.startswith("moderator-") for actor in actors)


BAD_BODIES: list[tuple[str, Any, str | None]] = [
    ("decision", {}, "action"),
    ("decision", {"action": "shout"}, "action"),
    ("decision", {"action": "publish", "extra": 1}, "extra"),
    ("decision", {"action": "publish", "version": "1"}, "version"),
    ("decision", {"action": "publish", "version": 0}, "version"),
    ("decision", {"action": "reject"}, "reason"),
    ("decision", {"action": "reject", "reason": "other"}, "note"),
    ("decision", {"action": "correct"}, "text"),
    ("decision", [], None),
    ("answers", {"text": "x"}, "department"),
    ("answers", {"text": "", "department": "water"}, "text"),
    ("answers", {"text": "x", "department": "Water!"}, "department"),
    ("answers", {"text": "x", "department": "elsewhere"}, "department"),
    ("answers", {"text": "   ", "department": "water"}, "text"),
]


@pytest.mark.parametrize(("path", "body", "field"), BAD_BODIES)
async def test_a_body_that_cannot_be_used_names_its_field(
    world: World, path: str, body: Any, field: str | None
) -> None:
    taken = await world.say("路灯坏了")
    headers = await world.token(Role.ADMINISTRATOR)
    response = await world.client.post(f"/api/v1/console/posts/{taken.ticket}/{path}", json=body, headers=headers)
    problem = await response.json()
    assert (response.status, problem.get("field")) == (422, field)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"action": "publish"' + b"[" * 100_000])
async def test_a_broken_body_is_refused(world: World, data: bytes) -> None:
    headers = {**await world.token(Role.MODERATOR), "Content-Type": "application/json"}
    response = await world.client.post("/api/v1/console/posts/12345678/decision", data=data, headers=headers)
    assert response.status == 422


async def test_an_officer_speaks_for_no_other_department(world: World) -> None:
    taken = await world.published("路灯坏了")
    headers = await world.token(Role.OFFICER, "water")
    body = {"text": "好", "department": "roads"}
    response = await world.client.post(f"/api/v1/console/posts/{taken.ticket}/answers", json=body, headers=headers)
    assert response.status == 403


async def test_deliveries_are_found_by_ticket_and_state(world: World) -> None:
    headers = await world.token(Role.VIEWER)
    taken = await world.published("路灯坏了")
    found = await get(world, f"/api/v1/console/deliveries?ticket={taken.ticket}", headers=headers)
    assert isinstance(found["items"], list)
    assert (await get(world, "/api/v1/console/deliveries?ticket=12345678", headers=headers))["items"] == []
    problem = await get(world, "/api/v1/console/deliveries?state=lost", 422, headers=headers)
    assert problem["field"] == "state"


async def test_channels_tell_how_they_stand(world: World) -> None:
    headers = await world.token(Role.VIEWER)
    (channel,) = (await get(world, "/api/v1/console/channels", headers=headers))["items"]
    assert (channel["name"], channel["mode"], channel["depth"], channel["failed"]) == ("texting", "simulated", 0, 0)


async def test_the_api_gives_what_the_stream_and_the_feeds_give(world: World) -> None:
    taken = await world.published("路灯坏了")
    async with world.runtime.database.reading() as connection:
        assert taken.ticket
        post = await posts.public_post(connection, taken.ticket)
    assert await get(world, f"/api/v1/posts/{taken.ticket}") == public_json(post)
