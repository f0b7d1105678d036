import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from channels.base import Capabilities, Channel, Guard, Route
from channels.desk import Desk
from gateway.errors import BadInput, Busy, Conflict, NotAllowed, NotFound, NotLoggedIn, TooMany, VaultError
from gateway.web.middleware import preferred
from store.accounts import Role
from tests.web.conftest import MakeWorld, World

SECRET = "13812345678"
RAISED: dict[str, Exception] = {
    "input": BadInput("this cannot be", "text"),
    "missing": NotFound("not here"),
    "role": NotAllowed("not you"),
    "login": NotLoggedIn("say who you are"),
    "stale": Conflict("changed meanwhile"),
    "often": TooMany("slowly", retry_after=7),
    "busy": Busy("full", retry_after=3),
    "vault": VaultError(f"cannot open {SECRET}"),
    "crash": RuntimeError(f"INSERT ... [parameters: ({SECRET})]"),
    "time": TimeoutError(),
    "gone": ConnectionResetError("whoever asked has left"),
}


class Faulty(Channel):
    """Raises what its path names, for programs and for people."""

    name = "faulty"
    capabilities = Capabilities(receives=True)

    def routes(self, desk: Desk) -> Sequence[Route]:
        return [Route("GET", f"{start}/{{kind}}", Guard.PUBLIC, self._fail) for start in ("/api/fail", "/fail")]

    async def _fail(self, request: web.Request) -> web.StreamResponse:
        raise RAISED[request.match_info["kind"]]


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """What is logged meanwhile."""
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.1, zh;q=0.2", "zh"),
        ("zh-Hant-TW", "zh"),
        ("fr-FR, de;q=0.9, en;q=0.3", "en"),
        ("zh;q=0, en;q=0.5", "en"),
        ("zh;q=0", None),
        ("fr", None),
        ("*", None),
        ("", None),
        (";;;q=,,=", None),
        ("en;q=nonsense, zh;q=0.1", "zh"),
        ("x" * 5000, None),
    ],
)
def test_the_language_is_the_one_liked_best(header: str, language: str | None) -> None:
    assert preferred(header) == language


async def test_a_chosen_language_is_remembered_and_goes_before_the_browsers(world: World) -> None:
    for path, header, language in [
        ("/login", None, "zh"),
        ("/login", "en", "en"),
        ("/login?lang=zh", "en", "zh"),
        ("/login", "en", "zh"),
        ("/login?lang=en", "zh", "en"),
        ("/login?lang=tlh", "zh", "en"),
    ]:
        response = await world.client.get(path, headers={"Accept-Language": header} if header else {})
        assert response.headers["Content-Language"] == language, (path, header)


@pytest.mark.parametrize("path", ["/login", "/nothing/here", "/api/v1/posts", "/healthz", "/console"])
async def test_every_answer_carries_the_headers_of_safety(world: World, path: str) -> None:
    response = await world.client.get(path, allow_redirects=False)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in response.headers, "the public URL is not https"


@pytest.mark.parametrize("path", ["/login", "/console", "/api/v1/console/queue"])
async def test_nothing_of_the_staff_is_kept_by_a_cache(world: World, path: str) -> None:
    await world.account(Role.MODERATOR)
    for _ in ("before", "after"):
        response = await world.client.get(path, allow_redirects=False)
        assert response.headers["Cache-Control"] == "no-store"
        await world.log_in("moderator")


PROBLEMS = [
    ("input", 422, "this cannot be"),
    ("missing", 404, "not here"),
    ("role", 403, "not you"),
    ("login", 401, "say who you are"),
    ("stale", 409, "changed meanwhile"),
    ("often", 429, "slowly"),
    ("busy", 503, "full"),
    ("vault", 500, None),
    ("crash", 500, None),
    ("time", 500, None),
]


