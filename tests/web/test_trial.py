"""A word tried on what was said lately: how often each list would have caught it, and where."""

import re

import pytest

from gateway.errors import BadInput
from gateway.journey import trying
from gateway.journey.wordlists import WordList
from store.accounts import Role
from tests.web.conftest import World


async def test_each_lists_effect_is_counted(world: World) -> None:
    await world.published("the purple dragon sleeps")
    await world.say("a PURPLE dragon flies")
    await world.say("nothing of it")
    trial = await trying.try_word(world.runtime, "purple", 1000)
    assert (trial.looked, trial.written, trial.alike, trial.cut) == (3, 2, 0, False)
    block, emergency, allow = (trial.effects[name] for name in (WordList.BLOCK, WordList.EMERGENCY, WordList.ALLOW))
    assert (block.caught, block.anew, block.published) == (2, 2, 1)
    assert (emergency.caught, emergency.anew) == (2, None)
    assert allow.caught == 0
    assert [sample.text.text for sample in trial.samples] == ["a PURPLE dragon flies", "the purple dragon sleeps"]


async def test_what_the_lists_caught_already_is_told_apart(world: World) -> None:
    await world.say("帮忙代开发票，长期有效")
    trial = await trying.try_word(world.runtime, "长期有效", 1000)
    assert [trial.effects[name].anew for name in (WordList.BLOCK, WordList.HOLD)] == [0, 0]
    phrase = await trying.try_word(world.runtime, "帮忙代开发票", 1000)
    assert phrase.effects[WordList.ALLOW].caught == 1


async def test_it_looks_at_the_last_texts_only_and_in_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "CHUNK", 2)
    for number in range(5):
        await world.say(f"purple dragon number {number}")
    assert (await trying.try_word(world.runtime, "dragon", 1000)).looked == 5
    trial = await trying.try_word(world.runtime, "dragon", 3)
    assert (trial.looked, trial.written) == (3, 3)
    assert trial.oldest
    assert trial.oldest.text == "purple dragon number 2"
    assert (await trying.try_word(world.runtime, "dragon", 1000, within=-1.0)).cut


@pytest.mark.parametrize("line", ["", "  ", "# a comment", "\ufe0f", "two\nlines", "x" * 201])
async def test_what_is_no_line_of_a_list_is_refused(world: World, line: str) -> None:
    with pytest.raises(BadInput):
        await trying.try_word(world.runtime, line, 1000)


async def tried(world: World, word: str, status: int = 200) -> str:
    form = {"csrf": await world.form_token("/console?lang=en"), "word": word, "most": "1000"}
    response = await world.client.post("/console/words/trial", data=form)
    assert response.status == status
    return await response.text()


async def test_the_page_shows_it_and_counts_nothing(world: World) -> None:
    await world.account(Role.MODERATOR, "mo")
    await world.log_in("mo")
    assert "Nothing was said yet that it could be tried on." in await tried(world, "purple")
    taken = await world.say("call the purple dragon <i>now</i>")
    page = await tried(world, "purple dragon")
    assert "Found in 1 of 1 posts" in page
    assert "call the <mark>purple dragon</mark> &lt;i&gt;now&lt;/i&gt;" in page
    assert f"/console/posts/{taken.ticket}" in page
    assert re.search(r"block\.txt.*?figure\">1</td>", page, re.DOTALL)
    assert "write one word or phrase" in (await tried(world, "#", 422)).lower()


async def test_programs_have_the_same_and_officers_have_it_not(world: World) -> None:
    await world.say("a purple dragon")
    url, body = "/api/v1/console/words/trial", {"word": "dragon"}
    answer = await world.client.post(url, json=body, headers=await world.token(Role.MODERATOR))
    found = await answer.json()
    assert (found["looked"], found["written"], found["lists"]["block"]["caught"]) == (1, 1, 1)
    assert found["samples"][0]["hits"] == [{"start": 9, "end": 15, "alike": False}]
    refused = await world.client.post(url, json=body, headers=await world.token(Role.OFFICER))
    assert refused.status == 403
