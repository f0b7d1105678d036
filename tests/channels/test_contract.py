"""The contract every channel keeps, asked of all that are registered: a new file is held to it the moment it exists."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import ValidationError
from sqlalchemy import func, select

from channels import registry
from channels.base import Channel, DeliveryKind, Guard, Route, Standing, Surroundings
from channels.failures import Failure, RetryLater, Throttled, Unknown
from channels.registry import Mode
from gateway.assembly import city_of
from gateway.desk import Desk
from gateway.runtime import Runtime
from gateway.schema_outgoing import Outgoing
from gateway.web.app import create_app
from store import tables_deliveries, tables_posts
from tests.channels.asterisk import SECRET
from tests.process.gateway import free_port
from tests.process.twilio import ACCOUNT, CREDENTIALS, NUMBER, TOKEN

NAMES = registry.names()


def environment(api: str) -> dict[str, str | None]:
    """The credentials of every carrier, with its API at an address of ours."""
    return {**CREDENTIALS, "EVERYLINE_TWILIO_API_URL": api, "EVERYLINE_AUDIOSOCKET_SECRET": SECRET}


@pytest.fixture
async def api() -> AsyncIterator[tuple[str, list[web.Response]]]:
    """A carrier's API that gives the answers it is told, in order."""
    answers: list[web.Response] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return answers.pop(0)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("")), answers
    await server.close()


@pytest.fixture
async def channels(runtime: Runtime, api: tuple[str, list[web.Response]]) -> dict[str, Channel]:
    """Every registered channel, enabled and with credentials, in the place of the test's own."""
    sections: dict[str, dict[str, Any]] = {name: {"enabled": True} for name in NAMES}
    plans, problems = registry.read(sections, environment(api[0].rstrip("/")))
    assert problems == []
    assert {plan.mode for plan in plans} == {Mode.ON}
    runtime.plans = plans
    runtime.channels.clear()
    runtime.channels.update(registry.build(plans, Surroundings(city_of(runtime.settings), runtime.http)))
    return runtime.channels


@pytest.fixture
async def client(runtime: Runtime, channels: dict[str, Channel]) -> AsyncIterator[TestClient[Any, Any]]:
    """A client of the whole web application."""
    async with TestClient(TestServer(create_app(runtime, Desk(runtime)))) as opened:
        yield opened


def routes(channel: Channel, runtime: Runtime, guard: Guard) -> list[Route]:
    return [route for route in channel.routes(Desk(runtime)) if route.guard is guard]


async def kept(runtime: Runtime) -> int:
    async with runtime.database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(tables_posts.incoming))).scalar_one()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_called_as_its_file_and_says_what_it_can(name: str) -> None:
    kind = registry.adapter(name)
    assert kind.name == name
    able = kind.capabilities
    assert able.receives or able.delivery is not DeliveryKind.NONE
    assert bool(able.schemes) == (able.delivery in (DeliveryKind.SEND, DeliveryKind.MAILBOX))


@pytest.mark.parametrize("name", NAMES)
async def test_its_settings_are_frozen_and_know_their_keys(name: str, runtime: Runtime) -> None:
    sections: dict[str, dict[str, Any]] = {name: {"enabled": True, "no_such_key": 1}}
    _, problems = registry.read(sections, environment("http://127.0.0.1:1"))
    assert [problem.key for problem in problems] == [f"{name}.no_such_key"]
    plan = next(p for p in registry.read({name: {"enabled": True}}, environment("http://127.0.0.1:1"))[0] if p.settings)
    assert plan.settings
    for field in type(plan.settings).model_fields:
        with pytest.raises(ValidationError):
            setattr(plan.settings, field, None)


@pytest.mark.parametrize("name", NAMES)
async def test_no_secret_shows_in_its_words(name: str, channels: dict[str, Channel], runtime: Runtime) -> None:
    plan = next(plan for plan in runtime.plans if plan.name == name)
    for words in (repr(channels[name]), str(channels[name]), repr(plan), repr(plan.settings)):
        assert TOKEN not in words
        assert SECRET not in words


@pytest.mark.parametrize("name", NAMES)
async def test_unsigned_and_forged_requests_are_refused_and_leave_nothing(
    name: str, channels: dict[str, Channel], client: TestClient[Any, Any], runtime: Runtime
) -> None:
    for route in routes(channels[name], runtime, Guard.SIGNATURE):
        for headers in ({}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "forged"}, {"X-Twilio-Signature": "é"}):
            answer = await client.request(route.method, route.path, data={"MessageSid": "SM1"}, headers=headers)
            assert answer.status == 403
            assert answer.content_type == "application/problem+json"
    assert await kept(runtime) == 0


