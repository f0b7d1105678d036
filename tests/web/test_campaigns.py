"""The pages of daily phrases: staff keep campaigns, the public takes part and checks the draw by what the page says."""

import asyncio
import html
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import FormData
from pytest_aiohttp.plugin import AiohttpClient

from gateway.casework import draws, phrase_of_the_day
from gateway.casework.campaigns import today
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema_incoming import Outcome
from store import campaigns as rows
from store.accounts import Role
from tests.casework.campaign_world import DAY, begin, from_noon
from tests.channels.public_site import open_site
from tests.journey.test_intake import ANNA, BORIS, CLARA, message
from tests.web.conftest import World
from tests.web.people_world import ENGLISH, actions, press, read

PAGE = "/console/campaigns"


@pytest.fixture(autouse=True)
def later() -> Callable[[float], None]:
    """It is noon; moves the clock on by seconds."""
    return from_noon()


def fields(world: World, **more: object) -> dict[str, object]:
    """What staff type."""
    first = today(world.runtime).isoformat()
    usual = {"slug": "spring", "name_zh": "春天", "name_en": "Spring", "prize_zh": "月票", "prize_en": "a pass"}
    days = {"begins_on": first, "ends_on": first[:-2] + "03", "publish_at": "00:00"}
    return {**usual, **days, "winners": 1, "line_days": 0, "per_network": 5, **more}


async def enter(world: World, role: Role = Role.ADMINISTRATOR) -> None:
    await world.account(role)
    assert await world.log_in(role.value) == 303


async def make(world: World) -> str:
    """A campaign by its form; gives its page."""
    response = await press(world, PAGE, PAGE, **fields(world))
    assert response.status == 303
    return response.headers["Location"].partition("?")[0]


async def taking_part(runtime: Runtime, later: Callable[[float], None]) -> str:
    """A campaign that is over, in which three took part."""
    campaign_id = await begin(runtime)
    for number in (ANNA, BORIS, CLARA):
        await Intake(runtime).take(message("春江水暖鸭先知", number))
    later(4 * DAY)
    return f"{PAGE}/{campaign_id}"


async def test_a_campaign_is_made_filled_called_off_and_resumed(world: World) -> None:
    await enter(world)
    assert "There is no campaign yet." in await read(world, PAGE)
    one = await make(world)
    response = await press(world, f"{one}/phrases", one, phrases="2027-03-01 | 春江水暖鸭先知 | The ducks know first")
    assert response.status == 303
    page = await read(world, f"{one}?done=filled")
    assert "The phrases stand in the calendar." in page
    assert "春江水暖鸭先知" in page
    assert page.count(">no phrase<") == 2
    assert (await press(world, f"{one}/call-off", one)).status == 303
    assert "This campaign is cancelled" in await read(world, one)
    assert (await press(world, f"{one}/call-off", one)).status == 409
    assert (await press(world, f"{one}/resume", one)).status == 303
    assert (await press(world, f"{one}/phrases/remove", one, day="2027-03-01")).status == 303
    done = [action for _, action, _ in await actions(world) if "campaign" in action or "phrase" in action]
    assert done == ["campaign made", "phrases set", "campaign called off", "campaign resumed", "phrase removed"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"slug": "A B"}, "small letters, figures and dashes"),
        ({"ends_on": "2026-01-01"}, "a campaign ends after it begins"),
        ({"winners": "many"}, "a number within the limits"),
        ({"name_en": ""}, "give it in every language"),
        ({"publish_at": "late"}, "a time of day, like 08:00"),
    ],
)
async def test_what_is_wrong_is_said_beside_it_and_nothing_typed_is_lost(
    world: World, wrong: dict[str, str], said: str
) -> None:
    await enter(world)
    response = await press(world, PAGE, PAGE, **fields(world, prize_en="a very special prize", **wrong))
    page = await response.text()
    assert response.status == 422
    assert said in page
    assert "a very special prize" in page


async def test_a_line_that_is_wrong_is_named_and_all_lines_are_kept(world: World) -> None:
    await enter(world)
    one = await make(world)
    lines = "2027-03-01 | 春江水暖鸭先知\n2027-03-02 | STATUS"
    response = await press(world, f"{one}/phrases", one, phrases=lines)
    page = await response.text()
    assert response.status == 422
    assert "Line 2: this already means something else" in page
    assert "2027-03-01 | 春江水暖鸭先知" in page


async def test_codes_come_by_file_and_are_never_shown(world: World, later: Callable[[float], None]) -> None:
    one = await taking_part(world.runtime, later)
    await enter(world)
    form = FormData({"csrf": await world.form_token(one), "codes": ""})
    form.add_field("file", b"\xef\xbb\xbfAAA-111\r\nBBB-222\r\n", filename="codes.txt", content_type="text/plain")
    response = await world.client.post(f"{one}/codes", data=form, allow_redirects=False)
    assert response.status == 303
    page = await read(world, f"{one}?done=codes")
    assert "The codes are sealed." in page
    assert "AAA-111" not in page
    bad = FormData({"csrf": await world.form_token(one), "codes": ""})
    bad.add_field("file", b"\xff\xfe\x00", filename="codes.bin", content_type="text/plain")
    assert "no text in UTF-8" in await (await world.client.post(f"{one}/codes", data=bad, headers=ENGLISH)).text()


