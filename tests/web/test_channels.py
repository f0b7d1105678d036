"""The operators' pages: what they say of every channel, in both languages, and what a person may switch."""

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, web

from channels.base import Capabilities, Channel, Guard, Health, Route, Standing
from channels.desk import Desk
from channels.registry import Mode, Plan
from gateway import clock
from gateway.journey import watching
from gateway.schema_incoming import Incoming
from gateway.web.channels import lasting, rate
from gateway.web.charts import HEIGHT, WIDTH, chart
from store import audit
from store.accounts import Role
from store.tallies import Tally
from tests.conftest import Texting, settle_down
from tests.web.conftest import MakeWorld, World

SIGNED = {"X-Signed": "yes"}
WIRE = "/hooks/wire/inbound"


class Wire(Channel):
    """A carrier that signs, and brings one message with each request."""

    name = "wire"
    capabilities = Capabilities(receives=True)

    def routes(self, desk: Desk) -> Sequence[Route]:
        async def take(request: web.Request) -> web.StreamResponse:
            now = clock.now()
            await desk.take(Incoming(self.name, clock.new_id(), await request.text(), now, address="web:1"))
            return web.Response(text="taken")

        return [Route("POST", WIRE, Guard.SIGNATURE, take)]

    async def authentic(self, request: web.Request) -> bool:
        return request.headers.get("X-Signed") == "yes"


@pytest.fixture
async def wired(make_world: MakeWorld) -> World:
    """A world whose plans name every channel, as they do in a running gateway."""
    world = await make_world(Wire)
    names = [*world.runtime.channels, "pigeon"]
    modes = {"texting": Mode.SIMULATED, "pigeon": Mode.OFF}
    world.runtime.plans = [Plan(name, modes.get(name, Mode.ON), "not enabled in channels.toml") for name in names]
    return world


async def logged_in(world: World, role: Role = Role.ADMINISTRATOR, language: str = "en") -> World:
    await world.account(role, "op")
    await world.log_in("op")
    await world.client.get(f"/console?lang={language}")
    return world


async def page(world: World, path: str = "/console/channels", status: int = 200) -> str:
    response = await world.client.get(path)
    assert response.status == status
    return await response.text()


async def post(world: World, path: str, **form: str) -> ClientResponse:
    hidden = {"csrf": await world.form_token("/console/channels")}
    return await world.client.post(path, data={**hidden, **form}, allow_redirects=False)


async def standing(world: World, name: str) -> dict[str, Any]:
    headers = await world.token(Role.VIEWER)
    items = (await (await world.client.get("/api/v1/console/channels", headers=headers)).json())["items"]
    found: dict[str, Any] = next(item for item in items if item["name"] == name)
    return found


async def sick() -> Health:
    return Health(Standing.ASK, "the token was refused")


def card(text: str, name: str) -> str:
    """One channel's card of the page."""
    return next(one for one in text.split('<li class="channel ')[1:] if f"<code>{name}</code>" in one.split("</h2>")[0])


@pytest.mark.parametrize(
    ("language", "well", "off"), [("en", "1 channel is simulated", "not enabled"), ("zh", "1 个渠道为模拟", "未启用")]
)
async def test_before_anything_happened_all_are_well(wired: World, language: str, well: str, off: str) -> None:
    await logged_in(wired, Role.VIEWER, language)
    text = await page(wired)
    assert well in text
    assert text.count('<li class="channel on">') == len(wired.runtime.channels) - 1
    assert "texting" in text.split('<li class="channel simulated">')[1].split("</li>")[0]
    wired.runtime.plans = [replace(plan, mode=Mode.ON) for plan in wired.runtime.plans if plan.mode is not Mode.OFF]
    assert ("All channels work" if language == "en" else "全部渠道正常") in await page(wired)
    assert "<code>pigeon</code>" in text.split('<ul class="off">')[1]
    assert off in text
    assert "/console/account#alarm" not in text
    assert text.count("<h1") == 1


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("1 channel needs a person", "sick, a person must act", "Set the right credentials", "A person must act."),
        ),
        ("zh", ("1 个渠道需要人工处理", "故障，需要人工处理", "请设置正确的凭据", "需要人工处理。")),
    ],
)
async def test_a_sick_channel_comes_first_with_what_to_do(wired: World, language: str, words: Sequence[str]) -> None:
    wired.runtime.channels["wall"].check = sick  # type: ignore[method-assign]
    await watching.check(wired.runtime, all_of_them=True)
    await watching.look(wired.runtime)
    await logged_in(wired, language=language)
    text = await page(wired)
    for said in words:
        assert said in text
    first = text.split('<li class="channel ')[1]
    assert first.startswith("act")
    assert "<code>wall</code>" in first
    assert "the token was refused" in text.split('<ul class="incidents">')[1]
    assert "the token was refused" in await page(wired, "/console/channels/wall")
    found = await standing(wired, "wall")
    assert (found["condition"], found["heals_by_itself"]) == ("act", False)
    assert [one["cause"] for one in found["incidents"]] == ["credentials"]


