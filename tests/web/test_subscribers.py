"""The page of subscribers and its API: who may, what is shown once, and each thing one may do."""

import re
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from channels import webhook
from channels.registry import Mode, Plan
from gateway.desk import Desk
from gateway.journey import subscribing
from gateway.web.app import create_app
from store.accounts import Role
from tests.channels.subscribed import Hooks, Receiver
from tests.web.conftest import World

PAGE = "/console/subscribers"
API = "/api/v1/console/subscribers"


@pytest.fixture
async def admin(hooks: Hooks, aiohttp_client: AiohttpClient) -> World:
    desk = Desk(hooks.runtime)
    app = create_app(hooks.runtime, desk)
    world = World(hooks.runtime, desk, app, await aiohttp_client(app, headers={"Accept-Language": "en"}))
    await world.account(Role.ADMINISTRATOR, "ad")
    await world.log_in("ad")
    return world


async def post(world: World, path: str = "", **form: Any) -> tuple[int, str]:
    """Send a form of the page; gives the status and the page it leads to."""
    fields = {"csrf": await world.form_token(PAGE), **form}
    response = await world.client.post(PAGE + path, data=fields)
    return response.status, await response.text()


async def page(world: World, language: str = "en") -> str:
    return await (await world.client.get(f"{PAGE}?lang={language}")).text()


async def entered(world: World, receiver: Receiver) -> tuple[str, str]:
    """Enter a receiver by the page; gives its id and its secret."""
    status, shown = await post(world, url=receiver.url, name="open data")
    assert status == 200
    secret = re.search(r'id="secret">(whsec_[^<]+)<', shown)
    named = re.search(r'id="s-(\w+)"', shown)
    assert secret
    assert named
    return named[1], secret[1]


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.OFFICER, Role.VIEWER])
async def test_it_is_for_administrators(world: World, role: Role) -> None:
    await world.account(role, "somebody")
    await world.log_in("somebody")
    assert (await world.client.get(PAGE)).status == 403
    assert (await world.client.get(API)).status == 403
    form = {"csrf": await world.form_token("/console"), "url": "https://example.org", "name": "x"}
    assert (await world.client.post(PAGE, data=form)).status == 403
    assert PAGE not in await (await world.client.get("/console")).text()


@pytest.mark.parametrize(("language", "none"), [("en", "No other system is told yet."), ("zh", "还没有订阅的系统")])
async def test_before_there_is_one_it_says_so(admin: World, language: str, none: str) -> None:
    shown = await page(admin, language)
    assert none in shown
    assert shown.count("<h1") == 1


async def test_without_the_channel_it_says_so_and_takes_none(admin: World) -> None:
    del admin.runtime.channels["webhook"]
    assert "is off: nobody is called" in await page(admin)
    status, shown = await post(admin, url="https://example.org", name="x")
    assert status == 422
    assert "no channel takes subscribers just now" in shown


