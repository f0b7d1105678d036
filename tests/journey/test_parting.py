"""A word that was added to a report becomes one of its own by a moderator, and is put back if that was wrong."""

import pytest

from gateway.errors import Conflict
from gateway.journey import moderation, parting, tickets
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, State
from store import posts, posts_for_staff
from store.posts_for_staff import StaffPost
from tests.conftest import Texting
from tests.journey.test_intake import ANNA, BORIS
from tests.journey.test_likening import say

LAMP, PIPE = "人民路12号的路灯坏了", "另外学校门口的水管也漏水"


async def thread_of(runtime: Runtime, ticket: str) -> list[StaffPost]:
    async with runtime.database.reading() as connection:
        return await posts_for_staff.thread(connection, ticket)


async def added(runtime: Runtime, *, published: bool = False) -> tuple[str, str]:
    """A published report of Anna's with a word of hers under it; gives its ticket and the word's id."""
    first = await say(runtime, LAMP, ANNA)
    assert first.post_id
    await moderation.decide(runtime, first.post_id, Action.PUBLISH, actor="mo")
    word = await say(runtime, PIPE, ANNA)
    assert word.post_id
    assert word.ticket == first.ticket
    if published:
        await moderation.decide(runtime, word.post_id, Action.PUBLISH, actor="mo")
    return first.ticket or "", word.post_id


async def test_it_becomes_a_report_that_waits(runtime: Runtime, texting: Texting) -> None:
    lamp, word = await added(runtime)
    ticket = await parting.separate(runtime, word, actor="mo")
    (post,) = await thread_of(runtime, ticket)
    assert (post.id, post.kind, post.text, post.state) == (word, Kind.REPORT, PIPE, State.PENDING)
    assert tickets.is_ticket(ticket)
    assert len(await thread_of(runtime, lamp)) == 1
    await say(runtime, "谢谢", BORIS)
    assert ticket in texting.to(ANNA)[-1], "its author is told the number"
    await moderation.decide(runtime, word, Action.PUBLISH, actor="mo")
    async with runtime.database.reading() as connection:
        assert {shown.ticket for shown in (await posts.published(connection))[0]} == {lamp, ticket}


async def test_what_was_published_is_read_there_no_more_until_somebody_decides(runtime: Runtime) -> None:
    lamp, word = await added(runtime, published=True)
    ticket = await parting.separate(runtime, word, actor="mo")
    async with runtime.database.reading() as connection:
        assert (await posts.public_post(connection, lamp)).comments == 0
        assert (await posts.public_post(connection, ticket)).text == ""


@pytest.mark.parametrize("published", [True, False])
async def test_it_is_put_back_as_it_was(runtime: Runtime, published: bool) -> None:
    lamp, word = await added(runtime, published=published)
    ticket = await parting.separate(runtime, word, actor="mo")
    assert await parting.put_back(runtime, ticket, actor="mo") == lamp
    state = State.PUBLISHED if published else State.PENDING
    assert [(post.kind, post.state) for post in await thread_of(runtime, lamp)][1:] == [(Kind.COMMENT, state)]
    async with runtime.database.reading() as connection:
        assert (await posts.public_post(connection, ticket)).ticket == lamp, "its number leads there"


async def test_what_was_decided_since_is_not_put_back(runtime: Runtime) -> None:
    _, word = await added(runtime)
    ticket = await parting.separate(runtime, word, actor="mo")
    await moderation.decide(runtime, word, Action.PUBLISH, actor="mo")
    with pytest.raises(Conflict):
        await parting.put_back(runtime, ticket, actor="mo")


async def test_a_report_is_separated_from_nothing(runtime: Runtime) -> None:
    lamp, word = await added(runtime)
    with pytest.raises(Conflict):
        await parting.separate(runtime, lamp, actor="mo")
    await moderation.decide(runtime, word, Action.REJECT, actor="mo", reason="unclear")
    with pytest.raises(Conflict):
        await parting.separate(runtime, word, actor="mo")