async def test_signatures_that_do_not_fit_show_the_address_expected_and_seen(wired: World) -> None:
    for _ in range(wired.runtime.settings.health.unsigned):
        refused = await wired.client.post(f"{WIRE}?From=%2B8613800000000", data="x", headers={"Host": "10.0.0.5:81"})
        assert refused.status == 403
    await watching.look(wired.runtime)
    await logged_in(wired)
    text = await page(wired, "/console/channels/wire")
    expected = wired.runtime.settings.public_url + WIRE
    assert f"<code>{expected}</code>" in text
    assert f"<code>http://10.0.0.5:81{WIRE}</code>" in text
    assert f"We expect {expected} and are asked by http://10.0.0.5:81{WIRE}." in text
    assert "13800000000" not in text
    signatures = (await standing(wired, "wire"))["signatures"]
    assert (signatures["failed_last_hour"], signatures["last"]["expected"]) == (5, expected)


async def test_programs_get_the_keys_they_had_and_the_new_ones(wired: World) -> None:
    await wired.published("路灯坏了")
    await settle_down(wired.runtime)
    await watching.look(wired.runtime)
    found = await standing(wired, "texting")
    old = {"name", "mode", "why", "last_in", "last_out", "depth", "oldest_due", "failed", "unknown", "errors_last_hour"}
    new = {
        "condition",
        "breaker",
        "credentials",
        "signatures",
        "in_a_minute",
        "out_a_minute",
        "error_share",
        "switched",
    }
    assert old | new <= set(found)
    wall = await standing(wired, "wall")
    assert wall["seconds_to_sent"]["number"] == 1
    assert wall["error_share"] == 0
    assert set(await standing(wired, "pigeon")) == {"name", "mode", "why", "condition"}


async def test_a_channel_is_paused_isolated_and_resumed_by_hand(wired: World) -> None:
    await logged_in(wired)
    path = "/console/channels/wire/switch"
    assert (await post(wired, path, to="isolate")).headers["Location"] == "/console/channels/wire"
    assert (await standing(wired, "wire"))["condition"] == "isolated"
    text = card(await page(wired), "wire")
    assert text.startswith("isolated")
    assert "by op" in text
    refused = await wired.client.post(WIRE, data="lamp is dark", headers=SIGNED)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "60")
    assert "Nothing is sent" not in await page(wired, "/console/channels/wire")
    await post(wired, path, to="resume")
    assert (await wired.client.post(WIRE, data="lamp is dark", headers=SIGNED)).status == 200
    await post(wired, "/console/channels/texting/switch", to="pause")
    assert (await standing(wired, "texting"))["switched"]["actor"] == "op"
    async with wired.runtime.database.reading() as connection:
        noted = [one.action for one in await audit.traces(connection) if one.action.startswith("channel")]
    assert noted == ["channel paused", "channel resumed", "channel isolated"]


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.OFFICER, Role.VIEWER])
async def test_only_administrators_switch(wired: World, role: Role) -> None:
    await logged_in(wired, role)
    assert (await post(wired, "/console/channels/wire/switch", to="pause")).status == 403
    assert "/switch" not in await page(wired, "/console/channels/wire")


@pytest.mark.parametrize(
    ("name", "to", "status"), [("wire", "off", 422), ("pigeon", "pause", 404), ("x", "pause", 404)]
)
async def test_what_cannot_be_switched_says_so(wired: World, name: str, to: str, status: int) -> None:
    await logged_in(wired)
    assert (await post(wired, f"/console/channels/{name}/switch", to=to)).status == status
    assert (await wired.client.get("/console/channels/pigeon")).status == 404


async def test_staff_are_alarmed_on_a_line_they_prove(wired: World) -> None:
    await logged_in(wired)
    texting = wired.runtime.channels["texting"]
    assert isinstance(texting, Texting)
    assert (await post(wired, "/console/account/alarm", number="138 0013 8000")).status == 303
    assert "138****8000" in await page(wired, "/console/account")
    await settle_down(wired.runtime)
    [told] = texting.to("+8613800138000")
    code = re.search(r"\d{6}", told)
    assert code
    wrong = await post(wired, "/console/account/alarm/code", code="000000" if code[0] != "000000" else "111111")
    assert (wrong.status, "this is not the code we sent" in await wrong.text()) == (422, True)
    wired.runtime.channels["wall"].check = sick  # type: ignore[method-assign]
    await watching.check(wired.runtime, all_of_them=True)
    await watching.look(wired.runtime)
    await settle_down(wired.runtime)
    assert len(texting.sent) == 1, "nothing goes to a line that is not proved"
    assert (await post(wired, "/console/account/alarm/code", code=code[0])).status == 303
    assert "You are told on 138****8000" in await page(wired, "/console/account")
    await watching.look(wired.runtime)
    await settle_down(wired.runtime)
    assert "wall" in texting.to("+8613800138000")[1]
    assert (await post(wired, "/console/account/alarm/remove")).status == 303
    assert "You are told on" not in await page(wired, "/console/account")


