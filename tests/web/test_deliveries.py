"""The console's pages of deliveries: why one did not arrive, and what staff do about dead letters."""

import html
import re
from datetime import datetime, timedelta

import pytest

from channels import failures
from gateway import clock
from gateway.journey import redelivery
from gateway.journey.delivery import Line
from gateway.journey.intake import Intake
from gateway.journey.redelivery import Holds
from gateway.schema_outgoing import DeliveryState, SendResult
from store import audit, dead_letters, deliveries
from store.accounts import Role
from store.deliveries import StaffDelivery
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message
from tests.journey.test_order import with_delivery
from tests.web.conftest import World
from tests.web.test_console import logged_in, page


@pytest.fixture
async def moderator(world: World) -> World:
    return await logged_in(world, Role.MODERATOR)


async def failed(world: World, *kinds: failures.Failure) -> list[StaffDelivery]:
    """One receipt for each failure that met it, the newest first."""
    texting = world.runtime.channels["texting"]
    assert isinstance(texting, Texting)
    for n, kind in enumerate(kinds):
        await Intake(world.runtime).take(message(f"lamp {n} is dark", f"+861380013800{n}"))
        texting.fail = [kind]
        line = Line(world.runtime, texting)
        await line.step()
        await line.finish()
    async with world.runtime.database.reading() as connection:
        return await deliveries.search(connection)


async def act(world: World, what: str, **form: str) -> tuple[int, str]:
    hidden = {"csrf": await world.form_token("/console/dead-letters")}
    path = f"/console/deliveries/{what}"
    response = await world.client.post(path, data={**hidden, **form}, allow_redirects=False)
    return response.status, await response.text()


async def look(world: World, number: int) -> StaffDelivery:
    async with world.runtime.database.reading() as connection:
        return await dead_letters.one(connection, number)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_of_a_delivery_says_why_it_did_not_arrive(moderator: World, language: str) -> None:
    [one] = await failed(moderator, failures.RecipientGone("no such number", "21614"))
    text = await page(moderator, f"/console/deliveries/{one.id}?lang={language}")
    assert "21614" in text
    assert "no such number" in text
    words = {"en": "This address does not exist any more", "zh": "该地址已不存在"}
    assert words[language] in text
    assert ANNA not in text
    assert "tel:" not in text


async def test_deliveries_are_narrowed_to_one_channel(moderator: World) -> None:
    await moderator.published("a report")
    [one] = await failed(moderator, failures.RecipientGone("no such number", "21614"))
    await settle_down(moderator.runtime)
    every = await page(moderator, "/console/deliveries?lang=en")
    assert 'name="channel"' in every
    link = f'/console/deliveries/{one.id}"'
    for channel, there in (("texting", True), ("wall", False)):
        shown = await page(moderator, f"/console/deliveries?channel={channel}")
        assert f'value="{channel}" selected' in shown
        assert (link in shown) is there
        told = await moderator.client.get(f"/api/v1/console/deliveries?channel={channel}")
        assert {item["channel"] for item in (await told.json())["items"]} == {channel}
    narrowed = await page(moderator, f"/console/deliveries?channel=texting&state=failed&ticket={one.ticket}")
    assert link in narrowed
    gone = await page(moderator, "/console/deliveries?channel=pigeon")
    assert 'value="pigeon" selected' in gone, "a channel that is off now can be asked for"


async def test_there_is_no_page_of_what_is_not_there(moderator: World) -> None:
    await page(moderator, "/console/deliveries/4711", 404)
    await page(moderator, "/console/deliveries/" + "9" * 18, 404)


async def test_dead_letters_are_counted_by_reason_and_narrowed(moderator: World) -> None:
    await failed(moderator, failures.RecipientGone(), failures.RecipientGone(), failures.Refused("no", "30007"))
    text = await page(moderator, "/console/dead-letters?lang=en")
    assert text.count('name="id"') == 3
    text = await page(moderator, "/console/dead-letters?reason=refused&state=failed&channel=texting")
    assert text.count('name="id"') == 1
    assert "There are no dead letters." in await page(moderator, "/console/dead-letters?channel=wall")


