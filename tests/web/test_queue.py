"""The queue's pages and what moderators send from them: by plain forms, and as its script does."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.journey import automatic, claiming, indexing, moderation
from gateway.journey.automatic import Mode
from gateway.schema import Action, State
from gateway.schema_incoming import Taken
from gateway.web.differences import compare
from store import waiting
from store.accounts import Role
from store.posts_for_staff import StaffPost
from tests.conftest import broadcasting_as
from tests.web.conftest import World
from tests.web.test_console import logged_in, page, thread

JSON = {"Accept": "application/json"}
TEXTS = ("the lamp at the church is dark", "rubbish lies behind the school", "a dog barks all night in Elm Street")


@pytest.fixture
async def moderator(world: World) -> World:
    """Somebody who decides, reading English, with time to undo."""
    world.runtime.settings = broadcasting_as(world.runtime.settings, undo_seconds=600.0)
    return await logged_in(world, Role.MODERATOR)


async def three(world: World) -> list[Taken]:
    return [await world.say(text) for text in TEXTS]


async def post(world: World, path: str, fields: Any, status: int = 200, headers: dict[str, str] | None = None) -> Any:
    """What a form sent by the page's script is answered."""
    token = await world.form_token("/console")
    data = [("csrf", token), *(fields.items() if isinstance(fields, dict) else fields)]
    response = await world.client.post(path, data=data, headers=headers or JSON, allow_redirects=False)
    assert response.status == status, await response.text()
    return await response.json() if response.content_type == "application/json" else await response.text()


async def states(world: World, taken: list[Taken]) -> list[State]:
    return [(await thread(world, one))[0].state for one in taken]


async def test_a_decision_gives_its_row_and_how_long_it_can_be_undone(moderator: World) -> None:
    taken = await moderator.say("a report")
    path = f"/console/posts/{taken.post_id}"
    told = await post(moderator, f"{path}/decision", {"action": "reject", "reason": "insult", "back": "/console"})
    assert told["seconds"] > 500
    assert "it insults somebody" in told["html"]
    assert 'class="row pass decided"' in told["html"]
    again = await post(moderator, f"{path}/decision", {"action": "hold"}, 422)
    assert again == {"fault": "choose a reason first", "holder": None}
    back = await post(moderator, f"{path}/undo", {})
    assert "decided" not in back["html"].split("data-mark")[0]


async def test_several_are_decided_by_a_plain_form_with_each_outcome(moderator: World) -> None:
    taken = await three(moderator)
    fields = [("post", f"{one.post_id}:1") for one in taken[:2]] + [("post", f"{taken[2].post_id}:7")]
    fields += [("action", "reject"), ("reason", "elsewhere")]
    text = await post(moderator, "/console/decisions", fields, headers={"Accept": "text/html"})
    assert "2 decided: rejected" in text
    assert "1 was not" in text
    assert "somebody changed this post meanwhile" in text
    assert await states(moderator, taken) == [State.REJECTED, State.REJECTED, State.PENDING]
    undo = re.search(r"/console/decisions/\w+/undo", text)
    assert undo
    assert await post(moderator, undo[0], {}) == {"undone": 2}
    assert await states(moderator, taken) == [State.PENDING] * 3
    assert (await post(moderator, undo[0], {}, 409))["fault"] == "it is too late to undo this"


@pytest.mark.parametrize("fields", [[], [("action", "publish")], [("action", "reject"), ("post", "x" * 32)]])
async def test_a_batch_that_lacks_something_is_refused(moderator: World, fields: list[tuple[str, str]]) -> None:
    assert (await post(moderator, "/console/decisions", fields, 422))["fault"]


async def test_what_another_holds_is_asked_back_once(moderator: World) -> None:
    taken = await moderator.say("a report")
    assert taken.post_id
    await claiming.open_post(moderator.runtime, taken.post_id, "zoe")
    assert "zoe is deciding this" in await page(moderator, "/console")
    assert "zoe is deciding this" in await page(moderator, f"/console/posts/{taken.ticket}")
    path, fields = f"/console/posts/{taken.post_id}/decision", {"action": "publish", "back": "/console"}
    told = await post(moderator, path, {**fields, "unless_held": "1"}, 409)
    assert told["holder"] == "zoe"
    asked = await post(moderator, path, {**fields, "unless_held": "1"}, 409, {"Accept": "text/html"})
    again = asked.split('role="alert"')[1].split("</form>")[0]
    assert "Decide it all the same" in again
    assert "unless_held" not in again
    await post(moderator, path, fields)
    assert await states(moderator, [taken]) == [State.PUBLISHED]