async def test_codes_for_alarms_are_few_and_go_to_mobiles_only(wired: World) -> None:
    await logged_in(wired, Role.MODERATOR)
    for _ in range(wired.runtime.settings.intake.codes_per_day):
        assert (await post(wired, "/console/account/alarm", number="13800138000")).status == 303
        await post(wired, "/console/account/alarm/remove")
    assert (await post(wired, "/console/account/alarm", number="13800138001")).status == 429
    assert (await post(wired, "/console/account/alarm", number="12")).status == 422


async def test_who_only_looks_gives_no_line(wired: World) -> None:
    await logged_in(wired, Role.VIEWER)
    assert 'id="alarm"' not in await page(wired, "/console/account")
    assert (await post(wired, "/console/account/alarm", number="13800138000")).status == 403


async def test_metrics_tell_the_health_of_each_channel(wired: World) -> None:
    await wired.client.post(WIRE, data="lamp is dark", headers=SIGNED)
    wired.runtime.channels["wall"].check = sick  # type: ignore[method-assign]
    await watching.check(wired.runtime, all_of_them=True)
    await watching.look(wired.runtime)
    text = await (await wired.client.get("/metrics")).text()
    assert 'everyline_messages_in_total{channel="wire"} 1.0' in text
    assert 'everyline_incidents_open{channel="wall"} 1.0' in text
    assert 'everyline_incidents_open{channel="wire"} 0.0' in text
    assert 'everyline_breaker_open{channel="texting"} 0.0' in text
    assert 'everyline_channel_switched{channel="wire",position="isolated"} 0.0' in text
    await wired.published("路灯坏了")
    await settle_down(wired.runtime)
    text = await (await wired.client.get("/metrics")).text()
    assert 'everyline_attempts_total{channel="wall",end="sent"} 1.0' in text


async def test_a_channels_page_draws_what_it_did(wired: World) -> None:
    wired.runtime.pulse.count("texting", "received", number=3)
    wired.runtime.pulse.count("texting", "sent", number=4)
    wired.runtime.pulse.count("texting", "failed")
    await watching.write(wired.runtime)
    await logged_in(wired, language="zh")
    text = await page(wired, "/console/channels/texting")
    assert text.count('<svg viewBox="0 0 600 ') == 4
    assert text.count('<rect class="good"') == 4
    assert text.count('<rect class="bad"') == 2
    assert "style=" not in text
    assert text.count('<td class="figure">4</td><td class="figure">1</td>') == 2
    path = "/console/channels/texting/hour_out.csv"
    assert f'href="{path}"' in text
    rows = list(csv.reader((await page(wired, path)).removeprefix("\ufeff").splitlines()))
    assert rows[0] == ["at", "sent", "errors"]
    assert len(rows) == 61
    assert [row[1:] for row in rows[1:] if row[1:] != ["0", "0"]] == [["4", "1"]]
    await page(wired, "/console/channels/texting/week_out.csv", 404)
    await page(wired, "/console/channels/nobody/day_in.csv", 404)


def test_bars_stand_side_by_side_and_none_is_too_high() -> None:
    begin = datetime(2026, 3, 18, tzinfo=UTC)
    found = {begin + timedelta(hours=2): Tally(sent=6, failed=2), begin + timedelta(hours=3): Tally(sent=1)}
    drawn = chart(found, begin, timedelta(hours=1), 24, incoming=False)
    assert drawn.most == 8
    assert [bar.x for bar in drawn.bars] == sorted({bar.x for bar in drawn.bars})
    assert max(bar.x + bar.width for bar in drawn.bars) <= WIDTH
    assert drawn.bars[2].good + drawn.bars[2].bad == HEIGHT
    assert (drawn.bars[3].good, drawn.bars[4].good) == (HEIGHT / 8, 0)


@pytest.mark.parametrize(("seconds", "read"), [(0.42, "0.4 s"), (42, "42 s"), (600, "10 min"), (7200, "2 h")])
def test_times_are_short(seconds: float, read: str) -> None:
    assert lasting(seconds) == read


@pytest.mark.parametrize(("number", "read"), [(0, "0"), (0.44, "0.4"), (12.4, "12")])
def test_rates_are_short(number: float, read: str) -> None:
    assert rate(number) == read