async def test_the_draw_is_an_administrators(world: World, later: Callable[[float], None]) -> None:
    one = await taking_part(world.runtime, later)
    await enter(world, Role.MODERATOR)
    assert "An administrator draws the winners." in await read(world, one)
    assert (await press(world, f"{one}/draw/draw", one)).status == 403
    assert (await press(world, f"{one}/codes", one, codes="AAA")).status == 403


async def test_anybody_checks_the_draw_with_the_program_of_the_page(
    world: World, later: Callable[[float], None], tmp_path: Path
) -> None:
    one = await taking_part(world.runtime, later)
    await enter(world)
    assert "upload more codes first" in await (await press(world, f"{one}/draw/draw", one)).text()
    await press(world, f"{one}/codes", one, codes="AAA-1\nBBB-2")
    assert (await press(world, f"{one}/draw/draw", one)).status == 303
    await draws.tell_winners(world.runtime)
    page = await read(world, "/phrase/spring")
    commitment = re.findall(r'class="hash">([0-9a-f]{64})<', page)
    [seed] = re.findall(r'id="seed">([0-9a-f]{64})<', page)
    [program] = re.findall(r'id="program">(.*?)</code>', page, re.DOTALL)
    listed = await (await world.client.get("/phrase/spring/entries.txt")).read()
    (tmp_path / "check.py").write_text(html.unescape(program))
    (tmp_path / "entries.txt").write_bytes(listed)
    running = await asyncio.create_subprocess_exec(
        sys.executable, "check.py", seed, "2", "entries.txt", cwd=tmp_path, stdout=subprocess.PIPE
    )
    told = (await running.communicate())[0].decode().split()
    async with world.runtime.database.reading() as connection:
        campaign = await rows.find(connection, "spring")
        won = [one.number for one in await rows.winners_of(connection, campaign.id)]
    assert told[-3] == campaign.list_sha256
    assert campaign.commitment in told
    assert campaign.commitment in commitment
    assert told[-2:] == won
    assert all(number in page for number in won)


async def test_the_seed_is_secret_before_the_draw(world: World) -> None:
    await begin(world.runtime)
    page = await read(world, "/phrase/spring")
    assert "published after the draw" in page
    assert 'id="seed"' not in page
    assert "一寸光阴一寸金" not in page  # tomorrow's
    assert (await world.client.get("/phrase/nothing")).status == 404


async def test_a_phrase_sent_by_the_form_takes_part(runtime: Runtime, aiohttp_client: AiohttpClient) -> None:
    world = await open_site(runtime, aiohttp_client)
    await begin(world.runtime)
    await phrase_of_the_day.keep_up(world.runtime)
    assert "The ducks know first" in await read(world, "/phrase")
    page = await read(world, "/new")
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    sent = {**hidden, "text": "the ducks know first!"}
    response = await world.client.post("/new", data=sent, allow_redirects=False)
    assert response.headers["Location"] == "/phrase?said=phrase_taken"
    page = await read(world, "/phrase?said=phrase_taken")
    assert "Thank you: you take part today." in page
    assert "Your number in the draw:" in page
    found = await (await world.client.get("/api/v1/phrase")).json()
    assert [item["text"]["en"] for item in found["items"]] == ["The ducks know first"]
    refused = await world.client.post("/api/v1/posts", json={"text": "The ducks know first"})
    assert refused.status == 422
    assert "phrase of the day" in (await refused.json())["detail"]


async def test_there_may_be_no_phrase_today(world: World) -> None:
    assert "There is no phrase today." in await read(world, "/phrase")
    assert (await (await world.client.get("/api/v1/phrase")).json()) == {"items": []}


async def test_who_looks_sees_the_count_grow(world: World) -> None:
    await begin(world.runtime)
    await phrase_of_the_day.keep_up(world.runtime)
    async with world.client.get("/live") as stream:
        taken = await Intake(world.runtime).take(message("春江水暖鸭先知", ANNA))
        assert taken.outcome is Outcome.PHRASE
        counted: dict[str, int] = {}
        while list(counted.values()) != [1]:
            line = (await stream.content.readline()).decode()
            if line.startswith("event: phrase"):
                counted = json.loads((await stream.content.readline()).decode().removeprefix("data: "))


async def test_the_same_for_programs(world: World) -> None:
    await begin(world.runtime)
    headers = await world.token(Role.VIEWER)
    [one] = (await (await world.client.get("/api/v1/console/campaigns", headers=headers)).json())["items"]
    assert (one["slug"], one["codes"], len(one["days"])) == ("spring", {"all": 0, "given": 0}, 3)
    assert "seed" not in one