async def test_an_unknown_is_a_dead_letter_once_it_is_old(moderator: World) -> None:
    [one] = await failed(moderator, failures.Unknown("lost"))
    assert "There are no dead letters." in await page(moderator, "/console/dead-letters?lang=en")
    assert 'name="id"' in await page(moderator, "/console/dead-letters?state=unknown")
    clock.replace(now=lambda: one.created_at + timedelta(hours=2))
    async with moderator.runtime.database.reading() as connection:
        found = await dead_letters.found(connection, clock.now())
    assert [each.id for each in found] == [one.id]


async def test_a_dead_letter_is_sent_again_with_new_tries(moderator: World, texting: Texting) -> None:
    with_delivery(moderator.runtime, tries=1)
    [one] = await failed(moderator, failures.RetryLater("down"))
    assert one.reason == "gave up after many tries"
    assert (await act(moderator, "again", id=str(one.id)))[0] == 303
    texting.fail = [failures.RetryLater("down")]
    with_delivery(moderator.runtime, tries=2)
    await settle_down(moderator.runtime)
    again = await look(moderator, one.id)
    assert (again.state, again.tries) == (DeliveryState.DUE, 2), "the tries before do not count"
    clock.replace(now=lambda: again.due_at)
    await settle_down(moderator.runtime)
    assert (await look(moderator, one.id)).state is DeliveryState.SENT
    assert len(texting.sent) == 1
    async with moderator.runtime.database.reading() as connection:
        traces = await audit.traces(connection)
    assert ("mo", "delivery sent again", str(one.id)) in [(each.actor, each.action, each.target) for each in traces]


async def test_all_that_a_page_shows_are_sent_again(moderator: World, texting: Texting) -> None:
    found = await failed(moderator, *[failures.Refused()] * 3)
    shown = ",".join(str(one.id) for one in found[:2])
    assert (await act(moderator, "again", all="1", shown=shown))[0] == 303
    await settle_down(moderator.runtime)
    assert len(texting.sent) == 2


async def test_what_is_dropped_says_why_and_stays_so(moderator: World, texting: Texting) -> None:
    [one] = await failed(moderator, failures.RetryLater("down"))
    status, text = await act(moderator, "drop", id=str(one.id))
    assert (status, "choose a reason first" in text) == (422, True)
    back = f"/console/deliveries/{one.id}"
    assert (await act(moderator, "drop", id=str(one.id), reason="told another way", back=back))[0] == 303
    assert "told another way" in await page(moderator, back)
    clock.replace(now=lambda: one.created_at + timedelta(hours=2))
    await settle_down(moderator.runtime)
    assert texting.sent == []


async def test_what_is_not_dead_is_not_sent_again(moderator: World, texting: Texting) -> None:
    await Intake(moderator.runtime).take(message("the lamp is dark"))
    await settle_down(moderator.runtime)
    assert len(texting.sent) == 1
    assert (await act(moderator, "again", id="1"))[0] == 303
    await settle_down(moderator.runtime)
    assert len(texting.sent) == 1


@pytest.mark.parametrize("form", [{}, {"id": "x"}, {"all": "1", "shown": ""}, {"all": "1", "shown": "1," * 501}])
async def test_a_wrong_choice_is_told(moderator: World, form: dict[str, str]) -> None:
    assert (await act(moderator, "again", **form))[0] == 422


async def test_officers_look_and_do_not_touch(world: World) -> None:
    await failed(world, failures.Refused())
    await logged_in(world, Role.OFFICER)
    assert 'name="id"' not in await page(world, "/console/dead-letters")
    assert (await act(world, "again", id="1"))[0] == 403