async def test_opening_and_leaving_are_told(moderator: World) -> None:
    taken = await moderator.say("a report")
    assert taken.post_id
    await claiming.open_post(moderator.runtime, taken.post_id, "zoe")
    told = await post(moderator, f"/console/queue/{taken.post_id}/open", {})
    assert "zoe is deciding this" in told["people"]
    assert "mo " not in told["people"], "one knows that one is there oneself"
    await post(moderator, f"/console/queue/{taken.post_id}/leave", {}, 204)
    await post(moderator, f"/console/queue/{'0' * 32}/open", {}, 404)


async def test_marks_say_what_changed_and_what_came(moderator: World) -> None:
    taken = await three(moderator)
    ids = ",".join(str(one.post_id) for one in taken)
    since = datetime.now(UTC).isoformat()
    before = await post(moderator, "/console/queue/marks", {"ids": ids, "since": since})
    assert len(before["marks"]) == 3
    assert (before["fresh"], before["urgent"]) == ([], [])
    await post(moderator, f"/console/posts/{taken[0].post_id}/decision", {"action": "publish"})
    new, urgent = await moderator.say("something new"), await moderator.say("fire in the school, people trapped")
    after = await post(moderator, "/console/queue/marks", {"ids": ids, "since": since})
    changed = [post_id for post_id, mark in after["marks"].items() if mark != before["marks"][post_id]]
    assert changed == [taken[0].post_id]
    assert new.post_id in after["fresh"]
    assert after["urgent"] == [urgent.post_id]
    rows = await page(moderator, f"/console/queue/rows?ids={taken[0].post_id},{new.post_id}")
    assert rows.count("<article") == 2
    assert f'data-mark="{after["marks"][taken[0].post_id]}"' in rows


async def test_a_row_has_the_mark_of_what_it_shows(moderator: World, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, find = await moderator.say("the lamp is dark"), waiting.some

    async def some(connection: Any, ids: list[str]) -> list[StaffPost]:
        """A colleague decides it between two questions of one page."""
        found = await find(connection, ids)
        await moderation.decide(moderator.runtime, str(taken.post_id), Action.PUBLISH, actor="colleague")
        return found

    monkeypatch.setattr(waiting, "some", some)
    rows = await page(moderator, f"/console/queue/rows?ids={taken.post_id}")
    assert "decided" not in rows.split("data-mark")[0]
    now = await post(moderator, "/console/queue/marks", {"ids": taken.post_id, "since": "2026-01-01T00:00:00Z"})
    assert f'data-mark="{now["marks"][taken.post_id]}"' not in rows, "it would never be drawn anew"


@pytest.mark.parametrize("fields", [{"since": "now"}, {"ids": "'", "since": "2026-01-01T00:00:00Z"}, {}])
async def test_a_strange_question_is_refused(moderator: World, fields: dict[str, str]) -> None:
    await post(moderator, "/console/queue/marks", fields, 422)


async def test_a_long_queue_comes_in_pages(moderator: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.queue.PAGE", 2)
    await three(moderator)
    first = await page(moderator, "/console")
    assert first.count("<article") == 2
    onward = re.search(r'href="(/console\?cursor=[^"]+)"', first)
    assert onward
    second = await page(moderator, onward[1])
    assert second.count("<article") == 1
    assert TEXTS[2] in second


async def test_versions_record_and_similar_stand_behind_a_row(moderator: World) -> None:
    await moderator.published("the lamp at the old church is dark since monday")
    taken = await moderator.say("call 13800138000: the lamp at the old church is dark")
    path = f"/console/queue/{taken.post_id}/behind"
    while await indexing.some(moderator.runtime):
        pass
    text = await page(moderator, path)
    assert "<del>13800138000</del>" in text
    assert "<mark>138****8000</mark>" in text
    assert "1 post " in text
    assert "since monday" in text.split("Similar posts")[1]
    fields = {"action": "correct", "text": "call us: the lamp at the old church is dark"}
    await post(moderator, f"/console/posts/{taken.post_id}/decision", fields)
    assert "<ins>us</ins>" in await page(moderator, path)
    assert "<del>13800138000</del>" in await page(moderator, f"/console/posts/{taken.ticket}")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OFFICER])