async def test_the_secret_is_shown_once_and_the_address_never(admin: World, hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    _, secret = await entered(admin, receiver)
    shown = await page(admin)
    assert secret not in shown
    assert "token=x" not in shown
    assert "open data" in shown


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"url": "nonsense", "name": "x"}, "this is no usable address"),
        ({"url": "https://user:pass@example.org", "name": "x"}, "the address may hold no password and no #"),
        ({"url": "https://example.org", "name": " "}, "give it a name of at most 64 characters"),
        ({"url": "https://example.org", "name": "x", "category": "nonsense"}, "choose one of the list"),
        ({"url": "https://example.org", "name": "x", "about": "nonsense"}, "choose one of the list"),
        ({"url": "https://example.org", "name": "x", "place": "x" * 101}, "this is too long"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(admin: World, form: dict[str, str], fault: str) -> None:
    status, shown = await post(admin, **form)
    assert status == 422
    assert fault in shown
    assert f'value="{form["url"]}"' in shown
    assert "No other system is told yet." in shown


async def test_everything_that_may_be_done_is_done(admin: World, hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    one, secret = await entered(admin, receiver)
    await hooks.publish()
    await hooks.deliver()
    assert "is told" in await page(admin)
    for act, said in (
        ("pause", "Paused."),
        ("test", "A test is on its way"),
        ("resume", "Resumed."),
        ("replay", "The last day is told again."),
    ):
        status, shown = await post(admin, f"/{one}/{act}")
        assert status == 200
        assert said in shown
    await hooks.deliver()
    assert sorted(receiver.told) == ["post.published", "post.published", "test"]
    status, shown = await post(admin, f"/{one}/rotate")
    assert "has a new secret" in shown
    assert secret not in shown
    status, shown = await post(admin, f"/{one}/resume")
    assert (status, "this change is not possible any more" in shown) == (409, True)
    status, shown = await post(admin, f"/{one}/remove")
    assert "No other system is told yet." in shown
    assert (await post(admin, f"/{one}/pause"))[0] == 404
    assert (await post(admin, f"/{one}/explode"))[0] == 404


async def test_its_health_is_shown(admin: World, hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    receiver.answer = failing
    await entered(admin, receiver)
    await hooks.publish()
    await hooks.deliver()
    shown = await page(admin)
    assert "1 failure in a row." in shown
    assert "HTTP 500" in shown
    assert "next try:" in shown
    assert "连续失败 1 次" in await page(admin, "zh")


async def test_the_channels_page_counts_those_in_trouble_and_stays_well(admin: World, hooks: Hooks) -> None:
    admin.runtime.plans = [Plan("webhook", Mode.ON, "enabled")]
    well, sick, gone = [await hooks.receiver() for _ in range(3)]
    sick.answer, gone.answer = failing, saying_gone
    for receiver in (well, sick, gone):
        await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    for path in ("/console/channels", "/console/channels/webhook"):
        shown = await (await admin.client.get(f"{path}?lang=en")).text()
        assert re.search(r'Subscribers</dt><dd class="large"><a href="/console/subscribers">3</a>', shown)
        assert "of them failing, tried again</dt><dd>1<" in shown
        assert "of them called no more</dt><dd>1<" in shown
        assert "of them paused" not in shown
        assert 'class="channel on' in shown
    headers = await admin.token(Role.ADMINISTRATOR)
    [item] = (await (await admin.client.get("/api/v1/console/channels", headers=headers)).json())["items"]
    assert item["subscribers"] == {"total": 3, "troubled": 1, "paused": 0, "stopped": 1}


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_waits_for_a_paused_one_is_said_where_deliveries_are(
    admin: World, hooks: Hooks, language: str
) -> None:
    receiver = await hooks.receiver()
    receiver.answer = failing
    entered = await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    await subscribing.pause(hooks.runtime, entered.id, actor="ad")
    [one] = await hooks.deliveries()
    shown = await (await admin.client.get(f"/console/deliveries/{one.id}?lang={language}")).text()
    said = {"en": "It waits until somebody resumes its subscriber.", "zh": "等待有人恢复该订阅系统。"}
    assert said[language] in shown
    listed = await (await admin.client.get(f"/console/deliveries?channel=webhook&state=due&lang={language}")).text()
    assert "next try:" not in listed


async def saying_gone(_request: Any) -> Any:
    return web.Response(status=410)


async def failing(_request: Any) -> Any:
    raise RuntimeError


async def test_programs_do_the_same(admin: World, hooks: Hooks) -> None:
    receiver, headers = await hooks.receiver(), await admin.token(Role.ADMINISTRATOR)
    body = {"url": receiver.url, "name": "open data", "about": ["published"], "department": "water"}
    made = await admin.client.post(API, json=body, headers=headers)
    assert made.status == 201
    given = await made.json()
    assert given["secret"].startswith(webhook.PREFIX)
    [shown] = (await (await admin.client.get(API, headers=headers)).json())["items"]
    assert shown["id"] == given["id"]
    assert shown["filters"] == {"about": ["published"], "category": None, "department": "water", "place": None}
    assert "secret" not in str(shown)
    renewed = await (await admin.client.post(f"{API}/{given['id']}/rotate", headers=headers)).json()
    assert renewed["secret"] != given["secret"]
    for act, status in (("pause", 200), ("pause", 409), ("remove", 200), ("remove", 404)):
        assert (await admin.client.post(f"{API}/{given['id']}/{act}", headers=headers)).status == status
    wrong = await admin.client.post(API, json={**body, "about": ["nonsense"]}, headers=headers)
    assert wrong.status == 422
