"""Two similar reports by hotline and form are joined, and both authors get the one answer."""

import re

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from gateway.casework import cases
from gateway.journey import indexing, moderation
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_cases import Progress
from store import cases as case_rows
from store import posts_for_staff
from store.accounts import Role
from tests.channels.public_site import open_site
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS
from tests.journey.test_transcription import SPOKEN, WORDS, Recording, call
from tests.web.conftest import World

TYPED, ANSWER = "A water pipe is leaking on North Street at number 27", "The pipe on North Street is mended."


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


async def take_in(runtime: Runtime) -> None:
    while await indexing.some(runtime):
        pass
    await settle_down(runtime)


async def write_form(world: World, texting: Texting) -> str:
    """Fill in the form on the site with a mobile number, and prove that by the code sent there; gives the ticket."""
    page = await (await world.client.get("/new")).text()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    sent = await world.client.post("/new", data={**hidden, "text": TYPED, "contact": BORIS}, allow_redirects=False)
    assert sent.status == 303, await sent.text()
    path = sent.headers["Location"]
    await take_in(world.runtime)
    code = re.search(r"\b\d{6}\b", texting.to(BORIS)[-1])
    assert code
    asked = await (await world.client.get(path)).text()
    token = asked.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": token, "code": code[0]}
    proved = await world.client.post(f"{path.partition('?')[0]}/code", data=form, allow_redirects=False)
    assert proved.status == 303
    return path.partition("?")[0].rpartition("/")[2]


async def test_a_hotline_call_and_a_form_get_the_one_answer(world: World, texting: Texting) -> None:
    runtime = world.runtime
    Recording(runtime, SPOKEN.read_bytes())
    called = await call(runtime, caller=ANNA)
    assert called.text == WORDS
    await take_in(runtime)
    typed = await write_form(world, texting)
    await moderation.decide(runtime, called.id, Action.PUBLISH, actor="mo")
    await take_in(runtime)

    await world.account(Role.MODERATOR, "mo")
    assert await world.log_in("mo") == 303
    page = await (await world.client.get(f"/console/posts/{typed}")).text()
    similar = page.split('class="similar"')[1].split("</section>")[0]
    assert f'value="{called.ticket}"' in similar, "found across channels, with a button to join"
    form = {"csrf": page.split('name="csrf" value="')[1].split('"')[0], "into": called.ticket}
    joined = await world.client.post(f"/console/posts/{typed}/join", data=form, allow_redirects=False)
    assert joined.status == 303, await joined.text()
    await take_in(runtime)

    await cases.answer(runtime, called.ticket, ANSWER, "water", actor="of")
    await take_in(runtime)
    for author in (ANNA, BORIS):
        assert [ANSWER in text for text in texting.to(author)].count(True) == 1, author
    async with runtime.database.reading() as connection:
        thread = await posts_for_staff.thread(connection, typed)
        case = await case_rows.load(connection, thread[0].id)
    assert (case.progress, case.merged_into) == (Progress.MERGED, called.id)
    public = await world.client.get(f"/posts/{typed}")
    assert public.url.path == f"/posts/{called.ticket}"
    assert "2 people reported this" in await public.text()