async def test_the_api_does_the_same(world: World) -> None:
    [one] = await failed(world, failures.WindowClosed("too late"))
    headers = await world.token(Role.MODERATOR)
    path = f"/api/v1/console/deliveries/{one.id}"
    shown = await (await world.client.get(path, headers=headers)).json()
    assert (shown["reason"], shown["attempts"][0]["detail"], shown["waits_for"]) == (
        "reply window closed",
        "too late",
        [],
    )
    sent = await world.client.post("/api/v1/console/deliveries/again", json={"ids": [one.id, 4711]}, headers=headers)
    assert await sent.json() == {"sent": 1}
    body = {"ids": [one.id], "reason": "no longer needed"}
    dropped = await world.client.post("/api/v1/console/deliveries/drop", json=body, headers=headers)
    assert await dropped.json() == {"dropped": 1}
    wrong = await world.client.post("/api/v1/console/deliveries/drop", json={**body, "reason": "?"}, headers=headers)
    assert wrong.status == 422
    refused = await world.client.post("/api/v1/console/deliveries/again", json={"ids": []}, headers=headers)
    assert refused.status == 422
    viewer = await world.token(Role.VIEWER)
    assert (await world.client.post("/api/v1/console/deliveries/drop", json=body, headers=viewer)).status == 403


async def holds(world: World, number: int) -> list[Holds]:
    return [one.holds for one in (await redelivery.look(world.runtime, number))[1]]


async def test_what_a_delivery_waits_for_is_said(moderator: World, texting: Texting) -> None:
    taken = await Intake(moderator.runtime).take(message("the lamp is dark", ANNA))
    await Intake(moderator.runtime).take(message("FOLLOW ALL", "+8613800138009"))
    assert await holds(moderator, 1) == [Holds.TIME]
    texting.fail = [failures.Throttled(retry_after=600)]
    await settle_down(moderator.runtime)
    assert await holds(moderator, 1) == [Holds.CARRIER]
    text = await page(moderator, "/console/deliveries/1?lang=en")
    assert "It is tried again at <time" in text
    assert taken.ticket


async def test_bulk_says_for_which_hours_it_waits(moderator: World, texting: Texting) -> None:
    with_delivery(moderator.runtime, quiet_hours="22:00-07:00", budgets={"texting": 0})
    await Intake(moderator.runtime).take(message("FOLLOW ALL", "+8613800138009"))
    await settle_down(moderator.runtime)
    await moderator.published("a report")
    await settle_down(moderator.runtime)
    async with moderator.runtime.database.reading() as connection:
        found = await deliveries.search(connection)
    [bulk] = [one for one in found if one.phrase == "follower_published" and one.channel == "texting"]
    clock.replace(now=lambda: datetime.fromisoformat("2026-03-02T15:00:00+00:00"))
    _, standings = await redelivery.look(moderator.runtime, bulk.id)
    assert (standings[0].holds, str(standings[0].until)) == (Holds.QUIET, "2026-03-02 23:00:00+00:00")
    clock.replace(now=lambda: datetime.fromisoformat("2026-03-02T04:00:00+00:00"))
    _, standings = await redelivery.look(moderator.runtime, bulk.id)
    assert (standings[0].holds, str(standings[0].until)) == (Holds.BUDGET, "2026-03-02 16:00:00+00:00")


async def test_a_sent_one_waits_for_its_receipt(moderator: World, texting: Texting) -> None:
    await Intake(moderator.runtime).take(message("the lamp is dark"))
    texting.had_it = SendResult("SM1")
    await settle_down(moderator.runtime)
    assert await holds(moderator, 1) == [Holds.RECEIPT]


async def test_all_deliveries_are_reached_page_by_page(moderator: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.deliveries.SHOWN", 2)
    all_of_them = [one.id for one in await failed(moderator, *[failures.RecipientGone()] * 5)]
    path, seen = "/console/deliveries?state=failed", list[int]()
    while path:
        text = await page(moderator, path)
        seen += [int(number) for number in re.findall(r'href="/console/deliveries/(\d+)"', text)]
        onward = re.search(r'href="(\?[^"]*before=\d+)" rel="next"', text)
        path = f"/console/deliveries{html.unescape(onward[1])}" if onward else ""
    assert seen == all_of_them
    await page(moderator, "/console/deliveries?before=x", 422)
    headers, cursor = await moderator.token(Role.VIEWER), "9" * 18
    told: list[int] = []
    while cursor:
        path = f"/api/v1/console/deliveries?limit=2&cursor={cursor}"
        answer = await (await moderator.client.get(path, headers=headers)).json()
        told += [one["id"] for one in answer["items"]]
        cursor = answer["next"]
    assert told == all_of_them