async def test_what_came_is_for_those_who_decide(world: World, role: Role) -> None:
    await logged_in(world, role)
    taken = await world.say("call 13800138000")
    assert (await world.client.get(f"/console/queue/{taken.post_id}/behind")).status == 403
    for path in (f"queue/{taken.post_id}/open", "decisions", "queue/mode"):
        await post(world, f"/console/{path}", {"action": "publish", "mode": "by_hand"}, 403)
    assert "13800138000" not in await page(world, f"/console/posts/{taken.ticket}")


@pytest.mark.parametrize(
    ("role", "mode", "status"),
    [
        (Role.ADMINISTRATOR, "clean", 303),
        (Role.MODERATOR, "clean", 403),
        (Role.MODERATOR, "by_hand", 303),
        (Role.ADMINISTRATOR, "wild", 422),
    ],
)
async def test_the_mode_is_switched_and_shown(world: World, role: Role, mode: str, status: int) -> None:
    await logged_in(world, role)
    await automatic.switch(world.runtime, Mode.TRUSTED, actor="ada")
    assert "Switched by ada" in await page(world, "/console")
    await post(world, "/console/queue/mode", {"mode": mode}, status)
    now, _ = await automatic.in_force(world.runtime)
    assert now == (mode if status == 303 else Mode.TRUSTED)
    if now is Mode.BY_HAND:
        assert "Switched by" not in await page(world, "/console")


async def test_the_queue_reads_in_chinese(moderator: World) -> None:
    taken = await three(moderator)
    await post(moderator, f"/console/posts/{taken[0].post_id}/decision", {"action": "hold", "reason": "unclear"})
    text = await page(moderator, "/console?lang=zh")
    assert "处理用时" in text
    assert "快捷键" in text


async def test_the_pace_is_in_view(moderator: World) -> None:
    taken = await three(moderator)
    assert taken[0].post_id
    await post(moderator, f"/console/posts/{taken[0].post_id}/decision", {"action": "publish"})
    text = await page(moderator, "/console")
    assert re.search(r"data-median>\d+ second", text)
    async with moderator.runtime.database.reading() as connection:
        oldest = await waiting.oldest(connection)
    assert oldest
    assert f'data-oldest="{oldest.isoformat()}"' in text


@pytest.mark.parametrize(
    ("one", "other", "gone", "come"),
    [
        ("a leek in it", "a leak in it", ["leek"], ["leak"]),
        ("路灯坏了", "路灯坏了三天", [], ["三天"]),
        ("打13800138000", "打138****8000", ["13800138000"], ["138****8000"]),
        ("", "x", [], ["x"]),
        ("same", "same", [], []),
    ],
)
def test_what_differs_is_marked(one: str, other: str, gone: list[str], come: list[str]) -> None:
    before, after = compare(one, other)
    assert "".join(piece.text for piece in before) == one
    assert "".join(piece.text for piece in after) == other
    assert [piece.text for piece in before if piece.differs] == gone
    assert [piece.text for piece in after if piece.differs] == come


async def test_programs_decide_several_and_undo_it(moderator: World) -> None:
    taken, headers = await three(moderator), await moderator.token(Role.MODERATOR)
    chosen = [{"id": one.post_id, "version": 1} for one in taken[:2]] + [{"id": taken[2].post_id, "version": 7}]
    body = {"posts": chosen, "action": "reject", "reason": "elsewhere"}
    path = "/api/v1/console/decisions"
    async with moderator.client.post(path, json=body, headers=headers) as response:
        told = await response.json()
    assert [one["problem"] is None for one in told["results"]] == [True, True, False]
    assert await states(moderator, taken) == [State.REJECTED, State.REJECTED, State.PENDING]
    async with moderator.client.post(f"{path}/{told['decision']}/undo", json={}, headers=headers) as response:
        assert await response.json() == {"undone": 2}
    assert await states(moderator, taken) == [State.PENDING] * 3
    for wrong in ({**body, "reason": None}, {**body, "posts": []}, {**body, "posts": [{"id": "x"}]}):
        async with moderator.client.post(path, json=wrong, headers=headers) as response:
            assert response.status == 422
    viewer = await moderator.token(Role.VIEWER)
    async with moderator.client.post(path, json=body, headers=viewer) as response:
        assert response.status == 403