@pytest.mark.parametrize("name", NAMES)
async def test_a_form_from_another_site_is_refused(
    name: str, channels: dict[str, Channel], client: TestClient[Any, Any], runtime: Runtime
) -> None:
    for route in routes(channels[name], runtime, Guard.PUBLIC):
        if route.method == "POST" and not route.path.startswith("/api/"):
            path = route.path.replace(r"{ticket:\d{8}}", "48217059")
            for form in ({"text": "hello"}, {"text": "hello", "csrf": "forged"}):
                assert (await client.post(path, data=form)).status == 403
    assert await kept(runtime) == 0


@pytest.mark.parametrize("name", NAMES)
async def test_its_pages_are_whole_in_both_languages(
    name: str, channels: dict[str, Channel], client: TestClient[Any, Any], runtime: Runtime
) -> None:
    for route in routes(channels[name], runtime, Guard.PUBLIC):
        if route.method == "GET":
            path = route.path.replace(r"{ticket:\d{8}}", "48217059")
            for language in ("zh", "en"):
                answer = await client.get(path, params={"lang": language})
                assert answer.status in (200, 404), path
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def senders(test: Callable[..., Any]) -> Callable[..., Any]:
    able = [name for name in NAMES if registry.adapter(name).capabilities.delivery is DeliveryKind.SEND]
    marked: Callable[..., Any] = pytest.mark.parametrize("name", able)(test)
    return marked


MESSAGE = Outgoing(delivery_id=1, address="tel:+8613800138001", text="hello", language="en", idempotency="1")


@senders
@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (lambda: web.Response(status=429, headers={"Retry-After": "7"}), Throttled),
        (lambda: web.Response(status=500), RetryLater),
        (lambda: web.Response(status=503), RetryLater),
        (lambda: web.Response(text="<html>not json</html>"), Unknown),
    ],
)
async def test_a_carriers_trouble_has_one_meaning_everywhere(
    name: str,
    answer: Callable[[], web.Response],
    failure: type[Failure],
    channels: dict[str, Channel],
    api: tuple[str, list[web.Response]],
) -> None:
    api[1].append(answer())
    with pytest.raises(failure) as caught:
        await channels[name].send(MESSAGE)
    assert "+8613800138001" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    if isinstance(caught.value, Throttled):
        assert caught.value.retry_after == 7


@senders
async def test_a_carrier_that_is_not_there_had_nothing(name: str, runtime: Runtime) -> None:
    plans, _ = registry.read({name: {"enabled": True}}, environment(f"http://127.0.0.1:{free_port()}"))
    async with ClientSession() as http:
        channel = registry.build(plans, Surroundings(city_of(runtime.settings), http))[name]
        with pytest.raises(RetryLater):
            await channel.send(MESSAGE)
        assert (await channel.check()).standing is Standing.LATER


@senders
async def test_what_is_over_the_limit_is_measured_as_more(name: str, channels: dict[str, Channel]) -> None:
    channel = channels[name]
    assert channel.measure("x") == 1
    assert channel.measure("路灯坏了" * 40) > 1


@pytest.mark.parametrize("name", NAMES)
async def test_it_stops_within_a_second(name: str, channels: dict[str, Channel], runtime: Runtime) -> None:
    task = asyncio.create_task(channels[name].run(Desk(runtime)))
    await asyncio.sleep(0.1)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)
    assert done


@pytest.mark.parametrize("name", NAMES)
async def test_it_hangs_up_within_a_second_with_sockets_open(
    name: str, channels: dict[str, Channel], client: TestClient[Any, Any], runtime: Runtime
) -> None:
    await client.get("/login")  # which gives this browser its cookie
    sockets = []
    for route in routes(channels[name], runtime, Guard.SOCKET):
        sockets.append(await client.ws_connect(route.path, origin=runtime.settings.public_url))
    async with asyncio.timeout(1):
        await channels[name].hang_up()
    for socket in sockets:
        assert (await socket.receive(1)).type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


def signed(url: str, fields: dict[str, str]) -> dict[str, str]:
    words = url + "".join(name + value for name, value in sorted(fields.items()))
    return {"X-Twilio-Signature": base64.b64encode(hmac.digest(TOKEN.encode(), words.encode(), hashlib.sha1)).decode()}


async def test_the_same_webhook_three_times_makes_one_post_and_one_answer(
    client: TestClient[Any, Any], runtime: Runtime
) -> None:
    path = "/hooks/sms_twilio/inbound"
    fields = {"AccountSid": ACCOUNT, "MessageSid": "SM" + "1" * 32, "From": "+8613800138001", "To": NUMBER}
    fields |= {"Body": "no heating in my building", "FromCity": ""}
    headers = signed(runtime.settings.public_url + path, fields)
    answers = [await client.post(path, data=fields, headers=headers) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len({await answer.text() for answer in answers}) == 1
    async with runtime.database.reading() as connection:
        for table in (tables_posts.incoming, tables_posts.posts, tables_deliveries.deliveries):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 1, table.name