@pytest.mark.parametrize(("kind", "status", "detail"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
async def test_a_program_reads_a_problem(
    make_world: MakeWorld, logs: list[Any], kind: str, status: int, detail: str | None
) -> None:
    world = await make_world(Faulty)
    response = await world.client.get(f"/api/fail/{kind}")
    problem = await response.json()
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert {"type", "title", "status", "instance"} <= problem.keys()
    assert (problem["status"], problem.get("detail")) == (status, detail)
    assert problem.get("field") == ("text" if kind == "input" else None)
    retry = {"often": "7", "busy": "3"}.get(kind)
    assert response.headers.get("Retry-After") == retry
    assert any(line["action"] == "http" and line["request"] == problem["instance"] for line in logs)


@pytest.mark.parametrize("kind", ["crash", "vault"])
async def test_a_crash_is_logged_with_its_place_and_without_citizens_words(
    make_world: MakeWorld, logs: list[Any], kind: str
) -> None:
    world = await make_world(Faulty)
    response = await world.client.get(f"/fail/{kind}")
    page = await response.text()
    failed = next(line for line in logs if line["action"] == "http.failed")
    assert response.status == 500
    assert failed["request"] in page, "the page names the request, so that the log line can be found"
    assert failed["error"][0] == type(RAISED[kind]).__name__
    assert any("_fail" in place for place in failed["where"])
    assert SECRET not in json.dumps(logs, default=str) + page


async def test_whoever_leaves_is_no_fault_of_ours(
    make_world: MakeWorld, logs: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    world = await make_world(Faulty)
    response = await world.client.get("/fail/gone")
    assert response.status == 499
    assert [line["status"] for line in logs if line["action"] == "http"] == [499]
    assert not [line for line in caplog.records if line.name == "aiohttp.server"]


@pytest.mark.parametrize(("language", "words"), [("en", "nothing here"), ("zh", "页面不存在")])
async def test_people_read_an_error_page_in_their_language(world: World, language: str, words: str) -> None:
    response = await world.client.get("/nothing/here", headers={"Accept-Language": language})
    assert (response.status, response.content_type) == (404, "text/html")
    assert words in await response.text()


@pytest.mark.parametrize("path", ["/login", "/api/v1/posts"])
async def test_a_wrong_method_is_told_the_right_ones(world: World, path: str) -> None:
    response = await world.client.delete(path)
    assert response.status == 405
    assert "GET" in response.headers["Allow"]


async def test_a_body_over_the_limit_is_refused(world: World) -> None:
    body = "x" * (world.runtime.settings.server.body_limit + 1)
    response = await world.client.post("/login", data={"name": body})
    assert response.status == 413


async def test_a_request_is_one_log_line_without_query_ids_or_address(world: World, logs: list[Any]) -> None:
    await world.client.get("/api/v1/posts/12345678?name=zhang")
    lines = [line for line in logs if line["action"] == "http"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", r"/api/v1/posts/{ticket}", 404)
    ]
    assert not re.search(r"12345678|zhang|127\.0\.0\.1", str(lines))


async def test_a_redirect_is_logged_as_one(world: World, logs: list[Any]) -> None:
    await world.client.get("/console", allow_redirects=False)
    assert [line["status"] for line in logs if line["action"] == "http"] == [303]


@pytest.mark.parametrize(
    ("method", "path", "status", "onward"),
    [
        ("GET", "/console", 303, "/login?next=/console"),
        ("GET", "/console/posts/12345678", 303, "/login?next=/console/posts/12345678"),
        ("POST", "/console/logout", 303, "/login?next=/console"),
        ("GET", "/console/nothing/here", 303, "/login?next=/console/nothing/here"),
        ("GET", "/api/v1/console/queue", 401, None),
        ("POST", "/api/v1/console/posts/12345678/decision", 401, None),
    ],
)
async def test_strangers_come_no_further(world: World, method: str, path: str, status: int, onward: str | None) -> None:
    response = await world.client.request(method, path, allow_redirects=False)
    assert (response.status, response.headers.get("Location")) == (status, onward)


async def test_a_change_by_cookie_needs_the_forms_token_and_one_by_bearer_none(world: World) -> None:
    await world.account(Role.MODERATOR)
    taken = await world.say("路灯坏了")
    path = f"/api/v1/console/posts/{taken.ticket}/decision"
    body = {"action": "publish"}
    assert await world.log_in("moderator") == 303
    assert (await world.client.post(path, json=body)).status == 403
    other = {"Authorization": "Basic bW9kZXJhdG9yOng="}
    assert (await world.client.post(path, json=body, headers=other)).status == 403
    token = {"X-CSRF-Token": await world.form_token("/console")}
    assert (await world.client.post(path, json=body, headers=token)).status == 200
    world.client.session.cookie_jar.clear()
    again = await world.client.post(
        path, json={"action": "withdraw", "reason": "duplicate"}, headers=await world.token(Role.MODERATOR)
    )
    assert again.status == 200
