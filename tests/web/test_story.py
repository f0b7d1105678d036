"""The staff's page of a post: internal notes, and one line of time of all that happened."""

import re

import pytest

from gateway.casework import cases
from store import history
from store.accounts import Role
from store.tables_citizens import keys
from store.tables_history import words
from tests.conftest import settle_down
from tests.web.conftest import World

SECRET = "his neighbour called too: <b>careful</b>"


async def logged_in(world: World, role: Role) -> World:
    await world.account(role, "mo")
    await world.log_in("mo")
    return world


async def note(world: World, ticket: str | None, text: str, status: int = 303) -> str:
    form = {"csrf": await world.form_token("/console"), "text": text}
    response = await world.client.post(f"/console/posts/{ticket}/notes", data=form, allow_redirects=False)
    assert response.status == status
    return await response.text()


@pytest.mark.parametrize(
    ("role", "status"), [(Role.ADMINISTRATOR, 303), (Role.MODERATOR, 303), (Role.OFFICER, 303), (Role.VIEWER, 403)]
)
async def test_who_may_note(world: World, role: Role, status: int) -> None:
    await logged_in(world, role)
    taken = await world.say("one")
    await note(world, taken.ticket, SECRET, status)
    page = await (await world.client.get(f"/console/posts/{taken.ticket}")).text()
    assert ("his neighbour called too: &lt;b&gt;careful&lt;/b&gt;" in page) is (status == 303)
    assert ('id="note-text"' in page) is (status == 303)


async def test_a_note_is_sealed_and_nowhere_but_with_staff(world: World) -> None:
    await logged_in(world, Role.MODERATOR)
    taken = await world.published("one")
    await note(world, taken.ticket, SECRET)
    for path in (f"/posts/{taken.ticket}", f"/api/v1/posts/{taken.ticket}", "/api/v1/posts", "/feeds/posts.atom"):
        assert "neighbour" not in await (await world.client.get(path)).text()
    assert taken.post_id
    async with world.runtime.database.reading() as connection:
        rows = (await connection.execute(words.select().where(words.c.what == history.What.NOTE))).all()
        entries = await history.of_thread(connection, world.runtime.vault, [taken.post_id])
    assert all(b"neighbour" not in row.sealed and row.key_id for row in rows)
    assert len(rows) == 1
    # What its author may read of the history, and what undoes the last decision, know nothing of it.
    assert [entry.note for entry in entries[taken.post_id]] == [None] * len(entries[taken.post_id])


async def test_a_note_goes_with_its_authors_key(world: World) -> None:
    await logged_in(world, Role.MODERATOR)
    taken = await world.say("one")
    await note(world, taken.ticket, SECRET)
    await world.runtime.database.write(lambda tx: tx.connection.execute(keys.update().values(wrapped=b"")))
    page = await (await world.client.get(f"/console/posts/{taken.ticket}?lang=en")).text()
    assert "neighbour" not in page
    assert "This note was destroyed" in page


async def test_an_empty_note_is_none_and_a_long_one_is_not_lost(world: World) -> None:
    await logged_in(world, Role.MODERATOR)
    taken = await world.say("one")
    assert 'role="alert"' in await note(world, taken.ticket, "  ", 422)
    assert "x" * 4001 in await note(world, taken.ticket, "x" * 4001, 422)
    await note(world, "12345678", "for nobody", 404)


async def test_the_line_of_time_has_all_in_order(world: World) -> None:
    await logged_in(world, Role.ADMINISTRATOR)
    taken = await world.published("water pipe leaking")
    await note(world, taken.ticket, "called them")
    assert taken.ticket
    await cases.answer(world.runtime, taken.ticket, "done", "water", actor="of")
    await settle_down(world.runtime)
    page = await (await world.client.get(f"/console/posts/{taken.ticket}?lang=en")).text()
    story = page.split('<ol class="story">')[1].split("</ol>")[0]
    moments = re.findall(r'<span class="meta"><time datetime="([^"]+)"', story)
    assert moments == sorted(moments)
    assert story.index("sent it") < story.index("called them") < story.index("answered")
    assert "/console/broadcasts/" in story
    assert "/console/deliveries/" in story


async def test_programs_note_and_read_notes(world: World) -> None:
    taken = await world.say("one")
    headers = await world.token(Role.OFFICER)
    path = f"/api/v1/console/posts/{taken.ticket}"
    made = await world.client.post(f"{path}/notes", json={"text": SECRET}, headers=headers)
    assert made.status == 201
    read = await (await world.client.get(path, headers=headers)).json()
    assert [one["text"] for one in read["notes"]] == [SECRET]
    refused = await world.client.post(f"{path}/notes", json={"text": "x"}, headers=await world.token(Role.VIEWER))
    assert refused.status == 403
